"""Losses of regions: how little the predicted region of a picture overlaps the wanted one, whatever their sizes."""

import math
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from brickwork.core.batch import Padded
from brickwork.core.errors import ShapeError, unwritten
from brickwork.losses.base import Loss, loss
from brickwork.losses.classes import ClassLoss
from brickwork.losses.flags import FlagLoss
from brickwork.losses.shapes import alike, class_targets, is_class


class _Overlap(Loss):
    """One minus an index of overlap, for each region of a row; regions are the last axis, positions those before."""

    sequences = "whole"
    cost: ClassVar[float] = 1.0
    """What an error costs either way, where no `alpha` (of a false yes) and `beta` (of a false no) are set."""

    def costs(self) -> tuple[float, float, float]:
        """Return what a false yes and a false no cost, and the smoothing."""
        settings = self.settings()
        return settings.get("alpha", self.cost), settings.get("beta", self.cost), settings["smooth"]

    def regions(self, outputs: Any, targets: Any) -> tuple[Float[Array, "rows ... k"], Float[Array, "rows ... k"]]:
        """Return the predicted and the wanted share of each region at each position, of one shape."""
        del outputs, targets
        raise unwritten(self, "regions(self, outputs, targets)")

    def validate(self) -> None:
        """Check what errors cost, and the smoothing."""
        false_yes, false_no, smooth = self.costs()
        self.require(false_yes >= 0 and math.isfinite(false_yes), "alpha", "at least 0")
        self.require(false_no >= 0 and math.isfinite(false_no), "beta", "at least 0")
        self.require(smooth > 0 and math.isfinite(smooth), "smooth", "more than 0")

    def __call__(self, outputs: Any, targets: Any) -> Float[Array, " rows"]:
        """Return the loss of each row."""
        if isinstance(targets, Padded) and not isinstance(outputs, Padded):
            raise ShapeError("Targets are sequences of different lengths, but the outputs are one array.")
        masks = [sequence.mask for sequence in (outputs, targets) if isinstance(sequence, Padded)]
        outputs, targets = (part.values if isinstance(part, Padded) else part for part in (outputs, targets))
        predicted, wanted = self.regions(outputs, targets)
        if predicted.ndim < 3:
            raise ShapeError(
                f"{self.name} compares regions of positions, such as pixels: outputs are (rows, height, width, "
                f"regions) or (rows, time, regions), got {predicted.shape}."
            )
        for mask in masks:
            real = mask.reshape(mask.shape + (1,) * (predicted.ndim - 2))
            predicted, wanted = (jnp.where(real, part, jnp.zeros_like(part)) for part in (predicted, wanted))
        of_false_yes, of_false_no, smooth = self.costs()
        positions = tuple(range(1, predicted.ndim - 1))
        both = jnp.sum(predicted * wanted, axis=positions)
        wrong = of_false_yes * (jnp.sum(predicted, axis=positions) - both)
        wrong = wrong + of_false_no * (jnp.sum(wanted, axis=positions) - both)
        return jnp.mean(wrong / (both + wrong + smooth), axis=-1)


class _OfClasses(_Overlap, ClassLoss):
    """Regions of classes: each position belongs to one."""

    def regions(self, outputs: Any, targets: Any) -> tuple[Float[Array, "rows ... k"], Float[Array, "rows ... k"]]:
        """Return softmax of the logits, and class numbers as rows of 0 and 1."""
        outputs, targets = class_targets(self.name, outputs, targets)
        if targets.shape != outputs.shape:
            own = is_class(targets, outputs.shape[-1])
            targets = jnp.where(own.any(axis=-1, keepdims=True), own.astype(outputs.dtype), jnp.nan)
        return jax.nn.softmax(outputs, axis=-1), targets


class _OfFlags(_Overlap, FlagLoss):
    """Regions that may cover each other: a yes or no at each position for each."""

    def regions(self, outputs: Any, targets: Any) -> tuple[Float[Array, "rows ... k"], Float[Array, "rows ... k"]]:
        """Return sigmoid of the logits, and the targets."""
        outputs, targets = alike(self.name, outputs, targets)
        return jax.nn.sigmoid(outputs), targets


