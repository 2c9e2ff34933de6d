"""The published rules in NumPy, as the papers write them down: generators of the parameters after every step."""

import numpy as np


def sgd(p, g, rate):
    while True:
        p = p - rate * g(p)
        yield p


def momentum(p, g, rate, mu):
    """Polyak (1964): the step is mu times the last one, minus the rate times the gradient."""
    step = np.zeros_like(p)
    while True:
        step = mu * step - rate * g(p)
        p = p + step
        yield p


def nesterov(p, g, rate, mu):
    """Sutskever et al. (2013), equations 3 and 4: yields the look-ahead point, where gradients are taken."""
    step = np.zeros_like(p)
    while True:
        step = mu * step - rate * g(p + mu * step)
        p = p + step
        yield p + mu * step


def adagrad(p, g, rate, epsilon):
    """Duchi et al. (2011): the diagonal of delta I + G^(1/2)."""
    squares = []
    while True:
        squares.append(g(p) ** 2)
        p = p - rate * g(p) / (epsilon + np.sqrt(np.sum(squares, axis=0)))
        yield p


def adadelta(p, g, rate, rho, epsilon):
    """Zeiler (2012), algorithm 1."""
    mean_gradient, mean_step = np.zeros_like(p), np.zeros_like(p)
    while True:
        mean_gradient = rho * mean_gradient + (1 - rho) * g(p) ** 2
        step = -np.sqrt(mean_step + epsilon) / np.sqrt(mean_gradient + epsilon) * g(p)
        mean_step = rho * mean_step + (1 - rho) * step**2
        p = p + rate * step
        yield p


def rms_prop(p, g, rate, rho, epsilon):
    """Tieleman & Hinton (2012), slide 29."""
    mean_square = np.zeros_like(p)
    while True:
        mean_square = rho * mean_square + (1 - rho) * g(p) ** 2
        p = p - rate * g(p) / (np.sqrt(mean_square) + epsilon)
        yield p


def adam(p, g, rate, b1, b2, epsilon, decay=0.0):
    """Kingma & Ba (2015), algorithm 1; with decay Loshchilov & Hutter (2019), algorithm 2, decay times the rate."""
    m, v, t = np.zeros_like(p), np.zeros_like(p), 0
    while True:
        t += 1
        m = b1 * m + (1 - b1) * g(p)
        v = b2 * v + (1 - b2) * g(p) ** 2
        p = p - rate * (m / (1 - b1**t) / (np.sqrt(v / (1 - b2**t)) + epsilon) + decay * p)
        yield p


def ams_grad(p, g, rate, b1, b2, epsilon):
    """Reddi et al. (2018), algorithm 2, with Adam's corrections."""
    m, squares, t = np.zeros_like(p), [np.zeros_like(p)], 0
    while True:
        t += 1
        m = b1 * m + (1 - b1) * g(p)
        squares.append(b2 * squares[-1] + (1 - b2) * g(p) ** 2)
        largest = np.max(squares, axis=0)
        p = p - rate * m / (1 - b1**t) / (np.sqrt(largest / (1 - b2**t)) + epsilon)
        yield p


def adamax(p, g, rate, b1, b2):
    """Kingma & Ba (2015), algorithm 2, its maximum written out (its equation 8)."""
    m, seen, t = np.zeros_like(p), [], 0
    while True:
        t += 1
        m = b1 * m + (1 - b1) * g(p)
        seen.append(np.abs(g(p)))
        largest = np.max([b2 ** (t - 1 - i) * size for i, size in enumerate(seen)], axis=0)
        p = p - rate / (1 - b1**t) * m / largest
        yield p


def n_adam(p, g, rate, b1, b2, epsilon, psi):
    """Dozat (2016), algorithm 2, with the momentum's schedule and a mean gradient by b1."""
    m, v, t = np.zeros_like(p), np.zeros_like(p), 0
    momentum = [b1 * (1 - 0.5 * 0.96 ** (i * psi)) for i in range(1, 1000)]
    while True:
        t += 1
        m = b1 * m + (1 - b1) * g(p)
        v = b2 * v + (1 - b2) * g(p) ** 2
        gradient = (1 - momentum[t - 1]) * g(p) / (1 - np.prod(momentum[:t]))
        mean = momentum[t] * m / (1 - np.prod(momentum[: t + 1]))
        p = p - rate * (gradient + mean) / (np.sqrt(v / (1 - b2**t)) + epsilon)
        yield p


