"""PyTorch: the loop over steps of its tutorials, in the best of its layouts and numbers of threads, eager or compiled.

All rows are tensors in memory; a batch is taken by row numbers (no DataLoader, which costs more). Adam is the fused
one.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
import torch
from benchmarks.speed.contenders.base import Contender, combined, epochs_from, short
from benchmarks.speed.contenders.torch_networks import network
from benchmarks.speed.workloads import RATE, Workload, order
from torch import Tensor, nn
from torch.nn import functional


class TorchLoop(Contender):
    """`compiled` passes the network through `torch.compile`."""

    def __init__(self, device: str, precision: str, compiled: str):
        super().__init__(device, precision)
        self.compiled = bool(compiled)
        self.place = torch.device("cuda" if device == "gpu" else "cpu")
        self.threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        if device == "gpu":
            torch.set_float32_matmul_precision("high")
            torch.backends.cudnn.allow_tf32 = True
            torch.backends.cudnn.benchmark = True

    def versions(self) -> dict[str, str]:
        """Return PyTorch's version."""
        return {"torch": torch.__version__}

    def ways(self, workload: Workload) -> Sequence[Mapping[str, Any]]:
        """Vary the layout of pictures, and threads where so little work may be done sooner by one."""
        layouts = ("channels_last", "contiguous") if workload.family in ("cnn", "resnet") else ("contiguous",)
        threads = (self.threads, 1) if self.threads > 1 and workload.family == "mlp" else (self.threads,)
        if self.compiled:
            modes = ("default", "reduce-overhead") if self.device == "gpu" else ("default",)
            return combined(layout=layouts, mode=modes)
        return combined(layout=layouts, threads=threads)

    def build(self, workload: Workload, inputs: np.ndarray, targets: np.ndarray, way: Mapping[str, Any]) -> None:
        """Make the network and the optimizer."""
        torch.manual_seed(0)
        torch.set_num_threads(way.get("threads", self.threads))
        last = way["layout"] == "channels_last"
        self.layout = torch.channels_last if last else torch.contiguous_format
        self.inputs = self.given(inputs)
        self.targets = torch.from_numpy(targets).long().to(self.place)
        net = network(workload)
        if len(workload.shape) == 3:
            net = net.to(memory_format=self.layout)
        self.net: nn.Module = net.to(self.place).train()
        self.run: Any = self.net
        self.optimizer = torch.optim.Adam(self.net.parameters(), lr=RATE, fused=True)
        if self.compiled:
            torch.compiler.reset()
            self.run = torch.compile(self.net, mode=way["mode"])

    def given(self, inputs: np.ndarray) -> Tensor:
        """Return inputs as a tensor: pictures with channels before places, in the layout chosen; symbols long."""
        tensor = torch.from_numpy(inputs)
        if tensor.ndim == 4:
            tensor = tensor.permute(0, 3, 1, 2).contiguous(memory_format=self.layout)
        return tensor.to(self.place) if tensor.is_floating_point() else tensor.long().to(self.place)

    def train(self, epochs: int) -> None:
        """Run the loop, and wait for the last loss."""
        loss = self._epochs(epochs, None)
        assert loss is not None
        loss.item()

    def losses(self, epochs: int) -> list[float]:
        """Run the loop and keep the losses."""
        found: list[Tensor] = []
        self._epochs(epochs, found)
        return torch.stack(found).reshape(epochs, -1).mean(1).tolist()

    def _epochs(self, epochs: int, kept: list[Tensor] | None) -> Tensor | None:
        loss = None
        run, optimizer = self.run, self.optimizer
        for epoch in epochs_from(self, epochs):
            for rows in torch.from_numpy(order(self.workload, epoch)).to(self.place):
                targets = self.targets[rows]
                optimizer.zero_grad(set_to_none=True)
                with self._autocast():
                    logits = run(self.inputs[rows])
                    loss = functional.cross_entropy(logits.flatten(0, -2), targets.flatten())
                loss.backward()
                optimizer.step()
                if kept is not None:
                    kept.append(loss.detach())
        return loss

    def _autocast(self) -> AbstractContextManager[Any]:
        if self.precision == "float32":
            return nullcontext()
        return torch.autocast(self.place.type, torch.bfloat16)

    def parameters(self) -> int:
        """Count what is trained."""
        return sum(parameter.numel() for parameter in self.net.parameters())

    def predictor(self) -> Callable[[np.ndarray], np.ndarray]:
        """Return the network in inference mode: by TorchScript where that works, or compiled."""
        net: Any = self.net.eval()
        if self.compiled:
            net = self.run
        else:
            example = self.inputs[:1]
            try:
                with torch.inference_mode():
                    net = torch.jit.freeze(torch.jit.trace(self.net, example))
                    net(example)
                self.notes.append("predictions by TorchScript")
            except Exception as error:
                net = self.net
                self.notes.append(f"predictions eager, since TorchScript failed: {short(error)}")

        def predict(inputs: np.ndarray) -> np.ndarray:
            with torch.inference_mode(), self._autocast():
                return net(self.given(inputs)).float().cpu().numpy()

        return predict


make = TorchLoop
