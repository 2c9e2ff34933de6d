"""Columns: what each kind of column becomes as numbers, fitted on the training rows alone and stored as settings.

An encoded column is numbers (rows, n), for the network to use as they are, and categories (rows, m), indices for
embeddings. None fails at prediction time: a missing value, a word that was never seen and a text where a number should
be have an answer. What a row becomes depends on that row alone.
"""

import math
from typing import Any, ClassVar, Self

import numpy as np
import polars as pl
from jaxtyping import Float32, Int32

from brickwork.core.errors import SettingError
from brickwork.core.spec import Spec, registered
from brickwork.data.table.written import (
    DATES,
    DIGITS,
    HOURS,
    TIMES,
    as_texts,
    parse_any_dates,
    parse_numbers,
    seconds_of,
    word_key,
)

MOST_VALUES = 2000
"""Most values of a category that are told apart; rarer ones share the place of the unseen."""

MOST_WORDS = 200
"""Most words of a text that are told apart."""

FARTHEST = 1e9
"""How many spreads from the median a number may be; more makes no difference after clipping."""

LONGEST = 100
"""Most letters of such a word."""

DAY = 86_400.0
WEEK = 7 * DAY
YEAR = 365.2425 * DAY
PERIODS = {YEAR: "year", WEEK: "week", DAY: "day"}

TRUTH = {
    **dict.fromkeys(("true", "t", "yes", "y", "1", "on"), True),
    **dict.fromkeys(("false", "f", "no", "n", "0", "off"), False),
}

FLAGS = {"true": 1.0, "false": 0.0}


class Column(Spec):
    """A column of a table as numbers and categories; `fit` learns from training rows what `encode` needs."""

    kind: ClassVar[str] = "column"
    what: ClassVar[str] = "column"

    name: str

    @classmethod
    def fit(cls, values: pl.Series, form: str = "") -> Self:
        """Return the column with what it needs to know of the training rows, and the form in which it was written."""
        del values, form
        raise SettingError(f"{cls.__name__} has no fit(cls, values, form): write one.")

    def numbers(self, values: pl.Series) -> Float32[np.ndarray, "rows n"]:
        """Return what the column has of numbers, about -1 to 1 each; (rows, 0) if none."""
        return np.zeros((values.len(), 0), np.float32)

    def categories(self, values: pl.Series) -> Int32[np.ndarray, "rows m"]:
        """Return what the column has of categories, 0 for missing and unseen; (rows, 0) if none."""
        return np.zeros((values.len(), 0), np.int32)

    def unknown(self, values: pl.Series) -> list[str]:
        """Return the values that are there but say nothing: words not learnt, texts where a number should be."""
        del values
        return []

    @property
    def sizes(self) -> tuple[int, ...]:
        """How many categories each of its category columns has, the unseen included."""
        return ()

    @property
    def parts(self) -> tuple[str, ...]:
        """What its numbers are called."""
        return ()


@registered
class NumberColumn(Column):
    """A number: standardised by median and spread, with outliers pulled in smoothly; missing ones are said apart.

        z = (x - median) / spread,   y = z / sqrt(1 + (z / 3)^2)

    The spread is that of the middle half of the training values, 0.7413 (upper quartile - lower quartile), which is
    the standard deviation if they are normal; if it is 0, half of the range. A missing value becomes 0, and where the
    training rows had some, a second number that is 1.

    Source: Holzmüller, Grinsztajn & Steinwart 2024, "Better by Default: Strong Pre-Tuned MLPs and Boosted Trees on
    Tabular Data", section 3 (robust scaling and smooth clipping).
    """

    kind = "column"
    what = "number"

    name: str
    median: float
    spread: float
    missing: bool = False
    form: str = ""

    def validate(self) -> None:
        """Median and spread must be finite, the spread above 0."""
        self.require(math.isfinite(self.median), "median", "a finite number")
        self.require(math.isfinite(self.spread) and self.spread > 0, "spread", "a finite number above 0")
        self.require(self.form in ("", ",", "."), "form", "the decimal sign, or '' if it is not known")

    @classmethod
    def fit(cls, values: pl.Series, form: str = "") -> "NumberColumn":
        """Learn median and spread."""
        known = values.drop_nulls().cast(pl.Float64).to_numpy()
        if not len(known):
            return cls(values.name, 0.0, 1.0, True, form)
        low, median, high = (float(q) for q in np.quantile(known, (0.25, 0.5, 0.75), method="linear"))
        with np.errstate(over="ignore"):
            spread = 0.7413 * (high - low)
            if not spread > 0:
                spread = 0.5 * float(known.max() - known.min())
        spread = spread if math.isfinite(spread) and spread > 0 else 1.0
        return cls(values.name, median, spread, values.null_count() > 0, form)

    def numbers(self, values: pl.Series) -> Float32[np.ndarray, "rows n"]:
        """Return the scaled number, and whether it is missing."""
        given = as_floats(values, self.form == ",")
        gone = ~np.isfinite(given)
        with np.errstate(over="ignore"):  # past every bound, as what is far is anyway
            z = (np.where(gone, self.median, given) - self.median) / self.spread
        z = np.clip(z, -FARTHEST, FARTHEST)
        clipped = z / np.hypot(1, z / 3)
        return np.stack([clipped, gone] if self.missing else [clipped], axis=1).astype(np.float32)

    def unknown(self, values: pl.Series) -> list[str]:
        """Return texts that are no numbers."""
        return _words(values.filter(pl.Series(np.isnan(as_floats(values, self.form == ",")))))

    @property
    def parts(self) -> tuple[str, ...]:
        """The number, and whether it is missing."""
        return (self.name, f"{self.name} is missing") if self.missing else (self.name,)


