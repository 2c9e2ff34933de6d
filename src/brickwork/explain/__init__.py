"""Floor 4: looks inside. What a network answers, how sure it is, how far to trust it, and what its answers rest on."""

from brickwork.explain.answers import certainty
from brickwork.explain.calibration import interval_width, temperature
from brickwork.explain.columns import column_groups, typical
from brickwork.explain.confusion import confusion
from brickwork.explain.contributions import contributions
from brickwork.explain.findings import (
    Answered,
    Confusion,
    Contribution,
    GroupScores,
    Importance,
    Interval,
    Mistake,
    Reliability,
    Residuals,
    Score,
)
from brickwork.explain.groups import by_group
from brickwork.explain.importance import matters
from brickwork.explain.mistakes import unsure, worst
from brickwork.explain.pixels import integrated_gradients, occlusion, pixel_map
from brickwork.explain.reliability import reliability
from brickwork.explain.residuals import residuals
from brickwork.explain.scores import difference, scores

__all__ = [
    "Answered",
    "Confusion",
    "Contribution",
    "GroupScores",
    "Importance",
    "Interval",
    "Mistake",
    "Reliability",
    "Residuals",
    "Score",
    "by_group",
    "certainty",
    "column_groups",
    "confusion",
    "contributions",
    "difference",
    "integrated_gradients",
    "interval_width",
    "matters",
    "occlusion",
    "pixel_map",
    "reliability",
    "residuals",
    "scores",
    "temperature",
    "typical",
    "unsure",
    "worst",
]
