"""Write `bricks_attention_torch.npz`: what PyTorch computes for attention, transformer blocks and embeddings.

Run by hand, with a Python that has PyTorch; tests read the stored file only:

    python tests/oracles/bricks_attention_torch.py
"""

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from recorder import Recorder
from torch import nn
from torch.func import functional_call

recorder = Recorder(41)
record, numbers, small, dense = recorder.record, recorder.numbers, recorder.small, recorder.dense

WIDTH, HEADS, HIDDEN = 4, 2, 6
LENGTHS = (4, 1, 3)
REAL = torch.tensor(np.arange(4)[None] < np.array(LENGTHS)[:, None])


def attention_params(name, width=WIDTH):
    return {
        k: v for part in ("query", "key", "value", "output") for k, v in dense(width, width, f"{name}{part}/").items()
    }


def norm_params(name):
    one = {"scale": (1 + small(WIDTH)).astype(np.float32).astype(np.float64), "offset": small(WIDTH)}
    return {f"{name}/{key}": value for key, value in one.items()}


def block_params(*attentions):
    params = dense(WIDTH, HIDDEN, "feed_forward/hidden/") | dense(HIDDEN, WIDTH, "feed_forward/output/")
    for name in attentions:
        params |= attention_params(f"{name}/") | norm_params(f"{name}_norm")
    return params | norm_params("feed_forward_norm")


def torch_attention(p, name, theirs):
    maps = [p[f"{name}{part}/weight"].T for part in ("query", "key", "value")]
    return {
        f"{theirs}in_proj_weight": torch.cat(maps),
        f"{theirs}in_proj_bias": torch.cat([p[f"{name}{part}/bias"] for part in ("query", "key", "value")]),
        f"{theirs}out_proj.weight": p[f"{name}output/weight"].T,
        f"{theirs}out_proj.bias": p[f"{name}output/bias"],
    }


def torch_block(p, attentions):
    """Return a block's parameters under PyTorch's names."""
    found = {}
    for name, theirs in attentions.items():
        found |= torch_attention(p, f"{name}/", f"{theirs}.")
    for number, name in enumerate((*attentions, "feed_forward"), start=1):
        found[f"norm{number}.weight"], found[f"norm{number}.bias"] = p[f"{name}_norm/scale"], p[f"{name}_norm/offset"]
    for number, name in enumerate(("hidden", "output"), start=1):
        found[f"linear{number}.weight"] = p[f"feed_forward/{name}/weight"].T
        found[f"linear{number}.bias"] = p[f"feed_forward/{name}/bias"]
    return found


def layer(kind, **settings):
    return kind(WIDTH, HEADS, HIDDEN, dropout=0.0, batch_first=True, **settings).double().train()


def future(time):
    return torch.ones(time, time, dtype=torch.bool).triu(1)


def encoder(p, x, masks, **settings):
    weights = torch_block(p, {"attention": "self_attn"})
    return functional_call(layer(nn.TransformerEncoderLayer, **settings), weights, (x,), masks)


def decoder(p, x, context, masks, **settings):
    weights = torch_block(p, {"attention": "self_attn", "cross_attention": "multihead_attn"})
    return functional_call(layer(nn.TransformerDecoderLayer, **settings), weights, (x, context), masks)


def mean_of_real(y):
    """What a GlobalPool behind the block makes of it: nothing of the padding."""
    return torch.where(REAL[..., None], y, 0).sum(1) / REAL.sum(1)[:, None]


# ---------------------------------------------------------------------------------------- blocks

PADDED = {"src_key_padding_mask": ~REAL}
record(
    "transformer_encoder_block/before",
    lambda p, x: encoder(p, x, {}, norm_first=True, activation="gelu"),
    block_params("attention"),
    [numbers(2, 3, WIDTH)],
)
record(
    "transformer_encoder_block/causal",
    lambda p, x: encoder(p, x, {"src_mask": future(4)}, norm_first=True, activation="gelu"),
    block_params("attention"),
    [numbers(2, 4, WIDTH)],
)
for name, first in (("before", True), ("after", False)):
    record(
        f"transformer_encoder_block/padded_{name}",
        lambda p, x, first=first: mean_of_real(
            encoder({k.removeprefix("block/"): v for k, v in p.items()}, x, PADDED, norm_first=first)
        ),
        {f"block/{key}": value for key, value in block_params("attention").items()},
        [numbers(3, 4, WIDTH)],
        {0: LENGTHS},
    )
    record(
        f"transformer_decoder_block/{name}",
        lambda p, x, context, first=first: decoder(
            p, x, context, {"tgt_mask": future(3), "memory_key_padding_mask": ~REAL}, norm_first=first
        ),
        block_params("attention", "cross_attention"),
        [numbers(3, 3, WIDTH), numbers(3, 4, WIDTH)],
        {1: LENGTHS},
    )

# ---------------------------------------------------------------------------------------- feed forward


def feed_forward(p, x, bend, gated):
    hidden = F.linear(x, p["hidden/weight"].T, p.get("hidden/bias"))
    gate = F.linear(x, p["gate/weight"].T, p.get("gate/bias")) if gated else None
    hidden = bend(hidden) if gate is None else bend(gate) * hidden
    return F.linear(hidden, p["output/weight"].T, p.get("output/bias"))


record(
    "feed_forward/plain",
    lambda p, x: feed_forward(p, x, F.relu, False),
    dense(3, 5, "hidden/") | dense(5, 3, "output/"),
    [numbers(2, 2, 3)],
)
record(
    "feed_forward/gated",
    lambda p, x: feed_forward(p, x, F.silu, True),
    {k: v for name in ("hidden/", "gate/") for k, v in dense(3, 5, name, bias=False).items()}
    | dense(5, 3, "output/", bias=False),
    [numbers(2, 2, 3)],
)

# ---------------------------------------------------------------------------------------- attention, embedding

MASK = np.random.default_rng(5).random((2, 3, 5)) < 0.6
MASK[:, :, 0] = True


def masked(p, x, context):
    heads = nn.MultiheadAttention(WIDTH, HEADS, batch_first=True).double()
    hidden = torch.tensor(~MASK).repeat_interleave(HEADS, 0)
    return functional_call(heads, torch_attention(p, "", ""), (x, context, context), {"attn_mask": hidden})[0]


record("attention/masked", masked, attention_params(""), [numbers(2, 3, WIDTH), numbers(2, 5, WIDTH)])
recorder.stored["masks/attention"] = MASK

table = numbers(7, 3)
table[2] = 0
record(
    "embedding/filled",
    lambda p, i: F.embedding(i.long(), p["table"], padding_idx=2) * 3**0.5,
    {"table": table},
    [np.array([[2, 1, 4, 2], [6, 0, 1, 2]])],
)
record(
    "learned_positions/sequence",
    lambda p, x: x + F.embedding(torch.arange(3), p["table"]),
    {"table": numbers(5, 4)},
    [numbers(2, 3, 4)],
)

if __name__ == "__main__":
    recorder.save(__file__)
