"""What commands share in showing results: tables for people, JSON for programs."""

import json
from collections.abc import Sequence
from typing import Annotated, Any

from cyclopts import Parameter

Json = Annotated[bool, Parameter(name="--json", negative="", help="Print one JSON document and nothing else.")]
Quiet = Annotated[bool, Parameter(name=["--quiet", "-q"], negative="", help="Print the result only.")]


def print_json(document: Any) -> None:
    """Print a JSON document on standard output."""
    print(json.dumps(document, indent=2, default=str))


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]], right: Sequence[str] = ()) -> None:
    """Print a table; the columns named in `right` are set flush right."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title or None, title_justify="left", title_style="bold", box=SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        table.add_column(column, justify="right" if column in right else "left", overflow="fold")
    for row in rows:
        table.add_row(*(str(cell) for cell in row))
    Console().print(table)


def print_network(layers: Sequence[dict[str, Any]], total: int) -> None:
    """Print a network's table."""
    rows = [
        (row["layer"], row["kind"], " x ".join(map(str, row["shape"])) or "1", f"{row['parameters']:,}")
        for row in layers
    ]
    print_table(f"Network: {total:,} parameters", ("layer", "kind", "shape", "parameters"), rows, ("parameters",))


def percent(value: float) -> str:
    """Return a share as a percentage."""
    return f"{100 * value:.1f}%"
