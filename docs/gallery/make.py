"""Draws the pictures of `docs/gallery.md`: every augmentation, the original at the left and five random versions.

    python docs/gallery/make.py                 all of them
    python docs/gallery/make.py cutout mixup    some of them

The photographs are scikit-learn's `china.jpg` and `flower.jpg`, made small. The outline of the flower was found by its
colour. Sounds are generated: a chord of three tones with their overtones.
"""

import sys
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage
from sklearn.datasets import load_sample_image

from brickwork.bricks import (
    Annotated,
    ColorJitter,
    CutMix,
    Cutout,
    FrequencyMask,
    GaussianNoise,
    Mixup,
    RandAugment,
    RandomAffine,
    RandomBlur,
    RandomCrop,
    RandomElastic,
    RandomEqualize,
    RandomErasing,
    RandomFlip,
    RandomGain,
    RandomGray,
    RandomInvert,
    RandomPosterize,
    RandomQuarterTurn,
    RandomResizedCrop,
    RandomSolarize,
    RandomWindow,
    Sequential,
    TimeMask,
    TimeShift,
)
from brickwork.core.variables import Variables

FOLDER = Path(__file__).parent
VERSIONS, GAP, BAND = 5, 6, 20
WIDTH, HEIGHT = 216, 144
FONT = ImageFont.load_default(13)

GEOMETRY = {
    "random_flip": RandomFlip(horizontal=0.5, vertical=0.5),
    "random_quarter_turn": RandomQuarterTurn(),
    "random_affine": RandomAffine(rotate=25, scale=0.2, shear=0.2, shift=15.0),
    "random_elastic": RandomElastic(shift=5.0, smoothness=13.0),
    "random_crop": RandomCrop((112, 160), padding=8),
    "random_resized_crop": RandomResizedCrop((144, 144), area=(0.1, 0.7)),
}
COLORS = {
    "color_jitter": ColorJitter(brightness=0.3, contrast=0.4, saturation=0.6, hue=0.08),
    "random_gray": RandomGray(rate=0.5),
    "random_invert": RandomInvert(rate=0.5),
    "random_solarize": RandomSolarize(threshold=0.6, rate=0.5),
    "random_posterize": RandomPosterize(bits=2, rate=0.5),
    "random_equalize": RandomEqualize(rate=0.5),
    "random_blur": RandomBlur(deviation=(0.3, 2.5), rate=0.8),
    "gaussian_noise": GaussianNoise(deviation=25.0),
    "cutout": Cutout(size=48, fill=128.0),
    "random_erasing": RandomErasing(area=(0.05, 0.3), rate=0.9, fill=128.0),
    "rand_augment": RandAugment(count=2, magnitude=5.0, fill=128.0),
}
MIXING = {
    "mixup": Mixup(alpha=1.0, classes=2),
    "cut_mix": CutMix(alpha=1.0, classes=2),
}
SOUNDS = {
    "time_mask": TimeMask(width=24, count=2),
    "frequency_mask": FrequencyMask(width=16, count=2),
    "time_shift": TimeShift(shift=40),
    "random_window": RandomWindow(size=80),
}


def photograph(name: str, width: int = WIDTH, height: int = HEIGHT) -> np.ndarray:
    """Return one of scikit-learn's photographs, made small."""
    return np.asarray(Image.fromarray(load_sample_image(name)).resize((width, height), Image.Resampling.LANCZOS))


def flower(width: int = WIDTH, height: int = HEIGHT) -> Annotated:
    """Return the flower with its outline, found by its colour, and its box."""
    picture = photograph("flower.jpg", width, height)
    red, green, blue = np.moveaxis(picture.astype(float), -1, 0)
    parts, _ = ndimage.label(ndimage.binary_opening((red > 120) & (red > 1.15 * green) & (red > blue), iterations=2))
    mask = ndimage.binary_fill_holes(parts == np.argmax(np.bincount(parts.ravel())[1:]) + 1)
    at = np.argwhere(mask)
    box = np.array([*at.min(0), *(at.max(0) + 1)], np.float32)
    return Annotated(picture[None], mask[None].astype(np.int32), box[None, None])


