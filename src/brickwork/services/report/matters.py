"""What the network goes by: columns by how much worse it gets without them, pixels as maps beside their pictures."""

import math

from brickwork.explain.findings import Importance
from brickwork.services.report.bars import ranged
from brickwork.services.report.document import PictureMap, Report
from brickwork.services.report.markup import Child, Html, element, given, joined
from brickwork.services.report.pictures import map_tag, picture_tag
from brickwork.services.report.tables import folded, section, table
from brickwork.services.report.wording import (
    difference_text,
    metric_name,
    paragraph,
    percent,
    range_text,
)

SHOWN = 20
MOST = 500


def matters_section(report: Report) -> Html:
    """Return which columns or pixels matter."""
    title = "Which pixels matter" if report.maps and not report.importances else "Which columns matter"
    return section("matters", title, _columns(report), _maps(report.maps))


def _columns(report: Report) -> Html | None:
    known = [found for found in report.importances if math.isfinite(found.loss.value)]
    if not known:
        return None
    ordered = sorted(known, key=lambda found: -found.loss.value)
    ends = [end for i in known for end in (i.loss.low, i.loss.value, i.loss.high) if math.isfinite(end)]
    low, high = min(0.0, *ends), max(0.0, *ends)
    share = report.importance_share
    score = metric_name(report.importance_of) if report.importance_of else None
    intro = element(
        "p",
        "How much worse the score",
        (" (", score, ")") if score else None,
        " gets when the values of a column are shuffled among the test rows, so that they say nothing any more; the "
        "thin line is the 95% interval. A long bar is a column that the network relies on. Columns that say nearly the "
        "same stand in for each other, and each may look unimportant alone. This is what the network uses, not what "
        "causes the answer.",
    )
    shown, rest = ordered[:SHOWN], ordered[SHOWN:MOST]
    return joined(
        intro,
        _bars(shown, low, high, share),
        folded(f"{len(rest)} columns that matter less", _bars(rest, low, high, share)) if rest else None,
    )


def _bars(found: list[Importance], low: float, high: float, share: bool) -> Html:
    rows: list[list[Child]] = []
    for one in found:
        ends = range_text(one.loss, share, signed=True)
        none = one.loss.low <= 0
        text = joined(difference_text(one.loss, share), element("small", ends) if ends else None)
        name = joined(given(one.column, 40), element("small", "not told from 0", class_="quiet") if none else None)
        rows.append([name, ranged(one.loss, low, high, class_="fill faint" if none else "fill"), text])
    head = ["Column", "", "Worse by"]
    kinds = ["name", "wide", "number"]
    return table(head, rows, label="How much each column matters", classes=kinds, class_="bars")


def _maps(maps: tuple[PictureMap, ...]) -> Html | None:
    if not maps:
        return None
    cards = [_map(found) for found in maps[:24]]
    intro = paragraph(
        "Beside each picture, the pixels that its answer hangs on: orange ones speak for the answer, blue ones against "
        "it, and the stronger the colour, the more."
    )
    return joined(intro, element("ul", cards, class_="cards"))


def _map(found: PictureMap) -> Html:
    said = joined("answered ", element("strong", given(found.answer, 30)))
    if found.probability is not None:
        said = joined(said, f" ({percent(found.probability)})")
    true = f"A picture of {found.truth}"
    return element(
        "li",
        element("div", picture_tag(found.picture, true), map_tag(found.map, "What mattered in it"), class_="beside"),
        element("p", "true ", element("strong", given(found.truth, 30)), ", ", said),
    )
