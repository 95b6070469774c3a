"""Query types from the data."""

import builtins
from random import Random

import polars as pl
import pytest

from curation import topics as module
from curation.errors import RecipeError
from curation.topics import topics

ASKED = {
    "delivery": ["when will my delivery arrive", "my delivery is late again", "delivery has not arrived yet"],
    "refund": ["i want a refund please", "refund my payment please", "please when do i get the refund"],
    "发票": ["发票怎么开", "能开发票吗", "电子发票怎么下载", "发票抬头写错了"],
    "密码": ["密码忘了怎么办", "怎么改密码", "登录密码忘了", "密码输错了"],
}


def questions(times: int = 15) -> pl.DataFrame:
    rows = [(kind, text) for kind, texts in ASKED.items() for text in texts * times]
    Random(3).shuffle(rows)
    frame = pl.DataFrame(rows, schema=["kind", "text"], orient="row").with_row_index("n")
    return frame.with_columns(id=pl.format("{}", pl.col("n").hash(1)))


def test_questions_about_one_thing_are_one_type_that_is_called_by_its_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 2)
    asked = questions().filter(pl.col("kind").is_in(["delivery", "发票"]))
    told, names = topics(asked.select("id", "text"), seed=1)
    by_kind = asked.with_columns(told).group_by("kind").agg(pl.col("query_type").unique())
    assert all(len(types) == 1 for types in by_kind["query_type"])
    named = {kind: names[types[0]].en for kind, types in by_kind.iter_rows()}
    assert all(kind in name for kind, name in named.items()), named


def test_a_few_questions_in_another_language_are_told_apart_by_their_subject_too() -> None:
    many = questions(40).filter(pl.col("kind").is_in(["发票", "密码"]))
    few = questions(10).filter(pl.col("kind").is_in(["delivery", "refund"]))
    asked = pl.concat([many, few])
    told, _ = topics(asked.select("id", "text"), seed=1)
    types = asked.with_columns(told).group_by("kind").agg(pl.col("query_type").unique())
    known = dict(types.iter_rows())
    assert not set(known["delivery"]) & set(known["refund"])
    assert not set(known["delivery"] + known["refund"]) & set(known["发票"] + known["密码"])


def test_no_name_is_made_of_characters_that_only_happen_to_stand_together() -> None:
    places = ["酒店", "餐馆", "车站", "书店", "医院"]
    asks = ["两家{}电话", "评分高{}推荐", "{}地址告诉下", "三楼{}营业时间"]
    texts = [ask.format(place) for ask in asks for place in places for _ in range(9)]
    frame = pl.DataFrame({"text": texts}).with_row_index("n").with_columns(id=pl.format("{}", pl.col("n").hash(2)))
    told = {word for name in topics(frame.select("id", "text"), seed=3)[1].values() for word in name.zh.split()}
    assert told & {"电话", "推荐", "地址", "营业"}
    assert not told & {ask[at] + place[0] for ask, at in zip(asks, (1, 2), strict=False) for place in places}


def test_the_same_seed_gives_the_same_types_whatever_the_order() -> None:
    asked = questions(10).select("id", "text")
    told, names = topics(asked, seed=5)
    again, names_again = topics(asked.reverse(), seed=5)
    assert told.to_list() == again.reverse().to_list()
    assert names == names_again


def test_too_few_questions_are_all_other() -> None:
    told, names = topics(questions(1).select("id", "text"), seed=1)
    assert (set(told), names) == ({"other"}, {})


def test_without_scikit_learn_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def gone(name: str, *rest: object, **more: object) -> object:
        if name.startswith("sklearn"):
            raise ImportError(name)
        return real(name, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(builtins, "__import__", gone)
    with pytest.raises(RecipeError, match=r"pip install 'siftune\[cluster\]'"):
        topics(questions(), seed=1)
