"""The sets of an A/B experiment: parted by conversation, raw as people wrote, personal data masked."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from curation import experiment, privacy
from curation.errors import SourceError

MASK = privacy.masking(mask=True)


def messages(*rows: tuple[str, str, str]) -> pl.DataFrame:
    frame = pl.DataFrame(rows, schema=["conversation", "role", "raw"], orient="row")
    return frame.with_columns(message=pl.int_range(pl.len()).over("conversation"), text=pl.lit("mended"))


TALK = messages(
    ("a", "user", "你好 "),
    ("a", "user", "我的电话是13800138000，怎么退货？"),
    ("a", "system", "joined"),
    ("a", "assistant", "您好~~"),
    ("a", "assistant", "在订单页申请"),
    ("a", "user", "   "),
    ("a", "user", "好的"),
    ("b", "assistant", "还在吗"),
    ("b", "user", "什么时候发货呢"),
)


def test_raw_pairs_are_adjacent_messages_with_nothing_mended_but_personal_data() -> None:
    found = experiment.pairs(experiment.masked(TALK, MASK))
    assert found.rows() == [("a", "我的电话是[电话1]，怎么退货？", "您好~~")]


def test_exchanges_are_whole_turns() -> None:
    found = experiment.exchanges(experiment.masked(TALK, MASK))
    assert found.rows() == [("a", "你好\n我的电话是[电话1]，怎么退货？", "您好~~\n在订单页申请")]


def log(count: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """`count` conversations of two exchanges, of which curation kept the first as a pair, every third is dropped."""
    rows: list[tuple[str, str, str]] = []
    examples: list[dict[str, Any]] = []
    for n in range(count):
        rows += [(f"c{n}", "user", f"Where is parcel {n}?"), (f"c{n}", "assistant", f"It is in city {n}.")]
        rows += [(f"c{n}", "user", "ok"), (f"c{n}", "assistant", "bye")]
        turns = [{"role": "user", "text": f"Parcel {n}?"}, {"role": "assistant", "text": f"In city {n}."}]
        verdict = "drop" if n % 3 == 0 else "keep"
        examples.append(
            {"id": f"e{n}", "conversation": f"c{n}", "kind": "pair", "verdict": verdict, "cot": None, "turns": turns}
        )
    return messages(*rows), pl.DataFrame(examples)


def test_no_conversation_is_on_both_sides() -> None:
    found = experiment.sets(*log(40), MASK, cot="think", seed=1)
    names = {name: {record["conversation"] for record in records} for name, records in found.items()}
    assert len(names["real"]) == 4
    assert names["clean"] <= names["real"]
    assert not names["real"] & (names["raw"] | names["curated"])
    assert names["raw"] | names["real"] == {f"c{n}" for n in range(40)}
    assert names["curated"] | names["clean"] == {f"c{n}" for n in range(40) if n % 3}


def test_held_out_conversations_are_chosen_by_the_seed() -> None:
    first, again, other = (experiment.sets(*log(40), MASK, cot="think", seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert first["real"] != other["real"]


def test_what_asks_nothing_is_trained_on_raw_but_never_asked() -> None:
    found = experiment.sets(*log(40), MASK, cot="think", seed=1)
    assert len(found["raw"]) == 72
    assert {record["conversations"][0]["value"] for record in found["real"]} == {
        f"Where is parcel {record['conversation'][1:]}?" for record in found["real"]
    }
    assert found["clean"][0]["conversations"][0]["from"] == "human"


def test_a_folder_that_is_no_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="not a run folder"):
        experiment.read(tmp_path)
