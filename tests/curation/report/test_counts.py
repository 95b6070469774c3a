"""How rules overlap, counted by hand."""

import polars as pl

from curation import tables
from curation.report.counts import alone, said, together
from curation.report.model import Together


def findings(*rows: tuple[str | None, int | None, str | None, str, str]) -> pl.DataFrame:
    columns = ["conversation", "message", "example", "rule", "action"]
    frame = pl.DataFrame(
        [dict(zip(columns, row, strict=True)) for row in rows], schema_overrides={"message": pl.UInt32}
    )
    return tables.findings(frame)


FOUND = findings(
    ("c1", 0, None, "zh/a", "drop"),
    ("c1", 0, None, "zh/b", "drop"),
    ("c1", 0, None, "zh/b", "drop"),  # twice on one record is once
    ("c1", 1, None, "zh/a", "drop"),
    ("c1", 1, None, "zh/n", "note"),
    ("c2", 0, None, "zh/a", "drop"),
    ("c2", None, "e1", "zh/e", "review"),
    ("c2", None, "e1", "zh/a", "drop"),
    (None, None, None, "read/unreadable-line", "drop"),
    (None, None, None, "read/unreadable-line", "drop"),
)


def test_alone_counts_records_that_no_other_rule_of_that_strength_touched() -> None:
    # zh/a alone: c1/1 (a note does not count), c2/0, e1 (a review is weaker); two lines are two records
    assert alone(said(FOUND)) == {"zh/a": 3, "read/unreadable-line": 2}


def test_together_counts_records_with_both_rules_whatever_their_strength() -> None:
    assert together(FOUND) == {
        "zh/a": [Together(rule="zh/b", n=1), Together(rule="zh/e", n=1), Together(rule="zh/n", n=1)],
        "zh/b": [Together(rule="zh/a", n=1)],
        "zh/e": [Together(rule="zh/a", n=1)],
        "zh/n": [Together(rule="zh/a", n=1)],
    }


def test_the_most_frequent_partners_come_first_and_three_are_named() -> None:
    rows = [(f"c{i}", 0, None, "zh/a", "drop") for i in range(5)]
    rows += [
        (f"c{i}", 0, None, name, "drop")
        for name, n in (("zh/z", 5), ("zh/m", 4), ("zh/k", 3), ("zh/b", 1))
        for i in range(n)
    ]
    assert [(t.rule, t.n) for t in together(findings(*rows))["zh/a"]] == [("zh/z", 5), ("zh/m", 4), ("zh/k", 3)]
