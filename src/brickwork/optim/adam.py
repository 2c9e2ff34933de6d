"""Adam and its relatives: a running mean of gradients, over the root of a running mean of their squares."""

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array

from brickwork.ops.updates import adam_update
from brickwork.optim.optimizers import Optimizer, optimizer
from brickwork.optim.weights import NOT_WEIGHTS, are_weights, decoupled_decay


@optimizer
class Adam(Optimizer):
    """Momentum and RMSProp, both corrected for their start at 0.

        m_t = b1 m_(t-1) + (1 - b1) g_t,   v_t = b2 v_(t-1) + (1 - b2) g_t^2
        u = (m_t / (1 - b1^t)) / (sqrt(v_t / (1 - b2^t)) + epsilon)

    1 - b^t is computed as -expm1(t log b): in float32 the plain form is wrong by 5e-5 at the first steps.

    Args:
        rate: the learning rate eta.
        beta1: b1, how much of the mean gradient stays.
        beta2: b2, how much of the mean square stays.
        epsilon: keeps from dividing by 0.

    Source: Kingma & Ba (2015), "Adam: A Method for Stochastic Optimization", algorithm 1 and its settings.

    >>> import jax.numpy as jnp
    >>> rule = Adam().direction()
    >>> rule.update(jnp.array([0.001, -70.0]), rule.init(jnp.zeros(2)))[0].round(4).tolist()
    [1.0, -1.0]
    """

    rate: float = 1e-3
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8

    def direction(self) -> optax.GradientTransformation:
        """Return the corrected mean gradient over the root of the corrected mean square."""
        return adam_direction(self.beta1, self.beta2, self.epsilon)

    def stepped(self, params: Any, state: Any, grads: Any, rate: Any) -> tuple[Any, Any] | None:
        """Return parameters and state after a step, all arrays at once."""
        return _stepped(self, params, state, grads, rate, [0.0] * len(jax.tree.leaves(params)))


@optimizer
class AdamW(Optimizer):
    """Adam with decoupled weight decay, which no running average sees.

        u = Adam's u + decay * p

    Decayed are the parameters with two axes or more whose paths fit none of the patterns in `exclude`: by default no
    biases and no scales of normalisations (PyTorch decays all parameters). As in PyTorch the decay is multiplied by the
    rate; the paper multiplies it by the schedule's factor alone.

    Args:
        rate: the learning rate eta.
        decay: decoupled weight decay.
        beta1: b1, how much of the mean gradient stays.
        beta2: b2, how much of the mean square stays.
        epsilon: keeps from dividing by 0.
        exclude: patterns of paths that are not decayed.

    Source: Loshchilov & Hutter (2019), "Decoupled Weight Decay Regularization", algorithm 2.

    >>> import jax.numpy as jnp
    >>> rule, p = AdamW(decay=0.5).direction(), {"weight": jnp.full((1, 2), 4.0), "bias": jnp.ones(2)}
    >>> u, _ = rule.update({"weight": jnp.zeros((1, 2)), "bias": jnp.zeros(2)}, rule.init(p), p)
    >>> u["weight"].tolist(), u["bias"].tolist()
    ([[2.0, 2.0]], [0.0, 0.0])
    """

    aliases = ("adamw",)

    rate: float = 1e-3
    decay: float = 0.01
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    exclude: tuple[str, ...] = NOT_WEIGHTS

    def direction(self) -> optax.GradientTransformation:
        """Return Adam's direction plus the decay of weights."""
        adam = adam_direction(self.beta1, self.beta2, self.epsilon)
        return optax.chain(adam, decoupled_decay(self.decay, self.exclude))

    def stepped(self, params: Any, state: Any, grads: Any, rate: Any) -> tuple[Any, Any] | None:
        """Return parameters and state after a step, all arrays at once."""
        adam, others = state
        decays = [self.decay if weight else 0.0 for weight in jax.tree.leaves(are_weights(params, self.exclude))]
        found = _stepped(self, params, adam, grads, rate, decays)
        return None if found is None else (found[0], (found[1], others))


