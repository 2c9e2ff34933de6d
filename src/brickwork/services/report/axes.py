"""Axes: where a number lies in a drawing, and which round numbers stand beside it.

Drawings are SVG without colours of their own: classes name what a mark is, the page's style sheet colours them for
light, dark and print.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from brickwork.services.report.markup import Child, Html, element, escaped, shortened

WIDTH, HEIGHT = 440.0, 270.0
LEFT, RIGHT, TOP, BOTTOM = 52.0, 14.0, 12.0, 44.0
EDGE = 9.0


def ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Return round numbers from low to high: multiples of 1, 2, 2.5 or 5 times a power of ten."""
    span = high - low
    if not math.isfinite(span) or span <= 0:
        return [low]
    power = 10.0 ** math.floor(math.log10(span / most))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10, 20) if span / (power * factor) <= most)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [index * step for index in range(first, last + 1)]


def tick_texts(values: Sequence[float], share: bool = False) -> list[str]:
    """Return what stands beside ticks, all with the same number of decimals; large ones as 20k, 3M."""
    if share:
        exact = (d for d in range(6) if all(abs(100 * v - round(100 * v, d)) < 1e-7 for v in values))
        decimals = next(exact, 6)
        return [f"{100 * value:.{decimals}f}%".replace("-", "−") for value in values]
    largest = max((abs(value) for value in values), default=0.0)
    step = abs(values[1] - values[0]) if len(values) > 1 else largest
    if largest >= 1e15 or (0 < largest < 1e-5):
        return [f"{value:.1e}".replace("-", "−") for value in values]
    unit, sign = next(
        ((u, s) for u, s in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")) if largest >= max(u, 1e4)), (1.0, "")
    )
    step /= unit
    decimals = 0 if step == 0 else max(0, min(8, 1 - math.floor(math.log10(step))))
    texts = [f"{value / unit:.{decimals}f}" for value in values]
    while decimals and all(text.endswith("0") for text in texts):
        decimals -= 1
        texts = [text[:-1] for text in texts]
    zero = {"-0", "-0.0"}
    texts = [text.rstrip(".") for text in texts]
    return ["0" if text in zero or text == "0" else f"{text}{sign}".replace("-", "−") for text in texts]


def bounds(values: Iterable[float], margin: float = 0.04) -> tuple[float, float]:
    """Return the smallest and the largest of the finite values, with a margin; 0 to 1 when there are none."""
    known = np.asarray([value for value in values if math.isfinite(value)], np.float64)
    if not len(known):
        return 0.0, 1.0
    low, high = float(known.min()), float(known.max())
    span = high - low
    if not span > 1e-12 * max(abs(low), abs(high)):
        half = abs(high) / 2 or 0.5
        return low - half, high + half
    return low - margin * span, high + margin * span


@dataclass(frozen=True)
class Axes:
    """A drawing's area: numbers from `x` and `y` (low, high) become places in it; those that are `whole` are counts."""

    x: tuple[float, float]
    y: tuple[float, float]
    width: float = WIDTH
    height: float = HEIGHT
    left: float = LEFT
    whole: tuple[bool, bool] = (False, False)

    def across(self, values: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        """Return places from left to right."""
        low, high = self.x
        return self.left + (values - low) / (high - low) * (self.width - self.left - RIGHT)

    def down(self, values: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        """Return places from the top."""
        low, high = self.y
        return TOP + (high - values) / (high - low) * (self.height - TOP - BOTTOM)

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Return the place of one point."""
        return float(self.across(np.asarray([x]))[0]), float(self.down(np.asarray([y]))[0])

    def draw(
        self, *marks: Child, label: str, x_name: Child, y_name: str = "", shares: tuple[bool, bool] = (False, False)
    ) -> Html:
        """Return the drawing: a grid, ticks, names of the axes, and the marks inside.

        `label` says in words what is seen, for those who listen to the page; `y_name` stands above the axis.
        """
        right, foot = self.width - RIGHT, self.height - BOTTOM
        parts: list[Html] = []
        values = self._ticks(1, most=5)
        for value, text in zip(values, tick_texts(values, shares[1]), strict=True):
            place = self.at(0, value)[1]
            parts.append(element("line", x1=self.left, x2=right, y1=place, y2=place, class_="grid"))
            parts.append(element("text", text, x=self.left - 6, y=place + 4, class_="end"))
        values = self._ticks(0, most=6)
        for value, text in zip(values, tick_texts(values, shares[0]), strict=True):
            place = self.at(value, 0)[0]
            parts.append(element("line", x1=place, x2=place, y1=foot, y2=foot + 4, class_="axis"))
            parts.append(element("text", text, x=place, y=foot + 18, class_="middle"))
        parts.append(element("line", x1=self.left, x2=right, y1=foot, y2=foot, class_="axis"))
        middle = (self.left + right) / 2
        parts.append(element("text", x_name, x=middle, y=self.height - 6, class_="middle name"))
        # What lies outside is cut off, with room for a dot on the border.
        box = (self.left - EDGE, TOP - EDGE, right - self.left + 2 * EDGE, foot - TOP + 2 * EDGE)
        view = " ".join(f"{number:g}" for number in box)
        inside = element("svg", *marks, x=box[0], y=box[1], width=box[2], height=box[3], viewBox=view)
        drawing = element(
            "svg",
            element("title", label),
            *parts,
            inside,
            viewBox=f"0 0 {self.width:g} {self.height:g}",
            class_="chart",
            role="img",
            aria_label=label,
        )
        return element("div", element("p", y_name, class_="axis-name") if y_name else None, drawing)

    def _ticks(self, place: int, most: int) -> list[float]:
        values = ticks(*(self.x, self.y)[place], most=most)
        return [value for value in values if value == round(value)] if self.whole[place] else values


def line(axes: Axes, x: Sequence[float], y: Sequence[float], class_: str, most: int = 300) -> Html:
    """Return a line through points; where a number is missing it has a gap. Long ones are thinned out."""
    across, down = _places(axes, x, y, most)
    steps: list[str] = []
    pen_down = False
    for place_x, place_y in zip(across, down, strict=True):
        if math.isfinite(place_x) and math.isfinite(place_y):
            steps.append(f"{'L' if pen_down else 'M'}{place_x:.1f} {place_y:.1f}")
            pen_down = True
        else:
            pen_down = False
    if len(steps) == 1:
        steps.append("h0.01")
    return element("path", d="".join(steps), class_=class_)


def band(axes: Axes, x: Sequence[float], low: Sequence[float], high: Sequence[float], class_: str) -> Html:
    """Return the area between two lines."""
    across, below = _places(axes, x, low, 300)
    _, above = _places(axes, x, high, 300)
    known = np.isfinite(across) & np.isfinite(below) & np.isfinite(above)
    there = [f"{a:.1f} {b:.1f}" for a, b in zip(across[known], above[known], strict=True)]
    back = [f"{a:.1f} {b:.1f}" for a, b in zip(across[known][::-1], below[known][::-1], strict=True)]
    return element("path", d="M" + "L".join(there + back) + "Z" if there else "", class_=class_)


def dots(axes: Axes, x: Float[np.ndarray, " n"], y: Float[np.ndarray, " n"], class_: str) -> Html:
    """Return a cloud of points, as one path of lines without length and round ends."""
    known = np.isfinite(x) & np.isfinite(y)
    places = zip(axes.across(x[known]), axes.down(y[known]), strict=True)
    return element("path", d="".join(f"M{a:.1f} {b:.1f}h0" for a, b in places), class_=class_)


def figure(drawing: Html, caption: Child, legend: Sequence[tuple[str, str]] = (), heading: Child = None) -> Html:
    """Return a drawing with its heading, what its marks are, and what it says."""
    marks = [element("li", element("span", class_=f"key {class_}"), text) for text, class_ in legend]
    return element(
        "figure",
        element("h3", heading) if heading else None,
        element("ul", marks, class_="legend") if marks else None,
        drawing,
        element("figcaption", caption) if caption else None,
    )


def plain(value: object) -> str:
    """Return a name for inside a drawing or its label, cut to what has room there."""
    return shortened(value, 40)


def svg_text(value: object, most: int, **attributes: str | float) -> Html:
    """Return a text in a drawing that came with the data, whole on hover."""
    text, whole = shortened(value, most), shortened(value, 300)
    return element(
        "text", escaped(text), element("title", whole) if whole != text else None, unicode_bidi="isolate", **attributes
    )


def _places(
    axes: Axes, x: Sequence[float], y: Sequence[float], most: int
) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
    n = min(len(x), len(y))
    chosen = np.unique(np.linspace(0, n - 1, min(n, most)).round().astype(int)) if n else np.zeros(0, int)
    across = axes.across(np.asarray(x, np.float64)[chosen])
    return across, axes.down(np.asarray(y, np.float64)[chosen])
