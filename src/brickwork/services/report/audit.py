"""Whether the network is equally good for all groups of rows."""

import math

from brickwork.explain.findings import GroupScores, Score
from brickwork.services.report.bars import dot
from brickwork.services.report.document import Audit, Report
from brickwork.services.report.markup import Child, Html, element, given, joined
from brickwork.services.report.tables import folded, section, table
from brickwork.services.report.wording import (
    ANSWERED,
    count,
    difference_text,
    leaves_out_zero,
    meanings,
    metric_name,
    paragraph,
    range_text,
    value_text,
)

MOST = 6
"""Most scores that stand side by side."""

FEW = 30
"""Groups of fewer rows are said to be small: a share of 30 rows has an interval of up to 35 points."""


def audit_section(report: Report) -> Html:
    """Return the scores by group."""
    audits = [audit for audit in report.audits if audit.groups]
    if not audits:
        return Html("")
    intro = paragraph(
        "Each line is a group of test rows. The last line under a score is the gap: how far the group is above (+) or "
        "below (−) all other rows, with its 95% interval. A gap whose interval leaves out 0 is bold, with an arrow "
        "up or down."
    )
    known = meanings(score.name for audit in audits for group in audit.groups for score in group.scores)
    caution = paragraph(
        "Read with care: small groups have wide intervals, and of 20 gaps that are pure chance about one is marked. A "
        "gap says that the groups differ, not why; the data may hold fewer rows of one, or other cases.",
        class_="note",
    )
    return section(
        "audit", "Is it equally good for all groups?", intro, [_audit(audit) for audit in audits], known, caution
    )


def _audit(audit: Audit) -> Html:
    names = list(dict.fromkeys(score.name for group in audit.groups for score in group.scores))
    shown, rest = names, []
    if len(names) > MOST:  # of many classes, how often each is answered makes a table of its own
        shown = [name for name in names if not name.startswith(ANSWERED)][:MOST] or names[:MOST]
        rest = [name for name in names if name not in shown]
    tables = [_table(audit, rest[start : start + MOST], drawn=False) for start in range(0, len(rest), MOST)]
    return joined(
        element("h3", "By ", given(audit.column, 60)),
        _table(audit, shown, drawn=True),
        folded(f"{len(rest)} more scores: how often each answer is given", tables) if rest else None,
        [paragraph(given(note, 300), class_="quiet") for note in audit.notes],
    )


def _table(audit: Audit, names: list[str], drawn: bool) -> Html:
    """Return the scores of each group, the first of them also drawn on one scale."""
    head: list[Child] = [given(audit.column, 40), "Rows"]
    scale = _scale(audit, names[0]) if drawn and names else None
    for place, name in enumerate(names):
        head.append(metric_name(name))
        if not place and scale is not None:
            head.append(element("span", "on one scale", class_="quiet"))
    rows: list[list[Child]] = []
    for group in audit.groups:
        scores = {score.name: score for score in group.scores}
        small = element("small", "few rows", class_="quiet") if group.few or group.rows < FEW else None
        row: list[Child] = [given(group.group, 40), joined(count(group.rows), small)]
        for place, name in enumerate(names):
            score = scores.get(name)
            row.append("–" if score is None else joined(value_text(score), _ends(score, place), _gap(group, score)))
            if not place and scale is not None:
                row.append("" if score is None else dot(score.interval, *scale))
        rows.append(row)
    kinds = ["name", "number", "number", *(["wide"] if scale else []), *["number"] * (len(names) - 1)]
    return table(head, rows, label="Scores by group", classes=kinds, class_="scores groups")


def _scale(audit: Audit, name: str) -> tuple[float, float] | None:
    """Return the scale on which the groups' first score is drawn."""
    found = [score.interval for group in audit.groups for score in group.scores if score.name == name]
    ends = [end for i in found for end in (i.low, i.value, i.high) if math.isfinite(end)]
    if len(audit.groups) < 2 or not ends or min(ends) == max(ends):
        return None
    margin = 0.05 * (max(ends) - min(ends))
    return min(ends) - margin, max(ends) + margin


def _ends(score: Score, place: int) -> Html | None:
    """Return the interval of the first score; that of the others is in their gap."""
    ends = range_text(score.interval, score.share)
    return element("small", ends) if ends and not place else None


def _gap(group: GroupScores, score: Score) -> Html | None:
    gap = group.gaps.get(score.name)
    if gap is None or not math.isfinite(gap.value):
        return None
    ends = range_text(gap, score.share, signed=True)
    value = difference_text(gap, score.share).removesuffix(" points")
    text = f"{value} ({ends})" if ends else value
    if not leaves_out_zero(gap):
        return element("small", text, class_="quiet")
    higher = gap.value > 0
    arrow = element("span", "▲" if higher else "▼", role="img", aria_label="higher" if higher else "lower")
    return element("small", arrow, " ", text, class_="gap")
