"""Write `activations_torch.npz`: what PyTorch computes for the activation functions, with derivatives, also at kinks.

Run by hand, with a Python that has PyTorch; tests read the stored file only:

    python tests/oracles/activations_torch.py
"""

from functools import partial

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from recorder import Recorder

recorder = Recorder(2027)
numbers, record = recorder.numbers, recorder.record

ACTIVATIONS = {
    "linear": lambda x: x,
    "sigmoid": torch.sigmoid,
    "log_sigmoid": F.logsigmoid,
    "tanh": torch.tanh,
    "hard_tanh": F.hardtanh,
    "hard_sigmoid": F.hardsigmoid,
    "softsign": F.softsign,
    "relu": torch.relu,
    "relu6": F.relu6,
    "relu_squared": lambda x: torch.relu(x) ** 2,
    "leaky_relu": F.leaky_relu,
    "leaky_relu/slope": partial(F.leaky_relu, negative_slope=0.25),
    "elu": F.elu,
    "elu/alpha": partial(F.elu, alpha=0.5),
    "selu": F.selu,
    "celu": F.celu,
    "celu/alpha": partial(F.celu, alpha=0.5),
    "gelu": F.gelu,
    "gelu_tanh": partial(F.gelu, approximate="tanh"),
    "silu": F.silu,
    "hard_silu": F.hardswish,
    "mish": F.mish,
    "softplus": partial(F.softplus, threshold=100),
    "softmax": partial(F.softmax, dim=-1),
    "log_softmax": partial(F.log_softmax, dim=-1),
    "glu": F.glu,
}

points = (numbers(5, 4) * 4).astype(np.float32).astype(np.float64)
kinks = np.array([[-6.0, -3.0, -1.0, 0.0], [1.0, 3.0, 6.0, 0.5]])
for name, function in ACTIVATIONS.items():
    record(f"activation/{name}", lambda p, x, f=function: f(x), inputs=[np.concatenate([points, kinks])])

if __name__ == "__main__":
    recorder.save(__file__)
