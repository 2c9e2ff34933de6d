"""The blocks that transformers are stacks of."""

from dataclasses import dataclass
from typing import Any, NamedTuple

from jax import Array
from jax.typing import DTypeLike
from jaxtyping import Bool, Float

from brickwork.bricks.attention import Attention, AttentionMemory, ContextMemory
from brickwork.bricks.dropout import Dropout
from brickwork.bricks.feed_forward import FeedForward
from brickwork.bricks.normalization import LayerNorm
from brickwork.core.batch import Padded
from brickwork.core.brick import Brick, brick
from brickwork.core.errors import SettingError, ShapeError
from brickwork.core.scope import Scope

Tokens = Float[Array, "rows features"] | Float[Array, "rows time features"]
Mask = Bool[Array, "#rows #time #time"]


class DecoderMemory(NamedTuple):
    """What a decoder block carries from step to step: its own steps, and the context that it looks at."""

    past: AttentionMemory
    context: ContextMemory | None


@dataclass(frozen=True)
class TransformerBlock(Brick):
    """What both blocks share: their settings, and parts that are added to what they read."""

    padded = "aware"

    heads: int
    hidden: int
    features: int | None = None
    activation: str = "gelu"
    gated: bool = False
    dropout: float = 0.0
    norm_first: bool = True
    norm: Brick = LayerNorm()  # noqa: RUF009 - frozen settings
    causal: bool = False
    kv_heads: int | None = None
    rotary: bool = False
    rotary_base: float = 10_000.0
    window: int | None = None
    bias: bool = True
    weights: str = "glorot_uniform"

    def validate(self) -> None:
        """Check what the parts check."""
        self._attention()
        self._feed_forward()

    def _attention(self) -> Attention:
        return Attention(
            self.heads,
            self.features,
            causal=self.causal,
            kv_heads=self.kv_heads,
            rotary=self.rotary,
            rotary_base=self.rotary_base,
            window=self.window,
            dropout=self.dropout,
            bias=self.bias,
            weights=self.weights,
        )

    def _feed_forward(self) -> FeedForward:
        return FeedForward(self.hidden, self.activation, self.gated, self.dropout, self.bias, self.weights)

    def _normed(self, scope: Scope, part: str, x: Any) -> Any:
        """Return what a part reads."""
        return scope(f"{part}_norm", self.norm, x) if self.norm_first else x

    def _added(self, scope: Scope, part: str, x: Any, added: Any) -> Any:
        """Return x and what a part made of it, added."""
        added = scope(f"{part}_dropout", Dropout(self.dropout), added)
        one, two = (a.values if isinstance(a, Padded) else a for a in (x, added))
        if one.shape != two.shape:
            raise ShapeError(
                f"it is for {self.features} features, got {one.shape}. Leave out features, or map x first."
            )
        total = scope.cast(one) + two
        y = x.with_values(total) if isinstance(x, Padded) else total
        return y if self.norm_first else scope(f"{part}_norm", self.norm, y)

    def _feed(self, scope: Scope, x: Any) -> Any:
        """Run the feed-forward part."""
        added = scope("feed_forward", self._feed_forward(), self._normed(scope, "feed_forward", x))
        return self._added(scope, "feed_forward", x, added)


