"""The scikit-learn estimators: in scikit-learn's own tools, against its own conformance suite, and pickled."""

import io
import pickle
import pickletools
import time
import zipfile

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_iris, make_multilabel_classification
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import estimator_checks as suite

from brickwork.bricks import CategoryEmbedding, Concat, Dense, Graph, Sequential
from brickwork.core.errors import BundleError, DataError, SettingError, ShapeError
from brickwork.sklearn import Classifier, Regressor
from brickwork.sklearn.rows import numbers_table
from brickwork.train import Model


def classifier(outputs=3, **settings):
    """Return a small classifier: what is tested is the estimator, not the default network."""
    return Classifier(
        Sequential(Dense(16, "relu"), Dense(outputs)), **{"random_state": 0, "epochs": 40, "rate": 0.02, **settings}
    )


def regressor(outputs=1, **settings):
    return Regressor(
        Sequential(Dense(16, "relu"), Dense(outputs)), **{"random_state": 0, "epochs": 40, "rate": 0.02, **settings}
    )


NET_OF_WORDS = Graph(
    words=(CategoryEmbedding((5, 3), 4), "categories"),
    both=(Concat(), "numbers", "words"),
    hidden=(Dense(16, "relu"), "both"),
    head=(Dense(2), "hidden"),
    inputs=("numbers", "categories"),
)


@pytest.fixture(scope="module")
def iris():
    return load_iris(return_X_y=True)


@pytest.fixture(scope="module")
def fitted(iris):
    return classifier().fit(*iris)


TELLING = (
    suite.check_methods_sample_order_invariance,
    suite.check_methods_subset_invariance,
    suite.check_sample_weight_equivalence_on_dense_data,
    suite.check_no_attributes_set_in_init,
    suite.check_parameters_default_constructible,
    suite.check_estimators_unfitted,
    suite.check_fit2d_1sample,
    suite.check_estimators_empty_data_messages,
    suite.check_complex_data,
    suite.check_supervised_y_no_nan,
    suite.check_estimator_sparse_tag,
    suite.check_all_zero_sample_weights_error,
)


@pytest.mark.parametrize("check", TELLING, ids=lambda check: check.__name__)
def test_the_most_telling_checks(check):
    check("Classifier", classifier(epochs=3))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_the_whole_suite_of_both():
    begun = time.monotonic(), time.process_time()
    for estimator in (Classifier(), Regressor()):
        results = suite.check_estimator(estimator, on_skip=None)
        assert not [result["check_name"] for result in results if result["status"] not in ("passed", "skipped")]
        assert sum(result["status"] == "passed" for result in results) > 50
    suite.check_classifier_multioutput("Classifier", Classifier())
    print(f"{time.monotonic() - begun[0]:.0f} s, {time.process_time() - begun[1]:.0f} s of computing")


# ----------------------------------------------------------------------------------------------------------- answering


def test_classes_probabilities_and_score(iris, fitted):
    X, y = iris
    assert fitted.score(X, y) > 0.9
    probabilities = fitted.predict_proba(X)
    np.testing.assert_allclose(probabilities.sum(1), 1, rtol=1e-12)
    np.testing.assert_array_equal(fitted.predict(X), probabilities.argmax(1))
    logits = fitted.model_.logits(fitted.encoder_(numbers_table(X, None))["numbers"]).astype(np.float64)
    np.testing.assert_allclose(probabilities, np.exp(logits) / np.exp(logits).sum(1, keepdims=True), rtol=1e-5)
    assert fitted.n_iter_ <= 40
    assert "valid/loss" in fitted.history_[0]  # a part was held out


def test_classes_keep_their_names(iris):
    X, y = iris
    named = np.array(["setosa", "versicolor", "virginica"])[y]
    by_name = classifier().fit(X, named)
    assert by_name.classes_.tolist() == ["setosa", "versicolor", "virginica"]
    assert by_name.score(X, named) > 0.9
    assert by_name.model_.classes == ("setosa", "versicolor", "virginica")


def test_numbers_come_near_those_of_ridge():
    X, y = load_diabetes(return_X_y=True)
    ridge = Ridge(0.1).fit(X[:300], y[:300]).score(X[300:], y[300:])
    several = np.stack([y, 1000 - y], axis=1)
    found = regressor(2).fit(X[:300], several[:300])
    assert found.predict(X[:5]).shape == (5, 2)
    assert found.score(X[300:], several[300:]) > ridge - 0.1


def test_labels_at_once():
    X, y = make_multilabel_classification(n_samples=200, n_features=8, n_classes=3, random_state=0)
    found = classifier().fit(X, y)
    probabilities = found.predict_proba(X)
    assert probabilities.shape == y.shape
    np.testing.assert_array_equal(found.predict(X), probabilities > 0.5)
    assert (found.predict(X) == y).mean() > 0.8


