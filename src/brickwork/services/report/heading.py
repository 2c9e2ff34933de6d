"""The top of a report: what was asked, what came out in plain sentences, and what to know before relying on it."""

import math
from dataclasses import replace

from brickwork.explain.findings import Interval, Score
from brickwork.services.report.document import Compared, Report
from brickwork.services.report.markup import Child, Html, element, given, joined, sentence
from brickwork.services.report.wording import (
    count,
    difference_text,
    leaves_out_zero,
    metric_meaning,
    metric_name,
    metric_of,
    paragraph,
    range_text,
    rows_of,
    value_text,
)

KINDS = {"classes": "one of several classes", "labels": "any number of labels at once", "number": "a number"}


def heading(report: Report) -> Html:
    """Return the head of the page."""
    asked = joined([(", " if place else None, given(name)) for place, name in enumerate(report.asked[:6])])
    if len(report.asked) > 6:
        asked = joined(asked, f" and {len(report.asked) - 6} more")
    if report.inputs == "pictures" and report.asked == ("class",):
        asked = joined("The class of a picture")
    source = joined("Asked of ", given(report.source, 90)) if report.source else None
    return element(
        "header",
        element("p", "Brickwork report", class_="brand"),
        element("h1", asked or "A network"),
        element("p", source, class_="source") if source else None,
        element("p", _question(report), class_="question"),
        element("p", report.summary or sentences(report), class_="verdict"),
        _warnings(report),
    )


def sentences(report: Report) -> Html:
    """Return the result in words: the headline score, beside the trivial answer's and beside the best of the others."""
    if not report.scores:
        return Html("")
    name = report.scores[0].name
    score = _said(report.scores[0])
    rows = (
        f"On {rows_of(report.test_rows, report.inputs == 'pictures')} it has not seen, the"
        if report.test_rows
        else "The"
    )
    verb, rest = _words(name)
    value, ends = element("strong", value_text(score)), range_text(score.interval, score.share)
    clauses: list[Child] = [f"{rows} network {verb[1]} ", value, f" ({ends})" if ends else None, rest]
    others = [(other, same) for other in report.compared if (same := _score_of(other, name)) is not None]
    trivial = next(((other, same) for other, same in others if other.trivial), None)
    if trivial is None:
        clauses.append(".")
    else:
        other, same = trivial
        none = metric_of(name) == "r2" and same.interval.value < 0.0005
        clauses += ["; ", given(other.saying or other.name, 90), f" would {verb[0]} "]
        clauses += ["nothing." if none else f"{value_text(same)}.", _doubt(other.gains.get(name))]
    learnt = [(other, same) for other, same in others if not other.trivial]
    if learnt:
        clauses += [" ", _beside(score, verb[1], learnt)]
    return joined(clauses)


def _words(name: str) -> tuple[tuple[str, str], Child]:
    """Return what an answer does, as in "it would explain 80%" and "it explains 80%", and what follows."""
    match metric_of(name):
        case "accuracy":
            return ("be right in", "is right in"), None
        case "error_rate":
            return ("be wrong in", "is wrong in"), None
        case "exact_match":
            return ("get every label right in", "gets every label right in"), None
        case "r2":
            return ("explain", "explains"), " of the differences between rows (R²)"
        case "rmse" | "mae":
            return ("be off by", "is off by"), joined(" on average (", metric_name(name), ")")
    meaning = metric_meaning(name)
    rest = joined(" in ", metric_name(name), f" ({meaning})" if meaning else None)
    return ("reach", "reaches"), rest


def _doubt(gain: Interval | None) -> str | None:
    """Return what to say where the network is no better than the trivial answer."""
    if gain is None or not math.isfinite(gain.value) or (leaves_out_zero(gain) and gain.value > 0):
        return None
    return " It does worse than that: do not use it." if leaves_out_zero(gain) else " The gain may be mere chance."


def _beside(score: Score, verb: str, others: list[tuple[Compared, Score]]) -> Html:
    """Return how the network stands beside the best of what else was tried."""
    sign = 1 if score.higher_is_better else -1
    best, same = max(others, key=lambda pair: sign * pair[1].interval.value)
    ends = range_text(same.interval, score.share)
    text = joined(given(sentence(best.name), 60), f" {verb} {value_text(same)}", f" ({ends})" if ends else None)
    gain = best.gains.get(score.name)
    if gain is None or not math.isfinite(gain.value):
        return joined(text, " on the same rows.")
    if not leaves_out_zero(gain):
        between = range_text(gain, score.share, signed=True) + (" points" if score.share else "")
        return joined(text, f": no clear difference ({between}).")
    ahead = difference_text(gain, score.share).lstrip("+−")
    if gain.value > 0:
        return joined(text, f": the network is ahead by {ahead}.")
    return joined(text, f" and is ahead of the network by {ahead}. Where the score is all that counts, use that.")


def _said(score: Score) -> Score:
    """Return a score as it is said in a sentence: R² as a percentage."""
    return replace(score, share=True) if metric_of(score.name) == "r2" else score


def _score_of(other: Compared, name: str) -> Score | None:
    return next((_said(s) for s in other.scores if s.name == name and math.isfinite(s.interval.value)), None)


def _question(report: Report) -> Html:
    kind = KINDS[report.kind]
    if report.kind == "classes" and report.confusion is not None:
        kind = f"one of {len(report.confusion.labels)} classes"
    elif report.kind == "number" and len(report.asked) > 1:
        kind = f"{len(report.asked)} numbers"
    return joined("The answer is ", kind, (", since ", given(report.why, 300)) if report.why else None, ".")


def _warnings(report: Report) -> Html | None:
    warnings = report.data.warnings if report.data else ()
    if not warnings:
        return None
    return element(
        "div",
        element("h2", "Before you rely on it"),
        element("ul", [element("li", given(warning, 300)) for warning in warnings[:20]]),
        paragraph(f"and {count(len(warnings) - 20)} more") if len(warnings) > 20 else None,
        class_="warning",
        role="note",
    )
