"""A network that tells classes apart, as a scikit-learn classifier."""

from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils import column_or_1d
from sklearn.utils.multiclass import check_classification_targets, type_of_target

from brickwork.core.errors import DataError
from brickwork.sklearn.estimator import Asked, NetworkEstimator


class Classifier(ClassifierMixin, NetworkEstimator):
    """A network that tells classes apart: two or more, or any number of labels at once.

    It does what scikit-learn's own classifiers do, in pipelines, searches and cross-validation, and is pickled as the
    bytes of its saved file. Without `net` it is the network that `brickwork learn` makes of a table.

    ```python
    from brickwork.sklearn import Classifier

    classifier = Classifier(random_state=0).fit(X_train, y_train)
    classifier.score(X_test, y_test)
    classifier.model_.save("model.brickwork")
    ```

    Args:
        net: a network of one's own that ends in one output a class (a label). It gets the scaled numbers (rows, n), or
            where a data frame has words too, a dict of `numbers` and `categories` (rows, m).
        epochs: how often to go through the rows, at most.
        batch_size: rows per step.
        rate: the learning rate.
        members: how many networks are trained side by side and asked together; without it as many as `brickwork learn`
            takes, but one of fewer than 100 rows. Several without `net` leave out other rows each, to stop by.
        patience: stop when the loss on the rows held out has not improved for so many epochs.
        validation_fraction: the share of the rows that is held out to stop by, and to keep the best weights; equal rows
            stay together. Nothing is held out of fewer than about 70 different rows, nor with 0.
        random_state: a whole number makes the result the same every time.
        verbose: show a progress bar.

    Attributes:
        classes_: the classes, sorted; of labels at once, 0, 1, 2...
        model_: the trained `Model`, with its loss, its metrics and `save`.
        n_iter_: how many epochs were trained.
        n_features_in_, feature_names_in_: the columns seen in `fit`.
        encoder_: what makes arrays of rows.
        history_: what was measured after every epoch.
    """

    def _answers(self, y: np.ndarray) -> Asked:
        check_classification_targets(y)
        self._labels = type_of_target(y, input_name="y") == "multilabel-indicator"
        if self._labels:
            self.classes_ = np.arange(y.shape[1])
            return "labels", np.asarray(y, np.int32), tuple(range(y.shape[1]))
        self.classes_, answers = np.unique(column_or_1d(y, warn=True), return_inverse=True)
        if len(self.classes_) < 2:
            raise DataError(
                f"All rows have the same class, {self.classes_.tolist()[0]!r}: one class leaves nothing to tell apart. "
                "Rows of weight 0 do not count."
            )
        return "classes", answers.astype(np.int32), tuple(_label(item) for item in self.classes_.tolist())

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the probability of each class (rows, classes), or of each label (rows, labels)."""
        outputs = self._outputs(X)
        if self._labels:
            return 1 / (1 + np.exp(-np.clip(outputs, -36, 36)))  # strictly between 0 and 1, in float64 too
        powers = np.exp(outputs - outputs.max(axis=1, keepdims=True))
        return powers / powers.sum(axis=1, keepdims=True)

    def predict(self, X: Any) -> np.ndarray:
        """Return the most probable class of each row, or 0 and 1 for each label."""
        outputs = self._outputs(X)
        if self._labels:
            return (outputs > 0).astype(np.int64)
        return self.classes_[outputs.argmax(axis=1)]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


def _label(item: Any) -> str | int:
    """Return a class as a saved model can name it."""
    if (isinstance(item, float) and item.is_integer()) or isinstance(item, bool):
        return int(item)
    return item if isinstance(item, int) else str(item)
