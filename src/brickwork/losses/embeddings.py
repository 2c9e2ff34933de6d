"""Losses of embeddings: vectors that are close where things are alike. Rows hold pairs or triplets of vectors."""

import math
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Shaped

from brickwork.core.batch import Padded
from brickwork.core.errors import ShapeError, unwritten
from brickwork.losses.base import Loss, loss
from brickwork.losses.flags import FlagLoss
from brickwork.losses.shapes import unit
from brickwork.losses.targets import fit_alike, fit_padded, in_words
from brickwork.ops.precision import accumulated


def _parts(loss: Loss, shape: tuple[int, ...], count: int, what: str) -> None:
    if len(shape) < 3 or shape[-2] != count:
        raise ShapeError(
            f"{loss.name} needs outputs (rows, {count}, features), {what} of each row, but the network gives "
            f"{in_words(shape)}: give it inputs (rows, {count}, ...) and bricks that work on each of them."
        )


@loss
class Contrastive(FlagLoss):
    """Pulls the two vectors of a pair together when they show the same, and pushes them apart up to a margin if not.

        loss = t d^2 / 2 + (1 - t) max(0, margin - d)^2 / 2,   d = |a - b|

    `probabilities` are none; `answers` say 1, the same, where d is less than half the margin.

    Shapes: outputs (..., 2, features) are a and b; targets t (...) are 1 for the same, 0 for different; the result is
    (...).

    Args:
        margin: the distance from which different ones cost nothing, more than 0.

    Raises:
        SettingError: a margin of 0 or less.
        ShapeError: outputs that are no pairs, targets that are not one for each pair.

    Source: Hadsell, Chopra & LeCun 2006, "Dimensionality Reduction by Learning an Invariant Mapping", equation 4, where
    Y = 1 - t.

    >>> import jax.numpy as jnp
    >>> pairs = jnp.array([[[0.0, 0.0], [0.6, 0.0]], [[0.0, 0.0], [0.6, 0.0]]])
    >>> [round(float(loss), 2) for loss in Contrastive()(pairs, jnp.array([1, 0]))]
    [0.18, 0.08]
    """

    margin: float = 1.0

    def validate(self) -> None:
        """Check the margin."""
        self.require(0 < self.margin < math.inf, "margin", "more than 0")

    def __call__(
        self, outputs: Float[Array, "*batch 2 features"], targets: Shaped[Array, "*rest"]
    ) -> Float[Array, "*batch"]:
        """Return the loss of each pair."""
        outputs, targets = accumulated(jnp.asarray(outputs)), jnp.asarray(targets)
        distance = self._distance(outputs)
        if targets.shape != distance.shape:
            raise ShapeError(
                f"{self.name}: for outputs {outputs.shape}, targets are flags {distance.shape}, one for each pair; "
                f"they have the shape {targets.shape}."
            )
        same = targets.astype(outputs.dtype)
        lacking = jax.nn.relu(self.margin - distance)
        return (same * distance * distance + (1 - same) * lacking * lacking) / 2

    def probabilities(self, outputs: Any) -> None:
        """Return None: distances are no probabilities."""
        del outputs

    def answers(self, outputs: Float[Array, "*batch 2 features"]) -> Any:
        """Return 1 for pairs that are closer than half the margin, else 0."""
        return (self._distance(accumulated(jnp.asarray(outputs))) < self.margin / 2).astype(jnp.int32)

    def fit_targets(self, output_shape: tuple[int, ...], targets: Any) -> Any:
        """Return flags as floats, one for each pair."""
        if isinstance(targets, Padded):
            return fit_padded(self, output_shape, targets)
        _parts(self, output_shape, 2, "the two vectors")
        return fit_alike(self, output_shape[:-2], targets)

    def _distance(self, outputs: Float[Array, "*batch 2 features"]) -> Float[Array, "*batch"]:
        _parts(self, outputs.shape, 2, "the two vectors")
        square = jnp.sum(jnp.square(outputs[..., 0, :] - outputs[..., 1, :]), axis=-1)
        apart = square > 0  # the root has no finite slope at 0
        return jnp.where(apart, jnp.sqrt(jnp.where(apart, square, 1)), 0)


