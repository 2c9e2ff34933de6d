"""Optimizers: how a gradient becomes a direction. Written g_t below, with parameters p, rate eta and p <- p - eta u."""

import dataclasses
import math
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import optax

from brickwork.core.errors import SettingError, unwritten
from brickwork.core.spec import Spec, registered, resolve, snake_case
from brickwork.optim.weights import NOT_WEIGHTS, decoupled_decay

optimizer = registered


class Optimizer(Spec):
    """How a gradient becomes a step: frozen settings, of which `rate` is the first, and `direction()`.

    Write `@optimizer` above a subclass.
    """

    kind: ClassVar[str] = "optimizer"
    bounded: ClassVar[bool] = True
    """Whether a direction is at most about as long as the gradients, as the parameters, or as one."""
    line_search: ClassVar[bool] = False
    """Whether its update asks for `value` and `objective` (params -> value), and each step for all rows."""

    rate: float

    @property
    def name(self) -> str:
        """The name to report it by."""
        return snake_case(type(self).__name__)

    def direction(self) -> optax.GradientTransformation:
        """Return the transformation of gradients g into directions u, to be used as p <- p - rate * u.

        The rate is not in it, so rates may be traced numbers or vary over a population.
        """
        raise unwritten(self, "direction(self)")

    def stepped(self, params: Any, state: Any, grads: Any, rate: Any) -> tuple[Any, Any] | None:
        """Return parameters and state after p <- p - rate * u, where there is a faster way than `direction`; else None.

        `state` is that of `direction()`, and both ways compute the same.
        """
        del params, state, grads, rate

    def validate(self) -> None:
        """Check the rate, and every other setting by its name."""
        self.require(self.rate > 0 and math.isfinite(self.rate), "rate", "a finite number more than 0")
        for name, value in self.settings().items():
            if name in ("momentum", "decay_rate", "beta1", "beta2", "beta3"):
                self.require(0 <= value < 1, name, "at least 0 and less than 1")
            elif name in ("epsilon", "decay", "initial"):
                self.require(value >= 0 and math.isfinite(value), name, "a finite number of 0 or more")


@optimizer
class SGD(Optimizer):
    """(Stochastic) gradient descent: straight downhill.

        u = g_t

    Args:
        rate: the learning rate eta.

    Source: Robbins & Monro (1951), "A Stochastic Approximation Method".

    >>> rule, p = SGD().direction(), 11.0
    >>> u, _ = rule.update(2 * (p - 4), rule.init(p))  # of (p - 4)^2
    >>> u
    14.0
    """

    rate: float = 0.01

    def direction(self) -> optax.GradientTransformation:
        """Return the gradient as it is."""
        return optax.identity()


@optimizer
class Momentum(Optimizer):
    """Gradient descent with the momentum of a heavy ball, which rolls through small bumps.

        v_t = mu v_(t-1) + g_t,   u = v_t

    The paper has v_t = mu v_(t-1) + eta g_t and u eta = v. For a constant rate that is the same; when the rate changes,
    here (as in PyTorch) the new rate holds for the whole step at once. No dampening.

    Args:
        rate: the learning rate eta.
        momentum: mu, what is left of the velocity after a step.

    Source: Polyak (1964), "Some methods of speeding up the convergence of iteration methods".

    >>> import jax.numpy as jnp
    >>> rule, g = Momentum(momentum=0.5).direction(), jnp.array([4.0])
    >>> u, state = rule.update(g, rule.init(g))
    >>> rule.update(g, state)[0].tolist()  # 0.5 * 4 + 4
    [6.0]
    """

    rate: float = 0.01
    momentum: float = 0.9

    def direction(self) -> optax.GradientTransformation:
        """Return the sum of past gradients, each faded by the momentum."""
        return optax.trace(self.momentum)


@optimizer
class Nesterov(Optimizer):
    """Momentum with the gradient of where it will carry to.

        v_t = mu v_(t-1) + g_t,   u = g_t + mu v_t

    The published rule takes gradients at p + mu v: w_t = mu w_(t-1) - eta g(p + mu w_(t-1)), p <- p + w_t. Here (as in
    PyTorch) the parameters are that look-ahead point, p + mu w, so that gradients are taken where the parameters are;
    the path is the same for a constant rate.

    Args:
        rate: the learning rate eta.
        momentum: mu, what is left of the velocity after a step.

    Sources: Nesterov (1983), "A method of solving a convex programming problem with convergence rate O(1/k^2)";
    Sutskever et al. (2013), "On the importance of initialization and momentum in deep learning"; this form:
    Bengio et al. (2013), "Advances in optimizing recurrent networks".

    >>> import jax.numpy as jnp
    >>> rule, g = Nesterov(momentum=0.5).direction(), jnp.array([4.0])
    >>> rule.update(g, rule.init(g))[0].tolist()  # 4 + 0.5 * 4
    [6.0]
    """

    aliases = ("nag",)

    rate: float = 0.01
    momentum: float = 0.9

    def direction(self) -> optax.GradientTransformation:
        """Return the gradient and the momentum that includes it already."""
        return optax.trace(self.momentum, nesterov=True)


