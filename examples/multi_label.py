"""Several questions about one picture: a multi-label network on handwritten digits.

Each digit is asked three yes-or-no questions at once: is it even, is it at least 5, does it have a closed loop? Any
number of answers may be yes, so every output has a sigmoid of its own; a softmax would make them compete.

    python examples/multi_label.py
"""

import numpy as np

import brickwork as bw

QUESTIONS = ("even", "at least 5", "closed loop")
LOOPS = (0, 6, 8, 9)


def answers(digits: np.ndarray) -> np.ndarray:
    """Return (rows, 3) flags: the three answers for each digit."""
    return np.stack([digits % 2 == 0, digits >= 5, np.isin(digits, LOOPS)], axis=1)


data = bw.datasets.load("digits")
net = bw.Sequential(
    bw.Rescale(1 / 16),  # (rows, 8, 8, 1), 0..1
    bw.Conv(16, 3, activation="relu"),  # (rows, 8, 8, 16)
    bw.MaxPool(2),  # (rows, 4, 4, 16)
    bw.Flatten(),  # (rows, 256)
    bw.Dropout(0.25),
    bw.Dense(64, "relu"),  # (rows, 64)
    bw.Dense(len(QUESTIONS)),  # (rows, 3): a logit for each question
)
model = bw.Model(net, loss="binary_cross_entropy", metrics=["accuracy"])
train, valid, test = ((part.inputs, answers(np.asarray(part.targets))) for part in (data.train, data.valid, data.test))
model.fit(*train, valid=valid, epochs=20, patience=5, progress=False)

found = model.predict(test[0])  # (rows, 3): 0 or 1
print("right on pictures it has not seen")
for question, right in zip(QUESTIONS, (found == test[1]).mean(axis=0), strict=True):
    print(f"  {question:<12} {right:.1%}")
everything = (found == test[1]).all(axis=1).mean()
print(f"  {'all three':<12} {everything:.1%}")

trivial = np.maximum(train[1].mean(axis=0), 1 - train[1].mean(axis=0))  # always the more frequent answer
assert np.all((found == test[1]).mean(axis=0) > 0.93), "each question is answered well"
assert np.all((found == test[1]).mean(axis=0) > trivial + 0.2), "and far better than without looking"
assert everything > 0.88, "all three at once"
