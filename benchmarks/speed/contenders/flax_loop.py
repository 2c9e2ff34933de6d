"""Flax NNX: a jitted step in a Python loop, as its documentation has it, plain or with its graph cached.

All rows are on the device; a step is given the numbers of its rows, which is faster than to copy a batch.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import flax
import jax
import jax.numpy as jnp
import numpy as np
import optax
from benchmarks.speed.contenders.base import Contender, combined, epochs_from
from benchmarks.speed.contenders.flax_networks import network
from benchmarks.speed.workloads import RATE, Workload, order
from flax import nnx


def step(net: Any, optimizer: Any, inputs: jax.Array, targets: jax.Array, rows: jax.Array) -> jax.Array:
    """Descend the gradient of one batch, and return its loss."""

    def objective(net: Any) -> jax.Array:
        logits = net(inputs[rows]).astype(jnp.float32)
        return optax.softmax_cross_entropy_with_integer_labels(logits, targets[rows]).mean()

    loss, grads = nnx.value_and_grad(objective)(net)
    optimizer.update(net, grads)
    return loss


class FlaxLoop(Contender):
    """The documented loop."""

    def versions(self) -> dict[str, str]:
        """Return the versions of Flax and JAX."""
        return {"flax": flax.__version__, "jax": jax.__version__}

    def ways(self, workload: Workload) -> Sequence[Mapping[str, Any]]:
        """Cache the traversal of the network's graph, or not; neither matters where a step is long."""
        return combined(cached=(False, True)) if workload.steps > 100 else [{"cached": True}]

    def build(self, workload: Workload, inputs: np.ndarray, targets: np.ndarray, way: Mapping[str, Any]) -> None:
        """Make the network and its step."""
        self.net = network(workload, jnp.bfloat16 if self.precision == "bfloat16" else jnp.float32)
        self.optimizer = nnx.Optimizer(self.net, optax.adam(RATE), wrt=nnx.Param)
        self.inputs, self.targets = jnp.asarray(inputs), jnp.asarray(targets)
        if way["cached"]:
            with nnx.set_graph_mode(True), nnx.set_graph_updates(True):
                jitted = nnx.jit(graph_updates=True, graph=True)(step)
                self.step = nnx.cached_partial(jitted, self.net, self.optimizer)
        else:
            jitted = nnx.jit(step)
            self.step = lambda *batch: jitted(self.net, self.optimizer, *batch)

    def train(self, epochs: int) -> None:
        """Run the loop, and wait for the last loss."""
        self._epochs(epochs)[-1].block_until_ready()

    def losses(self, epochs: int) -> list[float]:
        """Run the loop and keep the losses."""
        return np.array(self._epochs(epochs)).reshape(epochs, -1).mean(1).tolist()

    def _epochs(self, epochs: int) -> list[jax.Array]:
        return [
            self.step(self.inputs, self.targets, rows)
            for epoch in epochs_from(self, epochs)
            for rows in order(self.workload, epoch).astype(np.int32)
        ]

    def parameters(self) -> int:
        """Count what is trained."""
        return sum(leaf.size for leaf in jax.tree.leaves(nnx.state(self.net, nnx.Param)))

    def predictor(self) -> Callable[[np.ndarray], np.ndarray]:
        """Return the jitted network, its state given apart from its graph."""
        self.net.eval()
        graph, state = nnx.split(self.net)

        @jax.jit
        def run(state: Any, inputs: jax.Array) -> jax.Array:
            return nnx.merge(graph, state)(inputs)

        return lambda inputs: np.asarray(run(state, inputs))


make = FlaxLoop
