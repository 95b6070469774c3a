"""Two runs beside each other; the expected numbers are counted by hand."""

import polars as pl
import pytest

from curation.report import html, markdown
from curation.report.compare import compare
from curation.report.model import Delta, Report, without_examples


def examples(**verdicts: str) -> pl.DataFrame:
    kind = pl.Enum(["keep", "review", "drop"])
    return pl.DataFrame(
        {"id": list(verdicts), "verdict": list(verdicts.values())}, schema={"id": pl.String, "verdict": kind}
    )


NEW = examples(a="keep", b="keep", c="drop", d="review", f="keep")
OLD = examples(a="keep", b="drop", c="drop", d="drop", e="keep")


@pytest.fixture
def changed(report: Report) -> Report:
    data = report.model_dump()
    data["rules"][0]["hits"] += 7
    gone = data["rules"].pop()
    data["ledger"]["unreadable"] += 3
    data["provenance"]["recipe_sha256"] = "f" * 64
    data["name"] = "other"
    assert gone["hits"] > 0
    return Report.model_validate(data)


def test_the_same_run_twice_differs_in_nothing(report: Report) -> None:
    found = compare(report, report, new_examples=NEW, old_examples=NEW)
    assert (found.same_recipe, found.same_packs, found.same_inputs) == (True, True, True)
    assert all(row.old == row.new for row in found.counts)
    assert found.rules == found.query_types == found.moved == []


def test_rules_that_changed_stand_with_both_numbers_the_largest_change_first(report: Report, changed: Report) -> None:
    found = compare(changed, report, new_examples=NEW, old_examples=OLD)
    first, last = report.rules[0], report.rules[-1]
    expected = [
        Delta(key=first.rule, old=first.hits, new=first.hits + 7),
        Delta(key=last.rule, old=last.hits, new=0),
    ]
    assert found.rules == sorted(expected, key=lambda row: -abs(row.new - row.old))
    assert not found.same_recipe
    assert found.same_inputs
    unreadable = next(row for row in found.counts if row.key == "unreadable")
    assert unreadable.new - unreadable.old == 3


def test_every_example_with_another_verdict_is_counted_also_those_that_one_run_lacks(report: Report) -> None:
    found = compare(report, report, new_examples=NEW, old_examples=OLD)
    assert {(m.old, m.new, m.n) for m in found.moved} == {
        ("drop", "keep", 1),  # b
        ("drop", "review", 1),  # d
        ("absent", "keep", 1),  # f
        ("keep", "absent", 1),  # e
    }


def test_the_pages_show_the_comparison_in_both_languages(report: Report, changed: Report) -> None:
    found = compare(changed, report, new_examples=NEW, old_examples=OLD)
    shown = changed.model_copy(update={"comparison": found})
    page = html.render(shown)
    assert "与另一次运行相比" in page
    assert "Compared with another run" in page
    assert f"<code>{report.rules[-1].rule}</code>" in page
    text = markdown.render(shown, language="zh")
    assert "## 与另一次运行相比" in text
    assert "| 丢弃 | 保留 | 1 |" in text
    assert "与另一次运行相比" not in html.render(changed)


def test_without_examples_no_text_of_the_log_is_left_and_every_number_is(report: Report) -> None:
    bare = without_examples(report)
    page = html.render(bare) + markdown.render(bare, language="zh")
    texts = [turn.text for example in report.kept_examples for turn in (*example.raw, *example.turns)]
    texts += [example.text for rule in report.rules for example in rule.examples if example.text]
    texts += [example.before for mend in report.mends for example in mend.examples]
    texts += [pair.kept for pair in report.duplicates.pairs]
    assert len(texts) > 10
    part = "请把订单 [订单号] 发给我"
    assert part in html.render(report)
    assert part not in page
    for text in texts:
        assert text not in page
    assert [row.hits for row in bare.rules] == [row.hits for row in report.rules]
    assert bare.ledger == report.ledger
