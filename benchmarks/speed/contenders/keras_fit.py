"""Keras: `fit` on arrays, on the backend that its process was started for."""

import gc
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any

import keras
import numpy as np
from benchmarks.speed.contenders.base import Contender, combined, epochs_from
from benchmarks.speed.workloads import (
    CLASSES,
    EMBEDDING,
    HEADS,
    HIDDEN,
    LAYERS,
    MEMORY,
    RATE,
    RESIDUAL_BLOCKS,
    RESIDUAL_WIDTHS,
    STEPS,
    SYMBOLS,
    WIDTH,
    Workload,
)
from keras import layers


class KerasFit(Contender):
    """Several steps per execution and XLA are tried where the backend has them. `fit` shuffles in its own order."""

    def __init__(self, device: str, precision: str, backend: str):
        super().__init__(device, precision)
        if keras.backend.backend() != backend:
            raise RuntimeError(f"Keras runs on {keras.backend.backend()}: KERAS_BACKEND must be {backend}.")
        self.backend = backend

    def versions(self) -> dict[str, str]:
        """Return the versions of Keras and of its backend."""
        return {"keras": keras.__version__, self.backend: import_module(self.backend).__version__}

    def ways(self, workload: Workload) -> Sequence[Mapping[str, Any]]:
        """Vary what the backend can do."""
        several = (1, min(32, workload.steps))
        if self.backend == "torch":
            return [{}]
        if self.backend == "jax":
            return combined(steps_per_execution=several)
        return combined(steps_per_execution=several, jit_compile=(False, True))

    def build(self, workload: Workload, inputs: np.ndarray, targets: np.ndarray, way: Mapping[str, Any]) -> None:
        """Make and compile the model."""
        keras.backend.clear_session()
        gc.collect()
        policy = "mixed_bfloat16" if self.precision == "bfloat16" else "float32"
        keras.config.set_dtype_policy(policy)  # here, since clear_session forgets it
        keras.utils.set_random_seed(0)
        self.inputs, self.targets = inputs, targets
        self.net = network(workload)
        found = {one.compute_dtype for one in self.net.layers[:-1] if not isinstance(one, layers.InputLayer)}
        if not all(str(dtype) == self.precision for dtype in found):
            raise RuntimeError(f"Keras computes in {sorted(map(str, found))}, not in {self.precision}.")
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        self.net.compile(keras.optimizers.Adam(RATE), loss, **way)

    def train(self, epochs: int) -> list[float]:
        """Fit."""
        epochs_from(self, epochs)
        batch = self.workload.batch
        return self.net.fit(self.inputs, self.targets, batch_size=batch, epochs=epochs, verbose=0).history["loss"]

    losses = train

    def parameters(self) -> int:
        """Count what is trained."""
        return sum(int(np.prod(weight.shape)) for weight in self.net.trainable_weights)

    def predictor(self) -> Callable[[np.ndarray], np.ndarray]:
        """Return `predict_on_batch`, which Keras recommends for small inputs in place of `predict`."""
        return lambda inputs: np.asarray(self.net.predict_on_batch(inputs))


make = KerasFit


def network(workload: Workload) -> Any:
    """Return the workload's network."""
    if workload.family == "mlp":
        hidden = [layers.Dense(units, "relu") for units in workload.units]
        return keras.Sequential([keras.Input(workload.shape), *hidden, layers.Dense(CLASSES, dtype="float32")])
    if workload.family == "cnn":
        parts: list[Any] = [keras.Input(workload.shape)]
        for width in (32, 64):
            parts += [layers.Conv2D(width, 3, padding="same", activation="relu"), layers.MaxPooling2D(2)]
        return keras.Sequential([*parts, layers.Flatten(), layers.Dense(CLASSES, dtype="float32")])
    if workload.family == "resnet":
        return residual_network(workload)
    ids = keras.Input(workload.shape, dtype="int32")
    if workload.family == "lstm":
        x = layers.Embedding(SYMBOLS, EMBEDDING)(ids)
        x = layers.LSTM(MEMORY, return_sequences=True)(x)
    else:
        x = AddPositions()(layers.Embedding(SYMBOLS, WIDTH)(ids))
        for _ in range(LAYERS):
            x = transformer_block(x)
        x = layers.LayerNormalization(epsilon=1e-5)(x)
    return keras.Model(ids, layers.Dense(SYMBOLS, dtype="float32")(x))


def residual_network(workload: Workload) -> Any:
    """Return ResNet-20."""

    def normed(x: Any, width: int, kernel: int, stride: int) -> Any:
        x = layers.Conv2D(width, kernel, stride, "same", use_bias=False, kernel_initializer="he_normal")(x)
        return layers.BatchNormalization(momentum=0.9, epsilon=1e-5)(x)

    pictures = keras.Input(workload.shape)
    before = RESIDUAL_WIDTHS[0]
    x = layers.ReLU()(normed(pictures, before, 3, 1))
    for width in RESIDUAL_WIDTHS:
        for _ in range(RESIDUAL_BLOCKS):
            stride = 1 if width == before else 2
            y = normed(layers.ReLU()(normed(x, width, 3, stride)), width, 3, 1)
            x = layers.ReLU()(layers.Add()([y, x if stride == 1 else normed(x, width, 1, stride)]))
            before = width
    return keras.Model(pictures, layers.Dense(CLASSES, dtype="float32")(layers.GlobalAveragePooling2D()(x)))


def transformer_block(x: Any) -> Any:
    """Return what a block with norms first makes of x."""
    read = layers.LayerNormalization(epsilon=1e-5)(x)
    seen = layers.MultiHeadAttention(HEADS, WIDTH // HEADS)(read, read, use_causal_mask=True)
    x = layers.Add()([x, seen])
    hidden = layers.Dense(HIDDEN, "gelu")(layers.LayerNormalization(epsilon=1e-5)(x))
    return layers.Add()([x, layers.Dense(WIDTH)(hidden)])


class AddPositions(layers.Layer):
    """A learned vector for each place."""

    def build(self, input_shape: Any) -> None:
        """Declare the table."""
        del input_shape
        start = keras.initializers.RandomNormal(stddev=0.02)
        self.table = self.add_weight(shape=(STEPS, WIDTH), initializer=start, name="table")

    def call(self, x: Any) -> Any:
        """Add it."""
        return x + keras.ops.cast(self.table, x.dtype)
