"""Lower the rate when held-out data say that nothing improves any more."""

from brickwork.core.spec import Spec, registered


@registered
class ReduceOnPlateau(Spec):
    """Multiply the learning rate by `factor` whenever what is monitored has not improved for `patience` epochs.

        after `patience` epochs in a row without improvement: total <- max(total * factor, min_factor)

    It multiplies whatever schedule there is, and counts anew after each reduction. It goes by what early stopping goes
    by (`valid/loss`, or the recipe's `monitor`), at the end of an epoch, so it needs held-out data. (PyTorch's
    `patience` is one less: it reduces when more epochs than that were without improvement.)

    Args:
        factor: what the rate is multiplied by.
        patience: how many epochs in a row without improvement.
        min_delta: how much better counts as improved.
        cooldown: epochs after a reduction that do not count.
        min_factor: the total never falls below this.

    Source: the rule of Simonyan & Zisserman (2015), "Very Deep Convolutional Networks for Large-Scale Image
    Recognition", section 3.1, "decreased by a factor of 10 when the validation set accuracy stopped improving".

    >>> from brickwork.train import Recipe
    >>> Recipe(plateau=ReduceOnPlateau(0.5, patience=3)).plateau.factor
    0.5
    """

    kind = "plateau"

    factor: float = 0.1
    patience: int = 5
    min_delta: float = 0.0
    cooldown: int = 0
    min_factor: float = 0.0

    def validate(self) -> None:
        """Check the ranges of all numbers."""
        self.require(0 < self.factor < 1, "factor", "more than 0 and less than 1")
        self.require(self.patience >= 1, "patience", "1 or more")
        self.require(self.min_delta >= 0, "min_delta", "0 or more")
        self.require(self.cooldown >= 0, "cooldown", "0 or more")
        self.require(0 <= self.min_factor < 1, "min_factor", "at least 0 and less than 1")
