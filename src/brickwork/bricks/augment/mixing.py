"""Mixing rows with each other, and their labels alike."""

from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float, Int

from brickwork.bricks.augment.annotated import Annotated, Augmentation, check_fits, per_picture, real_rows
from brickwork.bricks.augment.erasing import rectangle
from brickwork.bricks.checks import check_pictures
from brickwork.core.batch import Padded
from brickwork.core.brick import brick
from brickwork.core.errors import SettingError, ShapeError
from brickwork.core.scope import Scope
from brickwork.ops.hashing import symmetric_beta
from brickwork.ops.precision import wide_type


class Mixing(Augmentation):
    """A brick that mixes each row with another one of the batch."""

    alpha: float
    classes: int | None
    rate: float

    def validate(self) -> None:
        """Check ranges."""
        self.require(self.alpha > 0, "alpha", "positive")
        self.require(self.classes is None or self.classes >= 2, "classes", "2 or more, or none")
        self.require(0 <= self.rate <= 1, "rate", "a probability, 0 to 1")

    def __call__(self, scope: Scope, x: Any) -> Any:
        """Mix rows and labels while training; make rows of probabilities of class numbers always."""
        if not isinstance(x, Annotated):
            raise ShapeError(
                f"{type(self).__name__} mixes labels as well as inputs, so it cannot stand inside a network, where "
                "there are no labels. Give it to the model: Model(net, loss, augment=...)."
            )
        if isinstance(x.inputs, Padded):
            raise ShapeError("sequences of different lengths cannot be mixed: cut them to one length before.")
        if x.boxes is not None:
            raise ShapeError(f"{type(self).__name__} mixes labels of whole rows; boxes cannot be mixed. Leave it out.")
        return self.change(scope, x)

    def shares(self, scope: Scope, rows: int, alpha: Any) -> Float[Array, " rows"]:
        """Draw how much of each row stays."""
        dtype = wide_type(scope.dtype)
        alpha = jnp.asarray(alpha, dtype)
        share = symmetric_beta(scope.key(), alpha, rows)
        if self.rate < 1:
            share = jnp.where(self.uniform(scope, 1, rows)[0] < self.rate, share, jnp.ones_like(share))
        return jnp.where(real_rows(scope.weight, rows), share, jnp.ones_like(share))

    def probabilities(self, labels: Any, scope: Scope) -> Any:
        """Return labels as numbers that can be mixed."""

        def one(labels: Array) -> Array:
            if jnp.issubdtype(labels.dtype, jnp.floating):
                return labels
            dtype = wide_type(scope.dtype)
            if labels.ndim > 1 or labels.dtype == bool:
                return labels.astype(dtype)
            if self.classes is None:
                raise SettingError(
                    f"{type(self).__name__} mixes labels, and the labels are class numbers: say how many classes there "
                    f"are, {type(self).__name__}(classes=10)."
                )
            return (labels[:, None] == jnp.arange(self.classes, dtype=labels.dtype)).astype(dtype)

        return jax.tree.map(one, labels)


@brick
class Mixup(Mixing):
    """Trains on mixtures of two rows and on the same mixtures of labels, so that answers change smoothly in between.

        x = s x_i + (1 - s) x_j,   y = s y_i + (1 - s) y_j,   s from Beta(alpha, alpha)

    Each row is mixed with another one of its batch; rows of weight 0 are not mixed into others. The paper draws one s
    for a batch and its partners by a permutation; here each row has its own s, and partners are the rows a random
    number of places further, which makes no row its own partner. In evaluation nothing is mixed.

    It stands beside the network, `Model(net, loss, augment=Mixup(classes=10))`, for there are no labels inside. Class
    numbers (rows,) become rows of probabilities (rows, classes), as cross-entropy takes them; flags, numbers and rows
    of probabilities are mixed as they are.

    Shapes: an `Annotated` with inputs (rows, ...) and labels, to the same with the labels as floats.

    Args:
        alpha: 1 makes all mixtures equally probable, less keeps closer to one row of the two.
        classes: how many classes there are, when labels are class numbers.
        rate: the probability of mixing a row.

    Raises:
        SettingError: settings out of range; labels are class numbers and `classes` is not given.
        ShapeError: the input is no `Annotated`, has `Padded` sequences, masks or boxes.

    Source: Zhang, Cisse, Dauphin, Lopez-Paz 2018, "mixup: Beyond Empirical Risk Minimization", equation 1.

    >>> from brickwork.bricks import Annotated
    >>> import jax, jax.numpy as jnp
    >>> net, x = Mixup(classes=3), Annotated(jnp.ones((2, 4)), labels=jnp.array([2, 0]))
    >>> net.apply(net.init(jax.random.key(0), x), x).output.labels.tolist()
    [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]
    """

    alpha: float = 0.2
    classes: int | None = None
    rate: float = 1.0

    def change(self, scope: Scope, given: Annotated) -> Annotated:
        """Mix inputs and labels."""
        if given.mask is not None:
            raise ShapeError("Mixup mixes labels of whole rows; masks cannot be mixed. CutMix can paste them.")
        x, labels = scope.cast(given.inputs), self.probabilities(given.labels, scope)
        alpha = scope.setting("alpha", self.alpha)
        if scope.training:
            share = scope.tap("share", self.shares(scope, x.shape[0], alpha))
            partner = scope.tap("partner", _partners(scope, x.shape[0]))
            x = _mixed(x, partner, share)
            labels = jax.tree.map(lambda leaf: _mixed(leaf, partner, share), labels)
        return replace(given, inputs=x, labels=labels)


