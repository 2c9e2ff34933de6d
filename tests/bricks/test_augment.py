"""What the bricks of augmentation promise beyond the contract."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from bricks.cases.augment import CASES, known, levels, randaugmented, resized_by_pillow
from bricks.contract import compiled
from brickwork.bricks import (
    Annotated,
    ColorJitter,
    CutMix,
    Cutout,
    FrequencyMask,
    Mixup,
    RandAugment,
    RandomAffine,
    RandomBlur,
    RandomCrop,
    RandomElastic,
    RandomErasing,
    RandomFlip,
    RandomGray,
    RandomInvert,
    RandomPosterize,
    RandomQuarterTurn,
    RandomResizedCrop,
    RandomWindow,
    Sequential,
    TimeMask,
    TimeShift,
)
from brickwork.core.batch import Padded
from brickwork.core.errors import SettingError, ShapeError
from brickwork.core.variables import Variables
from brickwork.ops import colors
from brickwork.ops.hashing import hashed_uniform, symmetric_beta

NONE = Variables({}, {})
KEY = jax.random.key(2)


def train(brick, x, key=KEY, **options):
    return brick.apply(NONE, x, training=True, key=key, **options).output


def tapped(brick, x, weight=None):
    """Return output and taps of a training pass."""
    result = compiled(lambda x, weight: brick.apply(NONE, x, training=True, key=KEY, weight=weight, capture="**"))(
        x, weight
    )
    return result.output, result.taps


def scene(rows=6, height=16, width=16):
    """Return black pictures with one white rectangle, its mask, and its box."""
    picture, mask = np.zeros((rows, height, width, 1), np.float32), np.zeros((rows, height, width), np.int32)
    picture[:, 5:11, 4:9], mask[:, 5:11, 4:9] = 1, 1
    return Annotated(picture, mask, np.tile(np.asarray([5, 4, 11, 9], np.float32), (rows, 1, 1)))


# --------------------------------------------------------------------------- masks and boxes go with the pictures


@pytest.mark.parametrize(
    ("brick", "exact"),
    [
        (RandomFlip(0.5, 0.5), True),
        (RandomQuarterTurn(), True),
        (RandomCrop(12, padding=2), True),
        (RandomResizedCrop(16, (0.5, 1.0)), False),
        (RandomAffine(rotate=30, scale=0.2, shear=0.2, shift=2.0), False),
        (RandomElastic(1.0, 3.0), False),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_rectangle_its_mask_and_its_box_stay_together(brick, exact):
    new = compiled(partial(train, brick))(scene())
    bright = np.asarray(new.inputs[..., 0]) > 0.5
    differing = np.mean(bright != np.asarray(new.mask))
    assert differing == 0 if exact else differing < 0.03
    assert not np.array_equal(np.asarray(new.mask), scene().mask[:, : new.mask.shape[1], : new.mask.shape[2]])
    for n in range(len(bright)):
        at = np.argwhere(bright[n])
        around = np.array([*at.min(0), *(at.max(0) + 1)])
        assert np.all(np.abs(around - np.asarray(new.boxes[n, 0])) <= (0 if exact else 1.5))


def test_boxes_that_leave_the_picture_become_empty():
    x = jnp.zeros((1, 8, 8, 1))
    boxes = jnp.asarray([[[0.0, 0, 2, 8], [2, 0, 4, 8], [4, 0, 8, 8], [5, 5, 5, 5]]])
    centre = RandomCrop((2, 8), keep_area=0.4).apply(NONE, Annotated(x, boxes=boxes)).output.boxes
    np.testing.assert_array_equal(centre, [[[0, 0, 0, 0], [0, 0, 1, 8], [0, 0, 0, 0], [0, 0, 0, 0]]])


def test_a_resized_crop_is_pillows():
    case = CASES["random_resized_crop/annotated"]
    output, taps = tapped(case.brick, case.inputs[0])
    pillow = resized_by_pillow({}, case.inputs, jax.tree.map(np.asarray, taps))
    np.testing.assert_allclose(output.inputs, pillow.inputs, atol=2e-5)
    np.testing.assert_array_equal(output.mask, pillow.mask)


def test_the_type_of_pictures_that_are_only_moved_stays():
    x = jnp.arange(32, dtype=jnp.uint8).reshape(2, 4, 4, 1)
    for brick in (RandomFlip(), RandomQuarterTurn(), RandomCrop(3)):
        assert brick.plan(x).output.dtype == jnp.uint8
    assert RandomAffine().plan(x).output.dtype == jnp.float32


# ------------------------------------------------------------------------------------------- promises of all


def test_evaluation_passes_everything_on():
    for name, case in CASES.items():
        (given,) = case.inputs
        result = jax.eval_shape(lambda x, brick=case.brick: brick.apply(NONE, x).output, given)
        trained = jax.eval_shape(lambda x, brick=case.brick: train(brick, x), given)
        assert jax.tree.map(jnp.shape, result) == jax.tree.map(jnp.shape, trained)
        inputs = given.inputs if isinstance(given, Annotated) else given
        if jax.tree.map(jnp.shape, inputs) == jax.tree.map(
            jnp.shape, result.inputs if isinstance(given, Annotated) else result
        ):
            output = case.brick.apply(NONE, given).output
            output = output.inputs if isinstance(given, Annotated) else output
            for one, other in zip(jax.tree.leaves(output), jax.tree.leaves(inputs), strict=True):
                np.testing.assert_array_equal(one, other, err_msg=name)


@pytest.mark.parametrize(
    "brick", [RandomAffine(rotate=20.0), RandomErasing(rate=1.0), RandomFlip()], ids=["affine", "erasing", "flip"]
)
def test_rows_are_changed_each_by_its_own_draw(brick):
    one = np.random.default_rng(0).normal(size=(1, 8, 8, 1)).astype(np.float32)
    run = compiled(partial(train, brick))
    new = np.asarray(run(np.repeat(one, 8, axis=0)))
    assert len({row.tobytes() for row in new}) >= (2 if isinstance(brick, RandomFlip) else 8)
    other = np.repeat(one, 8, axis=0)
    other[3] = 7
    rows = [0, 1, 2, 4, 5, 6, 7]
    np.testing.assert_array_equal(np.asarray(run(other))[rows], new[rows])


def test_a_chain_takes_an_annotated_through():
    chain = Sequential(RandomFlip(), RandomCrop(4, padding=1), ColorJitter(brightness=0.2, largest=1.0), Cutout(2))
    new = jax.eval_shape(partial(train, chain), known(2, 5, 5, 3))
    assert (new.inputs.shape, new.mask.shape, new.boxes.shape) == ((2, 4, 4, 3), (2, 4, 4), (2, 3, 4))


# -------------------------------------------------------------------------------------------------- colours


def test_white_is_known_or_asked_for():
    whole, share = jnp.full((1, 2, 2, 3), 200, jnp.uint8), jnp.full((1, 2, 2, 3), 0.5)
    assert compiled(partial(train, RandomInvert(1.0)))(whole).max() == 55
    with pytest.raises(SettingError, match=r"largest=1.0, or largest=255.0"):
        RandomInvert().plan(share)
    with pytest.raises(SettingError, match="uint8 reach to 255"):
        RandomInvert(largest=1.0).plan(whole)
    with pytest.raises(SettingError, match="cannot see whether"):
        Sequential(RandomAffine(), RandomPosterize()).plan(whole)  # floats by now


def test_equalize_and_posterize_agree_between_the_two_ranges():
    x = jnp.asarray(levels(1, 20, 20, 1)) // 2
    for change in (colors.equalize, lambda x, white: colors.posterize(x, 3, white)):
        np.testing.assert_allclose(change(x / 255, 1.0), change(x, 255.0) / 255, atol=1e-6)


@pytest.mark.slow
def test_randaugment_does_each_of_its_operations():
    x = jnp.asarray(levels(64, 5, 4, 3))
    output, taps = tapped(RandAugment(count=1, magnitude=7.0, largest=255.0), x)
    assert set(np.asarray(taps["operations"]).ravel().tolist()) == set(range(14))
    expected = randaugmented({}, (np.asarray(x),), jax.tree.map(np.asarray, taps), 7.0)
    np.testing.assert_allclose(output, expected, atol=2e-3)


@pytest.mark.slow
def test_randaugment_moves_masks_and_boxes():
    new = compiled(partial(train, RandAugment(3, 8.0, largest=1.0)))(scene(24))
    found = 0
    for n in range(24):
        at = np.argwhere(np.asarray(new.mask[n]))
        if len(at) > 8 and np.any(new.boxes[n]):
            around, box = np.array([*at.min(0), *(at.max(0) + 1)]), np.asarray(new.boxes[n, 0])
            assert np.all(around[:2] >= box[:2] - 1.5)
            assert np.all(around[2:] <= box[2:] + 1.5)
            found += not np.array_equal(box, [5, 4, 11, 9])
    assert found > 8


# --------------------------------------------------------------------------------------------------- mixing


@pytest.mark.parametrize("brick", [Mixup(1.0, 5), CutMix(1.0, 5)], ids=["mixup", "cut_mix"])
def test_filling_rows_are_mixed_into_none(brick):
    x = np.random.default_rng(1).normal(size=(8, 4, 4, 1)).astype(np.float32)
    weight = jnp.asarray([1.0, 0, 2, 1, 0, 1, 1, 0])
    x[weight == 0] = np.nan
    given = Annotated(jnp.asarray(x), labels=jnp.asarray([0, 4, 1, 2, 4, 3, 0, 4]))
    output, taps = tapped(brick, given, weight)
    real = np.flatnonzero(weight)
    assert np.isfinite(output.inputs[real]).all()
    assert np.all(output.labels[real, 4] == 0)
    np.testing.assert_allclose(output.labels.sum(-1), 1, rtol=1e-6)
    assert sorted(np.asarray(taps["partner"])[real]) == list(real)  # each real row is used once
    assert np.all(np.asarray(taps["partner"])[real] != real)
    np.testing.assert_array_equal(output.labels[1], np.eye(5)[4])


def test_one_real_row_mixes_with_itself():
    given = Annotated(jnp.ones((2, 3)), labels=jnp.asarray([1.0, 5.0]))
    output, _ = tapped(Mixup(1.0), given, jnp.asarray([1.0, 0.0]))
    np.testing.assert_allclose(output.labels, [1, 5])


def test_flags_numbers_and_several_labels_are_mixed_as_they_are():
    labels = {
        "flags": jnp.asarray([[1, 0], [0, 1]]),
        "number": jnp.asarray([2.0, 4.0]),
        "yes": jnp.asarray([True, False]),
    }
    output, taps = tapped(Mixup(1.0), Annotated(jnp.ones((2, 3)), labels=labels))
    s = taps["share"]
    np.testing.assert_allclose(
        output.labels["flags"], jnp.stack([jnp.stack([s[0], 1 - s[0]]), jnp.stack([1 - s[1], s[1]])])
    )
    np.testing.assert_allclose(
        output.labels["number"], [2 * s[0] + 4 * (1 - s[0]), 4 * s[1] + 2 * (1 - s[1])], rtol=1e-6
    )
    np.testing.assert_allclose(output.labels["yes"], [s[0], 1 - s[1]], rtol=1e-6)


def test_shares_come_from_the_beta_distribution():
    for alpha in (0.3, 1.0, 3.0):
        shares = compiled(partial(symmetric_beta, rows=20_000))(KEY, jnp.float32(alpha))
        assert stats.kstest(np.asarray(shares, np.float64), stats.beta(alpha, alpha).cdf).pvalue > 0.001


def test_hashed_numbers_are_even_and_independent():
    numbers = np.asarray(compiled(lambda key: hashed_uniform(key, (100, 100)))(KEY), np.float64)
    assert stats.kstest(numbers.ravel(), "uniform").pvalue > 0.01
    assert np.all((numbers > 0) & (numbers < 1))
    for axis in (0, 1):
        one, other = np.delete(numbers, -1, axis).ravel(), np.delete(numbers, 0, axis).ravel()
        assert abs(np.corrcoef(one, other)[0, 1]) < 0.04


# -------------------------------------------------------------------------------------------------- sequences


def test_padding_stays_outside_of_masks_shifts_and_windows():
    values = jnp.where(jnp.arange(6)[None, :] < jnp.asarray([6, 2, 3])[:, None], 1.0, 99.0)[..., None]
    given = Padded(values, jnp.asarray([6, 2, 3]))
    for brick in (TimeMask(4, count=2), TimeShift(3), TimeShift(3, wrap=True), RandomWindow(3)):
        output, _ = tapped(brick, given)
        assert np.all(np.asarray(output.values)[np.asarray(output.mask)] < 99)
    covered, _ = tapped(TimeMask(6, share=0.5), given)
    assert np.all((np.asarray(covered.values[..., 0]) == 0).sum(1) <= [3, 1, 1])


def test_every_place_of_a_window_is_equally_probable():
    x = jnp.broadcast_to(jnp.arange(5), (4000, 5))
    first = np.asarray(compiled(partial(train, RandomWindow(3)))(x))[:, 0]
    assert stats.chisquare(np.bincount(first, minlength=3)).pvalue > 0.001


# ----------------------------------------------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: RandomAffine(scale=1.5), "less than 1"),
        (lambda: RandomFlip(1.5), "probability"),
        (lambda: RandomCrop(0), "1 or more"),
        (lambda: RandomResizedCrop(4, (0.0, 1.0)), "range of shares"),
        (lambda: RandomElastic(smoothness=0.0), "positive"),
        (lambda: ColorJitter(hue=0.6), "half way"),
        (lambda: RandomBlur((2.0, 1.0)), "least <= most"),
        (lambda: Mixup(0.0), "positive"),
        (lambda: Mixup(classes=1), "2 or more"),
        (lambda: RandAugment(magnitude=11.0), "0 to 10"),
        (lambda: RandAugment(largest=0.0), "value of white"),
        (lambda: TimeMask(3, share=2.0), "share"),
    ],
)
def test_wrong_settings(make, words):
    with pytest.raises(SettingError, match=words):
        make()


PICTURE, SEQUENCE = jnp.ones((2, 4, 4, 1)), Padded(jnp.ones((2, 4, 1)), jnp.asarray([4, 2]))


@pytest.mark.parametrize(
    ("brick", "x", "words"),
    [
        (RandomFlip(), PICTURE[0], "axis of rows"),
        (RandomFlip(), Annotated(SEQUENCE), "padded sequences"),
        (RandomFlip(), Annotated(PICTURE, mask=jnp.ones((2, 4, 3), int)), "class number for every pixel"),
        (RandomFlip(), Annotated(PICTURE, boxes=jnp.ones((2, 4))), "top, left, bottom, right"),
        (RandomFlip(), Annotated(PICTURE, boxes=jnp.ones((2, 1, 4), int)), "boxes must be floats"),
        (RandomQuarterTurn(), jnp.ones((2, 4, 5, 1)), "square pictures"),
        (RandomCrop(9, padding=1), PICTURE, "does not fit"),
        (RandomGray(), PICTURE, "three channels"),
        (Mixup(), PICTURE, "augment="),
        (Mixup(), Annotated(SEQUENCE), "one length"),
        (Mixup(), Annotated(PICTURE, boxes=jnp.ones((2, 1, 4))), "boxes cannot be mixed"),
        (Mixup(), Annotated(PICTURE, mask=jnp.ones((2, 4, 4), int)), "CutMix can paste"),
        (FrequencyMask(2), jnp.ones((2, 4)), "features"),
        (TimeMask(2), jnp.ones(4), "axis of rows"),
        (TimeShift(1), Annotated(SEQUENCE, mask=jnp.ones((2, 4), int)), "Padded where"),
        (RandomWindow(2), Annotated(PICTURE, mask=jnp.ones((2, 3), int)), "one for each"),
    ],
)
def test_wrong_inputs(brick, x, words):
    with pytest.raises(ShapeError, match=words):
        brick.plan(x)