def versions(brick: Any, given: Any, different: int = 4) -> Any:
    """Return five random versions of one row, so many of them different at least: drawn again otherwise."""
    rows = jax.tree.map(lambda leaf: jnp.repeat(jnp.asarray(leaf)[:1], VERSIONS, axis=0), given)
    for seed in range(3, 40):
        new = trained(brick, rows, seed)
        pictures = new.inputs if isinstance(new, Annotated) else new
        looks = [picture.tobytes() for picture in pictures]
        if len(set(looks)) >= different and max(map(looks.count, looks)) <= 3:
            return new
    raise AssertionError(f"{brick} changes too little")


def trained(brick: Any, given: Any, seed: int) -> Any:
    """Return what a brick makes of rows while training."""
    return jax.tree.map(np.asarray, _run(brick, given, seed))


@partial(jax.jit, static_argnums=0)
def _run(brick: Any, given: Any, seed: Any) -> Any:
    return brick.apply(Variables({}, {}), given, training=True, key=jax.random.key(seed)).output


def drawn(picture: np.ndarray, mask: Any = None, boxes: Any = None) -> Image.Image:
    """Return a picture of 0 to 255 with the outline of its mask and its boxes."""
    pixels = np.clip(np.round(picture), 0, 255).astype(np.uint8).copy()
    scale = 2  # lines are thin beside the pixels
    image = Image.fromarray(pixels).resize((pixels.shape[1] * scale, pixels.shape[0] * scale), Image.Resampling.BICUBIC)
    if mask is not None:
        inside = np.kron(mask, np.ones((scale, scale))).astype(bool)
        edge = inside & ~ndimage.binary_erosion(inside, iterations=3, border_value=1)
        shown = np.asarray(image).copy()
        shown[edge] = (0, 230, 255)
        image = Image.fromarray(shown)
    pen = ImageDraw.Draw(image)
    for top, left, bottom, right in () if boxes is None else boxes:
        if bottom > top:
            corners = [left * scale, top * scale, right * scale - 1, bottom * scale - 1]
            pen.rectangle([round(float(place)) for place in corners], outline=(255, 220, 0), width=3)
    return image.resize((pixels.shape[1], pixels.shape[0]), Image.Resampling.LANCZOS)


