"""Checks of a record's chain of thought: whether there is reasoning, whole, and leading to the answer.

A record carries reasoning in a field (column `cot`) or inside the answer between <think> tags; extract.py moves the
latter into the column where the tags are whole. Records of ordinary chat have none, and none of these checks fire.
"""

from __future__ import annotations

import ast
import operator
import re
from fractions import Fraction
from itertools import pairwise

import polars as pl
from rapidfuzz import fuzz

from curation.checks.language import switched
from curation.checks.registry import by_distinct, by_row, check
from curation.checks.wording import clauses, plain, units

COT, ANSWER = pl.col("cot"), pl.col("answer")


@check(on="example")
def cot_missing() -> pl.Expr:
    """A record that should carry reasoning has none. Evidence: the answer's first 40 characters."""
    return pl.when(COT.str.strip_chars() == "").then(ANSWER.str.slice(0, 40))


@check(on="example")
def cot_placeholder(*, phrases: list[str]) -> pl.Expr:
    """The reasoning is a placeholder made of `phrases`. Evidence: the reasoning."""
    return pl.when((COT.str.strip_chars() != "") & COT.str.contains(clauses(phrases))).then(COT)


@check(on="example")
def cot_short(*, least: int) -> pl.Expr:
    """The reasoning has some, but fewer than `least` units (Han characters, words). Evidence: the reasoning."""
    length = units(COT)
    return pl.when((length > 0) & (length < least)).then(COT)


@check(on="example")
def cot_tags() -> pl.Expr:
    """<think> tags in answer or reasoning are unbalanced or nested. Evidence: the first tag that is wrong."""

    def wrong(text: str) -> str | None:
        depth = 0
        for tag in re.finditer(r"</?think>", text):
            depth += 1 if tag.group() == "<think>" else -1
            if depth not in (0, 1):
                return tag.group()
        return "<think>" if depth else None

    text = pl.concat_str(COT.fill_null(""), ANSWER, separator="\n")
    return by_distinct(pl.when(text.str.contains("think>", literal=True)).then(text), wrong)


@check(on="example")
def cot_repeats(*, least: float, share: float) -> pl.Expr:
    """The reasoning only says the question or the answer again. Evidence: its start.

    Either it is nearly the same text (similarity of at least `least`), or at least `share` of its pairs of letters
    stand in the question while it draws no conclusion and brings no number of its own.
    """

    def repeats(question: str, cot: str | None, answer: str) -> str | None:
        if not cot or not plain(cot):
            return None
        close = max(fuzz.ratio(plain(cot), plain(question)), fuzz.ratio(plain(cot), plain(answer)))
        told, asked = _letter_pairs(cot), _letter_pairs(question)
        retold = bool(told) and len(told & asked) / len(told) >= share
        new = _CONCLUDES.search(cot) or set(_numbers(cot)) - set(_numbers(question))
        return cot[:60] if close >= 100 * least or (retold and not new) else None

    return by_row(["question", "cot", "answer"], repeats, guard=COT.is_not_null())


def _letter_pairs(text: str) -> set[str]:
    letters = plain(text)
    return {letters[i : i + 2] for i in range(len(letters) - 1)}


@check(on="example")
def cot_loops(*, most: int) -> pl.Expr:
    """One sentence of at least 6 characters stands more than `most` times in the reasoning. Evidence: that sentence."""

    def loops(cot: str) -> str | None:
        sentences = [s.strip() for s in re.split(r"[。！？\n]|(?<=[.!?])\s", cot)]
        counted = {s: sentences.count(s) for s in sentences if len(s) >= 6}
        return next((s for s, n in counted.items() if n > most), None)

    return by_distinct(COT, loops)


