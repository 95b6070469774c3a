"""Clinics and law firms: what names a patient, a party or a case is found; sentences about them stay."""

import sys
from pathlib import Path

import polars as pl
import pytest

from curation import privacy
from curation.privacy import residual

sys.path.insert(0, str(Path(__file__).parent))
from trades import EN, TRAPS_EN, TRAPS_ZH, ZH, cases

EACH, SEED = 160, 20261130
PLANTED = [(language, kind) for language, kinds in (("zh", ZH), ("en", EN)) for kind in kinds]


@pytest.mark.parametrize(("language", "kind"), PLANTED)
def test_what_was_planted_is_found_whole_and_little_else(language: str, kind: str) -> None:
    right, wrong = 0, []
    for case in cases(language, kind, EACH, SEED):
        hits = privacy.scan(case.text)
        whole = [hit for hit in hits if (hit.start, hit.end, hit.kind) == (case.start, case.end, case.kind)]
        right += bool(whole)
        wrong += [case.text for hit in hits if hit not in whole]
    assert right / EACH >= 0.99
    assert right / (right + len(wrong)) >= 0.98, wrong[:5]


@pytest.mark.parametrize("texts", [TRAPS_ZH, TRAPS_EN], ids=["zh", "en"])
def test_sentences_of_clinics_and_courts_that_name_nobody_stay(texts: list[str]) -> None:
    assert len(texts) >= 100
    assert {text: hits for text in texts if (hits := privacy.scan(text))} == {}
    assert {text: kinds for text in texts if (kinds := residual.kinds(text))} == {}


@pytest.mark.parametrize(("language", "kind"), PLANTED)
def test_nothing_is_left_for_the_second_look_after_masking(language: str, kind: str) -> None:
    texts = [case.text for case in cases(language, kind, 100, SEED)]
    masked = [said for (said,) in privacy.masked_lists([[text] for text in texts])]
    assert [text for text, said in zip(texts, masked, strict=True) if residual.kinds(said)] == []


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("患者张伟，女，67岁", "name"),
        ("原告：李建国，男", "name"),
        ("the defendant Mark Hughes denies it", "name"),
        ("（2023）京0105民初12345号什么时候开庭", "case-number"),
        ("case 2:21-cv-01234 is pending", "case-number"),
        ("车架号LSVAU2180C2183294", "vehicle"),
        ("my NHS number is 943 476 5919", "document-number"),
        ("病历号：00382917", "record-number"),
    ],
)
def test_the_second_look_sees_what_was_not_masked(text: str, kind: str) -> None:
    assert kind in residual.kinds(text)
    assert residual.kinds(privacy.mask(text)) == set()


@pytest.mark.parametrize(
    ("asks", "says", "masked"),
    [
        ("请问病人的住院号是多少？", "1203847", "[编号1]"),
        ("请问您的出生日期？", "1986年3月14日", "[出生日期1]"),
        ("请提供患者姓名", "李桂芳", "[姓名1]"),
        ("May I take your date of birth?", "14/03/1986", "[date of birth 1]"),
        ("Could you give me your date of birth please?", "it's 14 March 1986", "[date of birth 1]"),
        (
            "May I have your full name and date of birth?",
            "Sarah Collins, 14/03/1986",
            "[name 1], [date of birth 1]",
        ),
        ("请提供患者姓名和出生日期", "李桂芳，1956年3月2日", "[姓名1]，[出生日期1]"),
        ("Name and date of birth please", "name is Carlos Garcia, 03/14/1990", "name is [name 1], [date of birth 1]"),
        ("What is your NHS number?", "943 476 5919", "[record number 1]"),
    ],
)
def test_answers_to_a_receptionists_questions_are_masked_as_what_was_asked_for(
    asks: str, says: str, masked: str
) -> None:
    asked = privacy.kinds(privacy.asked(pl.Series([asks])))
    units = pl.DataFrame({"conversation": ["a", "a"], "text": [asks, says], "asked": [None, asked[0]]})
    assert privacy.masked(units, privacy.EVERYTHING)[0][1] in (masked, f"it's {masked}")
