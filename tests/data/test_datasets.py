"""The small data sets against scikit-learn's own loaders."""

import ast
import time
from pathlib import Path

import numpy as np
import pytest

import brickwork.data
from brickwork.core.errors import SettingError
from brickwork.data import datasets

BUNDLED = tuple(card.name for card in datasets.cards() if card.comes == "bundled")


@pytest.mark.parametrize("name", BUNDLED)
def test_equal_to_scikit_learn(name):
    from sklearn import datasets as library

    bunch = getattr(library, f"load_{name}")(**({"scaled": False} if name == "diabetes" else {}))
    examples, card = datasets.load_all(name), {card.name: card for card in datasets.cards()}[name]
    np.testing.assert_array_equal(examples.inputs.reshape(len(examples), -1), bunch.data.astype(np.float32))
    np.testing.assert_array_equal(examples.targets, bunch.target.astype(examples.targets.dtype))
    assert examples.inputs.shape == (card.rows, *card.inputs)
    if card.target == "classes":
        assert [str(label) for label in card.classes or ()] == [str(label) for label in bunch.target_names]
    if card.columns is not None:
        assert list(card.columns) == list(bunch.feature_names)
    assert card.licence
    assert card.url.startswith("https://")


@pytest.mark.parametrize("name", [*BUNDLED, "passes"])
def test_three_parts_hold_every_row_once(name):
    whole, data = datasets.load_all(name), datasets.load(name, seed=4)
    rows = np.concatenate([part.inputs.reshape(len(part), -1) for part in (data.train, data.valid, data.test)])
    answers = np.concatenate([data.train.targets, data.valid.targets, data.test.targets])
    together = np.concatenate([rows, answers[:, None]], 1)
    original = np.concatenate([whole.inputs.reshape(len(whole), -1), whole.targets[:, None]], 1)
    assert np.array_equal(together[np.lexsort(together.T)], original[np.lexsort(original.T)])
    if data.card.target == "classes":
        share = np.bincount(whole.targets) / len(whole)
        for part in (data.train, data.valid, data.test):
            assert (np.abs(np.bincount(part.targets) - share * len(part)) <= 2).all()


def test_digits_are_bytes_with_a_channel():
    digits = datasets.load("digits")
    assert digits.train.inputs.shape == (1258, 8, 8, 1)
    assert digits.train.inputs.dtype == np.uint8
    assert digits.train.inputs.max() == 16
    assert digits.test.inputs[:5].shape == (5, 8, 8, 1)
    assert digits.train.classes == tuple(range(10))
    assert "1258" in repr(digits)
    assert not np.array_equal(digits.test.targets, datasets.load("digits", seed=1).test.targets)


def test_loading_is_quick():
    best = 1.0
    for _ in range(5):
        start = time.process_time()
        datasets.load("digits")
        best = min(best, time.process_time() - start)
    assert best < 0.08


def test_files_elsewhere_are_read_by_the_library(monkeypatch):
    want = datasets.load_all("iris").inputs
    monkeypatch.setattr(datasets, "_bundled", lambda name: None)
    np.testing.assert_array_equal(datasets.load_all("iris").inputs, want)
    assert datasets.load_all("diabetes").inputs.max() > 100


def test_unknown_name():
    with pytest.raises(SettingError, match=r"no data set named 'digit'\. Did you mean 'digits'\?"):
        datasets.load("digit")


@pytest.mark.parametrize("name", ["iris", "diabetes"])
def test_a_table_is_what_scikit_learn_has_as_a_frame(name):
    from sklearn import datasets as library

    options = {"scaled": False} if name == "diabetes" else {}
    want = getattr(library, f"load_{name}")(as_frame=True, **options)
    table, card = datasets.table(name), datasets.card(name)
    assert table.columns == (*want.data.columns, card.answer)
    np.testing.assert_array_equal(table.frame.select(want.data.columns).to_numpy(), want.data.to_numpy())
    answers = table.frame[card.answer].to_list()
    assert answers == [want.target_names[row] for row in want.target] if name == "iris" else list(want.target)
    assert table.source == f"the data set {name!r}"


def test_what_is_asked_for_in_the_wrong_way():
    with pytest.raises(SettingError, match=r"'digits' is no table.*use load\('digits'\).*Tables: iris, wine"):
        datasets.table("digits")
    with pytest.raises(SettingError, match=r"'flights' is a table.*datasets.table\('flights'\)"):
        datasets.load("flights")
    with pytest.raises(SettingError, match=r"'iris' is not read from files.*mnist, fashion_mnist, cifar10"):
        datasets.load("iris", folder="there")
    with pytest.raises(SettingError, match=r"no data set named 'minst'\. Did you mean 'mnist'"):
        datasets.table("minst")


def test_the_folder_imports_only_what_its_floor_may():
    allowed = {"numpy", "jaxtyping", "brickwork"}
    for path in Path(brickwork.data.__file__).parent.glob("*.py"):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = [node.module] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
                for name in names:
                    root = (name or "").split(".")
                    assert root[0] in allowed or root[0] in __import__("sys").stdlib_module_names, (path.name, name)
                    assert root[0] != "brickwork" or root[1] in ("core", "data"), (path.name, name)
