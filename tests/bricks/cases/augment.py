"""Cases of the bricks that change their input at random while training.

Oracles take the random numbers from the taps and compute, in loops, what the papers say; where Pillow, SciPy or
Python's colorsys do the same, they do it.
"""

import colorsys
from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image, ImageOps
from scipy import ndimage

from bricks.cases.draws import Draws
from bricks.contract import Case
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
    TimeMask,
    TimeShift,
)
from brickwork.core.batch import Padded

draws = Draws(21)
numbers = draws.numbers


def shades(*shape: int) -> np.ndarray:
    """Return values between 0 and 1, those of a pixel well apart, so that hues have no kinks near."""
    apart = draws.rng.permuted(np.tile([0.2, 0.5, 0.75], (*shape[:-1], 1)), axis=-1)
    return (apart + draws.rng.uniform(-0.08, 0.08, shape)).astype(np.float32)


def levels(*shape: int) -> np.ndarray:
    """Return whole numbers from 0 to 255 as floats."""
    return draws.rng.integers(0, 256, shape).astype(np.float32)


def known(rows: int, height: int, width: int, channels: int = 1) -> Annotated:
    """Return pictures with a mask, and with a small box, one over the border, and an empty one."""
    boxes = [[0.4, 1.1, height - 1.3, width - 0.8], [1.2, -1.1, height + 1.3, 2.1], [2.0, 2.0, 1.5, 1.5]]
    return Annotated(
        numbers(rows, height, width, channels),
        draws.rng.integers(0, 5, (rows, height, width)).astype(np.int32),
        np.tile(np.asarray(boxes, np.float32), (rows, 1, 1)),
    )


# --------------------------------------------------------------------------------------------------- geometry


def clipped(corners: Any, box: Any, height: int, width: int, keep: float = 0.1) -> np.ndarray:
    """Return the box around moved corners within the picture; zeros when empty or when too little is left."""
    corners = np.asarray(corners, np.float64)
    if (box[2] - box[0]) <= 0 or (box[3] - box[1]) <= 0:
        return np.zeros(4)
    (top, left), (bottom, right) = corners.min(0), corners.max(0)
    new = np.array([max(top, 0), max(left, 0), min(bottom, height), min(right, width)])
    area = max(new[2] - new[0], 0) * max(new[3] - new[1], 0)
    return new if area > 0 and area >= keep * (bottom - top) * (right - left) else np.zeros(4)


def corners(box: Any) -> list[tuple[float, float]]:
    return [(down, right) for down in (box[0], box[2]) for right in (box[1], box[3])]


def moved(
    given: Annotated,
    source: Callable[[int, int, int], tuple[float, float]],
    goes: Callable[[int, float, float], tuple[float, float]],
    size: tuple[int, int],
    fill_label: int = 0,
    keep: float = 0.1,
) -> Annotated:
    """Move everything in loops: a new pixel is read at `source(n, i, j)`, a point goes to `goes(n, down, right)`.

    Pixels are read bilinearly with 0 beyond the border, labels at the nearest pixel.
    """
    x, mask, boxes = (np.asarray(part) for part in (given.inputs, given.mask, given.boxes))
    height, width = x.shape[1:3]
    new, labels = np.zeros((len(x), *size, x.shape[3])), np.full((len(x), *size), fill_label)
    for n, i, j in np.ndindex(len(x), *size):
        down, right = source(n, i, j)
        for p, q in np.ndindex(height, width):
            new[n, i, j] += x[n, p, q] * max(1 - abs(down - p), 0) * max(1 - abs(right - q), 0)
        p, q = int(np.floor(down + 0.5)), int(np.floor(right + 0.5))
        if 0 <= p < height and 0 <= q < width:
            labels[n, i, j] = mask[n, p, q]
    found = [[clipped([goes(n, *c) for c in corners(b)], b, *size, keep) for b in boxes[n]] for n in range(len(x))]
    return Annotated(new, labels, np.asarray(found))


