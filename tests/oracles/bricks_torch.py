"""Write `bricks_torch.npz`: what PyTorch computes for the bricks in `brickwork.bricks`, with gradients.

Run by hand, with a Python that has PyTorch; tests read the stored file only:

    python tests/oracles/bricks_torch.py
"""

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from recorder import Recorder
from torch import nn
from torch.func import functional_call
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

recorder = Recorder(2026)
rng, record = recorder.rng, recorder.record
numbers, small, dense = recorder.numbers, recorder.small, recorder.dense


def nchw(x):
    return x.permute(0, 3, 1, 2)


def nhwc(x):
    return x.permute(0, 2, 3, 1)


def linear(p, x, name=""):
    return F.linear(x, p[f"{name}weight"].T, p.get(f"{name}bias"))


# ---------------------------------------------------------------------------------------- dense, embedding

record("dense/relu", lambda p, x: F.relu(linear(p, x)), dense(5, 3), [numbers(4, 5)])
record("dense/sequence", lambda p, x: F.gelu(linear(p, x)), dense(4, 3, bias=False), [numbers(2, 3, 4)])
record("activation/silu", lambda p, x: F.silu(x), inputs=[numbers(3, 4)])
record(
    "embedding/ids",
    lambda p, i: F.embedding(i.long(), p["table"]),
    {"table": numbers(7, 3)},
    [rng.integers(0, 7, (2, 4))],
)
record("embedding/attend", lambda p, x: x @ p["table"].T, {"table": numbers(7, 3)}, [numbers(2, 4, 3)])

# ---------------------------------------------------------------------------------------- pictures


def conv(p, x, **settings):
    return nhwc(F.conv2d(nchw(x), p["weight"].permute(3, 2, 0, 1), p.get("bias"), **settings))


record(
    "conv/same",
    lambda p, x: F.relu(conv(p, x, padding=1)),
    {"weight": small(3, 3, 2, 4), "bias": small(4)},
    [numbers(2, 5, 4, 2)],
)
record(
    "conv/strided",
    lambda p, x: conv(p, x, stride=(2, 1)),
    {"weight": small(3, 2, 2, 3)},
    [numbers(2, 6, 5, 2)],
)
record(
    "conv/groups",
    lambda p, x: conv(p, x, padding=2, dilation=2, groups=2),
    {"weight": small(3, 3, 2, 4), "bias": small(4)},
    [numbers(2, 5, 6, 4)],
)
record("max_pool/plain", lambda p, x: nhwc(F.max_pool2d(nchw(x), 2)), inputs=[numbers(2, 4, 6, 2)])
record("max_pool/overlap", lambda p, x: nhwc(F.max_pool2d(nchw(x), 3, 2, 1)), inputs=[numbers(2, 5, 5, 2)])
record("average_pool/plain", lambda p, x: nhwc(F.avg_pool2d(nchw(x), (2, 3))), inputs=[numbers(2, 4, 6, 2)])
record("average_pool/zeros", lambda p, x: nhwc(F.avg_pool2d(nchw(x), 3, 2, 1)), inputs=[numbers(2, 5, 5, 2)])
record(
    "average_pool/real",
    lambda p, x: nhwc(F.avg_pool2d(nchw(x), 3, 2, 1, count_include_pad=False)),
    inputs=[numbers(2, 5, 5, 2)],
)
record("global_pool/average", lambda p, x: x.mean((1, 2)), inputs=[numbers(2, 3, 4, 5)])
record("global_pool/max", lambda p, x: x.amax((1, 2)), inputs=[numbers(2, 3, 4, 5)])


def by_row(x, lengths, function):
    return torch.stack([function(row[:n]) for row, n in zip(x, lengths, strict=True)])


lengths = (4, 1, 3)
for how in ("average", "max"):
    record(
        f"global_pool/padded_{how}",
        lambda p, x, how=how: by_row(x, lengths, lambda s: s.mean(0) if how == "average" else s.amax(0)),
        inputs=[numbers(3, 4, 2)],
        lengths={0: lengths},
    )
