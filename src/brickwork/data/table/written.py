"""How people write numbers, dates and missing values, read value by value.

What a value says depends on the value and the form of its column alone, never on the other values of a file: one row
read alone is what it was among all.
"""

import hashlib
import re

import polars as pl

MISSING = (
    "", "NA", "N/A", "n/a", "na", "NaN", "nan", "NAN", "-nan", "-NaN", "NULL", "Null", "null", "None", "none", "nil",
    "<NA>", "NaT", "?", "-", "--", "---", ".", "..", "#N/A", "#NA", "#N/A N/A", "#DIV/0!", "#VALUE!", "#REF!", "#NAME?",
    "#NUM!", "#NULL!",
)  # fmt: skip
"""How people write that there is no value; blanks around are ignored."""

GAPS = " '’\u00a0\u202f"  # what stands between thousands, besides the comma or the point

GROUPED = {
    False: rf"^[-+]?(?:\d+|[1-9]\d{{0,2}}(?:[,{GAPS}]\d{{3}})+)(?:\.\d*)?(?:[eE][-+]?\d+)?$",
    True: rf"^[-+]?(?:\d+|[1-9]\d{{0,2}}(?:[.{GAPS}]\d{{3}})+)?(?:,\d*)?(?:[eE][-+]?\d+)?$",
}
ONLY_COMMA = rf"^[-+]?(?:\d*,(?:\d{{1,2}}|\d{{4,}})|0,\d+|[1-9]\d{{0,2}}(?:[.{GAPS}]\d{{3}})+,\d+)\s?[%\p{{Sc}}]?$"
ONLY_POINT = rf"^[-+]?(?:\d*\.(?:\d{{1,2}}|\d{{4,}})|0\.\d+|[1-9]\d{{0,2}}(?:[,{GAPS}]\d{{3}})+\.\d+)\s?[%\p{{Sc}}]?$"

"""Numbers that are written with a decimal comma, or point, for sure."""

DATES = (
    "%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%d.%m.%Y", "%d.%m.%y", "%m/%d/%Y", "%d/%m/%Y", "%m/%d/%y", "%d/%m/%y",
    "%d-%m-%Y", "%m-%d-%Y", "%d %B %Y", "%B %d, %Y", "%B %d %Y", "%d-%B-%Y", "%d-%B-%y",
)  # fmt: skip
HOURS = ("%H:%M:%S%.f", "%H:%M", "%I:%M:%S %p", "%I:%M %p")
TIMES = tuple(f"{date} {hour}" for date in DATES for hour in HOURS)
DIGITS = "%Y%m%d"
"""Dates of eight digits are numbers as well: they are tried only where the form is known to be this."""

MIXED_UP = ("%m/%d", "%d/%m", "%m-%d", "%d-%m")
"""How forms begin that read the same texts as different dates."""

DAYS = r"^(19|20)\d{6}$"
OFFSET = r"\s*(Z|UTC|GMT|[+-]\d\d(?::?\d\d)?)$"
DATE_LIKE = r"^\s*(\d{1,4}[-/.:]|\d{1,2}[ -]\p{L}{3}|\p{L}{3,9} \d)"
LONGEST_WORD = 200


def parse_numbers(texts: pl.Series, comma: bool = False) -> pl.Series:
    """Return texts as Float64, null where one is no finite number.

    A number may have its thousands divided ("1,234.50", "1 234"), a currency sign, or a percent sign: "12%" is 0.12.
    With `comma` the comma is the decimal sign and the point divides thousands. What makes no sense that way but
    does the other way round is read so: "3,14" is 3.14 in any case.
    """
    plain = texts.cast(pl.Float64, strict=False)
    if comma:  # 1.234 is plain for a machine only
        plain = pl.select(pl.when(texts.str.contains(".", literal=True)).then(None).otherwise(plain)).to_series()
    left = texts.is_not_null() & plain.is_null()
    if left.any():
        words = texts.filter(left).unique()
        known = _ornate(words, comma)
        found = words.filter(known.is_not_null())
        if found.len():
            rest = texts.replace_strict(found, known.drop_nulls(), default=None, return_dtype=pl.Float64)
            plain = plain.fill_null(rest)
    return pl.select(pl.when(plain.is_finite()).then(plain)).to_series().alias(texts.name)


def _ornate(texts: pl.Series, comma: bool) -> pl.Series:
    bare = texts.str.replace_all("−", "-", literal=True).str.strip_suffix("%").str.strip_chars()
    bare = bare.str.replace(r"^([-+]?)\s?\p{Sc}\s?", "$1").str.replace(r"\s?\p{Sc}$", "")
    number = _grouped(bare, comma).fill_null(_grouped(bare, not comma))
    return pl.select(pl.when(texts.str.ends_with("%")).then(number / 100).otherwise(number)).to_series()


def _grouped(texts: pl.Series, comma: bool) -> pl.Series:
    digits = texts.str.replace_all(f"[{'.' if comma else ','}{GAPS}]", "")
    number = (digits.str.replace(",", ".", literal=True) if comma else digits).cast(pl.Float64, strict=False)
    return pl.select(pl.when(texts.str.contains(GROUPED[comma])).then(number)).to_series()


