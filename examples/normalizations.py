"""Normalisations side by side: one small network on handwritten digits, trained again with each of them.

The network is the same eight times, but for its normalisation: none at all, of the inputs alone, or of the inputs and
of what the convolution gives, in one of six ways. All learn from the same rows. What to see: each gets further in the
same epochs than the network without any, and after training each computes in training what it computes in
evaluation. Those that look at one row do by definition, those that look at the batch once their running statistics
have arrived.

    python examples/normalizations.py
"""

import time

import jax
import numpy as np

import brickwork as bw

FLOOR = 0.92  # of the rows held out; guessing gets 0.1
APART = 0.03  # mean difference between the probabilities of training and of evaluation


def network(*middle: bw.Brick, inputs: bw.Rescale) -> bw.Sequential:
    """Return a convolution, perhaps a normalisation, a rectifier, a head."""
    return bw.Sequential(inputs, *middle, bw.Activation("relu"), bw.MaxPool(2), bw.Flatten(), bw.Dense(10))


RAW, STANDARD = bw.Rescale(), bw.Rescale(1 / 6, -4.9 / 6)  # pixels from 0 to 16, mean 4.9, deviation 6
CONV = bw.Conv(16, 3)
NETWORKS = {
    "none": network(CONV, inputs=RAW),
    "input": network(CONV, inputs=STANDARD),
    "batch": network(CONV, bw.BatchNorm(), inputs=STANDARD),
    "batch renorm": network(CONV, bw.BatchRenorm(), inputs=STANDARD),
    "layer": network(CONV, bw.LayerNorm(), inputs=STANDARD),
    "weight": network(bw.WeightNorm(CONV), inputs=STANDARD),
    "instance": network(CONV, bw.InstanceNorm(), inputs=STANDARD),
    "group": network(CONV, bw.GroupNorm(4), inputs=STANDARD),
}


def apart(model: bw.Model, pictures: np.ndarray) -> float:
    """Return how far probabilities in training and in evaluation are from each other, in the mean."""

    @jax.jit
    def both(variables: bw.Variables) -> list[jax.Array]:
        results = [model.net.apply(variables, pictures, training=training) for training in (True, False)]
        return [jax.nn.softmax(result.output) for result in results]

    training, evaluation = both(model.variables)
    return float(abs(training - evaluation).max(axis=1).mean())


def main() -> None:
    """Train all, print the table, check it."""
    digits = bw.datasets.load("digits")
    print(f"{'normalisation':<14} {'accuracy':>8} {'loss':>7} {'apart':>7} {'seconds':>8}")
    losses = {}
    for name, net in NETWORKS.items():
        start = time.perf_counter()
        model = bw.Model(net, "cross_entropy", metrics=["accuracy"])
        model.fit(digits.train, epochs=4, rate=0.003, progress=False)
        scores = model.evaluate(digits.test)
        distance = apart(model, digits.train.inputs[:256])
        seconds = time.perf_counter() - start
        print(f"{name:<14} {scores['accuracy']:8.3f} {scores['loss']:7.3f} {distance:7.4f} {seconds:8.1f}")
        assert scores["accuracy"] >= FLOOR, f"{name} has not learned"
        assert distance <= APART, f"{name}: training and evaluation do not agree"
        losses[name] = scores["loss"]
        assert name == "none" or scores["loss"] < losses["none"], f"{name} does not help"


if __name__ == "__main__":
    main()
