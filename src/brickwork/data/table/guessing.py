"""What columns of texts are: numbers, flags, dates, or texts after all."""

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from brickwork.data.table.written import DAYS, DIGITS, ONLY_COMMA, ONLY_POINT, date_form, parse_dates, parse_numbers

MIXED = 0.02
"""The share of values that are no numbers (no dates) up to which a column still is one of numbers (of dates)."""

FEWEST = 50
"""Values that a column must have before a few of them may be something else."""

LONGEST_NUMBER = 18
"""Most digits of a whole number; more are a code."""

SPECIAL = rf"^0\d|^\d{{{LONGEST_NUMBER + 1}}}|^(?:19|20)\d{{6}}$"
"""What numbers begin with that may be codes or days."""


@dataclass(frozen=True, eq=False)
class Guessed:
    """Columns as what they are, how they are written (the form of dates, else the decimal sign if known), and notes."""

    frame: pl.DataFrame
    forms: Mapping[str, str]
    notes: tuple[str, ...]


def guess_columns(texts: pl.DataFrame, day_first: bool = False) -> Guessed:
    """Return texts as numbers, flags or dates where (nearly) all values are; others stay as they are.

    A file has one decimal sign: a column that does not show which it is written with follows the others. So do dates
    in which day and month could be mixed up: `day_first`, or where there are decimal commas, the day is first.
    """
    if texts.width == 0:
        return Guessed(texts, {}, ())
    head = texts.head(1000)
    commas = head.select(pl.all().str.contains(ONLY_COMMA).sum()).row(0)
    points = head.select(pl.all().str.contains(ONLY_POINT).sum()).row(0)
    comma = 0 < sum(commas) >= sum(points)
    sign = "," if comma else "." if sum(points) else ""
    notes = ["Numbers are read with decimal commas."] if comma else []
    forms: dict[str, str] = {}
    simple = {} if comma else _plain_numbers(texts)
    columns = []
    for column, own, other in zip(texts.get_columns(), commas, points, strict=True):
        shown = "," if own > other else "." if own < other else sign
        if shown:
            forms[column.name] = shown  # unless it turns out to be one of dates
        if column.name in simple and not own:
            columns.append(simple[column.name])
        else:
            columns.append(_guess(column, shown == ",", day_first or comma, forms, notes))
    return Guessed(pl.DataFrame(columns), forms, tuple(notes))


def _plain_numbers(texts: pl.DataFrame) -> dict[str, pl.Series]:
    """Return the columns that hold nothing but plain numbers, all in few passes: tables may have thousands."""
    numbers = texts.select(pl.all().cast(pl.Float64, strict=False))
    special = texts.select(pl.all().str.contains(SPECIAL).any()).row(0)
    finite = numbers.select(pl.all().is_finite().all()).row(0)
    lost = [a - b for a, b in zip(numbers.null_count().row(0), texts.null_count().row(0), strict=True)]
    good = [
        name
        for name, odd, all_finite, gone in zip(texts.columns, special, finite, lost, strict=True)
        if not odd and all_finite and not gone and numbers[name].count()
    ]
    wholes = texts.select(good).select(pl.all().cast(pl.Int64, strict=False)) if good else pl.DataFrame()
    return {
        name: wholes[name] if wholes[name].null_count() == numbers[name].null_count() else _whole(numbers[name])
        for name in good
    }


def _guess(texts: pl.Series, comma: bool, day_first: bool, forms: dict[str, str], notes: list[str]) -> pl.Series:
    known = texts.drop_nulls()
    if known.len() == 0:
        return texts.cast(pl.Float64)
    if _are_flags(known.head(100)) and _are_flags(known):
        return texts.str.to_lowercase() == "true"
    finite = _finite(texts)
    head = finite.drop_nulls().head(500)
    if parse_numbers(head, comma).count() < max(1, 0.5 * head.len()) or _are_codes(known) or _are_days(known):
        return _dates(texts, known, day_first, forms, notes)
    numbers = parse_numbers(texts, comma)
    if not _nearly(finite, numbers, "numbers", notes):
        return _dates(texts, known, day_first, forms, notes)
    wholes = texts.cast(pl.Int64, strict=False)  # straight from the digits: a float has 15 of them
    return wholes if not comma and wholes.null_count() == texts.null_count() else _whole(numbers)


def _whole(numbers: pl.Series) -> pl.Series:
    """Return numbers as whole ones if all are, and none is too large for a float to tell it from the next."""
    exact = ((numbers.round(0) == numbers) & (numbers.abs() < 2**53)).fill_null(True).all()
    return numbers.cast(pl.Int64, strict=False) if exact else numbers


def _finite(texts: pl.Series) -> pl.Series:
    """Return texts without infinite ones: they are no values, yet no words among numbers either."""
    infinite = texts.cast(pl.Float64, strict=False).is_infinite().fill_null(False)
    return texts.to_frame().select(pl.when(~infinite).then(pl.col(texts.name))).to_series() if infinite.any() else texts


def _nearly(texts: pl.Series, read: pl.Series, what: str, notes: list[str]) -> bool:
    """Tell whether all values but a few were read, and note which were not."""
    known, lost = texts.count(), texts.count() - read.count()
    if lost and (known < FEWEST or lost > MIXED * known):
        return False
    if lost:
        examples = texts.filter(read.is_null() & texts.is_not_null()).unique(maintain_order=True).head(3)
        notes.append(
            f"The column {texts.name!r} is one of {what}, but for {lost} of {known} values "
            f"(such as {', '.join(repr(example[:40]) for example in examples)}), which are taken as missing."
        )
    return True


def _are_flags(known: pl.Series) -> bool:
    return set(known.str.to_lowercase().unique().to_list()) <= {"true", "false"}


def _are_codes(known: pl.Series) -> bool:
    """Tell whether digits or amounts are no numbers: zip codes, long identifiers, several currencies.

    Codes have zeros in front and all one length, or more digits than a whole number has here.
    """
    if known.str.contains(r"^0\d+$").any() and known.str.len_chars().n_unique() == 1:
        return True
    if known.str.len_bytes().max() > LONGEST_NUMBER and known.str.contains(r"^\d+$").all():  # type: ignore[operator]
        return True
    ornate = known.filter(known.cast(pl.Float64, strict=False).is_null())
    return ornate.str.extract(r"(\p{Sc})").drop_nulls().n_unique() > 1


def _are_days(known: pl.Series) -> bool:
    """Tell whether numbers of eight digits are all dates: 20201231."""
    head = known.head(100)
    return head.n_unique() >= 3 and head.str.contains(DAYS).all() and date_form(known, False)[0] == DIGITS


def _dates(texts: pl.Series, known: pl.Series, day_first: bool, forms: dict[str, str], notes: list[str]) -> pl.Series:
    form, mixed_up = date_form(known, day_first)
    read = parse_dates(texts, form) if form else None
    if read is None or not _nearly(texts, read, "dates", notes):
        return texts
    if mixed_up:
        first = "day first" if form.startswith("%d") else "month first"
        notes.append(
            f"The dates of {texts.name!r} are read with the {first} ({known[0]!r}); if that is wrong, "
            "write them as 2020-12-31."
        )
    forms[texts.name] = form
    return read
