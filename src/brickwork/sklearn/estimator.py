"""What the estimators share: their settings, reading rows, training, and being pickled without a live network."""

import tempfile
from pathlib import Path
from typing import Any, Self

import jax
import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_array, check_consistent_length, check_random_state
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from brickwork.bricks import Sequential
from brickwork.core.brick import Brick
from brickwork.core.errors import SettingError, ShapeError, unwritten
from brickwork.core.spec import from_json, to_json
from brickwork.data import Examples
from brickwork.data.table import Table, TableEncoder, read_table
from brickwork.explain.findings import Question
from brickwork.losses import BinaryCrossEntropy, CrossEntropy, MeanSquaredError
from brickwork.optim import Adam
from brickwork.sklearn.rows import (
    dealt,
    fit_encoder,
    has_more_than_numbers,
    held_out,
    in_order,
    is_frame,
    numbers_table,
    repeated,
)
from brickwork.tasks.problem import Problem
from brickwork.tasks.tables import table_task
from brickwork.tasks.task import Task
from brickwork.train import Model, Recipe
from brickwork.zoo.perceptron import unstandardise

PREDICT_ROWS = 256
"""Rows are predicted in blocks of one size, so that an answer has the same bits whatever stands beside its row."""

Asked = tuple[Question, np.ndarray, tuple[Any, ...]]
"""What is asked, the answers as they are learned, and the names of classes, labels or targets."""

FEWEST_TOGETHER = 100
"""Rows below which one network answers where nothing else is said: compiling several takes far longer than learning."""

BUNDLE = "bundle"

FINITE: dict[str, Any] = {"ensure_all_finite": "allow-nan"}


