"""Query types, and how evenly a set covers them."""

import polars as pl
import pytest

from curation.diversity import Diversity, diversity, query_types
from curation.packs import Packs, QueryType


def asked(*questions: str) -> pl.DataFrame:
    return pl.DataFrame({"turns": [[{"role": "user", "text": q, "messages": [0]}] for q in questions]})


def types_of(frame: pl.DataFrame, packs: Packs) -> list[str]:
    return query_types(frame, packs.query_types)["query_type"].to_list()


def kind(*patterns: str) -> QueryType:
    return QueryType(zh="x", en="x", patterns=list(patterns), fires=["x"])


def test_the_type_with_most_hits_wins_ties_go_to_the_first_and_no_hit_is_other() -> None:
    types = {"a": kind("red|blue"), "b": kind("BLUE", "green")}
    found = query_types(asked("blue green", "Blue", "red", "grey"), types)
    assert found["query_type"].to_list() == ["b", "a", "a", "other"]


def test_no_types_or_no_examples_are_no_problem() -> None:
    assert query_types(asked("x"), {})["query_type"].to_list() == ["other"]
    assert query_types(asked("x").clear(), {"a": kind("x")})["query_type"].to_list() == []


def test_every_example_of_a_shipped_query_type_is_of_that_type(packs: Packs) -> None:
    pairs = [(text, name) for name, known in packs.query_types.items() for text in known.fires]
    found = types_of(asked(*(text for text, _ in pairs)), packs)
    assert [(text, got) for (text, _), got in zip(pairs, found, strict=True)] == pairs


def test_the_first_turn_of_a_dialogue_names_the_concern(packs: Packs) -> None:
    turns = [
        {"role": "user", "text": "发票抬头能改吗", "messages": [0]},
        {"role": "user", "text": "退款退款退款", "messages": [1]},
    ]
    assert types_of(pl.DataFrame({"turns": [turns]}), packs) == ["invoice"]


def measured(*rows: tuple[str, str, str], types: int = 4) -> Diversity:
    return diversity(pl.DataFrame(rows, schema=["query_type", "question", "answer"], orient="row"), types)


def test_equally_many_of_every_type_is_an_evenness_of_1() -> None:
    found = measured(*((t, f"q{t}", f"answer {t}") for t in "abcd"))
    assert (found.evenness, found.effective_types) == (1.0, 4.0)


def test_three_of_one_and_one_of_another_has_the_entropy_of_that() -> None:
    found = measured(("a", "x", "p"), ("a", "y", "p"), ("a", "z", "p"), ("b", "w", "p"))
    assert found.evenness == pytest.approx(0.4056, abs=1e-4)  # (0.75 ln 4/3 + 0.25 ln 4) / ln 4
    assert found.effective_types == pytest.approx(1.75, abs=0.01)


def test_questions_that_differ_in_masks_and_digits_only_count_once() -> None:
    rows = [
        ("a", "订单[订单号]到哪了？", "甲乙丙丁戊己一"),
        ("a", "订单12到哪了", "甲乙丙丁戊己二"),
        ("a", "退款呢", "别的开头是这样"),
    ]
    found = measured(*rows)
    assert (found.distinct_questions, found.distinct_openings) == (round(2 / 3, 4), round(2 / 3, 4))


def test_nothing_to_measure_is_none_not_nought() -> None:
    assert diversity(
        pl.DataFrame(schema=dict.fromkeys(["query_type", "question", "answer"], pl.String)), 4
    ) == Diversity(None, None, None, None)
    assert measured(("a", "q", "a"), types=1).evenness is None
