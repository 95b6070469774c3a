import re
import string
from pathlib import Path

import pytest

import curation.report
from curation.mend import MENDS
from curation.privacy import KINDS
from curation.report.model import FunnelStep, Report
from curation.report.sentences import asked, behind, diversity, headline, type_names, variety, warnings, why
from curation.report.words import WORDS, Words, change, figure, percent, say, size

FOLDER = Path(curation.report.__file__).parent
GROUPS = (
    "stage.",
    "kind.",
    "kind.one.",
    "action.",
    "on.",
    "mend.",
    "language.",
    "personal.",
    "role.",
    "check.",
    "why.",
)
GROUPS += ("gate.", "evenness.", "fate.", "funnel.unit.", "moved.", "delta.", "training.kind.", "training.line.")
GROUPS += (
    "flag.",
    "precision.",
    "kappa.",
    "training.domain",
    "training.general",
)  # keys that are put together from a name in the report
SAME_IN_BOTH = {"bin.closed", "colon", "cut"}


def places(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_every_kind_of_personal_data_has_words_in_the_report():
    assert [kind for kind in KINDS if f"personal.{kind}" not in WORDS] == []


@pytest.mark.parametrize("key", WORDS)
def test_everything_is_said_in_both_languages_with_the_same_numbers(key):
    zh, en = WORDS[key]
    assert zh.strip()
    assert en.strip()
    assert places(zh) == places(en)
    assert not re.search("[\u3000-\u9fff\uff00-\uffef]", en), "Chinese in the English words"
    if key not in SAME_IN_BOTH and not re.fullmatch("[A-Z]+", zh):
        assert re.search("[\u4e00-\u9fff]", zh), "no Chinese in the Chinese words"


def test_no_sentence_ends_in_half_width_marks_in_chinese_and_in_full_width_marks_in_english():
    for zh, en in WORDS.values():
        assert not re.search("[\u4e00-\u9fff][,;:?!.]|[,;?!](?=[\u4e00-\u9fff])", zh), zh
        assert not re.search("[，。；：？！（）]", en), en


def test_every_word_is_used_and_every_word_that_is_used_is_there():
    sources = "\n".join(
        path.read_text(encoding="utf-8")
        for path in [*FOLDER.glob("*.py"), *FOLDER.glob("templates/*.j2")]
        if path.name != "words.py"
    )
    said = set(re.findall(r"""\b(?:w|say|heading)\((?:\d+, )?["']([a-z0-9_.-]+)["']""", sources))
    assert {key for key in said if not key.endswith(".")} - set(WORDS) == set()
    quoted = set(re.findall(r"""["'>]([a-z0-9_.-]+)["']""", sources))
    unused = {key for key in WORDS if key not in quoted and not key.startswith(GROUPS)}
    assert unused == set()


def test_every_stage_has_a_name():
    for stage in FunnelStep.model_fields["stage"].annotation.__args__:
        assert f"stage.{stage}" in WORDS


def test_numbers_take_the_plural_and_commas():
    en = say("headline", conversations=1, messages=2000, exported=1, train=1, val=0, review=0, drop=0).en
    assert en.startswith("2,000 messages in 1 conversation became 1 example to train on")
    assert "2,000 条消息" in say("ledger.sum", messages=2000, example=0, held=0, dropped=2000).zh


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (percent(463, 1000), "46.3%"),
        (percent(0, 0), "–"),
        (change(1000, 877), "−12.3%"),
        (change(5, 5), "±0%"),
        (change(0, 0), "–"),
        (change(2, 3), "+50.0%"),
        (figure(9731.0), "9,731"),
        (figure(0.0012), "0.0012"),
        (figure(0.0), "0"),
        (size(812), "812 B"),
        (size(3_120_442), "3.1 MB"),
        (size(999_999), "1.0 MB"),
        (size(5_000_000_000_000_000), "5,000.0 TB"),
    ],
)
def test_numbers_are_written_for_people(shown, expected):
    assert shown == expected


def test_the_headline_tells_an_empty_input_from_an_empty_result(report, empty_report):
    assert "9,731 条可以训练的样本" in headline(report).zh
    assert headline(empty_report).en == "There was no record in the input."
    data = report.model_dump()
    data["counts"] |= {"exported_train": 0, "exported_val": 0}
    assert headline(Report.model_validate(data)).en.startswith("There is nothing to train on: 48,210 messages")
    data = empty_report.model_dump()
    data["ledger"]["unreadable"] = 7
    assert "7 records could not be read" in headline(Report.model_validate(data)).en


