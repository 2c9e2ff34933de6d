"""How long 32 small networks take: as one population, as 32 runs one after the other, and in other libraries.

    python benchmarks/populations.py                                  Brickwork, and what else is installed here
    python benchmarks/populations.py --python /other/bin/python       and what is installed for another Python

Each network is 30-64-64-2 with relu between, trained by Adam at a rate of 0.001 on 512 rows in shuffled batches of 16,
20 epochs: 640 steps each, with its own seed. Times are for training alone, the best of several rounds taken in turn,
after one round that compiles what is compiled; that first round is reported beside them. Other libraries are run as
their users would (a loop over steps, all rows in memory already) in the fastest of the ways that are tried.
"""

import argparse
import importlib.util
import itertools
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

NETWORKS, EPOCHS, BATCH, RATE = 32, 20, 16, 1e-3
ROWS, COLUMNS, HIDDEN, CLASSES = 512, 30, (64, 64), 2
STEPS = NETWORKS * EPOCHS * ROWS // BATCH


def data() -> tuple[np.ndarray, np.ndarray]:
    """Return the rows and their classes, the same for all."""
    draw = np.random.default_rng(0)
    inputs = draw.normal(size=(ROWS, COLUMNS)).astype(np.float32)
    return inputs, (inputs[:, 0] * inputs[:, 1] + inputs[:, 2] > 0).astype(np.int32)


def brickwork_ways() -> dict[str, Callable[[], Any]]:
    """Return Brickwork's ways: one population, and single runs."""
    from brickwork.bricks import Dense, Sequential  # noqa: PLC0415 - other libraries' Pythons do not have it
    from brickwork.train import Model, fit_population  # noqa: PLC0415

    inputs, targets = data()
    how: dict[str, Any] = {"epochs": EPOCHS, "batch_size": BATCH, "rate": RATE, "progress": False}

    def model() -> Model:
        return Model(Sequential(*(Dense(units, "relu") for units in HIDDEN), Dense(CLASSES)), "cross_entropy")

    def single() -> None:
        for seed in range(NETWORKS):
            model().fit(inputs, targets, seed=seed, **how)

    return {
        "brickwork population": lambda: fit_population(model(), inputs, targets, seeds=NETWORKS, **how),
        "brickwork single runs": single,
    }


def torch_ways() -> dict[str, Callable[[], Any]]:
    """Return PyTorch's ways: its usual Adam, and the fused one; one thread is fastest for networks so small."""
    import torch  # noqa: PLC0415 # pyright: ignore[reportMissingImports]

    torch.set_num_threads(1)
    inputs, targets = (torch.from_numpy(array) for array in data())
    targets = targets.long()

    def train(fused: bool) -> None:
        for seed in range(NETWORKS):
            torch.manual_seed(seed)
            sizes = (COLUMNS, *HIDDEN)
            layers: list[Any] = []
            for before, after in itertools.pairwise(sizes):
                layers += [torch.nn.Linear(before, after), torch.nn.ReLU()]
            net = torch.nn.Sequential(*layers, torch.nn.Linear(sizes[-1], CLASSES))
            optimizer = torch.optim.Adam(net.parameters(), lr=RATE, fused=fused)
            loss = torch.nn.CrossEntropyLoss()
            for _ in range(EPOCHS):
                for rows in torch.randperm(ROWS).split(BATCH):
                    optimizer.zero_grad(set_to_none=True)
                    loss(net(inputs[rows]), targets[rows]).backward()
                    optimizer.step()

    return {"torch single runs": lambda: train(False), "torch single runs, fused Adam": lambda: train(True)}


def keras_ways() -> dict[str, Callable[[], Any]]:
    """Return Keras' way: one fit for each network."""
    import keras  # noqa: PLC0415 # pyright: ignore[reportMissingImports]

    inputs, targets = data()

    def train() -> None:
        for seed in range(NETWORKS):
            keras.utils.set_random_seed(seed)
            layers = [keras.layers.Dense(units, "relu") for units in HIDDEN]
            net = keras.Sequential([*layers, keras.layers.Dense(CLASSES)])
            loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
            net.compile(keras.optimizers.Adam(RATE), loss)
            net.fit(inputs, targets, batch_size=BATCH, epochs=EPOCHS, verbose=0)

    return {"keras single runs": train}


WAYS = {"brickwork": brickwork_ways, "torch": torch_ways, "keras": keras_ways}


def serve() -> None:
    """Answer on standard input: which ways this Python has, then the seconds of each that is asked for."""
    ways = {}
    for library, make in WAYS.items():
        if importlib.util.find_spec(library) is not None:
            ways |= make()
    print(json.dumps(list(ways)), flush=True)
    for line in sys.stdin:
        begun = time.perf_counter()
        ways[json.loads(line)]()
        print(json.dumps(time.perf_counter() - begun), flush=True)


def measure(pythons: list[str], rounds: int, only: list[str]) -> dict[str, list[float]]:
    """Return the seconds of every round by way; all take turns, each Python in a process of its own."""
    servers = [
        subprocess.Popen(
            [python, __file__, "--serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        for python in pythons
    ]
    found: dict[str, list[float]] = {}
    try:
        owners: dict[str, Any] = {}
        for server in servers:
            assert server.stdout is not None
            for name in json.loads(server.stdout.readline()):
                if not only or any(part in name for part in only):
                    owners.setdefault(name, server)
        for number in range(rounds + 1):
            for name, server in owners.items():
                print(json.dumps(name), file=server.stdin, flush=True)
                found.setdefault(name, []).append(float(json.loads(server.stdout.readline())))
                print(f"round {number}: {name} {found[name][-1]:.2f} s", file=sys.stderr, flush=True)
    finally:
        for server in servers:
            server.kill()
    return found


def main() -> None:
    """Measure, print a table, and write JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", action="append", default=[], help="another Python, with other libraries")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", action="append", default=[], help="ways whose names have this in them")
    parser.add_argument("--out", type=Path, default=Path("populations.json"))
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve()
        return
    found = measure([sys.executable, *options.python], options.rounds, options.only)
    best = {name: min(seconds[1:]) for name, seconds in found.items()}
    ours = best.get("brickwork population", float("nan"))
    print(f"{NETWORKS} networks, {STEPS} steps in all{'':10}ms    first ms    ms per step     against the population")
    for name, seconds in sorted(best.items(), key=lambda item: item[1]):
        times = 1e3 * seconds, 1e3 * found[name][0], 1e3 * seconds / STEPS, seconds / ours
        print("{:36}{:10.0f}{:12.0f}{:15.4f}{:20.2f} times".format(name, *times))
    result = {"networks": NETWORKS, "steps": STEPS, "seconds": found, "best": best}
    options.out.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
