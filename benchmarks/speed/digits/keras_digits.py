"""Digits in Keras, on the backend that KERAS_BACKEND names."""

import keras
import problem
from keras import layers

train, test = problem.rows()
keras.utils.set_random_seed(problem.seed())
parts = [keras.Input((8, 8, 1))]
for width in (32, 64):
    parts += [layers.Conv2D(width, 3, padding="same", activation="relu"), layers.MaxPooling2D(2)]
net = keras.Sequential([*parts, layers.Flatten(), layers.Dense(10)])
loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
net.compile(keras.optimizers.Adam(problem.RATE), loss, metrics=["accuracy"])


class Enough(keras.callbacks.Callback):
    """Stop when the test rows are known well enough."""

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Look at the accuracy of the test rows."""
        del epoch
        if (logs or {}).get("val_accuracy", 0.0) >= problem.GOAL:
            self.model.stop_training = True


settings = {"epochs": problem.EPOCHS, "batch_size": problem.BATCH, "verbose": 0}
history = net.fit(*train, validation_data=test, callbacks=[Enough()], **settings).history
problem.tell(len(history["loss"]), history["val_accuracy"][-1])
