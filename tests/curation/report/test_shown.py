"""Samples of a report: masked and shortened once all parts of a run are known."""

import polars as pl

from curation.report import model
from curation.report.measure import Measures
from curation.report.shown import Draft, finished


def hit(text: str, evidence: str) -> Draft[model.RuleExample]:
    return Draft(model.RuleExample(source="a.csv:1", conversation="c", role="user", text=text, evidence=evidence))


def test_texts_are_masked_each_by_itself_and_messages_as_in_their_conversation() -> None:
    talk = ["我的电话13800138000", "好的", "再打13900139000"]
    kept = model.KeptExample(
        id="e", kind="pair", query_type="t", source="a.csv:2", score=0.5,
        raw=[model.Turn(role="assistant", text=""), model.Turn(role="user", text="")],
        turns=[model.Turn(role="user", text="再打13900139000")],
    )  # fmt: skip
    said, shown = finished([hit("打13900139000", "13900139000"), Draft(kept, talk, [1, 2])])
    assert (said.text, said.evidence) == ("打[电话1]", "[电话1]")
    assert [turn.text for turn in shown.raw] == ["好的", "再打[电话2]"]  # the second number of the conversation
    assert [turn.text for turn in shown.turns] == ["再打[电话1]"]
    assert (shown.id, shown.raw[1].role) == ("e", "user")


def test_long_texts_are_shortened() -> None:
    (said,) = finished([hit("长" * 700, "短")])
    assert said.text == "长" * 600 + "…"


def test_of_the_samples_of_all_parts_the_first_by_rank_are_shown_and_masked() -> None:
    parts = []
    for first in (0, 1):
        measured = Measures(seed=0)
        measured.hits["zh/x"] = [(rank, hit(f"{rank}：13800138000", "x")) for rank in (first, first + 2)]
        measured.actions["zh/x"] = "drop"
        parts.append(measured.frames())
    both = Measures.of({name: pl.concat([part[name] for part in parts]) for name in parts[0]}, seed=0)
    assert [(rank, draft.shown.text) for rank, draft in both.hits["zh/x"]] == [
        (0, "0：[电话1]"), (1, "1：[电话1]"), (2, "2：[电话1]"),
    ]  # fmt: skip
