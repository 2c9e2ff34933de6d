"""Tables of a report: real ones, that a listener can walk through and a narrow screen can scroll."""

from collections.abc import Iterable, Sequence

from brickwork.services.report.markup import Child, Html, element, joined


def table(
    head: Sequence[Child],
    rows: Iterable[Sequence[Child]],
    *,
    label: str,
    classes: Sequence[str] = (),
    class_: str | None = None,
) -> Html:
    """Return a table whose first column names the rows; `classes` are those of the columns ("number", "wide").

    It scrolls sideways within its own frame where it is too wide, by touch or, having focus, with the arrow keys.
    """
    kinds = [*classes, *[""] * (len(head) - len(classes))]
    # A column without a name has no header: a cell stands there.
    top = [
        element("th" if cell else "td", cell, scope="col" if cell else None, class_=kind or None)
        for cell, kind in zip(head, kinds, strict=True)
    ]
    body = [
        element(
            "tr",
            [
                element("td" if place else "th", cell, scope=None if place else "row", class_=kind or None)
                for place, (cell, kind) in enumerate(zip(row, kinds, strict=True))
            ],
        )
        for row in rows
    ]
    written = element("table", element("thead", element("tr", top)), element("tbody", body), class_=class_)
    return element("div", written, class_="scroll", tabindex=0, role="region", aria_label=label)


def folded(summary: Child, *content: Child, open_: bool = False) -> Html:
    """Return something that is folded away until it is asked for."""
    return element("details", element("summary", summary), joined(*content), open=open_)


def facts(pairs: Iterable[tuple[Child, Child]]) -> Html | None:
    """Return names with what is said of each."""
    said = [element("div", element("dt", name), element("dd", what)) for name, what in pairs]
    return element("dl", said) if said else None


def section(name: str, title: str, *content: Child) -> Html:
    """Return a part of the page with its heading, or nothing where it has no content."""
    inside = joined(*content)
    return element("section", element("h2", title), inside, id=name) if inside else Html("")
