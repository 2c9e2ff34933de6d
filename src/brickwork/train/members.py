"""Members: several networks of one shape that are trained side by side as one program."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float, Int

from brickwork.bricks.ensemble import MEMBER
from brickwork.core.batch import Batch
from brickwork.core.errors import DataError
from brickwork.core.plan import Plan
from brickwork.core.variables import Variables
from brickwork.train.learner import Learner, Logs, Measured, Sums, choose
from brickwork.train.programs import copy
from brickwork.train.segments import Bad, count_bad, gather, traced_step
from brickwork.train.supervised import RATE, Supervised, TrainState

ACTIVE, STOPPED, DIVERGED = 0, 1, 2
"""Where a member stands: it learns; its patience is out; its numbers stopped being finite."""

Settings = tuple[tuple[str, tuple[float, ...]], ...]
"""Numbers that differ from member to member, by their paths: one for each member."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class MembersState:
    """The states of all members, every array with a leading axis of members, and where each one stands."""

    each: TrainState
    status: Int[Array, " members"]
    in_a_row: Int[Array, " members"]  # steps that were not finite, until now


@dataclass(frozen=True)
class Members(Learner):
    """Train several networks of one shape, each as a run of its own would train it: with its seed and its numbers.

    Member i draws from the keys of a run with seed i of `seeds`, so that it starts from that run's weights, drops what
    that run drops, and ends where that run ends. One that is stopped or diverged stays as it is; what it costs is not
    saved where all members are computed at once. `apart` says that held-out data have an axis of members after that
    of the rows: each member is measured on rows of its own. `looped` runs member after member instead of all at once.

    Sums, states and keys have a leading axis of members.
    """

    monitor: ClassVar[tuple[str, Literal["min", "max"]] | None] = Supervised.monitor

    learner: Supervised
    seeds: tuple[int, ...]
    settings: Settings = ()
    apart: bool = False
    max_bad_steps: int = 20
    looped: bool = False

    @property
    def count(self) -> int:
        """How many members there are."""
        return len(self.seeds)

    @property
    def shared(self) -> "Members":
        """Equal for learners whose steps are one program: seeds and numbers are in keys and state."""
        paths = tuple((path, ()) for path, _ in self.settings)
        return replace(self, learner=self.learner.shared, seeds=tuple(range(self.count)), settings=paths)

    @property
    def measured_by(self) -> Any:
        """Equal for learners that measure by one program."""
        return self.learner.measured_by, self.count, self.apart, self.looped

    # -------------------------------------------------------------------------------------------------- beginning

    def run_key(self, seed: int) -> Array:
        """Return the keys of all members; the run's own seed plays no part."""
        del seed
        return jnp.stack([jax.random.key(seed) for seed in self.seeds])

    def fold(self, key: Array, number: Array | int) -> Array:
        """Return each member's key of a step."""
        return jax.vmap(lambda one: jax.random.fold_in(one, number))(key)

    def init(self, key: Array, batch: Batch | None, steps: int | Array) -> MembersState:
        """Draw fresh variables for every member."""
        return self._beginning(jax.vmap(lambda one, own: self.learner.init(one, own, steps))(key, batch))

    def drawn(self, plan: Plan, key: Array, steps: int | Array) -> MembersState:
        """Draw fresh variables for every member; the plan is that of their ensemble, for inputs of any shape."""
        own = self.learner.net.plan(*plan.inputs, precision=self.learner.precision)
        return self._beginning(jax.vmap(lambda one: self.learner.begin(own.draw(one), steps))(key))

    def begin(self, variables: Variables, steps: int | Array) -> MembersState:
        """Return the state that starts from the variables of an ensemble."""
        return self._beginning(jax.vmap(lambda one: self.learner.begin(one, steps))(variables.child(MEMBER)))

    def again(self, state: MembersState, steps: int) -> MembersState:
        """Return a state in which all members go on from another one's end."""
        count = jnp.zeros(self.count, jnp.int32)
        return self._beginning(replace(copy(state.each), step=count, steps=count + steps))

    def tuned(self, state: MembersState) -> MembersState:
        """Return a state with this learner's own numbers."""
        return replace(state, each=replace(state.each, settings=self._numbers()))

    def chosen(self, state: MembersState, places: np.ndarray) -> tuple["Members", MembersState]:
        """Return some of the members as a learner and a state of their own."""
        settings = tuple((path, tuple(values[i] for i in places)) for path, values in self.settings)
        learner = replace(self, seeds=tuple(self.seeds[i] for i in places), settings=settings)
        return learner, jax.tree.map(lambda leaf: leaf[places], state)

    def _beginning(self, each: TrainState) -> MembersState:
        zeros = jnp.zeros(self.count, jnp.int32)
        return MembersState(replace(each, settings=self._numbers()), zeros, jnp.zeros_like(zeros))

    def _numbers(self) -> dict[str, Float[Array, " members"]]:
        rates = {RATE: (self.learner.update.optimizer.rate,) * self.count}
        numbers = {**rates, **{path: values or (0.0,) * self.count for path, values in self.settings}}
        return {path: jnp.asarray(values, jnp.float32) for path, values in numbers.items()}

    # --------------------------------------------------------------------------------------------------- training

    def step(self, state: MembersState, batch: Batch | None, key: Array) -> tuple[MembersState, Logs]:
        """Take one step with every member, on its own rows of the batch (members, rows, ...)."""
        if batch is None:
            raise DataError("Supervised training needs data: give it to the run.")
        active = state.status == ACTIVE

        def one(train: TrainState, batch: Batch, key: Array, active: Array) -> tuple[TrainState, Logs]:
            new, logs = self.learner.step(train, batch, key)
            none = jax.tree.map(jnp.zeros_like, logs.sums)
            return choose(active, new, train), Logs(choose(active, logs.sums, none), jnp.asarray(logs.finite))

        each, logs = jax.vmap(one)(state.each, batch, key, active)
        bad = jnp.where(active, jnp.where(logs.finite, 0, state.in_a_row + 1), state.in_a_row)
        status = jnp.where(active & (bad >= self.max_bad_steps), DIVERGED, state.status)
        fine = jnp.any((active & logs.finite) | (status == STOPPED))  # the run has diverged when all members have
        return MembersState(each, status, bad), Logs(logs.sums, fine)

    def segment(self) -> Callable[..., Any] | None:
        """Return what runs the steps of one member after those of another, where that is asked for."""
        return self._one_by_one if self.looped else None

    def _one_by_one(
        self,
        state: MembersState,
        sums: Sums,
        bad: Bad,
        data: Any,
        rows: Any,
        weight: Any,
        count: Any,
        key: Any,
        first: Any,
    ) -> Any:
        """Run all steps of a segment with one member, then with the next; one that does not learn costs nothing."""

        def member(mine: Any) -> Any:
            train, own, status, in_a_row, rows, weight, key = mine

            def learning(carry: Any) -> Array:
                return (carry[0] < count) & (carry[3] == ACTIVE)

            def body(carry: Any) -> Any:
                index, train, own, _, in_a_row, fine = carry
                batch = gather(data, rows[index], weight[index])
                train, logs = traced_step(self.learner)(train, batch, jax.random.fold_in(key, first + index))
                finite = jnp.asarray(logs.finite)
                in_a_row = jnp.where(finite, 0, in_a_row + 1)
                status = jnp.where(in_a_row >= self.max_bad_steps, DIVERGED, ACTIVE)
                own = jax.tree.map(jnp.add, own, logs.sums)
                return index + 1, train, own, status, in_a_row, fine.at[index].set(finite)

            start = jnp.int32(0), train, own, status, in_a_row, jnp.zeros(len(rows), bool)
            return jax.lax.while_loop(learning, body, start)[1:]

        own_rows, own_weight = (jnp.moveaxis(array, 1, 0) for array in (rows, weight))
        found = jax.lax.map(member, (state.each, sums, state.status, state.in_a_row, own_rows, own_weight, key))
        each, sums, status, in_a_row, fine = found
        alive = fine.any(0) | (state.status == STOPPED).any()
        bad = jax.lax.fori_loop(0, count, lambda i, bad: count_bad(bad, Logs(finite=alive[i]), first + i), bad)
        return MembersState(each, status, in_a_row), sums, bad

    # -------------------------------------------------------------------------------------------------- measuring

    def view(self, state: MembersState) -> Variables:
        """Return the variables of the ensemble of all members."""
        return self.learner.view(state.each).under(MEMBER)

    def measure(self, view: Variables, batch: Batch, key: Array) -> Measured:
        """Return sums for every member, (members, ...), and rows (rows, members, ...)."""
        axes = (0, 1 if self.apart else None, 0)
        return self._mapped(self.learner.measure, axes, Measured(0, 1))(view.child(MEMBER), batch, key)  # pyright: ignore[reportArgumentType]

    def predict(self, view: Variables, inputs: Any) -> Any:
        """Return every member's outputs on its own inputs: (rows, members, ...) for the same of inputs."""
        return self._mapped(self.learner.predict, (0, 1), 1)(view.child(MEMBER), inputs)

    def better(self, name: str) -> Literal["min", "max"]:
        """Tell what is better of a metric, as the metric itself says."""
        return self.learner.better(name)

    def apiece(self, sums: Mapping[str, Mapping[str, Any]], rows: Any = None) -> list[dict[str, float]]:
        """Return the loss and the metrics of each member."""
        parts = (jax.tree.map(lambda leaf, n=n: leaf[n], sums) for n in range(self.count))
        own = (jax.tree.map(lambda leaf, n=n: leaf[:, n], rows) for n in range(self.count))
        return [self.learner.summarize(part, some) for part, some in zip(parts, own, strict=True)]

    def summarize(self, sums: Mapping[str, Mapping[str, Any]], rows: Any = None) -> dict[str, float]:
        """Return the means over the members that have been measured."""
        apiece = self.apiece(sums, rows)
        found = {name: [one[name] for one in apiece if np.isfinite(one[name])] for name in apiece[0]}
        return {name: float(np.mean(values)) if values else float("nan") for name, values in found.items()}

    def _mapped(self, function: Callable[..., Any], axes: Any = 0, out: Any = 0) -> Callable[..., Any]:
        """Return the function for all members: at once, or one after the other."""
        if not self.looped:
            return jax.vmap(function, in_axes=axes, out_axes=out)

        def run(*args: Any) -> Any:
            places = axes if isinstance(axes, tuple) else (axes,) * len(args)
            moved = [
                None if place is None else jax.tree.map(lambda leaf, p=place: jnp.moveaxis(leaf, p, 0), arg)
                for arg, place in zip(args, places, strict=True)
            ]

            def one(mine: Any) -> Any:
                whole = [arg if own is None else own for arg, own in zip(args, mine, strict=True)]
                return function(*whole)

            found = jax.lax.map(one, moved)
            if isinstance(out, Measured):
                return Measured(found.sums, jax.tree.map(lambda leaf: jnp.moveaxis(leaf, 0, 1), found.rows))
            return jax.tree.map(lambda leaf: jnp.moveaxis(leaf, 0, out), found)

        return run
