"""What commands share in showing results: tables for people, JSON for programs."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from cyclopts import Parameter

from brickwork.explain import Score

WIDTH = 120
"""Of tables where there is no terminal."""

Json = Annotated[bool, Parameter(name="--json", negative="", help="Print one JSON document and nothing else.")]
Quiet = Annotated[bool, Parameter(name=["--quiet", "-q"], negative="", help="Print the result only.")]


def print_json(document: Any) -> None:
    """Print a JSON document on standard output; what is no number becomes null."""
    print(json.dumps(_finite(document), indent=2, default=str, allow_nan=False))


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _finite(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]], right: Sequence[str] = ()) -> None:
    """Print a table; the columns named in `right` are set flush right."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    heading = Text(title) if title else None  # texts, as what is in brackets is no markup here
    table = Table(title=heading, title_justify="left", title_style="bold", box=SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        table.add_column(Text(column), justify="right" if column in right else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(str(cell)) for cell in row))
    console = Console()
    if not console.is_terminal:
        console.width = WIDTH
    console.print(table)


def print_network(layers: Sequence[dict[str, Any]], total: int) -> None:
    """Print a network's table."""
    rows = [
        (row["layer"], row["kind"], " x ".join(map(str, row["shape"])) or "1", f"{row['parameters']:,}")
        for row in layers
    ]
    print_table(f"Network: {total:,} parameters", ("layer", "kind", "shape", "parameters"), rows, ("parameters",))


def print_note(kind: str, text: str) -> None:
    """Print something that a person should notice."""
    from rich.console import Console
    from rich.text import Text

    Console().print(Text(f"{kind}: ", style="bold yellow") + Text(text, style="default"), soft_wrap=True)


def print_scores(scores: Sequence[Score], others: Mapping[str, Sequence[Score]]) -> None:
    """Print scores with their intervals, beside those of others."""
    rows = []
    for score in scores:
        beside = [next((shown_score(s) for s in other if s.name == score.name), "") for other in others.values()]
        low, high = (_number(end, score.share).removesuffix("%") for end in (score.interval.low, score.interval.high))
        rows.append((score.name, shown_score(score), f"{low} to {high}", *beside))
    columns = ("network", "95% interval", *others)
    print_table("", ("", *columns), rows, columns)


def shown_score(score: Score) -> str:
    """Return a score as a person reads it."""
    return _number(score.interval.value, score.share)


def _number(value: float, share: bool) -> str:
    return "-" if math.isnan(value) else percent(value) if share else f"{value:.4g}"


def percent(value: float) -> str:
    """Return a share as a percentage."""
    return f"{100 * value:.1f}%"