record("flatten/pictures", lambda p, x: torch.flatten(x, 1), inputs=[numbers(2, 3, 2, 2)])

# ---------------------------------------------------------------------------------------- normalisation


def batch_norm(p, values, stats, training):
    """Normalise (n, channels); the running statistics come back under Brickwork's names."""
    mean, variance = (torch.tensor(stats[key]).clone() for key in ("mean", "variance"))
    y = F.batch_norm(values, mean, variance, p.get("scale"), p.get("offset"), training, momentum=0.1, eps=1e-5)
    return y, {"mean": mean, "variance": variance}


def norm_params(channels):
    return {"scale": (1 + small(channels)).astype(np.float32).astype(np.float64), "offset": small(channels)}


def norm_stats(channels):
    return {"mean": small(channels), "variance": (1 + small(channels) ** 2).astype(np.float32).astype(np.float64)}


def case_of_batch_norm(name, x, training=True, keep=None, lengths=None):
    stats = norm_stats(x.shape[-1])

    def function(p, values):
        chosen = np.ones(values.shape[:-1], bool) if keep is None else keep
        if training:
            counted, after = batch_norm(p, values[torch.tensor(chosen)], stats, True)
            # positions that do not count are normalised with the same moments
            used = values[torch.tensor(chosen)]
            mean, variance = used.mean(0), used.var(0, unbiased=False)
            y = (values - mean) / torch.sqrt(variance + 1e-5) * p["scale"] + p["offset"]
            assert torch.allclose(y[torch.tensor(chosen)], counted, rtol=1e-12, atol=1e-12)
            return y, after
        y, after = batch_norm(p, values.reshape(-1, values.shape[-1]), stats, False)
        return y.reshape(values.shape), after

    record(f"batch_norm/{name}", function, norm_params(x.shape[-1]), [x], lengths, stats)


case_of_batch_norm("rows", numbers(5, 3))
case_of_batch_norm("pictures", numbers(3, 2, 3, 2))
case_of_batch_norm("evaluation", numbers(3, 2, 3, 2), training=False)
weighted = np.zeros((4, 3), bool)
weighted[[0, 1, 3]] = True
case_of_batch_norm("weights", numbers(4, 3, 2), keep=weighted)
padded = np.arange(4)[None] < np.array(lengths)[:, None]
case_of_batch_norm("padded", numbers(3, 4, 2), keep=padded, lengths={0: lengths})
record(
    "layer_norm/sequence",
    lambda p, x: F.layer_norm(x, (5,), p["scale"], p["offset"], 1e-5),
    norm_params(5),
    [numbers(2, 3, 5)],
)

# ---------------------------------------------------------------------------------------- recurrent


def lstm_params(features, units):
    return {
        "input_weight": small(features, 4 * units),
        "memory_weight": small(units, 4 * units),
        "bias": small(4 * units),
    }


def lstm(p, x, lengths=None):
    features, units = p["input_weight"].shape[0], p["memory_weight"].shape[0]
    module = nn.LSTM(features, units, batch_first=True).double()
    weights = {
        "weight_ih_l0": p["input_weight"].T,
        "weight_hh_l0": p["memory_weight"].T,
        "bias_ih_l0": p["bias"],
        "bias_hh_l0": torch.zeros(4 * units, dtype=torch.float64),
    }
    packed = x if lengths is None else pack_padded_sequence(x, torch.tensor(lengths), True, enforce_sorted=False)
    y, (h, _) = functional_call(module, weights, (packed,))
    if lengths is not None:
        y = pad_packed_sequence(y, batch_first=True, total_length=x.shape[1])[0]
    return y, h[0]


