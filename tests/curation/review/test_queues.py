"""Samples are seeded, random and stable; every queue holds what its name says."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.decisions import message_id
from curation.errors import SourceError
from curation.review.queues import Opened, mentioned, sample

KEYS = st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=60, unique=True)


def chosen(keys, seed=1, name="kept", most=10):
    return [keys[i] for i in sample(np.array(keys, dtype=np.uint64), seed, name, most)]


@given(KEYS, st.randoms())
def test_a_sample_is_the_same_in_whatever_order_the_records_come(keys, random) -> None:
    shuffled = random.sample(keys, len(keys))
    assert chosen(keys) == chosen(shuffled)
    assert len(chosen(keys)) == min(10, len(keys)) == len(set(chosen(keys)))


@given(KEYS, KEYS)
def test_more_records_only_push_the_last_ones_out_of_a_sample(keys, others) -> None:
    more = chosen(list(dict.fromkeys([*keys, *others])))
    still = [key for key in chosen(keys) if key in more]
    assert still == chosen(keys)[: len(still)]


def test_every_record_is_as_likely_as_any_other_also_when_ids_are_not_random() -> None:
    """1,000 seeds choose 10 of 100 consecutive numbers: each about 100 times (binomial: 100 ± 9.5 is one sigma)."""
    counts = np.zeros(100)
    for seed in range(1000):
        counts[sample(np.arange(100, dtype=np.uint64), seed, "rule:x", 10)] += 1
    assert counts.min() > 60
    assert counts.max() < 145


def test_seed_and_queue_change_a_sample() -> None:
    keys = list(range(1000))
    assert chosen(keys) != chosen(keys, seed=2)
    assert chosen(keys) != chosen(keys, name="rule:x")


def test_queues_of_the_small_run(run) -> None:
    opened = Opened(run, per_rule=2)
    assert {rule.name: rule.total for rule in opened.rules} == {
        "common/system-message": 1, "dedup/near-duplicate": 1, "zh/closing-only": 1, "zh/filler-only": 1,
        "zh/greeting-only": 1, "zh/holding-line": 1}  # fmt: skip
    assert opened.samples["rule:zh/holding-line"] == [message_id("Z1", 2)]
    assert opened.samples["rule:dedup/near-duplicate"] == ["586c6405d390567e"]
    assert len(opened.samples["kept"]) == 4  # twice as many as for a rule
    assert sorted(opened.mixed) == sorted({item for items in opened.samples.values() for item in items})
    assert (opened.held(), opened.conflicts()) == (["fd0ba955cdc61d6d"], [])  # E2: the state of one parcel
    assert [line["message"] for line in opened.messages("Z1", -2, 1)] == [0, 1]
    assert [line["raw"] for line in opened.messages("Z3", 1, 99)] == [
        "仓库签收后1到3个工作日原路退回，退到您付款的账户哦。"
    ]
    assert {hit.rule for hit in opened.findings("Z4")} == {"zh/greeting-only"}
    assert opened.findings("no such conversation") == []


def test_held_and_contradicting_examples_stand_next_to_each_other(run, tmp_path) -> None:
    examples = pl.read_parquet(run / "examples.parquet")
    ids = examples["id"].to_list()
    found = pl.DataFrame(
        {
            "conversation": ["E2", "Z1"],
            "example": [ids[-1], ids[0]],
            "rule": ["dedup/conflicting-answers"] * 2,
            "action": ["review"] * 2,
            "evidence": [f"{ids[0]}: x", f"{ids[-1]}: y"],
        }
    )
    for path in run.iterdir():
        if path.is_file():
            (tmp_path / path.name).write_bytes(path.read_bytes())
    known = pl.read_parquet(run / "findings.parquet")
    pl.concat([known, found.cast({"action": known.schema["action"]})], how="diagonal").write_parquet(
        tmp_path / "findings.parquet"
    )
    assert Opened(tmp_path, per_rule=1).conflicts() == [ids[0], ids[-1]]


@pytest.mark.parametrize("broken", ["report.json", "manifest.json", "examples.parquet", "findings.parquet"])
def test_what_is_no_run_says_so(fresh, broken) -> None:
    (fresh / broken).write_text("{}")
    with pytest.raises(SourceError, match=r"not a run of this version|cut off or overwritten"):
        Opened(fresh, per_rule=1)
    (fresh / broken).unlink()
    with pytest.raises(SourceError, match="not a run folder"):
        Opened(fresh, per_rule=1)


def test_an_id_in_the_evidence_is_seen() -> None:
    item = "0123456789abcdef"
    assert [mentioned(text) for text in (item, f"{item}: 三年", "退款", item.upper())] == [[item], [item], [], []]
