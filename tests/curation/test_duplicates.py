"""Which examples say the same, and which contradict each other."""

from typing import Any

import polars as pl
import pytest

from curation import tables
from curation.duplicates import Duplicates, agree, find
from curation.recipe import Dedup

REFUND = ("退款一般多久可以到账呢？", "仓库签收以后1到3个工作日原路退回到您的付款账户。")
INVOICE = ("发票抬头写错了还能重新开吗？", "可以的，请在订单详情里申请换开发票，填写正确的抬头和税号。")


NO_FRAMING = r"[^\s\S]"


def examples(*rows: tuple[Any, ...]) -> pl.DataFrame:
    """Build examples of (question, answer) or (question, answer, settings); ids e0, e1 …, conversations c0, c1 …."""
    built = [
        {"id": f"e{i}", "conversation": f"c{i}", "kind": "pair", "question": q, "answer": a, "score": 0.5}
        | (more[0] if more else {})
        for i, (q, a, *more) in enumerate(rows)
    ]
    return pl.DataFrame(built, schema_overrides={"kind": tables.KIND, "score": pl.Float32})


def found(*rows: tuple[Any, ...]) -> Duplicates:
    return find(examples(*rows), Dedup(), framing=NO_FRAMING, seed=42)


def hits(result: Duplicates) -> list[tuple[str, str, str]]:
    return list(result.findings.select("example", "rule", "action").iter_rows())


def test_the_best_copy_stays_and_the_others_are_dropped() -> None:
    result = found((*REFUND, {"score": 0.5}), (*REFUND, {"score": 0.9}), (*REFUND, {"score": 0.1}), INVOICE)
    assert hits(result) == [("e0", "dedup/near-duplicate", "drop"), ("e2", "dedup/near-duplicate", "drop")]
    assert dict(result.clusters.iter_rows()) == {"e0": "e1", "e1": "e1", "e2": "e1"}


def test_of_equally_good_copies_the_first_stays() -> None:
    assert hits(found(REFUND, REFUND)) == [("e1", "dedup/near-duplicate", "drop")]


def test_marks_and_case_do_not_part_copies() -> None:
    assert len(hits(found(REFUND, (REFUND[0].replace("？", "??"), REFUND[1] + "！")))) == 1


def test_the_same_question_with_another_answer_is_no_duplicate() -> None:
    other = (REFUND[0], INVOICE[1])
    assert [rule for _, rule, _ in hits(found(REFUND, other))] == ["dedup/conflicting-answers"] * 2


def test_a_pair_is_never_the_copy_of_a_dialogue() -> None:
    assert hits(found(REFUND, (*REFUND, {"kind": "dialogue"}))) == []


def test_copies_of_dialogues_are_found_among_dialogues() -> None:
    dialogue = {"kind": "dialogue"}
    assert hits(found((*REFUND, dialogue), (*REFUND, dialogue))) == [("e1", "dedup/near-duplicate", "drop")]


def test_answers_with_other_numbers_conflict_and_wait_for_a_person() -> None:
    result = found(
        ("七天无理由的期限是多久呀", "签收后7天内可以退。"),
        ("七天无理由的期限是多久呀", "收到货15天之内都能申请退货的哦。"),
    )
    assert hits(result) == [
        ("e0", "dedup/conflicting-answers", "review"),
        ("e1", "dedup/conflicting-answers", "review"),
    ]
    assert result.findings["evidence"].to_list() == ["e1: 收到货15天之内都能申请退货的哦。", "e0: 签收后7天内可以退。"]
    assert result.conflicts == 1  # one question


def test_nearly_the_same_answer_with_another_number_is_a_conflict_and_no_duplicate() -> None:
    answer = (
        "布艺沙发整体保修{}年，框架、弹簧和海绵塌陷都在保修范围里，面料起球和人为划破不保，签收日起算，凭订单号报修。"
    )
    result = found(("你们店里的布艺沙发保修多久", answer.format(3)), ("你们店里的布艺沙发保修多久", answer.format(1)))
    assert {rule for _, rule, _ in hits(result)} == {"dedup/conflicting-answers"}


def test_words_around_a_question_do_not_make_it_another_question() -> None:
    rows = examples(("你们布艺沙发保修多久", "保修3年"), ("问一下那个三人位布艺沙发保修几年", "质保期是1年"))
    assert find(rows, Dedup(), framing=NO_FRAMING, seed=1).conflicts == 0
    assert find(rows, Dedup(), framing="问一下|那个|你们|多久|几年", seed=1).conflicts == 1


def test_two_answers_of_one_conversation_are_no_conflict() -> None:
    one = {"conversation": "same"}
    assert (
        hits(found(("能退吗请问一下", "签收后7天内可以。", one), ("能退吗请问一下", "您这单15天内都可以申请哦。", one)))
        == []
    )


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("签收后7天内可以退。", "签收后7天内都可以退的哦。"),
        ("可以退，运费由我们承担。", "可以退的，运费我们来承担。"),
        ("不能退，已经拆封了。", "拆封了就不能退了。"),
        ("Yes, within 30 days.", "Yes, you can within 30 days of delivery."),
        ("3到5天，超过7天请联系我们", "3到5天"),
    ],
)
def test_answers_that_say_the_same_in_other_words_agree(one: str, other: str) -> None:
    assert agree(one, other, 0.2)
    assert agree(other, one, 0.2)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("签收后7天内可以退。", "签收后15天内可以退。"),
        ("拆封后可以退。", "拆封后不可以退。"),
        ("You can return it once opened.", "You cannot return it once opened."),
        ("请联系快递员", "发票在订单页申请"),
    ],
)
def test_other_numbers_a_negation_or_nothing_in_common_is_a_conflict(one: str, other: str) -> None:
    assert not agree(one, other, 0.2)
    assert not agree(other, one, 0.2)


def test_the_least_similar_merged_pairs_are_shown_kept_text_first() -> None:
    near = (REFUND[0], REFUND[1].replace("。", "哦"))
    result = found((*near, {"score": 0.1}), (*REFUND, {"score": 0.9}))
    ((similarity, kept, dropped),) = result.merged
    assert 0.8 <= similarity < 1
    assert (kept, dropped) == (" → ".join(REFUND), " → ".join(near))


def test_no_examples_no_findings() -> None:
    result = find(examples(REFUND).clear(), Dedup(), framing=NO_FRAMING, seed=1)
    assert (result.findings.height, result.clusters.height, result.merged, result.conflicts) == (0, 0, [], 0)
