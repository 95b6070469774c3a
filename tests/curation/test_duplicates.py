"""Which examples say the same, and which contradict each other."""

from typing import Any

import numpy as np
import polars as pl
import pytest

from curation import duplicates, tables
from curation.agreement import agree, plain
from curation.duplicates import COMPARED, Duplicates, find, with_times
from curation.recipe import Best, Dedup

REFUND = ("退款一般多久可以到账呢？", "仓库签收以后1到3个工作日原路退回到您的付款账户。")
INVOICE = ("发票抬头写错了还能重新开吗？", "可以的，请在订单详情里申请换开发票，填写正确的抬头和税号。")


KINDS = {"kind": tables.KIND, "rules": pl.List(pl.String), "time": pl.Int64}
NO_FRAMING = r"[^\s\S]"


def examples(*rows: tuple[Any, ...]) -> pl.DataFrame:
    """Build examples of (question, answer) or (question, answer, settings); ids e0, e1 …, conversations c0, c1 …."""
    built = [
        {"id": f"e{i}", "conversation": f"c{i}", "kind": "pair", "question": q, "answer": a, "rules": [], "time": None}
        | (more[0] if more else {})
        for i, (q, a, *more) in enumerate(rows)
    ]
    return pl.DataFrame(built, schema_overrides=KINDS)


def found(*rows: tuple[Any, ...], **settings: Any) -> Duplicates:
    return find(examples(*rows), Dedup(**settings), framing=NO_FRAMING, seed=42)


def hits(result: Duplicates) -> list[tuple[str, str, str]]:
    return list(result.findings.select("example", "rule", "action").iter_rows())


def test_the_best_copy_stays_and_the_others_are_dropped() -> None:
    result = found(
        (*REFUND, {"rules": ["zh/a"]}), (*REFUND, {"rules": []}), (*REFUND, {"rules": ["zh/a", "zh/b"]}), INVOICE
    )
    assert hits(result) == [("e0", "dedup/near-duplicate", "drop"), ("e2", "dedup/near-duplicate", "drop")]
    assert dict(result.clusters.iter_rows()) == {"e0": "e1", "e1": "e1", "e2": "e1"}


def test_texts_made_on_several_cores_stand_in_the_order_of_their_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duplicates, "cores", lambda: 3)
    monkeypatch.setattr(duplicates, "SHARED", 2)
    frame = pl.DataFrame({"question": [f"问 {i}！" for i in range(10)]})
    assert duplicates._made(frame, asked=plain(pl.col("question")))["asked"].to_list() == [f"问{i}" for i in range(10)]
    assert duplicates._made(frame.clear(), asked=plain(pl.col("question"))).schema == {"asked": pl.String}


def test_of_equally_good_copies_the_first_stays() -> None:
    assert hits(found(REFUND, REFUND)) == [("e1", "dedup/near-duplicate", "drop")]


def test_a_short_answer_behind_reasoning_is_not_canned() -> None:
    asked = ["一件多少钱？", "运费怎么算的？", "两箱有多重？", "几天能送到？"]
    thoughts = ["标价减去优惠券就是售价", "按重量分段计费再加偏远费", "单箱净重乘以箱数", "下单后先出库再走干线"]
    bare = found(*((q, "B") for q in asked), most_per_answer=1)
    assert [rule for _, rule, _ in hits(bare)] == ["dedup/canned-answer"] * 3
    assert hits(found(*((q, "B", {"cot": t}) for q, t in zip(asked, thoughts, strict=True)), most_per_answer=1)) == []


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


def test_an_answer_that_only_asks_back_contradicts_nothing() -> None:
    asked = "我要开增值税专用发票"
    assert found((asked, "请问贵公司的资质认证过了吗？"), (asked, "签收后在订单里申请，3天内开好。")).conflicts == 0
    assert found((asked, "不能开呢。要电子的吗？"), (asked, "签收后在订单里申请，3天内开好。")).conflicts == 1


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
    assert agree(pl.Series([one, other]), pl.Series([other, one]), 0.2).to_list() == [True, True]


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
    assert agree(pl.Series([one, other]), pl.Series([other, one]), 0.2).to_list() == [False, False]


def test_the_least_similar_merged_pairs_are_shown_kept_text_first() -> None:
    near = (REFUND[0], REFUND[1].replace("。", "哦"))
    result = found((*near, {"rules": ["zh/a", "zh/b"]}), (*REFUND, {"rules": []}))
    ((similarity, kept, dropped),) = result.merged
    assert 0.8 <= similarity < 1
    assert (kept, dropped) == (" → ".join(REFUND), " → ".join(near))


def test_no_examples_no_findings() -> None:
    result = find(examples(REFUND).clear(), Dedup(), framing=NO_FRAMING, seed=1)
    assert (result.findings.height, result.clusters.height, result.merged, result.conflicts) == (0, 0, [], 0)


def test_near_copies_that_stay_are_shown_with_their_similarity_most_similar_first() -> None:
    other = (REFUND[0], REFUND[1].replace("您的付款账户", "您账户里"))
    result = found(REFUND, other, INVOICE)
    ((similarity, one, two),) = result.missed
    assert 0.7 <= similarity < 0.8
    assert {one, two} == {" → ".join(REFUND), " → ".join(other)}
    assert (hits(result), result.merged) == ([], [])
    assert found(REFUND, other, borderline=0.0).missed == []
    assert len(hits(found(REFUND, other, threshold=0.7))) == 1


