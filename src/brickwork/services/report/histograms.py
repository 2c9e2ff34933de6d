"""Histograms and bars of words: how often which values occur."""

from collections.abc import Sequence

from brickwork.services.report.axes import Axes, bounds, plain
from brickwork.services.report.bars import bar
from brickwork.services.report.document import Distribution
from brickwork.services.report.markup import Html, element, given, joined
from brickwork.services.report.tables import folded, table
from brickwork.services.report.wording import count, percent

MOST_WORDS = 15


def histogram(
    counts: Sequence[float], edges: Sequence[float], *, label: str, x_name: str, y_name: str, zero: bool = False
) -> Html:
    """Return bars over the numbers between their edges; `zero` marks 0 with a line."""
    highest = max([*counts, 0.0]) or 1.0
    axes = Axes(
        (edges[0], edges[-1]) if edges[-1] > edges[0] else bounds(edges), (0.0, 1.05 * highest), whole=(False, True)
    )
    marks: list[Html] = []
    for value, low, high in zip(counts, edges[:-1], edges[1:], strict=True):
        if value > 0:
            (left, top), (right, foot) = axes.at(low, value), axes.at(high, 0)
            gap = min(1.0, 0.15 * (right - left))
            marks.append(
                element("rect", x=left + gap, y=top, width=right - left - 2 * gap, height=foot - top, class_="bars")
            )
    if zero and edges[0] <= 0 <= edges[-1]:
        (place, top), (_, foot) = axes.at(0, 1.05 * highest), axes.at(0, 0)
        marks.append(element("line", x1=place, x2=place, y1=top, y2=foot, class_="exact"))
    return axes.draw(*marks, label=label, x_name=x_name, y_name=y_name)


def words(distribution: Distribution, total: float = 0) -> Html:
    """Return a bar for every word, the frequent first and numbers in their order; rare ones are folded away.

    Shares are of `total`, or of all counts.
    """
    total = total or sum(distribution.counts) or 1.0
    highest = max(distribution.counts, default=0.0) or 1.0
    pairs = list(zip(distribution.labels, distribution.counts, strict=False))
    if not all(isinstance(label, int) for label in distribution.labels):
        pairs.sort(key=lambda pair: -pair[1])
    rows = [
        [
            given(label, 40),
            element("div", bar(value / highest), class_="measured"),
            count(value),
            percent(value / total),
        ]
        for label, value in pairs
    ]
    head, kinds = ["Value", "", "Rows", "Share"], ["name", "wide", "number", "number"]
    label = f"How often each value of {plain(distribution.name)} occurs"
    shown, rest = rows[:MOST_WORDS], rows[MOST_WORDS:]
    return joined(
        table(head, shown, label=label, classes=kinds, class_="bars"),
        folded(f"{len(rest)} more", table(head, rest[:500], label=label, classes=kinds, class_="bars"))
        if rest
        else None,
    )
