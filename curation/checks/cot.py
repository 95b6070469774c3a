"""Checks of a record's chain of thought: whether there is reasoning, whole, and leading to the answer.

A record carries reasoning in a field (column `cot`) or inside the answer between <think> tags; extract.py moves the
latter into the column where the tags are whole. Records of ordinary chat have none, and none of these checks fire.
"""

from __future__ import annotations

import re
from collections import Counter
from fractions import Fraction

import polars as pl
from rapidfuzz import fuzz

from curation.checks import account, arithmetic, conclusion
from curation.checks.language import switched
from curation.checks.numerals import han, numbers
from curation.checks.registry import by_distinct, by_row, check
from curation.checks.wording import clauses, plain, sentences, units

COT, ANSWER = pl.col("cot"), pl.col("answer")


@check(on="example")
def cot_missing() -> pl.Expr:
    """A record that should carry reasoning has none. Evidence: the answer's first 40 characters."""
    return pl.when(COT.str.strip_chars() == "").then(ANSWER.str.slice(0, 40))


@check(on="example")
def cot_answer_missing() -> pl.Expr:
    """There is reasoning and no answer behind it. Evidence: the reasoning's last 40 characters."""
    return pl.when((COT.str.strip_chars() != "") & (ANSWER.str.strip_chars() == "")).then(COT.str.tail(40))


@check(on="example")
def cot_placeholder(*, phrases: list[str]) -> pl.Expr:
    """The reasoning is a placeholder: made of `phrases`, or of marks only. Evidence: the reasoning."""
    empty = COT.str.contains(clauses(phrases)) | ~COT.str.contains(r"[\p{L}\p{N}]")
    return pl.when((COT.str.strip_chars() != "") & empty).then(COT)


@check(on="example")
def cot_short(*, least: int, characters: int) -> pl.Expr:
    """The reasoning has fewer than `least` units (Han characters, words), or than `characters`. Evidence: it.

    A calculation is reasoning, however short.
    """
    length, written = units(COT), COT.str.strip_chars()
    short = ((length < least) | (written.str.len_chars() < characters)) & (written != "")
    return pl.when(short & ~COT.str.contains(r"\d\s*[-+*/×÷].*[=＝≈]\s*\d")).then(COT)


@check(on="example")
def cot_long(*, least: int, times: float) -> pl.Expr:
    """The reasoning has over `least` units and over `times` those of question and answer. Evidence: its start."""
    length = units(COT)
    long = length > least
    rest = units(pl.when(long).then("question")) + units(pl.when(long).then(ANSWER))
    return pl.when(long & (length > times * rest)).then(COT.str.slice(0, 40))


_TAG = re.compile(r"<\s*(/?)\s*(th?i?n?k\w*|thought|reason(?:ing)?)\s*(>?)", re.IGNORECASE)


@check(on="example")
def cot_tags() -> pl.Expr:
    """Think tags in answer or reasoning are unbalanced, nested or mistyped. Evidence: the first tag that is wrong.

    Known are <think>, <thinking>, <thought>, <reason> and <reasoning>.
    """

    def wrong(text: str) -> str | None:
        inside = ""
        for tag in _TAG.finditer(text):
            closing, name, end = tag.group(1), tag.group(2).lower(), tag.group(3)
            known = name in ("think", "thinking", "thought", "reason", "reasoning")
            if not end or not known or (closing and name != inside) or (not closing and inside):
                return tag.group()
            inside = "" if closing else name
        return f"<{inside}>" if inside else None

    some = pl.any_horizontal(part.str.contains("<", literal=True) for part in (COT, ANSWER))
    cot, answer = (pl.when(some).then(part).otherwise(pl.lit("")) for part in (COT.fill_null(""), ANSWER))
    text = pl.concat_str(cot, answer, separator="\n")
    return by_distinct(pl.when(text.str.contains(r"(?i)<\s*/?\s*(?:th|reason)")).then(text), wrong)


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
        new = conclusion.CONCLUDES.search(cot) or set(_amounts(cot)) - set(_amounts(question))
        return cot[:60] if close >= 100 * least or (retold and not new) else None

    return by_row(["question", "cot", "answer"], repeats, guard=COT.is_not_null())


def _letter_pairs(text: str) -> set[str]:
    letters = plain(text)
    return {letters[i : i + 2] for i in range(len(letters) - 1)}


def _amounts(text: str) -> list[Fraction]:
    return [value for value, _, _ in numbers(text)]


@check(on="example")
def cot_loops(*, most: int) -> pl.Expr:
    """A sentence of 6 or more characters stands over `most` times, or anything that often in a row. Evidence: it."""
    again = re.compile(rf"(\S(?:.{{2,80}}?))(?:\s*\1){{{most},}}")

    def loops(cot: str) -> str | None:
        sentences = [s.strip() for s in re.split(r"[。！？\n]|(?<=[.!?])\s", cot)]
        counted = Counter(s for s in sentences if len(s) >= 6)
        said = next((s for s, n in counted.items() if n > most), None)
        row = again.search(cot[:20_000]) if said is None else None
        words = row and re.search(r"[^\W\d]{2}", row.group(1)) and not re.search(r"[\\\d=+]", row.group(1))
        return row.group()[:60] if row and words else said

    return by_distinct(COT, loops)


_STEP = re.compile(
    r"(?im)^[ \t]*(?:(?:step|步骤)\s*(\d{1,2}|[一二三四五六七八九十]{1,3})(?![\d])"
    r"|第\s*(\d{1,2}|[一二三四五六七八九十]{1,3})\s*步"
    r"|[(（]?(\d{1,2})(?:[、)）:：]|\.(?!\d)))[^\n]{0,30}"
)