@loss
class Dice(_OfClasses):
    """Twice the overlap of classes over the sum of their sizes: a small region counts as much as a large one.

        loss = 1 - (sum p t + s) / ((sum p + sum t) / 2 + s),   p = softmax(z)

    summed over the positions of a row, averaged over the classes. It is `Tversky` with alpha = beta = 1/2. For
    regions that may cover each other see `BinaryDice`.

    Shapes: outputs are logits z (rows, height, width, K) or (rows, time, K), `Padded` too, K at least 2; targets t are
    class numbers without the last axis, or rows of probabilities in the shape of the outputs; the result is (rows,).

    Args:
        smooth: s, which keeps empty regions from dividing 0 by 0: more than 0, in positions.

    Raises:
        SettingError: a smooth of 0 or less.
        ShapeError: targets that do not fit, outputs without positions.

    Source: Milletari et al. 2016, "V-Net: Fully Convolutional Neural Networks for Volumetric Medical Image
    Segmentation", section 3, which squares p and t in the denominator; without squares: Sudre et al. 2017, "Generalised
    Dice Overlap as a Deep Learning Loss Function for Highly Unbalanced Segmentations".

    >>> import jax.numpy as jnp
    >>> z, t = jnp.array([[[9.0, -9.0], [9.0, -9.0], [-9.0, 9.0]]]), jnp.array([[0, 1, 1]])
    >>> round(float(Dice()(z, t)[0]), 3)    # 1 - (1 + 1) / (1.5 + 1)
    0.2
    """

    aliases = ("dice_loss", "soft_dice")

    cost = 0.5
    smooth: float = 1.0


@loss
class BinaryDice(_OfFlags):
    """Twice the overlap of predicted and wanted region over the sum of their sizes, for a yes or no at each position.

        loss = 1 - (sum p t + s) / ((sum p + sum t) / 2 + s),   p = sigmoid(z)

    summed over the positions of a row, averaged over its regions, which may cover each other.

    Shapes: outputs are logits z (rows, height, width, regions) or (rows, time, regions), `Padded` too; targets t are 0,
    1 or between, in the same shape; the result is (rows,).

    Args:
        smooth: s, which keeps empty regions from dividing 0 by 0: more than 0, in positions.

    Raises:
        SettingError: a smooth of 0 or less.
        ShapeError: targets that do not fit, outputs without positions.

    Source: Milletari et al. 2016, "V-Net: Fully Convolutional Neural Networks for Volumetric Medical Image
    Segmentation", section 3, which squares p and t in the denominator; without squares: Sudre et al. 2017, "Generalised
    Dice Overlap as a Deep Learning Loss Function for Highly Unbalanced Segmentations".

    >>> import jax.numpy as jnp
    >>> z, t = jnp.array([[[9.0], [9.0], [-9.0]]]), jnp.array([[[1.0], [0.0], [0.0]]])
    >>> round(float(BinaryDice()(z, t)[0]), 3)    # 1 - (1 + 1) / (1.5 + 1)
    0.2
    """

    aliases = ("sigmoid_dice",)

    cost = 0.5
    smooth: float = 1.0


@loss
class Jaccard(_OfClasses):
    """What predicted and wanted region share, over all that either covers: intersection over union, made smooth.

        loss = 1 - (sum p t + s) / (sum p + sum t - sum p t + s),   p = softmax(z)

    summed over the positions of a row, averaged over the classes. It is `Tversky` with alpha = beta = 1. For
    regions that may cover each other see `BinaryJaccard`.

    Shapes: outputs are logits z (rows, height, width, K) or (rows, time, K), `Padded` too, K at least 2; targets t are
    class numbers without the last axis, or rows of probabilities in the shape of the outputs; the result is (rows,).

    Args:
        smooth: s, which keeps empty regions from dividing 0 by 0: more than 0, in positions.

    Raises:
        SettingError: a smooth of 0 or less.
        ShapeError: targets that do not fit, outputs without positions.

    Source: Rahman & Wang 2016, "Optimizing Intersection-Over-Union in Deep Neural Networks for Image Segmentation";
    the index: Jaccard 1912, "The Distribution of the Flora in the Alpine Zone".

    >>> import jax.numpy as jnp
    >>> z, t = jnp.array([[[9.0, -9.0], [9.0, -9.0], [-9.0, 9.0]]]), jnp.array([[0, 1, 1]])
    >>> round(float(Jaccard()(z, t)[0]), 3)    # 1 - (1 + 1) / (2 + 1)
    0.333
    """

    aliases = ("iou_loss", "soft_iou")

    smooth: float = 1.0