WHOLE = "仓库签收以后1到3个工作日原路退回到您的付款账户"


@pytest.mark.parametrize(
    ("best", "stays"),
    [
        (Best(complete=1, clean=0, newer=0, longer=0), 1),
        (Best(complete=0, clean=1, newer=0, longer=0), 2),
        (Best(complete=0, clean=0, newer=1, longer=0), 3),
        (Best(complete=0, clean=0, newer=0, longer=1), 4),
        (Best(complete=0, clean=0, newer=0, longer=0), 0),
    ],
)
def test_the_recipe_says_which_copy_is_the_best(best: Best, stays: int) -> None:
    noted = {"rules": ["zh/a"], "time": 1}
    result = found(
        (REFUND[0], WHOLE, noted),
        (REFUND[0], WHOLE + "。", noted),
        (REFUND[0], WHOLE, noted | {"rules": []}),
        (REFUND[0], WHOLE, noted | {"time": 2}),
        (REFUND[0], WHOLE + "哦亲", noted),
        best=best,
    )
    assert result.findings["evidence"].unique().to_list() == [f"e{stays}"]
    assert result.findings.height == 4


def test_what_people_said_is_no_fault_of_an_example() -> None:
    result = found((*REFUND, {"rules": ["people/keep"]}), REFUND)
    assert hits(result) == [("e1", "dedup/near-duplicate", "drop")]


def test_the_time_of_an_example_is_that_of_its_last_message() -> None:
    spoken = pl.DataFrame({"id": ["a", "a", "b"], "time": ["2026-01-01 10:00", "2026-01-02 09:00", None]})
    timed = with_times(pl.DataFrame({"id": ["b", "a", "c"]}), spoken)
    assert timed["time"].to_list() == [None, 1767344400_000_000, None]


def test_of_copies_that_differ_by_a_number_the_best_of_each_stays() -> None:
    answer = "布艺沙发整体保修{}年，框架、弹簧和海绵塌陷都在保修范围里，面料起球和人为划破不保，签收日起算。"
    rows = [("你们店里的布艺沙发保修多久", answer.format(years)) for years in (3, 1, 1, 3, 1)]
    dropped = {example for example, rule, _ in hits(found(*rows)) if rule == "dedup/near-duplicate"}
    assert dropped == {"e2", "e3", "e4"}


CANNED = "亲亲，您的订单{}已经为您加急处理了哦，预计{}小时内给您答复，请您保持电话畅通，感谢您的理解与支持！"
ASKED = ["我要投诉你们快递员", "赠品少发了一个", "能不能改一下收货地址", "优惠券用不了怎么回事", "显示器有条亮线"]


def test_a_canned_answer_stays_as_often_as_the_recipe_says_numbers_aside() -> None:
    rows = [(question, CANNED.format(i, 24 + i)) for i, question in enumerate(ASKED)]
    result = found(*rows, INVOICE, most_per_answer=2)
    canned = result.findings.filter(pl.col("rule") == "dedup/canned-answer")
    assert canned["example"].to_list() == ["e2", "e3", "e4"]
    assert (canned["action"].unique().to_list(), canned["evidence"].unique().to_list()) == (["drop"], ["e0"])
    assert hits(found(*rows, most_per_answer=5)) == hits(found(*rows, answer="off", most_per_answer=1)) == []


@pytest.mark.parametrize("level", ["example", "answer", "question"])
@pytest.mark.parametrize("action", ["note", "review", "drop"])
def test_the_recipe_says_what_follows_at_each_level(level: str, action: str) -> None:
    rows = {
        "example": (REFUND, REFUND),
        "answer": ((ASKED[0], CANNED), (ASKED[1], CANNED)),
        "question": (REFUND, (REFUND[0], "签收之后1到3个工作日会退给您。")),
    }[level]
    off = dict.fromkeys(("example", "answer", "question"), "off")
    result = found(*rows, **(off | {level: action}), most_per_answer=1)
    names = {"example": "near-duplicate", "answer": "canned-answer", "question": "asked-again"}
    assert hits(result) == [("e1", f"dedup/{names[level]}", action)]
    assert hits(found(*rows, **off)) == []


def test_a_question_asked_again_with_an_answer_that_does_not_agree_is_a_conflict() -> None:
    result = found((REFUND[0], "签收后7天内可以退。"), (REFUND[0], "15天之内都能申请退货的哦。"), question="drop")
    assert {rule for _, rule, _ in hits(result)} == {"dedup/conflicting-answers"}


def test_a_question_that_thousands_ask_is_compared_in_linear_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[int] = []

    def nothing_in_common(one: list[str], _other: list[str], **_: Any) -> Any:
        compared.append(len(one))
        return np.zeros(len(one))

    monkeypatch.setattr("curation.agreement.process.cpdist", nothing_in_common)
    rows = [("在吗请问现在有人吗", f"您好，请问第{chr(0x4E00 + i)}个问题是什么{chr(0x5000 + i)}呢") for i in range(400)]
    found(*rows, example="off", answer="off")
    assert sum(compared) <= 400 * COMPARED
