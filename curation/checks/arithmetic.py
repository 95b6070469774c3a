r"""Calculations in running text: found, read and checked, without running anything that was read.

Understood: + - × ÷ in all their spellings (x, *, ·, /, \\times, \\div, plus, 乘以 …), brackets, powers, fractions (a/b,
\\frac{a}{b}, mixed numbers), percent, thousands separators, currencies, units, numbers in Chinese (三百五十, 1.5万),
chains (a = b = c), remainders, GSM8K's ``<<a=b>>``, and results that were rounded.

A calculation is claimed to be wrong only where both sides were read whole. What holds a variable, a root, a function,
a ratio, a date or an ellipsis is passed over. `ast` parses the structure; numbers never pass through it, and powers
and lengths are capped, so no text can make this slow.
"""

from __future__ import annotations

import ast
import re
import threading
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

from curation.checks.numerals import NUMBER, Number, number

_PARSER = threading.Lock()
LONGEST = 60  # tokens of one side; a longer sum is no step of a person's reasoning
HIGHEST_POWER = 64
_NOISE = Fraction(1, 10**9)  # of numbers that a machine printed: 0.1 * 3 = 0.30000000000000004
MOST_DIGITS = 60  # of a value on the way; 9**9**9 ends here

_TOKEN = re.compile(
    rf"""
    (?P<stop>(?:\s*\n|\$\$\s+\$\$|<[/]?p>)(?![\s$~\n]*(?:</?\w+>\s*)*[$\s~]*(?:=|＝|≈|\\approx)))
  | (?P<gap>[\s~]+|\$+(?!\d)|\$\$|</?[a-z]+/?>|\\[,;:!\ ]|\\(?:left|right|quad|qquad|displaystyle|bf|rm)(?![a-z])
       |\\(?:text|mathrm|textbf|mathbf)\s*(?=\{{))
  | (?P<frac>\\[dt]?frac(?=\s*\{{))
  | (?P<near>≈|≒|\\approx(?![a-z])|约等于|约为|约是|(?:is|equals)\ about\b)
  | (?P<equals>[=＝](?![=<>])|等于|\bequals\b|\bis\ equal\ to\b)
  | (?P<rest>…+|⋯+|\.{{3,}}|·{{3,}}|(?:\\[lc]?dots(?![a-z])\s*(?:\{{\}})?)+|余|\bremainder\b)
  | (?P<power>\^|\*\*)
  | (?P<times>[*×·∙⋅✕✖]|\\times(?![a-z])|\\cdot(?![a-z])|乘以|乘|\btimes\b(?=\s*[\d$(])|[xX](?=\s*[\d$(.]))
  | (?P<divide>[÷/∕](?!\s*[A-Za-z\u4e00-\u9fff])|\\div(?![a-z])|除以|\bdivided\ by\b)
  | (?P<plus>[+＋]|加上|加|\bplus\b(?=\s*[\d$(]))
  | (?P<minus>[-－–—−](?![A-Za-z])|减去|减|\bminus\b(?=\s*[\d$(]))
  | (?P<open>[(（\[\{{])
  | (?P<close>[)）\]\}}])
  | (?P<number>{NUMBER})
  | (?P<word>(?:per|a|an|each)\ [A-Za-z]+|[-/]?[A-Za-z\u4e00-\u9fff°'’]+(?:-[A-Za-z]+)*)
  | (?P<command>\\[A-Za-z]+)
  | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL | re.IGNORECASE,
)
_SYMBOLS = {"times": "*", "divide": "/", "plus": "+", "minus": "-", "power": "**"}
_ANNOTATION = re.compile(r"<<([^<>\n]{1,300})>>\s*(?:[$¥￥€£]\s*)?(-?\d{1,3}(?: \d{3})+(?!\d)|-?[\d,.]*\d)?")

_UP = re.compile(r"(?i)\b(?:needs?|needed|must|at least|round|up|enough)|至少|需要?|进一|向上|才够")  # 5 / 2 = 3 buses

# Units that convert into each other: the same amount may stand on both sides of an equals sign in different ones.
_MEASURES = re.compile(
    r"(?i)^[-/]?(?:seconds?|secs?|minutes?|mins?|hours?|hrs?|days?|weeks?|months?|years?|cents?|dollars?|dimes?"
    r"|quarters?|nickels?|penn(?:y|ies)|inch(?:es)?|feet|foot|ft|yards?|miles?|mm|cm|dm|km|m|meters?|metres?"
    r"|kilometers?|ounces?|oz|pounds?|lbs?|g|kg|mg|grams?|kilograms?|tons?|ml|l|liters?|litres?|cups?|pints?|quarts?"
    r"|gallons?|dozens?|[kmgt]b|[kmgt]ib|秒钟?|分钟?|小?时|钟头|天|日|周|星期|个?月|年|元|角|块|毛|厘米|分米|毫米|千米"
    r"|公里|米|克|千克|公斤|斤|吨|升|毫升|打|页)$"
)
_FACTORS = frozenset(
    Fraction(*pair)
    for n in (2, 3, 4, 5, 7, 8, 10, 12, 16, 20, 24, 25, 28, 30, 31, 36, 50, 52, 60, 100, 128, 144, 168, 360, 365, 500,
              1000, 1024, 1440, 1760, 2000, 3600, 5280, 10000, 86400, 1000000)
    for pair in ((n, 1), (1, n))
)  # fmt: skip


@dataclass(frozen=True)
class Token:
    """A piece of the text: what kind it is, and where it stands."""

    kind: str
    text: str
    start: int
    end: int


@dataclass
class Side:
    """One side of an equals sign: its value as an interval, None where nothing can be claimed of it."""

    start: int
    end: int
    low: Fraction | None = None
    high: Fraction | None = None
    numbers: list[Number] = field(default_factory=list)
    units: list[str] = field(default_factory=list)
    operations: int = 0
    tokens: int = 0
    relative: tuple[Fraction, Fraction] | None = None  # its value if a last "± p%" is meant of what stands before it

    @property
    def letters(self) -> set[str]:
        """Return the units of one letter: 3m, which may also be a variable."""
        return {unit for unit in self.units if re.fullmatch(r"[A-Za-z]", unit)}


class Equation(NamedTuple):
    """Two neighbouring sides of a chain of equals signs: a calculation, and the result that is stated."""

    start: int
    end: int
    left: Side
    right: Side
    near: bool  # ≈
    rest: Fraction | None  # a remainder after the result
    around: str  # the line it stands on


@lru_cache(maxsize=2048)
def equations(text: str) -> tuple[Equation, ...]:
    """Return every calculation of `text` that was read whole, with its result, in order."""
    found = list(_chains(without_annotations(text), 0))
    for match in _ANNOTATION.finditer(text):
        found += _chains(match.group(1), match.start(1))
    return tuple(sorted(found, key=lambda e: (e.start, e.end)))


def without_annotations(text: str) -> str:
    """Return `text` with every ``<<a=b>>`` replaced by as many spaces."""
    return re.sub(r"<<[^<>\n]{1,300}>>", lambda m: " " * len(m.group()), text)


def wrong(text: str, *, tolerance: float) -> str | None:
    """Return the first calculation of `text` whose result is wrong, as it stands there, or None.

    `tolerance` is the relative error allowed where rounded numbers went in.
    """
    for equation in equations(text):
        if not holds(equation, tolerance=tolerance):
            return text[equation.start : equation.end].strip()
    plain = without_annotations(text)
    for match in _ANNOTATION.finditer(text):
        calculation, _, result = match.group(1).rpartition("=")
        if match.group(2) and not _same(result.strip(), match.group(2)):
            return match.group()
        begin = max(0, match.start() - 120)
        written = list(_chains(f"{plain[begin : match.start()]}({calculation})", begin))
        if written and written[-1].end >= match.start() + len(calculation) and not _equal(written[-1]):
            return text[written[-1].start : match.end()].strip()
    return None


def _equal(equation: Equation) -> bool:
    """Tell whether what is written before ``<<…>>`` is what stands in it; of both, only calculations are compared."""
    left, right = equation.left, equation.right
    if not left.operations or not right.operations or left.low is None or right.low is None:
        return True
    ratio = left.low / right.low if right.low else Fraction(1)
    return left.low == right.low or ratio in _FACTORS or abs(ratio - 1) < Fraction(1, 1000) or bool(left.relative)


def _same(result: str, stated: str) -> bool:
    """Tell whether the number after ``<<…=result>>`` is that result, perhaps rounded or in percent."""
    try:
        one, other = (Fraction(re.sub("[, ]", "", t)) for t in (result, stated))
    except (ValueError, ZeroDivisionError):
        return True
    return any(abs(one * factor - other) < 1 and (one * factor).denominator != 1 for factor in (1, 100)) or any(
        one * factor == other for factor in (1, 100, Fraction(1, 100), -1)
    )


def holds(equation: Equation, *, tolerance: float) -> bool:
    """Tell whether the stated result is right: exactly, after rounding to the digits shown, or in another unit."""
    left, right = equation.left, equation.right
    if left.low is None or left.high is None or right.low is None or right.high is None:
        return True
    if equation.rest is not None:
        return _with_remainder(equation)
    slack = Fraction(tolerance) * (4 if equation.near else 1)
    readings = [(left.low, left.high), *([left.relative] if left.relative else [])]
    stated = [(right.low, right.high), *([right.relative] if right.relative else [])]
    if right.operations == 0 and right.numbers[0].percent:
        stated.append((right.low * 100, right.high * 100))
    if right.operations == 0 and right.numbers[0].scale != 1:  # $32 / 2 = 16 million
        stated.append((right.low / right.numbers[0].scale, right.high / right.numbers[0].scale))
    if left.operations and any(n.percent for n in left.numbers) and not right.numbers[0].percent:
        readings.append((left.low * 100, left.high * 100))  # 3 / 4 × 100% = 75
    return any(_agree(r, s, equation, slack) for r in readings for s in stated) or _converts(left, right)


def _agree(
    computed: tuple[Fraction, Fraction], said: tuple[Fraction, Fraction], equation: Equation, slack: Fraction
) -> bool:
    low, high = computed
    middle, target = (low + high) / 2, (said[0] + said[1]) / 2
    if low <= target <= high or said[0] <= middle <= said[1] or abs(middle - target) <= abs(middle) * _NOISE:
        return True
    number = equation.right.numbers[0]
    step = Fraction(0)
    if equation.right.operations == 0:
        step = number.step * (target / number.value if number.value else 1)
    if equation.near and step == 1:  # ≈ 3,000: the zeros are no claim
        step = Fraction(10 ** (len(str(int(target))) - len(str(int(target)).rstrip("0")))) if target else step
    step = abs(step)
    if 0 < step <= Fraction(1, 100) <= abs(target) / 100 and abs(middle - target) <= step:
        return True  # 14.99 for 15: a machine cut what it had as 14.999999
    if low == high and equation.right.operations == 0 and step and (middle / step).denominator == 1:
        return equation.near and abs(middle - target) <= slack * abs(middle)  # it could have been stated exactly
    if step and abs(middle - target) <= step / 2 + (high - low) / 2:
        return True
    if step and 0 <= middle - target < step + (high - low) / 2:  # cut: 20 / 3 = 6
        return True
    if step == 1 and 0 < target - middle < 1 and _UP.search(equation.around):
        return True
    inexact = low != high or said[0] != said[1] or (middle.denominator != 1 and step < 1)
    return bool(inexact or equation.near) and abs(middle - target) <= slack * abs(middle)


def _converts(left: Side, right: Side) -> bool:
    """Tell whether both sides are one amount in different units: 2 × 60 minutes = 2 hours."""
    if not left.low or not right.low:
        return False
    units, others = ({u.lower().rstrip("s") for u in side.units if _MEASURES.match(u)} for side in (left, right))
    if {n.currency for n in (*left.numbers, *right.numbers)} - {""} or {"cent", "角", "毛"} & (units | others):
        return right.low / left.low in (100, Fraction(1, 100), 10, Fraction(1, 10)) and bool(units or others)
    return bool(units and others) and units != others and right.low / left.low in _FACTORS


def _with_remainder(equation: Equation) -> bool:
    """Check a ÷ b = q … r, where it is that simple."""
    left, right = equation.left, equation.right
    if left.operations != 1 or len(left.numbers) != 2 or right.operations:
        return True
    dividend, divisor = (n.value for n in left.numbers)
    if not divisor or left.low != dividend / divisor:
        return True
    return right.numbers[0].value * divisor + (equation.rest or 0) == dividend


def _chains(text: str, offset: int) -> Iterator[Equation]:
    """Yield the equations of a text without annotations."""
    tokens = [
        Token(m.lastgroup or "other", m.group(), m.start() + offset, m.end() + offset)
        for m in _TOKEN.finditer(text)
        if m.lastgroup != "gap"
    ]
    place = 0
    while place < len(tokens):
        if not _begins(tokens, place):
            place += 1
            continue
        chain, place = _chain(tokens, place, text, offset)
        yield from chain


def _begins(tokens: Sequence[Token], place: int) -> bool:
    """Tell whether an expression may begin here; braces belong to commands of LaTeX."""
    if tokens[place].kind == "minus":
        place += 1
    if place == len(tokens) or tokens[place].text == "{":
        return False
    return tokens[place].kind in ("number", "open", "frac")


def _chain(tokens: Sequence[Token], place: int, text: str, offset: int) -> tuple[list[Equation], int]:
    """Read side = side = …; return its equations and where to go on."""
    found: list[Equation] = []
    last: Side | None = None
    near = False
    while True:
        side = _side(tokens, place, text, offset) if place < len(tokens) and _begins(tokens, place) else None
        if side is None:
            return found, place + 1 if last is None else place
        place += side.tokens
        rest = None
        if place + 1 < len(tokens) and tokens[place].kind == "rest" and tokens[place + 1].kind == "number":
            rest = number(tokens[place + 1].text)
            place += 2
        if last is not None and _comparable(last, side):
            # A result that is stated before it is computed (12 = 3 × 4) is the same claim.
            pair = (side, last) if last.operations == 0 else (last, side)
            end = side.end if rest is None else tokens[place - 1].end
            around = text[max(0, last.start - offset - 80) : end - offset + 80]
            found.append(Equation(last.start, end, *pair, near, rest.value if rest else None, around))
        if rest is not None or place >= len(tokens) or tokens[place].kind not in ("equals", "near"):
            return found, place
        near = tokens[place].kind == "near"
        last = side
        place += 1


def _comparable(left: Side, right: Side) -> bool:
    """Tell whether an equals sign between two sides is a claim: 1 box = 3 × 4 pens, or 5% = 20 people, only defines."""
    if left.low is None or right.low is None or not left.operations + right.operations:
        return False
    if left.letters != right.letters:
        return False
    return left.operations > 0 or (not left.numbers[0].percent and bool(left.units) <= (left.units == right.units))


def _side(tokens: Sequence[Token], start: int, text: str, offset: int) -> Side | None:
    """Read the longest expression at `start`; None where there is none."""
    reader = _Reader(tokens, start)
    reader.expression()
    end = reader.place
    if end == start:
        return None
    side = Side(tokens[start].start, tokens[end - 1].end, tokens=end - start)
    side.numbers = [n for n, _ in reader.values]
    side.units, side.operations = reader.units, reader.operations
    whole = not reader.broken and end - start <= LONGEST and side.numbers
    if whole and _clean(tokens, start, end, text, offset) and _readable_units(side):
        value = _value(reader.source, reader.values)
        if value is not None:
            side.low, side.high = value
            side.relative = _relative(reader.source, reader.values)
    return side


def _clean(tokens: Sequence[Token], start: int, end: int, text: str, offset: int) -> bool:
    """Tell whether an expression is whole: nothing that belongs to it stands directly before or behind it."""
    before, after = tokens[start - 1] if start else None, tokens[end] if end < len(tokens) else None
    if before is not None:
        if before.kind in (*_SYMBOLS, "rest", "frac", "command") or before.text in "{^_√\\<>≤≥≠|!∠π":
            return False
        if before.kind == "other" and unicodedata.category(before.text) in ("Sm", "So"):
            return False  # an operation that is not known here: 2 ⊕ 3
        if tokens[start].kind == "minus" and before.kind in ("number", "close", "word"):
            return False
        near = text[tokens[start].start - offset - 1 : tokens[start].start - offset]
        if before.text in ":：∶" and near == before.text and start > 1 and tokens[start - 2].kind == "number":
            return False
        if (
            tokens[start].kind == "open"
            and before.kind == "word"
            and (near == before.text[-1:] or len(before.text) == 1)
        ):
            return False  # f(2), and also a unit in brackets
        if before.kind == "number" and tokens[start].kind == "number" and near in ".,:/-":
            return False
        if before.kind == "word" and near == before.text[-1:] and re.fullmatch(r"[A-Za-z]{1,2}", before.text):
            return False  # x2, No5
        if before.kind == "word" and start > 1 and tokens[start - 2].kind == "number" and _MEASURES.match(before.text):
            return False  # 3 hours 20 minutes × 2
    if after is not None:
        if after.kind == "rest":
            return end + 1 < len(tokens) and tokens[end + 1].kind == "number"  # a remainder: 17 ÷ 5 = 3 …… 2
        if after.kind in (*_SYMBOLS, "frac", "number", "command") or after.text in "^_√\\<>≤≥≠|!%∠π":
            return False
        if after.text == "." and end + 1 < len(tokens) and tokens[end + 1].text.startswith("\\"):
            return False  # 0.\\dot{3}
        if after.text in ":：∶" and end + 1 < len(tokens) and tokens[end + 1].kind == "number":
            return tokens[end + 1].start > after.end
    return True


def _readable_units(side: Side) -> bool:
    """Refuse variables: a single letter beside some of the numbers only is one more likely than a unit."""
    letters = [unit for unit in side.units if re.fullmatch(r"[A-Za-z]", unit)]
    return not letters or (len(letters) == len(side.numbers) and len(set(letters)) == 1)


# Words that begin a new thought, and so are no unit of the number before them.
_NO_UNIT = re.compile(
    r"(?i)^(?:and|or|so|because|since|then|is|was|are|were|has|have|had|which|that|but|if|when|therefore|thus)$"
    r"|所以|因此|因为|那么|则|即|故|又|且|当|得|共|有"
)


class _Reader:
    """Reads an expression off the tokens: its structure as source for `ast`, its numbers by place."""

    def __init__(self, tokens: Sequence[Token], place: int) -> None:
        self.tokens, self.place = tokens, place
        self.source = ""  # n0*(n1+n2)
        self.values: list[tuple[Number, int]] = []
        self.units: list[str] = []
        self.operations = 0
        self.broken = False  # it goes on in a way that cannot be read
        self.depth = 0

    def kind(self, ahead: int = 0) -> str:
        place = self.place + ahead
        return self.tokens[place].kind if place < len(self.tokens) else ""

    def expression(self) -> None:
        """Read term (operator term)*."""
        if self.kind() == "minus":
            self.source += "-"
            self.place += 1
        if not self.term():
            return
        while self.kind() in _SYMBOLS or self.kind() in ("open", "frac"):
            start, source = self.place, self.source
            if self.kind() in _SYMBOLS:
                self.source += _SYMBOLS[self.kind()]
                self.place += 1
                if self.kind() == "minus":  # 3 × -2
                    self.source += "-"
                    self.place += 1
            elif self._unit_in_brackets():
                continue
            elif self.tokens[self.place].text in "{":
                self.broken = True
                return
            else:
                self.source += "*"  # 5(3 + 2)
            if not self.term():
                self.place, self.source = start, source
                self.broken = True
                return
            self.operations += 1

    def _unit_in_brackets(self) -> bool:
        """Skip （元）, (cm) and the like."""
        ahead = 1
        while self.kind(ahead) == "word" or (self.kind(ahead) == "divide" and ahead > 1):
            ahead += 1
        if ahead == 1 or self.kind(ahead) != "close":
            return False
        self.units += [t.text for t in self.tokens[self.place + 1 : self.place + ahead] if t.kind == "word"]
        self.place += ahead + 1
        return True

    def term(self) -> bool:
        """Read a number with its unit, a bracket, or a fraction."""
        if self.kind() == "frac":
            done = self.fraction()
            self.unit()
            return done
        if self.kind() == "open":
            done = self.bracket()
            self.unit()
            return done
        if self.kind() != "number":
            return False
        found = number(self.tokens[self.place].text)
        if found is None or len(self.values) >= LONGEST:
            self.broken = True
            return False
        place = len(self.values)
        self.values.append((found, self.place))
        self.place += 1
        if self._mixed(found):
            self.source += f"(n{place}+n{place + 1}/n{place + 2})"
            self.operations += 1
        elif self.kind() == "frac":  # the mixed number 4\frac{1}{2}
            self.source += f"(n{place}+"
            if not self.fraction():
                return False
            self.source += ")"
            self.operations += 1
        else:
            self.source += f"n{place}"
        self.unit()
        return True

    def fraction(self) -> bool:
        r"""Read \frac{a}{b}."""
        start = self.place
        self.place += 1
        self.source += "("
        if not self.bracket():
            self.place = start
            return False
        self.source += "/"
        self.operations += 1
        if not self.bracket():
            return False
        self.source += ")"
        return True

    def _mixed(self, whole: Number) -> bool:
        """Read the fraction of a mixed number: the 1/2 of 3 1/2."""
        if [self.kind(ahead) for ahead in range(3)] != ["number", "divide", "number"]:
            return False
        top, bottom = (number(self.tokens[self.place + ahead].text) for ahead in (0, 2))
        if top is None or bottom is None or whole.step != 1 or not 0 < top.value < bottom.value:
            return False
        self.values += [(top, self.place), (bottom, self.place + 2)]
        self.place += 3
        return True

    def bracket(self) -> bool:
        """Read an expression in brackets; False, and nothing read, where there is none."""
        start, source = self.place, self.source
        if self.kind() != "open" or self.depth > 12:
            return False
        self.depth += 1
        self.place += 1
        self.source += "("
        self.expression()
        self.depth -= 1
        if self.kind() != "close" or self.source == source + "(" or self.broken:
            self.place, self.source, self.broken = start, source, True
            return False
        self.source += ")"
        self.place += 1
        return True

    def unit(self) -> None:
        """Skip up to three words of a unit, where the expression goes on or ends behind them."""
        ahead = 0
        while ahead < 3 and self.kind(ahead) == "word":
            if _NO_UNIT.search(self.tokens[self.place + ahead].text):
                return
            ahead += 1
        if ahead:
            self.units += [t.text for t in self.tokens[self.place : self.place + ahead]][:1]
        more = self.kind(ahead)
        if ahead and (more in _SYMBOLS or more in ("equals", "near", "close", "rest")):
            self.place += ahead
        if self.kind() == "open" and not self.depth:
            self._unit_in_brackets()


_BINARY = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.Pow: "**"}
Interval = tuple[Fraction, Fraction]


def _value(source: str, values: Sequence[tuple[Number, int]]) -> Interval | None:
    """Compute ``n0*(n1+n2)``: an interval, since rounded numbers may have gone in; None where it has no value."""
    try:
        return _compute(_parsed(source), values)
    except (SyntaxError, ValueError, RecursionError, MemoryError, ZeroDivisionError, OverflowError):
        return None


@lru_cache(maxsize=4096)
def _parsed(source: str) -> ast.expr:
    """Parse the structure of an expression; few structures are many expressions. One thread at a time: the parser of
    CPython counts its depth per interpreter, not per thread.
    """  # noqa: D205
    with _PARSER:
        return ast.parse(source, mode="eval").body


def _compute(node: ast.expr, values: Sequence[tuple[Number, int]]) -> Interval:
    if isinstance(node, ast.Name):
        found = values[int(node.id[1:])][0]
        return found.value - found.doubt, found.value + found.doubt
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        low, high = _compute(node.operand, values)
        return -high, -low
    if not isinstance(node, ast.BinOp):
        raise ValueError("no expression of numbers")  # noqa: TRY004
    return _combine(_BINARY[type(node.op)], _compute(node.left, values), _compute(node.right, values))


def _combine(operation: str, left: Interval, right: Interval) -> Interval:
    """Compute with intervals; every end is a Fraction of at most MOST_DIGITS digits."""
    if operation == "+":
        result = left[0] + right[0], left[1] + right[1]
    elif operation == "-":
        result = left[0] - right[1], left[1] - right[0]
    elif operation == "**":
        power = right[0]
        if power.denominator != 1 or not 0 <= power <= HIGHEST_POWER or max(map(abs, left)) > 10**6:
            raise ValueError("power too high")
        ends = [left[0] ** int(power), left[1] ** int(power)]
        result = min(ends), max(ends)
    else:
        if operation == "/" and right[0] <= 0 <= right[1]:
            raise ZeroDivisionError
        ends = [a * b if operation == "*" else a / b for a in left for b in right]
        result = min(ends), max(ends)
    if max(abs(result[0].numerator), abs(result[1].numerator), result[0].denominator) > 10**MOST_DIGITS:
        raise OverflowError
    return result


def _relative(source: str, values: Sequence[tuple[Number, int]]) -> Interval | None:
    """Return the value with a last "± p%" taken of what stands before it: 50 + 20% = 60."""
    match = re.fullmatch(r"(.+)([+-])n(\d+)", source)
    if not match or not values[int(match.group(3))][0].percent:
        return None
    before = _value(match.group(1), values)
    if before is None:
        return None
    share = values[int(match.group(3))][0].value
    factor = 1 + share if match.group(2) == "+" else 1 - share
    return tuple(sorted((before[0] * factor, before[1] * factor)))  # type: ignore[return-value]
