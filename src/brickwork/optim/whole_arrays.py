"""Optimizers that look at an array of weights as a whole: its norm, its rows and columns, its singular values."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float

from brickwork.core.paths import matches
from brickwork.ops.precision import accumulated
from brickwork.optim.adam import adam_direction, following
from brickwork.optim.optimizers import Optimizer, optimizer
from brickwork.optim.weights import NOT_WEIGHTS, are_weights, decoupled_decay, paths_of

QUINTIC = (3.4445, -4.7750, 2.0315)
"""Jordan's polynomial a s + b s^3 + c s^5: applied again and again it takes singular values to about 1."""


@optimizer
class LAMB(Optimizer):
    """Adam whose step is as long as the weights that it changes, so that very large batches can have large rates.

        r = Adam's u + decay * p,   u = r ||p|| / ||r||   for each array of weights,   u = Adam's u for the rest

    Norms are of whole arrays (of stacked copies together); where one is 0, the factor is 1. As in its authors' code,
    biases and normalisations are neither decayed nor rescaled. The paper's phi is the identity.

    Args:
        rate: the learning rate eta: the step's length as a share of the weights'.
        decay: weight decay, before the step is rescaled.
        beta1: how much of the mean gradient stays.
        beta2: how much of the mean square stays.
        epsilon: keeps from dividing by 0.
        exclude: patterns of paths that are neither decayed nor rescaled.

    Source: You et al. (2020), "Large Batch Optimization for Deep Learning: Training BERT in 76 minutes", algorithm 2.

    >>> import jax.numpy as jnp
    >>> rule, p = LAMB().direction(), {"weight": jnp.array([[3.0, 4.0]])}
    >>> u, _ = rule.update({"weight": jnp.array([[0.0, 0.1]])}, rule.init(p), p)
    >>> round(float(jnp.linalg.norm(u["weight"])), 4)
    5.0
    """

    rate: float = 2e-3
    decay: float = 0.01
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-6
    exclude: tuple[str, ...] = NOT_WEIGHTS

    def direction(self) -> optax.GradientTransformation:
        """Return Adam's direction and the decay, as long as the weights."""

        def update(updates: Any, state: Any, params: Any = None) -> Any:
            return jax.tree.map(_as_long, updates, params, are_weights(params, self.exclude)), state

        adam = adam_direction(self.beta1, self.beta2, self.epsilon)
        rescale = optax.GradientTransformation(lambda params: optax.EmptyState(), update)  # noqa: ARG005
        return optax.chain(adam, decoupled_decay(self.decay, self.exclude), rescale)


def _as_long(u: Array, p: Array, rescaled: bool) -> Array:
    if not rescaled:
        return u
    weights, step = (jnp.sqrt(jnp.sum(jnp.square(accumulated(x)))) for x in (p, u))
    factor = jnp.where((weights > 0) & (step > 0), weights / jnp.where(step > 0, step, 1.0), 1.0)
    return factor.astype(u.dtype) * u


@optimizer
class Adafactor(Optimizer):
    """Adam's steps with hardly any memory: of the squares of a matrix only row and column means are kept.

        b_t = 1 - t^-c,   R_t, C_t: running averages (b_t) of the means over rows and columns of g_t^2 + 1e-30
        V = R C / mean(R),   s = g_t / sqrt(V),   u = max(smallest, RMS(p)) s / max(1, RMS(s) / clip)

    Arrays with two axes or more are factored over the last two; for others V is the running average itself. Steps are
    in units of the parameters' own size. No momentum. The paper's rate is min(0.01, 1 / sqrt(t)): 0.01 here, and a
    schedule of your choice.

    Args:
        rate: the learning rate eta, as a share of the parameters' size.
        power: c, how the running averages lengthen.
        clip: d, the largest RMS of a step.
        smallest: the size that parameters are taken for, at least; those that start at 0 must move.

    Source: Shazeer & Stern (2018), "Adafactor: Adaptive Learning Rates with Sublinear Memory Cost", algorithms 4 and 5.

    >>> import jax, jax.numpy as jnp
    >>> rule, p = Adafactor().direction(), jnp.ones((20, 30))
    >>> sorted(leaf.size for leaf in jax.tree.leaves(rule.init(p)))  # Adam keeps 1200 numbers
    [1, 20, 30]
    """

    rate: float = 1e-2
    power: float = 0.8
    clip: float = 1.0
    smallest: float = 1e-3

    def validate(self) -> None:
        """Check power, clip and smallest, and the rest."""
        super().validate()
        for name in ("power", "clip", "smallest"):
            self.require(getattr(self, name) > 0, name, "more than 0")

    def direction(self) -> optax.GradientTransformation:
        """Return the clipped, adapted gradient in the parameters' own size."""

        def init(params: Any) -> _Factored:
            rows = jax.tree.map(lambda p: jnp.zeros(p.shape[:-1] if p.ndim > 1 else p.shape, p.dtype), params)
            columns = jax.tree.map(
                lambda p: jnp.zeros((*p.shape[:-2], p.shape[-1]) if p.ndim > 1 else (0,), p.dtype), params
            )
            return _Factored(jnp.zeros((), jnp.int32), rows, columns)

        def update(updates: Any, state: Any, params: Any = None) -> Any:
            count = following(state.taken)
            new = -jnp.expm1(-self.power * jnp.log(count.astype(jnp.result_type(float))))  # b_t

            def average(old: Array, now: Array) -> Array:
                beta = new.astype(old.dtype)
                return beta * old + (1 - beta) * now

            squares = jax.tree.map(lambda g: jnp.square(g) + 1e-30, updates)
            rows = jax.tree.map(lambda r, s: average(r, s.mean(-1) if s.ndim > 1 else s), state.rows, squares)
            columns = jax.tree.map(lambda c, s: average(c, s.mean(-2)) if s.ndim > 1 else c, state.columns, squares)
            u = jax.tree.map(self._step, updates, rows, columns, params)
            return u, _Factored(count, rows, columns)

        return optax.GradientTransformation(init, update)

    def _step(self, g: Array, r: Array, c: Array, p: Array) -> Array:
        if g.ndim > 1:  # the roots first: products of squares leave the range of small types
            scale = jnp.sqrt(r / r.mean(-1, keepdims=True))[..., :, None] * jnp.sqrt(c)[..., None, :]
        else:
            scale = jnp.sqrt(r)
        s = g / scale
        length = _root_mean_square(s) / self.clip
        size = jnp.maximum(_root_mean_square(p), self.smallest)
        return (size / jnp.maximum(length, 1.0)).astype(s.dtype) * s


