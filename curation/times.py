"""Times as exports write them → microseconds, on whole columns; what cannot be read is null and stays where it was.

Known: ISO 8601 and its relatives (space or T, ``-`` ``/`` ``.`` or 年月日, with or without seconds, fractions, zone),
seconds, milliseconds or microseconds since 1970, 12-hour clocks (3:05 PM, 下午3:05), day and month in either order,
names of months in English, fourteen digits in a row, days since 1900 as spreadsheets count them (45413.4), and clocks
without a date. Without a zone a time is taken as UTC:
only distances and order matter here.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from functools import partial

import polars as pl

DAY = 86_400_000_000  # microseconds
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_HALF = r"[AaPp]\.?\s?[Mm]\.?"  # Spanish parts it: a. m.
_NOON = rf"(?P<noon>上午|下午|凌晨|早上|中午|晚上|午前|午後|오전|오후|{_HALF})"
_CLOCK = (
    rf"(?:{_NOON}\s*)?(?P<hour>\d{{1,2}})\s*[:：时時点hH]\s*(?P<minute>\d{{1,2}})分?"  # 9h05 in French
    rf"(?:\s*[:：]?\s*(?P<second>\d{{1,2}})秒?(?:[.,](?P<fraction>\d{{1,9}}))?)?(?:\s*(?P<noon2>{_HALF}))?"
)
# As in Finland and Indonesia, behind a date: 12.50 alone is a price.
_DOTTED = rf"(?P<hour>\d{{1,2}})\.(?P<minute>\d{{2}})(?:\.(?P<second>\d{{2}}))?(?:\s*(?P<noon>{_HALF}))?"
_ZONE = r"\s*(?P<zone>Z|UTC|GMT|[+-]\d{2}:?\d{2})?"
_WEEKDAY = r"(?:[A-Za-z]{3,9},?\s+|星期[一二三四五六日天]\s*|周[一二三四五六日天]\s*)?"
_GAP = r"(?:[T\s,，]+|\s*(?:星期|周|週)[一二三四五六日天]\s*|\s+-\s+|,?\s+(?:at|um|klo|kl\.?|à|às|a las)\s+)?"
_WRITTEN = (
    rf"^{_WEEKDAY}(?P<year>\d{{4}})[-/.年](?P<month>\d{{1,2}})[-/.月](?P<day>\d{{1,2}})日?{_GAP}(?:{_CLOCK})?{_ZONE}$",
    rf"^(?P<year>\d{{4}})년\s*(?P<month>\d{{1,2}})월\s*(?P<day>\d{{1,2}})일{_GAP}(?:{_CLOCK})?$",
    rf"^{_WEEKDAY}(?P<a>\d{{1,2}})[-/.](?P<b>\d{{1,2}})[-/.](?P<year>\d{{4}}|\d{{2}}){_GAP}(?:{_CLOCK})?{_ZONE}$",
    rf"^(?P<a>\d{{1,2}})[-/.](?P<b>\d{{1,2}})[-/.](?P<year>\d{{4}}|\d{{2}}){_GAP}{_DOTTED}$",
    rf"^{_WEEKDAY}(?P<name>[A-Za-z]{{3,9}})\.?\s+(?P<day>\d{{1,2}})(?:st|nd|rd|th)?,?\s+(?P<year>\d{{4}}){_GAP}"
    rf"(?:{_CLOCK})?{_ZONE}$",
    rf"^{_WEEKDAY}(?P<day>\d{{1,2}})(?:st|nd|rd|th)?[\s-](?P<name>[A-Za-z]{{3,9}})\.?,?[\s-](?P<year>\d{{4}}){_GAP}"
    rf"(?:{_CLOCK})?{_ZONE}$",
    rf"^{_WEEKDAY}(?P<name>[A-Za-z]{{3,9}})\s+(?P<day>\d{{1,2}})\s+{_CLOCK}{_ZONE}\s+(?P<year>\d{{4}})$",
    rf"^(?P<month>\d{{1,2}})(?:月|[-/])(?P<day>\d{{1,2}})日?{_GAP}{_CLOCK}{_ZONE}$",
    r"^(?P<year>\d{4})(?P<month>\d{2})(?P<day>\d{2})[T ]?(?P<hour>\d{2}):?(?P<minute>\d{2}):?(?P<second>\d{2})$",
    rf"^{_CLOCK}{_ZONE}$",
)
_FAMILIES = tuple(family.replace(r"\d", "[0-9]") for family in _WRITTEN)  # \d is also １ and ٣, which no cast reads
_USUAL = re.compile(  # forms that Polars' own parser reads
    r"(?:(?P<year>[12]\d{3})(?P<one>[-/.年])\d{1,2}(?P<two>[-/.月])\d{1,2}(?P<three>日?)"
    r"|\d{1,2}(?P<mark>[-/.])\d{1,2}(?P=mark)[12]\d{3})"
    r"(?P<gap>[T ]|, ?|(?<=日))\d{1,2}:\d{2}(?P<second>:[0-5]\d(?P<fraction>\.\d{1,6})?)?(?P<noon> [AP]M)?(?P<zone>Z?)$"
)
_UNITS = {r"^\d{10}$": 1_000_000, r"^\d{13}$": 1_000, r"^\d{16}$": 1}  # since 1970
_PLAIN = ("%Y-%m-%d %H:%M:%S",)
SAMPLE = 100  # times that tell how a column is written
_SECONDS = r"\d[:：]\d{1,2}[:：]\d{1,2}|秒|^\d{10,}(?:\.\d+)?$|^\d{8}[T ]?\d{6}$"


def parsed(time: pl.Series, *, day_first: bool = False) -> pl.DataFrame:
    """Return ``at`` (Int64, microseconds; of a clock without a date since midnight) and ``dated`` for every time.

    Both are null where there is no time, or none that can be read.
    """
    text = time.cast(pl.String)
    at = _at_once(text, day_first=day_first)
    if at.null_count() > text.null_count():  # else none has white space around it, which is looked for in vain
        text = text.str.strip_chars()
        at = _at_once(text, day_first=day_first)
    if at.null_count() == text.null_count():
        return pl.DataFrame({"at": at}).with_columns(dated=pl.when(pl.col("at").is_not_null()).then(statement=True))
    slow = text.is_not_null() & at.is_null()
    found = _one_by_one(text.filter(slow), day_first=day_first)
    place = pl.when(slow).then(slow.cast(pl.UInt32).cum_sum() - 1)
    later = found.select(pl.all().gather(pl.select(place).to_series()))
    dated = pl.select(pl.when(at.is_not_null()).then(statement=True).otherwise(later["dated"])).to_series()
    return pl.DataFrame({"at": at.fill_null(later["at"]), "dated": dated})


def _at_once(text: pl.Series, *, day_first: bool) -> pl.Series:
    """Read times that are written as most of the first ones are, by Polars' own parser; all others are null.

    What is read here must be what `_family` would make of it.
    """
    forms = Counter(form for time in text.drop_nulls().head(SAMPLE) if (form := _form(time, day_first=day_first)))
    if not forms:
        return pl.repeat(None, len(text), dtype=pl.Int64, eager=True)
    shape, formats = max(forms.items(), key=lambda form: form[1])[0]
    if formats != _PLAIN or not (text.str.len_bytes() == len("2024-05-01 10:02:03")).all():  # else it sees for itself
        usual = text.str.contains(shape)
        if not usual.fill_null(value=True).all():
            text = pl.select(pl.when(usual).then(text)).to_series()
    if not formats:
        return text.cast(pl.Int64, strict=False) * _UNITS[shape]
    at = text.str.to_datetime(formats[0], time_unit="us", strict=False).cast(pl.Int64)
    for other in formats[1:]:
        if at.null_count() > text.null_count():
            at = at.fill_null(text.str.to_datetime(other, time_unit="us", strict=False).cast(pl.Int64))
    return at


def _form(time: str, *, day_first: bool) -> tuple[str, tuple[str, ...]] | None:
    """Return how a time is written: a pattern, and formats of which the first that fits is right; a number has none."""
    match = _USUAL.match(time)
    if match is None:
        return next(((shape, ()) for shape in _UNITS if re.match(shape, time)), None)
    part = match.groupdict(default="")
    shape, shown = r"\d{1,2}:\d{2}", "%H:%M"
    if part["second"]:
        shape, shown = rf"{shape}:[0-5]\d", f"{shown}:%S"
    if part["fraction"]:
        shape, shown = rf"{shape}\.\d{{1,6}}", f"{shown}%.f"
    if part["noon"]:
        shape, shown = rf"{shape} [AP]M", f"{shown.replace('%H', '%I')} %p"
    shape, shown = shape + part["zone"], shown + part["zone"]
    gap = part["gap"]
    if part["year"]:
        one, two, three = part["one"], part["two"], part["three"]
        days = [f"%Y{one}%m{two}%d{three}"]
        date = rf"[12]\d{{3}}{re.escape(one)}\d{{1,2}}{re.escape(two)}\d{{1,2}}{three}"
    else:
        mark = part["mark"]
        days = [f"%d{mark}%m{mark}%Y", f"%m{mark}%d{mark}%Y"]  # whichever there is, where only one is a date
        days = days if day_first else days[::-1]
        date = rf"\d{{1,2}}{re.escape(mark)}\d{{1,2}}{re.escape(mark)}[12]\d{{3}}"
    return f"^{date}{gap}{shape}$", tuple(f"{day}{gap}{shown}" for day in days)


def _one_by_one(text: pl.Series, *, day_first: bool) -> pl.DataFrame:
    """Read every distinct time by the first family that it is of; which families there are is seen in one query."""
    rest = pl.DataFrame({"text": text.drop_nulls().unique(maintain_order=True)}, schema={"text": pl.String})
    found = [rest.with_columns(at=_iso(pl.col("text")), dated=pl.lit(value=True)).drop_nulls("at")]
    readers: list[Callable[[pl.DataFrame], pl.DataFrame]] = [_epoch, _serial]
    there = rest.select(pl.col("text").str.contains(one).any().alias(one) for one in _FAMILIES).row(0, named=True)
    readers += [partial(_family, pattern=one, day_first=day_first) for one in _FAMILIES if there[one]]
    for reader in readers:
        rest = rest.join(found[-1], on="text", how="anti", maintain_order="left")
        if rest.is_empty():
            break
        found.append(pl.concat([rest, reader(rest)], how="horizontal").drop_nulls("at"))
    known = pl.concat(found)
    return pl.DataFrame({"text": text}).join(known, on="text", how="left", maintain_order="left").select("at", "dated")


def to_the_second(time: pl.Expr) -> pl.Expr:
    """Tell whether a time names its second: two equal ones are then hardly two messages."""
    return time.str.contains(_SECONDS)


def _iso(text: pl.Expr) -> pl.Expr:
    """Read the commonest form, 2024-05-01 10:02:03 with T, fraction and Z or not, by Polars' own parser."""
    plain = text.str.replace("T", " ", literal=True).str.strip_suffix("Z").str.strip_chars_end()
    shaped = pl.when(text.str.contains(r"^\d{4}-\d{2}-\d{2}[ T]\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?Z?$")).then(plain)
    return shaped.str.to_datetime("%Y-%m-%d %H:%M:%S%.f", time_unit="us", strict=False).cast(pl.Int64)


