"""`siftune compare` as a whole: same budget, nothing held out that was trained on, a report, or nothing at all."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from training.compare import _alike, _drawn
from training.config import configure
from training.encode import Encoded

pytest.importorskip("trl")


def encoded(name: str, count: int, tokens: int) -> list[Encoded]:
    return [Encoded(f"{name}{n}", f"{name}{n}", name, "en", (1,) * tokens, (1,) * tokens) for n in range(count)]


@pytest.mark.parametrize(("short", "long"), [(10, 40), (13, 29), (40, 40), (60, 20)])
def test_both_arms_see_as_many_tokens_a_step_within_a_twentieth(short: int, long: int) -> None:
    arms = {"raw": encoded("raw", 50, short), "curated": encoded("curated", 20, long)}
    settings = _alike(arms, configure({"effective_batch_size": 16, "batch_size": 4}), 30)
    tokens = {arm: settings[arm].effective_batch_size * len(arms[arm][0].input_ids) for arm in arms}
    assert tokens["raw"] == pytest.approx(tokens["curated"], rel=0.1 if short > long else 0.05)
    assert settings["curated"].effective_batch_size == 16
    for one in settings.values():
        assert (one.max_steps, one.patience, one.general_share) == (30, 0, 0.0)
        assert one.effective_batch_size % one.batch_size == 0


def test_all_records_are_drawn_once_before_any_comes_again() -> None:
    records = encoded("raw", 7, 3)
    drawn = [record.id for record in _drawn(records, 17, seed=1)]
    assert len(drawn) == 17
    assert set(drawn[:7]) == set(drawn[7:14]) == {record.id for record in records}
    assert drawn == [record.id for record in _drawn(records, 17, seed=1)]
    assert drawn != [record.id for record in _drawn(records, 17, seed=2)]
    assert [r.id for r in _drawn(records, 4, seed=1)] == drawn[:4]


def write_log(path: Path, logs: ModuleType) -> Path:
    """A CSV log: every question and answer in a conversation of its own, with a greeting around it."""
    rows = ["conversation,role,text"]
    for n, (question, answer) in enumerate(logs.pairs()):
        for role, text in (("user", "hi"), ("agent", "Hello!"), ("user", question), ("agent", answer), ("user", "thx")):
            rows.append(f'c{n},{role},"{text}"')
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


def call(monkeypatch: pytest.MonkeyPatch, *arguments: str | Path) -> int:
    from curation.cli import main

    monkeypatch.setattr(sys, "argv", ["siftune", "compare", *map(str, arguments)])
    with pytest.raises(SystemExit) as stopped:
        main()
    return int(stopped.value.code or 0)


QUICK = ("--model", "tiny", "--seeds", "1,2", "--questions", "4", "--no-progress", "--train", "quantize=false",
         "--train", "max_steps=2", "--train", "sample_tokens=6", "--train", "rank=4")  # fmt: skip


@pytest.mark.slow
def test_a_log_becomes_two_adapters_and_a_report(
    tmp_path: Path, logs: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    log, out = write_log(tmp_path / "log.csv", logs), tmp_path / "out"
    assert call(monkeypatch, log, "-o", out, *QUICK) == 0
    told = json.loads((out / "compare.json").read_text(encoding="utf-8"))
    assert (told["steps"], told["seeds"]) == (2, [1, 2])
    raw, curated = told["sets"]["raw"], told["sets"]["curated"]
    assert curated["seen"] == 2 * 16
    assert raw["tokens"] == pytest.approx(curated["tokens"], rel=0.25)  # 32 records of very different lengths
    real = told["held_out"]["real"]
    assert real["conversations"] <= 5  # a tenth of 46
    assert set(real["measures"]) == {"loss", "rouge_l", "chrf", "echo", "loop", "no-stop", "tokens"}
    assert real["measures"]["loss"]["raw"]["values"] != real["measures"]["loss"]["curated"]["values"]
    assert real["measures"]["loss"]["base"] != real["measures"]["loss"]["raw"]["mean"]
    assert {"question", "agent", "base", "raw", "curated", "set"} == set(told["samples"][0])
    text = (out / "compare.md").read_text(encoding="utf-8")
    assert all(one["question"].splitlines()[0] in text for one in told["samples"])
    assert (out / "run" / "report.html").is_file()
    for arm in ("raw", "curated"):
        config = json.loads((out / "adapters" / arm / "adapter_config.json").read_text(encoding="utf-8"))
        assert config["base_model_name_or_path"] == str(out / "base")
    assert "report: " in capsys.readouterr().out
    assert sorted(path.name for path in tmp_path.iterdir()) == ["log.csv", "out"]
    assert call(monkeypatch, log, "-o", out, *QUICK) == 2
    assert "replace it with --force" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("more", "code", "fault"),
    [
        (("--seeds", "1,x"), 2, "whole numbers with commas between"),
        (("--seeds", "1,1"), 2, "each seed once"),
        (("--train", "rnk=3"), 2, "did you mean 'rank'"),
    ],
)
def test_wrong_options_are_named_before_any_work(
    tmp_path: Path, logs: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: Any, more: Any, code: int, fault: str
) -> None:
    log = write_log(tmp_path / "log.csv", logs)
    assert call(monkeypatch, log, "-o", tmp_path / "out", *QUICK, *more) == code
    assert fault in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["log.csv"]


def test_too_small_a_log_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    log = tmp_path / "log.csv"
    log.write_text(
        "conversation,role,text\nc1,user,How do I return my headphones?\nc1,agent,Choose Return on the order page.\n",
        encoding="utf-8",
    )
    assert call(monkeypatch, log, "-o", tmp_path / "out", *QUICK) == 3
    assert "records, 8 are needed" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["log.csv"]


def test_a_folder_with_other_things_is_left_alone(
    tmp_path: Path, logs: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "thesis.txt").write_text("years", encoding="utf-8")
    log = write_log(tmp_path / "log.csv", logs)
    assert call(monkeypatch, log, "-o", tmp_path / "home", *QUICK, "--force") == 2
    assert "holds files that are no comparison" in capsys.readouterr().err
    assert (tmp_path / "home" / "thesis.txt").read_text(encoding="utf-8") == "years"
