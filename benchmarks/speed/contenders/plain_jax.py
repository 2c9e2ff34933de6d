"""Plain JAX: networks written out by hand, Adam by Optax, and a whole epoch in one `lax.scan`. The reference."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from benchmarks.speed.contenders.base import Contender, epochs_from
from benchmarks.speed.contenders.plain_networks import network
from benchmarks.speed.workloads import RATE, Workload, order


class PlainJax(Contender):
    """One program an epoch, all its state donated."""

    def versions(self) -> dict[str, str]:
        """Return the version of JAX."""
        return {"jax": jax.__version__}

    def ways(self, workload: Workload) -> Sequence[Mapping[str, Any]]:
        """There is one way."""
        del workload
        return [{}]

    def build(self, workload: Workload, inputs: np.ndarray, targets: np.ndarray, way: Mapping[str, Any]) -> None:
        """Draw parameters and define the epoch."""
        del way
        init, self.apply = network(workload)
        self.params = init(jax.random.key(0))
        adam = optax.adam(RATE)
        self.state = adam.init(self.params)
        self.inputs, self.targets = jnp.asarray(inputs), jnp.asarray(targets)
        dtype = jnp.bfloat16 if self.precision == "bfloat16" else jnp.float32
        apply = self.apply

        def objective(params: Any, inputs: jax.Array, targets: jax.Array) -> jax.Array:
            logits = apply(cast(params, dtype), cast(inputs, dtype)).astype(jnp.float32)
            return optax.softmax_cross_entropy_with_integer_labels(logits, targets).mean()

        @partial(jax.jit, donate_argnums=(0, 1))
        def run(params: Any, state: Any, inputs: jax.Array, targets: jax.Array, numbers: jax.Array) -> Any:
            def step(carry: Any, rows: jax.Array) -> Any:
                params, state = carry
                loss, grads = jax.value_and_grad(objective)(params, inputs[rows], targets[rows])
                updates, state = adam.update(grads, state)
                return (optax.apply_updates(params, updates), state), loss

            return jax.lax.scan(step, (params, state), numbers)

        self.run = run

    def train(self, epochs: int) -> list[float]:
        """Run the program of each epoch."""
        losses = []
        for epoch in epochs_from(self, epochs):
            numbers = order(self.workload, epoch).astype(np.int32)
            (self.params, self.state), found = self.run(self.params, self.state, self.inputs, self.targets, numbers)
            losses.append(found.mean())
        return [float(loss) for loss in losses]

    losses = train

    def parameters(self) -> int:
        """Count what is trained."""
        return sum(leaf.size for leaf in jax.tree.leaves(self.params))

    def predictor(self) -> Callable[[np.ndarray], np.ndarray]:
        """Return the jitted network; refuse where it would normalise by the batch that it is asked about."""
        if self.workload.family == "resnet":
            raise NotImplementedError("It keeps no running averages to predict with.")
        run, params = jax.jit(self.apply), self.params
        return lambda inputs: np.asarray(run(params, inputs))


make = PlainJax


def cast(tree: Any, dtype: Any) -> Any:
    """Return a tree with its floats of another type."""
    return jax.tree.map(lambda leaf: leaf.astype(dtype) if jnp.issubdtype(leaf.dtype, jnp.floating) else leaf, tree)
