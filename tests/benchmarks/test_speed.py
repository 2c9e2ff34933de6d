"""The arithmetic of the speed benchmark, its tables, and its protocol with a worker that is not one."""

import itertools
import json
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.speed import judging, report, rounds
from benchmarks.speed.contenders import CONTENDERS
from benchmarks.speed.contenders.base import Contender, combined, epochs_from
from benchmarks.speed.processes import GoneError, Process, installed, python_of
from benchmarks.speed.worker import Worker, peak_megabytes
from benchmarks.speed.workloads import WORKLOADS, Workload, data, on_accelerator, operations, order, parameters, scaling

from brickwork.data import epoch_rows

TINY = Workload("tiny", "mlp", batch=4, rows=16, units=(3,))


# ------------------------------------------------------------------------------------------------------ the workloads


def test_operations_of_perceptrons_are_six_a_weight_and_row():
    assert operations(WORKLOADS["mlp-small"]) == 6 * 32 * (784 * 128 + 128 * 10)
    assert operations(WORKLOADS["mlp-large"]) == 6 * 32 * (784 * 512 + 512 * 512 + 512 * 10)


def test_operations_of_convolutions_count_places():
    forward = 28 * 28 * 9 * 32 + 14 * 14 * 9 * 32 * 64 + 3136 * 10
    assert operations(WORKLOADS["cnn"]) == 6 * 32 * forward
    assert operations(WORKLOADS["cnn-128"]) == 4 * operations(WORKLOADS["cnn"])


def test_operations_of_the_residual_network():
    stage = [6 * 9 * 16 * 16 * 1024, 9 * 16 * 32 * 256 + 5 * 9 * 32 * 32 * 256, 9 * 32 * 64 * 64 + 5 * 9 * 64 * 64 * 64]
    forward = 9 * 3 * 16 * 1024 + sum(stage) + 16 * 32 * 256 + 32 * 64 * 64 + 640
    assert operations(WORKLOADS["resnet20"]) == 6 * 32 * forward


def test_operations_of_sequences_count_steps():
    assert operations(WORKLOADS["lstm"]) == 6 * 32 * 100 * ((128 + 256) * 1024 + 256 * 90)
    block = 4 * 128 * 128 + 2 * 128 * 512 + 2 * 100 * 128
    assert operations(WORKLOADS["gpt"]) == 6 * 32 * 100 * (4 * block + 128 * 90)


def test_numbers_of_parameters():
    assert parameters(WORKLOADS["mlp-small"]) == 784 * 128 + 128 + 1280 + 10
    assert parameters(WORKLOADS["cnn"]) == 320 + 18_496 + 31_370
    assert parameters(WORKLOADS["lstm"]) == 90 * 128 + (128 + 256 + 1) * 1024 + 257 * 90


@pytest.mark.parametrize("name", WORKLOADS)
def test_brickworks_networks_have_the_parameters_that_are_expected(name):
    jax = pytest.importorskip("jax")
    from benchmarks.speed.contenders.brickwork_fit import network

    workload = WORKLOADS[name]
    dtype = "int32" if workload.sequences else "float32"
    plan = network(workload).plan(jax.ShapeDtypeStruct((1, *workload.shape), dtype))
    assert plan.count == parameters(workload)
    assert plan.output.shape == (1, *((100,) if workload.sequences else ()), workload.outputs)


@pytest.mark.parametrize("name", ["mlp-small", "cnn", "resnet20", "lstm"])
def test_data_are_the_same_every_time_and_fit(name):
    workload = Workload.of({**WORKLOADS[name].settings(), "rows": 64})
    inputs, targets = data(workload)
    again, _ = data(workload)
    assert np.array_equal(inputs, again)
    assert inputs.shape == (64, *workload.shape)
    assert targets.max() < workload.outputs
    if workload.sequences:
        assert np.array_equal(inputs[:, 1:], targets[:, :-1])


def test_order_is_that_of_brickwork():
    theirs, weight = epoch_rows(TINY.rows, TINY.batch, seed=0, epoch=3)
    assert weight.all()
    assert np.array_equal(order(TINY, 3), theirs)


