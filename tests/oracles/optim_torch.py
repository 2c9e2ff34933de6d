"""Write `optim_torch.npz`: the paths that PyTorch's optimizers and schedules take.

Run by hand, with a Python that has PyTorch; tests read the stored file only:

    python tests/oracles/optim_torch.py

The problem is sum(a/2 p^2 + sin p) over a weight (3, 2) and a bias (2,), in float64.
"""

from pathlib import Path

import numpy as np
import torch

STEPS = 40
CURVATURE = {"weight": np.linspace(0.5, 2.0, 6).reshape(3, 2), "bias": np.array([1.0, 3.0])}
START = {"weight": np.linspace(-2.0, 3.0, 6).reshape(3, 2), "bias": np.array([1.5, -1.0])}

stored = {"torch_version": np.array(torch.__version__), "numpy_version": np.array(np.__version__)}


def path(name, make):
    """Store the parameters after every step."""
    params = {key: torch.tensor(value, requires_grad=True) for key, value in START.items()}
    optimizer = make(params)
    history = {key: [] for key in params}
    for _ in range(STEPS):
        optimizer.zero_grad()
        sum((torch.tensor(CURVATURE[k]) / 2 * p**2 + torch.sin(p)).sum() for k, p in params.items()).backward()
        optimizer.step()
        for key, value in params.items():
            history[key].append(value.detach().numpy().copy())
    for key, values in history.items():
        stored[f"{name}/{key}"] = np.stack(values)


def rates(name, make):
    """Store the learning rates of a run, as shares of the highest."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    schedule = make(optimizer)
    seen = []
    for _ in range(STEPS):
        seen.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    stored[f"schedule/{name}"] = np.array(seen)


path("sgd", lambda p: torch.optim.SGD(p.values(), lr=0.05))
path("momentum", lambda p: torch.optim.SGD(p.values(), lr=0.05, momentum=0.8))
path("nesterov", lambda p: torch.optim.SGD(p.values(), lr=0.05, momentum=0.8, nesterov=True))
path("adagrad", lambda p: torch.optim.Adagrad(p.values(), lr=0.3))
path("adadelta", lambda p: torch.optim.Adadelta(p.values(), lr=1.0, rho=0.95, eps=1e-6))
path("rms_prop", lambda p: torch.optim.RMSprop(p.values(), lr=0.002, alpha=0.9))
path("adam", lambda p: torch.optim.Adam(p.values(), lr=0.05))
path(
    "adam_w",
    lambda p: torch.optim.AdamW(
        [{"params": [p["weight"]], "weight_decay": 0.1}, {"params": [p["bias"]], "weight_decay": 0.0}], lr=0.05
    ),
)
path("ams_grad", lambda p: torch.optim.Adam(p.values(), lr=0.05, betas=(0.9, 0.9), amsgrad=True))
path("adamax", lambda p: torch.optim.Adamax(p.values(), lr=0.05, eps=0.0))
path("n_adam", lambda p: torch.optim.NAdam(p.values(), lr=0.05))
path("r_adam", lambda p: torch.optim.RAdam(p.values(), lr=0.05, eps=0.0))
path("adafactor", lambda p: torch.optim.Adafactor(p.values(), lr=0.1, weight_decay=0.0))  # below 1 / sqrt(steps)
rates("cosine", lambda o: torch.optim.lr_scheduler.CosineAnnealingLR(o, T_max=STEPS, eta_min=0.1))
rates("linear", lambda o: torch.optim.lr_scheduler.LinearLR(o, 1.0, 0.2, total_iters=STEPS))
rates("step_decay", lambda o: torch.optim.lr_scheduler.MultiStepLR(o, [STEPS // 2, 3 * STEPS // 4], gamma=0.1))
rates("exponential", lambda o: torch.optim.lr_scheduler.ExponentialLR(o, gamma=0.01 ** (1 / STEPS)))
rates("one_cycle", lambda o: torch.optim.lr_scheduler.OneCycleLR(o, max_lr=1.0, total_steps=STEPS + 1))
rates("polynomial_decay", lambda o: torch.optim.lr_scheduler.PolynomialLR(o, total_iters=STEPS, power=0.9))
rates(
    "cosine_restarts", lambda o: torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(o, T_0=10, T_mult=3, eta_min=0.1)
)
rates(
    "warmup",
    lambda o: torch.optim.lr_scheduler.SequentialLR(
        o,
        [
            torch.optim.lr_scheduler.LinearLR(o, 0.125, 1.0, total_iters=7),
            torch.optim.lr_scheduler.PolynomialLR(o, total_iters=STEPS - 8, power=2.0),
        ],
        [8],
    ),
)

WATCHED = np.array(
    [3, 2, 2.5, 2.5, 1.9, 1.95, 1.9, 2, 2, 2, 2, 1.8, 1.9, np.nan, 2, 2, 2, 2, 2, 2, 1.7, 3, 3, 3, 3, 3, 3]
)
for name, settings in {
    "plain": {"patience": 1},
    "cooldown": {"patience": 2, "cooldown": 2, "min_lr": 0.01, "factor": 0.3},
    "highest": {"patience": 2, "mode": "max", "threshold": 0.2, "factor": 0.5},
}.items():
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer, **{"threshold": 0.0, "threshold_mode": "abs", "eps": 0.0, **settings}
    )
    seen = []
    for value in WATCHED:
        plateau.step(value)
        seen.append(optimizer.param_groups[0]["lr"])
    stored[f"plateau/{name}"] = np.array(seen)
stored["plateau/watched"] = WATCHED

np.savez_compressed(Path(__file__).with_suffix(".npz"), **stored)