@loss
class BinaryJaccard(_OfFlags):
    """Intersection over union of the predicted and the wanted region, for yes-or-no at each position.

        loss = 1 - (sum p t + s) / (sum p + sum t - sum p t + s),   p = sigmoid(z)

    summed over the positions of a row, averaged over its regions, which may cover each other.

    Shapes: outputs are logits z (rows, height, width, regions) or (rows, time, regions), `Padded` too; targets t are 0,
    1 or between, in the same shape; the result is (rows,).

    Args:
        smooth: s, which keeps empty regions from dividing 0 by 0: more than 0, in positions.

    Raises:
        SettingError: a smooth of 0 or less.
        ShapeError: targets that do not fit, outputs without positions.

    Source: Rahman & Wang 2016, "Optimizing Intersection-Over-Union in Deep Neural Networks for Image Segmentation";
    the index: Jaccard 1912, "The Distribution of the Flora in the Alpine Zone".

    >>> import jax.numpy as jnp
    >>> z, t = jnp.array([[[9.0], [9.0], [-9.0]]]), jnp.array([[[1.0], [0.0], [0.0]]])
    >>> round(float(BinaryJaccard()(z, t)[0]), 3)    # 1 - (1 + 1) / (2 + 1)
    0.333
    """

    aliases = ("sigmoid_iou",)

    smooth: float = 1.0


@loss
class Tversky(_OfClasses):
    """Overlap of classes in which what is missed may cost more than what is too much.

        loss = 1 - (sum p t + s) / (sum p t + alpha sum p (1 - t) + beta sum (1 - p) t + s),   p = softmax(z)

    summed over the positions of a row, averaged over the classes. With alpha = beta = 1/2 it is `Dice`, with 1
    `Jaccard`. For regions that may cover each other see `BinaryTversky`.

    Shapes: outputs are logits z (rows, height, width, K) or (rows, time, K), `Padded` too, K at least 2; targets t are
    class numbers without the last axis, or rows of probabilities in the shape of the outputs; the result is (rows,).

    Args:
        alpha: what a position costs that is predicted but not wanted.
        beta: what a position costs that is wanted but not predicted; larger than alpha finds more small regions.
        smooth: s, which keeps empty regions from dividing 0 by 0: more than 0, in positions.

    Raises:
        SettingError: an alpha or beta below 0, a smooth of 0 or less.
        ShapeError: targets that do not fit, outputs without positions.

    Source: Salehi et al. 2017, "Tversky Loss Function for Image Segmentation Using 3D Fully Convolutional Deep
    Networks"; the index: Tversky 1977, "Features of Similarity".

    >>> import jax.numpy as jnp
    >>> z, t = jnp.array([[[9.0, -9.0], [9.0, -9.0], [-9.0, 9.0]]]), jnp.array([[0, 1, 1]])
    >>> round(float(Tversky()(z, t)[0]), 3)    # 0.3 / 2.3 for class 0, 0.7 / 2.7 for class 1
    0.195
    """

    alpha: float = 0.3
    beta: float = 0.7
    smooth: float = 1.0


@loss
class BinaryTversky(_OfFlags):
    """Overlap of regions in which what is missed may cost more than what is too much, for yes-or-no at each position.

        loss = 1 - (sum p t + s) / (sum p t + alpha sum p (1 - t) + beta sum (1 - p) t + s),   p = sigmoid(z)

    summed over the positions of a row, averaged over its regions, which may cover each other. With alpha = beta =
    1/2 it is `BinaryDice`, with 1 `BinaryJaccard`.

    Shapes: outputs are logits z (rows, height, width, regions) or (rows, time, regions), `Padded` too; targets t are 0,
    1 or between, in the same shape; the result is (rows,).

    Args:
        alpha: what a position costs that is predicted but not wanted.
        beta: what a position costs that is wanted but not predicted; larger than alpha finds more small regions.
        smooth: s, which keeps empty regions from dividing 0 by 0: more than 0, in positions.

    Raises:
        SettingError: an alpha or beta below 0, a smooth of 0 or less.
        ShapeError: targets that do not fit, outputs without positions.

    Source: Salehi et al. 2017, "Tversky Loss Function for Image Segmentation Using 3D Fully Convolutional Deep
    Networks"; the index: Tversky 1977, "Features of Similarity".

    >>> import jax.numpy as jnp
    >>> z, t = jnp.array([[[9.0], [9.0], [-9.0]]]), jnp.array([[[1.0], [0.0], [0.0]]])
    >>> round(float(BinaryTversky()(z, t)[0]), 3)    # 0.3 / 2.3
    0.13
    """

    aliases = ("sigmoid_tversky",)

    alpha: float = 0.3
    beta: float = 0.7
    smooth: float = 1.0
