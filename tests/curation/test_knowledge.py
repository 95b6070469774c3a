"""Knowledge bases: a question, other ways to ask it, and one answer; each way is an example of its own."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from curation.containers import members
from curation.read import Reading, read
from curation.recipe import Source, Split, load
from curation.sniff import recipe, sniff
from curation.split import UNTIED, split

HEADER = ["标准问", "相似问", "答案"]
WAYS = ["网络老断怎么处理", "路由器红灯亮了怎么回事"]
ANSWER = "先把光猫断电30秒再重启，红灯还亮就需要师傅上门。"
ASKED = ["宽带掉线怎么办", *WAYS, "几点可以入住"]  # of BASE, in its order
BASE = [("宽带掉线怎么办", WAYS, ANSWER), ("几点可以入住", list[str](), "下午2点以后可以入住。")]


def table(rows: list[list[str]]) -> str:
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    return out.getvalue()


def reading(folder: Path, content: str, name: str = "kb.csv", **source: Any) -> Reading:
    (folder / name).write_text(content, encoding="utf-8")
    return read([folder / name], [Source(**source)])


def sniffed(folder: Path, name: str, content: str) -> Reading:
    """Read a file by what was guessed of it, the recipe written and read again."""
    (folder / name).write_text(content, encoding="utf-8")
    (file,) = members(name, folder / name)
    guess = sniff(file)
    assert guess.question is None
    (folder / "recipe.yaml").write_text(recipe([guess]), encoding="utf-8")
    return read([folder / name], load(folder / "recipe.yaml").sources)


def asked(found: Reading) -> list[tuple[str, str]]:
    """Return every question with its answer, which have a conversation to themselves."""
    both = found.messages.group_by("conversation", maintain_order=True).agg("role", "raw")
    assert all(roles == ["user", "assistant"] for roles in both["role"].to_list())
    return [(question, answer) for question, answer in both["raw"].to_list()]


@pytest.mark.parametrize("mark", ["\n", ";", "；", "|", "||", "##"])
def test_ways_to_ask_stand_in_one_cell_with_a_mark_between_them(tmp_path: Path, mark: str) -> None:
    found = reading(tmp_path, table([HEADER, *([q, mark.join(ways), a] for q, ways, a in BASE)]))
    assert asked(found) == [*((way, ANSWER) for way in ASKED[:3]), ("几点可以入住", "下午2点以后可以入住。")]
    assert found.inputs[0].records == 2
    names = found.messages["conversation"].unique(maintain_order=True).to_list()
    line = 3 if mark != "\n" else 4
    assert names == ["kb.csv:2", "kb.csv:2≈2", "kb.csv:2≈3", f"kb.csv:{line}"]


def test_a_way_that_is_given_twice_is_one_and_numbers_follow_those_that_count(tmp_path: Path) -> None:
    found = reading(tmp_path, table([HEADER, ["宽带掉线怎么办", "宽带掉线怎么办;网断了;网断了;没网", "重启光猫"]]))
    assert [question for question, _ in asked(found)] == ["宽带掉线怎么办", "网断了", "没网"]
    assert found.messages["conversation"].unique(maintain_order=True).to_list()[1:] == ["kb.csv:2≈2", "kb.csv:2≈3"]


@pytest.mark.parametrize(
    "similar",
    [
        WAYS,
        [{"id": 1, "question": WAYS[0]}, {"id": 2, "question": WAYS[1]}],
        [{"content": WAYS[0]}, {"content": WAYS[1], "question_id": 3}],
        "\n".join(WAYS),
        json.dumps(WAYS, ensure_ascii=False),
    ],
)
def test_ways_to_ask_in_json_are_a_list_of_texts_or_of_objects_or_one_text(tmp_path: Path, similar: Any) -> None:
    records = [{"question": "宽带掉线怎么办", "similar_questions": similar, "answer": ANSWER}]
    found = reading(tmp_path, json.dumps(records), "kb.json")
    assert asked(found) == [(way, ANSWER) for way in ASKED[:3]]


def test_a_way_that_is_neither_text_nor_has_one_is_a_fault_of_its_record_alone(tmp_path: Path) -> None:
    records = [{"question": "a?", "similar_questions": [["b?"]], "answer": "x"}, {"question": "c?", "answer": "y"}]
    found = reading(tmp_path, json.dumps(records), "kb.json")
    assert asked(found) == [("c?", "y")]
    assert found.unreadable["why"].to_list() == ["the similar question is a list, not text"]


def test_a_list_of_questions_beside_one_answer_needs_no_standard_one(tmp_path: Path) -> None:
    records = [
        {"id": 1, "questions": ["How do I reset my password?", "forgot my password"], "answer": "Choose Reset."},
        {"id": 2, "questions": ["When do orders ship?"], "answer": "Orders ship within two days."},
        {"id": 3, "questions": [], "answer": "Nobody asks this."},
    ]
    found = sniffed(tmp_path, "qna.json", json.dumps({"qnaDocuments": records}))
    assert asked(found) == [
        ("How do I reset my password?", "Choose Reset."), ("forgot my password", "Choose Reset."),
        ("When do orders ship?", "Orders ship within two days."),
    ]  # fmt: skip
    assert found.unreadable["why"].to_list() == ["no question"]


def wide(q: str, ways: list[str], a: str) -> list[list[str]]:
    return [[q, *[*ways, "", ""][:2], a]]


def rows(q: str, ways: list[str], a: str) -> list[list[str]]:
    return [[q, way, a] for way in ways or [""]]


def merged(q: str, ways: list[str], a: str) -> list[list[str]]:
    return [[q, (ways or [""])[0], a], *(["", way, ""] for way in ways[1:])]


@pytest.mark.parametrize(
    ("lines", "header", "again"),
    [
        ([row for entry in BASE for row in wide(*entry)], ["标准问", "相似问1", "相似问2", "答案"], []),
        ([row for entry in BASE for row in rows(*entry)], HEADER, ["宽带掉线怎么办"]),  # a copy, which dedup takes
        ([row for entry in BASE for row in merged(*entry)], ["标准问题", "相似问法", "答案"], []),
        ([[q, "、".join(ways), a] for q, ways, a in BASE], HEADER, []),
    ],
)
def test_a_knowledge_base_is_sniffed_however_its_ways_are_laid_out(
    tmp_path: Path, lines: list[list[str]], header: list[str], again: list[str]
) -> None:
    found = sniffed(tmp_path, "faq.csv", table([header, *lines]))
    assert sorted(asked(found)) == sorted(
        [*((way, ANSWER) for way in [*ASKED[:3], *again]), ("几点可以入住", "下午2点以后可以入住。")]
    )
    assert found.unreadable.is_empty()


PHRASES = [
    ["bill.due", "when is my bill due\nbill due date", "It is due 20 days after the statement."],
    ["net.down", "internet is down\nno wifi", "Please restart the modem first."],
    ["hotel.in", "when can I check in", "Check-in starts at three in the afternoon."],
]
TITLED = [["信用卡还款日是哪天", "账单日后多少天还款", "还款日期怎么看", "还款日是账单日后的第20天。"],
          ["宽带掉线怎么办", "网断了怎么办", "", "先把光猫断电30秒再重启。"]]  # fmt: skip


@pytest.mark.parametrize(
    ("header", "lines", "found"),
    [
        (["Intent", "Training phrases", "Response"], PHRASES, [
            ("when is my bill due", PHRASES[0][2]), ("bill due date", PHRASES[0][2]),
            ("internet is down", PHRASES[1][2]), ("no wifi", PHRASES[1][2]), ("when can I check in", PHRASES[2][2])]),
        (["知识点标题", "扩展问法1", "扩展问法2", "答复内容（网页）"], TITLED, [
            *((way, TITLED[0][3]) for way in TITLED[0][:3]), *((way, TITLED[1][3]) for way in TITLED[1][:2])]),
        (["标准问题（必填）", "相似问题（选填，多个用换行分隔）", "答案（必填）"],
         [["几点退房", "退房时间\n最晚几点退", "中午12点前。"]], [
            ("几点退房", "中午12点前。"), ("退房时间", "中午12点前。"), ("最晚几点退", "中午12点前。")]),
        (["Title", "Answer"], [["Opening hours of the pool", "It opens at nine in the morning."],
                               ["Towels at the pool", "They are free of charge there."]], [
            ("Opening hours of the pool", "It opens at nine in the morning."),
            ("Towels at the pool", "They are free of charge there.")]),
    ],
)  # fmt: skip
def test_headers_of_knowledge_bases_say_what_is_asked_and_what_is_answered(
    tmp_path: Path, header: list[str], lines: list[list[str]], found: list[tuple[str, str]]
) -> None:
    assert asked(sniffed(tmp_path, "faq.csv", table([header, *lines]))) == found


def test_a_question_with_a_listing_comma_in_it_is_not_parted(tmp_path: Path) -> None:
    lines = [[f"第{n}种证件丢了怎么办", f"身份证、银行卡丢了{n}天怎么办", f"请在{n}天内挂失。"] for n in range(9)]
    found = sniffed(tmp_path, "faq.csv", table([HEADER, *lines]))
    assert len(asked(found)) == 18


def test_similar_goods_and_a_score_are_no_ways_to_ask(tmp_path: Path) -> None:
    header = ["question", "answer", "similar_products", "similarity", "product_variant"]
    lines = [
        [f"Is shirt {n} warm?", f"Shirt {n} is made of wool.", "Red; Blue", f"0.{n}", "Red large"] for n in range(9)
    ]
    found = sniffed(tmp_path, "faq.csv", table([header, *lines]))
    assert len(asked(found)) == 9


def test_an_answer_is_the_one_above_only_where_the_question_is_too(tmp_path: Path) -> None:
    text = table([HEADER, ["甲", "甲一", "答甲"], ["", "甲二", ""], ["乙", "", ""], ["", "乙一", ""]])
    found = reading(tmp_path, text, fill_down=True)
    assert asked(found) == [("甲", "答甲"), ("甲一", "答甲"), ("甲二", "答甲"), ("乙", ""), ("乙一", "")]


def test_a_question_and_the_other_ways_to_ask_it_are_on_one_side() -> None:
    names = [f"kb.csv:{n}{way}" for n in range(40) for way in ("", "≈2", "≈3")]
    examples = pl.DataFrame({"conversation": names}).with_columns(
        verdict=pl.lit("keep"), query_type=pl.lit("a"), cluster=pl.lit(None, dtype=pl.String)
    )
    done = split(examples, UNTIED, Split(val_share=0.2), seed=1)
    sides = done.group_by(pl.col("conversation").str.slice(0, 9).str.strip_chars("≈")).agg(
        pl.col("split").unique(), n=pl.len()
    )
    assert sides["n"].to_list() == [3] * 40
    assert set(sides["split"].list.len()) == {1}
    assert 18 <= (done["split"] == "val").sum() <= 24
