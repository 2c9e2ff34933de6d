"""How a run starts: from fresh weights, from given ones, or where the run before it ended."""

from typing import Any, cast

import jax
import jax.numpy as jnp

from brickwork.core.errors import ShapeError
from brickwork.core.plan import Plan
from brickwork.core.variables import Variables
from brickwork.train.members import Members
from brickwork.train.programs import program
from brickwork.train.supervised import Supervised


def first_state(
    learner: Supervised | Members,
    plan: Plan,
    seed: int,
    steps: int,
    variables: Variables | None = None,
    before: tuple[Supervised | Members | None, Any] = (None, None),
) -> Any:
    """Return the state that a run starts from.

    Args:
        learner: what will be run.
        plan: the plan of the network for its data.
        seed: where fresh weights come from.
        steps: how many the run may take.
        variables: weights to start from; fresh ones are drawn without them.
        before: the learner and the last state of the run before; the optimizer goes on where the learner is the same.

    Raises `ShapeError` for variables that do not fit the data.
    """
    count, tune = jnp.int32(steps), cast(Any, learner.tuned)
    if variables is None:
        shapes = tuple((leaf.shape, str(leaf.dtype)) for leaf in jax.tree.leaves(plan.inputs))
        owner, key = (learner.shared, shapes, jax.tree.structure(plan.inputs)), learner.run_key(seed)

        def start(key: jax.Array, steps: jax.Array) -> Any:
            return learner.drawn(plan, key, steps)

        return tune(program("init", start, owner, key, count, once=True)(key, count))
    _same_shapes(plan, variables)
    earlier, state = before
    if state is not None and earlier is not None and earlier.shared == learner.shared:
        return cast(Any, learner).again(state, steps)
    begun = program("begin", learner.begin, learner.shared, variables, count, once=True)(variables, count)
    return tune(begun)


def _same_shapes(plan: Plan, variables: Variables) -> None:
    wanted, ours = plan.shapes(), variables
    for expected, given in ((wanted.params, ours.params), (wanted.stats, ours.stats)):
        for path in sorted(expected.keys() | given.keys()):
            if path not in given or path not in expected or given[path].shape != expected[path].shape:
                have = given[path].shape if path in given else "nothing"
                want = expected[path].shape if path in expected else "nothing"
                raise ShapeError(f"The network needs {want} at {path!r} for this data; the variables have {have}.")