def distorted(v: Any, inputs: Any, taps: Any) -> Annotated:
    """Simard et al. 2003, section 2: every pixel read between the four around where it comes from."""
    given = inputs[0]
    height, width = given.inputs.shape[1:3]
    matrices, shifts = [], []
    for turn, wide, high, slant, down, right in taps["draws"].T.astype("float64"):
        rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        matrices.append(rotation @ np.diag([1 + high, 1 + wide]) @ np.array([[1, 0], [slant, 1]]))
        shifts.append(np.array([down, right]))
    centre, middle = np.array([height - 1, width - 1]) / 2, np.array([height, width]) / 2

    def source(n: int, i: int, j: int) -> Any:
        return matrices[n] @ (np.array([i, j]) - centre) + centre + shifts[n]

    def goes(n: int, down: float, right: float) -> Any:
        return np.linalg.solve(matrices[n], np.array([down, right]) - middle - shifts[n]) + middle

    return moved(given, source, goes, (height, width), fill_label=-1)


def bent(v: Any, inputs: Any, taps: Any) -> Annotated:
    """Simard et al. 2003, section 2, with the noise smoothed by SciPy and divided by its standard deviation."""
    given, shift, smoothness = inputs[0], 1.5, 1.2
    rows, height, width, _ = given.inputs.shape
    pull = np.zeros((rows, height, width, 2))
    for n, i, j, axis in np.ndindex(pull.shape):
        weight = np.array(
            [
                [np.exp(-((i - p) ** 2 + (j - q) ** 2) / (2 * smoothness**2)) for q in range(width)]
                for p in range(height)
            ]
        )
        deviation = np.sqrt(np.sum(weight**2) / 3)  # even noise from -1 to 1 has a variance of 1/3
        pull[n, i, j, axis] = shift * np.sum(weight * taps["noise"][n, :, :, axis]) / deviation
    new = moved(given, lambda n, i, j: (i + pull[n, i, j, 0], j + pull[n, i, j, 1]), lambda n, *c: c, (height, width))
    boxes = np.zeros((rows, 3, 4))
    for n, k in np.ndindex(rows, 3):
        top, left, bottom, right = given.boxes[n, k]
        inside = [
            (i, j)
            for i, j in np.ndindex(height, width)
            if top <= i + pull[n, i, j, 0] + 0.5 <= bottom and left <= j + pull[n, i, j, 1] + 0.5 <= right
        ]
        if inside and bottom > top:
            boxes[n, k] = [*np.min(inside, 0), *(np.max(inside, 0) + 1)]
    return Annotated(new.inputs, new.mask, boxes)


def flipped(v: Any, inputs: Any, taps: Any) -> Annotated:
    given = inputs[0]
    height, width = given.inputs.shape[1:3]
    across, upside = taps["flips"]

    def source(n: int, i: int, j: int) -> Any:
        return height - 1 - i if upside[n] else i, width - 1 - j if across[n] else j

    def goes(n: int, down: float, right: float) -> Any:
        return height - down if upside[n] else down, width - right if across[n] else right

    return moved(given, source, goes, (height, width), keep=0)


def turned(v: Any, inputs: Any, taps: Any) -> Annotated:
    given = inputs[0]
    size = given.inputs.shape[1]

    def goes(n: int, down: float, right: float) -> Any:
        for _ in range(taps["turns"][n]):
            down, right = size - right, down
        return down, right

    boxes = [
        [clipped([goes(n, *c) for c in corners(b)], b, size, size, 0) for b in row] for n, row in enumerate(given.boxes)
    ]
    pictures, masks = (
        np.stack([np.rot90(one, turns) for one, turns in zip(part, taps["turns"], strict=True)])
        for part in (given.inputs, given.mask)
    )
    return Annotated(pictures, masks, np.asarray(boxes))


def cut(v: Any, inputs: Any, taps: Any) -> Annotated:
    at = taps["corners"]
    return moved(
        inputs[0],
        lambda n, i, j: (i + at[n, 0] - 2, j + at[n, 1] - 2),
        lambda n, down, right: (down - at[n, 0] + 2, right - at[n, 1] + 2),
        (4, 3),
    )


