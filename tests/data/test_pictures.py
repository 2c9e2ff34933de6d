"""Reading pictures: every mode gives the same picture, and every broken file an error for people."""

import contextlib
import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from brickwork.core.errors import DataError
from brickwork.data import pictures, read_picture
from brickwork.data.pictures import Header, read_header

GREY = np.linspace(0, 255, 48).astype(np.uint8).reshape(6, 8)
COLOUR = np.stack([GREY, GREY[::-1], GREY[:, ::-1]], axis=-1)


def saved(folder, picture, name="picture.png", **options):
    path = folder / name
    picture.save(path, **options)
    return path


def test_grey_and_colour(tmp_path):
    np.testing.assert_array_equal(read_picture(saved(tmp_path, Image.fromarray(GREY))), GREY)
    np.testing.assert_array_equal(read_picture(saved(tmp_path, Image.fromarray(COLOUR))), COLOUR)
    np.testing.assert_array_equal(read_picture(str(saved(tmp_path, Image.fromarray(GREY).convert("RGB")))), GREY)
    palette = Image.fromarray(COLOUR).quantize(16)
    np.testing.assert_array_equal(read_picture(saved(tmp_path, palette)), np.array(palette.convert("RGB")))
    bits = Image.fromarray(GREY > 100)
    np.testing.assert_array_equal(read_picture(saved(tmp_path, bits)), (GREY > 100) * 255)
    for name in ("picture.bmp", "picture.tiff", "picture.webp", "picture.ppm"):
        path = saved(tmp_path, Image.fromarray(COLOUR), name, **({"lossless": True} if "webp" in name else {}))
        np.testing.assert_array_equal(read_picture(path), COLOUR)
    cmyk = read_picture(saved(tmp_path, Image.fromarray(COLOUR).convert("CMYK"), "picture.tiff"))
    assert cmyk.shape == COLOUR.shape


def test_deep_pictures(tmp_path):
    deep = GREY.astype(np.uint16) * 257
    np.testing.assert_array_equal(read_picture(saved(tmp_path, Image.fromarray(deep))), GREY)
    floats = Image.fromarray((GREY / 255).astype(np.float32))
    np.testing.assert_array_equal(read_picture(saved(tmp_path, floats, "picture.tiff")), GREY)
    wide = Image.fromarray(GREY.astype(np.int32) * 1000 - 5)
    np.testing.assert_allclose(read_picture(saved(tmp_path, wide, "picture.tiff")).astype(int), GREY, atol=1)


def test_transparency_lies_on_paper_that_shows_the_ink(tmp_path):
    alpha = np.zeros((6, 8), np.uint8)
    alpha[2:4, 2:6] = 255
    for ink, paper in ((0, 255), (255, 0)):
        rgba = np.dstack([np.full((6, 8, 3), ink, np.uint8), alpha])
        read = read_picture(saved(tmp_path, Image.fromarray(rgba)))
        np.testing.assert_array_equal(read, np.where(alpha, ink, paper))
    half = np.dstack([np.zeros((6, 8, 3), np.uint8), np.full((6, 8), 128, np.uint8)])
    assert (read_picture(saved(tmp_path, Image.fromarray(half))) == 127).all()


def test_large_transparent_pictures_are_computed_block_by_block(tmp_path, monkeypatch):
    pixels = np.random.default_rng(3).integers(0, 256, (13, 7, 4), dtype=np.uint8)
    path = saved(tmp_path, Image.fromarray(pixels))
    alpha = pixels[..., 3:] / 255  # on white: the colours seen are of medium brightness
    expected = np.round(pixels[..., :3] * alpha + 255 * (1 - alpha))
    for block in (1, 20, 1_000_000):
        monkeypatch.setattr(pictures, "BLOCK", block)
        np.testing.assert_array_equal(read_picture(path), expected)


def test_exif_rotation(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: show it a quarter turn clockwise
    turned = read_picture(saved(tmp_path, Image.fromarray(GREY), exif=exif))
    np.testing.assert_array_equal(turned, np.rot90(GREY, -1))


def png(width, height, body=b""):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(body)) + chunk(b"IEND", b"")


def test_bad_files(tmp_path):
    good = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (80, 80, 3), dtype=np.uint8)).save(good, "PNG")
    for content, message in [
        (b"", "is empty: the file has 0 bytes"),
        (b"not a picture at all", "not a picture that can be read. Known formats: PNG"),
        (good.getvalue()[:2000], "damaged or cut short"),
        (png(7000, 7000), "7000 x 7000 pixels; at most 40 million"),
        (png(60000, 60000), "pixels; at most 40 million"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not a picture"),
    ]:
        path = tmp_path / "bad.png"
        path.write_bytes(content)
        with pytest.raises(DataError, match=message):
            read_picture(path)


def test_damage_anywhere_never_escapes_as_another_error(tmp_path):
    rng = np.random.default_rng(1)
    for name in ("a.png", "a.jpg", "a.gif", "a.bmp", "a.tiff", "a.webp"):
        content = bytearray(saved(tmp_path, Image.fromarray(COLOUR), name).read_bytes())
        for _ in range(40):
            broken = bytearray(content)
            for place in rng.integers(0, len(broken), 3):
                broken[place] = rng.integers(0, 256)
            path = tmp_path / "broken"
            path.write_bytes(broken[: rng.integers(1, len(broken) + 1)])
            with contextlib.suppress(DataError):
                assert read_header(path).height >= 1
            with contextlib.suppress(DataError):
                assert read_picture(path).dtype == np.uint8


def test_missing_files(tmp_path):
    saved(tmp_path, Image.fromarray(GREY), "seven.png")
    with pytest.raises(DataError, match=r"no file 'sevn.png' in .* Did you mean 'seven.png'\?"):
        read_picture(tmp_path / "sevn.png")
    with pytest.raises(DataError, match=r"the folder .* does not exist"):
        read_picture(tmp_path / "nowhere" / "seven.png")
    with pytest.raises(DataError, match="is a folder"):
        read_picture(tmp_path)


def test_headers_say_size_and_colours_before_pixels_are_read(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 8
    for picture, options, expected in [
        (Image.fromarray(COLOUR), {}, Header(6, 8, True)),
        (Image.fromarray(COLOUR), {"exif": exif}, Header(8, 6, True)),
        (Image.fromarray(GREY), {}, Header(6, 8, False)),
        (Image.fromarray(GREY.astype(np.uint16) * 257), {}, Header(6, 8, False)),
        (Image.fromarray(GREY).convert("P"), {}, Header(6, 8, False)),
        (Image.fromarray(COLOUR).quantize(8), {}, Header(6, 8, True)),
    ]:
        path = saved(tmp_path, picture, **options)
        assert read_header(path) == expected
    path.write_bytes(path.read_bytes()[:-40])
    assert read_header(path) == expected
    with pytest.raises(DataError, match="damaged or cut short"):
        read_picture(path)


def test_the_bound_is_checked_before_decoding(tmp_path, monkeypatch):
    monkeypatch.setattr(pictures, "MAX_PIXELS", 47)
    with pytest.raises(DataError, match="8 x 6 pixels"):
        read_picture(saved(tmp_path, Image.fromarray(GREY)))
