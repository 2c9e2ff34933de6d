"""Which classes and labels are told apart: the confusion matrix, and how well each class or label is found."""

import math

import numpy as np

from brickwork.explain.findings import Confusion, Score
from brickwork.services.report.axes import figure, svg_text
from brickwork.services.report.bars import bar
from brickwork.services.report.document import LabelScores, Report
from brickwork.services.report.markup import Child, Html, element, given, joined, shortened
from brickwork.services.report.scores import valued
from brickwork.services.report.tables import folded, section, table
from brickwork.services.report.wording import count, counted, metric_meaning, metric_name, metric_of, paragraph, percent

MOST_CELLS = 12
"""Most classes whose confusion matrix is a table of numbers; more are a drawing."""

MOST_NAMED = 40
"""Most classes whose names stand beside that drawing."""

MIXED_UP = 12

ONE_LABEL = {"macro_f1": "f1", "exact_match": "accuracy"}
"""What a score of labels is of one label alone."""


def confusion_section(report: Report) -> Html:
    """Return which classes are taken for which."""
    confusion = report.confusion
    if confusion is None or not confusion.counts.sum() or report.kind != "classes":
        return Html("")
    n = len(confusion.labels)
    many = n > MOST_CELLS
    return section(
        "classes",
        "Which classes it mixes up",
        _in_words(confusion) if n == 2 else None,
        _drawing(confusion) if many else _matrix(confusion),
        _mixed_up(confusion) if n > 3 else None,
        _each(confusion),
    )


def labels_section(report: Report) -> Html:
    """Return how well each label is found."""
    entries = report.label_scores
    if not entries:
        return Html("")
    first = next((entry.scores[0] for entry in entries if entry.scores), None)
    name = ONE_LABEL.get(metric_of(first.name), first.name) if first else ""
    meaning = metric_meaning(name)
    intro = joined(
        "One line for each label, that with the lowest score first.",
        (" The bar shows ", metric_name(name), f": {meaning}." if meaning else ".") if name else None,
        " Recall: of the rows that have it, the share that are given it. Precision: of the rows that are given it, the "
        "share that have it."
        if report.confusion is not None
        else None,
    )

    def place(entry: LabelScores) -> float:
        value = entry.scores[0].interval.value if entry.scores else np.nan
        worst = -value if first is not None and not first.higher_is_better else value
        return np.inf if np.isnan(worst) else worst

    ordered = sorted(entries, key=place)
    shown, rest = ordered[:30], ordered[30:]
    return section(
        "labels",
        "How well it finds each label",
        element("p", intro),
        _label_table(shown, report.confusion),
        folded(f"{len(rest)} more labels", _label_table(rest, report.confusion)) if rest else None,
        _mixed_up(report.confusion, labels=True) if report.confusion is not None else None,
    )


def _in_words(confusion: Confusion) -> Html:
    counts = confusion.counts
    items: list[Html] = []
    for index, label in enumerate(confusion.labels):
        rows, right = int(counts[index].sum()), int(counts[index, index])
        if rows:
            found = f" ({percent(right / rows)}), {count(rows - right)} taken for the other."
            items.append(
                element(
                    "li", f"Of {counted(rows, 'row')} that are ", given(label, 40), f", {count(right)} are found", found
                )
            )
        else:
            items.append(element("li", "No test row is ", given(label, 40), ", so nothing is known of it."))
    return element("ul", items)


def _matrix(confusion: Confusion) -> Html:
    rows: list[list[Child]] = []
    totals = confusion.counts.sum(axis=1)
    for index, label in enumerate(confusion.labels):
        cells: list[Child] = [given(label, 30)]
        for column, value in enumerate(confusion.counts[index]):
            share = value / totals[index] if totals[index] else 0.0
            level = 0 if not value else max(1, round(8 * share))
            kind = f"cell {'right' if index == column else 'wrong'} s{level}"
            part = element("small", percent(share, 0)) if value else None
            cells.append(element("span", count(value), part, class_=kind))
        rows.append([*cells, element("span", count(totals[index]), class_="quiet")])
    head: list[Child] = [element("span", "true ↓ answered →", class_="quiet")]
    head += [given(label, 30) for label in confusion.labels]
    kinds = ["name", *["center"] * len(confusion.labels), "number"]
    written = table([*head, "rows"], rows, label="Confusion matrix", classes=kinds, class_="confusion")
    return joined(
        paragraph("Each line holds the test rows of one true class; each column, what the network said of them. "),
        written,
    )