def sheet(name: str, tiles: list[Image.Image], captions: list[str]) -> None:
    """Write tiles side by side, each under its caption."""
    width, height = max(tile.width for tile in tiles), max(tile.height for tile in tiles)
    whole = Image.new("RGB", (len(tiles) * (width + GAP) + GAP, height + BAND + GAP), "white")
    pen = ImageDraw.Draw(whole)
    for number, (tile, caption) in enumerate(zip(tiles, captions, strict=True)):
        left = GAP + number * (width + GAP)
        pen.text((left, 2), caption, "black", FONT)
        whole.paste(tile, (left + (width - tile.width) // 2, BAND + (height - tile.height) // 2))
    whole.save(FOLDER / f"{name}.jpg", quality=84, optimize=True)


CAPTIONS = ["original"] + [""] * VERSIONS


def geometry(name: str, brick: Any) -> None:
    given = flower()
    if name == "random_quarter_turn":  # of squares only
        given = RandomCrop(HEIGHT).apply(Variables({}, {}), given).output
    new = versions(brick, given, 3 if name in ("random_flip", "random_quarter_turn") else VERSIONS)
    parts = [(given.inputs[0], given.mask[0], given.boxes[0])] + [
        (new.inputs[n], new.mask[n], new.boxes[n]) for n in range(VERSIONS)
    ]
    sheet(name, [drawn(*part) for part in parts], CAPTIONS)


def coloring(name: str, brick: Any) -> None:
    picture = photograph("china.jpg")[None]
    switched = getattr(brick, "rate", 1) == 0.5  # on or off: there are two versions only
    new = versions(brick, picture, 2 if switched else 4)
    sheet(name, [drawn(one) for one in (picture[0], *new)], CAPTIONS)


def mixing(name: str, brick: Any) -> None:
    pictures = np.stack([photograph("china.jpg"), photograph("flower.jpg")] * VERSIONS)
    given = Annotated(jnp.asarray(pictures), labels=jnp.asarray([0, 1] * VERSIONS))
    new = trained(brick, given, seed=1)
    # Only rows whose partner shows the other photograph tell something.
    several = [n for n in range(len(pictures)) if 0.03 < new.labels[n, 0] < 0.97]
    chosen = (several + [n for n in range(len(pictures)) if n not in several])[:VERSIONS]
    captions = ["pagoda 1.00"] + [f"pagoda {new.labels[n, 0]:.2f}  flower {new.labels[n, 1]:.2f}" for n in chosen]
    sheet(name, [drawn(pictures[0])] + [drawn(new.inputs[n]) for n in chosen], captions)


def chord(rate: int = 8000, seconds: float = 1.0) -> np.ndarray:
    """Return C, E and G struck one after the other, each with its overtones, dying away."""
    time = np.arange(int(rate * seconds)) / rate
    sound = np.zeros_like(time)
    for start, tone in ((0.03, 261.6), (0.25, 329.6), (0.47, 392.0)):
        since = np.maximum(time - start, 0)
        for overtone in range(1, 8):
            loud = np.exp(-3 * since * overtone**0.5) / overtone * (time >= start)
            sound += loud * np.sin(2 * np.pi * tone * overtone * since)
    return sound / np.abs(sound).max()


def spectrogram(sound: np.ndarray, window: int = 256, hop: int = 60, bands: int = 96) -> np.ndarray:
    """Return (time, frequencies) in decibels, standardised."""
    frames = np.lib.stride_tricks.sliding_window_view(sound, window)[::hop] * np.hanning(window)
    levels = 20 * np.log10(np.abs(np.fft.rfft(frames))[:, :bands] + 1e-2)
    return ((levels - levels.mean()) / levels.std()).astype(np.float32)


def heat(levels: np.ndarray) -> Image.Image:
    """Return a spectrogram as a picture, low tones at the bottom, loud ones bright."""
    stops = np.array([[12, 8, 40], [90, 20, 110], [200, 60, 80], [250, 150, 50], [252, 250, 200]], float)
    places = np.clip((levels.T[::-1] + 1.5) / 4.5, 0, 1) * (len(stops) - 1)
    colors = np.stack([np.interp(places, range(len(stops)), stops[:, k]) for k in range(3)], -1)
    image = Image.fromarray(colors.round().astype(np.uint8))
    return image.resize((round(image.width * WIDTH / 130), HEIGHT), Image.Resampling.NEAREST)


def wave(sound: np.ndarray) -> Image.Image:
    """Return the curve of a sound, with the full range at the borders."""
    image = Image.new("RGB", (WIDTH, HEIGHT), (245, 243, 238))
    pen = ImageDraw.Draw(image)
    pen.line([0, HEIGHT / 2, WIDTH, HEIGHT / 2], (205, 200, 190))
    for column, part in enumerate(np.array_split(sound, WIDTH)):
        top, bottom = (HEIGHT / 2 * (1 - 0.35 * level) for level in (part.max(), part.min()))
        pen.line([column, top, column, bottom], (168, 64, 31))
    return image


def sound(name: str, brick: Any) -> None:
    given = spectrogram(chord())[None]
    new = versions(brick, given)
    sheet(name, [heat(one) for one in (given[0], *new)], CAPTIONS)


def gain(name: str, brick: Any) -> None:
    given = chord()[None].astype(np.float32)
    new = versions(brick, given)
    decibels = [20 * np.log10(np.abs(one).max()) for one in new]
    sheet(name, [wave(one) for one in (given[0], *new)], ["original", *(f"{level:+.1f} dB" for level in decibels)])


def chain(name: str, brick: Any) -> None:
    given = flower()
    new = versions(brick, given)
    parts = [(new.inputs[n], new.mask[n], new.boxes[n]) for n in range(VERSIONS)]
    sheet(name, [drawn(given.inputs[0], given.mask[0], given.boxes[0]), *(drawn(*part) for part in parts)], CAPTIONS)


CHAIN = Sequential(
    RandomFlip(),
    RandomAffine(rotate=15, scale=0.15, shift=8.0),
    ColorJitter(brightness=0.3, contrast=0.3, saturation=0.4, hue=0.05, largest=255.0),
    RandomErasing(area=(0.03, 0.12), rate=0.7, fill=128.0),
)

DRAWINGS = {
    **{name: (geometry, brick) for name, brick in GEOMETRY.items()},
    **{name: (coloring, brick) for name, brick in COLORS.items()},
    **{name: (mixing, brick) for name, brick in MIXING.items()},
    **{name: (sound, brick) for name, brick in SOUNDS.items()},
    "random_gain": (gain, RandomGain(decibels=9.0)),
    "chain": (chain, CHAIN),
}


def main() -> None:
    for name in sys.argv[1:] or DRAWINGS:
        draw, brick = DRAWINGS[name]
        draw(name, brick)
        print(f"{name}: {brick}")


if __name__ == "__main__":
    main()
