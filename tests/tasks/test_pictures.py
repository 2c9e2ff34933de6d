"""The task of pictures: what it may change in them, what it is made of, and that it learns."""

import numpy as np
import pytest

from brickwork.bricks import RandomAffine, RandomFlip
from brickwork.core.spec import from_json, to_json
from brickwork.data import Examples, datasets
from brickwork.tasks.picture_symmetry import harmless_mirrors
from brickwork.tasks.pictures import picture_augmentation, picture_task
from brickwork.tasks.problem import Problem
from brickwork.train import Model

RNG = np.random.default_rng(0)


def spots(rows: int, side: int = 16, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return grey pictures of a bright spot at any place, and its diameter: 3 to 8 pixels."""
    draw = np.random.default_rng(seed)
    width = draw.integers(3, 9, rows)
    place = draw.integers(0, side - width[:, None] + 1, (rows, 2))
    far = np.arange(side)
    inside = [np.abs(2 * (far - place[:, k : k + 1]) - width[:, None] + 1) < width[:, None] for k in (0, 1)]
    bright = inside[0][:, :, None] & inside[1][:, None, :]
    noise = draw.normal(0, 10, (rows, side, side))
    return np.clip(60 + 120 * bright + noise, 0, 255).astype(np.uint8)[..., None], width


def problem(kind, inputs, targets, labels=None, names=()) -> Problem:
    third = len(inputs) // 4
    given = {"classes": labels} if kind == "classes" else {}
    train, valid, test = (
        Examples(inputs[rows], targets[rows], **given)
        for rows in (slice(2 * third, None), slice(third, 2 * third), slice(0, third))
    )
    return Problem("made", "made", kind, "so", "pictures", train, valid, test, names, labels)


def parts(kind, inputs, targets, labels=None, names=()):
    augment = picture_augmentation(problem(kind, inputs, targets, labels, names))
    return {type(part): part for part in augment}


def test_mirrors_are_harmless_where_pictures_show_it():
    some, classes = spots(400)
    assert harmless_mirrors(some, (classes > 5).astype(int), ("small", "large")) == ("across", "down", "turned")
    sky = np.clip(some + np.linspace(60, 0, 16)[:, None, None], 0, 255).astype(np.uint8)
    assert harmless_mirrors(sky, (classes > 5).astype(int), ("small", "large")) == ("across",)
    # A class each for what leans left and right: alike on the whole, but not class by class.
    leaning = np.where(
        (classes > 5)[:, None, None, None], some + np.arange(16)[:, None], some + np.arange(16)[::-1, None]
    )
    assert "across" not in harmless_mirrors(leaning, (classes > 5).astype(int), (0, 1))
    digits = datasets.load("digits").train
    assert harmless_mirrors(digits.inputs, digits.targets, tuple(range(10))) == ()


def test_mirrors_are_not_harmless_where_names_or_numbers_forbid_it():
    some, classes = spots(400)
    flags = (classes > 5).astype(int)
    assert harmless_mirrors(some, flags, ("Turn-Left", "turn_right")) == ()
    assert harmless_mirrors(some, flags, ("leftover", "upright")) != ()
    assert harmless_mirrors(some[:40], flags[:40], ("a", "b")) == ()
    assert harmless_mirrors(some[:40].repeat(3, -1), flags[:40], ("a", "b")) == ("across",)


def test_augmentation_leaves_numbers_what_they_are():
    some, widths = spots(100)
    changes = parts("number", some, widths[:, None].astype(np.float32), names=("width",))
    assert set(changes) == {RandomAffine}
    assert changes[RandomAffine].rotate <= 2
    assert changes[RandomAffine].scale <= 0.05
    digits = datasets.load("digits").train
    assert RandomFlip not in parts("classes", digits.inputs, digits.targets, tuple(range(10)))
    assert RandomFlip in parts("classes", some.repeat(3, -1)[:60], (widths > 5).astype(np.int32)[:60], ("a", "b"))


@pytest.mark.parametrize("kind", ["classes", "labels", "number"])
def test_what_the_task_is_made_of(kind):
    some, widths = spots(80, side=24)
    targets = {
        "classes": (widths - 3).astype(np.int32),
        "labels": np.stack([widths > 4, widths > 6], -1).astype(np.int32),
        "number": np.stack([widths, widths**2], -1).astype(np.float32),
    }[kind]
    labels = {"classes": tuple(range(3, 9)), "labels": ("wide", "wider"), "number": None}[kind]
    names = ("width", "area") if kind == "number" else ()
    task = picture_task(problem(kind, some, targets, labels, names))
    assert task.kind == kind
    assert task.headline == {"classes": "accuracy", "labels": "macro_f1", "number": "r2"}[kind]
    assert task.net.plan(some[:1]).output.shape == (1, 6 if kind == "classes" else 2)
    assert from_json(to_json(task.augment)) == task.augment
    assert from_json(to_json(task.recipe)) == task.recipe
    assert 8 <= task.recipe.epochs <= 300
    if kind == "number":  # off by one deviation in each counts alike, whatever the units
        truth = targets[-40:]
        np.testing.assert_allclose(task.loss(truth + truth.std(0) * [1, -1], truth), 1.0, rtol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["classes", "labels", "number"])
def test_it_learns(kind):
    some, widths = spots(800, side=14)
    targets = {
        "classes": (widths > 5).astype(np.int32),
        "labels": np.stack([widths > 4, widths > 6], -1).astype(np.int32),
        "number": widths[:, None].astype(np.float32),
    }[kind]
    labels = {"classes": ("small", "large"), "labels": ("wide", "wider"), "number": None}[kind]
    given = problem(kind, some, targets, labels, ("width",) if kind == "number" else ())
    task = picture_task(given)
    model = Model(task.net, task.loss, task.metrics, augment=task.augment)
    model.fit(given.train, valid=given.valid, recipe=task.recipe.changed(epochs=15), progress=False)
    scores = model.evaluate(given.test)
    assert scores[task.headline] > 0.9
