"""Networks that branch and join: bricks as named nodes, edges as data."""

from typing import Any, Literal

from jax import Array
from jax.typing import DTypeLike

from brickwork.bricks.checks import check_parts
from brickwork.bricks.containers import memories, step_part
from brickwork.bricks.merging import MERGES
from brickwork.core.brick import Brick, brick
from brickwork.core.errors import SettingError, ShapeError, nearest
from brickwork.core.scope import Scope
from brickwork.core.spec import snake_case


@brick
class Parallel(Brick):
    """Several bricks on the same input, side by side: each looks for something else, and their answers are merged.

        y = merge(f1(x), f2(x), ... fn(x))

        Parallel(Conv(8, 1), Conv(8, 3), Conv(8, 5))               names 0_conv, 1_conv, 2_conv; joined
        Parallel(digit=Dense(10), slant=Dense(1), merge="none")    two heads: {"digit": ..., "slant": ...}

    Names are those of the variables' paths. Parts that remember can be run by `step`.
    Shapes: as the parts give; to be added they must agree, to be joined they agree in all but the last axis.

    Args:
        parts: bricks, one by one or by name.
        merge: "concat" (along the last axis), "add", "average", "maximum", "multiply", or "none" for a dict by name.

    Raises:
        SettingError: no parts, a part that is no brick, a name used twice, an unknown way to merge.
        ShapeError: what the parts give cannot be merged.

    Source: Szegedy et al. 2015, "Going Deeper with Convolutions", section 4.

    >>> import jax, jax.numpy as jnp
    >>> from brickwork.bricks import Dense
    >>> net, x = Parallel(Dense(3), Dense(2, "relu")), jnp.ones((1, 4))
    >>> net.apply(net.init(jax.random.key(0), x), x).output.shape
    (1, 5)
    """

    padded = "aware"

    parts: tuple[tuple[str, Brick], ...]
    merge: Literal["concat", "add", "average", "maximum", "multiply", "none"] = "concat"

    def __init__(self, *bricks: Brick, merge: str = "concat", **named: Brick) -> None:
        numbered = [(f"{index}_{snake_case(type(part).__name__)}", part) for index, part in enumerate(bricks)]
        object.__setattr__(self, "parts", (*numbered, *named.items()))
        object.__setattr__(self, "merge", merge)
        self.__post_init__()

    def __post_init__(self) -> None:
        check_parts("Parallel", self.parts)
        super().__post_init__()
        self.require(len(self.parts) > 0, "parts", "at least one brick")

    def __call__(self, scope: Scope, x: Any) -> Any:
        """Run the parts and merge what they give."""
        return self._merged(scope, {name: scope(name, part, x) for name, part in self.parts})

    def memory(self, rows: int, dtype: DTypeLike = "float32", *, length: int | None = None) -> dict[str, Any]:
        """Return the memories of the parts that have any, by name."""
        return memories(self.parts, rows, dtype, length)

    def step(self, scope: Scope, x: Array, memory: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        """Run one step of all parts."""
        outputs, after = {}, {}
        for name, part in self.parts:
            outputs[name] = step_part(scope, name, part, (x,), memory, after)
        return self._merged(scope, outputs), after

    def _merged(self, scope: Scope, outputs: dict[str, Any]) -> Any:
        if self.merge == "none":
            return outputs
        return scope.run(MERGES[self.merge](), *outputs.values())


@brick
class Graph(Brick):
    """Bricks as named nodes with edges between them: any network without loops, as data.

        Graph(
            stem=(Conv(8, activation="relu"), "input"),
            left=(Conv(8, 3), "stem"),
            right=(Conv(8, 1), "stem"),
            join=(Add(), "left", "right"),
        )

    A node is a brick and the names of what it reads: nodes that stand before it, or inputs. The names are those of
    the variables' paths. Nodes that remember can be run by `step`, as in `Sequential`.

    Shapes: those of the nodes. With one input the network takes an array; with several, a dict by their names. With
    one output it gives what that node gives; with several, a dict.

    Args:
        nodes: (name, brick, names that it reads), in order.
        inputs: names of the inputs.
        outputs: names of the nodes that are given out; none means the last.

    Raises:
        SettingError: a node that is no brick, reads what does not stand before it, or has a name used twice; an unknown
            output; a node that nobody reads.
        ShapeError: the inputs are not those named.

    Source: the form of a computation as a directed acyclic graph: Bauer 1974, "Computational Graphs and Rounding
    Error", section 2.

    >>> import jax, jax.numpy as jnp
    >>> from brickwork.bricks import Add, Dense
    >>> net = Graph(a=(Dense(2), "input"), b=(Dense(2, "tanh"), "a"), sum=(Add(), "a", "b"))
    >>> net.apply(net.init(jax.random.key(0), jnp.ones((1, 3))), jnp.ones((1, 3))).output.shape
    (1, 2)
    """

    padded = "aware"

    nodes: tuple[tuple[str, Brick, tuple[str, ...]], ...]
    inputs: tuple[str, ...] = ("input",)
    outputs: tuple[str, ...] = ()

    def __init__(
        self,
        nodes: Any = (),
        /,
        *,
        inputs: str | tuple[str, ...] = "input",
        outputs: str | tuple[str, ...] = (),
        **named: tuple[Any, ...],
    ) -> None:
        given = [*nodes, *((name, *_node(name, node)) for name, node in named.items())]
        object.__setattr__(self, "nodes", tuple(given))
        object.__setattr__(self, "inputs", (inputs,) if isinstance(inputs, str) else tuple(inputs))
        object.__setattr__(self, "outputs", (outputs,) if isinstance(outputs, str) else tuple(outputs))
        self.__post_init__()

    def __post_init__(self) -> None:
        nodes = self.nodes if isinstance(self.nodes, tuple | list) else ()
        check_parts("Graph", tuple(node[:2] if isinstance(node, tuple | list) else node for node in nodes))
        super().__post_init__()

    def validate(self) -> None:
        """Check that every edge comes from somewhere and every node leads somewhere."""
        self.require(len(self.nodes) > 0, "nodes", "at least one node")
        self.require(len(set(self.inputs)) == len(self.inputs) > 0, "inputs", "one name or several different ones")
        known, read = dict.fromkeys(self.inputs), set(self.outputs or (self.nodes[-1][0],))
        names = [name for name, _, _ in self.nodes]
        for name, _, sources in self.nodes:
            if name in self.inputs:
                raise SettingError(f"Graph: {name!r} names an input and a node; rename the node, or say inputs=.")
            if not sources:
                raise SettingError(f"Graph: node {name!r} reads nothing: say what, as in {name}=(brick, 'input').")
            for source in sources:
                if source not in known:
                    later = "stands after it: move it up" if source in names else f"is none. {nearest(source, known)}"
                    raise SettingError(f"Graph: node {name!r} reads {source!r}, which {later}")
            read.update(sources)
            known[name] = None
        for output in self.outputs:
            if output not in names:
                raise SettingError(f"Graph: the output {output!r} is no node. {nearest(output, names)}")
        for name in known:
            if name not in read:
                raise SettingError(f"Graph: nobody reads {name!r}: leave it out, or name it among outputs.")

    def __repr__(self) -> str:
        shown = [f"{name}=({', '.join([repr(part), *map(repr, sources)])})" for name, part, sources in self.nodes]
        if self.inputs != ("input",):
            shown.append(f"inputs={self.inputs!r}")
        if self.outputs:
            shown.append(f"outputs={self.outputs!r}")
        return f"Graph({', '.join(shown)})"

    def __call__(self, scope: Scope, x: Any) -> Any:
        """Run the nodes in order."""
        known = self._read(x)
        for name, part, sources in self.nodes:
            known[name] = scope(name, part, *(known[source] for source in sources))
        return self._given(known)

    def memory(self, rows: int, dtype: DTypeLike = "float32", *, length: int | None = None) -> dict[str, Any]:
        """Return the memories of the nodes that have any, by name."""
        return memories((node[:2] for node in self.nodes), rows, dtype, length)

    def step(self, scope: Scope, x: Any, memory: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        """Run one step of all nodes."""
        known, after = self._read(x), {}
        for name, part, sources in self.nodes:
            known[name] = step_part(scope, name, part, tuple(known[source] for source in sources), memory, after)
        return self._given(known), after

    def _read(self, x: Any) -> dict[str, Any]:
        if len(self.inputs) == 1 and not isinstance(x, dict):
            return {self.inputs[0]: x}
        if not isinstance(x, dict) or set(x) != set(self.inputs):
            given = f"the names {sorted(x)}" if isinstance(x, dict) else f"one {type(x).__name__}"
            raise ShapeError(f"it wants a dict of inputs named {', '.join(self.inputs)}; it got {given}.")
        return dict(x)

    def _given(self, known: dict[str, Any]) -> Any:
        if len(self.outputs) > 1:
            return {name: known[name] for name in self.outputs}
        return known[self.outputs[0] if self.outputs else self.nodes[-1][0]]


def _node(name: str, node: Any) -> tuple[Any, tuple[str, ...]]:
    """Return a node that was written as (brick, source, ...)."""
    if not isinstance(node, tuple | list) or not node:
        raise SettingError(f"Graph: write the node {name!r} as (brick, 'what it reads', ...), got {node!r}.")
    if any(not isinstance(source, str) for source in node[1:]):
        raise SettingError(f"Graph: node {name!r} reads by name: write (brick, 'input', ...), got {node[1:]!r}.")
    return node[0], tuple(node[1:])
