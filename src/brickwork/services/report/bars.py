"""Bars, intervals and sparklines that stand in the cells of a table and are as wide as there is room.

Who listens to the page hears the number beside a bar, not the bar.
"""

import math
from collections.abc import Sequence

from brickwork.explain.findings import Interval
from brickwork.services.report.markup import Html, element

SPARKLINE = 24


def bar(share: float, class_: str = "fill") -> Html:
    """Return a bar as long as a share of its cell."""
    share = min(max(share, 0.0), 1.0) if math.isfinite(share) else 0.0
    return element(
        "svg",
        element("rect", width="100%", height="100%", class_="track"),
        element("rect", width=f"{100 * share:.1f}%", height="100%", class_=class_) if share else None,
        class_="bar",
        aria_hidden="true",
    )


def ranged(interval: Interval, low: float, high: float, class_: str = "fill") -> Html:
    """Return a bar from 0 to a value, with the ends of its interval as a thin line over it."""
    start, end = sorted((_place(0.0, low, high), _place(interval.value, low, high)))
    ends = [_place(end, low, high) for end in (interval.low, interval.high)]
    return element(
        "svg",
        element("rect", x=f"{start:.1f}%", width=f"{end - start:.1f}%", height="100%", class_=class_)
        if math.isfinite(start) and math.isfinite(end)
        else None,
        _whisker(ends),
        _zero(low, high),
        class_="bar",
        aria_hidden="true",
    )


def dot(interval: Interval, low: float, high: float, class_: str = "fill") -> Html:
    """Return a dot at a value with a line from end to end of its interval, on a scale from low to high."""
    place = _place(interval.value, low, high)
    ends = [_place(end, low, high) for end in (interval.low, interval.high)]
    return element(
        "svg",
        element("line", x1="0", x2="100%", y1="50%", y2="50%", class_="track"),
        _whisker(ends, class_),
        element("circle", cx=f"{place:.1f}%", cy="50%", r="5", class_=class_) if math.isfinite(place) else None,
        class_="dot",
        aria_hidden="true",
    )


def sparkline(counts: Sequence[float], label: str, most: int = SPARKLINE) -> Html:
    """Return a small histogram; more than `most` bars are joined."""
    known = [max(float(value), 0.0) if math.isfinite(value) else 0.0 for value in counts]
    if len(known) > most:
        size = math.ceil(len(known) / most)
        known = [sum(known[start : start + size]) for start in range(0, len(known), size)]
    highest = max(known, default=0.0)
    if not highest:
        return Html("")
    # Where anything is there is at least a line to see.
    heights = [max(round(20 * value / highest), 1) if value else 0 for value in known]
    steps = "".join(f"V{20 - height}h4" for height in heights)
    drawing = element("path", d=f"M0 20{steps}V20z", class_="fill")
    return element(
        "svg",
        element("title", label),
        drawing,
        viewBox=f"0 0 {4 * len(known)} 20",
        preserveAspectRatio="none",
        class_="spark",
        role="img",
        aria_label=label,
    )


def _place(value: float, low: float, high: float) -> float:
    if not math.isfinite(value) or not high > low:
        return math.nan
    return min(max(100 * (value - low) / (high - low), 0.0), 100.0)


def _whisker(ends: Sequence[float], class_: str = "") -> Html | None:
    if not all(map(math.isfinite, ends)):
        return None
    low, high = (f"{end:.1f}%" for end in ends)
    return element("line", x1=low, x2=high, y1="50%", y2="50%", class_=f"whisker {class_}".strip())


def _zero(low: float, high: float) -> Html | None:
    place = _place(0.0, low, high)
    if not low <= 0 <= high or not math.isfinite(place):
        return None
    return element("line", x1=f"{place:.1f}%", x2=f"{place:.1f}%", y1="0", y2="100%", class_="zero")