@registered
class CategoryColumn(Column):
    """One of several words: an index from 1, by how often they occur; 0 for unseen and very rare ones.

    Words that occur once in the training rows share index 0, so that what the network says of unseen words was learnt
    from words that were as good as unseen. Missing ones have the last index where the training rows had some, else 0.

    A word is found however it is written: 3, 3.0 and 03 are one; an unseen word is taken for the one trained word
    that differs in nothing but capital letters, and of yes and no, true and false, 1 and 0 for the one that says the
    same.
    """

    kind = "column"
    what = "category"

    name: str
    values: tuple[str, ...]
    missing: bool = False

    @classmethod
    def fit(cls, values: pl.Series, form: str = "") -> "CategoryColumn":  # noqa: ARG003 (words are in no form)
        """Learn which words there are."""
        counts: dict[str, int] = {}
        written: dict[str, tuple[int, str]] = {}
        for word, count in as_texts(values).drop_nulls().value_counts().iter_rows():
            key = word_key(word)
            counts[key] = counts.get(key, 0) + count
            written[key] = max(written.get(key, (0, "")), (count, word))
        often = {key: count for key, count in counts.items() if count > 1 or len(counts) <= 2}
        chosen = sorted(often, key=lambda key: (-often[key], key))[:MOST_VALUES]
        return cls(values.name, tuple(written[key][1] for key in chosen), values.null_count() > 0)

    def categories(self, values: pl.Series) -> Int32[np.ndarray, "rows m"]:
        """Return the index of each word."""
        texts = as_texts(values)
        words = texts.drop_nulls().unique()
        find = self._finder()
        numbers = pl.Series([find(word) for word in words], dtype=pl.Int32)
        found = texts.replace_strict(words, numbers, default=0, return_dtype=pl.Int32) if len(words) else texts
        indices = found.cast(pl.Int32).to_numpy() if len(words) else np.zeros(len(texts), np.int32)
        gone = texts.is_null().to_numpy()
        return np.where(gone, len(self.values) + 1 if self.missing else 0, indices).astype(np.int32)[:, None]

    def unknown(self, values: pl.Series) -> list[str]:
        """Return words that are new, or were too rare to be learnt."""
        find = self._finder()
        return [word for word in _words(as_texts(values)) if not find(word)]

    def _finder(self) -> Any:
        """Return the function from a word to its index."""
        keys = {word_key(word): number for number, word in enumerate(self.values, 1)}
        small: dict[str, int] = {}
        for key, number in keys.items():
            small[key.casefold()] = 0 if key.casefold() in small else number
        truths = [TRUTH.get(word) for word in small]
        says = dict(zip(truths, small.values(), strict=True)) if sorted(map(str, truths)) == ["False", "True"] else {}

        def find(word: str) -> int:
            key = word_key(word)
            folded = key.casefold()
            return keys.get(key) or small.get(folded) or says.get(TRUTH.get(folded), 0)

        return find

    @property
    def sizes(self) -> tuple[int, ...]:
        """The words, one for the unseen, and one for the missing if there were some."""
        return (len(self.values) + 1 + self.missing,)


