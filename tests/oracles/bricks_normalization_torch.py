"""Write `bricks_normalization_torch.npz`: what PyTorch computes for normalisations and nonlinearities with weights.

Run by hand, with a Python that has PyTorch; tests read the stored file only:

    python tests/oracles/bricks_normalization_torch.py
"""

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from recorder import Recorder
from torch import nn
from torch.func import functional_call

recorder = Recorder(2028)
record, numbers, small, dense = recorder.record, recorder.numbers, recorder.small, recorder.dense
LENGTHS = (4, 1, 3)


def exact(array):
    """Round to what float32 represents exactly."""
    return np.asarray(array).astype(np.float32).astype(np.float64)


def affine(channels):
    return {"scale": exact(1 + small(channels)), "offset": small(channels)}


def channels_second(x):
    return x.movedim(-1, 1)


def channels_last(x):
    return x.movedim(1, -1)


def linear(p, x, name=""):
    return F.linear(x, p[f"{name}weight"].T, p.get(f"{name}bias"))


# ------------------------------------------------------------------------------------------ within each row

record(
    "rms_norm/sequence",
    lambda p, x: F.rms_norm(x, (5,), p["scale"], 1e-6),
    {"scale": exact(1 + small(5))},
    [numbers(2, 3, 5)],
)


def group_norm(p, x, groups):
    return channels_last(F.group_norm(channels_second(x), groups, p["scale"], p["offset"], 1e-5))


def instance_norm(p, x):
    y = F.instance_norm(channels_second(x), weight=p["scale"], bias=p["offset"], use_input_stats=True, eps=1e-5)
    return channels_last(y)


def group_norm_of_steps(p, x, groups):
    """Take each row's moments from its real steps, and normalise the padding with them too."""
    rows = []
    for row, length in zip(x, LENGTHS, strict=True):
        groups_last = row.unflatten(-1, (groups, -1))  # (time, groups, size)
        real = groups_last[:length]
        mean, variance = real.mean((0, 2), keepdim=True), real.var((0, 2), keepdim=True, unbiased=False)
        y = ((groups_last - mean) / torch.sqrt(variance + 1e-5)).flatten(1) * p["scale"] + p["offset"]
        if length > 1:
            assert torch.allclose(y[:length], group_norm(p, row[None, :length], groups)[0], rtol=1e-12, atol=1e-12)
        rows.append(y)
    return torch.stack(rows)


record("group_norm/pictures", lambda p, x: group_norm(p, x, 2), affine(6), [numbers(2, 3, 2, 6)])
record("group_norm/padded", lambda p, x: group_norm_of_steps(p, x, 2), affine(4), [numbers(3, 4, 4)], {0: LENGTHS})
record("instance_norm/pictures", instance_norm, affine(3), [numbers(2, 3, 2, 3)])
record("instance_norm/padded", lambda p, x: group_norm_of_steps(p, x, 4), affine(4), [numbers(3, 4, 4)], {0: LENGTHS})

# ------------------------------------------------------------------------------------------ over the batch


def batch_renorm(stats, max_ratio, max_shift):
    """Ioffe 2017, algorithm 1, with the variance's running mean; r and d are detached."""

    def function(p, x):
        mean, variance = (torch.tensor(stats[name]) for name in ("mean", "variance"))
        axes = tuple(range(x.ndim - 1))
        batch_mean, batch_variance = x.mean(axes), x.var(axes, unbiased=False)
        deviation, known = torch.sqrt(batch_variance + 1e-5), torch.sqrt(variance + 1e-5)
        r = torch.clamp(deviation / known, 1 / max_ratio, max_ratio).detach()
        d = torch.clamp((batch_mean - mean) / known, -max_shift, max_shift).detach()
        y = ((x - batch_mean) / deviation * r + d) * p["scale"] + p["offset"]
        after = {"mean": mean.clone(), "variance": variance.clone()}
        F.batch_norm(x.flatten(0, -2), after["mean"], after["variance"], training=True, momentum=0.1)
        return y, after

    return function


for name, limits in {"open": (50.0, 50.0), "cut": (1.2, 0.3)}.items():
    known = {"mean": exact(1 + numbers(3)), "variance": exact(np.array([0.2, 1.0, 5.0]))}
    record(f"batch_renorm/{name}", batch_renorm(known, *limits), affine(3), [numbers(4, 2, 3)], stats=known)

# ------------------------------------------------------------------------------------------ reparameterised


def normed(p, name="weight"):
    """Salimans & Kingma's weight by PyTorch's kernel, in the layout (..., outputs)."""
    v = p[name].movedim(-1, 0)
    g = p[f"{name}_length"].reshape(-1, *(1,) * (v.ndim - 1))
    return torch._weight_norm(v, g, 0).movedim(0, -1)


