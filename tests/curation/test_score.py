"""A score adds up the points of the signs that apply, and its evidence is what counted against."""

import polars as pl
import pytest

from curation import packs, tables
from curation.checks import wording
from curation.checks.registry import answers
from curation.checks.score import scores_below
from curation.checks.wording import content, in_common
from curation.errors import PackError


def evidence(question: str, answer: str = "", *, signs: dict, below: float = 0.5, earlier: int = 0) -> str | None:
    row = {"id": "e", "conversation": "c", "question": question, "answer": answer, "record": False, "earlier": earlier}
    frame = pl.DataFrame([row], schema={name: tables.EXAMPLES[name] for name in row})
    return answers(frame, {"it": scores_below(signs=signs, below=below, function_words="吗|能|的")})[0, 0]


TOPIC = {"topic": {"points": 1, "says": ["发票"]}}


def test_a_text_with_enough_points_is_left_alone():
    assert evidence("发票能改吗", signs=TOPIC) is None
    assert evidence("能改吗", signs=TOPIC) == "能改吗"


def test_the_evidence_is_what_counted_against_the_text():
    signs = {**TOPIC, "back": {"points": -1, "says": ["^那"]}, "now": {"points": -1, "says": ["现在"]}}
    assert evidence("那发票现在能改吗", signs=signs) == "那 · 现在"


@pytest.mark.parametrize(
    ("sign", "applies"),
    [
        ({"least": 5}, True), ({"least": 6}, False), ({"most": 5}, True), ({"most": 4}, False),
        ({"content": 3}, True), ({"content": 4}, False), ({"after": 2}, True), ({"after": 3}, False),
        ({"first": True}, False), ({"first": False}, True),
        ({"of": "answer", "says": ["可以|一次"], "times": 2}, True), ({"says": ["发票"], "times": 2}, False),
        ({"says": ["发票"], "unless": ["改"]}, False), ({"of": "answer", "says": ["可以"]}, True),
        ({"of": "answer", "asked": ["能.*吗"], "says": ["可以"]}, True),
        ({"of": "answer", "asked": ["多久"], "says": ["可以"]}, False),
        ({"of": "answer", "shares": 1}, True), ({"of": "answer", "shares": 2}, False),
    ],
)  # fmt: skip
def test_a_sign_applies_where_all_that_it_names_holds(sign, applies):
    found = evidence("发票能改吗", "可以，发票改一次", signs={"one": {"points": 1} | sign}, earlier=2)
    assert (found is None) == applies


@pytest.mark.parametrize(
    ("one", "other", "count"),
    [
        ("退款到账", "款到了", 1),  # every pair of Han characters is a word
        ("退款到账", "退款到账", 3),
        ("退款退款", "退款", 1),  # once, however often it is said
        ("退 款", "退款", 0),
        ("退款", "款退", 0),
        ("App store", "the APP", 1),
        ("iPhone 15", "15", 0),  # two letters are no word
        (
            "iPhone 1500 退款",
            "iphone退款1500",
            3,
        ),  # iphone退款1500: Latin and numbers beside Han are words of their own
        ("", "退款", 0),
        (None, "退款", 0),
        ("\U00020000\U00020001", "\U00020000\U00020001", 1),
        ("退款🙂到账", "款🙂到", 0),
    ],
)
def test_words_in_common_are_latin_words_and_pairs_of_han_characters(one, other, count):
    texts = pl.DataFrame(
        {"a": [one, "再 来", ""], "b": [other, "再来", "再来"]}, schema={"a": pl.String, "b": pl.String}
    )
    assert texts.select(in_common(pl.col("a"), pl.col("b"))).to_series().to_list() == [count, 0, 0]


def test_many_texts_are_compared_each_with_its_own(monkeypatch):
    monkeypatch.setattr(wording, "_ROWS", 2)
    texts = pl.DataFrame({"a": ["退款", "发票", "运费", "地址"], "b": ["发票", "发票", "退款", "改地址"]})
    assert texts.select(in_common(pl.col("a"), pl.col("b"))).to_series().to_list() == [0, 1, 0, 1]


def test_content_is_what_is_left_without_masks_and_function_words():
    assert pl.select(content(pl.lit("退款到账 App [订单号] 吗"), "吗"))[0, 0].split() == ["退款到账", "App"]


def test_records_are_taken_at_their_word():
    row = {"id": "e", "conversation": "c", "question": "它呢", "answer": "", "record": True, "earlier": 0}
    frame = pl.DataFrame([row], schema={name: tables.EXAMPLES[name] for name in row})
    assert answers(frame, {"it": scores_below(signs=TOPIC, below=9)})[0, 0] is None


def test_a_rule_that_names_an_unknown_score_is_told(tmp_path):
    text = "about: x\nscores:\n  alone: {}\nrules:\n  r:\n    check: scores_below\n"
    text += "    params: {signs: 'score:alnoe', below: 1}\n"
    (tmp_path / "p.yaml").write_text(
        text + "    action: note\n    why: It is only a test.\n    fires: [a]\n    silent: [b]\n", encoding="utf-8"
    )
    with pytest.raises(PackError, match="did you mean 'alone'"):
        packs.load([str(tmp_path / "p.yaml")])


SIGNS = {
    "topic": {"points": 1, "says": ["发票"]},
    "content": {"points": 0.5, "content": 4},
    "long": {"points": -1.5, "content": 6},
    "shares": {"points": 2, "of": "answer", "shares": 1},
    "short": {"points": -0.5, "most": 4},
    "now": {"points": -1, "says": ["现在"], "content": 2},
}


@pytest.mark.parametrize("below", [-3.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.5, 4.0])
def test_a_rule_fires_below_the_sum_of_what_applies(below):
    asked = ["发票现在改", "发票能改吗", "改", "苹果香蕉橘子葡萄西瓜", "现在发票退款运费地址", "现在退款"]
    said = ["发票可以", "不行", "葡萄没有", "现在退款", "退款"]
    points = {
        "发票现在改": [1, 0.5, 0, None, 0, -1], "发票能改吗": [1, 0, 0, None, 0, 0], "改": [0, 0, 0, 0, -0.5, 0],
        "苹果香蕉橘子葡萄西瓜": [0, 0.5, -1.5, None, 0, 0], "现在发票退款运费地址": [1, 0.5, -1.5, None, 0, -1],
        "现在退款": [0, 0.5, 0, None, -0.5, -1],
    }  # fmt: skip
    shared = {
        "发票现在改": ["发票可以", "现在退款"],
        "发票能改吗": ["发票可以"],
        "苹果香蕉橘子葡萄西瓜": ["葡萄没有"],
        "现在发票退款运费地址": ["发票可以", "现在退款", "退款"],
        "现在退款": ["现在退款", "退款"],
    }
    for question in asked:
        for answer in said:
            total = sum(p or 0 for p in points[question]) + 2 * (answer in shared.get(question, []))
            found = evidence(question, answer, signs=SIGNS, below=below)
            assert (found is not None) == (total < below), (question, answer, total)
            if found is not None and "现在" in question:
                assert found == "现在"
