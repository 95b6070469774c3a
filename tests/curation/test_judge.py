"""Judging: context columns, evidence, and findings that do not depend on how the frame was cut."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation import judge as judge_module
from curation import packs, tables
from curation.checks import wording
from curation.checks.registry import answers
from curation.judge import asked, context, counted, judge, lines

RULES = packs.load(["common", "zh", "en"]).rules


def frame(rows):
    names = ("conversation", "message", "role", "text")
    said = pl.DataFrame(rows, schema={name: tables.MESSAGES[name] for name in names}, orient="row")
    return said.with_columns(raw="text", record=pl.lit(value=False))


def test_asked_is_what_the_other_side_said_last():
    said = frame(
        [
            ("c", 0, "assistant", "需要登记吗？"),
            ("c", 1, "user", "好的"),
            ("c", 2, "system", "转接"),
            ("c", 3, "user", "谢谢"),
            ("c", 4, "assistant", "不客气"),
            ("d", 0, "user", "在吗"),
        ]
    )
    assert context(said)["asked"].to_list() == [None, "需要登记吗？", "好的", "需要登记吗？", "谢谢", None]


def test_conversations_counts_where_the_same_role_says_exactly_this():
    said = frame(
        [
            ("a", 0, "assistant", "您好"),
            ("a", 1, "assistant", "您好"),
            ("b", 0, "assistant", "您好"),
            ("c", 0, "user", "您好"),
        ]
    )
    assert context(said)["conversations"].to_list() == [2, 2, 2, 1]


def test_a_yes_to_a_question_is_content_and_a_yes_to_an_offer_is_not():
    said = [
        ("a", 0, "assistant", "需要帮您登记换货吗？"),
        ("a", 1, "user", "好的"),
        ("b", 0, "assistant", "请问还有其他可以帮到您的吗？"),
        ("b", 1, "user", "好的"),
    ]
    found = judge(context(frame(said)), RULES, on="message").filter(pl.col("rule") == "zh/filler-only")
    assert found.select("conversation", "message", "evidence").rows() == [("b", 1, "好的")]


CHAT = st.sampled_from(
    ["好的", "嗯嗯", "在吗", "退款多久到账？", "稍等", "ok thanks", "where is my order???", "一般3天到账", "！！！", ""]
)


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["user", "assistant"]), CHAT), min_size=1, max_size=12)
)
def test_shards_of_whole_conversations_give_the_same_findings(rows):
    rows.sort(key=lambda row: row[0])
    said = context(frame([(c, i, role, text) for i, (c, role, text) in enumerate(rows)]))
    whole = judge(said, RULES, on="message")
    parts = [judge(part, RULES, on="message") for _, part in sorted(said.group_by("conversation", maintain_order=True))]
    assert pl.concat(parts).rows() == whole.rows()


@given(st.lists(CHAT, min_size=1, max_size=6))
def test_the_evidence_stands_in_the_text(texts):
    said = context(frame([("c", i, "user", text) for i, text in enumerate(texts)]))
    for row in judge(said, RULES, on="message").iter_rows(named=True):
        assert row["evidence"] in texts[row["message"]]


def test_an_empty_frame_has_no_findings():
    assert judge(frame([]), RULES, on="message").height == 0


def test_rows_judged_at_a_time_do_not_change_the_findings(monkeypatch):
    said = context(
        frame([(f"c{i // 4}", i % 4, "user", t) for i, t in enumerate(["哈哈哈", "ok", "订单呢？", "在吗"] * 9)])
    )
    whole = judge(said, RULES, on="message")
    assert whole["rule"].n_unique() > 2
    monkeypatch.setattr(judge_module, "_LEAST_ROWS", 1)
    for most in (5, 36):
        monkeypatch.setattr(judge_module, "_MOST_ROWS", most)
        assert judge(said, RULES, on="message").equals(whole)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("哈哈哈哈哈哈", True),
        ("哈，哈，哈！哈。哈……", True),
        ("——！！！，，，。。。 …… 哈哈哈哈哈", True),  # many marks before the first letter
        ("abcabcabcabc", True),
        ("哈哈哈哈哈哈哈哈哈哈哈哈哈哈哈好", False),
        ("abab abab 订单", False),
    ],
)
def test_the_same_again_whatever_marks_stand_between(text, expected):
    again = wording.same_again(least=3)
    assert pl.DataFrame({"text": [text]}).select(again)[0, 0] == (text if expected else None)


def test_lines_are_counted_only_where_a_rule_asks():
    often = [rule for rule in RULES if rule.name == "common/repeated-line"]
    assert counted(often)
    assert not counted([rule for rule in RULES if rule.name == "zh/filler-only"])
    said = asked(frame([("a", 0, "user", "嗯嗯"), ("b", 0, "user", "嗯嗯")]), count=False)
    assert lines(said).is_empty()
    assert context(said, lines(said)).select("conversations", "answering").null_count().row(0) == (2, 2)
    assert context(asked(said))["conversations"].to_list() == [2, 2]


def test_lower_case_is_what_python_makes_of_letters_whatever_stands_beside():
    letters = [chr(code) for code in range(0x250)] + ["ΣΑΣ", "İ", "Ж", "Ａ", "退款App", "退款", "🙂OK", "ꙀѠ"]
    for beside in ([], ["退款多久到账"] * 3000):  # few capitals among many texts go another way than many
        texts = pl.DataFrame({"t": [*letters, None, *beside]})
        lower = texts.select(wording.lowered(pl.col("t"))).to_series()
        assert lower.to_list() == [*map(str.lower, letters), None, *beside]


@pytest.mark.parametrize(("text", "fires"), [("好的", True), ("", True), ("好的" * 9, False), ("您好", False)])
def test_only_phrases_leaves_what_is_too_long_also_where_a_phrase_may_be_empty(text, fires):
    phrases = wording.only_phrases(phrases=["(?:好的)*"], beside=["您好"], longest=5)
    said = pl.DataFrame({"text": [text, None], "asked": [None, None]}, schema={"text": pl.String, "asked": pl.String})
    assert answers(said, {"it": phrases})["it"].to_list() == [text if fires else None, None]