def resized_by_pillow(v: Any, inputs: Any, taps: Any) -> Annotated:
    """Szegedy et al. 2015, section 6, resized by Pillow."""
    given, size = inputs[0], (4, 3)
    height, width = given.inputs.shape[1:3]
    share, shape, down, right = taps["draws"].astype("float64")
    area, aspect = (0.1 + 0.8 * share) * height * width, np.exp(np.log(0.5) + np.log(4) * shape)
    high, wide = np.minimum(np.sqrt(area / aspect), height), np.minimum(np.sqrt(area * aspect), width)
    top, left = (height - high) * down, (width - wide) * right
    pictures, masks, boxes = [], [], []
    for n in range(len(share)):
        box = (left[n], top[n], left[n] + wide[n], top[n] + high[n])
        scale = np.array([size[0] / high[n], size[1] / wide[n]])
        channels = [
            np.asarray(Image.fromarray(one.astype(np.float32)).resize(size[::-1], Image.Resampling.BILINEAR, box=box))
            for one in np.moveaxis(given.inputs[n], -1, 0)
        ]
        pictures.append(np.stack(channels, -1))
        mask = Image.fromarray(given.mask[n].astype(np.int32))
        masks.append(np.asarray(mask.resize(size[::-1], Image.Resampling.NEAREST, box=box)))
        boxes.append([clipped((np.array(corners(b)) - [top[n], left[n]]) * scale, b, *size) for b in given.boxes[n]])
    return Annotated(np.stack(pictures), np.stack(masks), np.asarray(boxes))


def resized_by_weights(v: Any, inputs: Any, taps: Any) -> Annotated:
    """The same by triangles written out, exact in float64."""
    given, size = inputs[0], (4, 3)
    height, width = given.inputs.shape[1:3]
    share, shape, down, right = taps["draws"].astype("float64")
    area, aspect = (0.1 + 0.8 * share) * height * width, np.exp(np.log(0.5) + np.log(4) * shape)
    high, wide = np.minimum(np.sqrt(area / aspect), height), np.minimum(np.sqrt(area * aspect), width)
    top, left = (height - high) * down, (width - wide) * right
    pictures = np.zeros((len(share), *size, given.inputs.shape[3]))
    masks = np.zeros((len(share), *size), int)
    boxes = []
    for n in range(len(share)):
        scale = np.array([high[n] / size[0], wide[n] / size[1]])
        for i, j in np.ndindex(*size):
            place = np.array([top[n], left[n]]) + (np.array([i, j]) + 0.5) * scale
            weight = np.zeros((height, width))
            for p, q in np.ndindex(height, width):
                apart = np.abs(np.array([p, q]) + 0.5 - place) / np.maximum(scale, 1)
                weight[p, q] = np.prod(np.maximum(1 - apart, 0))
            pictures[n, i, j] = np.tensordot(weight / weight.sum(), given.inputs[n], 2)
            masks[n, i, j] = given.mask[n][tuple(np.floor(place).astype(int))]
        boxes.append([clipped((np.array(corners(b)) - [top[n], left[n]]) / scale, b, *size) for b in given.boxes[n]])
    return Annotated(pictures, masks, np.asarray(boxes))


# ---------------------------------------------------------------------------------------------------- colours


def jittered(v: Any, inputs: Any, taps: Any) -> np.ndarray:
    """Brightness, contrast and saturation as blends (as in Pillow's ImageEnhance), hue by Python's colorsys."""
    out = inputs[0].astype("float64").copy()
    for n, (bright, contrast, saturation, turn) in enumerate(taps["draws"].T.astype("float64")):
        x = np.clip(out[n] * (1 + bright), 0, 1)
        gray = x @ np.array([0.299, 0.587, 0.114])
        x = np.clip(gray.mean() + (1 + contrast) * (x - gray.mean()), 0, 1)
        gray = (x @ np.array([0.299, 0.587, 0.114]))[..., None]
        x = np.clip(gray + (1 + saturation) * (x - gray), 0, 1)
        for i, j in np.ndindex(*x.shape[:2]):
            hue, *rest = colorsys.rgb_to_hsv(*x[i, j])
            out[n, i, j] = colorsys.hsv_to_rgb((hue + turn) % 1, *rest)
    return out


def grayed(v: Any, inputs: Any, taps: Any) -> np.ndarray:
    """ITU-R BT.601."""
    gray = 0.299 * inputs[0][..., 0] + 0.587 * inputs[0][..., 1] + 0.114 * inputs[0][..., 2]
    return np.where(taps["chosen"][:, None, None, None], gray[..., None], inputs[0])


def by_pillow(change: Callable[[Image.Image], Image.Image], whole: Any, chosen: Any) -> np.ndarray:
    """Apply a function of Pillow's to chosen pictures of whole numbers with three channels."""
    out = np.array(whole, np.float64)
    for n in np.flatnonzero(chosen):
        out[n] = np.asarray(change(Image.fromarray(whole[n].round().astype(np.uint8))))
    return out