class NetworkEstimator(BaseEstimator):
    """A network as an estimator; `Classifier` and `Regressor` say what is asked.

    Rows may be an array of numbers, with nan where a value is missing, or a data frame of pandas or polars, whose
    columns may also be words, flags and dates. They are scaled and encoded as the tables of `brickwork learn` are. The
    order of the rows makes no difference; whole numbers as `sample_weight` are counts of equal rows.
    """

    def __init__(
        self,
        net: Brick | None = None,
        *,
        epochs: int | None = None,
        batch_size: int | None = None,
        rate: float | None = None,
        members: int | None = None,
        patience: int | None = None,
        validation_fraction: float = 0.15,
        random_state: Any = None,
        verbose: bool = False,
    ):
        self.net = net
        self.epochs = epochs
        self.batch_size = batch_size
        self.rate = rate
        self.members = members
        self.patience = patience
        self.validation_fraction = validation_fraction
        self.random_state = random_state
        self.verbose = verbose

    # ---------------------------------------------------------------------------------------------------- what differs

    def _answers(self, y: np.ndarray) -> Asked:  # noqa: ARG002 - what the estimators write
        """Return what is asked, the answers as they are learned, and the names of classes, labels or targets."""
        raise unwritten(self, "_answers(y)")

    # -------------------------------------------------------------------------------------------------------- training

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train a network on rows with their answers.

        Args:
            X: (rows, columns) numbers, or a data frame.
            y: (rows,) or (rows, targets) answers.
            sample_weight: (rows,) how much each row counts, 0 or more; whole numbers are counts of equal rows.

        Raises `ValueError` (most often a `BrickworkError` too) for what cannot be learned from.
        """
        self._check_settings()
        table, y = self._read_fit(X, y)
        weight = None
        if sample_weight is not None:
            weight = _check_sample_weight(sample_weight, y, dtype=np.float64, ensure_non_negative=True)
        rows, weight = repeated(weight, len(y))
        question, answers, names = self._answers(y[rows])
        table = table.rows(rows)
        order, groups = in_order(table, answers)
        table, answers, weight = table.rows(order), answers[order], None if weight is None else weight[order]
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        train, valid = held_out(answers, groups, float(self.validation_fraction or 0), seed)
        encoder = fit_encoder(table, train)
        examples = Examples.of(encoder(table), answers, weight, classes=None if question == "number" else names)
        self._train(self._problem(question, names, examples, train, valid, encoder), examples, groups, seed)
        return self

    def _check_settings(self) -> None:
        if self.net is not None and not isinstance(self.net, Brick):
            raise SettingError(
                f"net= takes a brick, such as Sequential(Dense(16, 'relu'), Dense(1)); got {self.net!r}."
            )
        if not 0 <= float(self.validation_fraction or 0) < 1:
            raise SettingError(
                f"validation_fraction must be at least 0 and less than 1, got {self.validation_fraction}."
            )

    def _read_fit(self, X: Any, y: Any) -> tuple[Table, np.ndarray]:
        if has_more_than_numbers(X):
            X, y = validate_data(self, X, y, skip_check_array=True)
            any_kind: Any = None
            y = check_array(y, ensure_2d=False, dtype=any_kind, input_name="y")
            check_consistent_length(X, y)
            return read_table(X), y
        X, y = validate_data(self, X, y, multi_output=True, dtype=np.float64, ensure_min_samples=2, **FINITE)
        return numbers_table(X, self._column_names()), y

    def _column_names(self) -> list[str] | None:
        names = getattr(self, "feature_names_in_", None)
        return None if names is None else [str(name) for name in names]

    def _problem(self, question: Any, names: Any, rows: Examples, train: Any, valid: Any, encoder: Any) -> Problem:
        labelled = question != "number"
        return Problem(
            name="y",
            title="y",
            kind=question,
            why="the estimator was chosen so",
            inputs="table",
            train=rows[train],
            valid=rows[valid],
            test=rows[valid],
            targets=("y",) if labelled else names,
            labels=names if labelled else None,
            encoder=encoder,
            rows={"train": train, "valid": valid, "test": valid},
        )

    def _train(self, problem: Problem, examples: Examples, groups: np.ndarray, seed: int) -> None:
        task = self._task(problem)
        asked = {name: getattr(self, name) for name in ("epochs", "batch_size", "rate", "patience")}
        recipe = task.recipe.changed(seed=seed, **{name: value for name, value in asked.items() if value is not None})
        members = self.members
        if members is None:
            members = task.members if len(examples) >= FEWEST_TOGETHER else 1
        model = Model(task.net, task.loss, task.metrics, augment=task.augment, members=members)
        folds: np.ndarray | None = None
        options: dict[str, Any] = {}
        if task.folds and members > 1 and self.validation_fraction:
            folds = dealt(np.asarray(examples.targets), groups, members, seed)
        if folds is not None:  # every member leaves out other rows, and all rows are learnt from
            part = examples
            options.update(valid="folds", folds=folds)
        elif len(problem.valid):
            part = problem.train
            options.update(valid=self._given(problem.valid))
        else:
            part = examples
            recipe = recipe.changed(patience=None, plateau=None, monitor=None)
        outcome = model.fit(self._given(part), recipe=recipe, progress=bool(self.verbose), **options)
        model.extra["encoder"] = to_json(problem.encoder)
        self.model_ = model
        self.n_iter_ = int(outcome.epochs_done)

    def _task(self, problem: Problem) -> Task:
        """Return what answers the question: the default of tables, or the given network with a recipe that fits it."""
        if self.net is None:
            return table_task(problem)
        labelled = problem.kind != "number"
        self._check_outputs(self.net, problem)
        net = self.net if labelled else Sequential(body=self.net, units=unstandardise(problem.train.targets))
        loss = {"classes": CrossEntropy, "labels": BinaryCrossEntropy, "number": MeanSquaredError}[problem.kind]()
        recipe = Recipe(epochs=200, batch_size=32, optimizer=Adam(2e-3), patience=20)
        return Task(problem.kind, problem.why, net, loss, (), recipe)

    def _check_outputs(self, net: Brick, problem: Problem) -> None:
        inputs = self._inputs(problem.train.inputs)
        example = jax.tree.map(lambda array: jax.ShapeDtypeStruct((1, *array.shape[1:]), array.dtype), inputs)
        shape = getattr(net.plan(example).output, "shape", None)
        names, what = (problem.labels, problem.kind) if problem.labels else (problem.targets, "targets")
        if shape != (1, len(names)):
            raise ShapeError(
                f"The network gives {shape} for one row, but there are {len(names)} {what}: end it in "
                f"Dense({len(names)})."
            )

    def _given(self, examples: Examples) -> Examples:
        return examples.replace(inputs=self._inputs(examples.inputs))

    def _inputs(self, arrays: dict[str, np.ndarray]) -> Any:
        """Return what the network is given: of a network of one's own and numbers alone, the array of numbers."""
        return arrays["numbers"] if self.net is not None and arrays.keys() == {"numbers"} else arrays

    # ------------------------------------------------------------------------------------------------------- answering

    def _outputs(self, X: Any) -> np.ndarray:
        """Return the network's raw outputs (rows, outputs) in float64."""
        check_is_fitted(self, "model_")
        encoder = self.encoder_
        if has_more_than_numbers(X) or (is_frame(X) and any(column.what != "number" for column in encoder.columns)):
            validate_data(self, X, reset=False, skip_check_array=True)
            table = read_table(X)
        else:
            X = validate_data(self, X, reset=False, dtype=np.float64, **FINITE)
            table = numbers_table(X, self._column_names())
        rows = len(table)
        room = -rows % PREDICT_ROWS
        arrays = {name: np.pad(array, ((0, room), (0, 0))) for name, array in encoder(table).items()}
        inputs = arrays if isinstance(self.model_.example, dict) else arrays["numbers"]
        return np.asarray(self.model_.logits(inputs), np.float64)[:rows]

    @property
    def encoder_(self) -> TableEncoder:
        """What makes arrays of rows."""
        encoder = from_json(self.model_.extra["encoder"])
        assert isinstance(encoder, TableEncoder)
        return encoder

    @property
    def history_(self) -> list[dict[str, float]]:
        """What was measured after every epoch."""
        return self.model_.history

    # ---------------------------------------------------------------------------------------------- tags, and pickling

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.target_tags.required = True
        return tags

    def __getstate__(self) -> dict[str, Any]:
        """Return the state with the network as the bytes of its file: a pickle holds no live network."""
        whole: Any = super().__getstate__()
        state: dict[str, Any] = dict(whole)
        model = state.pop("model_", None)
        if model is not None:
            with tempfile.TemporaryDirectory() as folder:
                state[BUNDLE] = model.save(Path(folder) / "model.brickwork").read_bytes()
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Read the network from the bytes of its file, as any saved model is read."""
        state = dict(state)
        bundle = state.pop(BUNDLE, None)
        super().__setstate__(state)
        if bundle is not None:
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "model.brickwork"
                path.write_bytes(bundle)
                self.model_ = Model.load(path)