class _Unlabelled(Loss):
    """Losses that compare parts of the outputs with each other; targets are not looked at."""

    def answers(self, outputs: Any) -> Any:
        """Return the vectors as they are."""
        return outputs


@loss
class Triplet(_Unlabelled):
    """A vector must be closer to one of its own kind than to another kind's, by a margin.

        loss = max(0, |a - p|^2 - |a - n|^2 + margin)

    of anchor a, positive p and negative n, scaled to length 1 first where `unit_length`.

    Shapes: outputs (..., 3, features) are a, p and n; the result is (...). Targets are not looked at: None, or anything
    with rows.

    Args:
        margin: how much closer, in squared distance; more than 0.
        unit_length: scale vectors to length 1, as the paper's network does; else their scale is free.

    Raises:
        SettingError: a margin of 0 or less.
        ShapeError: outputs that are no triplets.

    Source: Schroff, Kalenichenko & Philbin 2015, "FaceNet: A Unified Embedding for Face Recognition and Clustering",
    section 3.1, for given triplets.

    >>> import jax.numpy as jnp
    >>> triplet = jnp.array([[[1.0, 0.0], [0.8, 0.6], [0.6, 0.8]]])
    >>> round(float(Triplet(margin=0.5)(triplet, None)[0]), 4)    # 0.4 - 0.8 + 0.5
    0.1
    """

    margin: float = 0.2
    unit_length: bool = True

    def validate(self) -> None:
        """Check the margin."""
        self.require(0 < self.margin < math.inf, "margin", "more than 0")

    def __call__(self, outputs: Float[Array, "*batch 3 features"], targets: Any = None) -> Float[Array, "*batch"]:
        """Return the loss of each triplet."""
        del targets
        outputs = accumulated(jnp.asarray(outputs))
        _parts(self, outputs.shape, 3, "anchor, positive and negative")
        vectors = unit(outputs) if self.unit_length else outputs
        anchor, positive, negative = (vectors[..., i, :] for i in range(3))
        near = jnp.sum(jnp.square(anchor - positive), axis=-1)
        far = jnp.sum(jnp.square(anchor - negative), axis=-1)
        return jax.nn.relu(near - far + self.margin)

    def check(self, output_shape: tuple[int, ...], targets: Any) -> None:
        """Raise when outputs are no triplets."""
        del targets
        _parts(self, output_shape, 3, "anchor, positive and negative")


class _Batchwise(_Unlabelled):
    """Losses of pairs in which the other rows of the batch are what does not belong."""

    def __call__(self, outputs: Float[Array, "rows 2 features"], targets: Any = None) -> Float[Array, " rows"]:
        """Return the loss of each row."""
        return self.of_batch(outputs, targets)

    def of_batch(self, outputs: Any, targets: Any, weight: Any = None) -> Float[Array, " rows"]:
        """Return the loss of each row, among the rows whose weight is not 0."""
        del targets
        outputs = accumulated(jnp.asarray(outputs))
        self.check(outputs.shape, None)
        counts = jnp.ones(len(outputs), bool) if weight is None else weight != 0
        views = unit(jnp.where(counts[:, None, None], outputs, jnp.zeros_like(outputs)))
        return self.among(views, counts)

    def among(self, views: Float[Array, "rows 2 features"], counts: Shaped[Array, " rows"]) -> Float[Array, " rows"]:
        """Return the loss of each row from unit vectors and which rows count."""
        del views, counts
        raise unwritten(self, "among(self, views, counts)")

    def check(self, output_shape: tuple[int, ...], targets: Any) -> None:
        """Raise when outputs are no pairs."""
        del targets
        if len(output_shape) != 3 or output_shape[1] != 2:
            _parts(self, output_shape[:1], 2, "the two views")


def _cross_entropy(similarity: Float[Array, "n n"], own: Array, allowed: Array) -> Float[Array, " n"]:
    """Return minus the logarithm of the share that its own partner has among the allowed ones, for each row."""
    partner = jnp.sum(jnp.where(own, similarity, jnp.zeros_like(similarity)), axis=-1)
    return jax.nn.logsumexp(similarity, axis=-1, where=own | allowed) - partner


