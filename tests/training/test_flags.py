"""What is plainly wrong with an answer: each fault by itself, and what only looks like one."""

from __future__ import annotations

import pytest

from training.flags import FLAGS, flags, rates


@pytest.mark.parametrize(
    ("question", "answer", "expected"),
    [
        ("怎么申请退货？", "在订单页面点“申请售后”，选择退货即可。", []),
        ("怎么申请退货？", "", ["empty"]),
        ("我想问一下怎么申请退货呢", "怎么申请退货", ["echo"]),
        ("How do I return the kettle?", "How do I return the kettle", ["echo"]),
        ("退款多久到账？", "退款到账。", []),  # short, but no echo of a question of six signs
        ("How long does it take?", "It takes three days. " * 3, ["loop"]),
        ("多久到账？", "好的好的好的好的好的好的好的好的", ["loop"]),
        ("多久到账？", "，" * 40, ["loop"]),
        ("列个表格", "| 项目 | 时间 |\n|---------|---------|\n| 退款 | 三天 |", []),
        ("多久到账？", "Usually within three working days of receipt.", ["language"]),
        ("Which plan is cheapest?", "最便宜的是每月二十九元的基础套餐。", ["language"]),
        ("多久到账？", "iPhone 15", []),  # a name is no language
        ("Which model is it?", "X200", []),
        ("番茄炒蛋怎么做？", "```python\ndef cook(egg):\n    return egg\n```", ["code"]),
        ("写一段 Python 代码求和", "```python\ndef add(a, b):\n    return a + b\n```", []),
        ("How do I reset it?", "Open settings; choose Reset. Then restart (it takes a minute).", []),
    ],
)
def test_one_fault_gives_one_flag(question: str, answer: str, expected: list[str]) -> None:
    assert flags(question, answer, stopped=True) == expected


def test_an_answer_that_was_cut_off_did_not_stop() -> None:
    assert flags("怎么退货？", "在订单页", stopped=False) == ["no-stop"]


def test_rates_are_shares_of_all_answers() -> None:
    found = rates([["echo", "loop"], ["loop"], [], []])
    assert (found["loop"], found["echo"], found["code"]) == (0.5, 0.25, 0.0)
    assert set(found) == set(FLAGS)
    assert rates([]) == {}


@pytest.mark.parametrize("text", ["长" * 200_000, "ab" * 100_000, "".join(map(chr, range(0x4E00, 0x9000))) * 4])
def test_long_answers_are_judged_at_once(text: str) -> None:
    assert isinstance(flags("为什么？", text, stopped=False), list)
