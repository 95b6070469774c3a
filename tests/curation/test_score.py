"""A score adds up the points of the signs that apply, and its evidence is what counted against."""

import polars as pl
import pytest

from curation import packs, tables
from curation.checks.score import scores_below
from curation.checks.wording import contents
from curation.errors import PackError


def evidence(question: str, answer: str = "", *, signs: dict, below: float = 0.5, earlier: int = 0) -> str | None:
    row = {"id": "e", "conversation": "c", "question": question, "answer": answer, "record": False, "earlier": earlier}
    frame = pl.DataFrame([row], schema={name: tables.EXAMPLES[name] for name in row})
    return frame.select(scores_below(signs=signs, below=below, function_words="吗|能|的"))[0, 0]


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
        ({"says": ["发票"], "unless": ["改"]}, False), ({"of": "answer", "says": ["可以"]}, True),
        ({"of": "answer", "asked": ["能.*吗"], "says": ["可以"]}, True),
        ({"of": "answer", "asked": ["多久"], "says": ["可以"]}, False),
        ({"of": "answer", "shares": 1}, True), ({"of": "answer", "shares": 2}, False),
    ],
)  # fmt: skip
def test_a_sign_applies_where_all_that_it_names_holds(sign, applies):
    found = evidence("发票能改吗", "可以，发票改一次", signs={"one": {"points": 1} | sign}, earlier=2)
    assert (found is None) == applies


def test_content_words_are_latin_words_and_pairs_of_han_characters():
    words = pl.select(contents(pl.lit("退款到账 App [订单号] 吗"), "吗"))[0, 0].to_list()
    assert sorted(words) == sorted(["app", "退款", "到账", "款到"])


def test_records_are_taken_at_their_word():
    row = {"id": "e", "conversation": "c", "question": "它呢", "answer": "", "record": True, "earlier": 0}
    frame = pl.DataFrame([row], schema={name: tables.EXAMPLES[name] for name in row})
    assert frame.select(scores_below(signs=TOPIC, below=9))[0, 0] is None


def test_a_rule_that_names_an_unknown_score_is_told(tmp_path):
    text = "about: x\nscores:\n  alone: {}\nrules:\n  r:\n    check: scores_below\n"
    text += "    params: {signs: 'score:alnoe', below: 1}\n"
    (tmp_path / "p.yaml").write_text(
        text + "    action: note\n    why: It is only a test.\n    fires: [a]\n    silent: [b]\n", encoding="utf-8"
    )
    with pytest.raises(PackError, match="did you mean 'alone'"):
        packs.load([str(tmp_path / "p.yaml")])