def test_workloads_travel_as_json():
    series = itertools.chain(*scaling().values())
    for one in (*WORKLOADS.values(), *series, *on_accelerator(list(WORKLOADS.values()))):
        assert Workload.of(json.loads(json.dumps(one.settings()))) == one
        assert one.rows % one.batch == 0


# ----------------------------------------------------------------------------------------------------------- judging


def test_spread_is_median_least_and_most():
    assert judging.spread([3.0, 1.0, 9.0]) == {"median": 3.0, "min": 1.0, "max": 9.0}


def test_turns_are_whole_epochs():
    assert judging.epochs_for(1.0, 0.3) == 3
    assert judging.epochs_for(1.0, 40.0) == 1
    assert judging.epochs_for(1.0, 0.0) == 10_000


def test_ratios_are_to_the_best_peer_and_not_to_the_reference():
    rows = {
        name: {"ms": judging.spread([value])} for name, value in {"us": 2.0, "a": 4.0, "b": 6.0, "ref": 1.0}.items()
    }
    rows["broken"] = {"failed": "it fell"}
    assert judging.best_peer(rows, ["a", "b", "broken"], "ms") == "a"
    found = judging.with_ratios(rows, ["a", "b", "broken"], "ms")
    assert {name: row.get("times_best_peer") for name, row in found.items()} == {
        "us": 2.0,
        "a": 1.0,
        "b": pytest.approx(4 / 6),
        "ref": 4.0,
        "broken": None,
    }
    assert judging.best_peer(rows, [], "ms") is None


def prepared(count: int = 1000, losses: tuple[float, ...] = (2.0, 1.0)) -> dict:
    return {"parameters": count, "losses": list(losses), "compile_seconds": 1.0, "notes": []}


def test_equal_work_is_accepted():
    assert judging.not_the_same_work(1000, {"a": prepared(), "b": prepared(1003, (2.5, 1.2))}) == {}


@pytest.mark.parametrize(
    ("other", "why"),
    [
        (prepared(1010), "1,010 parameters, not 1,000"),
        (prepared(losses=(2.0, 2.0)), "does not fall"),
        (prepared(losses=(2.0, 1.9)), "its loss falls to 1.9, others' to 1"),
        (prepared(losses=(2.0, 0.2)), "its loss falls to 0.2"),
        (prepared(losses=(2.0, float("nan"))), "not finite"),
        (prepared(losses=()), "not finite"),
    ],
)
def test_other_work_is_refused(other, why):
    found = judging.not_the_same_work(1000, {"a": prepared(), "b": prepared(), "other": other})
    assert list(found) == ["other"]
    assert why in found["other"]


def test_losses_of_almost_nothing_are_not_compared():
    some = {"a": prepared(losses=(0.2, 0.002)), "b": prepared(losses=(0.2, 0.02)), "c": prepared(losses=(0.2, 0.05))}
    assert judging.not_the_same_work(1000, some) == {}


def turn(seconds: float, steps: int = 100) -> dict:
    return {"seconds": seconds, "steps": steps, "peak_megabytes": 300.0, "idle_share": 0.0, "others_share": 0.0}


def test_a_row_has_the_median_of_milliseconds_and_the_share_of_the_peak():
    row = judging.training_row([turn(0.2), turn(0.1), turn(0.9)], prepared(), operations=10**6, batch=32, peak=1e9)
    assert row["milliseconds"] == pytest.approx({"median": 2.0, "min": 1.0, "max": 9.0})
    assert row["examples_per_second"] == pytest.approx(16_000)
    assert row["share_of_peak"] == pytest.approx(0.5)
    assert row["steps"] == 300


# ------------------------------------------------------------------------------------------------------------ tables


def test_text_goes_between_the_markers_and_nothing_else_changes():
    page = f"# Page\n\nbefore\n\n{report.BEGIN}\nold \\1\n{report.END}\n\nafter\n"
    once = report.between_markers(page, "new \\1 table")
    assert once == f"# Page\n\nbefore\n\n{report.BEGIN}\n\nnew \\1 table\n\n{report.END}\n\nafter\n"
    assert report.between_markers(once, "new \\1 table") == once


