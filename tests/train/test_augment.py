"""Augmentation beside the network: inputs and targets change alike, in training only."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brickwork.bricks import (
    Annotated,
    Cutout,
    Dense,
    Flatten,
    Mixup,
    RandomFlip,
    Sequential,
    TimeShift,
)
from brickwork.core.batch import Batch, Padded
from brickwork.core.brick import Brick, brick
from brickwork.core.errors import SettingError, ShapeError
from brickwork.data import Examples
from brickwork.train import Model
from brickwork.train.augmented import annotate, augmented, class_numbers_again

random = np.random.default_rng(3)


def bars(rows: int = 64) -> Examples:
    """Return pictures of 6 by 6 with a bright bar: lying (0) or standing (1), in noise."""
    labels = random.integers(0, 2, rows).astype(np.int32)
    pictures = 0.1 * random.normal(size=(rows, 6, 6, 1))
    for picture, label, place in zip(pictures, labels, random.integers(1, 5, rows), strict=True):
        picture[(slice(None), place) if label else place] += 1
    return Examples(pictures.astype(np.float32), labels)


NET = Sequential(Flatten(), Dense(24, "relu"), Dense(2))
AUGMENT = Sequential(RandomFlip(0.5, 0.5), Cutout(2), Mixup(classes=2))


def test_a_network_learns_from_augmented_pictures_and_mixed_labels():
    model = Model(NET, "cross_entropy", ["accuracy"], augment=AUGMENT)
    outcome = model.fit(bars(), valid=bars(), epochs=60, rate=0.01, progress=False)
    assert model.evaluate(bars())["accuracy"] > 0.95
    assert 0.5 < outcome.history[-1]["train/accuracy"] <= 1  # counted against the larger part of mixed labels


def test_held_out_data_are_never_augmented():
    plain, mixed = (Model(NET, "cross_entropy", ["accuracy"], augment=a) for a in (None, AUGMENT))
    data = bars()
    plain.variables = mixed.variables = NET.init(jax.random.key(0), data.inputs)
    assert mixed.evaluate(data) == plain.evaluate(data)
    np.testing.assert_array_equal(mixed.logits(data.inputs), plain.logits(data.inputs))


def test_masks_and_boxes_of_targets_move_with_the_pictures():
    pictures, mask = np.zeros((2, 4, 6, 1), np.float32), np.zeros((2, 4, 6), np.int32)
    pictures[:, 1:3, 0:2], mask[:, 1:3, 0:2] = 1, 1
    boxes = np.tile(np.asarray([[[1, 0, 3, 2]]], np.float32), (2, 1, 1))
    key, always = jax.random.key(0), RandomFlip(horizontal=1.0)
    whole = augmented(always, Batch(jnp.asarray(pictures), jnp.asarray(mask)), key)
    np.testing.assert_array_equal(whole.targets, mask[:, :, ::-1])
    named = {"mask": jnp.asarray(mask), "boxes": jnp.asarray(boxes), "labels": jnp.arange(2)}
    moved = augmented(always, Batch(jnp.asarray(pictures), named), key).targets
    assert moved.keys() == named.keys()
    np.testing.assert_array_equal(moved["mask"], mask[:, :, ::-1])
    np.testing.assert_array_equal(moved["boxes"], [[[1, 4, 3, 6]]] * 2)
    np.testing.assert_array_equal(moved["labels"], [0, 1])


def test_what_targets_are_taken_for():
    pictures, sequences = jnp.ones((2, 4, 6, 1)), jnp.ones((2, 5, 3))
    padded = Padded(sequences, jnp.asarray([5, 2]))
    steps = jnp.zeros((2, 5), jnp.int32)
    assert annotate(Batch(pictures, steps)).labels is steps
    assert annotate(Batch(sequences, steps)).mask is steps
    assert annotate(Batch(padded, Padded(steps, padded.lengths))).mask.values is steps
    assert annotate(Batch(jnp.ones((2, 5)), steps)).labels is steps
    assert annotate(Batch(pictures, {"a": steps})).labels == {"a": steps}
    with pytest.raises(ShapeError, match="Say what they are"):
        annotate(Batch(pictures, pictures))
    with pytest.raises(ShapeError, match="Put the others into 'labels'"):
        annotate(Batch(pictures, {"mask": steps, "a": steps}))
    with pytest.raises(ShapeError, match="here they are several"):
        annotate(Batch({"a": pictures}, steps))


def test_labels_of_steps_are_shifted_with_their_sequences():
    values, labels = jnp.arange(12.0).reshape(2, 6, 1), jnp.arange(12).reshape(2, 6)
    lengths = jnp.asarray([6, 4])
    new = augmented(TimeShift(3, wrap=True), Batch(Padded(values, lengths), Padded(labels, lengths)), jax.random.key(5))
    for row, length in enumerate(lengths):
        np.testing.assert_array_equal(new.inputs.values[row, :length, 0], new.targets.values[row, :length])
        assert sorted(new.targets.values[row, :length]) == list(labels[row, :length])


def test_metrics_get_class_numbers_for_mixed_labels():
    mixed = jnp.asarray([[0.4, 0.6], [0.9, 0.1]])
    np.testing.assert_array_equal(class_numbers_again(jnp.asarray([0, 0]), mixed), [1, 0])
    assert class_numbers_again(jnp.ones((2, 2)), mixed) is mixed
    assert class_numbers_again({"labels": jnp.asarray([0, 0])}, {"labels": mixed})["labels"].shape == (2,)


def test_a_stored_model_keeps_its_augmentation(tmp_path):
    model = Model(Sequential(Flatten(), Dense(2)), "cross_entropy", augment=AUGMENT)
    model.variables, model.example = model.net.init(jax.random.key(0), bars(1).inputs), bars(1).inputs
    assert Model.load(model.save(tmp_path / "model.brickwork")).augment == AUGMENT


def test_what_cannot_augment():
    data = bars(8)
    with pytest.raises(SettingError, match="takes a brick"):
        Model(NET, "cross_entropy", augment="flip")  # pyright: ignore[reportArgumentType]
    with pytest.raises(SettingError, match="classes=10"):
        Model(NET, "cross_entropy", augment=Mixup()).fit(data, epochs=1, progress=False)
    with pytest.raises(SettingError, match="must return an Annotated"):
        augmented(AugmentUnwrapping(), Batch(jnp.ones((2, 3))), jax.random.key(0))
    with pytest.raises(ShapeError, match="for logits"):
        Model(NET, "cross_entropy", augment=Mixup(classes=3)).fit(data, epochs=1, progress=False)
    with pytest.raises(SettingError, match="must learn nothing"):
        augmented(AugmentLearning(), Batch(jnp.ones((2, 3)), jnp.zeros(2, jnp.int32)), jax.random.key(0))


@brick
class AugmentUnwrapping(Brick):
    """A brick that forgets what it was given."""

    def __call__(self, scope, x):
        return x.inputs


@brick
class AugmentLearning(Brick):
    """A brick that would learn."""

    def __call__(self, scope, x):
        return Annotated(x.inputs * scope.param("scale", (3,), lambda k, s, d: jnp.ones(s, d)), labels=x.labels)
