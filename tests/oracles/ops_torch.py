"""Write `ops_torch.npz`: what PyTorch computes for the operations in `brickwork.ops`, with gradients.

Run by hand, with a Python that has PyTorch; tests read the stored file only:

    python tests/oracles/ops_torch.py

Every case holds its inputs, its output and the gradients of sum(output * direction), in float64 and in Brickwork's
layouts (NHWC pictures, HWIO kernels).
"""

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812

rng = np.random.default_rng(2026)
stored = {"torch_version": np.array(torch.__version__), "numpy_version": np.array(np.__version__)}


def numbers(*shape):
    """Return random numbers that float32 represents exactly, so that both precisions start from the same ones."""
    return rng.normal(size=shape).astype(np.float32).astype(np.float64)


def record(name, function, **inputs):
    """Store inputs, result, direction and gradients of a case."""
    tensors = {key: torch.tensor(value, requires_grad=True) for key, value in inputs.items()}
    result = function(**tensors)
    direction = numbers(*result.shape)
    torch.sum(result * torch.tensor(direction)).backward()
    for key, tensor in tensors.items():
        stored[f"{name}/in/{key}"] = inputs[key].astype(np.float32)
        stored[f"{name}/grad/{key}"] = tensor.grad.numpy()
    stored[f"{name}/out"] = result.detach().numpy()
    stored[f"{name}/direction"] = direction.astype(np.float32)


def nchw(x):
    return x.permute(0, 3, 1, 2)


def nhwc(x):
    return x.permute(0, 2, 3, 1)


CONVOLUTIONS = {
    # name: (x, kernel, stride, padding (rows, columns), dilation, groups)
    "plain": ((2, 6, 7, 3), (3, 3, 3, 4), (1, 1), (1, 1), (1, 1), 1),
    "valid": ((2, 5, 6, 2), (3, 2, 2, 3), (1, 1), (0, 0), (1, 1), 1),
    "strided": ((2, 7, 8, 2), (3, 3, 2, 3), (2, 3), (1, 1), (1, 1), 1),
    "dilated": ((1, 9, 8, 2), (3, 2, 2, 3), (1, 2), (2, 1), (2, 3), 1),
    "grouped": ((2, 5, 5, 4), (3, 3, 2, 6), (2, 1), (1, 0), (1, 1), 2),
    "depthwise": ((2, 6, 5, 3), (3, 3, 1, 6), (1, 2), (1, 1), (1, 1), 3),
    "pointwise": ((2, 4, 4, 5), (1, 1, 5, 3), (1, 1), (0, 0), (1, 1), 1),
}
for case, (x_shape, k_shape, stride, padding, dilation, groups) in CONVOLUTIONS.items():
    record(
        f"conv2d/{case}",
        lambda x, kernel, s=stride, p=padding, d=dilation, g=groups: nhwc(
            F.conv2d(nchw(x), kernel.permute(3, 2, 0, 1), stride=s, padding=p, dilation=d, groups=g)
        ),
        x=numbers(*x_shape),
        kernel=numbers(*k_shape),
    )

for case, (window, stride, padding) in {"even": (2, 2, 0), "overlapping": (3, 2, 1), "wide": (3, 1, 0)}.items():
    x = numbers(2, 7, 6, 3)
    record(f"max_pool2d/{case}", lambda x, w=window, s=stride, p=padding: nhwc(F.max_pool2d(nchw(x), w, s, p)), x=x)
    for count in (True, False):
        record(
            f"average_pool2d/{case}/{count}",
            lambda x, w=window, s=stride, p=padding, c=count: nhwc(F.avg_pool2d(nchw(x), w, s, p, count_include_pad=c)),
            x=x,
        )
record("max_pool2d/ties", lambda x: nhwc(F.max_pool2d(nchw(x), 3, 2, 1)), x=np.round(numbers(2, 7, 6, 2)))

record(
    "layer_norm",
    lambda x, scale, offset: F.layer_norm(x, (5,), scale, offset, 1e-5),
    x=numbers(3, 4, 5),
    scale=numbers(5),
    offset=numbers(5),
)
record(
    "batch_norm",
    lambda x, scale, offset: nhwc(F.batch_norm(nchw(x), None, None, scale, offset, training=True, eps=1e-3)),
    x=numbers(3, 4, 4, 2),
    scale=numbers(2),
    offset=numbers(2),
)
record("rms_norm", lambda x, scale: F.rms_norm(x, (5,), scale, 1e-6), x=numbers(3, 4, 5), scale=numbers(5))


def lstm(x, h0, c0, input_kernel, recurrent_kernel, bias, backwards=False):
    """Run torch.nn.LSTM's own kernel in one direction; returns outputs and last states side by side."""
    x = torch.flip(x, (1,)) if backwards else x
    weights = (input_kernel.T.contiguous(), recurrent_kernel.T.contiguous(), bias, torch.zeros_like(bias))
    outputs, h, c = torch.lstm(x, (h0[None], c0[None]), weights, True, 1, 0.0, False, False, True)
    outputs = torch.flip(outputs, (1,)) if backwards else outputs
    return torch.cat([outputs.flatten(), h.flatten(), c.flatten()])


for backwards in (False, True):
    record(
        f"lstm/{'backwards' if backwards else 'forwards'}",
        lambda backwards=backwards, **inputs: lstm(**inputs, backwards=backwards),
        x=numbers(3, 5, 2),
        h0=numbers(3, 4),
        c0=numbers(3, 4),
        input_kernel=numbers(2, 16),
        recurrent_kernel=numbers(4, 16),
        bias=numbers(16),
    )


def attention(q, k, v, bias=None, **settings):
    q, k, v = (a.permute(0, 2, 1, 3) for a in (q, k, v))
    return F.scaled_dot_product_attention(q, k, v, attn_mask=bias, **settings).permute(0, 2, 1, 3)


record("attention/plain", attention, q=numbers(2, 4, 2, 3), k=numbers(2, 5, 2, 3), v=numbers(2, 5, 2, 6))
record(
    "attention/causal",
    lambda q, k, v: attention(q, k, v, is_causal=True, scale=0.7),
    q=numbers(2, 4, 2, 3),
    k=numbers(2, 4, 2, 3),
    v=numbers(2, 4, 2, 3),
)
record(
    "attention/grouped",
    lambda q, k, v, bias: attention(q, k, v, bias, enable_gqa=True),
    q=numbers(2, 4, 6, 3),
    k=numbers(2, 5, 2, 3),
    v=numbers(2, 5, 2, 3),
    bias=numbers(2, 6, 4, 5),
)

classes = rng.integers(0, 5, size=(4,))
stored["cross_entropy/classes"] = classes
record(
    "cross_entropy/labels", lambda z: F.cross_entropy(z, torch.tensor(classes), reduction="none"), z=numbers(4, 5) * 8
)
rows = numbers(4, 5)
record(
    "cross_entropy/rows",
    lambda z, p: F.cross_entropy(z, p, reduction="none"),
    z=numbers(4, 5) * 8,
    p=np.exp(rows).astype(np.float32).astype(np.float64),
)
record(
    "cross_entropy/sigmoid",
    lambda z, t: F.binary_cross_entropy_with_logits(z, t, reduction="none"),
    z=numbers(4, 5) * 8,
    t=(rng.uniform(size=(4, 5)).astype(np.float32)).astype(np.float64),
)

path = Path(__file__).with_suffix(".npz")
np.savez_compressed(path, **stored)
print(f"{path}: {len(stored)} arrays, {path.stat().st_size / 1000:.0f} kB, torch {torch.__version__}")