@brick
class TransformerEncoderBlock(TransformerBlock):
    """Lets every position look at the others, then thinks about each alone; both are added to what was there.

        x = x + attention(norm(x)),   y = x + feed_forward(norm(x))            norm_first
        x = norm(x + attention(x)),   y = norm(x + feed_forward(x))            otherwise, as in the first paper

    With `causal=True` it is the block of GPT-like networks. `Stack(TransformerEncoderBlock(8, 2048), 6)` is an encoder;
    with `norm_first` a norm belongs behind the last block. The parts are named `attention` (Attention), `feed_forward`
    (FeedForward) and `attention_norm`, `feed_forward_norm`. Dropout acts where it does in the first implementations:
    on attention weights, on hidden units, and on what each part adds.

    Step by step, where causal: `y, memory = block.step(scope, x, memory)` from `memory = block.memory(rows, length=most
    steps)`; x is one step (rows, features) or several (rows, time, features).

    Shapes: x (rows, time, features), kept; an optional `mask` (rows, time, time), true where a position may look.
    Positions past the ends of `Padded` sequences are looked at by nobody.

    Args:
        heads: how many heads attention has.
        hidden: how many hidden units the feed-forward part has.
        features: width of x; None: any, but `memory` must know it.
        activation: name of the nonlinearity of the feed-forward part.
        gated: whether the feed-forward part is gated ("silu" gives SwiGLU).
        dropout: rate of dropping in training.
        norm_first: whether norms come before the parts (stable to train) or behind the sums.
        norm: the brick that normalises.
        causal: whether a position looks only at itself and what came before.
        kv_heads: how many heads keys and values have; None: as many.
        rotary: whether queries and keys are turned by their positions.
        rotary_base: how slow the slowest of these turns is.
        window: a position looks at positions fewer than this many steps away; None: at all.
        bias: whether the maps have biases.
        weights: name of the initialiser of the maps.

    Raises:
        SettingError: what `Attention` and `FeedForward` refuse; a step where it is not causal.
        ShapeError: inputs that are no sequences or of another width.

    Source: Vaswani et al. 2017, "Attention Is All You Need", sections 3.1 and 5.4; norm_first: Xiong et al. 2020, "On
    Layer Normalization in the Transformer Architecture"; causal: Radford et al. 2018, "Improving Language Understanding
    by Generative Pre-Training".

    >>> import jax.numpy as jnp
    >>> plan = TransformerEncoderBlock(heads=2, hidden=16).plan(jnp.ones((3, 5, 8)))
    >>> plan.output.shape, plan.count
    ((3, 5, 8), 600)
    """

    def __call__(
        self, scope: Scope, x: Float[Array, "rows time features"] | Padded, mask: Mask | None = None
    ) -> Array | Padded:
        """Attend and think."""
        added = scope("attention", self._attention(), self._normed(scope, "attention", x), mask=mask)
        return self._feed(scope, self._added(scope, "attention", x, added))

    def memory(
        self, rows: int, dtype: DTypeLike = "float32", *, length: int | None = None, features: int | None = None
    ) -> AttentionMemory:
        """Return an empty memory with room for `length` steps; `features` are those of x where the brick has none."""
        return self._attention().memory(rows, dtype, length=length, features=features)

    def step(self, scope: Scope, x: Tokens, memory: AttentionMemory) -> tuple[Array, AttentionMemory]:
        """Run the next step, or steps: return y like x, and the memory after it."""
        read = self._normed(scope, "attention", x)
        added, memory = scope("attention", self._attention(), read, memory, method="step")
        return self._feed(scope, self._added(scope, "attention", x, added)), memory


