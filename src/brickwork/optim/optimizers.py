"""Optimizers: how a gradient becomes a direction. Written g_t below, with parameters p, rate eta and p <- p - eta u."""

import dataclasses
import math
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array

from brickwork.core.errors import SettingError
from brickwork.core.spec import Spec, registered, resolve, snake_case
from brickwork.optim.weights import NOT_WEIGHTS, are_weights

optimizer = registered


class Optimizer(Spec):
    """How a gradient becomes a step: frozen settings, of which `rate` is the first, and `direction()`.

    Write `@optimizer` above a subclass.
    """

    kind: ClassVar[str] = "optimizer"

    rate: float

    @property
    def name(self) -> str:
        """The name to report it by."""
        return snake_case(type(self).__name__)

    def direction(self) -> optax.GradientTransformation:
        """Return the transformation of gradients g into directions u, to be used as p <- p - rate * u.

        The rate is not in it, so rates may be traced numbers or vary over a population.
        """
        raise SettingError(f"{type(self).__name__} has no direction(self): write one.")

    def validate(self) -> None:
        """Check the rate, and every other setting by its name."""
        self.require(self.rate > 0 and math.isfinite(self.rate), "rate", "a finite number more than 0")
        for name, value in self.settings().items():
            if name in ("momentum", "decay_rate", "beta1", "beta2"):
                self.require(0 <= value < 1, name, "at least 0 and less than 1")
            elif name in ("epsilon", "decay", "initial"):
                self.require(value >= 0 and math.isfinite(value), name, "a finite number of 0 or more")


@optimizer
class SGD(Optimizer):
    """(Stochastic) gradient descent: u = g.

    Source: Robbins & Monro (1951), "A Stochastic Approximation Method".
    """

    rate: float = 0.01

    def direction(self) -> optax.GradientTransformation:
        """Return the gradient as it is."""
        return optax.identity()


@optimizer
class Momentum(Optimizer):
    """Gradient descent with the momentum of a heavy ball: v_t = mu v_(t-1) + g_t, u = v.

    The paper has v_t = mu v_(t-1) + eta g_t and u eta = v. For a constant rate that is the same; when the rate changes,
    here (as in PyTorch) the new rate holds for the whole step at once. No dampening.

    Source: Polyak (1964), "Some methods of speeding up the convergence of iteration methods".
    """

    rate: float = 0.01
    momentum: float = 0.9

    def direction(self) -> optax.GradientTransformation:
        """Return the sum of past gradients, each faded by the momentum."""
        return optax.trace(self.momentum)


@optimizer
class Nesterov(Optimizer):
    """Momentum with the gradient of where it will carry to: v_t = mu v_(t-1) + g_t, u = g_t + mu v_t.

    The published rule takes gradients at p + mu v: w_t = mu w_(t-1) - eta g(p + mu w_(t-1)), p <- p + w_t. Here (as in
    PyTorch) the parameters are that look-ahead point, p + mu w, so that gradients are taken where the parameters are;
    the path is the same for a constant rate.

    Sources: Nesterov (1983), "A method of solving a convex programming problem with convergence rate O(1/k^2)";
    Sutskever et al. (2013), "On the importance of initialization and momentum in deep learning"; this form:
    Bengio et al. (2013), "Advances in optimizing recurrent networks".
    """

    aliases = ("nag",)

    rate: float = 0.01
    momentum: float = 0.9

    def direction(self) -> optax.GradientTransformation:
        """Return the gradient and the momentum that includes it already."""
        return optax.trace(self.momentum, nesterov=True)


@optimizer
class Adagrad(Optimizer):
    """Smaller steps where gradients have been large: G_t = G_(t-1) + g_t^2, u = g_t / (sqrt(G_t) + epsilon).

    As in the paper and PyTorch, G starts at `initial` = 0 and epsilon stands outside of the root (Optax starts at 0.1
    and has it inside).

    Source: Duchi, Hazan & Singer (2011), "Adaptive Subgradient Methods for Online Learning and Stochastic
    Optimization", figure 1 with the diagonal matrix.
    """

    rate: float = 0.01
    epsilon: float = 1e-10
    initial: float = 0.0

    def direction(self) -> optax.GradientTransformation:
        """Return the gradient over the root of the sum of its squares."""

        def init(params: Any) -> Any:
            return optax.ScaleByRssState(jax.tree.map(lambda p: jnp.full_like(p, self.initial), params))

        def update(updates: Any, state: Any, params: Any = None) -> Any:
            del params
            squares = jax.tree.map(lambda s, g: s + g * g, state.sum_of_squares, updates)
            u = jax.tree.map(lambda g, s: g / (jnp.sqrt(s) + self.epsilon), updates, squares)
            return u, optax.ScaleByRssState(squares)

        return optax.GradientTransformation(init, update)


@optimizer
class Adadelta(Optimizer):
    """Steps in the parameters' own units: u = g_t sqrt(D_(t-1) + epsilon) / sqrt(G_t + epsilon).

    G_t = rho G_(t-1) + (1 - rho) g_t^2 and D_t = rho D_(t-1) + (1 - rho) u_t^2, both from 0, rho = `decay_rate`.
    The paper has no rate: 1 is the published rule, and the default.

    Source: Zeiler (2012), "ADADELTA: An Adaptive Learning Rate Method", algorithm 1; settings of its section 4.1.
    """

    rate: float = 1.0
    decay_rate: float = 0.95
    epsilon: float = 1e-6

    def direction(self) -> optax.GradientTransformation:
        """Return the gradient times the root of past steps over that of past gradients."""
        return optax.scale_by_adadelta(rho=self.decay_rate, eps=self.epsilon)