def test_frames_with_words_flags_dates_and_gaps():
    random = np.random.default_rng(0)
    city, when = random.choice(["Ulm", "Bonn", "Kiel"], 300), random.integers(0, 700, 300)
    size, open_ = random.normal(size=300), random.random(300) < 0.5
    y = np.where((city == "Ulm") ^ open_, "yes", "no")
    frame = pd.DataFrame(
        {"city": city, "size": size, "open": open_, "day": pd.Timestamp("2024-01-01") + pd.to_timedelta(when, "D")}
    )
    frame.loc[:20, "size"] = np.nan
    frame.loc[10:15, "city"] = None
    found = Classifier(NET_OF_WORDS, random_state=0, epochs=40, rate=0.02).fit(frame, y)
    assert found.feature_names_in_.tolist() == ["city", "size", "open", "day"]
    assert [column.what for column in found.encoder_.columns] == ["category", "number", "category", "date"]
    assert found.score(frame, y) > 0.9
    same = pickle.loads(pickle.dumps(found)).predict_proba(frame)
    np.testing.assert_array_equal(same, found.predict_proba(frame))
    np.testing.assert_array_equal(found.predict_proba(frame)[:7], found.predict_proba(frame[:7]))
    polars = pl.DataFrame({"city": city, "size": size, "open": open_, "day": frame["day"].to_list()})
    assert (found.predict(polars[30:]) == found.predict(frame[30:])).all()
    with pytest.raises(ValueError, match="feature names should match"):
        found.predict(frame.rename(columns={"city": "town"}))


def test_order_and_equal_rows_make_no_difference(iris):
    X, y = iris
    order = np.random.default_rng(1).permutation(len(X))
    first = classifier(epochs=3).fit(X, y).predict_proba(X)
    np.testing.assert_array_equal(first, classifier(epochs=3).fit(X[order], y[order]).predict_proba(X))
    weight = np.where(y == 1, 0.5, 1.5)
    other = classifier(epochs=3).fit(X, y, sample_weight=weight).predict_proba(X)
    np.testing.assert_array_equal(
        other, classifier(epochs=3).fit(X[order], y[order], sample_weight=weight[order]).predict_proba(X)
    )
    assert other[:, 1].mean() < first[:, 1].mean()


# ------------------------------------------------------------------------------------------ in scikit-learn's own tools


def test_pipeline_search_and_clone(iris):
    X, y = iris
    pipeline = make_pipeline(StandardScaler(), classifier(epochs=5))
    search = GridSearchCV(pipeline, {"classifier__rate": [1e-5, 0.05]}, cv=2).fit(X, y)
    assert search.best_params_ == {"classifier__rate": 0.05}
    assert cross_val_score(classifier(epochs=10, rate=0.05), X, y, cv=2).min() > 0.8
    again = clone(search.best_estimator_[-1])
    assert again.get_params() == classifier(epochs=5, rate=0.05).get_params()
    assert not hasattr(again, "model_")


# ------------------------------------------------------------------------------------------------------------- pickling


def test_a_pickle_holds_the_bytes_of_the_saved_file(iris, fitted, tmp_path):
    data = pickle.dumps(fitted)
    again = pickle.loads(data)
    np.testing.assert_array_equal(again.predict_proba(iris[0]), fitted.predict_proba(iris[0]))
    names = {str(argument) for code, argument, _ in pickletools.genops(data) if code.name.endswith("UNICODE")}
    assert not [name for name in names if name.startswith("jax") or name == "brickwork.train.model"]
    bundle = fitted.__getstate__()["bundle"]
    with zipfile.ZipFile(io.BytesIO(bundle)) as archive:
        assert "weights.safetensors" in archive.namelist()
        assert all(name.endswith((".json", ".safetensors")) for name in archive.namelist())
    saved = Model.load(fitted.model_.save(tmp_path / "model.brickwork"))
    assert (tmp_path / "model.brickwork").read_bytes() == bundle
    assert saved.extra["encoder"] == fitted.model_.extra["encoder"]
    state = {**fitted.__getstate__(), "bundle": bundle[:-100]}
    with pytest.raises(BundleError):
        Classifier().__setstate__(state)


# --------------------------------------------------------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda X, y: Classifier(net=3).fit(X, y), SettingError, "net= takes a brick.*got 3"),
        (lambda X, y: classifier(validation_fraction=1.0).fit(X, y), SettingError, "validation_fraction must be"),
        (lambda X, y: classifier().fit(X, np.zeros(len(X))), DataError, "same class, 0.* leaves nothing to tell apart"),
        (
            lambda X, y: classifier(7).fit(X, y),
            ShapeError,
            r"gives \(1, 7\) for one row, but there are 3 classes: end it in Dense\(3\)",
        ),
        (lambda X, y: regressor().fit(X, np.array(["a"] * len(X))), ValueError, "could not convert|numeric"),
        (lambda X, y: classifier().fit(X, y, sample_weight=-np.ones(len(X))), ValueError, "[Nn]egative"),
        (lambda X, y: classifier().fit(X * np.inf, y), ValueError, "infinity"),
        (lambda X, y: classifier(epochs=-1).fit(X, y), SettingError, "epochs"),
    ],
    ids=["net", "fraction", "one class", "outputs", "words", "negative", "infinite", "epochs"],
)
def test_clear_errors(iris, make, error, message):
    with pytest.raises(error, match=message), np.errstate(invalid="ignore"):
        make(*iris)