@brick
class CutMix(Mixing):
    """Pastes a rectangle of another picture into each, and mixes the labels as the areas.

        x = x_j inside the rectangle, x_i outside,   y = s y_i + (1 - s) y_j,   s the share of area outside

    The rectangle has the picture's shape and sides of sqrt(1 - u), u from Beta(alpha, alpha), around any place of the
    picture; what is outside is cut off, and s counts what is left, as in the paper's code. Partners are as in
    `Mixup`, and so is its place beside the network and what becomes of class numbers. Masks are pasted likewise. In
    evaluation nothing is mixed.

    Shapes: an `Annotated` with pictures (rows, height, width, channels), to the same with the labels as floats.

    Args:
        alpha: 1 makes all areas equally probable, less makes them small or large.
        classes: how many classes there are, when labels are class numbers.
        rate: the probability of pasting into a row.

    Raises:
        SettingError: settings out of range; labels are class numbers and `classes` is not given.
        ShapeError: the input is no `Annotated` with pictures, or has boxes.

    Source: Yun et al. 2019, "CutMix: Regularization Strategy to Train Strong Classifiers with Localizable Features",
    equations 1 and 2.

    >>> from brickwork.bricks import Annotated
    >>> import jax, jax.numpy as jnp
    >>> net, x = CutMix(classes=3), Annotated(jnp.ones((2, 4, 4, 1)), labels=jnp.array([2, 0]))
    >>> net.apply(net.init(jax.random.key(0), x), x).output.labels.tolist()
    [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]
    """

    alpha: float = 1.0
    classes: int | None = None
    rate: float = 1.0

    def change(self, scope: Scope, given: Annotated) -> Annotated:
        """Paste and mix labels."""
        check_pictures(given.inputs)
        check_fits(given)
        x, labels, mask = given.inputs, self.probabilities(given.labels, scope), given.mask
        alpha = scope.setting("alpha", self.alpha)
        if scope.training:
            rows, height, width, _ = x.shape
            side = jnp.sqrt(1 - self.shares(scope, rows, alpha))
            centre = self.uniform(scope, 2, rows)
            first, last = [], []
            for size, place in zip((height, width), centre, strict=True):
                cut = jnp.floor(size * side)
                start = jnp.minimum(jnp.floor(size * place), size - 1) - jnp.floor(cut / 2)
                first.append(jnp.clip(start, 0, size))
                last.append(jnp.clip(start + cut, 0, size))
            box = scope.tap("boxes", jnp.stack([*first, *last], -1))  # (rows, 4): top, left, bottom, right
            partner = scope.tap("partner", _partners(scope, rows))
            pasted = rectangle(x, *box.T)
            x = jnp.where(pasted, x[partner], x)
            mask = None if mask is None else jnp.where(pasted[..., 0], mask[partner], mask)
            share = 1 - (box[:, 2] - box[:, 0]) * (box[:, 3] - box[:, 1]) / (height * width)
            labels = jax.tree.map(lambda leaf: _mixed(leaf, partner, share), labels)
        return replace(given, inputs=x, labels=labels, mask=mask)


def _mixed(x: Array, partner: Int[Array, " rows"], share: Float[Array, " rows"]) -> Array:
    stays = per_picture(share, x)
    other = jnp.where(per_picture(share < 1, x), x[partner], x)  # a row that stays is touched by no other
    return stays * x + (1 - stays) * other


def _partners(scope: Scope, rows: int) -> Int[Array, " rows"]:
    """Return for each row the real one that is a random number of places further, for filling rows themselves."""
    real = real_rows(scope.weight, rows)
    count = jnp.sum(real.astype(jnp.int32))
    number = jnp.cumsum(real.astype(jnp.int32)) - 1
    order = jnp.argsort(~real, stable=True).astype(jnp.int32)
    draw = jax.random.uniform(scope.key(), (), jnp.float32)
    step = 1 + jnp.floor(draw * (count - 1).astype(jnp.float32)).astype(jnp.int32)
    partner = order[(number + step) % jnp.maximum(count, 1)]
    return jnp.where(real, partner, jnp.arange(rows, dtype=jnp.int32))
