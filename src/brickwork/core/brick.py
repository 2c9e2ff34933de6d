"""Brick: settings and one method that both declares its parameters and computes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import jax
import jax.numpy as jnp
from jax import Array

from brickwork.core.errors import SettingError, ShapeError, nearest, unwritten
from brickwork.core.frame import Frame
from brickwork.core.paths import Patterns, require_fits
from brickwork.core.plan import Plan
from brickwork.core.precision import Precision, cast_floats
from brickwork.core.scope import Scope
from brickwork.core.spec import Spec, registered
from brickwork.core.variables import Variables

brick = registered


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Applied:
    """What applying a network gives: the output, the statistics after it, and the captured taps by address."""

    output: Any
    stats: dict[str, Array]
    taps: dict[str, Array] = field(default_factory=dict)


class Brick(Spec):
    """A part of a network (a layer, a module): frozen settings and one method, `__call__(scope, x)`.

    Write `@brick` above a subclass, its settings as annotated fields, and declare parameters where they are
    used: `w = scope.param("weight", (x.shape[-1], self.units), glorot_uniform)`. Planning runs the same method on
    shapes alone, which gives shape inference; applying runs it on arrays.

    `padded` says what a brick does with `Padded` sequences: `pointwise` bricks are run on the values and keep
    the lengths; `aware` ones get the `Padded` itself; the rest refuse. `over_time` says that a brick looks at all steps
    of a sequence at once and would do something else with a single one, so that no network with it runs step by step.
    """

    kind: ClassVar[str] = "brick"
    over_time: ClassVar[bool] = False
    padded: ClassVar[Literal["pointwise", "aware", "refuses"]] = "refuses"

    def __call__(self, scope: Scope, *inputs: Any, **options: Any) -> Any:
        """Declare parameters through the scope and compute the output."""
        del scope, inputs, options
        raise unwritten(self, "__call__(self, scope, x)")

    def plan(
        self,
        *example: Any,
        training: bool = True,
        precision: str | Precision = "float32",
        method: str = "__call__",
        **options: Any,
    ) -> Plan:
        """Return shapes, initialisers, settings, taps and the table of this network, computing nothing.

        `example` is an input with a batch axis, as arrays or as `jax.ShapeDtypeStruct`.
        """
        frame = Frame(True, training, Precision.of(precision), {}, {}, key=None)

        def trace(*inputs: Any) -> Any:
            inner = frame.fork(params={}, stats={})
            frame.calls, frame.tapped = inner.calls, inner.tapped
            return Scope(inner).run(self, *_enter(inputs, frame, method), method=method, **options)

        _require_arrays(example)
        shapes = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, _dtype(leaf)), example)
        output = jax.eval_shape(trace, *shapes)
        return Plan(
            brick=self,
            inputs=shapes,
            output=output,
            params=frame.declared_params,
            stats=frame.declared_stats,
            settings=frame.declared_settings,
            taps=frame.tapped,
            calls=tuple(frame.calls),
        )

    def init(
        self,
        key: Array,
        *example: Any,
        precision: str | Precision = "float32",
        method: str = "__call__",
        **options: Any,
    ) -> Variables:
        """Return fresh variables for inputs like `example`.

        Every variable is drawn with its own key, made from `key` and its path: adding a brick somewhere does
        not change what the others start from.
        """
        return self.plan(*example, precision=precision, method=method, **options).draw(key)

    def apply(
        self,
        variables: Variables,
        *inputs: Any,
        training: bool = False,
        key: Array | None = None,
        weight: Array | None = None,
        frozen: Patterns = (),
        capture: Patterns = (),
        offsets: Mapping[str, Array] | None = None,
        settings: Mapping[str, Any] | None = None,
        precision: str | Precision = "float32",
        method: str = "__call__",
        **options: Any,
    ) -> Applied:
        """Run the network on arrays; pure: same arguments, same result.

        Args:
            variables: parameters and statistics, as `init` makes them.
            inputs: arrays or pytrees with the batch along axis 0.
            training: whether dropout drops, batch statistics are used and running statistics move.
            key: where random numbers come from; needed only by networks that draw some.
            weight: (rows,) 0 for rows that only fill up the batch.
            frozen: patterns of paths that behave as in evaluation even when training.
            capture: patterns of tap addresses to return.
            offsets: arrays to add at taps.
            settings: numbers to use in place of bricks' own, by path (`{"2_dropout/rate": 0.3}`).
            precision: which types to compute with and to return.
            method: which method to run in place of `__call__`; what it takes and returns, memories say, keeps its type.
            options: keyword arguments of that method.

        Raises:
            ShapeError: an input or a stored variable has the wrong shape; the message names the brick.
            ScopeError: a key is missing, or a brick misuses its scope.
            SettingError: no tap or setting has the given name.
        """
        policy = Precision.of(precision)
        frame = Frame(
            planning=False,
            training=training,
            precision=policy,
            params=variables.params,
            stats=dict(variables.stats),
            key=key,
            weight=weight,
            frozen=frozen,
            capture=capture,
            offsets=dict(offsets or {}),
            overrides=dict(settings or {}),
        )
        output = Scope(frame).run(self, *_enter(inputs, frame, method), method=method, **options)
        for given, known, what in (
            (frame.overrides, frame.declared_settings, "setting"),
            (frame.offsets, frame.tapped, "tap"),
        ):
            for name in given:
                if name not in known:
                    raise SettingError(f"The network has no {what} {name!r}. {nearest(name, known)}")
        require_fits(capture, frame.tapped, "tap")
        require_fits(frozen, [*variables.paths(), *(f"{path}/" for path in frame.bound)], "part")
        if method == "__call__":
            output = cast_floats(output, jnp.dtype(policy.output))
        return Applied(output, frame.stats, frame.taps)


def _require_arrays(inputs: Any) -> None:
    for leaf in jax.tree.leaves(inputs):
        if not hasattr(leaf, "shape"):
            raise ShapeError(f"A network takes arrays, got {leaf!r} ({type(leaf).__name__}).")


def _enter(inputs: Any, frame: Frame, method: str) -> Any:
    _require_arrays(inputs)
    arrays = jax.tree.map(jnp.asarray, inputs)
    return cast_floats(arrays, jnp.dtype(frame.precision.compute)) if method == "__call__" else arrays


def _dtype(leaf: Any) -> Any:
    return jax.dtypes.canonicalize_dtype(leaf.dtype)
