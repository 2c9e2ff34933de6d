"""Pixels: which parts of a picture an answer rests on."""

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Shaped

from brickwork.core.brick import Brick
from brickwork.core.errors import DataError, SettingError
from brickwork.core.variables import Variables
from brickwork.explain.answers import chosen_outputs
from brickwork.explain.findings import Question
from brickwork.train.programs import program

PATCHES = 12
"""A picture is covered in about so many places along each side."""

COVERED = 256  # pictures with something covered that are predicted at a time

Pictures = Shaped[np.ndarray, "rows height width channels"]
Maps = Float[np.ndarray, "rows height width"]


def pixel_map(
    net: Brick,
    variables: Variables,
    pictures: Pictures,
    question: Question,
    outputs: int | Sequence[int] | None = None,
    steps: int = 32,
    blur: float | None = None,
) -> Maps:
    """Return for each picture a map of what spoke for its answer (above 0) and against it (below), from -1 to 1.

    They are `integrated_gradients`, summed over the colours, blurred a little, for single pixels are noise to the eye,
    and divided by each map's largest value. They tell of this network, not of the world. Compare with `occlusion`,
    which only looks at answers.

    Args:
        net: the network, an ensemble too.
        variables: its variables.
        pictures: bytes or floats, as the network takes them.
        question: "classes", "labels" or "number".
        outputs: which output to explain, one for all or one for each picture; by default each picture's largest.
        steps: how many points of the way from the baseline are looked at.
        blur: its radius (standard deviation) in pixels; by default a fortieth of the longer side.

    Raises:
        DataError: these are no pictures (rows, height, width, channels), or there are none.
        SettingError: no such output, no steps.
    """
    from scipy.ndimage import gaussian_filter  # noqa: PLC0415 - it loads slowly

    maps = integrated_gradients(net, variables, pictures, question, outputs, steps).sum(axis=-1)
    radius = max(maps.shape[1:]) / 40 if blur is None else blur
    return _scaled(gaussian_filter(maps, (0, radius, radius), mode="reflect"))


def integrated_gradients(
    net: Brick,
    variables: Variables,
    pictures: Pictures,
    question: Question,
    outputs: int | Sequence[int] | None = None,
    steps: int = 32,
) -> Float[np.ndarray, "rows height width channels"]:
    """Return how much each pixel moves the answer on the way from an empty picture x' to the picture x.

        map = (x - x') * mean over a of the gradient of F at x' + a (x - x'),    a from 0 to 1

    The maps of a picture add up to F(x) - F(x'), up to the steps ("completeness"). F is the logarithm of the odds of a
    class against all others, a label's logit, or the number: probabilities near 1 would hide what they rest on. The
    empty picture is of one colour, the picture's own most usual one (the median of each channel), so that what is like
    most of the picture plays no part, be it black, white or blue.

    Bytes are taken as floats of the same range. Arguments and errors are those of `pixel_map`.

    Source: Sundararajan, Taly & Yan 2017, "Axiomatic Attribution for Deep Networks", section 3; the integral by the
    midpoint rule.
    """
    if steps < 1:
        raise SettingError(f"steps must be 1 or more, got {steps}.")
    floats = _checked(pictures)
    empty = usual_colour(floats)

    def answer(variables: Variables, pictures: jax.Array, output: jax.Array) -> jax.Array:
        logits = net.apply(variables, pictures).output
        logits = logits.reshape(len(logits), -1)
        own = jnp.take(logits, output, axis=1)
        if question != "classes" or logits.shape[1] == 1:
            return own
        others = jnp.where(jnp.arange(logits.shape[1]) == output, -jnp.inf, logits)
        return own - jax.nn.logsumexp(others, axis=1)

    def mean_gradient(variables: Variables, way: jax.Array, output: jax.Array) -> jax.Array:
        return jax.grad(lambda pictures: answer(variables, pictures, output).sum())(way).mean(axis=0)

    def first(variables: Variables, pictures: jax.Array) -> jax.Array:
        logits = net.apply(variables, pictures).output
        return logits.reshape(len(logits), -1)

    plain = jnp.asarray(floats)
    given = np.asarray(program("pixel answers", first, net, variables, plain, once=True)(variables, plain))
    wanted = chosen_outputs(outputs, given)
    points = ((np.arange(steps, dtype=np.float32) + 0.5) / steps)[:, None, None, None]
    maps = []
    for picture, start, output in zip(floats, empty, wanted, strict=True):
        args = variables, jnp.asarray(start + points * (picture - start)), jnp.int32(output)
        gradient = program("pixel gradient", mean_gradient, (net, question), *args)(*args)
        maps.append((picture - start) * np.asarray(gradient))
    return np.stack(maps)


