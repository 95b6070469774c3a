"""What would be learned, token by token."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from training.encode import IGNORE, Encoded
from training.preview import preview


class Letters:
    """A tokenizer of one token a letter."""

    def decode(self, ids: list[int], **_: object) -> str:
        return "".join(map(chr, ids))


def record(name: str, text: str, learned: str) -> Encoded:
    ids = tuple(map(ord, text))
    labels = tuple(one if mark == "x" else IGNORE for one, mark in zip(ids, learned, strict=True))
    return Encoded(name, name, "domain", "en", ids, labels)


def test_a_record_is_cut_where_learning_begins_and_ends() -> None:
    (one,) = preview([record("a", "QabQcd", "-xx-xx")], Letters(), count=9, seed=1)  # type: ignore[arg-type]
    assert [(s.text, s.learned, s.tokens) for s in one.stretches] == [
        ("Q", False, 1),
        ("ab", True, 2),
        ("Q", False, 1),
        ("cd", True, 2),
    ]
    assert (one.tokens, one.learned) == (6, 4)


def test_records_are_chosen_by_the_seed_and_keep_their_order() -> None:
    records = [record(str(n), "ab", "-x") for n in range(50)]
    first = [one.id for one in preview(records, Letters(), count=5, seed=3)]  # type: ignore[arg-type]
    assert first == [one.id for one in preview(records, Letters(), count=5, seed=3)]  # type: ignore[arg-type]
    assert first == sorted(first, key=int)
    assert len(set(first)) == 5
    assert first != [one.id for one in preview(records, Letters(), count=5, seed=4)]  # type: ignore[arg-type]


def test_a_preview_shows_whole_answers_with_their_end_and_trains_nothing(logs: ModuleType, tmp_path: Path) -> None:
    pytest.importorskip("trl")
    from training.cli import preview_run

    run = logs.make_run(tmp_path / "run")
    general = [logs.make_general(tmp_path / "daily.jsonl")]
    told: dict[str, Any] = preview_run(run, model="tiny", general=general, overrides={}, count=3)
    assert len(told["records"]) == 3
    answers = {answer for _, answer in logs.pairs()} | {"domain"}
    for one in told["records"]:
        learned = [s["text"] for s in one["stretches"] if s["learned"]]
        assert all(text.endswith("<|im_end|>") for text in learned)
        if one["source"] == "domain":
            assert all(text.removesuffix("<|im_end|>") in answers for text in learned)
    assert [row["set"] for row in told["lengths"]] == ["train", "val", "general"]
    assert not (run / "adapter").exists()