@brick
class TransformerDecoderBlock(TransformerBlock):
    """Writes while reading another sequence: looks back at what it wrote, looks at the context, then thinks.

        x = x + attention(norm(x)),   x = x + cross_attention(norm(x), context),   y = x + feed_forward(norm(x))

    Without `norm_first` norms are taken of the sums instead, as in the first paper. In `scope("decoder", Stack(
    TransformerDecoderBlock(8, 2048), 6), x, context)` the output of an encoder is the context of every block. The
    parts are named `attention`, `cross_attention` (Attention) and `feed_forward` (FeedForward), each with a norm and a
    dropout (`attention_norm`, ...), as in `TransformerEncoderBlock`.

    Step by step: `memory = block.memory(rows, length=most steps)`; once `_, memory = block.start(scope, context,
    memory)`, which maps the context to keys and values; then `y, memory = block.step(scope, x, memory)`, where x is
    one step (rows, features) or several (rows, time, features).

    Shapes: x (rows, time, features), kept; context (rows, other time, features'); an optional `mask` (rows, time,
    time), true where a position of x may look in x. Positions past the ends of `Padded` sequences are looked at by
    nobody.

    Args:
        heads: how many heads both attentions have.
        hidden: how many hidden units the feed-forward part has.
        features: width of x; None: any, but `memory` must know it.
        activation: name of the nonlinearity of the feed-forward part.
        gated: whether the feed-forward part is gated ("silu" gives SwiGLU).
        dropout: rate of dropping in training.
        norm_first: whether norms come before the parts (stable to train) or behind the sums.
        norm: the brick that normalises.
        causal: whether a position of x looks only at itself and what came before.
        kv_heads: how many heads keys and values have; None: as many.
        rotary: whether queries and keys of x itself are turned by their positions.
        rotary_base: how slow the slowest of these turns is.
        window: a position of x looks at positions of x fewer than this many steps away; None: at all.
        bias: whether the maps have biases.
        weights: name of the initialiser of the maps.

    Raises:
        SettingError: what `Attention` and `FeedForward` refuse; a step where it is not causal, or before `start`.
        ShapeError: inputs that are no sequences or of another width, or a context of other rows.

    Source: Vaswani et al. 2017, "Attention Is All You Need", sections 3.1 and 3.2.3; norm_first: Xiong et al. 2020, "On
    Layer Normalization in the Transformer Architecture".

    >>> import jax.numpy as jnp
    >>> plan = TransformerDecoderBlock(heads=2, hidden=16).plan(jnp.ones((3, 5, 8)), jnp.ones((3, 7, 6)))
    >>> plan.output.shape, plan.params["cross_attention/key/weight"].shape
    ((3, 5, 8), (6, 8))
    """

    causal: bool = True

    def __call__(
        self,
        scope: Scope,
        x: Float[Array, "rows time features"] | Padded,
        context: Float[Array, "rows other_time features2"] | Padded | ContextMemory,
        mask: Mask | None = None,
    ) -> Array | Padded:
        """Attend to x, attend to the context, and think."""
        added = scope("attention", self._attention(), self._normed(scope, "attention", x), mask=mask)
        return self._rest(scope, self._added(scope, "attention", x, added), context)

    def memory(
        self, rows: int, dtype: DTypeLike = "float32", *, length: int | None = None, features: int | None = None
    ) -> DecoderMemory:
        """Return a memory with room for `length` steps and no context yet; `features` as in `Attention.memory`."""
        return DecoderMemory(self._attention().memory(rows, dtype, length=length, features=features), None)

    def start(
        self, scope: Scope, context: Float[Array, "rows other_time features2"] | Padded, memory: DecoderMemory
    ) -> tuple[Any, DecoderMemory]:
        """Return the context as it is, and the memory with the context's keys and values."""
        old = memory.past.keys
        found = scope(
            "cross_attention", self._cross(), context, features=self.heads * old.shape[-1], method="context_memory"
        )
        kept = ContextMemory(found.keys.astype(old.dtype), found.values.astype(old.dtype), found.mask)
        return context, memory._replace(context=kept)

    def step(self, scope: Scope, x: Tokens, memory: DecoderMemory) -> tuple[Array, DecoderMemory]:
        """Run the next step, or steps: return y like x, and the memory after it."""
        if memory.context is None:
            raise SettingError(
                "its memory has no context yet: run method='start' with the context and the memory first."
            )
        steps = x[:, None] if x.ndim == 2 else x
        read = self._normed(scope, "attention", steps)
        added, past = scope("attention", self._attention(), read, memory.past, method="step")
        y = self._rest(scope, self._added(scope, "attention", steps, added), memory.context)
        return y.reshape(x.shape), memory._replace(past=past)

    def _rest(self, scope: Scope, x: Any, context: Any) -> Any:
        """Run attention to the context, and the feed-forward part."""
        added = scope("cross_attention", self._cross(), self._normed(scope, "cross_attention", x), context)
        return self._feed(scope, self._added(scope, "cross_attention", x, added))

    def _cross(self) -> Attention:
        return self._attention().replace(causal=False, rotary=False, window=None)