@loss
class InfoNCE(_Batchwise):
    """Find the partner of each row among the partners of all rows in the batch: labels come for free.

        loss_i = -log exp(s_ii / T) / sum over rows j of exp(s_ij / T),   s_ij = a_i . b_j / (|a_i| |b_j|)

    and, where `symmetric`, the mean of that and of finding a_i for b_i. a and b are two views, two parts, or a picture
    and its caption. Larger batches are harder and teach more; a batch of one row teaches nothing.

    Shapes: outputs (rows, 2, features) are a and b; the result is (rows,). Targets are not looked at: None, or anything
    with rows. Rows of weight 0 are nobody's rivals.

    Args:
        temperature: T, more than 0; small ones look at the strongest rivals alone.
        symmetric: whether both directions count.

    Raises:
        SettingError: a temperature of 0 or less.
        ShapeError: outputs that are no pairs.

    Sources: van den Oord, Li & Vinyals 2018, "Representation Learning with Contrastive Predictive Coding", equation 4;
    both directions, and cosines: Radford et al. 2021, "Learning Transferable Visual Models From Natural Language
    Supervision", figure 3.

    >>> import jax.numpy as jnp
    >>> pairs = jnp.array([[[1.0, 0.0], [1.0, 0.0]], [[0.0, 1.0], [0.0, 1.0]]])
    >>> [round(float(loss), 4) for loss in InfoNCE(temperature=1.0)(pairs, None)]    # log(1 + exp(-1))
    [0.3133, 0.3133]
    """

    aliases = ("clip",)

    temperature: float = 0.1
    symmetric: bool = True

    def validate(self) -> None:
        """Check the temperature."""
        self.require(0 < self.temperature < math.inf, "temperature", "more than 0")

    def among(self, views: Float[Array, "rows 2 features"], counts: Shaped[Array, " rows"]) -> Float[Array, " rows"]:
        """Return the loss of each row from unit vectors and which rows count."""
        similarity = jnp.matmul(views[:, 0], views[:, 1].T, precision="highest") / self.temperature
        own = jnp.eye(len(views), dtype=bool)
        losses = _cross_entropy(similarity, own, counts[None, :])
        if not self.symmetric:
            return losses
        return (losses + _cross_entropy(similarity.T, own, counts[None, :])) / 2


@loss
class NTXent(_Batchwise):
    """Find the other view of each row among all views in the batch, those of its own kind included.

        loss_i = -log exp(s_ij / T) / sum over views k not i of exp(s_ik / T),   s_ik = x_i . x_k / (|x_i| |x_k|)

    where j is the other view of the same row; averaged over the two views of a row. `InfoNCE` compares the first views
    with the second ones only; here all 2 rows - 2 other views are rivals.

    Shapes: outputs (rows, 2, features) are the two views; the result is (rows,). Targets are not looked at: None, or
    anything with rows. Rows of weight 0 are nobody's rivals.

    Args:
        temperature: T, more than 0; small ones look at the strongest rivals alone.

    Raises:
        SettingError: a temperature of 0 or less.
        ShapeError: outputs that are no pairs.

    Source: Chen et al. 2020, "A Simple Framework for Contrastive Learning of Visual Representations", equation 1.

    >>> import jax.numpy as jnp
    >>> pairs = jnp.array([[[1.0, 0.0], [1.0, 0.0]], [[0.0, 1.0], [0.0, 1.0]]])
    >>> [round(float(loss), 4) for loss in NTXent(temperature=1.0)(pairs, None)]    # log(1 + 2 exp(-1))
    [0.5514, 0.5514]
    """

    aliases = ("simclr",)

    temperature: float = 0.1

    def validate(self) -> None:
        """Check the temperature."""
        self.require(0 < self.temperature < math.inf, "temperature", "more than 0")

    def among(self, views: Float[Array, "rows 2 features"], counts: Shaped[Array, " rows"]) -> Float[Array, " rows"]:
        """Return the loss of each row from unit vectors and which rows count."""
        rows = len(views)
        both = jnp.concatenate([views[:, 0], views[:, 1]])
        similarity = jnp.matmul(both, both.T, precision="highest") / self.temperature
        same = jnp.eye(2 * rows, dtype=bool)
        losses = _cross_entropy(similarity, jnp.roll(same, rows, axis=1), jnp.tile(counts, 2)[None, :] & ~same)
        return (losses[:rows] + losses[rows:]) / 2
