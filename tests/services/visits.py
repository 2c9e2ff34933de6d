"""A small table to learn from: visits to a shop, and who buys."""

from pathlib import Path

import numpy as np
import polars as pl


def visits(rows: int = 240, seed: int = 0) -> pl.DataFrame:
    """Return visits; who stays longer buys, but in Rome who stays shorter; one answer in twenty is turned round."""
    drawn = np.random.default_rng(seed)
    minutes = drawn.integers(1, 60, rows).astype(float)
    city = drawn.choice(["Oslo", "Rome", "Lima"], rows)
    member = drawn.random(rows) < 0.4
    bought = (minutes > 30) ^ (city == "Rome") ^ (drawn.random(rows) < 0.05)
    price = 3 * minutes + np.where(member, -20.0, 0.0) + drawn.normal(0, 2, rows)
    tags = [
        "|".join(name for name, there in (("long", m > 30), ("far", c == "Lima")) if there) or "short"
        for m, c in zip(minutes, city, strict=True)
    ]
    return pl.DataFrame(
        {
            "minutes": [None if n % 17 == 3 else value for n, value in enumerate(minutes)],
            "city": city,
            "member": member,
            "bought": np.where(bought, "yes", "no"),
            "price": price,
            "weight": price / 2 + drawn.normal(0, 1, rows),
            "tags": tags,
        }
    )


def write_visits(path: Path, rows: int = 240, seed: int = 0, without: tuple[str, ...] = ()) -> Path:
    """Write visits as CSV."""
    visits(rows, seed).drop(without).write_csv(path)
    return path