def lengths(weights, name="weight"):
    return {f"{name}_length": exact(1 + small(weights.shape[-1]))}


kernel = small(3, 3, 2, 4)
record(
    "weight_norm/conv",
    lambda p, x: channels_last(F.conv2d(channels_second(x), normed(p).permute(3, 2, 0, 1), p["bias"], padding="same")),
    {"weight": kernel, "bias": small(4)} | lengths(kernel),
    [numbers(2, 4, 3, 2)],
)


def lstm(p, x):
    module = nn.LSTM(3, 2, batch_first=True).double()
    weights = {
        "weight_ih_l0": normed(p, "input_weight").T,
        "weight_hh_l0": normed(p, "memory_weight").T,
        "bias_ih_l0": p["bias"],
        "bias_hh_l0": torch.zeros(8, dtype=torch.float64),
    }
    return functional_call(module, weights, (x,))[1][0][0]


inputs, memory = small(3, 8), small(2, 8)
record(
    "weight_norm/lstm",
    lstm,
    {"input_weight": inputs, "memory_weight": memory, "bias": small(8)}
    | lengths(inputs, "input_weight")
    | lengths(memory, "memory_weight"),
    [numbers(2, 3, 3)],
)


def spectral_norm(module, u, iterations, weight_of, run):
    """Run a module under PyTorch's spectral normalisation, which starts its power iteration from u."""

    def function(p, x):
        wrapped = nn.utils.spectral_norm(module().double(), n_power_iterations=iterations)
        after = torch.tensor(u)
        given = {"weight_orig": weight_of(p["weight"]), "weight_u": after, "weight_v": wrapped.weight_v}
        y = run(lambda x: functional_call(wrapped.train(), {**given, "bias": p["bias"]}, (x,)), x)
        return y, {"weight_u": after}

    return function


def unit(x):
    return exact(x / np.linalg.norm(x))


weight, start = small(5, 3), unit(numbers(3))
record(
    "spectral_norm/turns",
    spectral_norm(lambda: nn.Linear(5, 3), start, 2, lambda w: w.T, lambda f, x: f(x)),
    {"weight": weight, "bias": small(3)},
    [numbers(4, 5)],
    stats={"weight_u": start},
)
# where u has arrived the gradient is the true one, since u and v do not move to first order
settled = exact(0.05 * small(3, 3, 2, 4) + np.outer(numbers(18), numbers(4)).reshape(3, 3, 2, 4) / 4)
arrived = unit(np.linalg.svd(settled.reshape(18, 4))[2][0])
record(
    "spectral_norm/conv",
    spectral_norm(
        lambda: nn.Conv2d(2, 4, 3, padding="same"),
        arrived,
        2,
        lambda w: w.permute(3, 2, 0, 1),
        lambda f, x: channels_last(f(channels_second(x))),
    ),
    {"weight": settled, "bias": small(4)},
    [numbers(2, 4, 3, 2)],
    stats={"weight_u": arrived},
)

# ------------------------------------------------------------------------------------------ nonlinearities

record(
    "prelu/channels",
    lambda p, x: channels_last(F.prelu(channels_second(x), p["slope"])),
    {"slope": small(3)},
    [numbers(2, 2, 3)],
)
record("prelu/shared", lambda p, x: F.prelu(x, p["slope"]), {"slope": small(1)}, [numbers(2, 3)])
record("glu/plain", lambda p, x: F.glu(x), inputs=[numbers(2, 3, 4)])
record(
    "maxout/pieces",
    lambda p, x: torch.amax(linear(p, x).unflatten(-1, (3, 2)), -2),
    dense(4, 6),
    [numbers(3, 4)],
)


def squeeze_excitation(p, x, lengths=None):
    places = tuple(range(1, x.ndim - 1))
    whole = x.flatten(1, -2)
    lengths = lengths or [whole.shape[1]] * len(whole)
    s = torch.stack([row[:n].mean(0) for row, n in zip(whole, lengths, strict=True)])
    e = torch.sigmoid(linear(p, torch.relu(linear(p, s, "reduce/")), "expand/"))
    return x * e.reshape(e.shape[0], *(1,) * len(places), -1)


both = dense(4, 2, "reduce/") | dense(2, 4, "expand/")
record("squeeze_excitation/pictures", squeeze_excitation, both, [numbers(2, 3, 2, 4)])
record(
    "squeeze_excitation/padded",
    lambda p, x: squeeze_excitation(p, x, LENGTHS),
    both,
    [numbers(3, 4, 4)],
    {0: LENGTHS},
)

if __name__ == "__main__":
    recorder.save(__file__)