class _Factored(NamedTuple):
    taken: Array
    rows: Any
    columns: Any


def _root_mean_square(x: Array) -> Array:
    return jnp.sqrt(jnp.sum(jnp.square(accumulated(x))) / max(x.size, 1))


@optimizer
class Muon(Optimizer):
    """Momentum whose matrices are made orthogonal, so that all directions of a weight matrix learn equally fast.

        M_t = mu M_(t-1) + (1 - mu) G_t,   N = (1 - mu) G_t + mu M_t,   N = U S V' (singular values)
        u = 0.2 sqrt(max(rows, columns)) U V' + decay * p   for matrices,   u = AdamW's u for the rest

    U V' comes from five rounds of a polynomial of N (Newton and Schulz), which is matrix products alone and takes
    singular values to between 0.7 and 1.2. The factor gives a step the size of one of Adam's (Liu et al.), so that one
    rate and decay, as good for AdamW, serve all parameters. Matrices are the weights with two axes, save embedding
    tables (`by_adam`); the paper leaves the last layer to Adam too: name it there (`("**/table", "head/**")`).

    Args:
        rate: the learning rate eta.
        decay: decoupled weight decay.
        momentum: mu.
        rounds: how often the polynomial is applied.
        beta1: Adam's, for the rest.
        beta2: Adam's, for the rest.
        epsilon: keeps from dividing by 0.
        by_adam: patterns of paths that Adam takes, whatever their shape.
        exclude: patterns of paths that are not decayed.

    Sources: Jordan et al. (2024), "Muon: An optimizer for hidden layers in neural networks"; the factor: Liu et al.
    (2025), "Muon is Scalable for LLM Training", section 2.2.

    >>> import jax.numpy as jnp
    >>> rule, p = Muon(decay=0.0).direction(), {"weight": jnp.zeros((2, 2))}
    >>> u, _ = rule.update({"weight": jnp.array([[5.0, 0.0], [0.0, -0.1]])}, rule.init(p), p)
    >>> [round(float(s), 1) for s in jnp.diag(u["weight"])]  # about equal, though one gradient was 50 times steeper
    [0.2, -0.2]
    """

    rate: float = 1e-3
    decay: float = 0.1
    momentum: float = 0.95
    rounds: int = 5
    beta1: float = 0.9
    beta2: float = 0.95
    epsilon: float = 1e-8
    by_adam: tuple[str, ...] = ("**/table",)
    exclude: tuple[str, ...] = NOT_WEIGHTS

    def validate(self) -> None:
        """Check the rounds, and the rest."""
        super().validate()
        self.require(self.rounds >= 1, "rounds", "1 or more")

    def direction(self) -> optax.GradientTransformation:
        """Return orthogonal directions of matrices and Adam's of the rest, plus the decay of weights."""

        def kinds(params: Any) -> Any:
            def kind(path: str, p: Array, weight: bool) -> str:
                return "matrix" if weight and p.ndim == 2 and not matches(self.by_adam, path) else "rest"

            return jax.tree.map(kind, paths_of(params), params, are_weights(params, self.exclude))

        def update(updates: Any, state: Any, params: Any = None) -> Any:
            del params
            mu = self.momentum
            state = jax.tree.map(lambda m, g: mu * m + (1 - mu) * g, state, updates)
            return jax.tree.map(lambda m, g: self._step((1 - mu) * g + mu * m), state, updates), state

        matrices = optax.GradientTransformation(lambda params: jax.tree.map(jnp.zeros_like, params), update)
        rest = adam_direction(self.beta1, self.beta2, self.epsilon)
        return optax.chain(
            optax.partition({"matrix": matrices, "rest": rest}, kinds), decoupled_decay(self.decay, self.exclude)
        )

    def _step(self, n: Array) -> Array:
        return 0.2 * max(n.shape) ** 0.5 * orthogonalised(n, self.rounds, self.epsilon)


def orthogonalised(
    matrix: Float[Array, "rows columns"], rounds: int = 5, epsilon: float = 1e-8
) -> Float[Array, "rows columns"]:
    """Return about U V' of a matrix U S V': its singular values become 0.7 to 1.2, its directions stay.

    Each round is X <- a X + (b A + c A^2) X with A = X X'; the polynomial of each singular value is that of `QUINTIC`.

    Source: Jordan et al. (2024), "Muon: An optimizer for hidden layers in neural networks".
    """
    a, b, c = QUINTIC
    flat = matrix.shape[0] > matrix.shape[1]
    x = matrix.T if flat else matrix  # the smaller product
    x = x / (jnp.sqrt(jnp.sum(jnp.square(x))) + epsilon)
    for _ in range(rounds):
        square = x @ x.T
        x = a * x + (b * square + c * (square @ square)) @ x
    return x.T if flat else x