def pillow(change: Callable[[Image.Image], Image.Image]) -> Callable[[Any, Any, Any], np.ndarray]:
    return lambda v, inputs, taps: by_pillow(change, inputs[0], taps["chosen"])


def blurred(v: Any, inputs: Any, taps: Any) -> np.ndarray:
    """SciPy's Gaussian without a cut, divided by what it makes of ones: only pixels that are there count."""
    out = inputs[0].astype("float64").copy()
    for n in np.flatnonzero(taps["chosen"]):
        sigma = (taps["deviations"][n], taps["deviations"][n], 0)
        options = {"mode": "constant", "radius": (30, 30, 0)}
        out[n] = ndimage.gaussian_filter(out[n], sigma, **options) / ndimage.gaussian_filter(
            np.ones(out[n].shape), sigma, **options
        )
    return out


# ----------------------------------------------------------------------------------------- covering and mixing


def cut_out(v: Any, inputs: Any, taps: Any) -> np.ndarray:
    """DeVries & Taylor 2017, section 3.2: a square that may stick out."""
    out = inputs[0].copy()
    for n, (top, left) in enumerate(taps["corners"].T.astype(int)):
        out[n, max(top, 0) : max(top + 3, 0), max(left, 0) : max(left + 3, 0)] = 0.5
    return out


def erased(v: Any, inputs: Any, taps: Any) -> np.ndarray:
    """Zhong et al. 2017, algorithm 1, with sides cut to the picture's."""
    out = inputs[0].copy()
    height, width = out.shape[1:3]
    for n, (share, shape, down, right) in enumerate(taps["draws"].T.astype("float64")):
        area, aspect = (0.1 + 0.5 * share) * height * width, np.exp(np.log(0.3) + np.log(1 / 0.09) * shape)
        tall = int(np.clip(np.round(np.sqrt(area / aspect)), 1, height))
        wide = int(np.clip(np.round(np.sqrt(area * aspect)), 1, width))
        top, left = int((height - tall + 1) * down), int((width - wide + 1) * right)
        if taps["chosen"][n]:
            out[n, top : top + tall, left : left + wide] = 0
    return out


def mixed(v: Any, inputs: Any, taps: Any) -> Annotated:
    """Zhang et al. 2018, equation 1."""
    x, labels = inputs[0].inputs.astype("float64"), np.eye(4)[inputs[0].labels]
    new = Annotated(np.zeros(x.shape), labels=np.zeros(labels.shape))
    for n, (s, other) in enumerate(zip(taps["share"], taps["partner"], strict=True)):
        new.inputs[n] = s * x[n] + (1 - s) * x[other]
        new.labels[n] = s * labels[n] + (1 - s) * labels[other]
    return new


def pasted(v: Any, inputs: Any, taps: Any) -> Annotated:
    """Yun et al. 2019, equations 1 and 2, with the mixture of labels counted in pixels."""
    x, mask, labels = inputs[0].inputs, inputs[0].mask, np.eye(4)[inputs[0].labels]
    new, new_mask, new_labels = x.copy(), mask.copy(), labels.copy()
    height, width = x.shape[1:3]
    for n, other in enumerate(taps["partner"]):
        top, left, bottom, right = taps["boxes"][n].astype(int)
        new[n, top:bottom, left:right] = x[other, top:bottom, left:right]
        new_mask[n, top:bottom, left:right] = mask[other, top:bottom, left:right]
        share = 1 - (bottom - top) * (right - left) / (height * width)
        new_labels[n] = share * labels[n] + (1 - share) * labels[other]
    return Annotated(new, new_mask, labels=new_labels)


def randaugmented(v: Any, inputs: Any, taps: Any, magnitude: float = 5.0) -> np.ndarray:
    """Cubuk et al. 2020, section 3, on whole numbers, by Pillow where it computes the same, else by its equations."""
    out = inputs[0].astype("float64").copy()
    strength = magnitude / 10
    for n in range(len(out)):
        for which, sign in zip(taps["operations"][:, n], taps["signs"][:, n].astype("float64"), strict=True):
            out[n] = randaugment_step(out[n], int(which), sign * strength)
    return out


