"""How scripts beside this one store what PyTorch computes, with gradients, in float64 and in Brickwork's layouts.

    recorder = Recorder(seed=1)
    recorder.record("dense/relu", lambda p, x: ..., {"weight": recorder.small(5, 3)}, [recorder.numbers(4, 5)])
    recorder.save(__file__)          # beside the script, under its name, as .npz

Every case holds parameters and statistics by the brick's paths (`param/...`, `stat/...`), inputs (`in/0`, with
`lengths/0` where they are padded), the output, the statistics after a training step (`after/...`) and the gradients of
sum(output * direction).
"""

import sys
from pathlib import Path

import numpy as np
import torch


class Recorder:
    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)
        self.stored = {"torch_version": np.array(torch.__version__), "numpy_version": np.array(np.__version__)}

    def numbers(self, *shape):
        """Return random numbers that float32 represents exactly, so that both precisions start from the same ones."""
        return self.rng.normal(size=shape).astype(np.float32).astype(np.float64)

    def small(self, *shape):
        """Return numbers of about a quarter, as weights."""
        return (self.numbers(*shape) / 4).astype(np.float32).astype(np.float64)

    def dense(self, inputs, units, name="", bias=True):
        """Return the parameters of a `Dense` at a path."""
        bias = {f"{name}bias": self.small(units)} if bias else {}
        return {f"{name}weight": self.small(inputs, units)} | bias

    def record(self, name, function, params=None, inputs=(), lengths=None, stats=None):
        """Store a case; `function(params, *inputs)` returns the output, and a dict of statistics after it if any."""
        p = {key: torch.tensor(value, requires_grad=True) for key, value in (params or {}).items()}
        x = [torch.tensor(value, requires_grad=value.dtype.kind == "f") for value in inputs]
        result, after = function(p, *x), {}
        if isinstance(result, tuple):
            result, after = result
        direction = self.numbers(*result.shape)
        torch.sum(result * torch.tensor(direction)).backward()
        stored = self.stored
        for key, tensor in p.items():
            stored[f"{name}/param/{key}"] = params[key].astype(np.float32)
            stored[f"{name}/grad/param/{key}"] = tensor.grad.numpy()
        for index, tensor in enumerate(x):
            kept = inputs[index]
            stored[f"{name}/in/{index}"] = kept.astype(np.float32) if kept.dtype.kind == "f" else kept.astype(np.int32)
            if tensor.requires_grad:
                stored[f"{name}/grad/in/{index}"] = tensor.grad.numpy()
        for index, one in (lengths or {}).items():
            stored[f"{name}/lengths/{index}"] = np.asarray(one, np.int32)
        for key, value in (stats or {}).items():
            stored[f"{name}/stat/{key}"] = value.astype(np.float32)
        for key, value in after.items():
            stored[f"{name}/after/{key}"] = value.detach().numpy()
        stored[f"{name}/out"] = result.detach().numpy()
        stored[f"{name}/direction"] = direction.astype(np.float32)

    def save(self, script):
        """Write everything beside the script, under its name."""
        path = Path(script).with_suffix(".npz")
        np.savez_compressed(path, **self.stored)
        sys.stdout.write(f"{path}: {path.stat().st_size / 1e3:.0f} kB, {len(self.stored)} arrays\n")