def test_what_must_not_be_missed_is_said_once(report, empty_report):
    said = [warning.en for warning in warnings(report)]
    assert said == [
        "Personal data in the export is 2, should be at most 0.",
        "Contradicting answers: 7 groups of the same question.",
        "Too few decisions to tell whether these rules reach the gate, at least 15 more needed: dedup/near-duplicate.",
    ]
    nobody = warnings(report.model_copy(update={"review": None}))
    assert nobody[-1].en == "Nobody has looked at a sample yet of what the rules drop."
    assert warnings(empty_report) == []
    data = report.model_dump()
    data["gate"] = {"state": "none", "checks": []}
    data["ledger"]["balanced"] = False
    said = [warning.en for warning in warnings(Report.model_validate(data))]
    assert said[0].startswith("The ledger of messages does not balance")
    assert said[1].startswith("2 pieces of personal data still in the exported text")


@pytest.mark.parametrize(("evenness", "word"), [(0.8, "well balanced"), (0.79, "outweigh"), (0.59, "A few")])
def test_diversity_is_said_in_words(report, evenness, word):
    data = report.model_dump()
    data["diversity"]["evenness"] = evenness
    assert word in diversity(Report.model_validate(data))[0].en


def test_our_own_rules_are_explained_in_both_languages_and_others_by_their_authors(report):
    near, filler = report.rules[:2]
    assert why(near).zh == "同样的问答已保留了更好的一份。"
    assert why(filler) == Words(filler.why, filler.why)


def test_every_mend_that_a_run_can_make_has_a_name() -> None:
    made = {*MENDS, "emoji", "simplified", "order", "cut-message", "filler-part", "canned-part"}
    assert {name for name in made if f"mend.{name}" not in WORDS} == set()


def test_types_stand_by_how_often_they_are_asked_for_and_namesakes_are_told_apart(report) -> None:
    data = report.model_dump()
    row = {"zh": "账号", "en": "Account"}
    data["query_types"] = [
        {"id": "other", "zh": "其他", "en": "Other", "before": 99, "after": 9},
        row | {"id": "telecom/account", "before": 4, "after": 0},
        row | {"id": "shop/account", "before": 7, "after": 0},
        {"id": "shop/refund", "zh": "退款", "en": "Refund", "before": 50, "after": 9},
        {"id": "shop/wrong", "zh": "错发、少发", "en": "Wrong, missing", "before": 6, "after": 0},
    ]
    data["missing_types"] = ["telecom/account", "shop/account", "shop/wrong"]
    shown = Report.model_validate(data)
    order = ["shop/refund", "shop/account", "shop/wrong", "telecom/account", "other"]
    assert [one.id for one in asked(shown)] == order
    assert type_names(shown)["telecom/account"] == Words("账号 · telecom", "Account · telecom")
    assert type_names(shown)["shop/refund"] == Words("退款", "Refund")
    alarms = [warning.en for warning in warnings(shown) if "without any example" in warning.en]
    # four is no alarm
    assert alarms == ["Query types that customers ask for, without any example: Account · shop; Wrong, missing."]


def test_of_a_dropped_example_only_the_rules_that_drop_are_reasons(report) -> None:
    assert behind(report, ["zh/repeated-marks", "zh/filler-only"]) == ["zh/filler-only"]
    assert behind(report, ["zh/repeated-marks", "mine/unknown"]) == ["zh/repeated-marks", "mine/unknown"]


def test_the_diversity_table_has_both_sides(report) -> None:
    side = {"type_coverage": 0.5, "evenness": 0.7, "effective_types": 20.5, "skeletons": 9, "common_skeletons": 0.1,
            "effective_skeletons": 8.0, "distinct_1": 0.1, "distinct_2": 0.2, "distinct_3": 0.3,
            "nearest": None}  # fmt: skip
    told = {"compared": 9, "before": side, "after": side | {"effective_types": 23.64, "nearest": 0.25}, "templates": [],
            "thin_below": 5, "thin_types": [], "budget": None}  # fmt: skip
    rows = [
        (measure.en, *values)
        for measure, *values in variety(Report.model_validate(report.model_dump() | {"variety": told}))
    ]
    assert rows[0] == ("query types with an example", "50.0%", "50.0%")
    assert rows[2][1:] == ("20.5", "23.6")
    assert rows[4][1:] == ("–", "0.25")
    assert variety(report) == []
