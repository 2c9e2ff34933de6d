"""ONNX Runtime: predictions of PyTorch's network, exported."""

import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch
from benchmarks.speed.contenders.base import Contender
from benchmarks.speed.contenders.torch_networks import network
from benchmarks.speed.workloads import Workload


class OnnxPredict(Contender):
    """It does not train: weights are as drawn."""

    def versions(self) -> dict[str, str]:
        """Return the version of the runtime."""
        return {"onnxruntime": onnxruntime.__version__}

    def ways(self, workload: Workload) -> Sequence[Mapping[str, Any]]:
        """There is one way."""
        del workload
        return [{}]

    def prepare(self, workload: Workload) -> dict[str, Any]:
        """Export the network."""
        self.workload = workload
        pictures = len(workload.shape) == 3
        shape = (workload.shape[2], *workload.shape[:2]) if pictures else workload.shape
        example = torch.zeros((2, *shape), dtype=torch.long if workload.sequences else torch.float32)
        net = network(workload).eval()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 0
        options.add_session_config_entry("session.intra_op.allow_spinning", "1")
        providers = ["CUDAExecutionProvider"] if self.device == "gpu" else ["CPUExecutionProvider"]
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "network.onnx"
            dynamic = ({0: torch.export.Dim("rows")},)
            torch.onnx.export(net, (example,), path, dynamo=True, dynamic_shapes=dynamic, verbose=False)
            self.session = onnxruntime.InferenceSession(path, options, providers=providers)
        self.count = sum(parameter.numel() for parameter in net.parameters())
        return {"parameters": self.count, "notes": [], "compile_seconds": 0.0, "epoch_seconds": 0.0, "losses": []}

    def build(self, workload: Workload, inputs: np.ndarray, targets: np.ndarray, way: Mapping[str, Any]) -> None:
        """Do nothing: there is nothing to train."""

    def train(self, epochs: int) -> list[float]:
        """Refuse."""
        raise NotImplementedError("ONNX Runtime predicts only.")

    losses = train

    def parameters(self) -> int:
        """Count the weights."""
        return self.count

    def predictor(self) -> Callable[[np.ndarray], np.ndarray]:
        """Return the session's run."""
        name = self.session.get_inputs()[0].name
        pictures = len(self.workload.shape) == 3
        symbols = self.workload.sequences

        def predict(inputs: np.ndarray) -> np.ndarray:
            if pictures:
                inputs = np.ascontiguousarray(inputs.transpose(0, 3, 1, 2))
            return self.session.run(None, {name: inputs.astype(np.int64) if symbols else inputs})[0]

        return predict


make = OnnxPredict
