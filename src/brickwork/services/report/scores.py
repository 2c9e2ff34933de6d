"""The scores: the network's with their intervals, beside those of the trivial answer and of what else was tried."""

import math

from brickwork.explain.findings import Interval, Score
from brickwork.services.report.bars import dot
from brickwork.services.report.document import Compared, Report
from brickwork.services.report.markup import Child, Html, element, given, joined, sentence
from brickwork.services.report.tables import section, table
from brickwork.services.report.wording import (
    difference_text,
    leaves_out_zero,
    meanings,
    metric_name,
    paragraph,
    range_text,
    rows_of,
    value_text,
)


def scores_section(report: Report) -> Html:
    """Return how good the network is."""
    if not report.scores:
        return Html("")
    rows = rows_of(report.test_rows, report.inputs == "pictures")
    where = f"on {rows} that were put aside before training" if report.test_rows else "on rows it was not trained on"
    return section(
        "scores",
        "How good is it?",
        paragraph(
            f"Measured once, {where}. The range in brackets is a 95% interval: "
            "the fewer rows there are to measure on, the wider it is.",
            class_="lead",
        ),
        _headline(report),
        _all(report),
    )


def _headline(report: Report) -> Html | None:
    """Return the headline score of everything that was tried, as dots on one scale."""
    score = report.scores[0]
    entries: list[tuple[Child, Score, str]] = [("The network", score, "fill")]
    for other in report.compared:
        same = _same(other, score.name)
        if same is not None and math.isfinite(same.interval.value):
            entries.append((given(sentence(other.name)), same, "other"))
    ends = [end for _, s, _ in entries for end in _ends(s.interval)]
    if len(entries) < 2 or not ends:
        return None
    low, high = min(ends), max(ends)
    margin = 0.04 * (high - low) or 0.05 * abs(high) or 0.1
    low, high = low - margin, high + margin
    if score.share:
        low, high = max(low, 0.0), min(high, 1.0)
    best = "right is better" if score.higher_is_better else "left is better"
    return table(
        [metric_name(score.name), element("span", best, class_="quiet"), "Score"],
        [[name, dot(s.interval, low, high, class_=kind), _in_line(s)] for name, s, kind in entries],
        label="The headline score beside those of others",
        classes=["name", "wide", "number"],
        class_="bars headline",
    )


def _all(report: Report) -> Html:
    head: list[Child] = ["Score", "The network", *(given(sentence(other.name)) for other in report.compared)]
    rows: list[list[Child]] = []
    for score in report.scores:
        rows.append([metric_name(score.name), valued(score), *(_beside(score, other) for other in report.compared)])
    note = None
    if any(other.gains for other in report.compared):
        note = paragraph(
            "In the columns of the others, the second line says by how much the network is better (+) or worse (−) on "
            "the same rows, ",
            element("strong", "bold"),
            " where chance alone does not explain it.",
            class_="quiet",
        )
    kinds = ["name", *["number"] * (1 + len(report.compared))]
    return joined(
        table(head, rows, label="All scores", classes=kinds, class_="scores" if report.compared else None),
        note,
        meanings(s.name for s in report.scores),
    )


def valued(score: Score) -> Html:
    """Return a score over its interval."""
    ends = range_text(score.interval, score.share)
    return joined(value_text(score), element("small", ends) if ends else None)


def _in_line(score: Score) -> Html:
    """Return a score beside its interval; on a narrow screen over it."""
    ends = range_text(score.interval, score.share)
    return joined(element("span", value_text(score)), (" ", element("span", f"({ends})")) if ends else None)


def _beside(score: Score, other: Compared) -> Html:
    same, gain = _same(other, score.name), other.gains.get(score.name)
    if same is None:
        return element("span", "–", class_="quiet")
    if gain is None or not math.isfinite(gain.value):
        return joined(value_text(same))
    ends = range_text(gain, score.share, signed=True)
    text = joined(difference_text(gain, score.share), f" ({ends})" if ends else None)
    return joined(value_text(same), element("small", element("strong", text) if leaves_out_zero(gain) else text))


def _same(other: Compared, name: str) -> Score | None:
    return next((score for score in other.scores if score.name == name), None)


def _ends(interval: Interval) -> list[float]:
    return [end for end in (interval.low, interval.value, interval.high) if math.isfinite(end)]
