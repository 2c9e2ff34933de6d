"""Tables: the default network beside scikit-learn's linear model and gradient boosting, on the same splits.

    python benchmarks/tables.py                         every table, 20 splits
    python benchmarks/tables.py iris shop --splits 3    two tables, 3 splits
    python benchmarks/tables.py --show                  what was measured so far

Every split is measured as `brickwork learn` does it: the table is split 70/15/15 with that number as seed, the encoder
is fitted on the training rows, and the task's own network and recipe learn from train and valid. The peers have their
default settings (but enough iterations to converge) and learn from train and valid together: logistic or ridge
regression on standardised numbers (gaps filled by the median, and said apart) and one-hot categories; boosting on the
numbers as they are, with one-hot categories, and where there are categories also with its own treatment of them.
Results go into a JSON file, split by split; what is there already is not measured again.
"""

import argparse
import json
import math
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

sys.path.insert(0, str(Path(__file__).parent))

from generated_tables import GENERATED

from brickwork.data import datasets
from brickwork.data.table import Table, read_table
from brickwork.storage.files import write_json
from brickwork.tasks import Asked, Problem
from brickwork.tasks.table_problem import table_problem
from brickwork.tasks.tables import table_task
from brickwork.train import Model

SMALL = ("breast_cancer", "wine", "iris", "diabetes")
TABLES = (*SMALL, *GENERATED)
PEERS = ("linear", "boosting", "boosting with categories")


def main() -> None:
    """Measure what is not measured yet, and show all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tables", nargs="*", default=TABLES, help=f"of {', '.join(TABLES)}")
    parser.add_argument("--splits", type=int, default=20, help="how many splits, numbered from 0")
    parser.add_argument("--first", type=int, default=0, help="number of the first split (others to choose settings by)")
    parser.add_argument("--results", type=Path, default=Path("benchmarks/results/tables.json"))
    parser.add_argument("--show", action="store_true", help="show only")
    asked = parser.parse_args()
    results: dict[str, dict[str, Any]] = json.loads(asked.results.read_text()) if asked.results.exists() else {}
    splits = range(asked.first, asked.first + asked.splits)
    for name in () if asked.show else asked.tables:
        table, target, best = source(name)
        known = results.setdefault(name, {})
        for split in splits:
            found = known.setdefault(str(split), {})
            problem = None
            for who, measure in methods(table, target, best).items():
                if who not in found:
                    problem = problem or table_problem(table, Asked(name, (target,), split_seed=split), name)
                    begun = time.monotonic()
                    score = measure(problem)
                    found[who] = {"score": score, "seconds": round(time.monotonic() - begun, 2)}
                    asked.results.parent.mkdir(parents=True, exist_ok=True)
                    write_json(asked.results, results)  # whole, even when it is stopped
            print(name, split, {who: round(one["score"], 4) for who, one in found.items()}, flush=True)
    print(shown(results, asked.tables, splits))


def source(name: str) -> tuple[Table, str, np.ndarray | None]:
    """Return a table, the column that is asked for, and the best possible answers where they are known."""
    if name in GENERATED:
        made = GENERATED[name]()
        return read_table(made.frame), made.target, made.best
    return datasets.table(name), datasets.card(name).answer, None


def methods(table: Table, target: str, best: np.ndarray | None) -> dict[str, Callable[[Problem], float]]:
    """Return what is measured: functions from a problem to the score of its test rows."""
    found: dict[str, Callable[[Problem], float]] = {"ours": ours}
    words = [column for column in table.columns if table.frame[column].dtype == pl.String and column != target]
    for peer in PEERS if words else PEERS[:2]:
        found[peer] = lambda problem, peer=peer: of_peer(peer, table, target, problem)
    if best is not None:
        found["oracle"] = lambda problem: of_oracle(best, problem)
    return found


def ours(problem: Problem) -> float:
    """Return the score of the default network."""
    task = table_task(problem)
    model = Model(task.net, task.loss, task.metrics, augment=task.augment, members=task.members)
    if task.folds:
        model.fit(problem.learnt, valid="folds", recipe=task.recipe, progress=False)
    else:
        model.fit(problem.train, valid=problem.valid, recipe=task.recipe, progress=False)
    given = model.logits(problem.test.inputs)
    return score(problem, given.argmax(-1) if problem.kind == "classes" else given[:, 0])


def of_peer(peer: str, table: Table, target: str, problem: Problem) -> float:
    """Return the score of one of scikit-learn's models, fitted on train and valid."""
    from sklearn.compose import make_column_transformer  # noqa: PLC0415
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor  # noqa: PLC0415
    from sklearn.impute import SimpleImputer  # noqa: PLC0415
    from sklearn.linear_model import LogisticRegression, Ridge  # noqa: PLC0415
    from sklearn.pipeline import make_pipeline  # noqa: PLC0415
    from sklearn.preprocessing import OneHotEncoder, StandardScaler  # noqa: PLC0415

    frame = table.frame.drop(target)
    words = [column for column in frame.columns if frame[column].dtype == pl.String]
    numbers = [column for column in frame.columns if column not in words]
    codes = [np.unique(frame[word].to_numpy(), return_inverse=True)[1] for word in words]
    columns = [frame[number].cast(pl.Float64).to_numpy() for number in numbers]
    inputs = np.stack([*columns, *codes], axis=1).astype(np.float64)
    first, rest = list(range(len(numbers))), list(range(len(numbers), inputs.shape[1]))
    classes = problem.kind == "classes"
    boosting = HistGradientBoostingClassifier if classes else HistGradientBoostingRegressor
    if peer == "linear":
        filled = make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler())
        seen = make_column_transformer((filled, first), (OneHotEncoder(handle_unknown="ignore"), rest))
        model = make_pipeline(seen, LogisticRegression(max_iter=2000) if classes else Ridge())
    elif peer == "boosting":
        hot = OneHotEncoder(handle_unknown="ignore", sparse_output=False, dtype=np.float32)
        model = make_pipeline(make_column_transformer(("passthrough", first), (hot, rest)), boosting(random_state=0))
    else:
        model = boosting(random_state=0, categorical_features=rest)
    learnt = np.concatenate([problem.rows["train"], problem.rows["valid"]])
    targets = np.concatenate([_plain(part.targets) for part in (problem.train, problem.valid)])
    return score(problem, model.fit(inputs[learnt], targets).predict(inputs[problem.rows["test"]]))