@check(on="example")
def cot_step_gap() -> pl.Expr:
    """Numbered steps leave a number out, or do not begin with the first. Evidence: the line after the gap.

    Steps are numbered at the start of a line: 1. · 2) · (3) · 第四步 · 步骤五 · Step 6.
    """

    def gap(cot: str) -> str | None:
        before = 0
        lines = list(_STEP.finditer(cot))
        for line in lines if len(lines) > 1 else ():
            number = next(group for group in line.groups() if group)
            here = int(number) if number.isascii() else int(han(number) or 0)
            if here > before + 1 and (before or here > 1):
                return line.group().strip()
            before = here
        return None

    return by_distinct(COT, gap)


@check(on="example")
def cot_cut_off() -> pl.Expr:
    """The reasoning stops in the middle of a sentence. Evidence: its last 20 characters.

    It ends with a comma, an operator, an opening bracket or a word that another must follow; a bracket, a formula or
    a quotation stays open in its last line; or it ends in a letter without a mark, though all sentences before, at
    least two, or the only line before, end with one.
    """
    dangling = (
        r"(?i)(?:[,，、:：(（=＝≈+×÷*/\\-]|因为|所以|由于|但是|而且|以及|的话|需要|等于|一共是|那么"
        r"|\b(?:the|a|an|of|to|and|or|because|so|is|are|was|were|with|for|in|we|he|she|they|has|have|needs|that|which|per))\s*$"
    )
    whole = COT.str.strip_chars()
    lines = whole.str.split("\n").list.eval(pl.element().filter(pl.element().str.strip_chars() != ""))
    ends = r"[。．.!?！？；;]\s*$"
    marked = lines.list.eval(pl.element().str.contains(ends)).list.sum()
    by_line = (lines.list.len() > 1) & (marked == lines.list.len() - 1)
    in_line = (lines.list.len() == 1) & (whole.str.count_matches(r"[。．！？!?]|[^\d\s][.]\s") > 1)
    # A calculation or a choice may end without a mark; whether it is the right one, other checks say.
    last = whole.str.extract(r"([^。．！？!?\n]*)$")
    words = last.str.contains(r"\p{L}\s*$") & ~last.str.contains(r"\d|选|答案|答[:：]")
    opened = whole.str.contains(r"[(（][^)）\n]{0,30}$|<<[^>\n]*$")
    return pl.when(COT.str.contains(dangling) | opened | ((by_line | in_line) & words)).then(whole.str.tail(20))


@check(on="example")
def cot_language() -> pl.Expr:
    """Question and reasoning, or half of it, are in different languages (Chinese and English). Evidence: its start."""

    def differs(question: str, cot: str | None) -> str | None:
        said = sentences(cot or "")
        parts = [cot or "", "\n".join(said[: len(said) // 2]), "\n".join(said[len(said) // 2 :])]
        return next((part[:40] for part in parts if switched(question, part)), None)

    return by_row(["question", "cot"], differs, guard=COT.is_not_null())


@check(on="example")
def cot_arithmetic(*, tolerance: float) -> pl.Expr:
    """A calculation in the reasoning is wrong (see arithmetic.py). Evidence: the equation.

    `tolerance` is the relative error that is allowed where rounded numbers went in; whole numbers must be exact.
    """
    return by_distinct(COT, lambda cot: arithmetic.wrong(cot, tolerance=tolerance))


@check(on="example")
def cot_conclusion() -> pl.Expr:
    """The reasoning concludes one thing and the answer says another (see conclusion.py). Evidence: the conclusion.

    An answer that is one number must be in the last sentence, be the last result, or follow a mark such as "####"; an
    option letter must be the one that was chosen, or computed. Of an answer in prose, one number must be in the
    concluding sentence; a plain yes must not meet a plain no.
    """

    def differs(question: str, cot: str | None, answer: str) -> str | None:
        return conclusion.disagrees(question, cot, answer) if cot and cot.strip() and answer.strip() else None

    return by_row(["question", "cot", "answer"], differs, guard=COT.is_not_null())


@check(on="example")
def cot_unused_given(*, steps: int) -> pl.Expr:
    """An amount that the question gives goes into no calculation of at least `steps`. Evidence: the amount."""

    def unused(question: str, cot: str) -> str | None:
        return account.unused_given(question, cot, steps=steps)

    return by_row(["question", "cot"], unused, guard=COT.str.contains("[=＝]"))


@check(on="example")
def cot_unused_result(*, steps: int) -> pl.Expr:
    """A result leads to no later step and not to the answer, of at least `steps`. Evidence: the calculation."""

    def unused(cot: str, answer: str) -> str | None:
        return account.unused_result(cot, answer, steps=steps)

    return by_row(["cot", "answer"], unused, guard=COT.str.contains("[=＝]"))


@check(on="example")
def cot_unlikely_amount() -> pl.Expr:
    """A result is below nothing, a fraction of a thing, or cut without a word. Evidence: the calculation."""
    return by_row(["question", "cot", "answer"], account.unlikely_amount, guard=COT.str.contains("[=＝]"))


@check(on="example")
def cot_from_nowhere() -> pl.Expr:
    """An amount in the reasoning is neither given nor computed. Evidence: where it stands."""
    return by_row(["question", "cot"], account.from_nowhere, guard=COT.str.contains("[=＝]"))


@check(on="example")
def cot_mixed_units() -> pl.Expr:
    """Hours and minutes are added up as if they were the same. Evidence: the calculation."""
    return by_distinct(pl.when(COT.str.contains("[=＝]")).then(COT), account.mixed_units)


@check(on="example")
def cot_squared_given() -> pl.Expr:
    """An amount that the question gives once is multiplied by itself. Evidence: the calculation."""
    return by_row(["question", "cot"], account.squared_given, guard=COT.str.contains("[=＝]"))
