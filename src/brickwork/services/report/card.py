"""The data's card: where they are from, how they were parted, every column, and examples of pictures."""

from brickwork.services.report.axes import figure
from brickwork.services.report.bars import bar, sparkline
from brickwork.services.report.document import ColumnCard, DataCard, Distribution, Report
from brickwork.services.report.histograms import histogram, words
from brickwork.services.report.markup import Child, Html, element, given, joined, shortened
from brickwork.services.report.pictures import picture_tag
from brickwork.services.report.tables import facts, folded, section, table
from brickwork.services.report.wording import count, counted, paragraph, percent

PARTS = {
    "train": "trained on",
    "valid": "watched while training, to stop in time",
    "test": "put aside, to measure on once",
}
SHOWN = 30
MOST = 1000
MOST_NOTES = 40


def data_section(report: Report) -> Html:
    """Return what is to be known of the data."""
    card = report.data
    if card is None:
        return Html("")
    return section(
        "data",
        "The data",
        _source(card),
        _parts(card),
        _notes(card),
        _targets(card, several=report.kind == "labels"),
        _columns(card),
        _gallery(card),
    )


def _source(card: DataCard) -> Html | None:
    total = sum(card.rows.values())
    pairs: list[tuple[Child, Child]] = [("From", given(card.source, 200))] if card.source else []
    if total:
        pairs.append(("Pictures" if card.gallery else "Rows", count(total)))
    if card.split:
        pairs.append(("Split", given(card.split, 300)))
    return facts(pairs)


def _parts(card: DataCard) -> Html | None:
    total = sum(card.rows.values())
    if not total:
        return None
    rows = [
        [
            joined(given(name), element("small", use) if use else None),
            element("div", bar(rows / total), class_="measured"),
            count(rows),
            percent(rows / total, 0),
        ]
        for name, rows, use in ((name, rows, PARTS.get(name, "")) for name, rows in card.rows.items())
    ]
    kinds = ["name", "wide", "number", "number"]
    return table(["Part", "", "Rows", "Share"], rows, label="Rows of each part", classes=kinds, class_="bars")


def _notes(card: DataCard) -> Html | None:
    if not card.notes:
        return None
    shown, rest = card.notes[:MOST_NOTES], len(card.notes) - MOST_NOTES
    items = [element("li", given(note, 300)) for note in shown]
    if rest > 0:
        items.append(element("li", f"and {rest:,} more"))
    return element("div", element("h3", "Worth knowing"), element("ul", items), class_="note")


def _targets(card: DataCard, several: bool) -> Html | None:
    """Return how often what was asked for occurs; a row may have several labels, whose shares are of the rows."""
    total = sum(card.rows.values()) if several else 0
    shown = [_target(distribution, total) for distribution in card.target[:12] if distribution.counts]
    if not shown:
        return None
    return joined(element("h3", "What was asked for"), element("div", shown, class_="pair" if len(shown) > 1 else None))


def _target(distribution: Distribution, total: int) -> Html:
    name = given(distribution.name, 60)
    if not distribution.edges:
        return element("div", element("p", "How often each value of ", name, " occurs."), words(distribution, total))
    return figure(
        histogram(
            distribution.counts,
            distribution.edges,
            label=f"Histogram of {shortened(distribution.name, 60)}",
            x_name=shortened(distribution.name, 40),
            y_name="rows",
        ),
        None,
    )


def _columns(card: DataCard) -> Html | None:
    if not card.columns:
        return None
    used = [column for column in card.columns if column.kind != "none"]
    left_out = [column for column in card.columns if column.kind == "none"]
    shown, rest = used[:SHOWN], used[SHOWN:MOST]
    more = len(used) - len(shown) - len(rest)
    what = f"{len(used):,} used" + (f", {len(left_out):,} left out" if left_out else "")
    if all(column.missing == 0 for column in used):
        what += "; no value is missing"
    return joined(
        element("h3", "Columns: ", what),
        _table(shown, "Columns") if shown else None,
        folded(f"{len(rest):,} more columns", _table(rest, "More columns")) if rest else None,
        paragraph(f"{more:,} further columns are not listed here.", class_="quiet") if more > 0 else None,
        _left_out(left_out[:MOST]) if left_out else None,
    )


def _table(columns: list[ColumnCard], label: str) -> Html:
    drawn = any(column.distribution for column in columns)
    missing = any(column.missing for column in columns)
    said = any(column.summary for column in columns)
    why = any(column.why for column in columns)
    optional = ((missing, "Missing", "number"), (drawn, "", "drawn"), (said, "Values", "said"), (why, "Why", "said"))
    head: list[Child] = ["Column", "Taken for", *(name for there, name, _ in optional if there)]
    kinds = ["name", "", *(kind for there, _, kind in optional if there)]
    rows: list[list[Child]] = []
    for column in columns:
        gone = "" if not column.missing else percent(column.missing)
        small = column.distribution
        spark = sparkline(small.counts, f"Distribution of {shortened(column.name, 60)}") if small else ""
        summary = given(column.summary, 90) if column.summary else ""
        because = given(column.why, 90) if column.why else ""
        cells = ((missing, gone), (drawn, spark), (said, summary), (why, because))
        rows.append([given(column.name, 40), given(column.kind), *(cell for there, cell in cells if there)])
    return table(head, rows, label=label, classes=kinds, class_="columns")


def _left_out(columns: list[ColumnCard]) -> Html:
    items = [element("li", given(column.name, 60), ": ", given(column.why, 200)) for column in columns]
    inside = joined(paragraph("Left out, because:"), element("ul", items))
    return folded(f"{counted(len(columns), 'column')} left out", inside, open_=len(columns) <= 8)


def _gallery(card: DataCard) -> Html | None:
    if not card.gallery:
        return None
    lines = [
        element(
            "li",
            element("p", element("strong", given(gallery.label, 40))),
            element("div", [picture_tag(picture, f"A picture of {gallery.label}") for picture in gallery.pictures[:6]]),
        )
        for gallery in card.gallery[:100]
        if gallery.pictures
    ]
    return joined(element("h3", "Examples of each class"), element("ul", lines, class_="gallery")) if lines else None
