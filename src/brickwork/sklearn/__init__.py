"""Floor 7: networks as scikit-learn estimators, for pipelines, searches and cross-validation."""

from brickwork.sklearn.classifier import Classifier
from brickwork.sklearn.regressor import Regressor

__all__ = ["Classifier", "Regressor"]
