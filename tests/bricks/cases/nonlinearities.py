"""Cases of nonlinearities with weights: learned rectifiers, gates, capsules."""

from typing import Any

import numpy as np

from bricks.cases.draws import Draws
from bricks.contract import Case
from brickwork.bricks import (
    GLU,
    CapsuleLength,
    Capsules,
    Maxout,
    PReLU,
    PrimaryCapsules,
    SqueezeExcitation,
)

draws = Draws(28)
numbers = draws.numbers


def squash(s: np.ndarray) -> np.ndarray:
    """Sabour et al. 2017, equation 1, of one vector."""
    square = sum(number**2 for number in s)
    return square / (1 + square) * s / np.sqrt(square)


def primary(v: Any, inputs: Any, taps: Any) -> np.ndarray:
    """Sabour et al. 2017, section 4: at every place a vector of filters' sums, squashed."""
    x, w, b = inputs[0].astype("float64"), v["conv/weight"].astype("float64"), v["conv/bias"]
    out = []
    for picture in x:
        capsules = []
        for p, q in ((0, 0), (0, 2), (2, 0), (2, 2)):
            sums = [np.sum(picture[p : p + 2, q : q + 2] * w[..., f]) + b[f] for f in range(6)]
            capsules += [squash(np.array(sums[:3])), squash(np.array(sums[3:]))]
        out.append(capsules)
    return np.array(out)


def routed(v: Any, inputs: Any, taps: Any) -> np.ndarray:
    """Sabour et al. 2017, equations 2 and 3 and procedure 1, capsule by capsule."""
    x, w = inputs[0].astype("float64"), v["weight"].astype("float64")
    (rows, lower), higher = x.shape[:2], 3
    out = np.zeros((rows, higher, 2))
    for n in range(rows):
        u = np.array([[x[n, i] @ w[i][:, 2 * j : 2 * j + 2] for j in range(higher)] for i in range(lower)])
        b = np.zeros((lower, higher))
        for _ in range(3):
            c = np.array([np.exp(b[i]) / np.sum(np.exp(b[i])) for i in range(lower)])
            for j in range(higher):
                out[n, j] = squash(sum(c[i, j] * u[i, j] for i in range(lower)))
            for i, j in np.ndindex(lower, higher):
                b[i, j] += u[i, j] @ out[n, j]
    return out


def lengths(v: Any, inputs: Any, taps: Any) -> np.ndarray:
    return np.linalg.norm(inputs[0], axis=-1)


CASES: dict[str, Case] = {
    "prelu/channels": Case(PReLU(), golden="prelu/channels"),
    "prelu/shared": Case(PReLU(shared=True), golden="prelu/shared", quick="nothing"),
    "glu/plain": Case(GLU(), golden="glu/plain"),
    "maxout/pieces": Case(Maxout(2, pieces=3), golden="maxout/pieces"),
    "squeeze_excitation/pictures": Case(SqueezeExcitation(2), golden="squeeze_excitation/pictures", quick="nothing"),
    "squeeze_excitation/padded": Case(SqueezeExcitation(2), golden="squeeze_excitation/padded"),
    "primary_capsules/pictures": Case(PrimaryCapsules(2, 3, kernel=2), (numbers(2, 4, 4, 2),), oracle=primary),
    "capsules/routing": Case(Capsules(3, size=2), (numbers(2, 4, 3),), oracle=routed),
    "capsule_length/plain": Case(CapsuleLength(), (numbers(2, 3, 4),), oracle=lengths),
}
