"""Masks of pen strokes: thicker, thinner, without specks, upright. Pixels are True where there is ink."""

import numpy as np
from jaxtyping import Bool, Float

Mask = Bool[np.ndarray, "height width"]


def dilated(mask: Mask, round_: bool = False) -> Mask:
    """Return the mask with every pixel beside an ink pixel added: its 4 neighbours, or all 8 when `round_`."""
    padded = np.pad(mask, 1)
    wide = padded[1:-1, :-2] | padded[1:-1, 1:-1] | padded[1:-1, 2:]
    if not round_:
        return wide | padded[:-2, 1:-1] | padded[2:, 1:-1]
    rows = np.pad(wide, ((1, 1), (0, 0)))
    return rows[:-2] | rows[1:-1] | rows[2:]


def eroded(mask: Mask, round_: bool = False) -> Mask:
    """Return the mask without the pixels beside paper; what lies outside of the picture is paper."""
    padded = np.pad(~mask, 1, constant_values=True)
    wide = padded[1:-1, :-2] | padded[1:-1, 1:-1] | padded[1:-1, 2:]
    if not round_:
        return ~(wide | padded[:-2, 1:-1] | padded[2:, 1:-1])
    rows = np.pad(wide, ((1, 1), (0, 0)), constant_values=True)
    return ~(rows[:-2] | rows[1:-1] | rows[2:])


def stroke_width(mask: Mask) -> float:
    """Return the mean thickness of the strokes in pixels: four times the mean distance of ink from paper.

    In a bar of thickness t the distances from the nearer edge run from 0 to t / 2, a mean of t / 4.
    """
    area = int(mask.sum())
    depth, step = 0, 0
    while mask.any():
        depth += int(mask.sum())
        mask = eroded(mask, round_=step % 2 == 1)
        step += 1
    return 4 * (depth / area - 0.5) if area else 0.0


def bounds(mask: Mask) -> tuple[int, int, int, int]:
    """Return top, bottom, left, right of the ink; bottom and right are one past it."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1


def resized(values: Float[np.ndarray, "height width"], height: int, width: int) -> Float[np.ndarray, "tall wide"]:
    """Return values at another size: means over the area when smaller, straight lines between pixels when larger."""
    return _weights(values.shape[0], height) @ values @ _weights(values.shape[1], width).T


def _weights(old: int, new: int) -> Float[np.ndarray, "new old"]:
    """Return a triangle filter whose half width is one pixel of the coarser grid; each row adds up to 1."""
    centres = (np.arange(new) + 0.5) * old / new - 0.5
    reach = max(1.0, old / new)
    weights = np.clip(1 - np.abs(np.arange(old)[None, :] - centres[:, None]) / reach, 0, None)
    return weights / weights.sum(1, keepdims=True)


def clean(mask: Mask, share: float = 0.04) -> Mask:
    """Return the mask without specks: connected parts smaller than `share` of the largest one, or of 3 pixels."""
    labels, sizes = components(mask)
    if not len(sizes):
        return mask
    kept = sizes >= max(share * sizes.max(), 3)
    return np.concatenate([[False], kept])[labels]


def components(mask: Mask) -> tuple[np.ndarray, np.ndarray]:
    """Return the number of each pixel's connected part (0 is paper, diagonals connect), and the parts' sizes.

    Runs of ink along the rows are joined by union-find where they touch a run of the row above.
    """
    edges = np.diff(np.pad(mask, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    run_rows, starts = np.nonzero(edges == 1)
    stops = np.nonzero(edges == -1)[1]
    parents = list(range(len(starts)))

    def root(run: int) -> int:
        while parents[run] != run:
            parents[run] = parents[parents[run]]
            run = parents[run]
        return run

    first_of = np.searchsorted(run_rows, np.arange(len(mask) + 1)).tolist()
    begins, ends = starts.tolist(), stops.tolist()
    for row in range(1, len(mask)):
        above, stop_above = first_of[row - 1], first_of[row]
        here, stop_here = first_of[row], first_of[row + 1]
        while above < stop_above and here < stop_here:
            if begins[above] <= ends[here] and begins[here] <= ends[above]:
                parents[root(here)] = root(above)
            if ends[above] < ends[here]:
                above += 1
            else:
                here += 1
    roots = np.array([root(run) for run in range(len(starts))], np.int64)
    _, numbers = np.unique(roots, return_inverse=True)
    labels = np.zeros(mask.shape, np.int64)
    for row, start, stop, number in zip(run_rows.tolist(), begins, ends, numbers.tolist(), strict=True):
        labels[row, start:stop] = number + 1
    return labels, np.bincount(labels.ravel())[1:]


def even_out(mask: Mask, share: float, most: float) -> Mask:
    """Return the mask with strokes thicker, or thinner by up to `most` pixels a side, until `share` of it is ink."""
    wanted = share * mask.size
    step = 0
    if mask.sum() > wanted:
        while step < most:
            smaller = eroded(mask, round_=step % 2 == 1)
            if smaller.sum() < wanted:
                break
            mask = smaller
            step += 1
    elif mask.any():
        while mask.sum() < wanted and step < len(mask) // 8:
            mask = dilated(mask, round_=step % 2 == 1)
            step += 1
    return mask


def upright(mask: Mask, skip: int) -> Mask:
    """Return the mask sheared so that the left ends of its top and bottom rows stand above each other.

    The rows compared lie `skip` pixels inside of the first and last row with ink: edges are ragged.
    """
    top, bottom, _, _ = bounds(mask)
    high, low = top + skip, bottom - 1 - skip
    if low - high < skip or not mask[high].any() or not mask[low].any():
        return mask
    factor = (int(np.argmax(mask[high])) - int(np.argmax(mask[low]))) / (low - high)
    moved = np.zeros_like(mask)
    width = mask.shape[1]
    for row in range(len(mask)):
        shift = round((row - len(mask) / 2) * factor)
        columns = np.flatnonzero(mask[row]) + shift
        moved[row, columns[(columns >= 0) & (columns < width)]] = True
    return moved