def test_a_page_without_markers_gets_a_section():
    page = report.between_markers("# Page\n", "table")
    assert page == f"# Page\n\n## Speed\n\n{report.BEGIN}\n\ntable\n\n{report.END}\n"
    assert report.between_markers(page, "table") == page


def test_numbers_are_short():
    assert [report.number(value) for value in (0.01234, 1.234, 123.4, 12345.6)] == ["0.0123", "1.23", "123", "12,346"]


def results() -> dict:
    rows = {
        "brickwork": judging.training_row([turn(0.1)], prepared(), 10**6, 32, 1e9),
        "torch": judging.training_row([turn(0.3)], prepared(), 10**6, 32, 1e9),
        "keras-jax": {"refused": "9 parameters, not 8"},
        "flax": {"failed": "ValueError: a | b"},
    }
    predicted = {"rows": {"brickwork": {"milliseconds": judging.spread([0.1]), "examples_per_second": 10.0}}}
    return {
        "machine": {"processor": "a processor", "cores": 2, "python": "3.11", "peak_flops": 1e9},
        "date": "2026-01-02",
        "device": "cpu",
        "dtype": "float32",
        "rounds": 1,
        "seconds": 1.0,
        "versions": {"torch": {"torch": "2.0"}},
        "missing": {"keras-torch": "not installed: keras"},
        "training": {
            "mlp-small": {
                "workload": WORKLOADS["mlp-small"].settings(),
                "steps_per_epoch": 256,
                "parameters": 101_770,
                "operations": 10**6,
                "best_peer": "torch",
                "rows": judging.with_ratios(rows, ["torch"], "milliseconds"),
            }
        },
        "prediction": {"mlp-small": {"1": predicted, "256": predicted}},
        "scaling": {"batch": {"mlp batch 8": {"rows": rows}}},
        "digits": {"brickwork": {"seconds": judging.spread([2.0]), "epochs": 5}, "torch": {"failed": "it fell"}},
    }


def test_the_report_tells_everything():
    text = report.markdown(results())
    assert "| MLP 784-128-10 | 1 | 3, PyTorch, eager | 3.00 |" in text
    assert "| Brickwork | 1 (1 to 1) | 32,000 | 100% | 3.00 | 1.0 | 300 |" in text
    assert "not the same work: 9 parameters, not 8" in text
    assert "ValueError: a / b" in text
    assert "Keras on PyTorch: not installed: keras" in text
    assert "torch 2.0" in text
    for line in text.splitlines():
        assert "\\" not in line


def test_a_shared_machine_is_told():
    shared = results()
    shared["training"]["mlp-small"]["rows"]["torch"]["others_share"] = 0.5
    text = report.markdown(shared)
    assert "PyTorch, eager (the machine was shared)" in text
    assert "| MLP 784-128-10 | 1 | 3, PyTorch, eager | not comparable: the machine was shared |" in text


def test_a_disturbed_turn_is_taken_again(monkeypatch):
    busy = iter([0.0, 100.0, 100.0, 100.0])  # others work during the first try, not during the second
    monkeypatch.setattr(rounds.machine, "busy_seconds", lambda: next(busy))
    asked = []

    class Quiet(rounds.Arena):
        def ask(self, name, **request):
            asked.append(request)
            return {"processor_seconds": 0.0}

    assert rounds._undisturbed(Quiet(), "torch", again=3, do="train")["others_share"] == 0
    assert len(asked) == 2


def test_nothing_measured_is_told():
    assert report.markdown({}) == "Nothing was measured yet."


# ---------------------------------------------------------------------------------------------------------- protocol


class Fake(Contender):
    """A contender that takes no time, in two ways of which one fails."""

    def versions(self):
        return {"fake": "1"}

    def ways(self, workload):
        return combined(fails=(True, False))

    def build(self, workload, inputs, targets, way):
        if way["fails"]:
            raise ValueError("not this way")

    def train(self, epochs):
        return [1 / (1 + epoch) for epoch in epochs_from(self, epochs)]

    losses = train

    def parameters(self):
        return parameters(TINY)

    def predictor(self):
        return lambda inputs: np.zeros((len(inputs), 10), np.float32)


