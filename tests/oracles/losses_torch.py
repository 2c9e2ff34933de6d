"""Write `losses_torch.npz`: what PyTorch computes for the losses in `brickwork.losses`, row by row, with gradients.

Run by hand, with a Python that has PyTorch; tests read the stored file only:

    python tests/oracles/losses_torch.py

Input 0 of a case holds the outputs of a network, input 1 the targets, `lengths` those of sequences. Where
PyTorch's own definition differs from ours by a factor or a convention, the case says so.
"""

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from recorder import Recorder

recorder = Recorder(2027)
rng, record, numbers = recorder.rng, recorder.record, recorder.numbers

ROWS, CLASSES = 5, 4
LABELS = rng.integers(0, CLASSES, ROWS)
FLAGS = rng.integers(0, 2, (ROWS, 3)).astype(np.float64)
WEIGHTS = torch.tensor([0.5, 2.0, 1.0, 3.0], dtype=torch.float64)


def shares(*shape):
    """Return rows that sum to 1, in numbers that float32 represents exactly."""
    cuts = np.sort(rng.integers(1, 64, (*shape[:-1], shape[-1] - 1)), axis=-1)
    return np.diff(cuts, prepend=0, append=64, axis=-1) / 64


# ---------------------------------------------------------------------------------------- classes


def cross_entropy(**settings):
    def function(p, z, y):
        return F.cross_entropy(z, y if y.is_floating_point() else y.long(), reduction="none", **settings)

    return function


record("cross_entropy/plain", cross_entropy(), inputs=[numbers(ROWS, CLASSES), LABELS])
record("cross_entropy/smoothed", cross_entropy(label_smoothing=0.2), inputs=[numbers(ROWS, CLASSES), LABELS])
record("cross_entropy/weights", cross_entropy(weight=WEIGHTS), inputs=[numbers(ROWS, CLASSES), LABELS])
record(
    "cross_entropy/smoothed_weights",
    cross_entropy(weight=WEIGHTS, label_smoothing=0.2),
    inputs=[numbers(ROWS, CLASSES), LABELS],
)
record(
    "cross_entropy/shares_weights",
    cross_entropy(weight=WEIGHTS, label_smoothing=0.2),
    inputs=[numbers(ROWS, CLASSES), shares(ROWS, CLASSES)],
)
record(
    "kl_divergence/shares",
    lambda p, z, t: F.kl_div(F.log_softmax(z, -1), t, reduction="none").sum(-1),
    inputs=[numbers(ROWS, CLASSES), shares(ROWS, CLASSES)],
)
record(
    "multiclass_hinge/weston_watkins",  # PyTorch divides the sum by the number of classes
    lambda p, z, y: F.multi_margin_loss(z, y.long(), reduction="none") * CLASSES,
    inputs=[numbers(ROWS, CLASSES), LABELS],
)

# ---------------------------------------------------------------------------------------- flags

record(
    "binary_cross_entropy/plain",
    lambda p, z, t: F.binary_cross_entropy_with_logits(z, t, reduction="none").mean(-1),
    inputs=[numbers(ROWS, 3), FLAGS],
)
record(
    "binary_cross_entropy/positive_weight",
    lambda p, z, t: F.binary_cross_entropy_with_logits(
        z, t, pos_weight=torch.tensor([0.5, 2.0, 3.0], dtype=z.dtype), reduction="none"
    ).mean(-1),
    inputs=[numbers(ROWS, 3), FLAGS],
)
record(
    "hinge/plain",  # for y = -1 PyTorch's is max(0, 1 - x), for y = 1 it is x, so that x = y z gives ours
    lambda p, z, t: F.hinge_embedding_loss((2 * t - 1) * z, -torch.ones_like(z), reduction="none").mean(-1),
    inputs=[numbers(ROWS, 3), FLAGS],
)

# ---------------------------------------------------------------------------------------- numbers

pair = [numbers(ROWS, 3), numbers(ROWS, 3)]
record("mean_squared_error/plain", lambda p, o, t: F.mse_loss(o, t, reduction="none").mean(-1), inputs=pair)
record("mean_absolute_error/plain", lambda p, o, t: F.l1_loss(o, t, reduction="none").mean(-1), inputs=pair)
record("huber/delta", lambda p, o, t: F.huber_loss(o, t, delta=0.75, reduction="none").mean(-1), inputs=pair)
record(
    "poisson/plain",
    lambda p, o, t: F.poisson_nll_loss(o, t, log_input=True, full=False, reduction="none").mean(-1),
    inputs=[numbers(ROWS, 3), rng.poisson(2.0, (ROWS, 3)).astype(np.float64)],
)
record(
    "gaussian_nll/plain",
    lambda p, o, t: F.gaussian_nll_loss(o[:, :2], t, torch.exp(o[:, 2:]), full=True, reduction="none").mean(-1),
    inputs=[numbers(ROWS, 4), numbers(ROWS, 2)],
)
record("cosine_distance/plain", lambda p, o, t: 1 - F.cosine_similarity(o, t), inputs=pair)

# ---------------------------------------------------------------------------------------- embeddings

record(
    "contrastive/hinge",  # PyTorch's term for what is different, of the distance, squared and halved
    lambda p, o, t: (
        F.hinge_embedding_loss(
            F.pairwise_distance(o[:, 0], o[:, 1], eps=0.0),
            -torch.ones(ROWS, dtype=o.dtype),
            margin=1.5,
            reduction="none",
        ).square()
        / 2
    ),
    inputs=[numbers(ROWS, 2, 2) / 2, np.zeros(ROWS, int)],
)


def triplet(p, o):
    def square(a, b):
        return (a - b).square().sum(-1)

    o = F.normalize(o, dim=-1)
    return F.triplet_margin_with_distance_loss(
        o[:, 0], o[:, 1], o[:, 2], distance_function=square, margin=0.6, reduction="none"
    )


record("triplet/unit", triplet, inputs=[numbers(ROWS, 3, 4)])


def clip(p, o):
    a, b = F.normalize(o[:, 0], dim=-1), F.normalize(o[:, 1], dim=-1)
    own, similarity = torch.arange(len(o)), a @ b.T / 0.5
    return (
        F.cross_entropy(similarity, own, reduction="none") + F.cross_entropy(similarity.T, own, reduction="none")
    ) / 2


record("info_nce/symmetric", clip, inputs=[numbers(ROWS, 2, 4)])


def simclr(p, o):
    x = F.normalize(torch.cat([o[:, 0], o[:, 1]]), dim=-1)
    similarity = (x @ x.T / 0.5).masked_fill(torch.eye(2 * len(o), dtype=torch.bool), -torch.inf)
    other = torch.arange(2 * len(o)).roll(len(o))
    return F.cross_entropy(similarity, other, reduction="none").reshape(2, -1).mean(0)


record("nt_xent/plain", simclr, inputs=[numbers(ROWS, 2, 4)])

# ---------------------------------------------------------------------------------------- sequences

steps, labels = np.array([6, 5, 4, 6, 2]), np.array([3, 2, 1, 3, 0])
texts = np.array([[1, 2, 2], [3, 1, 0], [2, 0, 0], [1, 1, 3], [0, 0, 0]])


def ctc(p, z, y):
    return F.ctc_loss(
        F.log_softmax(z, -1).transpose(0, 1),
        y.long(),
        torch.tensor(steps),
        torch.tensor(labels),
        blank=0,
        reduction="none",
    )


record("ctc/padded", ctc, inputs=[numbers(ROWS, 6, CLASSES), texts], lengths={0: steps, 1: labels})

recorder.save(__file__)
