"""What the scripts share: the rows, and when to stop."""

import json
import sys

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

GOAL, EPOCHS, BATCH, RATE = 0.98, 60, 32, 1e-3
"""Accuracy to reach; most epochs; rows of a batch; Adam's rate."""

Rows = tuple[np.ndarray, np.ndarray]


def rows() -> tuple[Rows, Rows]:
    """Return 1,527 rows to train on and 270 to test on, pixels from 0 to 1."""
    pictures, targets = load_digits(return_X_y=True)
    pictures = (pictures / 16).astype(np.float32).reshape(-1, 8, 8, 1)
    x, x_test, y, y_test = train_test_split(pictures, targets, test_size=0.15, stratify=targets, random_state=0)
    return (x, y.astype(np.int32)), (x_test, y_test.astype(np.int32))


def seed() -> int:
    """Return the seed on the command line."""
    return int(sys.argv[1]) if len(sys.argv) > 1 else 0


def tell(epochs: int, accuracy: float) -> None:
    """Print how it ended."""
    sys.stdout.write(
        json.dumps({"epochs": epochs, "accuracy": float(accuracy), "reached": bool(accuracy >= GOAL)}) + "\n"
    )