def _epoch(rest: pl.DataFrame) -> pl.DataFrame:
    """Read numbers: ten digits are seconds, thirteen milliseconds, sixteen microseconds since 1970."""
    whole = pl.col("text").str.extract(r"^([0-9]{9,17})(?:\.[0-9]+)?$")
    number = pl.col("text").str.extract(r"^([0-9]{9,17}(?:\.[0-9]+)?)$").cast(pl.Float64)
    digits = whole.str.len_chars()
    unit = pl.when(digits <= 10).then(1e6).when((digits >= 12) & (digits <= 13)).then(1e3).when(digits >= 15).then(1.0)
    fourteen = pl.col("text").str.contains(r"^(?:19|20)\d{12}$")
    return rest.select(at=pl.when(~fourteen).then(number * unit).round().cast(pl.Int64), dated=pl.lit(value=True))


def _serial(rest: pl.DataFrame) -> pl.DataFrame:
    """Read days since 1900 as spreadsheets count them, from 1982 on; the fraction is the time of the day."""
    days = pl.col("text").str.extract(r"^([3-6][0-9]{4}\.[0-9]+)$").cast(pl.Float64)
    at = ((days - 25_569) * 86_400_000).round().cast(pl.Int64) * 1000  # 25,569 is the first of January 1970
    return rest.select(at=at, dated=pl.lit(value=True))