record("lstm/last", lambda p, x: lstm(p, x)[1], lstm_params(3, 4), [numbers(2, 5, 3)])
record("lstm/sequence", lambda p, x: lstm(p, x)[0], lstm_params(3, 4), [numbers(2, 5, 3)])
for kind, which in (("padded_last", 1), ("padded_sequence", 0)):
    record(
        f"lstm/{kind}",
        lambda p, x, which=which: lstm(p, x, lengths)[which],
        lstm_params(2, 3),
        [numbers(3, 4, 2)],
        {0: lengths},
    )

# ---------------------------------------------------------------------------------------- attention


def attention_params(width, keys_width=None, bias=True, features=None):
    features, keys_width = features or width, keys_width or features or width
    return {
        key: value
        for name, inputs, units in (
            ("query/", width, features),
            ("key/", width, keys_width),
            ("value/", width, keys_width),
            ("output/", features, features),
        )
        for key, value in dense(inputs, units, name, bias).items()
    }


def multi_head(p, x, context, heads, **settings):
    width = x.shape[-1]
    module = nn.MultiheadAttention(width, heads, batch_first=True).double()
    weights = {
        "in_proj_weight": torch.cat([p[f"{name}/weight"].T for name in ("query", "key", "value")]),
        "in_proj_bias": torch.cat([p[f"{name}/bias"] for name in ("query", "key", "value")]),
        "out_proj.weight": p["output/weight"].T,
        "out_proj.bias": p["output/bias"],
    }
    return functional_call(module, weights, (x, context, context), settings)[0]


record("attention/self", lambda p, x: multi_head(p, x, x, 2), attention_params(4), [numbers(2, 5, 4)])
record(
    "attention/causal",
    lambda p, x: multi_head(p, x, x, 2, attn_mask=torch.ones(5, 5, dtype=torch.bool).triu(1)),
    attention_params(4),
    [numbers(2, 5, 4)],
)
record(
    "attention/cross",
    lambda p, x, c: multi_head(p, x, c, 2),
    attention_params(4),
    [numbers(2, 3, 4), numbers(2, 5, 4)],
)
record(
    "attention/padded",
    lambda p, x: (
        multi_head(p, x, x, 2, key_padding_mask=torch.tensor(~padded)) * torch.tensor(padded, dtype=x.dtype)[..., None]
    ),
    attention_params(4),
    [numbers(3, 4, 4)],
    {0: lengths},
)


def grouped(p, x):
    q, k, v = (
        linear(p, x, f"{name}/").unflatten(-1, (heads, 2)).transpose(1, 2)
        for name, heads in (("query", 4), ("key", 2), ("value", 2))
    )
    y = F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)
    return linear(p, y.transpose(1, 2).flatten(2), "output/")


record(
    "attention/grouped",
    grouped,
    attention_params(6, keys_width=4, bias=False, features=8),
    [numbers(2, 4, 6)],
)

# ---------------------------------------------------------------------------------------- containers

record(
    "sequential/perceptrons",
    lambda p, x: linear(p, torch.tanh(linear(p, torch.flatten(x, 1), "1_dense/")), "2_dense/"),
    dense(4, 5, "1_dense/") | dense(5, 3, "2_dense/"),
    [numbers(3, 2, 2)],
)
record(
    "residual/identity",
    lambda p, x: x + torch.tanh(linear(p, x, "body/")),
    dense(4, 4, "body/"),
    [numbers(3, 4)],
)
record(
    "residual/shortcut",
    lambda p, x: linear(p, x, "shortcut/") + torch.tanh(linear(p, x, "body/")),
    dense(4, 3, "body/") | dense(4, 3, "shortcut/", bias=False),
    [numbers(3, 4)],
)


def stacked(p, x):
    for w, b in zip(p["brick/weight"], p["brick/bias"], strict=True):
        x = torch.tanh(F.linear(x, w.T, b))
    return x


record(
    "stack/tanh",
    stacked,
    {"brick/weight": small(3, 4, 4), "brick/bias": small(3, 4)},
    [numbers(2, 4)],
)

if __name__ == "__main__":
    recorder.save(__file__)
