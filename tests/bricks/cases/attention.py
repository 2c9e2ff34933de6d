"""Cases of attention, positions and the blocks of transformers."""

from typing import Any

import numpy as np

from bricks.cases.draws import Draws
from bricks.contract import Case, golden
from brickwork.bricks import (
    AdditiveAttention,
    Attention,
    Embedding,
    FeedForward,
    GlobalPool,
    LearnedPositions,
    Sequential,
    SinusoidalPositions,
    TransformerDecoderBlock,
    TransformerEncoderBlock,
)
from brickwork.core.batch import Padded

draws = Draws(17)
numbers, padded = draws.numbers, draws.padded

# ------------------------------------------------------------------------------------- equations in NumPy


def softmax(scores: Any) -> np.ndarray:
    powers = np.exp(np.asarray(scores) - np.max(scores))
    return powers / powers.sum()


def turned(v: Any, inputs: Any, taps: Any, window: int = 3) -> Padded:
    """Su et al. 2021, equation 12: scores are Re(q k* e^(i (m - n) θ)), of pairs of numbers as complex ones.

    Two heads of queries share one of keys and values; each position looks at itself and window - 1 before it.
    """
    x, lengths = inputs[0].values.astype("float64"), inputs[0].lengths
    q, k, u = (x @ v[f"{name}/weight"] + v[f"{name}/bias"] for name in ("query", "key", "value"))
    theta = 100.0 ** (-np.arange(2) / 2)
    y = np.zeros((*x.shape[:2], 8))
    k = k[..., :2] + 1j * k[..., 2:]
    for b, head in np.ndindex(len(x), 2):
        own = q[b, :, 4 * head : 4 * head + 4]
        own = own[:, :2] + 1j * own[:, 2:]
        for m in range(lengths[b]):
            seen = range(max(0, m - window + 1), m + 1)
            scores = [np.sum(own[m] * k[b, n].conj() * np.exp(1j * (m - n) * theta)).real / 2 for n in seen]
            y[b, m, 4 * head : 4 * head + 4] = softmax(scores) @ u[b, list(seen)]
    y = y @ v["output/weight"] + v["output/bias"]
    y[np.arange(x.shape[1]) >= lengths[:, None]] = 0
    return Padded(y, lengths)


def added(v: Any, inputs: Any, taps: Any) -> np.ndarray:
    """Bahdanau et al. 2015, appendix A.1.2, and the mean of section 3.1, equation 5."""
    x, context, lengths = inputs[0].astype("float64"), inputs[1].values.astype("float64"), inputs[1].lengths
    y = np.zeros((*x.shape[:2], context.shape[-1]))
    for b, i in np.ndindex(*x.shape[:2]):
        read = context[b, : lengths[b]]
        scores = [v["score"] @ np.tanh(x[b, i] @ v["query/weight"] + one @ v["key/weight"]) for one in read]
        y[b, i] = softmax(scores) @ read
    return y