def _family(rest: pl.DataFrame, pattern: str, *, day_first: bool) -> pl.DataFrame:
    """Read one family of forms; null where a text is not of it or names no day that there is."""
    groups = rest.select(pl.col("text").str.extract_groups(pattern).alias("g")).unnest("g")
    names = set(groups.columns)

    def number(name: str, otherwise: int) -> pl.Expr:
        return pl.col(name).cast(pl.Int64).fill_null(otherwise) if name in names else pl.lit(otherwise)

    dated = bool(names & {"year", "month"})
    year = number("year", 2000)
    year = pl.when(year < 100).then(year + 2000).otherwise(year)
    month, day = number("month", 1), number("day", 1)
    if "name" in names:
        month = (
            pl.col("name")
            .str.to_lowercase()
            .str.slice(0, 3)
            .replace_strict(list(_MONTHS), list(range(1, 13)), default=None, return_dtype=pl.Int64)
        )
    if "a" in names:
        a, b = number("a", 1), number("b", 1)
        swap = (a > 12) | ((b <= 12) & day_first)
        month, day = pl.when(swap).then(b).otherwise(a), pl.when(swap).then(a).otherwise(b)
    hour = _hour(number("hour", 0), names)
    fraction = pl.lit(0)
    if "fraction" in names:
        fraction = pl.col("fraction").str.pad_end(6, "0").str.slice(0, 6).cast(pl.Int64).fill_null(0)
    minute, second = number("minute", 0), number("second", 0)
    whole = pl.all_horizontal(
        month.is_between(1, 12), day.is_between(1, 31), hour.is_between(0, 23), minute < 60, second < 61
    )
    some = pl.col(next(n for n in ("year", "month", "hour") if n in names)).is_not_null() & whole
    shown = pl.format(
        "{}-{}-{}", year.cast(pl.String), month.cast(pl.String).str.zfill(2), day.cast(pl.String).str.zfill(2)
    )
    date: pl.Expr = pl.when(some).then(0)
    if dated:
        date = pl.when(some).then(shown).str.to_date("%Y-%m-%d", strict=False).cast(pl.Int64)
    at = date * DAY + hour * 3_600_000_000 + minute * 60_000_000 + second * 1_000_000 + fraction
    if "zone" in names:
        zone = pl.col("zone").str.extract_groups(r"^(?P<sign>[+-])(?P<h>\d{2}):?(?P<m>\d{2})$")
        shift = zone.struct.field("h").cast(pl.Int64) * 60 + zone.struct.field("m").cast(pl.Int64)
        shift = pl.when(zone.struct.field("sign") == "-").then(-shift).otherwise(shift).fill_null(0)
        at = at - shift * 60_000_000 if dated else at
    return groups.select(at=at, dated=pl.lit(dated))


def _hour(hour: pl.Expr, names: set[str]) -> pl.Expr:
    """Return the hour of a day of 24, where the text says which half of the day is meant."""
    if "noon" not in names:
        return hour
    noon = pl.coalesce(*(pl.col(name) for name in ("noon", "noon2") if name in names))
    noon = noon.str.to_lowercase().str.replace_all(r"[.\s]", "").fill_null("")
    late = noon.is_in(["pm", "下午", "晚上", "午後", "오후"]) | ((noon == "中午") & (hour < 10))
    early = noon.is_in(["am", "凌晨", "上午", "午前", "오전"])
    return pl.when(late & (hour < 12)).then(hour + 12).when(early & (hour == 12)).then(0).otherwise(hour)