def _drawing(confusion: Confusion) -> Html:
    """Return the matrix of many classes as squares, as dark as the share of a true class that they hold."""
    n = len(confusion.labels)
    named = n <= MOST_NAMED
    left = 8.0 + (6.2 * max(len(shortened(label, 18)) for label in confusion.labels) if named else 0.0)
    size, top = 460.0 / n, 8.0
    totals = np.maximum(confusion.counts.sum(axis=1), 1)
    marks: list[Html] = []
    told = np.count_nonzero(confusion.counts) <= 1500  # more tooltips than that make a heavy page
    for row, column in np.argwhere(confusion.counts > 0):
        value = int(confusion.counts[row, column])
        share = value / totals[row]
        what = f"{confusion.labels[row]} answered as {confusion.labels[column]}: {value}"
        kind = f"{'right' if row == column else 'wrong'} s{max(1, round(8 * share))}"
        place = {"x": left + column * size, "y": top + row * size, "width": size, "height": size}
        title = element("title", shortened(what, 120)) if told else None
        # A rectangle with a title needs an end tag; `element` closes empty ones at once.
        marks.append(element("g", element("rect", **place, class_=kind), title))
    marks.append(element("rect", x=left, y=top, width=460.0, height=460.0, class_="frame"))
    names = [
        svg_text(label, 18, x=left - 5, y=top + (index + 0.5) * size + 4, class_="end small")
        for index, label in enumerate(confusion.labels)
        if named
    ]
    label = f"Confusion matrix of {n} classes: the true class from top to bottom, the answered one from left to right"
    drawing = element(
        "svg",
        element("title", label),
        *marks,
        *names,
        viewBox=f"0 0 {left + 470:g} 476",
        class_="chart square",
        role="img",
        aria_label=label,
    )
    drawing = element("div", drawing, class_="scroll", tabindex=0, role="region", aria_label="Confusion matrix")
    caption = (
        "From top to bottom the true class, from left to right what the network said, in the same order. On the "
        "diagonal (blue) it is right; every other square (red) is a mix-up, the darker the more of its class it holds."
    )
    return figure(drawing, caption)


def _mixed_up(confusion: Confusion, labels: bool = False) -> Html | None:
    """Return what is taken for what most often; of labels, which one is missed where which other is said instead."""
    wrong = confusion.counts.copy()
    np.fill_diagonal(wrong, 0)
    places = [divmod(int(place), wrong.shape[1]) for place in np.argsort(-wrong, axis=None, kind="stable")[:MIXED_UP]]
    totals = confusion.counts.sum(axis=1)
    rows: list[list[Child]] = []
    for row, column in places:
        if wrong[row, column]:
            names = [given(confusion.labels[place], 40) for place in (row, column)]
            share = [] if labels else [percent(wrong[row, column] / totals[row])]
            rows.append([*names, count(wrong[row, column]), *share])
    if not rows:
        return None
    head: list[Child] = ["Missed", "Said instead", "Rows"] if labels else ["True class", "Answered", "Rows"]
    head += [] if labels else ["Share of its class"]
    title = "Labels taken for one another" if labels else "The most frequent mix-ups"
    return joined(
        element("h3", title), table(head, rows, label=title, classes=["name", "", "number", "number"][: len(head)])
    )


def _each(confusion: Confusion) -> Html:
    totals = confusion.counts.sum(axis=1)
    worst_first = np.argsort(np.where(np.isnan(confusion.recall), np.inf, confusion.recall), kind="stable")
    order = worst_first if len(confusion.labels) > MOST_CELLS else range(len(confusion.labels))
    rows: list[list[Child]] = [
        [
            given(confusion.labels[index], 40),
            count(totals[index]),
            _share_bar(confusion.recall[index]),
            _share_bar(confusion.precision[index]),
        ]
        for index in order
    ]
    head: list[Child] = [
        "Class",
        "Rows",
        joined("Found", element("small", "of its rows (recall)")),
        joined("Right when said", element("small", "of such answers (precision)")),
    ]
    kinds = ["name", "number", "wide", "wide"]
    shown, rest = rows[:30], rows[30:]
    return joined(
        element("h3", "Each class, the least found first" if len(rows) > MOST_CELLS else "Each class"),
        table(head, shown, label="How well each class is found", classes=kinds, class_="bars twin"),
        folded(f"{len(rest)} more classes", table(head, rest, label="More classes", classes=kinds, class_="bars twin"))
        if rest
        else None,
    )


def _share_bar(share: float) -> Html:
    return element("div", bar(float(share)), element("span", percent(share)), class_="measured")


def _label_table(entries: list[LabelScores], confusion: Confusion | None) -> Html:
    names = list(dict.fromkeys(score.name for entry in entries for score in entry.scores))
    places = {label: place for place, label in enumerate(confusion.labels)} if confusion is not None else {}
    ratios = {} if confusion is None else {"recall": confusion.recall, "precision": confusion.precision}
    ratios = {name: values for name, values in ratios.items() if name not in names}
    head: list[Child] = ["Label", "Rows", *(metric_name(ONE_LABEL.get(metric_of(name), name)) for name in names)]
    head += [metric_name(name) for name in ratios]
    rows: list[list[Child]] = []
    for entry in entries:
        scores = {score.name: score for score in entry.scores}
        row: list[Child] = [given(entry.label, 40), count(entry.rows)]
        row += [_label_cell(scores.get(name), first=not place) for place, name in enumerate(names)]
        place = places.get(entry.label)
        row += ["–" if place is None else percent(float(values[place])) for values in ratios.values()]
        rows.append(row)
    kinds = [
        "name",
        "number",
        *("number" if place else "wide" for place in range(len(names))),
        *["number"] * len(ratios),
    ]
    return table(head, rows, label="How well each label is found", classes=kinds, class_="bars twin")


def _label_cell(score: Score | None, first: bool) -> Html:
    if score is None or math.isnan(score.interval.value):
        return element("span", "not known" if first else "–", class_="quiet")
    if first and score.share:
        return element("div", bar(score.interval.value), element("span", valued(score)), class_="measured")
    return valued(score)
