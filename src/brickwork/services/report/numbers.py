"""How numbers are answered: truth against answer, how far off, and whether intervals hold what they say."""

import math

import numpy as np
from jaxtyping import Float

from brickwork.explain.findings import Residuals
from brickwork.services.report.axes import Axes, band, bounds, dots, figure, line, plain
from brickwork.services.report.document import Report
from brickwork.services.report.histograms import histogram
from brickwork.services.report.markup import Html, element, given, joined
from brickwork.services.report.tables import section
from brickwork.services.report.wording import number, paragraph, percent

MOST_DOTS = 1500


def residuals_section(report: Report) -> Html:
    """Return how far answers are from the truth, for each number that was asked for."""
    parts = [_one(residuals, named=len(report.residuals) > 1) for residuals in report.residuals]
    intro = paragraph(
        "First, one dot for every test row: on the line its answer is exact, above it the truth is higher than the "
        "answer, below it lower. Second, how many answers are how far off."
    )
    return section("errors", "How far off it is", intro, parts) if any(parts) else Html("")


def _one(residuals: Residuals, named: bool) -> Html:
    truth, answer = np.asarray(residuals.truth, np.float64), np.asarray(residuals.answer, np.float64)
    known = np.isfinite(truth) & np.isfinite(answer)
    truth, answer = truth[known], answer[known]
    if not len(truth):
        return Html("")
    if len(truth) > MOST_DOTS:
        chosen = np.linspace(0, len(truth) - 1, MOST_DOTS).round().astype(int)
        truth, answer = truth[chosen], answer[chosen]
    heading = element("h3", given(residuals.name)) if named else None
    return joined(heading, element("div", _scatter(residuals, truth, answer), _errors(truth, answer), class_="pair"))


def _scatter(residuals: Residuals, truth: Float[np.ndarray, " n"], answer: Float[np.ndarray, " n"]) -> Html:
    both = bounds([float(truth.min()), float(truth.max()), float(answer.min()), float(answer.max())])
    axes = Axes(both, both)
    ends = list(both)
    width, legend = residuals.width, [("a test row", "dots")]
    marks: list[Html] = []
    if width is not None and math.isfinite(width):
        marks.append(band(axes, ends, [e - width for e in ends], [e + width for e in ends], "band"))
        legend.append((f"answer ± {number(width, 3)}", "band"))
    marks += [line(axes, ends, ends, "exact"), dots(axes, answer, truth, "dots" if len(truth) < 400 else "dots fine")]
    return figure(
        axes.draw(
            *marks,
            label=f"Truth against answer of {plain(residuals.name)}, {len(truth)} rows",
            x_name="answered",
            y_name="true",
        ),
        _coverage(residuals),
        [*legend, ("answer = truth", "exact")],
    )


def _coverage(residuals: Residuals) -> str | None:
    if residuals.width is None or residuals.coverage is None or not math.isfinite(residuals.coverage):
        return None
    meant = "" if residuals.level is None else f", where {percent(residuals.level, 0)} should"
    return (
        f"With each answer comes an interval of ± {number(residuals.width, 3)}. The truth lies in it for "
        f"{percent(residuals.coverage)} of the test rows{meant}."
    )


def _errors(truth: Float[np.ndarray, " n"], answer: Float[np.ndarray, " n"]) -> Html:
    errors = answer - truth
    # A few rows that are far off would leave the others in one bar: they go into the outermost.
    reach = float(np.quantile(np.abs(errors), 0.995)) or float(np.abs(errors).max()) or 1.0
    counts, edges = np.histogram(np.clip(errors, -reach, reach), bins=31, range=(-reach, reach))
    half = number(float(np.median(np.abs(errors))), 3)
    caption = f"Half of the answers are off by less than {half}. The mean error is {number(float(errors.mean()), 2)}."
    return figure(
        histogram(
            [float(value) for value in counts],
            [float(edge) for edge in edges],
            label=f"Histogram of errors. {caption}",
            x_name="answer − truth",
            y_name="rows",
            zero=True,
        ),
        caption,
        [("rows", "bars"), ("no error", "exact")],
    )
