"""What `brickwork learn` and `resume` show: the question, the data, the network, its training, what it is worth."""

import shlex
from collections import Counter
from typing import Any

from brickwork.bricks import Ensemble
from brickwork.cli.output import print_json, print_network, print_note, print_scores
from brickwork.services import Learned, network_table
from brickwork.tasks import Problem, Task
from brickwork.train import Ended, EpochEnded, Event, Model

KINDS = {"classes": "classes", "labels": "labels, any number at once", "number": "numbers"}


class Shown:
    """Tells about a run while it goes on: what was understood, and a line for about every tenth epoch."""

    def __init__(self, silent: bool):
        self.silent = silent
        self.names = ["train/loss", "valid/loss"]

    def __call__(self, event: Event) -> None:
        """Show an event."""
        if self.silent:
            return
        if isinstance(event, EpochEnded) and (event.epoch % max(1, event.epochs // 10) == 0 or event.epoch == 1):
            numbers = [f"{name} {event.record[name]:.4g}" for name in self.names if name in event.record]
            print(f"epoch {event.epoch:3d}  {'  '.join(f'{text:<20}' for text in numbers).rstrip()}", flush=True)
        elif isinstance(event, Ended) and event.reason != "finished":
            print(f"Training {event.reason} after {event.epoch} epochs.", flush=True)

    def introduce(self, task: Task, model: Model, problem: Problem) -> None:
        """Show what is asked, what was understood of the data, and the network."""
        if self.silent:
            return
        self.names.append(f"valid/{task.headline}")
        print(f"{problem.title}: {len(problem):,} rows. To learn: {problem.origin.get('asked', problem.asked)}.")
        print(f"Since {problem.why}, this is a question of {KINDS[problem.kind]}.")
        if problem.columns:
            print(_columns(problem))
        sizes = f"{len(problem.train):,} to train, {len(problem.valid):,} to validate, {len(problem.test):,} to test"
        print(f"Rows: {sizes}, split {problem.split}.")
        for note in problem.notes:
            print_note("Note", note)
        for warning in problem.warnings:
            print_note("Warning", warning)
        plan = task.net.plan(problem.train[:1].inputs)
        print_network(network_table(plan), plan.count)
        if isinstance(model.net, Ensemble):
            held = ", each of which holds out another part of the rows to stop by" if task.folds else ""
            print(f"{model.net.members} such networks are trained side by side and answer together{held}.")


def _columns(problem: Problem) -> str:
    kinds = Counter(column.kind for column in problem.columns if column.kind != "none")
    words = {"number": "numbers", "category": "categories", "date": "dates", "text": "texts"}
    used = ", ".join(f"{count} {words[kind] if count > 1 else kind}" for kind, count in kinds.items())
    out = [column for column in problem.columns if column.kind == "none"]
    left = "; ".join(f"{column.name!r}, for {column.why}" for column in out[:4]) + ("; ..." if out[4:] else "")
    return f"Columns: {used}." + (f" Left out: {left}." if out else "")


def print_learned(learned: Learned, json: bool, quiet: bool) -> int:
    """Print what a run came to, and return the exit code."""
    if json:
        print_json(_document(learned))
    elif quiet:
        print(learned.path)
    else:
        _report(learned)
    return 130 if learned.outcome and learned.outcome.reason == "interrupted" else 0


def _document(learned: Learned) -> dict[str, Any]:
    outcome, judgement = learned.outcome, learned.judgement
    return {
        "model": str(learned.path),
        "report": str(learned.report),
        "folder": str(learned.folder),
        "task": learned.task.kind,
        "test": dict(learned.scores),
        "intervals": {s.name: [s.interval.low, s.interval.high] for s in judgement.scores},
        "baseline": dict(learned.baseline),
        "peers": {peer.name: {s.name: s.interval.value for s in peer.scores} for peer in judgement.peers},
        "test_rows": learned.test_rows,
        "unsure_rows": None if judgement.unsure is None else len(judgement.unsure),
        "notes": list(learned.problem.notes),
        "warnings": list(learned.problem.warnings),
        "epochs": outcome.epochs_done if outcome else None,
        "best_epoch": outcome.best_epoch if outcome else None,
        "stopped": outcome.reason if outcome else None,
    }


def _report(learned: Learned) -> None:
    judgement, problem = learned.judgement, learned.problem
    print(f"\nTest, {learned.test_rows:,} rows the network has not seen")
    others = {peer.name: peer.scores for peer in (judgement.trivial, *judgement.peers)}
    print_scores(judgement.scores, others)
    for peer in judgement.peers:
        name, gain = next(iter(peer.gains.items()))
        scale, unit = (100, " points") if judgement.scores[0].share else (1, "")
        ends = f"{scale * gain.low:+.3g} to {scale * gain.high:+.3g}"
        print(f"{name}, network minus {peer.name}: {scale * gain.value:+.3g}{unit} ({ends})")
    for column, groups in judgement.groups.items():
        print(f"\nBy {column}")
        print_groups(groups)
    if judgement.unsure is not None:
        print(f"{len(judgement.unsure):,} test rows are for a person: {learned.unsure}")
    model = shlex.quote(str(learned.path))
    if learned.failed:
        print_note("Warning", learned.failed)
    print(f"Saved in {learned.folder}. Next:")
    if not learned.failed:
        print(f"  open {shlex.quote(str(learned.report))}    what it learned, how far to trust it, what it rests on")
    if problem.inputs == "pictures":
        print(f"  brickwork predict {model} picture.png    ask it about a picture")
    else:
        print(f"  brickwork predict {model} new.csv    ask it about new rows")
        print(f"  brickwork explain {model} new.csv    what its answers rest on, row by row")
    print(f"  brickwork show {model}    what it is made of, and its card")


def print_groups(groups: Any) -> None:
    """Print the scores of groups, and how far each is from the others."""
    from brickwork.cli.output import print_table, shown_score

    names = [score.name for score in groups[0].scores][:3]
    rows = []
    for group in groups:
        by_name = {score.name: score for score in group.scores}
        gap = group.gaps.get(names[0])
        shown = "" if gap is None else f"{gap.value:+.3f} ({gap.low:+.3f} to {gap.high:+.3f})"
        rows.append((group.group, f"{group.rows:,}", *(shown_score(by_name[name]) for name in names), shown))
    print_table("", ("group", "rows", *names, f"{names[0]}: gap to the others"), rows, ("rows", *names))
