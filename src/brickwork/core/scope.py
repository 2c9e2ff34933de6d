"""Scope: what a brick asks for its parameters, statistics, keys, settings and children."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
from jax import Array

from brickwork.core import lift
from brickwork.core.batch import Padded
from brickwork.core.errors import BrickworkError, ScopeError, SettingError, ShapeError, nearest
from brickwork.core.frame import Call, Declared, Frame, Initializer, Shape
from brickwork.core.paths import join, matches

if TYPE_CHECKING:
    from brickwork.core.brick import Brick

Rule = Callable[["Scope", str, Shape, Initializer], Array]


@dataclass(frozen=True, eq=False)
class Scope:
    """One brick's view of a pass over the network.

    `path` names where its variables are stored; `address` also counts uses, so that a brick used twice has its
    own keys and taps each time (`embed`, then `embed#1`) on the same parameters.
    """

    frame: Frame
    path: str = ""
    address: str = ""
    rules: tuple[Rule, ...] = ()

    # ------------------------------------------------------------------------------------- what a brick reads

    @property
    def training(self) -> bool:
        """Whether this brick is being trained: false in evaluation, and always in a frozen part."""
        return self.frame.training and not matches(self.frame.frozen, self.path, self.path + "/")

    @property
    def weight(self) -> Array | None:
        """One weight for every row of the batch, or None; rows of weight 0 only fill up the batch."""
        return self.frame.weight

    @property
    def dtype(self) -> Any:
        """The type that this pass computes in."""
        return jnp.dtype(self.frame.precision.compute)

    def param(self, name: str, shape: Shape, init: Initializer) -> Array:
        """Declare a parameter and return its value in the compute type.

        The stored array must have exactly this shape: a wrong one raises `ShapeError`, it is never broadcast.
        Asking again for the same name returns the same parameter.
        """
        if self.rules:
            *outer, rule = self.rules
            return rule(replace(self, rules=tuple(outer)), name, shape, init)
        dtype = jnp.dtype(self.frame.precision.param)
        value = self._variable(name, shape, dtype, init, self.frame.declared_params, self.frame.params)
        return value.astype(self.dtype)

    def stat(self, name: str, shape: Shape, init: Initializer) -> Array:
        """Declare a running statistic and return its value: as stored, or as written earlier in this pass.

        Statistics keep the parameter type, whatever the compute type is, and carry no gradient.
        """
        dtype = jnp.dtype(self.frame.precision.param)
        value = self._variable(name, shape, dtype, init, self.frame.declared_stats, self.frame.stats)
        return jax.lax.stop_gradient(value)

    def write(self, name: str, value: Array) -> None:
        """Write a statistic that was declared with `stat`; the new value is in the result of `apply`."""
        self.frame.guard(self.path)
        path = join(self.path, name)
        known = self.frame.declared_stats if self.frame.planning else self.frame.stats
        if path not in known:
            raise ScopeError(f"Statistic {path!r} was written before it was declared with scope.stat.")
        if value.shape != known[path].shape:
            raise ShapeError(f"Statistic {path!r} has shape {known[path].shape}, the value written {value.shape}.")
        if not self.frame.planning:
            self.frame.stats[path] = jax.lax.stop_gradient(value).astype(known[path].dtype)

    def key(self) -> Array:
        """Return a fresh random key: another one at every path, every use, every step and every draw."""
        self.frame.guard(self.path)
        return self.frame.draw(self.address)

    def setting(self, name: str, value: float) -> Any:
        """Return a numeric setting: the brick's own, or the one given to `apply(settings={path: number})`."""
        path = self._named(name)
        self.frame.declared_settings[path] = value
        return self.frame.overrides.get(path, value)

    def cast(self, x: Array) -> Array:
        """Return an array in the compute type: pictures arrive as whole numbers."""
        return x if x.dtype == self.dtype else x.astype(self.dtype)

    def constant(self, value: float | tuple[float, ...]) -> Array:
        """Return numbers of the settings as an array in the compute type."""
        return jnp.asarray(value, self.dtype)

    def tap(self, name: str, value: Array) -> Array:
        """Make an inner value visible by name; free when nobody looks.

        `apply(capture=pattern)` returns it; `apply(offsets={address: array})` adds an array to it here, so that
        the gradient with respect to an offset is the gradient with respect to the inner value.
        """
        self.frame.guard(self.path)
        self._named(name)
        address = join(self.address, name)
        used = self.frame.use(address)
        address = f"{address}#{used}" if used else address
        value = self.frame.offset(address, value)
        self.frame.tapped[address] = jax.ShapeDtypeStruct(value.shape, value.dtype)
        if self.frame.capture and matches(self.frame.capture, address):
            self.frame.taps[address] = value
        return value

    def watched(self, name: str) -> bool:
        """Tell whether a tap of this name will be captured or offset (or is being planned).

        For values that cost something to make: a fused attention need not form its weights when nobody looks.
        """
        address = join(self.address, name)
        used = self.frame.uses.get(address, 0)
        address = f"{address}#{used}" if used else address
        captured = bool(self.frame.capture) and matches(self.frame.capture, address)
        return self.frame.planning or self.frame.looking or captured or address in self.frame.offsets

    # --------------------------------------------------------------------------------------------- children

    def __call__(self, name: str, brick: "Brick", *inputs: Any, method: str = "__call__", **options: Any) -> Any:
        """Run a child brick under a name, by `__call__` or another method that takes a scope first."""
        return self.child(name, brick).run(brick, *inputs, method=method, **options)

    def child(self, name: str, brick: "Brick") -> "Scope":
        """Return the scope of a child: its own path below this one, and one more use of it.

        One name binds one brick: using the name again with an equal brick shares its parameters; with a
        different brick it raises `ScopeError`.
        """
        self.frame.guard(self.path)
        path = self._named(name)
        if self.frame.bound.setdefault(path, brick) != brick:
            raise ScopeError(
                f"The name {path!r} is bound to {short(self.frame.bound[path])} and cannot name {short(brick)} too. "
                "Give each brick its own name; equal bricks under one name share their parameters."
            )
        address = join(self.address, name)
        used = self.frame.use(address)
        return replace(self, path=path, address=f"{address}#{used}" if used else address)

    def run(self, brick: "Brick", *inputs: Any, method: str = "__call__", **options: Any) -> Any:
        """Run a brick on this very scope, without a path level of its own: what wrappers do with their child."""
        function = getattr(brick, method, None)
        if function is None:
            known = [n for n in dir(type(brick)) if not n.startswith("_")]
            raise SettingError(f"{type(brick).__name__} has no method {method!r}. {nearest(method, known)}")
        try:
            first = inputs[0] if inputs else None
            if not isinstance(first, Padded) or brick.padded == "aware":
                output = function(self, *inputs, **options)
            elif brick.padded == "pointwise":
                output = first.with_values(function(self, first.values, *inputs[1:], **options))
            else:
                raise ShapeError(
                    "this brick mixes positions and does not know which ones are padding, so it cannot take padded "
                    "sequences. Put a brick before it that ends the sequence (a pooling over time, the last state)."
                )
        except BrickworkError as error:
            if not error.where:
                error.where = place(self.path, brick, inputs)
                error.args = (f"{error}\n  in {error.where}", *error.args[1:])
                if isinstance(error, ImportError):
                    error.msg = error.args[0]
            raise
        except Exception as error:
            if not getattr(error, "__notes__", None):
                error.add_note(f"in {place(self.path, brick, inputs)}")
            raise
        if self.frame.planning:
            call = Call(
                self.path,
                self.address,
                brick,
                lift.shapes_of(inputs),
                lift.shapes_of(output),
                self.frame.copies,
            )
            self.frame.calls.append(call)
        return output

    def rewriting(self, rule: Rule) -> "Scope":
        """Return this scope with a rule that sees and may replace every parameter declared through it.

        A parameter declared below becomes `rule(inner, name, shape, init)`, where `inner` is the declaring
        brick's scope without this rule: `inner.param(name, shape, init)` is the stored parameter, and the rule may
        declare more beside it. Names of stored parameters stay as they were: this is how weight normalisation,
        low-rank adaptation and quantised weights wrap a network that was loaded from disk.
        """
        return replace(self, rules=(*self.rules, rule))

    # ------------------------------------------------------------------------------------- lifted transforms

    def scan(
        self,
        body: "Callable[[Scope, Any, Any], tuple[Any, Any]]",
        carry: Any,
        xs: Any = None,
        *,
        length: int | None = None,
        reverse: bool = False,
        unroll: int = 1,
    ) -> tuple[Any, Any]:
        """Run `body(scope, carry, x) -> (carry, y)` along axis 0 of `xs`: shared parameters, own keys per step.

        Statistics flow from step to step; taps get a leading axis of steps. Like `jax.lax.scan`.
        """
        self.frame.guard(self.path)
        return lift.scan(
            self.frame,
            self.path,
            lambda frame, c, x: body(self._on(frame), c, x),
            carry,
            xs,
            length,
            reverse,
            unroll,
        )

    def map(self, body: "Callable[[Scope, Any], Any]", xs: Any) -> Any:
        """Run `body(scope, x)` for every slice along axis 0 of `xs`, one after the other, like `jax.lax.map`."""
        _, ys = self.scan(lambda scope, carry, x: (carry, body(scope, x)), (), xs)
        return ys

    def remat(self, body: "Callable[..., Any]", *args: Any) -> Any:
        """Run `body(scope, *args)`, keeping only its arguments for the gradient: less memory, more computing."""
        self.frame.guard(self.path)
        return lift.remat(self.frame, self.path, lambda frame, *a: body(self._on(frame), *a), args)

    def cond(self, predicate: Array, true: "Callable[..., Any]", false: "Callable[..., Any]", *args: Any) -> Any:
        """Run `true(scope, *args)` or `false(scope, *args)`; the parameters of both are declared."""
        self.frame.guard(self.path)
        bodies = [lambda frame, *a, body=body: body(self._on(frame), *a) for body in (true, false)]
        return lift.cond(self.frame, self.path, predicate, bodies[0], bodies[1], args)

    def stack(
        self,
        name: str,
        brick: "Brick",
        n: int,
        x: Any,
        *shared: Any,
        each: Any = None,
        remat: bool = False,
        method: str = "__call__",
    ) -> Any:
        """Run n copies of a brick one after the other, each with its own weights, compiled once.

        A copy is called as `brick(scope, x, *shared)` and returns the next x. With `each`, a pytree whose arrays
        have a leading axis of n (attention caches, say), it is called as `brick(scope, x, *shared, each_i)`, must
        return `(x, out_i)`, and the result is `(x, outs)`. Parameters are stored with a leading axis of n.
        """
        child = self.child(name, brick)

        def body(frame: Frame, x: Any, each_i: Any) -> tuple[Any, Any]:
            inputs = (x, *shared) if each is None else (x, *shared, each_i)
            result = child._on(frame).run(brick, *inputs, method=method)
            return (result, None) if each is None else result

        out, outs = lift.stack(self.frame, child.path, body, n, x, each, remat)
        return out if each is None else (out, outs)

    # --------------------------------------------------------------------------------------------- internals

    def _on(self, frame: Frame) -> "Scope":
        return replace(self, frame=frame)

    def _named(self, name: str) -> str:
        """Return the path of a name below this one; names with signs that paths and patterns use are refused."""
        if not name or any(sign in name for sign in "/#?*!"):
            raise ScopeError(f"{name!r} cannot name a part of {self.path or 'the network'}: leave out / # ? * and !.")
        return join(self.path, name)

    def _variable(
        self,
        name: str,
        shape: Shape,
        dtype: Any,
        init: Initializer,
        declared: dict[str, Declared],
        stored: dict[str, Array],
    ) -> Array:
        self.frame.guard(self.path)
        path = self._named(name)
        shape = tuple(int(size) for size in shape)
        if self.frame.planning:
            known = declared.setdefault(path, Declared(path, shape, dtype, init))
            if known.shape != shape:
                raise ShapeError(f"{path!r} was declared with shape {known.shape} and again with {shape}.")
            if stored.get(path) is None:
                stored[path] = jnp.zeros(shape, dtype)
            return stored[path]
        if path not in stored:
            raise ScopeError(
                f"{path!r} is not among the variables. {nearest(path, stored)} If they were made for this network, "
                "the brick declares it in some passes only: declare the same variables whatever the inputs and "
                "`training` are, and plan with the same method."
            )
        if stored[path].shape != shape:
            raise ShapeError(
                f"{path!r} is stored with shape {stored[path].shape}, but this input needs {shape}. "
                "The variables were made for another input shape or other settings."
            )
        return stored[path]


def short(brick: "Brick", limit: int = 120) -> str:
    """Return a brick's settings on one line, cut when long."""
    text = repr(brick)
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def place(path: str, brick: "Brick", inputs: Any) -> str:
    """Return where an error happened: path, settings, input shapes."""
    shapes = [str(tuple(leaf.shape)) for leaf in jax.tree.leaves(inputs) if hasattr(leaf, "shape")]
    return f"brick {path or 'at the top'!r}: {short(brick)} on input {', '.join(shapes[:4]) or 'without arrays'}"
