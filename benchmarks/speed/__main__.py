"""Speed: the same networks, data, batches and steps of Adam in Brickwork and in its peers, each in its fastest loop.

    python -m benchmarks.speed                                    all workloads, all contenders that are installed
    python -m benchmarks.speed --workloads cnn --contenders brickwork torch
    python -m benchmarks.speed --python peers=/other/bin/python   peers that are installed for another Python
    python -m benchmarks.speed --show --docs docs/benchmarks.md   what was measured so far, as a table and in a page

Every contender has a process of its own, which lives through the whole benchmark, sleeps between its turns, and uses
all cores in them. Contenders train two epochs first: where numbers of parameters differ, or losses do not fall alike,
it is not the same work and is not timed. Then they take turns, a round after the other, of as many whole epochs as
take about `--seconds`; data are in memory, there are no metrics, no validation and no files. What is reported is the
median over rounds, with the least and the most. Where a library has several documented ways (layouts of pictures,
steps per execution, threads), all are tried and its fastest is kept. A turn during which other programs were busy is
taken again, up to three times; where that did not help, rows say so and nothing is compared or drawn. Parts that were
measured before are kept in the results unless they are measured again.
"""

import argparse
import datetime
import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.speed import machine, report
from benchmarks.speed.contenders import CONTENDERS
from benchmarks.speed.digits.timing import measure_digits
from benchmarks.speed.processes import python_of, scratch_folder
from benchmarks.speed.rounds import PREDICTED, Arena, forget, measure, measure_predictions
from benchmarks.speed.workloads import WORKLOADS, on_accelerator, scaling

from brickwork.storage.files import write_json

RESULTS = Path(__file__).resolve().parents[1] / "results"
PARTS = ("training", "prediction", "scaling", "digits")


def main() -> None:
    """Measure, keep, and show."""
    options = _options()
    results: dict[str, Any] = json.loads(options.results.read_text()) if options.results.exists() else {}
    if not options.show:
        run(options, results)
    sys.stdout.write(report.markdown(results) + "\n")
    if options.docs:
        options.docs.write_text(report.between_markers(options.docs.read_text(), report.markdown(results)))
    if options.plot:
        try:
            from benchmarks.speed.plot import draw  # noqa: PLC0415 - matplotlib may not be there
        except ImportError as error:
            sys.stderr.write(f"No plot: {error}\n")
        else:
            try:
                draw(results, options.plot)
            except ValueError as error:
                sys.stderr.write(f"No plot: {error}\n")


def run(options: argparse.Namespace, results: dict[str, Any]) -> None:
    """Measure what is asked for, and write the results after every workload."""
    pythons = dict(pair.split("=", 1) for pair in options.python)
    precision, device = options.dtype, options.device
    results |= {
        "machine": machine.describe(),
        "date": datetime.date.today().isoformat(),
        "device": device,
        "dtype": precision,
        "rounds": options.rounds,
        "seconds": options.seconds,
    }
    peak = machine.measured_peak(python_of("plain-jax", pythons), device, precision)
    results["machine"]["peak_flops"] = peak
    sys.stderr.write(f"{results['machine']}\n")
    workloads = [WORKLOADS[name] for name in options.workloads]
    if device == "gpu":
        workloads = on_accelerator(workloads)

    def keep() -> None:
        options.results.parent.mkdir(parents=True, exist_ok=True)
        write_json(options.results, results)

    with scratch_folder() as scratch, (Path(scratch) / "log.txt").open("w") as scratch_log:
        log = options.log.open("w") if options.log else scratch_log
        arena = Arena()
        try:
            if set(options.parts) & {"training", "prediction", "scaling"}:
                arena.open(options.contenders, pythons, device, precision, scratch, log)
                results["versions"] = {**results.get("versions", {}), **arena.versions}
            for workload in workloads if set(options.parts) & {"training", "prediction"} else ():
                found = measure(arena, workload, options.rounds, options.seconds, peak)
                results.setdefault("training", {})[workload.name] = found
                if "prediction" in options.parts and workload.name in PREDICTED:
                    predicted = measure_predictions(arena, workload, options.rounds, min(0.5, options.seconds))
                    results.setdefault("prediction", {})[workload.name] = predicted
                forget(arena)
                keep()
            for series, sizes in scaling().items() if "scaling" in options.parts else ():
                for workload in sizes:
                    found = measure(arena, workload, options.rounds, min(0.5, options.seconds), peak)
                    results.setdefault("scaling", {}).setdefault(series, {})[workload.name] = found
                    forget(arena)
                    keep()
        finally:
            arena.close()
            known = {n: reason for n, reason in results.get("missing", {}).items() if n not in options.contenders}
            results["missing"] = known | arena.missing
        if "digits" in options.parts:
            results["digits"] = measure_digits(options.contenders, pythons, device, options.rounds, scratch)
    results["machine"]["load_at_end"] = machine.describe().get("load")
    keep()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--workloads", nargs="+", default=list(WORKLOADS), choices=list(WORKLOADS), metavar="NAME")
    add("--contenders", nargs="+", default=list(CONTENDERS), choices=list(CONTENDERS), metavar="NAME")
    add("--parts", nargs="+", default=list(PARTS), choices=PARTS, help="what to measure")
    add("--rounds", type=int, default=5, help="turns of each contender that count")
    add("--seconds", type=float, default=1.0, help="about how long a turn takes")
    add("--device", choices=("cpu", "gpu"), default="cpu")
    add("--dtype", choices=("float32", "bfloat16"), default="float32", help="what to compute in, by autocast")
    add("--python", action="append", default=[], metavar="NAME=PATH", help="a contender's Python, or that of `peers`")
    add("--results", type=Path, help="the file of results; one for each device and type by default")
    add("--log", type=Path, help="where to write what the contenders' libraries print")
    add("--docs", type=Path, help="a page to write the tables into, between its markers")
    add("--plot", type=Path, help="a picture to draw, SVG or PNG")
    add("--show", action="store_true", help="measure nothing")
    options = parser.parse_args()
    if options.results is None:
        kind = "" if (options.device, options.dtype) == ("cpu", "float32") else f"_{options.device}_{options.dtype}"
        options.results = RESULTS / f"speed{kind}.json"
    return options


if __name__ == "__main__":
    main()
