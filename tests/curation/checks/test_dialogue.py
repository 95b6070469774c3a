"""Checks of an example that its rules' own pairs cannot show: conversations of several turns, and lengths."""

import re
from collections import Counter

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.checks.dialogue import answer_made_of, few_turns_tell, question_lacks, repetition
from curation.checks.registry import answers

Talk = list[tuple[str, str]]


def dialogues(*talks: Talk) -> pl.DataFrame:
    """Return the column `turns` of dialogues."""
    return pl.DataFrame({"turns": [[{"role": role, "text": text, "messages": [0]} for role, text in t] for t in talks]})


HELPED = [("user", "断网了"), ("assistant", "请私信"), ("user", "私信了"), ("assistant", "请私信，或者重启")]
PUT_OFF = [("user", "断网了"), ("assistant", "请私信"), ("user", "重启过了"), ("assistant", "再请私信")]
TOLD = [("user", "断网了"), ("assistant", "在检修"), ("user", "到几点"), ("assistant", "六点")]


@pytest.mark.parametrize(("least", "expected"), [(1, [None, "请私信", None]), (2, ["请私信", "请私信", None])])
def test_turns_that_put_somebody_off_do_not_count(least: int, expected: list[str | None]) -> None:
    check = few_turns_tell(least=least, patterns=["请私信"], unless="重启")
    assert answers(dialogues(HELPED, PUT_OFF, TOLD), {"found": check})["found"].to_list() == expected


def asked_back(question: str, answer: str, *, asked: int = 0) -> str | None:
    """Return the evidence of a check that knows one way to ask and one courtesy."""
    check = answer_made_of(
        of=["[^，。？]+吗"], beside=["您好"], unless="可以吗", longest=20, says=["哪|什么|吗"], asked=asked
    )
    found = answers(pl.DataFrame({"question": [question], "answer": [answer]}), {"found": check})["found"]
    return found.to_list()[0]


@pytest.mark.parametrize(
    ("answer", "fires"),
    [
        ("您好，用过了吗？", True),
        ("您好 您在家吗，门卫在吗", True),
        ("三天到，您急吗", False),  # says something first
        ("换新可以吗", False),  # proposes
        ("您好", False),  # a courtesy alone asks nothing
        ("您住的小区有没有快递柜或者代收点可以放东西吗", False),  # longer than `longest`
    ],
)
def test_an_answer_of_questions_and_courtesies_asks_back(answer: str, *, fires: bool) -> None:
    assert asked_back("坏了", answer) == (answer if fires else None)


def test_a_short_question_may_be_answered_by_a_question() -> None:
    assert asked_back("内胆坏了", "用过了吗", asked=4) == "用过了吗"
    assert asked_back("内胆坏", "用过了吗", asked=4) is None


def test_parts_of_an_answer_are_whole_clauses() -> None:
    check = answer_made_of(of=["we will look"], beside=[r"\bsorry\b"], unless="because", longest=60)
    told = ["Sorry. We will look.", "Sorry, we will look because it is late.", "Sorry. Press reset. We will look."]
    found = answers(pl.DataFrame({"question": ["x"] * 3, "answer": told}), {"found": check})["found"]
    assert found.to_list() == [told[0], None, None]


@pytest.mark.parametrize(
    ("question", "answer", "earlier", "fires"),
    [
        ("how long", "3 days", 1, False),  # asks
        ("key sticks when damp", "Ease the bushing", 0, True),  # too short for a report, and nothing to do is told
        ("the key sticks when damp", "It swells", 0, False),  # said first and long enough
        ("the key sticks when damp", "It swells", 1, True),
        ("key sticks when damp", "Press it", 1, False),  # the answer says what to do
        ("key sticks", "Press it", 1, True),  # too short for that
        ("key sticks when damp", "Lift it", 1, True),  # what helps with a first report only
        ("key sticks when damp", "Lift it", 0, False),
        ("yes it sticks often", "Press it", 1, True),  # a reply
    ],
)
def test_what_is_told_what_to_do_about_is_a_report(question: str, answer: str, earlier: int, *, fires: bool) -> None:
    frame = {"question": [question], "answer": [answer], "earlier": [earlier], "record": [False]}
    check = question_lacks(cue="how", report=5, told="^Press|^Lift", told_later="^Press", replies="^yes")
    assert answers(pl.DataFrame(frame), {"found": check})["found"].to_list() == [question if fires else None]


@given(st.lists(st.text("ab。.\n; ", max_size=24), min_size=1, max_size=4), st.integers(1, 3), st.integers(0, 3))
def test_the_first_sentence_that_stands_often_enough_is_quoted(answers_: list[str], least: int, shortest: int) -> None:
    def quoted(text: str) -> str | None:
        said = [part.strip() for part in re.findall(r"[^。.\n;]+", text)]
        times = Counter(part for part in said if len(part) >= shortest)
        long = len(text) >= least * shortest and len(re.findall(r"[。.\n;]", text)) >= least - 1
        return next((part for part in said if long and times[part] >= least), None)

    found = answers(pl.DataFrame({"answer": answers_}), {"found": repetition(least=least, shortest=shortest)})
    assert found["found"].to_list() == [quoted(text) for text in answers_]
