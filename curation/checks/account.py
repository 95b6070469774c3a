"""Where the numbers of a chain of thought come from, and where they go.

A right calculation can still be the wrong one. A chain is accounted for when every amount that the question gives
goes into a calculation, every result leads on or is the answer, and no amount appears out of nothing. That a chain
breaks this proves no error, but errors break it many times more often than right chains do (docs/formats.md has the
figures), so these are reasons for a second look.

Only chains that are arithmetic throughout are judged: where an equals sign could not be read (algebra, functions),
nothing is said.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from curation.checks.arithmetic import Equation, equations, without_annotations
from curation.checks.numerals import numbers
from curation.checks.wording import sentences

MOST = 60  # calculations of a chain, and amounts of a question: each is held against all; longer ones are not judged
_SCALES = tuple(Fraction(*pair) for n in (1, 100, 1000, 10**6, 60) for pair in ((n, 1), (1, n)))
# Amounts that everybody knows: days, hours, months, a dozen, parts of a whole.
_COMMON = frozenset(map(float, (0, 1, 2, 3, 4, 7, 10, 12, 24, 30, 31, 52, 60, 100, 360, 365, 1000, 1024, 3600, 10000)))
_WORDS = {
    "half": 2, "halves": 2, "twice": 2, "double": 2, "doubled": 2, "doubles": 2, "couple": 2, "pair": 2, "thrice": 3,
    "triple": 3, "tripled": 3, "third": 3, "thirds": 3, "quarter": 4, "quarters": 4, "fourth": 4, "fourths": 4,
    "fifth": 5, "fifths": 5, "sixth": 6, "eighth": 8, "tenth": 10, "dozen": 12, "一半": 2, "半": 2, "双": 2,
}  # fmt: skip
_WORD = re.compile("|".join(rf"\b{w}\b" if w.isascii() else w for w in sorted(_WORDS, key=len, reverse=True)), re.I)
# Numbers that name something and are no amount: dates, times of day, years, ordinals, codes, versions, parts of names.
_NAMES = re.compile(
    r"\d{4}-\d{1,2}-\d{1,2}|\d{1,2}:\d{2}|\d+\s?[ap]\.?m\b|\d{1,4}[年月号日](?!内|间)|第\s?\d+|\d+(?:st|nd|rd|th)\b"
    r"|\b(?:19|20)\d\d\b|(?<!\d)\d{6,}(?!\d)|[A-Za-z]+[-_]?\d+[A-Za-z0-9]*|\d+[A-Z][A-Za-z0-9]*|[#№]\s?\d+|\b[vV]?\d+\.\d+\.\d+",
    re.IGNORECASE,
)
_LENGTHS_OF_TIME = (
    ("second", 1), ("minute", 60), ("hour", 3600), ("day", 86400), ("week", 604800), ("秒", 1), ("分钟", 60),
    ("小时", 3600), ("天", 86400), ("周", 604800),
)  # fmt: skip


@dataclass(frozen=True)
class Step:
    """One calculation: what went in, what came out, and where it stands."""

    operands: tuple[Fraction, ...]
    result: Fraction
    equation: Equation


@dataclass(frozen=True)
class Account:
    """A chain of thought as calculations."""

    text: str  # the reasoning without <<…>> and without a final "#### 72"
    steps: tuple[Step, ...]
    last: tuple[Fraction, ...]  # all numbers of its last sentence
    whole: bool  # every equals sign was read


_FINAL = re.compile(r"(?im)^[ \t]*(?:####|A:|answer:|答案?[:：])[ \t]*\S[^\n]*\s*\Z")


@lru_cache(maxsize=4096)
def account(reasoning: str) -> Account:
    """Read the calculations of a chain of thought."""
    body = _FINAL.sub("", reasoning)
    steps = []
    for found in sorted(equations(body), key=lambda e: e.end):
        if found.right.operations == 0:
            operands = tuple(n.value for n in found.left.numbers)
            steps.append(Step(operands, _without_noise(found.right.numbers[0].value), found))
    text = without_annotations(body)
    signs = len(re.findall(r"[=＝](?![^<>\n]*>>)", body))
    read = sum(e.end > e.start for e in {s.equation.end: s.equation for s in steps}.values())
    last = tuple(value for value, _, _ in numbers((sentences(text) or [""])[-1]))
    return Account(text, tuple(steps), last, 0 < len(steps) <= MOST and signs <= read + 1)


def _without_noise(value: Fraction) -> Fraction:
    """Return 99 for the 99.00000000000001 that a machine printed."""
    rounded = round(value, 9)
    return rounded if value.denominator > 10**9 and rounded.denominator < 1000 else value


@dataclass(frozen=True)
class Given:
    """An amount in the question."""

    value: Fraction
    text: str
    digits: bool  # written in digits, not in words

    @property
    def forms(self) -> tuple[Fraction, ...]:
        """Return the values that stand for it in a calculation: 30% is also 0.3, 0.7, 1.3, 70."""
        value = self.value
        if "%" in self.text or "％" in self.text or "percent" in self.text:
            return (value, 1 - value, 1 + value, 100 * value, 100 - 100 * value, 100 + 100 * value)
        if value < 1 and value:
            return (value, 1 - value, 1 + value, 1 / value, 100 * value)
        return (value,)


@lru_cache(maxsize=4096)
def givens(question: str) -> tuple[Given, ...]:
    """Return the amounts of a question, without dates, names and numbers that count its sentences."""
    bare = _NAMES.sub(lambda m: " " * len(m.group()), question)
    found = []
    for value, start, end in numbers(bare):
        text = bare[start:end].strip()
        behind = bare[end : end + 8].lstrip().lower()
        if behind.startswith(("percent", "%", "％")):
            value, text = value / 100, text + "%"
        found.append(Given(value, text, any(c.isdigit() for c in text)))
    return tuple(found)


def close(one: Fraction, other: Fraction) -> bool:
    """Tell whether two amounts are the same but for rounding to three digits."""
    return abs(one - other) <= max(abs(one), abs(other)) / 1000


def unused_given(question: str, reasoning: str, *, steps: int) -> str | None:
    """Return an amount that the question gives in digits and that no calculation uses.

    Only chains of at least `steps` calculations are judged.
    """
    chain = account(reasoning)
    if not chain.whole or len(chain.steps) < steps:
        return None
    given = givens(question)
    if len(given) > MOST:
        return None
    pool = {n for s in chain.steps for n in s.operands} | set(chain.last)
    lengths = {len(s.operands) for s in chain.steps}
    for one in given:
        if one.digits and one.value not in (0, 1) and not _used(one, given, pool, lengths):
            return one.text
    return None


def _used(one: Given, given: Sequence[Given], pool: Iterable[Fraction], lengths: set[int]) -> bool:
    """Tell whether an amount went into a calculation: itself, in another form, or as a count of what was added up."""
    has = _Pool(pool)
    value = one.value
    if any(has(form) for form in one.forms) or any(has(value * scale) for scale in _SCALES):
        return True
    top, slash, bottom = one.text.partition("/")
    if slash and has(Fraction(bottom)) and (top == "1" or has(Fraction(top))):
        return True
    if value.denominator == 1 and value <= 12 and (int(value) in lengths or has(value - 1)):
        return True
    others = [g.value for g in given if g.value and g.value != value]
    return any(has(o / value) or has(value / o) for o in others)


class _Pool:
    """Numbers to look up, close counts."""

    def __init__(self, values: Iterable[Fraction]) -> None:
        self._values = sorted(set(values))
        self._keys = list(map(_key, self._values))

    def __call__(self, value: Fraction) -> bool:
        return any(close(value, other) for other in self.near(value))

    def near(self, value: Fraction, within: float = 0.0) -> Sequence[Fraction]:
        """Return those that may be close to `value`, or less than `within` away: few, so that these can be compared."""
        key = _key(value)
        wide = abs(key) / 998 + within
        return self._values[bisect_left(self._keys, key - wide) : bisect_right(self._keys, key + wide)]


def _key(value: Fraction) -> float:
    try:
        return float(value)
    except OverflowError:
        return 1.7e308 if value > 0 else -1.7e308


def _leads(value: Fraction, later: _Pool) -> bool:
    """Tell whether a later amount is the same, perhaps in percent, cents, thousands, or minutes for hours."""
    return any(later(one) for one in (value, -value, *(value * scale for scale in _SCALES)))


def unused_result(reasoning: str, answer: str, *, steps: int) -> str | None:
    """Return a calculation whose result leads nowhere: to no later calculation, and not to the answer.

    Only chains of at least `steps` calculations are judged.
    """
    chain = account(reasoning)
    if not chain.whole or len(chain.steps) < steps:
        return None
    answers = [value for value, _, _ in numbers(answer or _final(reasoning))]
    if not answers:  # an option letter, or words: what is reached last is taken for it
        answers = [*chain.last, chain.steps[-1].result]
    for step in chain.steps:
        end = step.equation.end
        if any(other is not step and other.equation.start <= end < other.equation.end for other in chain.steps):
            continue  # a = b = c: its result is the next calculation
        later = _Pool([*(n for s in chain.steps if s.equation.start >= end for n in s.operands), *answers])
        result = step.result
        rounded = result.denominator > 1 and any(abs(result - n) < 1 for n in later.near(result, within=1))
        if not rounded and not any(_leads(form, later) for form in {result, _turned(result)}):
            return reasoning[step.equation.start : end].strip()
    return None


def squared_given(question: str, reasoning: str) -> str | None:
    """Return a multiplication of an amount by itself where the question gives it only once."""
    chain = account(reasoning)
    given = [g.value for g in givens(question)]
    for step in chain.steps:
        factor = step.operands[0]
        shown = reasoning[step.equation.start : step.equation.end].strip()
        if step.operands != (factor, factor) or factor <= 1 or step.result != factor * factor:
            continue
        earlier = any(s.result == factor and s.equation.end <= step.equation.start for s in chain.steps)
        if given.count(factor) == 1 and not earlier and not re.search("square|平方|正方", question, re.IGNORECASE):
            return shown
    return None


def _turned(value: Fraction) -> Fraction:
    return 1 / value if value else value


def _final(reasoning: str) -> str:
    found = _FINAL.search(reasoning)
    return found.group() if found else ""


def unlikely_amount(question: str, reasoning: str, answer: str) -> str | None:
    """Return a calculation with a result that an amount in real life rarely has.

    Below nothing; with more decimals than anybody would measure; a fraction of things that are counted, as the
    answer to "how many"; or cut to a whole number in the answer without a word.
    """
    chain = account(reasoning)
    if not chain.whole:
        return None
    for step in chain.steps:
        shown = reasoning[step.equation.start : step.equation.end].strip()
        if step.result < 0 or (step.equation.left.low or 0) < 0:
            return shown
        if step.result.denominator > 1000:
            return shown
    if not chain.steps:
        return None
    step, final = chain.steps[-1], (answer or _final(reasoning))
    shown = reasoning[step.equation.start : step.equation.end].strip()
    said = [value for value, _, _ in numbers(final)]
    if any(value < 0 for value in said) or re.search(r"(?:^|\s)-\d", final):
        return shown
    counted = re.search(
        r"how many ([a-z]+)|多少(?:个|人|只|件|本|辆|台|张|名|次)|几(?:个|人|只|件|本|辆|台|张|名|次)", question, re.I
    )
    if counted and not re.search(_MEASURED, counted.group(1) or "", re.I) and step.result.denominator != 1:
        return shown
    whole = step.result.denominator != 1 and len(said) == 1 and said[0].denominator == 1
    if (
        whole
        and Fraction(1, 20) < abs(said[0] - step.result) < 1
        and not re.search(r"round|about|approx|约|四舍五入|取整", reasoning + answer)
    ):
        return shown
    return None


_MEASURED = (
    r"hours?|minutes?|seconds?|days?|weeks?|months?|years?|miles?|gallons?|pounds?|dollars?|cents?|cups?|kilometers?|km"
    r"|ounces?|lit|met|feet|inch|kg|kilo|grams?|acres?|times|more|percent|square|tons?|GB|MB"
)


def from_nowhere(question: str, reasoning: str) -> str | None:
    """Return an amount that neither the question gives, nor a step before it brings, nor everybody knows.

    Sums, differences, products and quotients of two known amounts count as known.
    """
    chain = account(reasoning)
    if not chain.whole:
        return None
    prose = re.sub(r"(?im)^\s*(?:(?:step|第|步骤)?\s*\d{1,2}\s*(?:步|[.、)）:：]))", _spaces, chain.text)
    told = list(numbers(_NAMES.sub(_spaces, prose)))
    asked = list(numbers(question))
    if len(asked) > MOST or len(told) > 6 * MOST:
        return None
    facts = _Facts(v for v, _, _ in asked)
    for one in givens(question):
        facts.add(*one.forms, *(map(Fraction, one.text.split("/")) if "/" in one.text else ()))
    for word in _WORD.findall(question):
        share = Fraction(1, _WORDS[word.lower()])
        facts.add(share, 1 / share, 1 - share, 1 + share)
    for step in chain.steps:
        for value in step.operands:
            if not facts.explain(value):
                return reasoning[step.equation.start : step.equation.end].strip()
            facts.add(value)
        left = step.equation.left.low or step.result
        facts.add(step.result, left, 1 - step.result, 1 + step.result, step.result * 100, step.result / 100)
    for value, start, end in told:
        if not facts.explain(value):
            return chain.text[max(0, start - 20) : end + 20].strip()
    return None


def _spaces(match: re.Match[str]) -> str:
    return " " * len(match.group())


class _Facts:
    """Amounts that are known so far, to four digits."""

    def __init__(self, values: Iterable[Fraction]) -> None:
        self.values: set[float] = set()
        self.add(*values)

    def add(self, *values: Fraction) -> None:
        self.values.update(_four_digits(float(v)) for v in values)

    def explain(self, value: Fraction) -> bool:
        """Tell whether an amount is known, or follows from known ones in one operation, or is one of them rounded."""
        found = _four_digits(float(value))
        if found in self.values or found in _COMMON:
            return True
        for one in self.values:
            if abs(found - one) < 1 and one % 1:
                return True
            if _four_digits(found - one) in self.values or _four_digits(found + one) in self.values:
                return True
            if one and found:
                quotients = _four_digits(found / one), _four_digits(one / found)
                if any(q in self.values or q in _COMMON for q in quotients):
                    return True
        return False


def _four_digits(value: float) -> float:
    return float(f"{value:.4g}")


def mixed_units(reasoning: str) -> str | None:
    """Return an addition of different lengths of time: 2 hours + 30 minutes = 32."""
    chain = account(reasoning)
    for step in chain.steps:
        shown = reasoning[step.equation.left.start : step.equation.left.end]
        if re.search(r"[*x×÷/]", shown):
            continue
        lengths = {
            size
            for unit in step.equation.left.units
            for name, size in _LENGTHS_OF_TIME
            if unit.lower().startswith(name)
        }
        if len(lengths) > 1:
            return reasoning[step.equation.start : step.equation.end].strip()
    return None