def waved(v: Any, inputs: Any, taps: Any) -> np.ndarray:
    """Vaswani et al. 2017, section 3.5."""
    y, d = inputs[0].astype("float64"), inputs[0].shape[-1]
    for t in range(y.shape[1]):
        for i in range((d + 1) // 2):
            y[:, t, 2 * i] += np.sin(t / 10_000 ** (2 * i / d))
            if 2 * i + 1 < d:
                y[:, t, 2 * i + 1] += np.cos(t / 10_000 ** (2 * i / d))
    return y


def dropped(v: Any, inputs: Any, taps: Any, rate: float = 0.3) -> np.ndarray:
    """Vaswani et al. 2017, sections 3.1 and 5.4, one head, norms first: x + drop(part(norm(x))), twice.

    Weights of attention and hidden units are dropped too, as in the code that goes with the paper.
    """

    def normed(x: Any, name: str) -> np.ndarray:
        centred = x - x.mean(-1, keepdims=True)
        scaled = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-5)
        return scaled * v[f"{name}/scale"] + v[f"{name}/offset"]

    def mapped(x: Any, name: str) -> np.ndarray:
        return x @ v[f"{name}/weight"] + v[f"{name}/bias"]

    def drop(x: Any, name: str) -> np.ndarray:
        return x * taps[f"{name}/mask"] / (1 - rate)

    x = inputs[0].astype("float64")
    q, k, u = (mapped(normed(x, "attention_norm"), f"attention/{name}") for name in ("query", "key", "value"))
    weights = np.array([[softmax(row) for row in one] for one in q @ k.swapaxes(1, 2) / np.sqrt(x.shape[-1])])
    y = mapped(drop(weights[:, None], "attention/dropout")[:, 0] @ u, "attention/output")
    x = x + drop(y, "attention_dropout")
    y = np.maximum(mapped(normed(x, "feed_forward_norm"), "feed_forward/hidden"), 0)
    y = mapped(drop(y, "feed_forward/dropout"), "feed_forward/output")
    return x + drop(y, "feed_forward_dropout")


def masked() -> Case:
    stored = golden("attention/masked")
    inputs = (stored["in/0"], stored["in/1"], golden("masks")["attention"])
    return Case(Attention(2), inputs, golden="attention/masked", quick="nothing")


def pooled(**settings: Any) -> Sequential:
    return Sequential(block=TransformerEncoderBlock(2, 6, activation="relu", **settings), pool=GlobalPool())


CASES: dict[str, Case] = {
    "attention/rotary": Case(
        Attention(2, features=8, causal=True, kv_heads=1, rotary=True, rotary_base=100.0, window=3),
        (padded(2, 5, 3, lengths=(5, 4)),),
        oracle=turned,
    ),
    "attention/masked": masked(),
    "additive_attention/padded": Case(
        AdditiveAttention(5), (numbers(3, 2, 3), padded(3, 4, 2, lengths=(4, 1, 3))), oracle=added
    ),
    "learned_positions/sequence": Case(LearnedPositions(5), golden="learned_positions/sequence"),
    "sinusoidal_positions/odd": Case(SinusoidalPositions(), (numbers(2, 4, 5),), oracle=waved),
    "feed_forward/plain": Case(FeedForward(5, "relu"), golden="feed_forward/plain", quick="nothing"),
    "feed_forward/gated": Case(FeedForward(5, "silu", gated=True, bias=False), golden="feed_forward/gated"),
    "transformer_encoder_block/before": Case(
        TransformerEncoderBlock(2, 6), golden="transformer_encoder_block/before", quick="nothing"
    ),
    "transformer_encoder_block/causal": Case(
        TransformerEncoderBlock(2, 6, causal=True), golden="transformer_encoder_block/causal", quick="nothing"
    ),
    "transformer_encoder_block/padded_before": Case(
        pooled(), golden="transformer_encoder_block/padded_before", quick="nothing"
    ),
    "transformer_encoder_block/padded_after": Case(
        pooled(norm_first=False), golden="transformer_encoder_block/padded_after"
    ),
    "transformer_encoder_block/dropout": Case(
        TransformerEncoderBlock(1, 6, activation="relu", dropout=0.3),
        (numbers(2, 3, 4),),
        oracle=dropped,
        training=True,
        linear_in_masks=False,
        quick="nothing",
    ),
    "transformer_decoder_block/before": Case(
        TransformerDecoderBlock(2, 6, activation="relu"), golden="transformer_decoder_block/before"
    ),
    "transformer_decoder_block/after": Case(
        TransformerDecoderBlock(2, 6, activation="relu", norm_first=False),
        golden="transformer_decoder_block/after",
        quick="nothing",
    ),
    "embedding/filled": Case(Embedding(7, 3, scale=True, padding_id=2), golden="embedding/filled", quick="nothing"),
}
