"""The encoder of pictures, against Pillow's own results and against arrays worked out by hand."""

import numpy as np
import pytest
from PIL import Image

from brickwork.core.errors import DataError, SettingError
from brickwork.core.spec import from_json, to_json
from brickwork.data import PictureEncoder, fit_picture_encoder, picture_encoder, read_pictures
from brickwork.data.picture_files import with_headers

RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (24, 36), dtype=np.uint8)
COLOUR = RNG.integers(0, 256, (24, 36, 3), dtype=np.uint8)
SHRINK, ENLARGE = Image.Resampling.HAMMING, Image.Resampling.BILINEAR


def saved(folder, picture, name="picture.png", **options):
    path = folder / name
    picture.save(path, **options)
    return path


def opened(folder, pictures, **options):
    """Return `Pictures` of arrays, each in a file of its own."""
    paths = [saved(folder, Image.fromarray(array), f"{n}.png") for n, array in enumerate(pictures)]
    return fit_picture_encoder(with_headers("here", paths)[0], **options)


def blank(height, width, colour=(9, 9, 9)):
    return np.full((height, width, 3), colour, np.uint8)


def test_every_mode_gives_what_pillow_gives(tmp_path):
    encoder, grey = PictureEncoder(12, 18), PictureEncoder(12, 18, channels=1)
    expected = np.asarray(Image.fromarray(COLOUR).resize((18, 12), SHRINK))
    for name in ("a.png", "a.bmp", "a.tiff", "a.ppm"):
        np.testing.assert_array_equal(encoder(saved(tmp_path, Image.fromarray(COLOUR), name)), expected)
    luma = np.asarray(Image.fromarray(COLOUR).convert("L").resize((18, 12), SHRINK))
    np.testing.assert_array_equal(grey(saved(tmp_path, Image.fromarray(COLOUR)))[..., 0], luma)
    small = np.asarray(Image.fromarray(GREY).resize((18, 12), SHRINK))
    np.testing.assert_array_equal(grey(saved(tmp_path, Image.fromarray(GREY)))[..., 0], small)
    np.testing.assert_array_equal(encoder(saved(tmp_path, Image.fromarray(GREY))), small[..., None].repeat(3, -1))
    deep = saved(tmp_path, Image.fromarray(GREY.astype(np.uint16) * 257))
    np.testing.assert_array_equal(grey(deep)[..., 0], small)
    palette = Image.fromarray(COLOUR).quantize(16)
    expected = np.asarray(palette.convert("RGB").resize((18, 12), SHRINK))
    np.testing.assert_array_equal(encoder(saved(tmp_path, palette)), expected)
    clear = saved(tmp_path, Image.fromarray(np.dstack([blank(24, 36, (0, 0, 0)), np.zeros((24, 36), np.uint8)])))
    assert (encoder(clear) == 255).all()
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = PictureEncoder(18, 12)(saved(tmp_path, Image.fromarray(COLOUR), exif=exif))
    np.testing.assert_array_equal(turned, np.asarray(Image.fromarray(np.rot90(COLOUR, -1)).resize((12, 18), SHRINK)))


def test_a_large_jpeg_is_read_in_part_and_looks_the_same(tmp_path):
    smooth = np.add.outer(np.linspace(0, 120, 640), np.linspace(0, 120, 800)).astype(np.uint8)
    path = saved(tmp_path, Image.fromarray(smooth), "a.jpg", quality=95)
    small = PictureEncoder(32, 40, channels=1)(path)[..., 0].astype(int)
    whole = np.asarray(Image.open(path).resize((40, 32), SHRINK)).astype(int)
    assert np.abs(small - whole).max() <= 2


def test_arrays_and_pictures_of_pillow():
    encoder = PictureEncoder(24, 36)
    for same in (COLOUR, COLOUR.astype(np.int64), COLOUR / 255, COLOUR.astype(np.float32), Image.fromarray(COLOUR)):
        np.testing.assert_array_equal(encoder(same), COLOUR)
    np.testing.assert_array_equal(PictureEncoder(24, 36, 1)(GREY[..., None])[..., 0], GREY)
    assert set(np.unique(PictureEncoder(24, 36, 1)(GREY > 99))) == {0, 255}
    for wrong, message in [
        (np.zeros((3, 4, 2)), "1, 3 or 4 .* channels"),
        (np.zeros(5), r"got float64 \(5,\)"),
        (["a"], "A picture is a file, or an array"),
        (np.full((4, 4), np.nan), "not finite"),
    ]:
        with pytest.raises(DataError, match=message):
            encoder(wrong)