def randaugment_step(x: np.ndarray, which: int, m: float) -> np.ndarray:
    """One operation of RandAugment on one picture of 0 to 255."""
    height, width = x.shape[:2]
    whole = Image.fromarray(np.clip(np.round(x), 0, 255).astype(np.uint8))
    gray = x @ np.array([0.299, 0.587, 0.114])

    def mixture(one: Any, other: Any) -> np.ndarray:
        return np.clip(other + (1 + 0.9 * m) * (one - other), 0, 255)

    if which == 0:
        return x
    if which == 1:
        low, high = x.min((0, 1)), x.max((0, 1))
        return (x - low) * 255 / (high - low)
    if which == 2:
        return np.asarray(ImageOps.equalize(whole), np.float64)
    if which == 3:
        return np.where(x >= 255 * (1 - abs(m)), 255 - x, x)
    if which == 4:
        return np.asarray(ImageOps.posterize(whole, int(np.round(8 - 4 * abs(m)))), np.float64)
    if which < 8:
        return mixture(x, {5: gray[..., None], 6: gray.mean(), 7: 0.0}[which])
    if which == 8:
        kernel = np.ones((3, 3, 1))
        kernel[1, 1] = 5
        smooth = x.copy()
        smooth[1:-1, 1:-1] = ndimage.correlate(x, kernel / 13)[1:-1, 1:-1]
        return mixture(x, smooth)
    turn, centre, out = np.radians(30 * m), np.array([height - 1, width - 1]) / 2, np.zeros(x.shape)
    matrix = {
        9: [[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]],
        10: [[1, 0], [0.3 * m, 1]],
        11: [[1, 0.3 * m], [0, 1]],
    }.get(which, np.eye(2))
    shift = {12: [0, 0.45 * m * width], 13: [0.45 * m * height, 0]}.get(which, [0, 0])
    for i, j in np.ndindex(height, width):
        down, right = np.asarray(matrix) @ (np.array([i, j]) - centre) + centre + shift
        for p, q in np.ndindex(height, width):
            out[i, j] += x[p, q] * max(1 - abs(down - p), 0) * max(1 - abs(right - q), 0)
    return out


# -------------------------------------------------------------------------------------------------- sequences


def covered_in_time(v: Any, inputs: Any, taps: Any) -> Padded:
    """Park et al. 2019, section 2."""
    values = inputs[0].values.copy()
    for k, n in np.ndindex(taps["first"].shape):
        first, width = int(taps["first"][k, n]), int(taps["width"][k, n])
        assert first + width <= inputs[0].lengths[n]
        assert width <= 3
        values[n, first : first + width] = 0
    return Padded(values, inputs[0].lengths)


def covered_in_frequency(v: Any, inputs: Any, taps: Any) -> np.ndarray:
    """Park et al. 2019, section 2."""
    x = inputs[0].copy()
    for k, n in np.ndindex(taps["first"].shape):
        first, width = int(taps["first"][k, n]), int(taps["width"][k, n])
        x[n, :, first : first + width] = -1
    return x


def louder(v: Any, inputs: Any, taps: Any) -> np.ndarray:
    """The definition of the decibel."""
    return inputs[0] * 10 ** (taps["decibels"][:, None] / 20)


def shifted(v: Any, inputs: Any, taps: Any) -> Annotated:
    given = inputs[0]
    values, labels = np.zeros(given.inputs.values.shape), np.full(given.mask.values.shape, -1)
    for n, shift in enumerate(taps["shifts"]):
        length = given.inputs.lengths[n]
        for t in range(length):
            if 0 <= t - shift < length:
                values[n, t], labels[n, t] = given.inputs.values[n, t - shift], given.mask.values[n, t - shift]
    return Annotated(Padded(values, given.inputs.lengths), Padded(labels, given.mask.lengths))


def windowed(v: Any, inputs: Any, taps: Any) -> Annotated:
    given = inputs[0]
    values, labels = np.zeros((3, 4, 2)), np.zeros((3, 4), int)
    for n, start in enumerate(taps["starts"]):
        for t in range(min(4, given.inputs.lengths[n])):
            values[n, t], labels[n, t] = given.inputs.values[n, start + t], given.mask.values[n, start + t]
    lengths = np.minimum(given.inputs.lengths, 4)
    return Annotated(Padded(values, lengths), Padded(labels, lengths))


