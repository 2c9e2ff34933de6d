"""Numbers and scores as a person reads them: as many digits as they are worth, and what each score means."""

import math
from collections.abc import Iterable

from brickwork.explain.findings import Interval, Score
from brickwork.services.report.markup import Html, element, escaped, given, joined, sentence

UNKNOWN = "–"

METRICS: dict[str, tuple[str, str]] = {
    "accuracy": ("Right answers", "the share of rows that are answered rightly (accuracy)"),
    "error_rate": ("Wrong answers", "the share of rows that are answered wrongly"),
    "balanced_accuracy": ("Balanced accuracy", "the share of right answers in each class, averaged over the classes"),
    "top_5_accuracy": ("Truth among its first 5", "the share of rows whose class is among the five likeliest answers"),
    "log_loss": ("Log loss", "how far its probabilities are from the truth; being sure and wrong costs most"),
    "brier": ("Brier score", "the mean squared gap between its probabilities and the truth"),
    "roc_auc": ("ROC AUC", "how often a row of one class gets a higher probability than a row of the other"),
    "average_precision": ("Average precision", "how well rows with a label are ranked before rows without"),
    "f1": ("F1", "100% if every row that has it is found and no other is; precision and recall in one number"),
    "macro_f1": ("Mean F1", "100% if every label that is there is found and no other is given; averaged over labels"),
    "precision": ("Precision", "of the rows that are given it, the share that have it"),
    "recall": ("Recall", "of the rows that have it, the share that are given it"),
    "exact_match": ("All labels right", "the share of rows with every label right (exact match)"),
    "r2": ("R²", "the share of the differences between rows that it explains: 1 is perfect, 0 as good as the mean"),
    "rmse": ("RMSE", "the typical error, in which large errors weigh more"),
    "mae": ("MAE", "the mean error, whatever its sign"),
    "mean_error": ("Mean error", "answer minus truth, averaged: above 0, answers are too high"),
    "loss": ("Loss", "what training makes as small as it can"),
}  # fmt: skip


SHARES = frozenset(METRICS) - {"log_loss", "brier", "r2", "rmse", "mae", "mean_error", "loss"}
"""Scores that lie in 0..1 and are shown as percentages."""


ANSWERED = "answered "
"""What the rate of an answer is called begins with it."""


def count(value: float) -> str:
    """Return a whole number, with its thousands set apart."""
    return f"{round(value):,}" if math.isfinite(value) else UNKNOWN


def counted(value: int, one: str, many: str = "") -> str:
    """Return a number of things: 1 row, 2 rows."""
    return f"{value:,} {one if value == 1 else many or one + 's'}"


def percent(share: float, digits: int = 1) -> str:
    """Return a share as a percentage."""
    if not math.isfinite(share):
        return UNKNOWN
    return f"{_no_minus_zero(100 * share, digits)}%"


def number(value: float, digits: int = 4) -> str:
    """Return a number with as many digits as matter, 4 of them where nothing else is said."""
    value = float(value)
    if not math.isfinite(value):
        return UNKNOWN if math.isnan(value) else ("∞" if value > 0 else "−∞")
    size = abs(value)
    if size == 0:
        return "0"
    if size >= 1e9 or size < 1e-4:
        mantissa, exponent = f"{value:.2e}".split("e")
        return f"{mantissa}e{int(exponent)}".replace("-", "−")
    decimals = digits - 1 - math.floor(math.log10(size))
    if decimals <= 0:
        return _no_minus_zero(round(value, decimals), 0)
    text = f"{value:,.{decimals}f}"
    return text.rstrip("0").rstrip(".").replace("-", "−") if "." in text else text.replace("-", "−")


def decimals_of(interval: Interval) -> int:
    """Return how many decimals an interval is worth: two digits of its half width, but at most four of its value."""
    width = (interval.high - interval.low) / 2
    size = width if math.isfinite(width) and width > 0 else abs(interval.value) / 50
    if not math.isfinite(size) or size <= 0:
        return 2
    decimals = 1 - math.floor(math.log10(size))
    if math.isfinite(interval.value) and interval.value:
        decimals = min(decimals, 3 - math.floor(math.log10(abs(interval.value))))
    return min(max(decimals, 0), 8)


def value_text(score: Score) -> str:
    """Return a score: a share as a percentage, a number with as many digits as its interval is worth."""
    value = score.interval.value
    if not math.isfinite(value):
        return number(value)
    if score.share:
        return percent(value)
    if _is_vast(score.interval):
        return number(value, 3)
    return _no_minus_zero(value, decimals_of(score.interval))


