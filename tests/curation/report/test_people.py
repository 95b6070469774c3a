"""What people's decisions come to, in the words and the section of the report."""

import pytest

from curation.recipe import Gate
from curation.report import html, markdown, people, sentences
from curation.report.gate import gate
from curation.report.model import RepeatRow, Report
from tests.curation.test_decisions import event


def test_human_review_has_a_section_of_its_own_with_everything_in_it(report: Report) -> None:
    page = html.render(report)
    section = page.split('<section aria-labelledby="review">')[1].split("</section>")[0]
    for shown in ("161 records decided", "4 decisions", "30", "50 / 940", "60.0%", "46.2% – 72.4%", "低于门槛",
                  "还需审核 15 条", "review 15 more", "9 / 20",
                  "Miss rate 4.0% (2 of 50", "90.0%", "0.78", "比较一致"):  # fmt: skip
        assert shown in section
    assert "人工审核" not in page.split('<section aria-labelledby="also">')[1].split("</section>")[0]
    text = markdown.render(report, language="zh")
    review = text.split("## 人工审核")[1].split("\n## ")[0]
    for shown in ("50 / 940", "60.0%", "46.2% – 72.4%", "❌ 低于门槛", "⚠️ 还需审核 15 条", "漏检率 4.0%", "0.78"):
        assert shown in review


def test_without_any_decision_the_section_says_how_to_begin(report: Report) -> None:
    nobody = report.model_copy(update={"review": None})
    assert "siftune review" in html.render(nobody).split('<section aria-labelledby="review">')[1].split("</section>")[0]
    assert "siftune review" in markdown.render(nobody, language="en").split("## Human review")[1]
    assert people.undecided(nobody)[0].en == "Nobody has looked at a sample yet of what the rules drop."
    assert people.blank(nobody) == []


def test_rules_that_nobody_sampled_are_named_and_those_of_the_stages_are_not(report: Report) -> None:
    assert people.blank(report)[0].en == (
        "Nobody has decided a sample yet of 2 drop rules: zh/filler-only, en/auto-reply."
    )


@pytest.mark.parametrize(
    ("kappa", "word"),
    [(1.0, "very good"), (0.8, "very good"), (0.79, "good"), (0.41, "moderate"), (0.39, "poor"), (-0.2, "poor"),
     (None, "all the same word")],
)  # fmt: skip
def test_kappa_is_said_in_words(report: Report, kappa, word) -> None:
    row = RepeatRow(name="mei", n=20, agreement=0.5, kappa=kappa)
    review = report.review.model_copy(update={"repeats": [row], "agreement": []})
    (found,) = people.agreement(review)
    assert found.word.en.startswith(word)
    assert found.who.zh == "mei 与自己（隔一段时间）"


def test_the_gate_has_three_states(report: Report) -> None:
    review = report.review.model_copy(update={"rules": []})
    fail, more = report.review.rules
    sure = more.model_copy(update={"state": "pass", "more": 0})
    for rules, state, needed in (
        ([], "pass", 0),
        ([sure], "pass", 0),
        ([sure, more], "more", 15),
        ([more, fail], "fail", 15),
    ):
        found = gate(Gate(), exported=1000, personal_data=0, review=review.model_copy(update={"rules": rules}))
        assert (found.state, found.more) == (state, needed)
    assert gate(Gate(), exported=0, personal_data=0, review=review.model_copy(update={"rules": [more]})).state == "fail"
    shown = report.model_copy(update={"gate": gate(Gate(), exported=1000, personal_data=0,
                                                   review=review.model_copy(update={"rules": [more]}))})  # fmt: skip
    assert "需要继续审核" in html.render(shown)
    assert "⚠️ **more review needed**" in markdown.render(shown, language="en")


def test_the_report_command_shows_what_was_decided_since_the_curation(fresh, curated) -> None:
    from curation import decisions
    from curation.commands.report import read_report, with_decisions

    before = read_report(fresh)
    assert with_decisions(before, fresh) is before
    dropped = curated.examples.filter(curated.examples["verdict"] == "drop").row(0, named=True)
    said = event(1, "keep", dropped["id"], content=dropped["content"], conversation=dropped["conversation"],
                 strata=["rule:dedup/near-duplicate"])  # fmt: skip
    decisions.add(fresh, [said])
    after = with_decisions(before, fresh)
    assert (after.review.keep, [row.state for row in after.review.rules]) == (1, ["fail"])
    assert after.gate.state == "fail"
    assert [check.passed for check in after.gate.checks if check.name == "imprecise_rules"] == [False]


def test_the_rules_that_fail_the_gate_are_named_at_the_top(report: Report) -> None:
    failed = report.model_copy(update={"gate": gate(Gate(), exported=1000, personal_data=0, review=report.review)})
    said = [words.en for words in sentences.warnings(failed)]
    assert "Sampled precision below the gate, 1 rule: zh/broken-sentence." in said
    assert not [line for line in said if line.startswith("Rules whose")]
    assert people.failed_rules(report) == []  # its gate has no such check
