"""A network that predicts numbers, as a scikit-learn regressor."""

from typing import Any

import numpy as np
from sklearn.base import RegressorMixin

from brickwork.sklearn.estimator import Asked, NetworkEstimator


class Regressor(RegressorMixin, NetworkEstimator):
    """A network that predicts a number, or several at once.

    It does what scikit-learn's own regressors do, in pipelines, searches and cross-validation, and is pickled as the
    bytes of its saved file. Without `net` it is the network that `brickwork learn` makes of a table.

    ```python
    from brickwork.sklearn import Regressor

    regressor = Regressor(random_state=0).fit(X_train, y_train)
    regressor.score(X_test, y_test)        # R2
    ```

    Args:
        net: a network of one's own that ends in one output for each target; the targets are scaled for it. It gets the
            scaled numbers (rows, n), or where a data frame has words too, a dict of `numbers` and `categories`.
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
        model_: the trained `Model`, with its loss, its metrics and `save`.
        n_iter_: how many epochs were trained.
        n_features_in_, feature_names_in_: the columns seen in `fit`.
        encoder_: what makes arrays of rows.
        history_: what was measured after every epoch.
    """

    def _answers(self, y: np.ndarray) -> Asked:
        values = np.asarray(y, np.float64)
        self._one = values.ndim == 1
        columns = values.reshape(len(values), -1)
        return "number", columns, tuple(f"y{number}" for number in range(columns.shape[1]))

    def predict(self, X: Any) -> np.ndarray:
        """Return the numbers (rows,), or (rows, targets) where `y` had several columns."""
        outputs = self._outputs(X)
        return outputs[:, 0] if self._one else outputs

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
