"""The contenders, each in a file of its own, which is imported only in that contender's process."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

from benchmarks.speed.contenders.base import Contender


@dataclass(frozen=True)
class Card:
    """What is known of a contender without importing it.

    `module` and `settings` are how its process makes it, `requires` what must be importable there. A `peer` is what
    Brickwork is compared with; `trains` is false where only predictions are measured.
    """

    title: str
    module: str
    requires: tuple[str, ...]
    settings: tuple[tuple[str, str], ...] = ()
    peer: bool = True
    trains: bool = True

    def make(self, device: str, precision: str) -> Contender:
        """Return the contender, in its own process."""
        make: Callable[..., Contender] = import_module(f"benchmarks.speed.contenders.{self.module}").make
        return make(device, precision, **dict(self.settings))


def _keras(backend: str, title: str) -> Card:
    return Card(f"Keras on {title}", "keras_fit", ("keras", backend), (("backend", backend),))


CONTENDERS = {
    "brickwork": Card("Brickwork", "brickwork_fit", ("brickwork",), peer=False),
    "torch": Card("PyTorch, eager", "torch_loop", ("torch",), (("compiled", ""),)),
    "torch-compile": Card("PyTorch, torch.compile", "torch_loop", ("torch",), (("compiled", "yes"),)),
    "keras-jax": _keras("jax", "JAX"),
    "keras-torch": _keras("torch", "PyTorch"),
    "keras-tensorflow": _keras("tensorflow", "TensorFlow"),
    "flax": Card("Flax NNX", "flax_loop", ("flax", "optax")),
    "onnxruntime": Card("ONNX Runtime", "onnx_predict", ("onnxruntime", "onnxscript", "torch"), trains=False),
    "plain-jax": Card("plain JAX, lax.scan by hand", "plain_jax", ("jax", "optax"), peer=False),
}
"""All contenders by name. Plain JAX is a reference: what is left when all of a library is taken away."""
