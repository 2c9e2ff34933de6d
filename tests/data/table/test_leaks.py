"""Leaks: copies of the answer in every dress are found, strong but honest columns are left alone."""

import numpy as np
import polars as pl
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris, load_wine

from brickwork.data.table import read_table
from brickwork.data.table.leaks import leaks
from brickwork.data.table.target import read_target

draw = np.random.default_rng(0)


def found(frame, target, question=None):
    table = read_table(frame)
    names = [name for name in table.columns if name != target]
    return dict(leaks(table, names, read_target(table, target, question)))


@pytest.mark.parametrize("load", [load_iris, load_wine, load_breast_cancer, load_diabetes])
def test_honest_data_are_not_warned_of(load):
    data = load()
    assert found(pl.DataFrame(data.data, list(map(str, data.feature_names))).with_columns(y=data.target), "y") == {}


@pytest.mark.parametrize("rows", [60, 4000])
def test_a_number_in_disguise(rows):
    price = draw.lognormal(3, 1, rows)
    warned = found(
        pl.DataFrame(
            {
                "price": price,
                "cents": np.round(price * 100),
                "log": np.log(price),
                "rounded": np.round(price),
                "minus": 5 - price**3,
                "near": price * draw.lognormal(0, 0.2, rows),
                "size": draw.normal(size=rows),
                "word": draw.choice(["a", "b", "c"], rows),
                "day": pl.Series(draw.integers(0, 900, rows)).cast(pl.Date),
            }
        ),
        "price",
    )
    assert set(warned) == {"cents", "log", "rounded", "minus"}
    assert "tells the order of 'price' to 99.9%" in warned["log"] or rows == 60


def test_a_class_in_disguise():
    kind = draw.choice(["red", "green", "blue"], 900, p=[0.6, 0.3, 0.1])
    other = draw.random(900) < 0.08
    frame = pl.DataFrame(
        {
            "kind": kind,
            "code": [{"red": 7.5, "green": -1.0, "blue": 3.0}[one] for one in kind],
            "french": [{"red": "rouge", "green": "vert", "blue": "bleu"}[one] for one in kind],
            "near": np.where(other, "red", kind),
            "sorted name": [f"n{place:04}" for place in np.argsort(np.argsort(kind, kind="stable"))],
            "noise": draw.normal(size=900),
        }
    )
    assert set(found(frame, "kind")) == {"code", "french"}
    rare = frame.with_columns(
        ill=kind == "blue", treated=pl.Series(["2024-03-05" if one == "blue" else None for one in kind])
    )
    warned = found(rare.select("ill", "treated", "noise", "near"), "ill")
    assert warned == {"treated": "it tells 'ill' in 100% of the rows"}


def test_a_label_in_disguise_and_too_few_rows():
    flags = draw.random((400, 2)) < 0.5
    frame = pl.DataFrame(
        {
            "tags": ["|".join(word for word, yes in zip(("a", "b"), row, strict=True) if yes) or "c" for row in flags],
            "has b": flags[:, 1],
            "noise": draw.normal(size=400),
        }
    )
    assert "'b'" in found(frame, "tags", "labels")["has b"]
    assert set(found(frame, "tags", "labels")) == {"has b"}
    assert found(frame.head(12), "tags", "labels") == {}