@registered
class DateColumn(Column):
    """A date or time: how long since the middle of the training rows, and where in the year, the week and the day.

    The time that passed is scaled as `NumberColumn` does; the seasons are sines and cosines of their phase, where the
    training rows span at least one and a half of them. Times are taken in UTC. A time of day alone has its phase.
    """

    kind = "column"
    what = "date"

    name: str
    passed: NumberColumn
    periods: tuple[float, ...]
    form: str = ""
    of_day: bool = False

    def validate(self) -> None:
        """The periods are those of the year, the week and the day."""
        self.require(all(period in PERIODS for period in self.periods), "periods", "seconds of a year, week or day")
        self.require(self.form in ("", DIGITS, *DATES, *HOURS, *TIMES), "form", "a known form, such as '%Y-%m-%d'")

    @classmethod
    def fit(cls, values: pl.Series, form: str = "") -> "DateColumn":
        """Learn the span."""
        of_day = values.dtype == pl.Time
        seconds = seconds_of(values)
        known = seconds.drop_nulls()
        span = float(known.max() - known.min()) if known.len() else 0.0  # type: ignore[operator]
        day = (DAY,) if values.dtype == pl.Datetime else ()
        periods = (DAY,) if of_day else tuple(period for period in (YEAR, WEEK, *day) if span >= 1.5 * period)
        return cls(values.name, NumberColumn.fit(seconds.alias(values.name)), periods, form, of_day)

    def unknown(self, values: pl.Series) -> list[str]:
        """Return what is no date."""
        return _words(values.filter(self._seconds(values).is_null()))

    def numbers(self, values: pl.Series) -> Float32[np.ndarray, "rows n"]:
        """Return the time that passed, and the phases."""
        seconds = self._seconds(values)
        given = as_floats(seconds)
        phases = [2 * np.pi * given / period for period in self.periods]
        waves = [np.nan_to_num(wave(phase)) for phase in phases for wave in (np.sin, np.cos)]
        return np.concatenate([self.passed.numbers(seconds), *(wave[:, None] for wave in waves)], 1).astype(np.float32)

    def _seconds(self, values: pl.Series) -> pl.Series:
        if values.dtype.is_integer() and self.form == DIGITS:
            values = values.cast(pl.String)
        if values.dtype == pl.String:
            return parse_any_dates(values, self.form, self.of_day)
        if values.dtype == pl.Datetime and self.of_day:
            values = values.dt.time()
        if values.dtype == pl.Time if self.of_day else values.dtype in (pl.Date, pl.Datetime):
            return seconds_of(values)
        return pl.Series(values.name, [None] * values.len(), pl.Float64)

    @property
    def parts(self) -> tuple[str, ...]:
        """The time that passed, and a sine and a cosine for each period."""
        words = [f"{self.name}, {wave} of the {PERIODS[p]}" for p in self.periods for wave in ("sine", "cosine")]
        return (*self.passed.parts, *words)


@registered
class TextColumn(Column):
    """A short text: which of the words that are common in the training rows it has, and how long it is.

    y_w = 1 / sqrt(number of known words in the text) if it has the word w, else 0
    """

    kind = "column"
    what = "text"

    name: str
    words: tuple[str, ...]
    length: NumberColumn

    @classmethod
    def fit(cls, values: pl.Series, form: str = "") -> "TextColumn":  # noqa: ARG003 (words are in no form)
        """Learn which words are common."""
        lists = words_of(values)
        counts = lists.list.unique().explode().drop_nulls().value_counts().rows()
        least = max(2, values.len() // 1000)
        common = sorted(((-count, word) for word, count in counts if count >= least and len(word) <= LONGEST))
        return cls(
            values.name, tuple(word for _, word in common[:MOST_WORDS]), NumberColumn.fit(_length(values, lists))
        )

    def numbers(self, values: pl.Series) -> Float32[np.ndarray, "rows n"]:
        """Return a number for each word, and the length."""
        lists = words_of(values)
        bags = np.zeros((values.len(), len(self.words)), np.float32)
        if self.words:
            index = {word: number for number, word in enumerate(self.words)}
            rows = pl.DataFrame({"row": pl.int_range(values.len(), eager=True), "words": lists})
            found = pl.col("words").replace_strict(index, default=None, return_dtype=pl.Int64)
            pairs = rows.explode("words").select("row", found).drop_nulls().unique()
            row, word = pairs["row"].to_numpy(), pairs["words"].to_numpy()
            bags[row, word] = 1 / np.sqrt(np.bincount(row, minlength=values.len())[row])
        return np.concatenate([bags, self.length.numbers(_length(values, lists))], axis=1)

    @property
    def parts(self) -> tuple[str, ...]:
        """The words, and the length."""
        return (*(f"{self.name} has {word!r}" for word in self.words), *self.length.parts)


def as_floats(values: pl.Series, comma: bool = False) -> np.ndarray:
    """Return values as float64; what is no number becomes nan, so that a word among numbers counts as missing."""
    if values.dtype == pl.String:
        flags = values.str.to_lowercase().replace_strict(FLAGS, default=None, return_dtype=pl.Float64)
        values = parse_numbers(values, comma).fill_null(flags)
    if values.dtype.is_temporal():
        return np.full(values.len(), np.nan)
    return values.cast(pl.Float64, strict=False).to_numpy().astype(np.float64)


def _words(values: pl.Series) -> list[str]:
    """Return the different values that are there, as texts, in their order."""
    return values.drop_nulls().unique(maintain_order=True).cast(pl.String, strict=False).drop_nulls().to_list()


def words_of(values: pl.Series) -> pl.Series:
    """Return the words of each text in small letters, as lists."""
    return values.cast(pl.String, strict=False).str.to_lowercase().str.extract_all(r"[\p{L}\p{N}]+")


def _length(values: pl.Series, lists: pl.Series) -> pl.Series:
    return pl.Series(f"words in {values.name}", lists.list.len().cast(pl.Float64))


def column_of(kind: str) -> type[Any]:
    """Return the class of a kind of column: number, category, date or text."""
    return {cls.what: cls for cls in (NumberColumn, CategoryColumn, DateColumn, TextColumn)}[kind]
