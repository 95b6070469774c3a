"""Samples: text of the logs stays text, and the same questions are chosen every time."""

from __future__ import annotations

import pytest

pytest.importorskip("transformers")

from training.data import Message, Record
from training.quiet import quiet

with quiet():
    from training.sample import Answer, Sample, choose_prompts, to_markdown


def records(count: int) -> list[Record]:
    made = []
    for n in range(count):
        turns = (
            Message("user", f"Q{n}"),
            Message("assistant", f"A{n}"),
            Message("user", "x"),
            Message("assistant", "y"),
        )
        made.append(Record(str(n), turns, "domain"))
    return made


def test_prompts_are_first_questions_chosen_by_seed_then_the_general_ones() -> None:
    prompts = choose_prompts(records(30), ["番茄炒蛋怎么做？"], count=3, seed=5)
    assert [prompt.kind for prompt in prompts] == ["domain"] * 3 + ["general"]
    assert all(len(p.messages) == 1 and p.reference == p.messages[0].text.replace("Q", "A") for p in prompts[:3])
    assert prompts == choose_prompts(records(30), ["番茄炒蛋怎么做？"], count=3, seed=5)
    assert prompts != choose_prompts(records(30), ["番茄炒蛋怎么做？"], count=3, seed=6)


def test_fewer_records_than_asked_for_are_all_used() -> None:
    assert len(choose_prompts(records(2), [], count=5, seed=1)) == 2


def test_no_text_can_break_out_of_its_fence() -> None:
    nasty = "```\n# owned\n<script>alert(1)</script>\n````"
    text = to_markdown([Sample("domain", nasty, nasty, Answer(nasty, 3, False), Answer("", 0, True))], title="T")
    inside, fence, outside = False, "", []
    for line in text.splitlines():
        if not inside and line.startswith("```"):
            inside, fence = True, line.removesuffix("text")
        elif inside and line == fence:
            inside = False
        elif not inside:
            outside.append(line)
    assert not inside
    assert not [line for line in outside if "script" in line or "owned" in line]
    assert "cut off, did not stop by itself" in text
    assert "0 tokens, stopped by itself" in text
