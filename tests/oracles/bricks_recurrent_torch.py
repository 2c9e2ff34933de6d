"""Write `bricks_recurrent_torch.npz`: what PyTorch computes for recurrent layers, with gradients.

Run by hand, with a Python that has PyTorch; tests read the stored file only:

    python tests/oracles/bricks_recurrent_torch.py
"""

import torch
from recorder import Recorder
from torch import nn
from torch.func import functional_call
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

recorder = Recorder(2027)
record, numbers, small = recorder.record, recorder.numbers, recorder.small

BLOCKS = {nn.RNN: 1, nn.GRU: 3, nn.LSTM: 4}
LENGTHS = (4, 1, 3)


def params(kind, features, units, name=""):
    """Return the parameters of a recurrent layer at a path."""
    width = BLOCKS[kind] * units
    found = {"input_weight": small(features, width), "memory_weight": small(units, width), "bias": small(width)}
    if kind is nn.GRU:
        found["memory_bias"] = small(units)
    return {f"{name}{key}": value for key, value in found.items()}


def run(kind, p, x, names=("",), lengths=None, layers=1, **settings):
    """Run a module; `names` are the paths of its layers, and in each of its directions."""
    features, units = p[f"{names[0]}input_weight"].shape[0], p[f"{names[0]}memory_weight"].shape[0]
    directions = len(names) // layers
    module = kind(
        features, units, num_layers=layers, batch_first=True, bidirectional=directions == 2, **settings
    ).double()
    weights = {}
    for index, name in enumerate(names):
        suffix = f"l{index // directions}{'_reverse' if index % directions else ''}"
        recalled = torch.zeros_like(p[f"{name}bias"])
        if kind is nn.GRU:
            recalled = torch.cat([recalled[: 2 * units], p[f"{name}memory_bias"]])
        weights |= {
            f"weight_ih_{suffix}": p[f"{name}input_weight"].T,
            f"weight_hh_{suffix}": p[f"{name}memory_weight"].T,
            f"bias_ih_{suffix}": p[f"{name}bias"],
            f"bias_hh_{suffix}": recalled,
        }
    packed = x if lengths is None else pack_padded_sequence(x, torch.tensor(lengths), True, enforce_sorted=False)
    y, h = functional_call(module, weights, (packed,))
    h = h[0] if kind is nn.LSTM else h
    if lengths is not None:
        y = pad_packed_sequence(y, batch_first=True, total_length=x.shape[1])[0]
    return y, torch.cat(tuple(h[-directions:]), dim=-1)  # the last states of both directions side by side


PADDED = {0: LENGTHS}

record("simple_rnn/last", lambda p, x: run(nn.RNN, p, x)[1], params(nn.RNN, 3, 4), [numbers(2, 5, 3)])
record(
    "simple_rnn/relu",
    lambda p, x: run(nn.RNN, p, x, lengths=LENGTHS, nonlinearity="relu")[0],
    params(nn.RNN, 2, 3),
    [numbers(3, 4, 2)],
    PADDED,
)
record("gru/sequence", lambda p, x: run(nn.GRU, p, x)[0], params(nn.GRU, 3, 4), [numbers(2, 5, 3)])
record(
    "gru/padded_last",
    lambda p, x: run(nn.GRU, p, x, lengths=LENGTHS)[1],
    params(nn.GRU, 2, 3),
    [numbers(3, 4, 2)],
    PADDED,
)
record(
    "gru/padded_sequence",
    lambda p, x: run(nn.GRU, p, x, lengths=LENGTHS)[0],
    params(nn.GRU, 2, 3),
    [numbers(3, 4, 2)],
    PADDED,
)
BOTH = ("forward/", "backward/")
for name, kind, lengths, which in (
    ("lstm", nn.LSTM, None, 0),
    ("lstm_last", nn.LSTM, None, 1),
    ("lstm_padded", nn.LSTM, LENGTHS, 0),
    ("gru_padded_last", nn.GRU, LENGTHS, 1),
):
    record(
        f"bidirectional/{name}",
        lambda p, x, kind=kind, lengths=lengths, which=which: run(kind, p, x, BOTH, lengths)[which],
        params(kind, 2, 3, BOTH[0]) | params(kind, 2, 3, BOTH[1]),
        [numbers(3, 4, 2)],
        None if lengths is None else PADDED,
    )
for merge, joined in (
    ("add", lambda a, b: a + b),
    ("average", lambda a, b: (a + b) / 2),
    ("multiply", lambda a, b: a * b),
):
    record(
        f"bidirectional/{merge}",
        lambda p, x, joined=joined: joined(*run(nn.RNN, p, x, BOTH, LENGTHS)[0].chunk(2, dim=-1)),
        params(nn.RNN, 2, 3, BOTH[0]) | params(nn.RNN, 2, 3, BOTH[1]),
        [numbers(3, 4, 2)],
        PADDED,
    )
DEEP = ("0_lstm/", "1_lstm/")
record(
    "sequential/two_lstms",
    lambda p, x: run(nn.LSTM, p, x, DEEP, LENGTHS, layers=2)[1],
    params(nn.LSTM, 2, 3, DEEP[0]) | params(nn.LSTM, 3, 3, DEEP[1]),
    [numbers(3, 4, 2)],
    PADDED,
)
FOUR = tuple(f"{layer}_bidirectional/{way}" for layer in (0, 1) for way in BOTH)
record(
    "sequential/two_bidirectional_grus",
    lambda p, x: run(nn.GRU, p, x, FOUR, LENGTHS, layers=2)[0],
    {
        key: value
        for index, name in enumerate(FOUR)
        for key, value in params(nn.GRU, 2 if index < 2 else 6, 3, name).items()
    },
    [numbers(3, 4, 2)],
    PADDED,
)

if __name__ == "__main__":
    recorder.save(__file__)