@optimizer
class Adagrad(Optimizer):
    """Smaller steps where gradients have been large.

        G_t = G_(t-1) + g_t^2,   u = g_t / (sqrt(G_t) + epsilon)

    As in the paper and PyTorch, G starts at `initial` = 0 and epsilon stands outside of the root (Optax starts at 0.1
    and has it inside).

    Args:
        rate: the learning rate eta.
        epsilon: keeps from dividing by 0.
        initial: G_0.

    Source: Duchi, Hazan & Singer (2011), "Adaptive Subgradient Methods for Online Learning and Stochastic
    Optimization", figure 1 with the diagonal matrix.

    >>> import jax.numpy as jnp
    >>> rule = Adagrad().direction()
    >>> u, state = rule.update(jnp.array([6.0, 0.0]), rule.init(jnp.zeros(2)))
    >>> round(float(rule.update(jnp.array([8.0, 0.0]), state)[0][0]), 4)  # 8 / sqrt(6^2 + 8^2)
    0.8
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
    """Steps in the parameters' own units, so that no rate has to be found.

        u = g_t sqrt(D_(t-1) + epsilon) / sqrt(G_t + epsilon)

    G_t = rho G_(t-1) + (1 - rho) g_t^2 and D_t = rho D_(t-1) + (1 - rho) u_t^2, both from 0, rho = `decay_rate`.
    The paper has no rate: 1 is the published rule, and the default.

    Args:
        rate: multiplies the step.
        decay_rate: rho, how much of the running averages stays.
        epsilon: what the first steps begin with.

    Source: Zeiler (2012), "ADADELTA: An Adaptive Learning Rate Method", algorithm 1; settings of its section 4.1.

    >>> import jax.numpy as jnp
    >>> rule = Adadelta().direction()
    >>> u, _ = rule.update(jnp.array([100.0]), rule.init(jnp.zeros(1)))
    >>> round(float(u[0]), 5)  # sqrt(1e-6 / (1 - 0.95)), whatever the gradient
    0.00447
    """

    rate: float = 1.0
    decay_rate: float = 0.95
    epsilon: float = 1e-6

    def direction(self) -> optax.GradientTransformation:
        """Return the gradient times the root of past steps over that of past gradients."""
        return optax.scale_by_adadelta(rho=self.decay_rate, eps=self.epsilon)


@optimizer
class RMSProp(Optimizer):
    """Adagrad that forgets: steps adapt to how large gradients are now.

        G_t = rho G_(t-1) + (1 - rho) g_t^2,   u = g_t / (sqrt(G_t) + epsilon)

    G starts at 0, without correction for it: first steps are up to 1 / sqrt(1 - rho) times the rate. The lecture names
    no epsilon; it stands outside of the root, as in PyTorch (whose rho is 0.99 by default).

    Args:
        rate: the learning rate eta.
        decay_rate: rho, how much of the running average stays.
        epsilon: keeps from dividing by 0.

    Source: Tieleman & Hinton (2012), "Lecture 6.5 - rmsprop: Divide the gradient by a running average of its recent
    magnitude".

    >>> import jax.numpy as jnp
    >>> rule = RMSProp(decay_rate=0.75).direction()
    >>> rule.update(jnp.array([5.0, -0.1]), rule.init(jnp.zeros(2)))[0].round(4).tolist()  # 1 / sqrt(1 - 0.75)
    [2.0, -2.0]
    """

    aliases = ("rmsprop",)

    rate: float = 1e-3
    decay_rate: float = 0.9
    epsilon: float = 1e-8

    def direction(self) -> optax.GradientTransformation:
        """Return the gradient over the root of the running average of its squares."""
        return optax.scale_by_rms(decay=self.decay_rate, eps=self.epsilon, eps_in_sqrt=False)


@optimizer
class Lion(Optimizer):
    """Only the sign of the momentum counts: every number moves by the same amount, found by a search over programs.

        u = sign(b1 m_(t-1) + (1 - b1) g_t) + decay * p,   m_t = b2 m_(t-1) + (1 - b2) g_t

    One array of state per parameter, half of Adam's. Steps are longer than Adam's: take a rate 3 to 10 times smaller
    and a decay that much larger, as the defaults are. Decayed are weights alone (see `are_weights`); the paper decays
    all parameters.

    Args:
        rate: the learning rate eta: how far each number moves in a step.
        decay: decoupled weight decay.
        beta1: b1, how much of the past is in the sign.
        beta2: b2, how much of the past stays in the momentum.
        exclude: patterns of paths that are not decayed.

    Source: Chen et al. (2023), "Symbolic Discovery of Optimization Algorithms", algorithm 2.

    >>> import jax.numpy as jnp
    >>> rule, p = Lion().direction(), {"bias": jnp.zeros(3)}
    >>> rule.update({"bias": jnp.array([0.001, -70.0, 0.0])}, rule.init(p), p)[0]["bias"].tolist()
    [1.0, -1.0, 0.0]
    """

    rate: float = 1e-4
    decay: float = 0.1
    beta1: float = 0.9
    beta2: float = 0.99
    exclude: tuple[str, ...] = NOT_WEIGHTS

    def direction(self) -> optax.GradientTransformation:
        """Return the sign of the momentum plus the decay of weights."""
        return optax.chain(optax.scale_by_lion(self.beta1, self.beta2), decoupled_decay(self.decay, self.exclude))


@dataclasses.dataclass(frozen=True)
class OptaxOptimizer(Optimizer):
    """The user's own Optax transformation, with its learning rate inside: its updates are added as they are.

    `rate` is 1 and the direction is minus the update, so a schedule of the recipe still multiplies it. Functions are no
    data: storing it raises `SettingError`.
    """

    bounded = False

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
