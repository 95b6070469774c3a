"""Right chains of thought pass; broken ones are caught, at least nine of ten of every kind of damage.

The chains are made here, so what is right and what was broken is known without asking the rules.
"""

import random
import re
import time
from collections.abc import Callable
from typing import NamedTuple

import polars as pl
import pytest
import yaml

from curation import tables
from curation.checks import account
from curation.judge import judge
from curation.packs import Packs
from curation.resources import shipped

NAMES = set(yaml.safe_load((shipped("rules") / "common" / "cot.yaml").read_text(encoding="utf-8"))["rules"])


class Record(NamedTuple):
    question: str
    cot: str | None
    answer: str


def judged(records: list[Record], packs: Packs) -> list[dict[str, str]]:
    """Return, per record, the rules for reasoning that fired, with their actions."""
    rules = [r for r in packs.rules if r.name.removeprefix("common/") in NAMES and r.name.startswith("common/")]
    rows = [
        {"id": str(i), "conversation": str(i), "kind": "pair", "question": r.question, "answer": r.answer, "cot": r.cot,
         "record": True, "earlier": 0, "turns": []}
        for i, r in enumerate(records)
    ]  # fmt: skip
    found: list[dict[str, str]] = [{} for _ in records]
    for row in judge(pl.DataFrame(rows, schema=tables.EXAMPLES), rules, on="example").iter_rows(named=True):
        found[int(row["example"])][row["rule"]] = row["action"]
    return found


def shop(chance: random.Random) -> Record:
    """Return a problem of a shop with a right chain, in one of four layouts."""
    price, count, off, fee = (chance.randint(*r) for r in ((12, 95), (3, 9), (5, 30), (4, 15)))
    total, left = price * count, price * count - off
    form = chance.randrange(4)
    if form == 0:
        return Record(
            f"A lamp costs ${price}. Ann buys {count} lamps, has a coupon of ${off} and pays ${fee} for shipping. "
            "What does she pay?",
            f"The lamps cost {price} * {count} = $<<{price}*{count}={total}>>{total}.\n"
            f"With the coupon that is {total} - {off} = $<<{total}-{off}={left}>>{left}.\n"
            f"With shipping she pays {left} + {fee} = $<<{left}+{fee}={left + fee}>>{left + fee}.",
            str(left + fee),
        )
    if form == 1:
        return Record(
            f"我买了{count}条毛巾，每条{price}元，用了{off}元优惠券，运费{fee}元，一共要付多少钱？",
            f"第一步：毛巾的总价是 {price} × {count} = {total} 元。\n"
            f"第二步：减去优惠券，{total} - {off} = {left} 元。\n"
            f"第三步：加上运费，{left} + {fee} = {left + fee} 元，所以一共付 {left + fee} 元。",
            f"您一共要付{left + fee}元。",
        )
    if form == 2:
        each, rest = price + fee, 400 + off
        paid = each * count
        return Record(
            f"{count} people pay ${each} each, and ${rest} is there already. They spend ${off}. What is left?",
            f"Step 1: {count} people pay {each} each. So they pay {count} x {each} = {paid} dollars.\n"
            f"Step 2: With what is there, they have {paid} + {rest} = {paid + rest} dollars.\n"
            f"Step 3: After that {paid + rest} - {off} = {paid + rest - off} dollars are left.",
            f"${paid + rest - off}",
        )
    return Record(
        f"套餐每月{price}元，先付{count}个月，再退{off}元，又买了{fee}元的流量包，花了多少元？",
        rf"$${price}\times {count}={total}$$（元），$${total}-{off}={left}$$（元），"
        rf"$${left}+{fee}={left + fee}$$（元）．答：花了{left + fee}元．",
        f"{left + fee}元",
    )


@pytest.fixture(scope="module")
def right() -> list[Record]:
    chance = random.Random(7)
    return [shop(chance) for _ in range(240)]


def test_right_chains_are_left_alone(right: list[Record], packs: Packs) -> None:
    found = judged(right, packs)
    assert sum("drop" in f.values() for f in found) == 0
    assert sum(bool(f) for f in found) <= 0.05 * len(right)


NUMBER = re.compile(r"(?<![\d.,])\d+(?![\d.,]*\d)")


def other(number: str, chance: random.Random) -> str:
    place = chance.randrange(len(number))
    digit = chance.choice([d for d in "123456789" if d != number[place]])
    return number[:place] + digit + number[place + 1 :]


def changed(text: str, chance: random.Random) -> str:
    hit = chance.choice(list(NUMBER.finditer(text)))
    return text[: hit.start()] + other(hit.group(), chance) + text[hit.end() :]


def one_number(record: Record, chance: random.Random) -> Record:
    return record._replace(cot=changed(record.cot or "", chance))


def final_answer(record: Record, chance: random.Random) -> Record:
    return record._replace(answer=changed(record.answer, chance))


def cut(record: Record, chance: random.Random) -> Record:
    cot = record.cot or ""
    return record._replace(cot=cot[: len(cot) * 2 // 3])


def tags(record: Record, chance: random.Random) -> Record:
    whole = f"<think>\n{record.cot}\n</think>\n\n{record.answer}"
    way = chance.choice(
        ["</think>|", "<think>|", "</think>|<think>", "<think>|<think><think>", "</think>|</thnk>", "</think>|</think"]
    )
    return Record(record.question, None, whole.replace(*way.split("|")))


@pytest.mark.parametrize("corrupt", [one_number, final_answer, cut, tags], ids=lambda f: f.__name__)
def test_nine_of_ten_broken_chains_are_caught(
    corrupt: Callable[[Record, random.Random], Record], right: list[Record], packs: Packs
) -> None:
    chance = random.Random(11)
    found = judged([corrupt(record, chance) for record in right], packs)
    assert sum(bool(f) for f in found) >= 0.9 * len(found)
    assert sum("drop" in f.values() for f in found) >= 0.85 * len(found)


def test_a_conclusion_may_be_a_letter_a_number_in_words_or_a_yes(packs: Packs) -> None:
    pairs = [
        ("故选：B。", "B", "C"),
        ("两件共一百五十元。", "150元", "250元"),
        ("The answer is (D).", "D", "A"),
        ("One in four is 1 / 4 = 0.25.", "25%", "40%"),
        ("签收第9天，过了期限，所以不可以退。", "不可以退哦", "可以退的"),
    ]
    for cot, same, different in pairs:
        record = Record("q", f"先看清题目再算一遍。{cot}", same)
        ok, bad = judged([record, record._replace(answer=different)], packs)
        assert "common/conclusion-disagrees" not in ok, cot
        assert bad.get("common/conclusion-disagrees") == "drop", cot


@pytest.mark.parametrize("unit", ["1+1=3. ", "2*3=7, ", "5/7=0.71. ", "12.5+1=13; ", "3元+4元=8元，"])
def test_a_chain_that_was_made_to_stall_is_left_alone(unit: str) -> None:
    """Each result is held against every later number, so nothing is said of a chain with more than so many."""
    text = (unit * 20_000)[:19_000]
    begun = time.process_time()
    for found in (account.unused_given, account.unused_result):
        assert found(text, text, steps=2) is None
    assert account.from_nowhere(text, text) is None
    assert time.process_time() - begun < 5
    short = "".join(f"{n}+{n}={2 * n + 1}000007. " for n in range(1, account.MOST))
    begun = time.process_time()
    told = account.unused_result(short, "5", steps=2)
    assert told == "30+30=61000007"  # in millions 61: the first that is above all later numbers, 59 at most
    account.unused_given(short, short, steps=2)
    assert time.process_time() - begun < 1
