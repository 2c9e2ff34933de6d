"""Write `bricks_windows_torch.npz`: what PyTorch computes for windows that slide, resampling and borders.

Run by hand, with a Python that has PyTorch; tests read the stored file only:

    python tests/oracles/bricks_windows_torch.py

Padded sequences are computed one by one, each cut to its length, and put together again with zeros after it.
"""

import torch
import torch.nn.functional as F  # noqa: N812
from recorder import Recorder

recorder = Recorder(31)
record, numbers, small = recorder.record, recorder.numbers, recorder.small

CONV = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}
CONV_TRANSPOSE = {1: F.conv_transpose1d, 2: F.conv_transpose2d, 3: F.conv_transpose3d}
LENGTHS = (5, 2, 0, 4)


def first(x):
    """Return channels after the rows, as PyTorch has them."""
    return x.movedim(-1, 1)


def last(x):
    return x.movedim(1, -1)


def on_channels_first(function):
    return lambda p, x: last(function(first(x)))


def conv(p, x, name="", edges=(), **settings):
    """Convolve with the weights of a `Conv`; `edges` are those of F.pad: the last axis first."""
    axes, weight = x.ndim - 2, p[f"{name}weight"]
    kernel = weight.permute(-1, -2, *range(axes))
    return last(CONV[axes](F.pad(first(x), edges), kernel, p.get(f"{name}bias"), **settings))