@optimizer
class RMSProp(Optimizer):
    """Adagrad that forgets: G_t = rho G_(t-1) + (1 - rho) g_t^2, u = g_t / (sqrt(G_t) + epsilon), rho = `decay_rate`.

    G starts at 0, without correction for it: first steps are up to 1 / sqrt(1 - rho) times the rate. The lecture names
    no epsilon; it stands outside of the root, as in PyTorch (whose rho is 0.99 by default).

    Source: Tieleman & Hinton (2012), "Lecture 6.5 - rmsprop: Divide the gradient by a running average of its recent
    magnitude".
    """

    aliases = ("rmsprop",)

    rate: float = 1e-3
    decay_rate: float = 0.9
    epsilon: float = 1e-8

    def direction(self) -> optax.GradientTransformation:
        """Return the gradient over the root of the running average of its squares."""
        return optax.scale_by_rms(decay=self.decay_rate, eps=self.epsilon, eps_in_sqrt=False)


@optimizer
class Adam(Optimizer):
    """Momentum and RMSProp, both corrected for their start at 0.

    m_t = b1 m_(t-1) + (1 - b1) g_t and v_t = b2 v_(t-1) + (1 - b2) g_t^2, both from 0;
    u = (m_t / (1 - b1^t)) / (sqrt(v_t / (1 - b2^t)) + epsilon).

    1 - b^t is computed as -expm1(t log b): in float32 the plain form is wrong by 5e-5 at the first steps.

    Source: Kingma & Ba (2015), "Adam: A Method for Stochastic Optimization", algorithm 1 and its settings.
    """

    rate: float = 1e-3
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8

    def direction(self) -> optax.GradientTransformation:
        """Return the corrected mean gradient over the root of the corrected mean square."""
        return _adam(self.beta1, self.beta2, self.epsilon)


@optimizer
class AdamW(Optimizer):
    """Adam with decoupled weight decay: u = Adam's + decay * p, which no running average sees.

    Decayed are the parameters with two axes or more whose paths fit none of the patterns in `exclude`: by default no
    biases and no scales of normalisations (PyTorch decays all parameters). As in PyTorch the decay is multiplied by the
    rate; the paper multiplies it by the schedule's factor alone.

    Source: Loshchilov & Hutter (2019), "Decoupled Weight Decay Regularization", algorithm 2.
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
        decayed = optax.add_decayed_weights(self.decay, mask=lambda params: are_weights(params, self.exclude))
        return optax.chain(_adam(self.beta1, self.beta2, self.epsilon), decayed)


def _adam(beta1: float, beta2: float, epsilon: float) -> optax.GradientTransformation:
    def init(params: Any) -> Any:
        zeros = jax.tree.map(jnp.zeros_like, params)
        return optax.ScaleByAdamState(jnp.zeros((), jnp.int32), zeros, jax.tree.map(jnp.zeros_like, params))

    def update(updates: Any, state: Any, params: Any = None) -> Any:
        del params
        count = jnp.asarray(optax.safe_increment(state.count))
        mean = jax.tree.map(lambda m, g: beta1 * m + (1 - beta1) * g, state.mu, updates)
        square = jax.tree.map(lambda v, g: beta2 * v + (1 - beta2) * (g * g), state.nu, updates)

        def one(m: Array, v: Array) -> Array:
            corrected = m / _one_minus_power(beta1, count, m.dtype)
            return corrected / (jnp.sqrt(v / _one_minus_power(beta2, count, v.dtype)) + epsilon)

        return jax.tree.map(one, mean, square), optax.ScaleByAdamState(count, mean, square)

    return optax.GradientTransformation(init, update)


def _one_minus_power(base: float, count: Array, dtype: Any) -> Array:
    """Return 1 - base^count without cancellation."""
    if not base:
        return jnp.ones((), dtype)
    return -jnp.expm1(math.log(base) * count.astype(dtype))


@dataclasses.dataclass(frozen=True)
class OptaxOptimizer(Optimizer):
    """The user's own Optax transformation, with its learning rate inside: its updates are added as they are.

    `rate` is 1 and the direction is minus the update, so a schedule of the recipe still multiplies it. Functions are no
    data: storing it raises `SettingError`.
    """

    rate: float
    transformation: optax.GradientTransformation

    def __post_init__(self) -> None:
        if not isinstance(self.transformation, optax.GradientTransformation):
            raise SettingError(f"Expected an Optax transformation, got {self.transformation!r}.")

    def direction(self) -> optax.GradientTransformation:
        """Return minus the updates."""
        return optax.chain(self.transformation, optax.scale(-1.0))


def resolve_optimizer(value: Any) -> Optimizer:
    """Return an optimizer from its name, an optimizer as it is, or an Optax transformation as an `OptaxOptimizer`.

    Raises `SettingError` for anything else; a mistyped name suggests the nearest.
    """
    if isinstance(value, optax.GradientTransformation):
        return OptaxOptimizer(1.0, value)
    if isinstance(value, type) and issubclass(value, Optimizer):
        return value()  # pyright: ignore[reportCallIssue] - subclasses have defaults
    return resolve(Optimizer, value)
