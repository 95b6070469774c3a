"""Numbers as people write them: 1,234.5 · 20% · ¥35 · 1.5万 · 三百五十 · 2 million · half a dozen."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction
from typing import NamedTuple

_HAN_DIGITS = {c: i for i, c in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2, "俩": 2}
_HAN_UNITS = {"十": 10, "百": 100, "千": 1000}
_HAN_LARGE = {"万": 10**4, "亿": 10**8}
_HAN = r"[零〇一二两三四五六七八九十百千万亿]"
_SCALES = {"万": 10**4, "亿": 10**8, "thousand": 1000, "million": 10**6, "billion": 10**9}

# One number: a currency before it, separators in it, a scale or percent behind it; or a number in Chinese.
NUMBER = (
    r"(?:[¥￥€£]|\$(?=\d))?\s?(?:\d{1,3}(?:[, ]\d{3})+(?!\d)(?:\.\d+)?|\d{1,30}(?:\.\d{1,30})?|(?<![\d.])\.\d{1,30})"
    r"(?:\s?(?:万|亿|thousand\b|million\b|billion\b))?(?:\s?\\?[%％]|\spercent\b)?(?!\d)"
    rf"|(?!千[克米瓦卡帕]|百分|十分[^之]|万一|一[般直定样起共些]){_HAN}{{1,12}}(?:点{_HAN}{{1,6}})?"
)
_PARTS = re.compile(
    r"\s*(?P<currency>[¥￥$€£]?)\s*(?P<digits>\d[\d., ]*|\.\d+)\s*(?P<scale>万|亿|thousand|million|billion)?\s*\\?"
    r"(?P<percent>[%％]|percent)?\s*",
    re.IGNORECASE,
)


class Number(NamedTuple):
    """A number with what its spelling says about it."""

    value: Fraction
    step: Fraction  # one unit in its last place as it is written
    doubt: Fraction  # how far it may be from what was meant: half a step where it has two decimals or more
    percent: bool = False
    currency: str = ""
    scale: int = 1  # 万, million


LONGEST = 60  # characters of a number in Chinese; Python refuses to read thousands of digits


def number(text: str) -> Number | None:
    """Read one number; None where `text` is none."""
    if text and text[0] in _HAN:
        value = han(text)
        return None if value is None else Number(value, Fraction(1), Fraction(0))
    match = _PARTS.fullmatch(text)
    if not match:
        return None
    digits = re.sub("[, ]", "", match["digits"])
    try:
        value = Fraction(digits)
    except (ValueError, ZeroDivisionError):
        return None
    decimals = len(digits.partition(".")[2])
    step = Fraction(1, 10**decimals)
    doubt = step / 2 if decimals >= 2 and not _round(digits) else Fraction(0)
    scale = _SCALES.get((match["scale"] or "").lower(), 1)
    factor = Fraction(scale)
    percent = bool(match["percent"])
    if percent:
        factor /= 100
    return Number(value * factor, step * factor, doubt * factor, percent, match["currency"], scale)


def _round(digits: str) -> bool:
    """Tell whether decimals look exact: .25, .50, .125 and the like are not the rounding of something longer."""
    return len(digits.partition(".")[2]) <= 3 and (Fraction(digits) * 40).denominator == 1


def han(text: str) -> Fraction | None:
    """Read a number in Chinese: 三百五十, 二〇二四, 一万二, 三点五."""
    if len(text) > LONGEST:
        return None
    whole, point, decimals = text.partition("点")
    value = _han_whole(whole)
    if value is None or (point and not all(c in _HAN_DIGITS for c in decimals)):
        return None
    if decimals:
        return value + Fraction("0." + "".join(str(_HAN_DIGITS[c]) for c in decimals))
    return value


def _han_whole(text: str) -> Fraction | None:
    if not text or not re.fullmatch(f"{_HAN}+", text):
        return None
    if len(text) > 1 and all(c in _HAN_DIGITS for c in text):
        return Fraction("".join(str(_HAN_DIGITS[c]) for c in text))
    total = section = digit = 0
    for char in text:
        if char in _HAN_DIGITS:
            digit = _HAN_DIGITS[char]
        elif char in _HAN_UNITS:
            section += (digit or 1) * _HAN_UNITS[char]
            digit = 0
        else:
            total = (total + section + digit or 1) * _HAN_LARGE[char]
            section = digit = 0
    return Fraction(total + section + digit)


_SPELLED = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen"
)
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety hundred"
_WORDS = (
    {word: Fraction(value) for value, word in enumerate(_SPELLED.split(" "))}
    | {word: Fraction(10 * value) for value, word in enumerate(_TENS.split(" "), 2)}
    | {"thousand": Fraction(1000)}
)
# In running text a number in Chinese counts only before a measure word: 一般 and 十分 are no amounts, nor is 一个.
_MEASURE = "[元块角毛个件天年月周号小分次人只本张台辆倍折岁米克斤升度页楼层名位份箱盒袋套厘公吨秒]"
_ARABIC = NUMBER.partition("|(?!千")[0]
_IN_PROSE = re.compile(
    rf"(?<![\w.])(?:\d+/\d+)(?![\d/])|(?<![\d.,])(?:{_ARABIC})"
    rf"|(?!十分(?!钟)|千万别|万一|百分)(?:(?!一){_HAN}|{_HAN}{{2,12}})(?:点{_HAN}{{1,6}})?(?={_MEASURE})"
    rf"|\b(?:{'|'.join(_WORDS)})\b(?:[ -](?:{'|'.join(_WORDS)})\b)*",
    re.IGNORECASE,
)


def numbers(text: str) -> Iterator[tuple[Fraction, int, int]]:
    """Yield (value, start, end) of every number in prose, words such as twenty-five and fractions such as 3/4 too."""
    alone = number(text.strip()) if text.strip()[:1] in set(_HAN) else None
    if alone is not None:
        yield alone.value, 0, len(text)
        return
    for match in _IN_PROSE.finditer(text):
        word = match.group().strip()
        if word[:1].isalpha() and word[0].isascii():
            value: Fraction | None = _spelled(word)
        elif re.fullmatch(r"\d{1,60}/\d{1,60}", word):
            top, bottom = map(int, word.split("/"))
            value = Fraction(top, bottom) if bottom else None
        else:
            found = number(word)
            value = found.value if found else None
        if value is not None:
            yield value, match.start(), match.end()


def _spelled(text: str) -> Fraction:
    total = current = Fraction(0)
    for word in re.split(r"[ -]+", text.lower()):
        value = _WORDS[word]
        if value == 100:
            current = (current or Fraction(1)) * 100
        elif value == 1000:
            total, current = total + (current or Fraction(1)) * 1000, Fraction(0)
        else:
            current += value
    return total + current
