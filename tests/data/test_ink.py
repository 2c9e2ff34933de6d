"""The ink encoder: twenty drawn digits, jittered ones, and what must not change the answer."""

import contextlib
import json
from pathlib import Path

import numpy as np
import pytest
from draw_digits import DRAWN, FOLDER, GLYPHS, Look, draw
from sklearn.svm import SVC

from brickwork.core.errors import DataError, SettingError
from brickwork.core.spec import from_json, to_json
from brickwork.data import InkPicture, datasets, ink_picture, read_picture
from brickwork.data.ink import INK_SHARE
from brickwork.data.strokes import clean, components, dilated, eroded, resized, stroke_width, upright

FILES = sorted(FOLDER.glob("*.png"))


@pytest.fixture(scope="module")
def classifier():
    digits = datasets.load_all("digits")
    return SVC(gamma=0.001).fit(digits.inputs.reshape(len(digits), -1), digits.targets)


def test_the_drawings_are_what_they_should_be():
    assert [path.stem for path in FILES] == sorted(DRAWN)
    assert sorted(path.stem[0] for path in FILES) == sorted("00112233445566778899")
    assert sum(path.stat().st_size for path in FILES) < 150_000
    sizes = {read_picture(path).shape[:2] for path in FILES}
    assert min(min(size) for size in sizes) == 24
    assert (900, 1200) in sizes


def test_drawn_digits_are_recognised(classifier):
    encoded = np.stack([InkPicture()(path) for path in FILES])
    assert encoded.dtype == np.uint8
    assert encoded.shape == (20, 8, 8, 1)
    assert encoded.max() <= 16
    predicted = classifier.predict(encoded.reshape(20, -1))
    wrong = [path.stem for path, digit in zip(FILES, predicted, strict=True) if int(path.stem[0]) != digit]
    assert len(wrong) <= 1, wrong


def test_other_hands_are_recognised(classifier):
    rng = np.random.default_rng(31)
    encoded, wanted = [], []
    for glyph in [name for name in GLYPHS if name != "1_b"] * 4:  # a 1 with flag and foot is not in the data set
        height = int(rng.choice([28, 40, 64, 100]))
        tall = height * rng.uniform(0.45, 0.8)
        look = Look(
            (int(height * 1.3), height),
            (rng.uniform(0.1, 0.5) * height, rng.uniform(0.06, 0.94 - tall / height) * height, tall),
            stroke=rng.uniform(0.05, 0.18),
            slant=rng.uniform(-0.1, 0.25),
            width=rng.uniform(0.8, 1.3),
            turn=rng.uniform(-8, 8),
            noise=rng.uniform(0, 6),
            seed=int(rng.integers(1 << 30)),
            nudge=0.02,
        )
        encoded.append(ink_picture(np.asarray(draw(glyph, look))))
        wanted.append(int(glyph[0]))
    predicted = classifier.predict(np.stack(encoded).reshape(len(encoded), -1))
    assert np.mean(predicted == wanted) >= 0.93


@pytest.mark.parametrize("glyph", ["2_a", "5_a", "8_a"])
def test_paper_place_and_size_do_not_matter(glyph):
    look = Look((120, 120), (30, 20, 80), 0.1, ink=(0, 0, 0), wobble=0)
    picture = np.asarray(draw(glyph, look)).astype(float)
    base = ink_picture(picture).astype(int)
    shade = np.linspace(0, 60, 120)[None, :, None]
    variants = {
        "inverted": 255 - picture,
        "faint": 200 - (255 - picture) * 0.1,
        "shares": picture / 255,
        "coloured": picture * [1, 0.5, 0.2] + [0, 60, 120],
        "gradient": picture * 0.7 + shade,
        "moved": np.roll(picture, (12, -15), (0, 1)),
        "margins": np.pad(picture, ((100, 20), (7, 150), (0, 0)), constant_values=255),
        "grey": picture[..., 0],
    }
    for name, variant in variants.items():
        assert np.abs(ink_picture(variant) - base).mean() < 0.5, name
    larger = np.asarray(draw(glyph, Look((1000, 1000), (250, 170, 667), 0.1, ink=(0, 0, 0), wobble=0)))
    assert np.abs(ink_picture(larger) - base).mean() < 1.0
    for stroke in (0.04, 0.16):
        other = np.asarray(draw(glyph, Look((120, 120), (30, 20, 80), stroke, ink=(0, 0, 0), wobble=0)))
        assert np.abs(ink_picture(other) - base).mean() < 2.5


def test_photographs_of_paper(classifier):
    y, x = np.mgrid[-1:1:240j, -1:1:200j]
    rng = np.random.default_rng(0)
    for glyph in ("0_a", "2_a", "3_b", "4_b", "7_b", "9_a"):
        picture = np.asarray(draw(glyph, Look((200, 240), (50, 30, 170), 0.1, 0.05, ink=(0, 0, 0), seed=9))).astype(
            float
        )
        ink = np.argwhere(picture[..., 0] < 128)
        (top, left), (bottom, right) = ink.min(0), ink.max(0)
        variants = {
            "vignette": picture * (1 - 0.35 * (x**2 + y**2) / 2)[..., None],
            "shadow": picture * np.where(x + y > 0.3, 0.75, 1.0)[..., None],
            "dark table around it": np.pad(picture[6:-6, 6:-6], ((6, 6), (6, 6), (0, 0))),
            "cut out closely": picture[top : bottom + 1, left : right + 1],
            "over the border": picture[34:],
            "faint and noisy": 200 - (255 - picture) * 0.15 + rng.normal(size=picture.shape) * 8,
        }
        for name, variant in variants.items():
            encoded = ink_picture(variant)
            assert classifier.predict(encoded.reshape(1, -1))[0] == int(glyph[0]), (glyph, name)