@optimizer
class AMSGrad(Optimizer):
    """Adam whose steps never grow again: it divides by the largest mean square so far.

        w_t = max(w_(t-1), v_t),   u = (m_t / (1 - b1^t)) / (sqrt(w_t / (1 - b2^t)) + epsilon)

    with Adam's m and v. Adam can forget a rare, large gradient too fast and then go the wrong way; the maximum does
    not. The paper has no corrections for the start at 0; here they are as in PyTorch.

    Args:
        rate: the learning rate eta.
        beta1: b1, how much of the mean gradient stays.
        beta2: b2, how much of the mean square stays.
        epsilon: keeps from dividing by 0.

    Source: Reddi, Kale & Kumar (2018), "On the Convergence of Adam and Beyond", algorithm 2.

    >>> import jax.numpy as jnp
    >>> rule = AMSGrad(beta1=0.0, beta2=0.0).direction()
    >>> u, state = rule.update(jnp.array([8.0]), rule.init(jnp.zeros(1)))
    >>> rule.update(jnp.array([2.0]), state)[0].tolist()  # 2 / 8, where Adam has 2 / 2
    [0.25]
    """

    aliases = ("amsgrad",)

    rate: float = 1e-3
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8

    def direction(self) -> optax.GradientTransformation:
        """Return the corrected mean gradient over the root of the largest mean square."""

        def init(params: Any) -> _Largest:
            return _Largest(jnp.zeros((), jnp.int32), zeros_like(params), zeros_like(params), zeros_like(params))

        def update(updates: Any, state: Any, params: Any = None) -> Any:
            del params
            count = following(state.taken)
            mean = mixed(self.beta1, state.mu, updates)
            square = mixed(self.beta2, state.nu, jax.tree.map(jnp.square, updates))
            largest = jax.tree.map(jnp.maximum, state.largest, square)
            u = _adapted(self.beta1, self.beta2, self.epsilon, count, mean, largest)
            return u, _Largest(count, mean, square, largest)

        return optax.GradientTransformation(init, update)


@optimizer
class Adamax(Optimizer):
    """Adam with the largest recent gradient in place of the root of the mean square.

        w_t = max(b2 w_(t-1), |g_t| + epsilon),   u = (m_t / (1 - b1^t)) / w_t

    Each number moves by about the rate at most. The paper has no epsilon; it is where PyTorch has it.

    Args:
        rate: the learning rate eta.
        beta1: b1, how much of the mean gradient stays.
        beta2: b2, how fast a large gradient is forgotten.
        epsilon: keeps from dividing by 0.

    Source: Kingma & Ba (2015), "Adam: A Method for Stochastic Optimization", algorithm 2 and its settings.

    >>> import jax.numpy as jnp
    >>> rule = Adamax(beta1=0.0, beta2=0.5).direction()
    >>> u, state = rule.update(jnp.array([8.0]), rule.init(jnp.zeros(1)))
    >>> rule.update(jnp.array([2.0]), state)[0].tolist()  # 2 / (0.5 * 8)
    [0.5]
    """

    rate: float = 2e-3
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8

    def direction(self) -> optax.GradientTransformation:
        """Return the corrected mean gradient over the largest recent one."""

        def update(updates: Any, state: Any, params: Any = None) -> Any:
            del params
            count = following(state.count)
            mean = mixed(self.beta1, state.mu, updates)
            largest = jax.tree.map(
                lambda w, g: jnp.maximum(self.beta2 * w, jnp.abs(g) + self.epsilon), state.nu, updates
            )
            u = jax.tree.map(lambda m, w: m / one_minus_power(self.beta1, count, m.dtype) / w, mean, largest)
            return u, optax.ScaleByAdamState(count, mean, largest)

        return optax.GradientTransformation(_no_moments, update)


@optimizer
class RAdam(Optimizer):
    """Adam that trusts its mean square only as far as it has seen enough gradients: a warm-up of its own.

        rho = 2 / (1 - b2) - 1,   rho_t = rho - 2 t b2^t / (1 - b2^t)
        r_t = sqrt((rho_t - 4) (rho_t - 2) rho / ((rho - 4) (rho - 2) rho_t))
        u = r_t (m_t / (1 - b1^t)) / (sqrt(v_t / (1 - b2^t)) + epsilon)   if rho_t > 5, else m_t / (1 - b1^t)

    with Adam's m and v. The paper says rho_t > 4; 5 is what its authors' code and PyTorch use. The first steps (five by
    default) are those of plain momentum.

    Args:
        rate: the learning rate eta.
        beta1: b1, how much of the mean gradient stays.
        beta2: b2, how much of the mean square stays.
        epsilon: keeps from dividing by 0.

    Source: Liu et al. (2020), "On the Variance of the Adaptive Learning Rate and Beyond", algorithm 2.

    >>> import jax.numpy as jnp
    >>> rule = RAdam().direction()
    >>> rule.update(jnp.array([3.0]), rule.init(jnp.zeros(1)))[0].round(4).tolist()
    [3.0]
    """

    aliases = ("radam",)

    rate: float = 1e-3
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8

    def direction(self) -> optax.GradientTransformation:
        """Return the corrected mean gradient, over the root of the mean square where that is known well enough."""

        def update(updates: Any, state: Any, params: Any = None) -> Any:
            del params
            count = following(state.count)
            mean = mixed(self.beta1, state.mu, updates)
            square = mixed(self.beta2, state.nu, jax.tree.map(jnp.square, updates))
            known, trust = _rectified(self.beta2, count)

            def one(m: Array, adapted: Array) -> Array:
                corrected = m / one_minus_power(self.beta1, count, m.dtype)
                return jnp.where(known, trust.astype(m.dtype) * adapted, corrected)

            u = jax.tree.map(one, mean, _adapted(self.beta1, self.beta2, self.epsilon, count, mean, square))
            return u, optax.ScaleByAdamState(count, mean, square)

        return optax.GradientTransformation(_no_moments, update)


