"""Peers: what scikit-learn's usual models answer on the same split, to see what a network is worth beside them."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from brickwork.explain import Answered
from brickwork.tasks.answers import truth_of
from brickwork.tasks.problem import Problem

MOST_VALUES = 255
"""Values of a category that boosting tells apart; they are numbered by frequency, the rarest share the first place."""

MOST_PIXELS = 1000
COMPONENTS = 200
"""Pictures with more pixels are first described by so many principal components."""

MANY = 50_000
"""Rows below which threads cost boosting more than they bring."""

LINEAR = {"classes": "logistic regression", "labels": "logistic regression", "number": "ridge regression"}
BOOSTING = "gradient boosting"


def peers(problem: Problem, seed: int = 0) -> dict[str, Answered]:
    """Return what scikit-learn's models answer for the test part, by their names, fitted on train and valid together.

    "logistic regression" (or "ridge regression" for numbers) sees standardised numbers and a column for each value of
    a category; "gradient boosting" (histograms of 255 bins) sees categories as such. Both have scikit-learn's default
    settings, but for more iterations where the default would not converge. For labels and several numbers there is a
    model for each. Pictures are given to the linear model pixel by pixel, large ones by their principal components;
    boosting on pixels is left out.

    Args:
        problem: data and question.
        seed: of boosting's own validation part, and of components.
    """
    from threadpoolctl import threadpool_limits  # noqa: PLC0415 - as scikit-learn does, on which it comes

    names, truth = problem.names, truth_of(problem.test, problem)
    fitted, targets, weight = problem.learnt.inputs, np.asarray(problem.learnt.targets), problem.learnt.weight
    held = problem.test.inputs
    if problem.inputs == "pictures":
        ways = {LINEAR[problem.kind]: (_pictures(problem.kind, fitted, seed), _flat(fitted), _flat(held))}
    else:
        ways = {
            LINEAR[problem.kind]: (_linear(problem.kind, fitted), _side_by_side(fitted), _side_by_side(held)),
            BOOSTING: (_boosting(problem.kind, fitted, seed), _few_values(fitted), _few_values(held)),
        }
    found = {}
    for name, (make, inputs, unseen) in ways.items():
        with warnings.catch_warnings(), threadpool_limits(1 if len(targets) < MANY else None):
            warnings.simplefilter("ignore")  # one that did not converge is still what a user would have got
            given = _answers(problem.kind, len(names), make, inputs, targets, weight, unseen)
        found[name] = Answered(problem.kind, truth, given, tuple(names))
    return found


def _answers(
    kind: str, outputs: int, make: Callable[[], Any], inputs: Any, targets: np.ndarray, weight: Any, unseen: Any
) -> np.ndarray:
    """Return probabilities or numbers for the unseen rows, (rows, outputs)."""

    def fit(column: np.ndarray) -> Any:
        model = make()
        settings = {} if weight is None else {f"{model.steps[-1][0]}__sample_weight": weight}
        return model.fit(inputs, column, **settings)

    def predict(model: Any, method: str) -> np.ndarray:
        return np.asarray(getattr(model, method)(unseen), np.float64)

    if kind == "number":
        columns = targets.reshape(len(targets), -1)
        return np.stack([predict(fit(column), "predict") for column in columns.T], axis=1)
    given = np.zeros((unseen.shape[0], outputs))
    if kind == "classes":
        if len(np.unique(targets)) == 1:
            given[:, int(targets[0])] = 1.0
            return given
        model = fit(targets)
        given[:, model.classes_.astype(np.int64)] = predict(model, "predict_proba")
        return given
    for label, column in enumerate(targets.T):
        same = len(np.unique(column)) == 1
        given[:, label] = float(column[0]) if same else predict(fit(column), "predict_proba")[:, 1]
    return given


def _linear(kind: str, inputs: dict[str, np.ndarray]) -> Callable[[], Any]:
    from sklearn.compose import ColumnTransformer  # noqa: PLC0415 - it loads slowly
    from sklearn.pipeline import make_pipeline  # noqa: PLC0415
    from sklearn.preprocessing import OneHotEncoder, StandardScaler  # noqa: PLC0415

    n, m = _widths(inputs)
    one_hot = OneHotEncoder(handle_unknown="infrequent_if_exist", max_categories=MOST_VALUES)

    def make() -> Any:
        parts = [("numbers", StandardScaler(), list(range(n))), ("words", one_hot, list(range(n, n + m)))]
        columns = ColumnTransformer([part for part in parts if part[2]])
        return make_pipeline(columns, _linear_model(kind))

    return make


def _linear_model(kind: str) -> Any:
    from sklearn.linear_model import LogisticRegression, Ridge  # noqa: PLC0415

    return Ridge() if kind == "number" else LogisticRegression(max_iter=1000)


def _boosting(kind: str, inputs: dict[str, np.ndarray], seed: int) -> Callable[[], Any]:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor  # noqa: PLC0415
    from sklearn.pipeline import make_pipeline  # noqa: PLC0415

    n, m = _widths(inputs)
    cls: Any = HistGradientBoostingRegressor if kind == "number" else HistGradientBoostingClassifier
    categories = list(range(n, n + m)) or None
    return lambda: make_pipeline(cls(categorical_features=categories, random_state=seed))


def _pictures(kind: str, pictures: np.ndarray, seed: int) -> Callable[[], Any]:
    from sklearn.decomposition import PCA  # noqa: PLC0415
    from sklearn.pipeline import make_pipeline  # noqa: PLC0415
    from sklearn.preprocessing import StandardScaler  # noqa: PLC0415

    pixels = int(np.prod(pictures.shape[1:]))
    components = min(COMPONENTS, len(pictures), pixels)

    def make() -> Any:
        few = [PCA(components, random_state=seed)] if pixels > MOST_PIXELS else []
        return make_pipeline(StandardScaler(), *few, _linear_model(kind))

    return make


def _widths(inputs: dict[str, np.ndarray]) -> tuple[int, int]:
    """Return how many numbers and how many categories there are."""
    found = [inputs[name].shape[1] if name in inputs else 0 for name in ("numbers", "categories")]
    return found[0], found[1]


def _side_by_side(inputs: dict[str, np.ndarray]) -> np.ndarray:
    return np.concatenate([inputs[name] for name in ("numbers", "categories") if name in inputs], axis=1)


def _few_values(inputs: dict[str, np.ndarray]) -> np.ndarray:
    """Return numbers and categories, of which those that are too many have the place of the unseen."""
    few = {n: np.where(a < MOST_VALUES, a, 0) if n == "categories" else a for n, a in inputs.items()}
    return _side_by_side(few)


def _flat(pictures: np.ndarray) -> np.ndarray:
    return pictures.reshape(len(pictures), -1).astype(np.float32)
