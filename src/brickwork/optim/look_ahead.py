"""Adam that looks ahead, as Nesterov's momentum does."""

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array

from brickwork.optim.adam import following, mixed, one_minus_power, zeros_like
from brickwork.optim.optimizers import Optimizer, optimizer
from brickwork.optim.weights import NOT_WEIGHTS, decoupled_decay

RISE = 0.96
"""What the missing half of NAdam's momentum shrinks by, when psi is 1 (Dozat's number)."""


@optimizer
class NAdam(Optimizer):
    """Adam with Nesterov's momentum, which looks one step ahead and rises over the first steps.

        b_t = b1 (1 - 0.96^(t psi) / 2),   P_t = b_1 b_2 ... b_t
        u = (b_(t+1) m_t / (1 - P_(t+1)) + (1 - b_t) g_t / (1 - P_t)) / (sqrt(v_t / (1 - b2^t)) + epsilon)

    with Adam's m and v, as in PyTorch. (The paper's m is an average by b_t in place of b1; its authors' and all common
    implementations keep b1.)

    Args:
        rate: the learning rate eta.
        beta1: b1, how much of the mean gradient stays.
        beta2: b2, how much of the mean square stays.
        epsilon: keeps from dividing by 0.
        rise: psi, how fast the momentum rises from half of b1 to b1.

    Source: Dozat (2016), "Incorporating Nesterov Momentum into Adam", algorithm 2; psi as in its section 4.

    >>> import jax.numpy as jnp
    >>> rule = NAdam().direction()
    >>> u, state = rule.update(jnp.array([3.0]), rule.init(jnp.zeros(1)))
    >>> round(float(u[0]), 2)  # near 1: half of this gradient, and half of the momentum of the step after
    1.06
    """

    aliases = ("nadam",)

    rate: float = 2e-3
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    rise: float = 0.004

    def validate(self) -> None:
        """Check rise, and the rest."""
        super().validate()
        self.require(self.rise >= 0, "rise", "0 or more")

    def direction(self) -> optax.GradientTransformation:
        """Return the mean gradient of the next step over the root of the corrected mean square."""

        def init(params: Any) -> _Nadam:
            one = jnp.ones((), jnp.result_type(float))
            return _Nadam(jnp.zeros((), jnp.int32), zeros_like(params), zeros_like(params), one)

        def update(updates: Any, state: Any, params: Any = None) -> Any:
            del params
            count = following(state.taken)
            time = count.astype(state.product.dtype)
            now, after = (
                self.beta1 * (1.0 - 0.5 * jnp.exp(math.log(RISE) * self.rise * t)) for t in (time, time + 1.0)
            )
            product = state.product * now
            mean = mixed(self.beta1, state.mu, updates)
            square = mixed(self.beta2, state.nu, jax.tree.map(jnp.square, updates))
            of_mean, of_gradient = after / (1.0 - product * after), (1.0 - now) / (1.0 - product)

            def one(g: Array, m: Array, v: Array) -> Array:
                ahead = of_mean.astype(m.dtype) * m + of_gradient.astype(g.dtype) * g
                return ahead / (jnp.sqrt(v / one_minus_power(self.beta2, count, v.dtype)) + self.epsilon)

            return jax.tree.map(one, updates, mean, square), _Nadam(count, mean, square, product)

        return optax.GradientTransformation(init, update)


@optimizer
class Adan(Optimizer):
    """Nesterov's momentum in terms of how gradients change, with Adam's adaptive steps.

        m_t = b1 m_(t-1) + (1 - b1) g_t,   d_t = b2 d_(t-1) + (1 - b2) (g_t - g_(t-1))
        n_t = b3 n_(t-1) + (1 - b3) (g_t + b2 (g_t - g_(t-1)))^2
        u = (m_t / (1 - b1^t) + b2 d_t / (1 - b2^t)) / (sqrt(n_t / (1 - b3^t)) + epsilon) + decay * p

    The paper's betas are 1 minus these, and it starts m at g_1 where its authors' code, and this, starts all three at 0
    and corrects for it (the first difference is 0 in both). The decay is decoupled as in AdamW; the paper divides by
    1 + rate * decay, which differs by the square of that. Decayed are weights alone (see `are_weights`).

    Args:
        rate: the learning rate eta.
        decay: decoupled weight decay.
        beta1: b1, how much of the mean gradient stays.
        beta2: b2, how much of the mean change of gradients stays.
        beta3: b3, how much of the mean square stays.
        epsilon: keeps from dividing by 0.
        exclude: patterns of paths that are not decayed.

    Source: Xie et al. (2022), "Adan: Adaptive Nesterov Momentum Algorithm for Faster Optimizing Deep Models",
    algorithm 1.

    >>> import jax.numpy as jnp
    >>> rule, p = Adan().direction(), {"bias": jnp.zeros(2)}
    >>> rule.update({"bias": jnp.array([0.01, -70.0])}, rule.init(p), p)[0]["bias"].round(4).tolist()
    [1.0, -1.0]
    """

    rate: float = 1e-3
    decay: float = 0.02
    beta1: float = 0.98
    beta2: float = 0.92
    beta3: float = 0.99
    epsilon: float = 1e-8
    exclude: tuple[str, ...] = NOT_WEIGHTS

    def direction(self) -> optax.GradientTransformation:
        """Return the gradient that is expected next over the root of its mean square, plus the decay of weights."""

        def init(params: Any) -> _Adan:
            return _Adan(jnp.zeros((), jnp.int32), *(zeros_like(params) for _ in range(4)))

        def update(updates: Any, state: Any, params: Any = None) -> Any:
            del params
            count = following(state.taken)
            change = jax.tree.map(
                lambda g, old: jnp.where(count > 1, g - old, jnp.zeros_like(g)), updates, state.gradient
            )
            mean = mixed(self.beta1, state.mean, updates)
            drift = mixed(self.beta2, state.drift, change)
            ahead = jax.tree.map(lambda g, d: jnp.square(g + self.beta2 * d), updates, change)
            square = mixed(self.beta3, state.square, ahead)

            def one(m: Array, d: Array, n: Array) -> Array:
                m = m / one_minus_power(self.beta1, count, m.dtype)
                d = d / one_minus_power(self.beta2, count, d.dtype)
                root = jnp.sqrt(n / one_minus_power(self.beta3, count, n.dtype))
                return (m + self.beta2 * d) / (root + self.epsilon)

            return jax.tree.map(one, mean, drift, square), _Adan(count, mean, drift, square, updates)

        adan = optax.GradientTransformation(init, update)
        return optax.chain(adan, decoupled_decay(self.decay, self.exclude))


class _Nadam(NamedTuple):
    taken: Array
    mu: Any
    nu: Any
    product: Array


class _Adan(NamedTuple):
    taken: Array
    mean: Any
    drift: Any
    square: Any
    gradient: Any