def of_oracle(best: np.ndarray, problem: Problem) -> float:
    """Return the score of the best possible answers."""
    known = best[problem.rows["test"]]
    if problem.kind == "classes":
        places = {label: number for number, label in enumerate(problem.labels or ())}
        known = np.array([places[label] for label in known])
    return score(problem, known)


def score(problem: Problem, answers: np.ndarray) -> float:
    """Return the accuracy, or R2, of answers for the test rows."""
    truth = _plain(problem.test.targets)
    if problem.kind == "classes":
        return float(np.mean(answers == truth))
    return 1 - float(((truth - answers) ** 2).sum() / ((truth - truth.mean()) ** 2).sum())


def shown(results: dict[str, dict[str, Any]], tables: tuple[str, ...], splits: range) -> str:
    """Return the table of results: means, the paired difference to the better peer with its standard error, seconds.

    The better peer is the one with the better mean over the splits; the last column is the mean difference to the peer
    that is better on each split by itself, which is more than anyone could choose without knowing the answers.
    """
    lines = [
        "table           splits   ours   linear boosting  oracle   difference +- error   ok    to each best  seconds"
    ]
    for name in tables:
        rows = [results[name][str(s)] for s in splits if str(s) in results.get(name, {})]
        rows = [row for row in rows if {"ours", *PEERS[:2]} <= row.keys()]
        if len(rows) < 2:
            continue
        scores = {who: np.array([row[who]["score"] for row in rows]) for who in rows[0]}
        peers = {who: scores[who] for who in PEERS if who in scores}
        better = max(peers, key=lambda who: peers[who].mean())
        boosting = max((who for who in peers if who != "linear"), key=lambda who: peers[who].mean())
        difference = scores["ours"] - peers[better]
        error = difference.std(ddof=1) / math.sqrt(len(rows))
        each = (scores["ours"] - np.max(list(peers.values()), axis=0)).mean()
        oracle = f"{scores['oracle'].mean():8.4f}" if "oracle" in scores else " " * 8
        seconds = np.mean([row["ours"]["seconds"] for row in rows])
        lines.append(
            f"{name:15} {len(rows):6} {scores['ours'].mean():6.4f} {peers['linear'].mean():8.4f} "
            f"{peers[boosting].mean():8.4f}{oracle}     {difference.mean():+.4f} +- {error:.4f}   "
            f"{'yes' if difference.mean() >= -error else 'NO ':3}   {each:+.4f}   {seconds:8.1f}"
        )
    return "\n".join(lines)


def _plain(targets: Any) -> np.ndarray:
    return np.asarray(targets).reshape(len(targets))


if __name__ == "__main__":
    main()
