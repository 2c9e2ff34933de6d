"""The task of tables: what it chooses for which rows, and that it learns what plain methods cannot."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from brickwork.data import Examples
from brickwork.losses import BinaryCrossEntropy, CrossEntropy, MeanSquaredError
from brickwork.tasks.problem import Problem
from brickwork.tasks.tables import table_task
from brickwork.train import Model


def problem(kind, inputs, targets, labels=None, names=("answer",)) -> Problem:
    rows = len(targets)
    cuts = (slice(0, int(0.7 * rows)), slice(int(0.7 * rows), int(0.85 * rows)), slice(int(0.85 * rows), rows))
    given = {"classes": labels} if kind == "classes" else {}
    parts = (Examples({name: array[cut] for name, array in inputs.items()}, targets[cut], **given) for cut in cuts)
    return Problem("made", "made", kind, "so", "table", *parts, names, labels)


def columns(rows, numbers=3, seed=0):
    draw = np.random.default_rng(seed)
    return {
        "numbers": draw.normal(size=(rows, numbers)).astype(np.float32),
        "categories": draw.integers(0, 3, (rows, 1)).astype(np.int32),
    }


@pytest.mark.parametrize(
    ("kind", "targets", "labels", "loss", "headline", "outputs"),
    [
        ("classes", np.arange(40) % 3, ("a", "b", "c"), CrossEntropy(), "accuracy", 3),
        ("labels", np.eye(4, dtype=np.int32)[np.arange(40) % 4], ("a", "b", "c", "d"), BinaryCrossEntropy(), None, 4),
        ("number", np.linspace([-2, 0], [2, 400], 40).astype(np.float32), None, None, "r2", 2),
    ],
)
def test_question_decides_loss_metrics_and_outputs(kind, targets, labels, loss, headline, outputs):
    names = tuple(f"answer {number}" for number in range(outputs)) if kind == "number" else ("answer",)
    task = table_task(problem(kind, columns(40), targets, labels, names))
    assert task.kind == kind
    assert task.net.plan({name: array[:1] for name, array in columns(40).items()}).output.shape == (1, outputs)
    assert task.headline == (headline or task.metrics[0].name)
    if loss is not None:
        assert task.loss == loss
    else:  # two numbers of different units count alike
        assert isinstance(task.loss, MeanSquaredError)
        np.testing.assert_allclose(task.loss.scale, targets[:28].astype(np.float64).std(0))


def test_rows_decide_how_many_answer_together():
    def chosen(rows):
        inputs = {"numbers": np.zeros((rows, 1), np.float32)}
        return table_task(problem("number", inputs, np.arange(rows, dtype=np.float32)[:, None]))

    few, some, many = chosen(150), chosen(10_000), chosen(200_000)
    assert few.folds
    assert some.folds
    assert not many.folds  # one validation part is enough
    assert few.members > some.members > many.members == 1
    assert few.recipe.batch_size < some.recipe.batch_size < many.recipe.batch_size
    assert few.recipe.epochs > some.recipe.epochs > many.recipe.epochs >= 2
    assert not chosen(12).folds  # too few to be dealt out


@pytest.mark.slow
def test_learns_a_product_of_columns_that_no_line_can():
    draw = np.random.default_rng(1)
    inputs = columns(600)
    x = inputs["numbers"]
    clean = 100 + 20 * x[:, 0] * np.where(inputs["categories"][:, 0] == 1, 1.0, -1.0) + 10 * x[:, 1]
    made = problem("number", inputs, (clean + draw.normal(0, 2, 600)).astype(np.float32)[:, None])
    task = table_task(made)
    model = Model(task.net, task.loss, task.metrics, members=2)
    model.fit(made.train, valid=made.valid, recipe=task.recipe, epochs=30, progress=False)
    line = Ridge().fit(made.train.inputs["numbers"], made.train.targets)
    assert line.score(made.test.inputs["numbers"], made.test.targets) < 0.6
    assert model.evaluate(made.test)["r2"] > 0.85


def test_rare_classes_do_not_break_it():
    inputs = columns(200)
    targets = (inputs["numbers"][:, 0] > 1.6).astype(np.int32)  # about one in twenty
    made = problem("classes", inputs, targets, ("no", "yes"))
    task = table_task(made)
    model = Model(task.net, task.loss, task.metrics, members=2)
    joined = Examples(inputs, targets, classes=("no", "yes"))
    model.fit(joined, valid="folds", recipe=task.recipe, epochs=10, progress=False)
    proba = model.predict_proba(inputs)
    assert np.isfinite(proba).all()
    assert proba[targets == 1, 1].mean() > 2 * proba[targets == 0, 1].mean()
