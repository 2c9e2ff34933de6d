"""The default tasks: what they reach on data they have not seen, digits above all."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from brickwork.explain import scores
from brickwork.services import learn, predict
from brickwork.tasks import Asked, infer_task, prepare
from brickwork.tasks.answers import answered, baseline
from brickwork.train import Model

DRAWN = sorted((Path(__file__).parent.parent / "data" / "drawn").glob("?_?.png"))


def trained(name: str, epochs: int, seed: int = 0) -> tuple[Any, Any]:
    """Return the headline score of a default task after a few epochs, and that of the trivial answer, on test rows."""
    problem = prepare(name, Asked(source=name, split_seed=seed))
    task = infer_task(problem)
    model = Model(task.net, task.loss, task.metrics)
    model.fit(problem.train, valid=problem.valid, recipe=task.recipe.changed(epochs=epochs), progress=False)
    answers = answered(model, problem.test, problem), baseline(problem)
    return tuple(scores(one)[0].interval.value for one in answers)


def test_digits_in_a_few_epochs():
    ours, trivial = trained("digits", epochs=3)
    assert ours > 0.9
    assert trivial < 0.15


@pytest.mark.slow
@pytest.mark.parametrize(("name", "epochs", "margin"), [("iris", 25, 0.4), ("breast_cancer", 10, 0.25)])
def test_classes_of_tables_beat_the_most_frequent_class(name, epochs, margin):
    ours, trivial = trained(name, epochs)
    assert ours > trivial + margin


@pytest.mark.slow
def test_numbers_of_a_table_beat_the_mean():
    ours, trivial = trained("diabetes", epochs=25)
    assert ours > trivial + 0.25


@pytest.mark.slow
def test_digits_on_ten_splits_and_drawn_by_hand(tmp_path):
    learned = [learn("digits", runs=tmp_path, split_seed=seed) for seed in range(10)]
    accuracies = [one.scores["accuracy"] for one in learned]
    print(f"mean {np.mean(accuracies):.4f}, lowest {min(accuracies):.4f}: {np.round(accuracies, 4).tolist()}")
    assert [one.test_rows for one in learned] == [269] * 10
    assert np.mean(accuracies) >= 0.990
    assert len(DRAWN) == 20
    right = []
    for one in learned:
        answers = predict(one.path, DRAWN)
        right.append(sum(str(answer.answer) == path.name[0] for answer, path in zip(answers, DRAWN, strict=True)))
    print(f"of 20 drawn digits right: {right}")
    assert right[0] >= 17  # the model of `brickwork learn digits`