def test_a_worker_answers_and_goes_on_after_a_failure():
    worker = Worker(lambda: Fake("cpu", "float32"))
    assert worker.hello()["versions"] == {"fake": "1"}
    answer = worker.answer({"do": "prepare", "workload": TINY.settings()})
    assert answer["ok"]
    assert answer["losses"] == [1.0, 0.5]
    assert answer["way"] == {"fails": False}
    assert "fails True failed: ValueError: not this way" in answer["notes"]
    assert worker.answer({"do": "train", "epochs": 3})["steps"] == 12
    wrong = worker.answer({"do": "dance"})
    assert (wrong["ok"], "dance" in wrong["error"]) == (False, True)
    assert worker.answer({"do": "predict", "batch": 2, "seconds": 0.001})["calls"] >= 5
    assert peak_megabytes() > 10


SCRIPT = """
import json, sys
print(json.dumps({"ok": True, "versions": {"fake": "1"}}), flush=True)
for line in sys.stdin:
    asked = json.loads(line)
    if asked["do"] == "die":
        sys.exit(3)
    made = {"losses": LOSSES, "parameters": 2395, "epoch_seconds": 0.01, "compile_seconds": 0.0, "notes": []}
    took = {"seconds": SECONDS * asked.get("epochs", 1), "steps": 4 * asked.get("epochs", 1)}
    rest = {"peak_megabytes": 1.0, "idle_share": 0.0, "processor_seconds": 0.0}
    print(json.dumps({"ok": True, **made, **took, **rest}), flush=True)
"""


def fake_process(tmp_path: Path, losses: str = "[2.0, 1.0]", seconds: str = "0.01") -> Process:
    script = SCRIPT.replace("LOSSES", losses).replace("SECONDS", seconds)
    with (tmp_path / "log").open("w") as log:
        process = Process([sys.executable, "-S", "-c", script], {}, log)
    assert process.read()["ok"]
    return process


def test_a_process_that_ends_is_told_with_its_status(tmp_path):
    process = fake_process(tmp_path)
    with pytest.raises(GoneError, match="status 3"):
        process.ask(do="die")
    process.stop()


def test_rounds_rank_who_did_the_same_work(tmp_path, monkeypatch):
    monkeypatch.setattr(rounds.machine, "busy_seconds", lambda: 0.0)
    arena = rounds.Arena(say=lambda text: None)
    arena.processes = {
        "brickwork": fake_process(tmp_path, seconds="0.01"),
        "torch": fake_process(tmp_path, seconds="0.03"),
        "flax": fake_process(tmp_path, seconds="0.02"),
        "keras-jax": fake_process(tmp_path, losses="[2.0, 3.0]"),
    }
    assert parameters(TINY) == 2395
    found = rounds.measure(arena, TINY, rounds=2, seconds=0.02, peak=None)
    arena.close()
    assert found["best_peer"] == "flax"
    assert found["rows"]["brickwork"]["times_best_peer"] == pytest.approx(2.0)
    assert found["rows"]["torch"]["milliseconds"]["median"] == pytest.approx(7.5)
    assert "does not fall" in found["rows"]["keras-jax"]["refused"]


def test_what_is_not_installed_is_found_without_importing():
    assert installed(sys.executable, ["json", "no_such_module"]) == ["no_such_module"]
    assert installed("/no/such/python", ["json"]) == ["json"]


def test_pythons_of_peers():
    pythons = {"peers": "/peers", "torch": "/torch"}
    assert [python_of(name, pythons) for name in ("torch", "flax")] == ["/torch", "/peers"]
    assert {python_of(name, pythons) for name in ("brickwork", "plain-jax")} == {sys.executable}


def test_every_contender_has_a_file():
    folder = Path(__file__).resolve().parents[2] / "benchmarks" / "speed" / "contenders"
    assert all((folder / f"{card.module}.py").exists() for card in CONTENDERS.values())