def occlusion(
    predict: Callable[[Pictures], np.ndarray],
    pictures: Pictures,
    outputs: int | Sequence[int] | None = None,
    patch: int | None = None,
) -> Maps:
    """Return for each picture how much its answer loses (above 0) or gains where a patch of it is covered.

    Nothing but answers is looked at, so that any model can be asked; maps are coarse, from -1 to 1. A patch has the
    picture's own most usual colour and moves by half its size; a pixel has the mean of the patches that cover it.

    Args:
        predict: from pictures to answers, probabilities or numbers (rows, outputs).
        pictures: as `predict` takes them.
        outputs: which output, one for all or one for each picture; by default each picture's largest.
        patch: pixels along its side; by default a sixth of the shorter side, at least 2.

    Raises:
        DataError: these are no pictures (rows, height, width, channels), or there are none.
        SettingError: no such output, a patch of nothing.

    Source: Zeiler & Fergus 2014, "Visualizing and Understanding Convolutional Networks", section 4.2.
    """
    floats = _checked(pictures)
    height, width = floats.shape[1:3]
    size = max(2, round(2 * min(height, width) / PATCHES)) if patch is None else patch
    if size < 1:
        raise SettingError(f"patch must be 1 pixel or more, got {patch}.")
    colour = usual_colour(floats).astype(pictures.dtype)
    before = np.asarray(predict(pictures), np.float64).reshape(len(pictures), -1)
    wanted = chosen_outputs(outputs, before)
    step = max(1, size // 2)
    corners = [(y, x) for y in range(1 - size, height, step) for x in range(1 - size, width, step)]
    places = [(slice(max(0, y), y + size), slice(max(0, x), x + size)) for y, x in corners]
    maps = []
    for row, picture in enumerate(pictures):
        lost, seen = np.zeros((height, width)), np.zeros((height, width))
        for first in range(0, len(places), COVERED):
            some = places[first : first + COVERED]
            covered = np.repeat(picture[None], len(some), axis=0)
            for number, (rows, columns) in enumerate(some):
                covered[number, rows, columns] = colour[row]
            after = np.asarray(predict(covered), np.float64).reshape(len(some), -1)[:, wanted[row]]
            for (rows, columns), answer in zip(some, after, strict=True):
                lost[rows, columns] += before[row, wanted[row]] - answer
                seen[rows, columns] += 1
        maps.append(lost / np.maximum(seen, 1))
    return _scaled(np.stack(maps))


def usual_colour(pictures: Pictures) -> np.ndarray:
    """Return for each picture the median of each channel, (rows, 1, 1, channels), a value that occurs."""
    return np.quantile(pictures, 0.5, axis=(1, 2), keepdims=True, method="lower").astype(np.float32)


def _checked(pictures: Pictures) -> np.ndarray:
    if pictures.ndim != 4 or not len(pictures):
        raise DataError(f"Pictures have the shape (rows, height, width, channels), got {pictures.shape}.")
    return pictures.astype(np.float32)


def _scaled(maps: np.ndarray) -> np.ndarray:
    largest = np.abs(maps).max(axis=(1, 2), keepdims=True)
    return maps / np.where(largest > 0, largest, 1.0)
