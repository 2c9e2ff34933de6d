"""Whether the network knows how sure it may be: reliability diagrams, and the rows that it left to a person."""

import math

import numpy as np

from brickwork.explain.findings import Reliability, Score
from brickwork.services.report.axes import Axes, figure, line, plain
from brickwork.services.report.document import Report, Unsure
from brickwork.services.report.markup import Html, code, element, given, joined
from brickwork.services.report.tables import folded, section, table
from brickwork.services.report.wording import count, counted, metric_name, paragraph, percent, score_text

MOST_DIAGRAMS = 4


def trust_section(report: Report) -> Html:
    """Return whether probabilities mean what they say."""
    diagrams = [(name, found) for name, found in report.reliability.items() if len(found.rows)]
    intro = None
    if diagrams:
        intro = paragraph(
            "Of 100 answers that it gives with a probability of 80%, about 80 should be right. The closer the dots are "
            "to the line, the more its probabilities can be taken at their word; the larger a dot, the more rows it is "
            "of. The calibration error is the mean gap between the two."
        )
    alone = len(diagrams) == 1
    shown = [_diagram("" if alone else name, found) for name, found in diagrams[:MOST_DIAGRAMS]]
    return section(
        "trust",
        "Can its probabilities be trusted?",
        intro,
        element("div", shown, class_="alone" if alone else "pair") if shown else None,
        _further(diagrams),
        _unsure(report.unsure) if report.unsure else None,
    )


def _diagram(name: str, found: Reliability) -> Html:
    axes = Axes((0.0, 1.0), (0.0, 1.0), height=300)
    confidence = np.asarray(found.confidence, np.float64)
    frequency = np.asarray(found.frequency, np.float64)
    largest = max(float(np.max(found.rows)), 1.0)
    marks = [line(axes, [0, 1], [0, 1], "exact"), line(axes, list(confidence), list(frequency), "valid")]
    for sure, right, rows in zip(confidence, frequency, found.rows, strict=True):
        if math.isfinite(sure) and math.isfinite(right):
            x, y = axes.at(float(sure), float(right))
            what = f"{count(rows)} rows: sure {percent(sure)}, right {percent(right)}"
            radius = 2.5 + 6.5 * math.sqrt(float(rows) / largest)
            marks.append(element("g", element("title", what), element("circle", cx=x, cy=y, r=radius, class_="knot")))
    rows = [
        [f"{percent(sure)}", f"{percent(right)}", count(n)]
        for sure, right, n in zip(confidence, frequency, found.rows, strict=True)
    ]
    numbers = folded(
        "The numbers",
        table(
            ["How sure it was", "How often it was right", "Rows"],
            rows,
            label="Reliability in numbers",
            classes=["number", "number", "number"],
        ),
    )
    drawing = figure(
        axes.draw(
            *marks,
            label=f"Reliability diagram {plain(name)}: how often answers of each probability are right",
            x_name="how sure it was (probability)",
            y_name="how often it was right",
            shares=(True, True),
        ),
        _verdict(found),
        [("test rows", "valid"), ("sure = right", "exact")],
        given(name) if name else None,
    )
    return element("div", drawing, numbers)


def _verdict(found: Reliability) -> str:
    rows = np.asarray(found.rows, np.float64)
    lean = float(np.sum(rows * (np.asarray(found.confidence) - np.asarray(found.frequency))) / max(rows.sum(), 1.0))
    text = f"Calibration error: {percent(found.error).rstrip('%')} points."
    if not math.isfinite(found.error) or not math.isfinite(lean):
        return text
    if found.error < 0.03:
        return f"{text} Its probabilities are close to the truth."
    if abs(lean) > 0.5 * found.error:
        return f"{text} On the whole it is {'surer than it may be' if lean > 0 else 'right more often than it says'}."
    return f"{text} It is too sure in some places and too careful in others; with few rows that may be chance."


def _further(diagrams: list[tuple[str, Reliability]]) -> Html | None:
    if len(diagrams) <= MOST_DIAGRAMS:
        return None
    rows = [[given(name), percent(found.error), count(int(np.sum(found.rows)))] for name, found in diagrams]
    head, kinds = ["Label", "Calibration error", "Rows"], ["name", "number", "number"]
    return folded("The calibration error of every label", table(head, rows, label="Calibration errors", classes=kinds))


def _unsure(unsure: Unsure) -> Html:
    handed = joined(
        f"Answers that were less sure than {percent(unsure.below, 0)} are left to a person: ",
        element("strong", counted(unsure.rows, "row")),
        (", listed in ", code(unsure.file)) if unsure.file else None,
        ".",
    )

    def reached(score: Score | None, where: str) -> Html | None:
        return None if score is None else joined(" ", metric_name(score.name), f" {where}: ", score_text(score), ".")

    return joined(
        element("h3", "Rows left to a person"),
        element(
            "p",
            handed,
            reached(unsure.kept, "on the other rows"),
            reached(unsure.handed, "on those left to a person, had they been answered"),
        ),
    )