def test_specks_and_noise_are_ignored():
    rng = np.random.default_rng(0)
    picture = np.asarray(draw("3_a", Look((150, 150), (50, 25, 100), 0.1, wobble=0))).astype(float)
    base = ink_picture(picture).astype(int)
    speckled = picture.copy()
    for _ in range(30):
        y, x = rng.integers(0, 148, 2)
        speckled[y : y + 2, x : x + 2] = 0
    assert np.abs(ink_picture(speckled) - base).mean() < 1
    assert np.abs(ink_picture(picture + rng.normal(size=picture.shape) * 15) - base).mean() < 1


def test_amount_of_ink_and_height_are_those_of_the_data_set():
    digits = datasets.load_all("digits").inputs[..., 0].astype(float)
    encoded = np.stack([ink_picture(read_picture(path))[..., 0] for path in FILES]).astype(float)
    assert abs(digits.sum((1, 2)).mean() / 1024 - INK_SHARE) < 0.01
    assert abs(encoded.sum((1, 2)).mean() - digits.sum((1, 2)).mean()) < 35
    assert ((encoded.sum(2)[:, [0, 7]] > 0).all(1)).mean() > 0.9  # from the top row to the bottom row


@pytest.mark.parametrize(
    ("picture", "message"),
    [
        (np.full((40, 40), 255, np.uint8), "Nothing is drawn"),
        (np.zeros((40, 40, 3)), "Nothing is drawn"),
        (np.random.default_rng(0).normal(128, 4, (60, 60)), "Nothing is drawn"),
        (np.linspace(0, 255, 60) * np.ones((60, 1)), "Nothing is drawn"),
        (np.pad(np.zeros((2, 2)), 30, constant_values=255.0), "Nothing is drawn"),
        (np.zeros((3, 40)), "at least 5 x 5 pixels"),
        (np.zeros((40, 40, 2)), "grey or with 3 colours"),
        (np.zeros(40), r"\(height, width\) or \(height, width, 3\)"),
        (np.array([["a"]]), "of numbers"),
        (np.full((40, 40), np.nan), "not finite"),
    ],
)
def test_pictures_without_a_digit(picture, message):
    with pytest.raises(DataError, match=message):
        ink_picture(picture)


def test_any_drawing_gives_an_array_or_a_data_error():
    rng = np.random.default_rng(5)
    for _ in range(60):
        shape = tuple(rng.integers(5, 60, 2))
        picture = np.full(shape, float(rng.integers(0, 256)))
        for _ in range(rng.integers(0, 5)):
            y, x = rng.integers(0, shape[0]), rng.integers(0, shape[1])
            picture[y : y + rng.integers(1, 30), x : x + rng.integers(1, 30)] = rng.integers(0, 256)
        picture += rng.normal(size=shape) * rng.choice([0, 0, 5, 40])
        with contextlib.suppress(DataError):
            assert ink_picture(picture).shape == (8, 8, 1)


def test_settings_and_json():
    encoder = InkPicture(size=16, levels=4)
    assert encoder(FILES[0]).shape == (16, 16, 1)
    assert encoder(str(FILES[0])).max() <= 4
    assert from_json(json.loads(json.dumps(to_json(encoder)))) == encoder
    assert to_json(InkPicture())["spec"] == "brickwork:InkPicture@1"
    for options in ({"size": 1}, {"levels": 15}, {"levels": 289}, {"size": "8"}):
        with pytest.raises(SettingError, match=next(iter(options))):
            InkPicture(**options)
    with pytest.raises(SettingError, match="square number"):
        ink_picture(np.zeros((9, 9)), levels=3)
    with pytest.raises(DataError, match="no file"):
        encoder(Path("no such picture.png"))


def test_strokes_in_round_numbers():
    bar = np.zeros((40, 60), bool)
    bar[15:23, 5:55] = True
    assert stroke_width(bar) == pytest.approx(8, abs=1)
    assert dilated(bar).sum() == 8 * 50 + 2 * (8 + 50)
    assert dilated(bar, round_=True).sum() == 10 * 52
    assert eroded(bar).sum() == eroded(bar, round_=True).sum() == 6 * 48
    assert eroded(np.ones((4, 4), bool)).sum() == 4  # outside is paper
    np.testing.assert_allclose(resized(np.ones((5, 7)), 11, 3), 1)
    np.testing.assert_allclose(resized(np.arange(12.0).reshape(3, 4), 3, 4), np.arange(12.0).reshape(3, 4))
    leaning = np.zeros((32, 32), bool)
    for row in range(32):
        leaning[row, 20 - row // 4 : 24 - row // 4] = True
    columns = [int(np.argmax(row)) for row in upright(leaning, 2)]
    assert max(columns) - min(columns) <= 1


def test_components_against_scipy():
    from scipy import ndimage

    rng = np.random.default_rng(2)
    for share in (0.1, 0.3, 0.5, 0.8):
        mask = rng.random((37, 53)) < share
        labels, sizes = components(mask)
        want, count = ndimage.label(mask, np.ones((3, 3)))
        assert count == len(sizes)
        assert len(set(zip(labels[mask].tolist(), want[mask].tolist(), strict=True))) == count
        assert sizes.sum() == mask.sum()
    assert not clean(np.zeros((5, 5), bool)).any()
