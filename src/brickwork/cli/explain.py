"""`brickwork explain`: what a saved model's answers rest on."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from brickwork.cli.output import Json, percent, print_json, print_table
from brickwork.services import Explanation, explain_pictures, explain_rows

SHOWN = 8
"""Columns that are shown for a row: those that move its answer most."""

Row = Annotated[
    list[int] | None,
    Parameter(negative="", help="A row to explain, from 1 on; again for others. The first ten where none is named."),
]


def explain(
    model: Path,
    /,
    *sources: Path,
    row: Row = None,
    output: str | None = None,
    out: Path | None = None,
    separator: str | None = None,
    encoding: str | None = None,
    json: Json = False,
) -> int:
    """Show what a saved model's answers rest on: row by row the columns, picture by picture the pixels.

    Each column's effect says how far it moves the answer away from the answer for a typical row; the effects of all
    columns add up to the whole difference (Shapley values).

    Examples:

        brickwork explain runs/flights-1/model.brickwork new.csv --row 3

        brickwork explain runs/pictures-1/model.brickwork cat.png --out maps

    Parameters
    ----------
    model
        A saved model (`model.brickwork`).
    sources
        A file of rows; for a model of pictures files.
    output
        The class, the label or the target to explain; what was answered where none is named.
    out
        For pictures: the folder that the maps are written into.
    separator
        What stands between the fields of delimited text; guessed where it is not said.
    encoding
        Of text; guessed where it is not said.
    """
    from brickwork.services import takes_pictures

    if takes_pictures(model):
        for path, written in explain_pictures(model, sources, out or Path()):
            print(f"{path}: {written}")
        return 0
    rows = None if row is None else [number - 1 for number in row]
    found = explain_rows(model, sources, rows=rows, output=output, separator=separator, encoding=encoding)
    if json:
        print_json([_document(one) for one in found])
        return 0
    for one in found:
        _print(one)
    return 0


def _print(one: Explanation) -> None:
    share = bool(one.answer.ranking)
    shown = percent if share else "{:.4g}".format
    signed = (lambda x: f"{100 * x:+.1f}%") if share else "{:+.4g}".format
    rows = [(part.column, part.value, signed(part.effect)) for part in one.contributions[:SHOWN]]
    rest = sum(part.effect for part in one.contributions[SHOWN:])
    others = len(one.contributions) - SHOWN
    if others > 0:
        rows.append((f"{others} other{'s' if others > 1 else ''}", "", signed(rest)))
    print_table(
        f"{one.answer.source}: {one.target} {shown(one.number)}; a typical row {shown(one.typical)}",
        ("column", "value", "effect"),
        rows,
        ("effect",),
    )


def _document(one: Explanation) -> dict[str, object]:
    return {
        "source": one.answer.source,
        "answer": one.answer.answer,
        "target": one.target,
        "number": one.number,
        "typical": one.typical,
        "effects": {part.column: part.effect for part in one.contributions},
    }