def test_other_shapes_are_cropped_or_padded():
    bands = blank(10, 30)
    bands[:, :10], bands[:, 20:] = (200, 0, 0), (0, 0, 200)
    np.testing.assert_array_equal(PictureEncoder(10, 10)(bands), bands[:, 10:20])
    padded = PictureEncoder(30, 30, fit="pad")(bands)
    np.testing.assert_array_equal(padded[10:20], bands)
    border = np.concatenate([bands[0], bands[-1], bands[:, 0], bands[:, -1]]).mean(0).round()
    assert (padded[:10] == border).all()
    assert (padded[20:] == border).all()
    assert PictureEncoder(5, 5, 1, fit="pad")(np.zeros((1, 400), np.uint8)).shape == (5, 5, 1)
    enlarged = PictureEncoder(48, 72)(COLOUR)
    np.testing.assert_array_equal(enlarged, np.asarray(Image.fromarray(COLOUR).resize((72, 48), ENLARGE)))


def test_settings_are_checked_and_stored():
    encoder = PictureEncoder(20, 30, 1, "pad")
    assert from_json(to_json(encoder)) == encoder
    with pytest.raises(SettingError, match="'height' must be from 1 to 1024 pixels"):
        PictureEncoder(0, 8)
    with pytest.raises(SettingError, match="'channels' must be 1"):
        PictureEncoder(8, 8, 2)


def test_the_size_is_chosen_by_the_pictures(tmp_path):
    assert opened(tmp_path, [COLOUR, COLOUR]) == PictureEncoder(24, 36)
    assert opened(tmp_path, [blank(90, 300), blank(96, 300)]) == PictureEncoder(20, 64, 1)
    assert opened(tmp_path, [COLOUR], size=18) == PictureEncoder(12, 18)
    mixed = [blank(100, 120), blank(120, 100), COLOUR]
    assert opened(tmp_path, [*mixed[:2]] * 10) == PictureEncoder(64, 64, 1)
    assert opened(tmp_path, [blank(100, 200), blank(200, 100)]) == PictureEncoder(64, 64, 1, "pad")
    assert opened(tmp_path, [blank(3, 3)]) == PictureEncoder(8, 8, 1)


def test_grey_is_enough_where_all_are_grey(tmp_path):
    grey = GREY[..., None].repeat(3, -1)
    assert opened(tmp_path, [grey, GREY]).channels == 1
    assert opened(tmp_path, [GREY, COLOUR]).channels == 3
    palette = saved(tmp_path, Image.fromarray(GREY).quantize(8), "p.png")
    assert fit_picture_encoder(with_headers("here", [palette])[0]).channels == 1


def test_reading_many(tmp_path, monkeypatch):
    paths = [saved(tmp_path, Image.fromarray(COLOUR), f"{n}.png") for n in range(6)]
    whole = paths[2].read_bytes()
    paths[2].write_bytes(whole[: len(whole) // 2])
    paths.insert(4, tmp_path / "gone.png")
    encoder = PictureEncoder(24, 36)
    arrays, kept, skipped = read_pictures(encoder, paths)
    assert kept.tolist() == [0, 1, 3, 5, 6]
    assert arrays.shape == (5, 24, 36, 3)
    assert (arrays == COLOUR).all()
    (damaged, why), (gone, reason) = skipped
    assert (damaged, gone) == (str(paths[2]), str(paths[4]))
    assert why.startswith("is damaged or cut short")
    assert reason == "there is no such file"
    with pytest.raises(DataError, match=r"None of 1 pictures can be read \(.*gone.png: there is no such file\)"):
        read_pictures(encoder, [paths[4]])
    monkeypatch.setattr(picture_encoder, "free_memory", lambda: 10_000)
    with pytest.raises(DataError, match=r"7 pictures of 24 x 36 pixels take 0.0 GB.*Take size=\d+ or fewer pictures"):
        read_pictures(encoder, paths)


def test_free_memory_is_known_on_linux():
    free = picture_encoder.free_memory()
    assert free is None or free > 1_000_000
