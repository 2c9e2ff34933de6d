"""Which mirror images of pictures look like pictures of the same kind: found by looking at them."""

import re
from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Float, Int

SIDE = 12
"""Pixels a side that pictures are averaged to before they are compared."""

MOST = 3000
"""How many pictures are looked at."""

ENOUGH = 60
"""With fewer pictures nothing can be found out."""

TOLD = 0.58
"""Share of pictures that may be told from their mirror images for these to pass as pictures of the same kind."""

SIDES = re.compile(
    r"(^|[^a-z])(left|right|links|rechts|gauche|droite?|izquierda|derecha|sinistra|destra|clockwise|east|west|up|down|"
    r"top|bottom|north|south)([^a-z]|$)",
    re.IGNORECASE,
)
"""Names of classes that a mirror may exchange."""

MIRRORS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "across": lambda x: x[:, :, ::-1],
    "down": lambda x: x[:, ::-1],
    "turned": lambda x: x.transpose(0, 2, 1),
}


def harmless_mirrors(
    pictures: np.ndarray, classes: Int[np.ndarray, " rows"], labels: Sequence[str | int], seed: int = 0
) -> tuple[str, ...]:
    """Return which changes leave pictures what they are: exchanging left and right ("across"), top and bottom ("down"),
    rows and columns ("turned").

    Of half of the pictures the mean difference between a picture and its mirror image is taken, class by class; if by
    its direction the other half can be told from its mirror images in more than 58% of the cases, a mirror makes
    something else: digits, scenes with a sky. Photographs of things from any side cannot be told. Where classes are
    called left and right, nothing is mirrored; with too few pictures only coloured ones are, across.
    """
    if any(SIDES.search(str(label)) for label in labels):
        return ()
    square = pictures.shape[1] == pictures.shape[2]
    candidates = ["across", "down", *(["turned"] if square else [])]
    if len(pictures) < ENOUGH:
        return ("across",) if pictures.shape[-1] == 3 else ()
    draw = np.random.Generator(np.random.PCG64(seed))
    some = draw.permutation(len(pictures))[:MOST]
    grey, numbers = pictures[some].astype(np.float32).mean(-1), classes[some]
    share = {name: _told(grey, numbers, MIRRORS[name]) for name in candidates}
    # Of few pictures more are told by chance: a share has an error of 0.5 / sqrt(rows).
    limit = max(TOLD, 0.5 + 1.0 / np.sqrt(len(some)))
    harmless = tuple(name for name in candidates if share[name] <= limit)
    return harmless if "across" in harmless else ()


def _told(
    pictures: Float[np.ndarray, "rows height width"],
    classes: Int[np.ndarray, " rows"],
    mirror: Callable[[np.ndarray], np.ndarray],
) -> float:
    """Return the share of pictures that are told from their mirror images, by directions learnt from the others."""
    apart = (_averaged(pictures) - _averaged(mirror(pictures))).reshape(len(pictures), -1)
    # Each picture counts the same, however strong its contrasts.
    apart = apart / np.maximum(np.linalg.norm(apart, axis=1, keepdims=True), 1e-9)
    right = {"all": 0.0, "class": 0.0}
    for learn, ask in ((slice(0, None, 2), slice(1, None, 2)), (slice(1, None, 2), slice(0, None, 2))):
        common = apart[learn].mean(0)
        right["all"] += float(np.sum(_sign(apart[ask] @ common)))
        for number in np.unique(classes[ask]):
            of_class = apart[learn][classes[learn] == number]
            direction = of_class.mean(0) if len(of_class) else common
            right["class"] += float(np.sum(_sign(apart[ask][classes[ask] == number] @ direction)))
    return max(right.values()) / len(pictures)


def _sign(along: Float[np.ndarray, " rows"]) -> Float[np.ndarray, " rows"]:
    """Return 1 for what points along, 0 against, a half for neither: a picture that is its own mirror image."""
    return np.where(np.abs(along) < 1e-12, 0.5, along > 0)


def _averaged(pictures: Float[np.ndarray, "rows height width"]) -> Float[np.ndarray, "rows side side"]:
    """Return pictures of a few pixels a side, each the mean of those that fall into it."""
    for axis in (1, 2):
        length = pictures.shape[axis]
        if length > SIDE:
            edges = np.linspace(0, length, SIDE + 1).astype(np.int64)
            sums = np.add.reduceat(pictures, edges[:-1], axis=axis)
            pictures = sums / np.diff(edges).reshape(-1, *[1] * (2 - axis))
    return pictures.astype(np.float64)