def range_text(interval: Interval, share: bool = False, signed: bool = False) -> str:
    """Return the ends of an interval: 95.4 to 99.0%."""
    ends = (interval.low, interval.high)
    if not all(map(math.isfinite, ends)):
        return ""
    plus = "+" if signed else ""
    if share:
        low, high = (f"{_no_minus_zero(100 * end, 1, plus)}" for end in ends)
        return f"{low} to {high}" if signed else f"{low} to {high}%"
    if _is_vast(interval):
        return " to ".join(number(end, 3) for end in ends)
    decimals = decimals_of(interval)
    return " to ".join(_no_minus_zero(end, decimals, plus) for end in ends)


def score_text(score: Score) -> str:
    """Return a score with its interval: 97.8% (95.4 to 99.0%)."""
    ends = range_text(score.interval, score.share)
    return f"{value_text(score)} ({ends})" if ends else value_text(score)


def difference_text(interval: Interval, share: bool) -> str:
    """Return a difference with its sign: +0.7 points, of percentages, or +0.031."""
    value = interval.value
    if not math.isfinite(value):
        return UNKNOWN
    if share:
        return f"{_no_minus_zero(100 * value, 1, '+')} points"
    return number(value, 3) if _is_vast(interval) else _no_minus_zero(value, decimals_of(interval), "+")


def leaves_out_zero(interval: Interval) -> bool:
    """Tell whether a difference is more than chance would make, as far as its interval can tell."""
    return math.isfinite(interval.low) and math.isfinite(interval.high) and (interval.low > 0 or interval.high < 0)


def metric_name(name: str) -> Html:
    """Return what a score is called; of a score of one target, with the target's name."""
    known, rest = _known(name)
    if known is None:
        return given(sentence(name))
    return joined(METRICS[known][0], (" of ", given(rest, 40)) if rest else None)


def meanings(names: Iterable[str]) -> Html | None:
    """Return what each score means, as a list; of several targets' scores once."""
    said: dict[str, Html] = {}
    for name in dict.fromkeys(names):
        known, rate = metric_of(name), _rate(name)
        if known:
            said[known] = joined(element("strong", METRICS[known][0]), ": ", METRICS[known][1])
        elif name.startswith(ANSWERED) and ANSWERED in said:
            said[ANSWERED] = joined(
                element("strong", "Answered …"), ": how often that is the answer, whatever the truth"
            )
        elif rate is not None:
            key = ANSWERED if name.startswith(ANSWERED) else name
            said[key] = joined(element("strong", metric_name(name)), ": ", rate)
    items = [element("li", line) for line in said.values()]
    return element("ul", items, class_="quiet meanings") if items else None


def _rate(name: str) -> Html | None:
    """Return what a rate of answers means, by how it is named: "answered yes", "yes where true", "yes where false"."""
    if name.startswith(ANSWERED):
        return joined("how often the answer is ", given(name.removeprefix(ANSWERED), 40), ", whatever the truth")
    label, found, truth = name.rpartition(" where ")
    if found and truth == "true":
        return joined("of the rows that are ", given(label, 40), ", the share that are found")
    if found and truth == "false":
        return joined("of the rows that are not ", given(label, 40), ", the share that are taken for it")
    return None


def metric_meaning(name: str) -> str:
    """Return what a score means, in half a sentence; nothing if it is not known."""
    known, _ = _known(name)
    return "" if known is None else METRICS[known][1]


def metric_of(name: str) -> str:
    """Return which of the known scores a name is of, or nothing."""
    return _known(name)[0] or ""


def rows_of(count_: int, pictures: bool) -> str:
    """Return a number of rows, or of pictures where these are what is asked about."""
    return counted(count_, "picture" if pictures else "row")


def duration(seconds: float) -> str:
    """Return a time as a person says it."""
    if not math.isfinite(seconds):
        return UNKNOWN
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def paragraph(*children: str | None, class_: str | None = None) -> Html:
    """Return a paragraph of text."""
    return element("p", *(None if child is None else escaped(child) for child in children), class_=class_)


def _known(name: str) -> tuple[str | None, str]:
    """Return the known score that a name begins with, and what follows: "rmse of price", "price rmse", "top5"."""
    plain = name.strip().lower().replace("-", "_").replace(" ", "_")
    if plain in METRICS:
        return plain, ""
    for sign in (" of ", "/", ": "):
        first, found, rest = name.partition(sign)
        if found and _known(first)[0] is not None:
            return _known(first)[0], rest
    return None, name


def _is_vast(interval: Interval) -> bool:
    """Tell whether numbers are so large, or all so small, that they are written with powers of ten."""
    known = [abs(end) for end in (interval.low, interval.value, interval.high) if math.isfinite(end)]
    largest = max(known, default=0.0)
    return largest >= 1e9 or 0 < largest < 1e-4


def _no_minus_zero(value: float, decimals: int, plus: str = "") -> str:
    text = f"{value:{plus},.{decimals}f}"
    return (text[1:] if float(text.replace(",", "")) == 0 and text[0] in "+-" else text).replace("-", "−")