def conv_transpose(p, x, groups=1, **settings):
    axes, weight = x.ndim - 2, p["weight"]
    *window, per_group, filters = weight.shape
    blocks = weight.reshape(*window, per_group, groups, filters // groups)
    kernel = blocks.movedim(-2, 0).movedim((-2, -1), (1, 2)).flatten(0, 1)  # (channels, filters / groups, window)
    return last(CONV_TRANSPOSE[axes](first(x), kernel, p.get("bias"), groups=groups, **settings))


def one_by_one(function, time, lengths=LENGTHS):
    """Return a function of padded sequences that runs each alone; it gives none of a sequence of length 0."""

    def together(p, x):
        rows = [function(p, row[None, :n])[0] if n else x[0, :0] for row, n in zip(x, lengths, strict=True)]
        width = max(row.shape[-1] for row in rows)
        empty = torch.zeros(time, width, dtype=x.dtype)
        return torch.stack([torch.cat([row, empty[len(row) :]]) if len(row) else empty for row in rows])

    return together


def around(n, kernel, stride):
    """Return what "same" adds at both ends of an axis of n places, the odd one after."""
    missing = max((-(-n // stride) - 1) * stride + kernel - n, 0)
    return (missing // 2, missing - missing // 2)


# ---------------------------------------------------------------------------------------- convolutions

record(
    "conv/padded",
    one_by_one(lambda p, x: torch.tanh(conv(p, x, edges=around(x.shape[1], 3, 2), stride=2)), 3),
    {"weight": small(3, 2, 4), "bias": small(4)},
    [numbers(4, 5, 2)],
    {0: LENGTHS},
)
record(
    "conv/padded_valid",
    one_by_one(lambda p, x: conv(p, x) if x.shape[1] >= 3 else x[:, :0], 3),
    {"weight": small(3, 2, 2)},
    [numbers(4, 5, 2)],
    {0: LENGTHS},
)
record(
    "conv/causal",
    lambda p, x: conv(p, x, edges=(4, 0), dilation=2),
    {"weight": small(3, 2, 3), "bias": small(3)},
    [numbers(2, 6, 2)],
)
record(
    "conv/volume",
    lambda p, x: conv(p, x, edges=(0, 0, 1, 1, 1, 0), stride=(1, 2, 1), groups=2),
    {"weight": small(2, 3, 1, 1, 4), "bias": small(4)},
    [numbers(1, 3, 5, 4, 2)],
)
record(
    "depthwise_conv/pictures",
    lambda p, x: F.relu(conv(p, x, edges=(1, 1, 1, 1), groups=3)),
    {"weight": small(3, 3, 1, 6), "bias": small(6)},
    [numbers(2, 4, 5, 3)],
)
record(
    "depthwise_conv/padded",
    one_by_one(lambda p, x: conv(p, x, edges=(2, 0), groups=2), 5),
    {"weight": small(3, 1, 2)},
    [numbers(4, 5, 2)],
    {0: LENGTHS},
)
record(
    "separable_conv/pictures",
    lambda p, x: F.relu(conv(p, conv(p, x, "depthwise/", (0, 1, 0, 1), stride=2, groups=2), "pointwise/")),
    {"depthwise/weight": small(3, 3, 1, 4), "pointwise/weight": small(1, 1, 4, 3), "pointwise/bias": small(3)},
    [numbers(2, 4, 6, 2)],
)
record(
    "conv_transpose/edges",
    lambda p, x: torch.tanh(conv_transpose(p, x, 2, stride=(2, 3), padding=1, output_padding=(1, 2), dilation=(1, 2))),
    {"weight": small(3, 2, 2, 6), "bias": small(6)},
    [numbers(2, 3, 4, 4)],
)
record(
    "conv_transpose/same",
    lambda p, x: conv_transpose(p, x, stride=2, padding=1),
    {"weight": small(4, 4, 2, 3)},
    [numbers(2, 3, 4, 2)],
)
record(
    "conv_transpose/padded",
    one_by_one(lambda p, x: conv_transpose(p, x, stride=2), 11),
    {"weight": small(3, 2, 3), "bias": small(3)},
    [numbers(4, 5, 2)],
    {0: LENGTHS},
)
record(
    "conv_transpose/volume",
    lambda p, x: conv_transpose(p, x, stride=(1, 2, 2)),
    {"weight": small(2, 3, 2, 2, 2), "bias": small(2)},
    [numbers(1, 2, 3, 2, 2)],
)

# ---------------------------------------------------------------------------------------- pools

for name, function in {
    "max_pool": lambda x: F.max_pool1d(F.pad(x, around(x.shape[2], 3, 2), value=-torch.inf), 3, 2),
    "average_pool": lambda x: torch.stack(
        [x[..., max(i, 0) : i + 3].mean(-1) for i in range(-around(x.shape[2], 3, 2)[0], x.shape[2] - 1, 2)], -1
    ),
}.items():
    record(
        f"{name}/padded",
        one_by_one(on_channels_first(function), 3),
        inputs=[numbers(4, 5, 2)],
        lengths={0: LENGTHS},
    )
record(
    "max_pool/volume",
    on_channels_first(lambda x: F.max_pool3d(x, (1, 2, 3), (1, 2, 1), (0, 1, 1))),
    inputs=[numbers(1, 2, 4, 5, 2)],
)
record(
    "average_pool/volume",
    on_channels_first(lambda x: F.avg_pool3d(x, (2, 2, 3), 2, (0, 1, 1), count_include_pad=False)),
    inputs=[numbers(1, 2, 4, 5, 2)],
)
record(
    "average_pool/counted",
    one_by_one(on_channels_first(lambda x: F.avg_pool1d(x, 3, 2, 1)), 3),
    inputs=[numbers(4, 5, 2)],
    lengths={0: LENGTHS},
)
record(
    "adaptive_pool/average",
    on_channels_first(lambda x: F.adaptive_avg_pool2d(x, (3, 2))),
    inputs=[numbers(2, 5, 4, 2)],
)
record("adaptive_pool/max", on_channels_first(lambda x: F.adaptive_max_pool2d(x, (2, 5))), inputs=[numbers(2, 5, 4, 2)])
record(
    "adaptive_pool/volume",
    on_channels_first(lambda x: F.adaptive_avg_pool3d(x, (2, 1, 3))),
    inputs=[numbers(1, 3, 4, 5, 2)],
)
for how, function in {"average": F.adaptive_avg_pool1d, "max": F.adaptive_max_pool1d}.items():
    record(
        f"adaptive_pool/padded_{how}",
        one_by_one(on_channels_first(lambda x, function=function: function(x, 3)), 3),
        inputs=[numbers(4, 5, 2)],
        lengths={0: LENGTHS},
    )

# ---------------------------------------------------------------------------------------- other sizes

RESIZED = {
    "resize/linear": (numbers(2, 4, 5, 2), {"size": (7, 3), "mode": "bilinear"}),
    "resize/cubic": (numbers(2, 4, 5, 2), {"size": (7, 3), "mode": "bicubic"}),
    "resize/nearest": (numbers(2, 4, 5, 2), {"size": (7, 3), "mode": "nearest-exact"}),
    "resize/linear_antialias": (numbers(1, 7, 5, 2), {"size": (3, 8), "mode": "bilinear", "antialias": True}),
    "resize/cubic_antialias": (numbers(1, 9, 5, 2), {"size": (4, 8), "mode": "bicubic", "antialias": True}),
    "resize/volume": (numbers(1, 2, 3, 4, 2), {"size": (3, 5, 2), "mode": "trilinear"}),
    "resize/sequence": (numbers(2, 4, 2), {"size": 7, "mode": "linear"}),
    "upsample/nearest": (numbers(2, 3, 2, 2), {"scale_factor": (2, 3), "mode": "nearest"}),
    "upsample/linear": (numbers(2, 3, 2, 2), {"scale_factor": (2, 3), "mode": "bilinear"}),
}
for name, (x, settings) in RESIZED.items():
    record(name, on_channels_first(lambda x, settings=settings: F.interpolate(x, **settings)), inputs=[x])
record(
    "upsample/padded",
    one_by_one(on_channels_first(lambda x: F.interpolate(x, scale_factor=2, mode="linear")), 10),
    inputs=[numbers(4, 5, 2)],
    lengths={0: LENGTHS},
)

# ---------------------------------------------------------------------------------------- borders and shapes

for how, mode in {"zeros": "constant", "edge": "replicate", "reflect": "reflect", "wrap": "circular"}.items():
    record(
        f"pad/{how}",
        on_channels_first(lambda x, mode=mode: F.pad(x, (1, 2, 0, 2), mode)),
        inputs=[numbers(2, 3, 4, 2)],
    )
record("crop/edges", lambda p, x: x[:, 1:-2, :-1], inputs=[numbers(2, 5, 3, 2)])
record("crop/middle", lambda p, x: x[:, 1:3, 1:4], inputs=[numbers(2, 5, 5, 2)])  # as Keras's CenterCrop: rounded down
record("reshape/rest", lambda p, x: x.reshape(2, 3, 4, 2), inputs=[numbers(2, 2, 12)])
record("permute/pictures", lambda p, x: x.permute(0, 3, 1, 2), inputs=[numbers(2, 3, 4, 2)])

if __name__ == "__main__":
    recorder.save(__file__)