def r_adam(p, g, rate, b1, b2):
    """Liu et al. (2020), algorithm 2, with the bound 5 of the authors' code in place of 4."""
    m, v, t, longest = np.zeros_like(p), np.zeros_like(p), 0, 2 / (1 - b2) - 1
    while True:
        t += 1
        m = b1 * m + (1 - b1) * g(p)
        v = b2 * v + (1 - b2) * g(p) ** 2
        length = longest - 2 * t * b2**t / (1 - b2**t)
        step = m / (1 - b1**t)
        if length > 5:
            share = (length - 4) * (length - 2) * longest / ((longest - 4) * (longest - 2) * length)
            step = step * np.sqrt(share) * np.sqrt((1 - b2**t) / v)
        p = p - rate * step
        yield p


def lion(p, g, rate, b1, b2, decay):
    """Chen et al. (2023), algorithm 2."""
    m = np.zeros_like(p)
    while True:
        update = np.sign(b1 * m + (1 - b1) * g(p))
        m, p = b2 * m + (1 - b2) * g(p), p - rate * (update + decay * p)
        yield p


def adan(p, g, rate, b1, b2, b3, epsilon, decay):
    """Xie et al. (2022), algorithm 1: weighted sums over all past gradients, over the sums of weights."""
    gradients, changes, squares = [], [], []
    while True:
        now = g(p)
        change = now - gradients[-1] if gradients else np.zeros_like(p)
        gradients.append(now)
        changes.append(change)
        squares.append((now + b2 * change) ** 2)

        def mean(values, beta):
            ages = beta ** np.arange(len(values))[::-1]
            return np.tensordot(ages / ages.sum(), np.array(values), 1)

        step = (mean(gradients, b1) + b2 * mean(changes, b2)) / (np.sqrt(mean(squares, b3)) + epsilon)
        p = p - rate * (step + decay * p)
        yield p


def lamb(p, g, rate, b1, b2, epsilon, decay):
    """You et al. (2020), algorithm 2, phi the identity."""
    m, v, t = np.zeros_like(p), np.zeros_like(p), 0
    while True:
        t += 1
        m = b1 * m + (1 - b1) * g(p)
        v = b2 * v + (1 - b2) * g(p) ** 2
        r = m / (1 - b1**t) / (np.sqrt(v / (1 - b2**t)) + epsilon) + decay * p
        p = p - rate * np.linalg.norm(p) / np.linalg.norm(r) * r
        yield p


def adafactor(p, g, rate, power, clip, smallest):
    """Shazeer & Stern (2018), algorithms 4 (matrices) and 5 (vectors)."""
    row, column, vector, t = np.zeros(p.shape[0]), np.zeros(p.shape[-1]), np.zeros_like(p), 0
    while True:
        t += 1
        beta, square = 1 - t**-power, g(p) ** 2 + 1e-30
        if p.ndim == 2:
            row = beta * row + (1 - beta) * square.sum(1)
            column = beta * column + (1 - beta) * square.sum(0)
            estimate = np.outer(row, column) / row.sum()
        else:
            estimate = vector = beta * vector + (1 - beta) * square
        step = g(p) / np.sqrt(estimate)
        step = step / max(1, np.sqrt(np.mean(step**2)) / clip)
        p = p - max(smallest, np.sqrt(np.mean(p**2))) * rate * step
        yield p


def muon(p, g, rate, mu, rounds, decay):
    """Jordan et al. (2024), by singular values in place of products; its size as in Liu et al. (2025), equation 4."""
    m = np.zeros_like(p)
    while True:
        m = mu * m + (1 - mu) * g(p)
        left, values, right = np.linalg.svd((1 - mu) * g(p) + mu * m, full_matrices=False)
        values = values / np.linalg.norm(values)
        for _ in range(rounds):
            values = 3.4445 * values - 4.7750 * values**3 + 2.0315 * values**5
        p = p - rate * (0.2 * np.sqrt(max(p.shape)) * (left * values) @ right + decay * p)
        yield p
