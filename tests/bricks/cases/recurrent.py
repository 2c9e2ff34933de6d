"""Cases of recurrent layers and of what changes the steps of a sequence."""

from typing import Any

import numpy as np

from bricks.cases.draws import Draws
from bricks.contract import Case
from brickwork.bricks import GRU, LSTM, Bidirectional, LastStep, Repeat, Reverse, Sequential, SimpleRNN
from brickwork.core.batch import Padded

draws = Draws(27)
numbers = draws.numbers

# ------------------------------------------------------------------------------------- equations in NumPy


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def masks(taps: Any, row: int, rates: tuple[float, float]) -> tuple[Any, Any]:
    """Return what x and h of a row are multiplied with at every step: Gal & Ghahramani 2016, section 4, tied weights.

    What is kept is divided by 1 - rate, as in `Dropout`.
    """
    names = ("mask", "memory_mask")
    return tuple(taps[name][row] / (1 - rate) if rate else 1.0 for name, rate in zip(names, rates, strict=True))


def gru_before(v: Any, inputs: Any, taps: Any, rates: tuple[float, float] = (0, 0)) -> np.ndarray:
    """Cho et al. 2014, section 2.3, equations 5 to 8, one row and one step at a time; h of every step."""
    x = inputs[0].astype("float64")
    (w_r, w_z, w), (u_r, u_z, u) = (np.split(v[f"{n}_weight"].astype("float64"), 3, 1) for n in ("input", "memory"))
    b_r, b_z, b = np.split(v["bias"], 3)
    out = np.zeros((*x.shape[:2], u.shape[0]))
    for row, sequence in enumerate(x):
        kept, memory_kept = masks(taps, row, rates)
        h = np.zeros(u.shape[0])
        for t, now in enumerate(sequence * kept):
            known = h * memory_kept
            r = sigmoid(now @ w_r + known @ u_r + b_r)  # equation 5
            z = sigmoid(now @ w_z + known @ u_z + b_z)  # equation 6
            candidate = np.tanh(now @ w + (r * known) @ u + b)  # equation 8
            h = z * h + (1 - z) * candidate  # equation 7
            out[row, t] = h
    return out


def gru_dropped(v: Any, inputs: Any, taps: Any) -> np.ndarray:
    return gru_before(v, inputs, taps, (0, 0.4))


def lstm_dropped(v: Any, inputs: Any, taps: Any) -> Any:
    """Gal & Ghahramani 2016, section 4, equation 7: four gates of one masked x and one masked h; last h."""
    out = []
    for row, sequence in enumerate(inputs[0].values):
        kept, memory_kept = masks(taps, row, (0.25, 0.5))
        h = c = np.zeros(3)
        for now in sequence[: inputs[0].lengths[row]]:
            gates = (now * kept) @ v["input_weight"] + (h * memory_kept) @ v["memory_weight"] + v["bias"]
            i, f, g, o = np.split(gates, 4)
            c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
            h = sigmoid(o) * np.tanh(c)
        out.append(h)
    return np.array(out)


def simple_dropped(v: Any, inputs: Any, taps: Any) -> np.ndarray:
    out = []
    for row, sequence in enumerate(inputs[0]):
        kept, memory_kept = masks(taps, row, (0.3, 0.3))
        h = np.zeros(3)
        for now in sequence:
            h = np.tanh((now * kept) @ v["input_weight"] + (h * memory_kept) @ v["memory_weight"] + v["bias"])
        out.append(h)
    return np.array(out)


def repeated(v: Any, inputs: Any, taps: Any) -> np.ndarray:
    return np.array([[row] * 3 for row in inputs[0]])


def last_step(v: Any, inputs: Any, taps: Any) -> np.ndarray:
    return inputs[0][:, -1]


def last_real_step(v: Any, inputs: Any, taps: Any) -> np.ndarray:
    x = inputs[0]
    return np.array([row[n - 1] if n else 0 * row[0] for row, n in zip(x.values, x.lengths, strict=True)])