@check(on="example")
def cot_step_gap() -> pl.Expr:
    """Numbered steps leave a number out. Evidence: the line of the step after the gap."""

    def gap(cot: str) -> str | None:
        steps = re.findall(r"(?m)^\s*((?:第|步骤\s*|Step\s*)?(\d{1,2})(?:步|[.、)）:：]).{0,30})", cot)
        jumps = (line for (_, before), (line, after) in pairwise(steps) if int(after) > int(before) + 1)
        return next((str(line).strip() for line in jumps), None)

    return by_distinct(COT, gap)


@check(on="example")
def cot_cut_off() -> pl.Expr:
    """The reasoning stops in the middle of a sentence. Evidence: its last 20 characters.

    Its last line ends with a comma, an operator, an opening bracket or a word that another must follow; or it is
    the only line without a mark at its end, and that end is a letter.
    """
    dangling = (
        r"(?i)(?:[,，、:：(（=＝+×*/-]|因为|所以|由于|但是|而且|以及|的话"
        r"|\b(?:the|a|an|of|to|and|or|because|so|is|are|with|for|in|we))\s*$"
    )
    lines = COT.str.strip_chars().str.split("\n")
    marked = lines.list.eval(pl.element().str.contains(r"[。.!?！？；;]\s*$"))
    only_last = (lines.list.len() > 1) & (marked.list.sum() == lines.list.len() - 1) & ~marked.list.last()
    cut = COT.str.contains(dangling) | (only_last & COT.str.contains(r"\p{L}\s*$"))
    return pl.when(cut).then(COT.str.strip_chars().str.tail(20))


@check(on="example")
def cot_language() -> pl.Expr:
    """Question and reasoning are in different languages (Chinese and English). Evidence: the reasoning's start."""

    def differs(question: str, cot: str | None) -> str | None:
        return cot[:40] if cot and switched(question, cot) else None

    return by_row(["question", "cot"], differs, guard=COT.is_not_null())


@check(on="example")
def cot_arithmetic(*, tolerance: float) -> pl.Expr:
    """A calculation in the reasoning is wrong by more than `tolerance` (of the value). Evidence: the equation.

    Expressions of numbers and + - × ÷ ( ) before an equals sign are parsed by `ast` and computed exactly. A result
    that is right after rounding to the decimals that are shown is right.
    """

    def wrong(cot: str) -> str | None:
        return next((text for text in _equations(cot) if not _holds(text, tolerance)), None)

    return by_distinct(COT, wrong)


_NUMBER = r"(?:[¥￥$£€]?\s?\d[\d,]*(?:\.\d+)?\s?%?)"
_EQUATION = re.compile(
    rf"(?<![\d.=])(?P<left>\(?{_NUMBER}(?:\s*[-+*/×÷xX−–（）()]\s*\(?{_NUMBER}\)?)+)\s*(?:=|＝)\s*(?P<right>-?{_NUMBER})(?![\d.]*\s*[-+*/×÷])"
)
_OPERATORS = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv}


def _equations(text: str) -> list[str]:
    """Return every ``expression = number`` in a text; units between numbers are left out before."""
    text = text.replace("\\times", "×").replace("\\div", "÷").replace("$", "")
    bare = re.sub(
        r"(?<=\d)\s?(?:元|块|件|个|天|月|年|台|分|小时|GB|MB|days?|months?|per cent)(?=\s*[-+*/×÷=＝)）])",
        "",
        text,
    )
    # A formula of LaTeX commands around the match is more than what was matched: nothing is claimed of it.
    return [m.group() for m in _EQUATION.finditer(bare) if "\\" not in bare[max(0, m.start() - 20) : m.end() + 1]]


def _holds(equation: str, tolerance: float) -> bool:
    """Tell whether an equation holds, or cannot be computed (then nothing is claimed)."""
    left, right = re.split("[=＝]", equation, maxsplit=1)
    computed, said = _value(left), _value(right)
    if computed is None or said is None:
        return True
    shown = len(right.split(".")[1].rstrip("% ")) if "." in right else 0
    if "%" in right and "%" not in left:
        shown += 2
    rounding = Fraction(1, 10**shown) if shown else Fraction(1, 2)
    exact_whole = shown == 0 and computed.denominator == 1
    return abs(computed - said) <= (0 if exact_whole else max(rounding, abs(computed) * Fraction(tolerance)))