def steps(*lengths: int) -> Annotated:
    labels = draws.rng.integers(0, 3, (len(lengths), max(lengths))).astype(np.int32)
    padded = draws.padded(len(lengths), max(lengths), 2, lengths=lengths)
    return Annotated(padded, Padded(labels, padded.lengths))  # pyright: ignore[reportArgumentType]


CLASSES = np.asarray([2, 0, 3], np.int32)
MASKS = draws.rng.integers(0, 5, (3, 5, 4)).astype(np.int32)


def random(brick: Any, *inputs: Any, oracle: Any, quick: Any = "values") -> Case:
    return Case(brick, inputs, oracle=oracle, training=True, linear_in_masks=False, quick=quick)


CASES: dict[str, Case] = {
    "random_affine/annotated": random(
        RandomAffine(rotate=20.0, scale=0.2, shear=0.3, shift=1.5, fill_label=-1), known(2, 5, 4), oracle=distorted
    ),
    "random_elastic/annotated": random(RandomElastic(1.5, 1.2), known(2, 5, 4), oracle=bent),
    "random_flip/annotated": random(RandomFlip(0.5, 0.5), known(4, 3, 4), oracle=flipped),
    "random_quarter_turn/annotated": random(RandomQuarterTurn(), known(4, 3, 3), oracle=turned),
    "random_crop/annotated": random(RandomCrop((4, 3), padding=2), known(3, 4, 5), oracle=cut),
    "random_resized_crop/annotated": random(
        RandomResizedCrop((4, 3), (0.1, 0.9), (0.5, 2.0)), known(3, 7, 5), oracle=resized_by_weights
    ),
    "color_jitter/all": random(ColorJitter(0.3, 0.3, 0.3, 0.4, largest=1.0), shades(3, 3, 2, 3), oracle=jittered),
    "random_gray/half": random(RandomGray(0.5), numbers(4, 2, 2, 3), oracle=grayed),
    "random_invert/half": random(RandomInvert(0.5, largest=255.0), levels(4, 3, 3, 3), oracle=pillow(ImageOps.invert)),
    "random_solarize/half": random(
        RandomSolarize(0.5, 0.5, largest=255.0),
        levels(4, 3, 3, 3),
        oracle=pillow(lambda x: ImageOps.solarize(x, 128)),
    ),
    "random_posterize/half": random(
        RandomPosterize(3, 0.5, largest=255.0), levels(4, 3, 3, 3), oracle=pillow(lambda x: ImageOps.posterize(x, 3))
    ),
    "random_equalize/half": random(
        RandomEqualize(0.5, largest=255.0), levels(4, 24, 24, 3) // 3, oracle=pillow(ImageOps.equalize)
    ),
    "random_blur/half": random(RandomBlur((0.3, 2.0), 0.5), numbers(4, 5, 4, 2), oracle=blurred),
    "cutout/plain": random(Cutout(3, fill=0.5), numbers(4, 5, 4, 2), oracle=cut_out),
    "random_erasing/plain": random(RandomErasing((0.1, 0.6), (0.3, 1 / 0.3), 0.7), numbers(6, 7, 6, 2), oracle=erased),
    "mixup/classes": random(Mixup(0.6, classes=4), Annotated(numbers(3, 2, 2), labels=CLASSES), oracle=mixed),
    "cut_mix/classes": random(
        CutMix(0.8, classes=4), Annotated(numbers(3, 5, 4, 2), MASKS, labels=CLASSES), oracle=pasted
    ),
    "rand_augment/colors": random(
        RandAugment(count=1, largest=255.0), levels(14, 5, 4, 3), oracle=randaugmented, quick="nothing"
    ),
    "time_mask/padded": random(TimeMask(3, count=2), draws.padded(3, 6, 2, lengths=(6, 2, 4)), oracle=covered_in_time),
    "frequency_mask/plain": random(FrequencyMask(2, 2, fill=-1.0), numbers(3, 2, 5), oracle=covered_in_frequency),
    "random_gain/sound": random(RandomGain(12.0), numbers(3, 4), oracle=louder),
    "time_shift/padded": random(TimeShift(2, fill_label=-1), steps(6, 3, 5), oracle=shifted),
    "random_window/padded": random(RandomWindow(4), steps(7, 3, 5), oracle=windowed),
}
