"""Random inputs for cases."""

import jax.numpy as jnp
import numpy as np

from brickwork.core.batch import Padded


class Draws:
    """Random inputs from one seed; each file of cases has its own."""

    def __init__(self, seed: int):
        self.rng = np.random.default_rng(seed)

    def numbers(self, *shape: int) -> np.ndarray:
        return self.rng.normal(size=shape).astype(np.float32)

    def padded(self, *shape: int, lengths: tuple[int, ...]) -> Padded:
        return Padded(jnp.asarray(self.numbers(*shape)), jnp.asarray(lengths, jnp.int32))