class _Largest(NamedTuple):
    taken: Array
    mu: Any
    nu: Any
    largest: Any


def adam_direction(beta1: float, beta2: float, epsilon: float) -> optax.GradientTransformation:
    """Return the transformation of gradients into Adam's directions."""

    def update(updates: Any, state: Any, params: Any = None) -> Any:
        del params
        count = following(state.count)
        mean = mixed(beta1, state.mu, updates)
        square = mixed(beta2, state.nu, jax.tree.map(jnp.square, updates))
        return _adapted(beta1, beta2, epsilon, count, mean, square), optax.ScaleByAdamState(count, mean, square)

    return optax.GradientTransformation(_no_moments, update)


def _stepped(rule: Adam | AdamW, params: Any, state: Any, grads: Any, rate: Any, decays: list[float]) -> Any:
    """Return parameters and state after a step of Adam by one operation on all arrays; None where there is none."""
    count = following(state.count)
    lists = [jax.tree.leaves(tree) for tree in (grads, params, state.mu, state.nu)]
    found = adam_update(
        *lists,
        rate=rate,
        corrections=(
            one_minus_power(rule.beta1, count, jnp.float32),
            one_minus_power(rule.beta2, count, jnp.float32),
        ),
        beta1=rule.beta1,
        beta2=rule.beta2,
        epsilon=rule.epsilon,
        decays=decays,
    )
    if found is None:
        return None
    new, mean, square = (jax.tree.unflatten(jax.tree.structure(params), leaves) for leaves in found)
    return new, optax.ScaleByAdamState(count, mean, square)


def following(count: Array) -> Array:
    """Return the number of the step after so many; the last that there is stays."""
    return jnp.asarray(optax.safe_increment(count))


def zeros_like(params: Any) -> Any:
    """Return zeros in the shapes of parameters."""
    return jax.tree.map(jnp.zeros_like, params)


def mixed(beta: float, old: Any, new: Any) -> Any:
    """Return the running averages after new numbers: beta * old + (1 - beta) * new."""
    return jax.tree.map(lambda a, b: beta * a + (1 - beta) * b, old, new)


def one_minus_power(base: float, count: Array, dtype: Any) -> Array:
    """Return 1 - base^count without cancellation."""
    if not base:
        return jnp.ones((), dtype)
    return -jnp.expm1(math.log(base) * count.astype(dtype))


def _no_moments(params: Any) -> Any:
    return optax.ScaleByAdamState(jnp.zeros((), jnp.int32), zeros_like(params), zeros_like(params))


def _adapted(beta1: float, beta2: float, epsilon: float, count: Array, mean: Any, square: Any) -> Any:
    """Return the corrected mean over the root of the corrected mean square."""

    def one(m: Array, v: Array) -> Array:
        corrected = m / one_minus_power(beta1, count, m.dtype)
        return corrected / (jnp.sqrt(v / one_minus_power(beta2, count, v.dtype)) + epsilon)

    return jax.tree.map(one, mean, square)


def _rectified(beta2: float, count: Array) -> tuple[Array, Array]:
    """Return whether the mean square of this step is known well enough, and RAdam's r_t for that."""
    dtype = jnp.result_type(float)
    longest = 2 / (1 - beta2) - 1
    time = count.astype(dtype)
    rate = -math.log(beta2) if beta2 else math.inf
    length = longest - 2 * time / jnp.expm1(rate * time)
    enough = jnp.maximum(length, 5.0)  # of no use below, but without a root of less than 0
    share = (enough - 4) * (enough - 2) / enough * (longest / ((longest - 4) * (longest - 2)))
    return length > 5, jnp.sqrt(share)
