"""A picture of the results: how many times as fast as the best peer every contender trains."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")

from benchmarks.speed.contenders import CONTENDERS
from benchmarks.speed.judging import disturbed
from benchmarks.speed.workloads import TITLES
from matplotlib import pyplot as plt
from matplotlib.ticker import FixedLocator, NullLocator

COLOURS = {
    "brickwork": "#c0392b",
    "torch": "#e8a33d",
    "torch-compile": "#b8791d",
    "keras-jax": "#5b8db8",
    "keras-torch": "#88b0d0",
    "keras-tensorflow": "#2f5f8a",
    "flax": "#5fa777",
    "plain-jax": "#999999",
}


def draw(results: Mapping[str, Any], path: Path) -> None:
    """Draw a group of bars for each workload, on a logarithmic axis where 1 is the best peer."""
    training = {name: one for name, one in results.get("training", {}).items() if one["best_peer"]}
    training = {name: one for name, one in training.items() if not any(map(disturbed, one["rows"].values()))}
    if not training:
        raise ValueError("There is nothing to draw: the machine was shared in every measurement.")
    who = [name for name in CONTENDERS if any("times_best_peer" in t["rows"].get(name, {}) for t in training.values())]
    mpl.rcParams["svg.hashsalt"] = "speed"  # the same bytes for the same numbers
    figure, axes = plt.subplots(figsize=(8, 1.2 + 0.16 * (len(who) + 2) * max(1, len(training))))
    height = 0.85 / max(1, len(who))
    for place, name in enumerate(who):
        spots = [(y, one["rows"][name]) for y, one in enumerate(training.values()) if name in one["rows"]]
        spots = [(y, row["times_best_peer"]) for y, row in spots if "times_best_peer" in row]
        ys, times = zip(*spots, strict=True)
        hatch = "//" if name == "plain-jax" else None
        ys = [y + (place - (len(who) - 1) / 2) * height for y in ys]
        widths = [time - 1 for time in times]
        bars = axes.barh(ys, widths, height, left=1, color=COLOURS.get(name), label=CONTENDERS[name].title, hatch=hatch)
        axes.bar_label(bars, [f"{time:.2f}" for time in times], fontsize=6, padding=2)
    axes.set_yticks(range(len(training)), [TITLES.get(name, name) for name in training])
    axes.invert_yaxis()
    axes.set_xscale("log")
    axes.axvline(1, color="black", linewidth=0.8)
    axes.set_xlabel("speed of training, the best peer = 1; longer is faster")
    axes.xaxis.set_major_locator(FixedLocator([0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20]))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_locator(NullLocator())
    axes.legend(fontsize=7, frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=4)
    axes.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)
    plt.close(figure)