def parse_dates(texts: pl.Series, form: str) -> pl.Series:
    """Return texts of one form as dates, times (in UTC), or times of day, null where one is not of this form."""
    clock, day = "%H" in form or "%I" in form, "%d" in form
    kind = pl.Datetime("us") if clock and day else pl.Time if clock else pl.Date
    if not (clock and day):
        read = texts.str.strptime(kind, form, strict=False)
    else:
        texts = texts.str.replace(r"(\d)T(\d)", "$1 $2")
        offset = texts.str.extract(OFFSET)
        if offset.null_count() == offset.len():
            read = texts.str.strptime(kind, form, strict=False)
        else:
            read = texts.str.replace(OFFSET, "").str.strptime(kind, form, strict=False) - _minutes(offset)
    if "%Y" in form:  # a year of two digits is not one of antiquity
        read = pl.select(pl.when(read.dt.year() >= 1000).then(read)).to_series()
    elif "%y" in form:  # nor is one of a single digit a year
        read = pl.select(pl.when(texts.str.contains(r"\D\d\d($|\s)")).then(read)).to_series()
    return read.alias(texts.name)


def _minutes(offset: pl.Series) -> pl.Series:
    """Return "+05:30" as a duration."""
    parts = offset.str.extract_groups(r"^([+-])(\d\d):?(\d\d)?$").struct.unnest()
    sign, hours, minutes = parts.get_columns()
    total = (hours.cast(pl.Int64) * 60 + minutes.cast(pl.Int64).fill_null(0)) * 60_000_000
    signed = pl.select(pl.when(sign == "-").then(-total).otherwise(total)).to_series().fill_null(0)
    return signed.cast(pl.Duration("us"))


def date_form(texts: pl.Series, day_first: bool) -> tuple[str, bool]:
    """Return the form in which texts are dates or times, "" if in none, and whether day and month could be mixed up."""
    head = texts.drop_nulls().head(1000).unique(maintain_order=True).head(50)
    if not head.len():
        return "", False
    if head.str.contains(DAYS).all():
        return (DIGITS if _share(texts.drop_nulls().unique(), DIGITS) == 1 else ""), False
    if not head.str.contains(DATE_LIKE).sum() >= 0.9 * head.len():
        return "", False
    forms = _forms_of(head)
    known = texts.drop_nulls().unique() if forms else head
    shares = {form: _share(known, form) for form in forms}
    best = [form for form in forms if shares[form] == max(shares.values())]
    twins = [form for form in best if form[:5] in MIXED_UP]
    if len({form[:5] for form in twins}) > 1:
        return next(form for form in twins if form.startswith("%d") == day_first), True
    return (best[0] if best else ""), False


def _forms_of(head: pl.Series) -> list[str]:
    """Return the forms of nearly all texts."""
    dates = head.str.extract(r"^(.*?)(?:(?:[ T])\d{1,2}:.*)?$")
    hours = head.str.extract(r"(?:^|[ T])(\d{1,2}:.*)$").str.replace(OFFSET, "")

    def those_of(texts: pl.Series, forms: tuple[str, ...]) -> list[str]:
        return [form for form in forms if _share(texts, form) >= 0.9]

    if hours.count() < 0.9 * head.len():
        return those_of(dates, DATES)
    if dates.str.contains(":", literal=True).any():
        return those_of(head, HOURS)
    return [f"{date} {hour}" for date in those_of(dates, DATES) for hour in those_of(hours, HOURS)]


def _share(texts: pl.Series, form: str) -> float:
    return parse_dates(texts, form).count() / texts.len()


def parse_any_dates(texts: pl.Series, form: str, of_day: bool) -> pl.Series:
    """Return texts as seconds, in this form, and those that are not in the first other form that fits."""
    seconds = seconds_of(parse_dates(texts, form)) if form else pl.Series(texts.name, [None] * texts.len(), pl.Float64)
    left = texts.filter(seconds.is_null() & texts.is_not_null()).unique()
    left = left.filter(left.str.contains(DATE_LIKE))
    for other in HOURS if of_day else (*DATES, *TIMES):
        if not left.len():
            break
        read = seconds_of(parse_dates(left, other))
        found = left.filter(read.is_not_null())
        if found.len():
            more = texts.replace_strict(found, read.drop_nulls(), default=None, return_dtype=pl.Float64)
            seconds, left = seconds.fill_null(more), left.filter(read.is_null())
    return seconds


def seconds_of(values: pl.Series) -> pl.Series:
    """Return dates and times as seconds since 1970, times of day as seconds since midnight."""
    numbers = values.to_physical().cast(pl.Float64)  # of days, nanoseconds or microseconds
    return numbers * 86_400 if values.dtype == pl.Date else numbers / (1e9 if values.dtype == pl.Time else 1e6)


def as_texts(values: pl.Series) -> pl.Series:
    """Return values as texts that are the same for equal values: 3.0 as "3", flags as "true" and "false".

    A text of more than 200 characters is cut, and ends in its digest.
    """
    if values.dtype.is_float():
        whole = values.cast(pl.Int64, strict=False)
        same = whole.cast(pl.Float64) == values
        texts = pl.when(same.fill_null(False)).then(whole.cast(pl.String)).otherwise(values.cast(pl.String))
        values = pl.select(texts).to_series().alias(values.name)
    texts = values.cast(pl.String, strict=False)
    long = texts.filter(texts.str.len_chars() > LONGEST_WORD).unique()
    return texts.replace(long, [_shortened(text) for text in long]) if long.len() else texts


def _shortened(text: str) -> str:
    digest = hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
    return f"{text[:100]}... {digest}"


def word_key(word: str) -> str:
    """Return what equal words share: "3.0", "3" and "03" are one number, however they are written."""
    if re.fullmatch(r"[-+]?\d{1,40}(\.\d{0,40})?", word, re.ASCII):
        whole, _, part = word.lstrip("+").partition(".")
        sign, digits, part = "-" if whole[0] == "-" else "", whole.lstrip("-0") or "0", part.rstrip("0")
        zero = digits == "0" and not part
        return ("" if zero else sign) + digits + (f".{part}" if part else "")
    return word
