"""Arithmetic on what was measured: medians, ratios, and whether contenders did the same work."""

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

PARAMETERS = 0.005
"""By how much numbers of parameters may differ, relatively: PyTorch's LSTM has a second bias, 0.24%."""

LOSS = 0.35
"""By how much the loss of the second epoch may differ from the middle one of all, relatively; they start apart."""

FLOOR = 0.1
"""Losses below this are taken for this: where hardly any loss is left, ratios say nothing."""

OTHERS = 0.1
"""Cores that other programs may use during a turn. More, and the turn is taken again; in a row's median, and ratios
with it say nothing: libraries suffer very differently (OpenMP's threads wait for each other, for example)."""

IDLE = 0.05
"""Share of a core that a process may use between its turns."""


def spread(values: Sequence[float]) -> dict[str, float]:
    """Return the median, the least and the most."""
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def epochs_for(seconds: float, epoch_seconds: float, most: int = 10_000) -> int:
    """Return how many whole epochs take about so many seconds, at least 1."""
    return max(1, min(most, round(seconds / max(epoch_seconds, 1e-9))))


def not_the_same_work(expected: int, prepared: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Return why contenders are refused, by name.

    `prepared` are their answers: "parameters", and "losses", the mean loss of the first and of the second epoch.
    """
    reasons: dict[str, str] = {}
    known = [max(FLOOR, found["losses"][-1]) for found in prepared.values() if _finite(found["losses"])]
    middle = statistics.median(known) if known else math.nan
    for name, found in prepared.items():
        first, last = (found["losses"][0], found["losses"][-1]) if found["losses"] else (math.nan, math.nan)
        if abs(found["parameters"] - expected) > PARAMETERS * expected:
            reasons[name] = f"{found['parameters']:,} parameters, not {expected:,}"
        elif not _finite(found["losses"]):
            reasons[name] = "its loss is not finite"
        elif not last < first:
            reasons[name] = f"its loss does not fall: {first:.4g} to {last:.4g}"
        elif abs(max(FLOOR, last) - middle) > LOSS * middle:
            reasons[name] = f"its loss falls to {last:.4g}, others' to {middle:.4g}"
    return reasons


def _finite(losses: Sequence[float]) -> bool:
    return bool(losses) and all(math.isfinite(loss) for loss in losses)


def best_peer(rows: Mapping[str, Mapping[str, Any]], peers: Sequence[str], key: str) -> str | None:
    """Return the peer with the least median of `key` among those that have one."""
    found = {name: rows[name][key]["median"] for name in peers if name in rows and key in rows[name]}
    return min(found, key=found.__getitem__) if found else None


def disturbed(row: Mapping[str, Any]) -> bool:
    """Tell whether other programs kept the machine busy while this was measured."""
    return row.get("others_share", 0.0) > OTHERS


def with_ratios(rows: Mapping[str, dict[str, Any]], peers: Sequence[str], key: str) -> dict[str, dict[str, Any]]:
    """Return rows with "times_best_peer": the best peer's median over this one's; above 1 is faster than all peers."""
    best = best_peer(rows, peers, key)
    return {
        name: {**row, "times_best_peer": rows[best][key]["median"] / row[key]["median"]}
        if best is not None and key in row
        else row
        for name, row in rows.items()
    }


def training_row(
    turns: Sequence[Mapping[str, Any]], prepared: Mapping[str, Any], operations: int, batch: int, peak: float | None
) -> dict[str, Any]:
    """Return what is reported of one contender's training, from its turns' "seconds" and "steps"."""
    step = spread([1e3 * turn["seconds"] / turn["steps"] for turn in turns])
    achieved = operations / (step["median"] / 1e3)
    return {
        "milliseconds": step,
        "examples_per_second": batch / (step["median"] / 1e3),
        "flops": achieved,
        **({} if peak is None else {"share_of_peak": achieved / peak}),
        "compile_seconds": prepared["compile_seconds"],
        "peak_megabytes": max(turn["peak_megabytes"] for turn in turns),
        "idle_share": max(turn["idle_share"] for turn in turns),
        "others_share": statistics.median(turn["others_share"] for turn in turns),
        "steps": sum(turn["steps"] for turn in turns),
        "losses": prepared["losses"],
        "parameters": prepared["parameters"],
        "way": prepared.get("way", {}),
        "notes": prepared["notes"],
    }