def turned(v: Any, inputs: Any, taps: Any) -> np.ndarray:
    return inputs[0][:, ::-1]


def turned_within_lengths(v: Any, inputs: Any, taps: Any) -> Padded:
    x = inputs[0]
    rows = [np.concatenate([row[:n][::-1], row[n:]]) for row, n in zip(x.values, x.lengths, strict=True)]
    return x.with_values(np.array(rows))


PADDED = draws.padded(3, 4, 2, lengths=(4, 0, 3))
DROPPED = {"training": True, "linear_in_masks": False}

CASES: dict[str, Case] = {
    "simple_rnn/last": Case(SimpleRNN(4), golden="simple_rnn/last", quick="nothing"),
    "simple_rnn/relu": Case(SimpleRNN(3, "relu", return_sequence=True), golden="simple_rnn/relu"),
    "simple_rnn/dropout": Case(
        SimpleRNN(3, dropout=0.3, memory_dropout=0.3),
        (numbers(4, 3, 2),),
        oracle=simple_dropped,
        quick="nothing",
        **DROPPED,
    ),
    "gru/sequence": Case(GRU(4, return_sequence=True), golden="gru/sequence", quick="nothing"),
    "gru/padded_last": Case(GRU(3), golden="gru/padded_last", quick="nothing"),
    "gru/padded_sequence": Case(GRU(3, return_sequence=True), golden="gru/padded_sequence"),
    "gru/before": Case(GRU(3, return_sequence=True, reset="before"), (numbers(2, 4, 2),), oracle=gru_before),
    "gru/dropout": Case(
        GRU(3, return_sequence=True, reset="before", memory_dropout=0.4),
        (numbers(2, 4, 2),),
        oracle=gru_dropped,
        quick="nothing",
        **DROPPED,
    ),
    "lstm/dropout": Case(LSTM(3, dropout=0.25, memory_dropout=0.5), (PADDED,), oracle=lstm_dropped, **DROPPED),
    "bidirectional/lstm": Case(
        Bidirectional(LSTM(3, return_sequence=True)), golden="bidirectional/lstm", quick="nothing"
    ),
    "bidirectional/lstm_last": Case(Bidirectional(LSTM(3)), golden="bidirectional/lstm_last", quick="nothing"),
    "bidirectional/lstm_padded": Case(
        Bidirectional(LSTM(3, return_sequence=True)), golden="bidirectional/lstm_padded", quick="nothing"
    ),
    "bidirectional/gru_padded_last": Case(
        Bidirectional(GRU(3), GRU(3)), golden="bidirectional/gru_padded_last", quick="nothing"
    ),
    "bidirectional/add": Case(
        Bidirectional(SimpleRNN(3, return_sequence=True), merge="add"), golden="bidirectional/add"
    ),
    "bidirectional/average": Case(
        Bidirectional(SimpleRNN(3, return_sequence=True), merge="average"),
        golden="bidirectional/average",
        quick="nothing",
    ),
    "bidirectional/multiply": Case(
        Bidirectional(SimpleRNN(3, return_sequence=True), merge="multiply"),
        golden="bidirectional/multiply",
        quick="nothing",
    ),
    "sequential/two_lstms": Case(
        Sequential(LSTM(3, return_sequence=True), LSTM(3)), golden="sequential/two_lstms", quick="nothing"
    ),
    "sequential/two_bidirectional_grus": Case(
        Sequential(*[Bidirectional(GRU(3, return_sequence=True))] * 2),
        golden="sequential/two_bidirectional_grus",
        quick="nothing",
    ),
    "repeat/vector": Case(Repeat(3), (numbers(2, 4),), oracle=repeated),
    "last_step/plain": Case(LastStep(), (numbers(2, 3, 4),), oracle=last_step, quick="nothing"),
    "last_step/padded": Case(LastStep(), (PADDED,), oracle=last_real_step),
    "reverse/plain": Case(Reverse(), (numbers(2, 3, 4),), oracle=turned, quick="nothing"),
    "reverse/padded": Case(Reverse(), (PADDED,), oracle=turned_within_lengths),
}
