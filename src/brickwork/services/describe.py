"""Describe: what a network is made of, and what a saved model knows about itself."""

from pathlib import Path
from typing import Any

import jax

from brickwork.core.plan import Plan
from brickwork.storage.bundle import read_header


def network_table(plan: Plan, depth: int = 1) -> list[dict[str, Any]]:
    """Return a row for every layer: its name, kind, output shape without the rows, and number of parameters."""
    return [
        {"layer": row.address, "kind": row.kind, "shape": _shape(row.output), "parameters": row.params}
        for row in plan.rows(depth)
    ]


def describe_model(path: str | Path, depth: int = 1) -> dict[str, Any]:
    """Return the network's table and the card of a saved model; its weights are not read."""
    bundle = read_header(path)
    plan = bundle.spec.plan(*bundle.inputs)
    return {
        "network": repr(bundle.spec),
        "layers": network_table(plan, depth),
        "parameters": plan.count,
        "flops": plan.flops,
        "input": _shape(bundle.inputs[0]),
        "output": _shape(plan.output),
        "written_by": dict(bundle.written_by),
        **{name: bundle.extra[name] for name in ("task", "data", "scores") if name in bundle.extra},
        "model": str(path),
        "training": bundle.extra.get("model"),
    }


def _shape(tree: Any) -> Any:
    shapes = [list(leaf.shape[1:]) for leaf in jax.tree.leaves(tree)]
    return shapes[0] if len(shapes) == 1 else shapes