def _value(text: str) -> Fraction | None:
    """Compute an expression of numbers exactly; None where it is not one."""
    plain_text = re.sub(r"[¥￥$£€,\s]", "", text).translate(str.maketrans("×÷−–（）xX", "*/--()**"))
    plain_text = re.sub(r"(\d+(?:\.\d+)?)%", r"(\1/100)", plain_text)
    try:
        tree = ast.parse(plain_text, mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return _compute(tree.body, plain_text)


def _compute(node: ast.expr, source: str) -> Fraction | None:
    """Walk an expression of numbers and the four operations; anything else is None."""
    if isinstance(node, ast.Constant) and isinstance(node.value, (int, float)):
        return Fraction(ast.get_source_segment(source, node) or 0)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        value = _compute(node.operand, source)
        return None if value is None else -value
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        left, right = _compute(node.left, source), _compute(node.right, source)
        if left is None or right is None or (isinstance(node.op, ast.Div) and right == 0):
            return None
        return Fraction(_OPERATORS[type(node.op)](left, right))
    return None


_CONCLUDES = re.compile(
    r"所以|因此|综上|合计|总共|一共|应退|应付|实付|最终|得出|\b(?:therefore|so|thus|hence|total|in all|comes to)\b",
    re.IGNORECASE,
)
_NO = re.compile(
    r"不(?:可以|能|支持|符合|行|属于|在保)|无法|没有资格|\b(?:no|not|cannot|can't|isn't|doesn't|won't)\b", re.IGNORECASE
)
_YES = re.compile(
    r"(?<!不)(?:可以|(?<!不可)能(?!不能)|支持|符合)|\b(?:yes|can|eligible|covered|entitled|allowed)\b", re.IGNORECASE
)


@check(on="example")
def cot_conclusion() -> pl.Expr:
    """The reasoning concludes one thing and the answer says another. Evidence: the concluding sentence.

    Looked at is the last sentence of the reasoning where it concludes (所以, 因此, 应退, therefore, so, total …). Its
    numbers must share one with the numbers of the answer; a plain yes must not meet a plain no in the answer's first
    sentence, nor the other way round.
    """

    def differs(cot: str | None, answer: str) -> str | None:
        sentences = _sentences(cot or "")
        if not sentences or not _CONCLUDES.search(sentences[-1]):
            return None
        last = re.sub(r"^\s*(?:第|步骤|Step)?\s*\d{1,2}\s*(?:步|[.、)）:：])", "", sentences[-1])
        reasoned, answered = _numbers(last), _numbers(answer)
        if reasoned and answered:
            agrees = bool(set(reasoned) & set(answered))
        else:
            agrees = (_sense(last), _sense((_sentences(answer) or [""])[0])) not in (("yes", "no"), ("no", "yes"))
        return None if agrees else last.strip()[-60:]

    return by_row(["cot", "answer"], differs, guard=COT.is_not_null())


def _sentences(text: str) -> list[str]:
    return [s for s in re.split(r"[。！？\n；;]|(?<=[^\d])\.\s|\.$", text) if s.strip()]


def _sense(sentence: str) -> str:
    """Tell whether a sentence plainly affirms or denies; empty where it does neither, or both."""
    no, yes = bool(_NO.search(sentence)), bool(_YES.search(_NO.sub("", sentence)))
    return "" if no == yes else ("yes" if yes else "no")


def _numbers(text: str) -> list[Fraction]:
    """Return the numbers in a text, thousands separators taken out."""
    return [Fraction(n.replace(",", "")) for n in re.findall(r"\d[\d,]*(?:\.\d+)?", text)]
