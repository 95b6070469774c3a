"""A training that breaks off goes on to the same weights, loses nothing, and never becomes another training."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from training.cli import train_run
from training.errors import ConfigError, TrainingError
from training.workplace import beside, last_checkpoint, no_space, same, strike, workplace

pytest.importorskip("trl")

SETTINGS: dict[str, Any] = {  # 17 records, 2 a step: 9 steps an epoch, so that it goes on within the second epoch
    "epochs": 2, "effective_batch_size": 2, "batch_size": 2, "max_steps": 13, "evaluations": 5, "rank": 4,
    "samples": 1, "general_prompts": ["How do I boil an egg?"], "sample_tokens": 4, "dropout": 0.2, "patience": 0,
}  # fmt: skip


def go(logs: ModuleType, place: Path, *, resume: bool = False, force: bool = False, **settings: Any) -> dict[str, Any]:
    run = place / "run"
    if not run.exists():
        logs.make_run(run, train=[logs.sharegpt(n, *pair) for n, pair in enumerate(logs.pairs()[:14])])
    return train_run(
        run, model="tiny", out=None, general=[logs.make_general(place / "daily.jsonl")],
        overrides=SETTINGS | settings, force=force, progress=False, resume=resume,
    )  # fmt: skip


def break_at(monkeypatch: pytest.MonkeyPatch, step: int, fault: type[BaseException]) -> None:
    """Let the training fail while it logs `step`."""
    from training.fit import _Log

    real = _Log.on_log

    def on_log(self: Any, args: Any, state: Any, control: Any, logs: Any, **more: Any) -> None:
        real(self, args, state, control, logs, **more)
        if state.global_step == step:
            raise fault

    monkeypatch.setattr(_Log, "on_log", on_log)


def tensors(place: Path) -> dict[str, Any]:
    from safetensors.torch import load_file

    return dict(load_file(place / "run" / "adapter" / "adapter_model.safetensors"))


@pytest.mark.parametrize("quantize", [True, False])
def test_a_resumed_training_ends_with_the_same_bytes_as_an_unbroken_one(
    tmp_path: Path, logs: ModuleType, monkeypatch: pytest.MonkeyPatch, *, quantize: bool
) -> None:
    """Tolerance 0: on the same machine and libraries every byte of the adapter is the same, and every loss."""
    unbroken = go(logs, tmp_path / "one", quantize=quantize)
    with monkeypatch.context() as patch:
        break_at(patch, 13, KeyboardInterrupt)
        with pytest.raises(KeyboardInterrupt):
            go(logs, tmp_path / "two", quantize=quantize)
    assert not (tmp_path / "two" / "run" / "adapter").exists()
    kept = last_checkpoint(beside(tmp_path / "two" / "run" / "adapter"))
    assert kept is not None
    assert kept.name == "checkpoint-12"
    resumed = go(logs, tmp_path / "two", quantize=quantize, resume=True)
    assert (unbroken["resumed_after"], resumed["resumed_after"]) == (None, 12)
    for name in ("history", "losses", "samples", "divergence", "best_step", "steps"):
        assert resumed[name] == unbroken[name], name
    one, two = ((tmp_path / n / "run" / "adapter" / "adapter_model.safetensors").read_bytes() for n in ("one", "two"))
    assert one == two
    diaries = [(tmp_path / n / "run" / "adapter" / "samples.jsonl").read_text(encoding="utf-8") for n in ("one", "two")]
    assert diaries[0] == diaries[1]
    assert [path.name for path in (tmp_path / "two" / "run").iterdir() if path.name.startswith(".")] == []


def test_a_training_that_had_nothing_left_to_do_but_its_samples_trains_no_further(
    tmp_path: Path, logs: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It stopped early at its last evaluation, and broke off after that: the best adapter comes back at once."""
    strange = [logs.sharegpt(n, f"Q{n}?", "ξψ Ж щ " * 5) for n in range(6)]
    settings = {"patience": 1, "learning_rate": 1e-2, "evaluations": 15, "samples": 0, "general_prompts": []}
    for name in ("one", "two"):
        logs.make_run(tmp_path / name / "run", val=strange)
    unbroken = go(logs, tmp_path / "one", **settings)
    assert unbroken["stopped_early"] is True

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device", str(tmp_path))

    with monkeypatch.context() as patch:
        patch.setattr("training.adapter._save", full)
        with pytest.raises(TrainingError, match=r"no space is left on its disk; free some.*--resume goes on") as caught:
            go(logs, tmp_path / "two", **settings)
    assert f"step {unbroken['steps']['done']} is kept" in str(caught.value)
    with monkeypatch.context() as patch:
        patch.setattr("trl.SFTTrainer.training_step", full)
        resumed = go(logs, tmp_path / "two", resume=True, **settings)
    assert resumed["steps"] == unbroken["steps"]
    assert resumed["losses"] == unbroken["losses"]
    one, two = (tensors(tmp_path / name) for name in ("one", "two"))
    assert all(bool((one[key] == two[key]).all()) for key in one)


def test_a_broken_off_training_is_gone_on_with_or_thrown_away_only_when_told(
    tmp_path: Path, logs: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    short = {"max_steps": 4, "evaluations": 2, "samples": 0, "general_prompts": []}
    with monkeypatch.context() as patch:
        break_at(patch, 3, KeyboardInterrupt)
        with pytest.raises(KeyboardInterrupt):
            go(logs, tmp_path, **short)
    with pytest.raises(ConfigError, match=r"broke off after step 2; give --resume .* or --force to begin anew"):
        go(logs, tmp_path, **short)
    with pytest.raises(ConfigError, match=r"another one: settings: rank was 4 and is 8; .*--force without --resume"):
        go(logs, tmp_path, resume=True, **short, rank=8)
    logs.write_jsonl(tmp_path / "run" / "val.sharegpt.jsonl", [logs.sharegpt(1, "Q?", "Other words.")])
    with pytest.raises(ConfigError, match="the data changed"):
        go(logs, tmp_path, resume=True, **short)
    assert go(logs, tmp_path, force=True, **short)["resumed_after"] is None


def checkpoint(work: Path, step: int) -> Path:
    folder = work / "checkpoints" / f"checkpoint-{step}"
    folder.mkdir(parents=True)
    for name in ("adapter_model.safetensors", "optimizer.pt", "scheduler.pt", "rng_state.pth"):
        (folder / name).write_bytes(b"x")
    (folder / "trainer_state.json").write_text('{"global_step": 1}', encoding="utf-8")
    return folder


@pytest.mark.parametrize("part", ["adapter_model.safetensors", "optimizer.pt", "scheduler.pt", "rng_state.pth"])
def test_a_checkpoint_that_was_cut_short_is_passed_over(tmp_path: Path, part: str) -> None:
    good, cut = checkpoint(tmp_path, 9), checkpoint(tmp_path, 10)
    assert last_checkpoint(tmp_path) == cut
    (cut / part).unlink()
    assert last_checkpoint(tmp_path) == good
    (good / "trainer_state.json").write_text('{"global_step"', encoding="utf-8")
    assert last_checkpoint(tmp_path) is None


def test_two_trainings_do_not_share_a_target(tmp_path: Path) -> None:
    target = tmp_path / "adapter"
    with (
        workplace(target, resume=False, force=False) as work,
        pytest.raises(ConfigError, match="another process is training it"),
        workplace(target, resume=False, force=True),
    ):
        raise AssertionError
    assert work == beside(target)
    assert target.is_dir()
    assert not work.exists()


def test_other_libraries_are_named_but_do_not_stop_it(tmp_path: Path) -> None:
    assert same(tmp_path, {"model": "m", "versions": {"trl": "1"}}, resumed=False) == []
    assert same(tmp_path, {"model": "m", "versions": {"trl": "1"}}, resumed=True) == []
    (words,) = same(tmp_path, {"model": "m", "versions": {"trl": "2"}}, resumed=True)
    assert words == "versions: trl was '1' and is '2'"
    with pytest.raises(ConfigError, match="model was 'm' and is 'n'"):
        same(tmp_path, {"model": "n", "versions": {}}, resumed=True)


def test_rows_after_the_checkpoint_and_a_cut_last_row_are_struck(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text('{"step": 1}\n{"step": 3, "text": "好"}\n{"step": 4}\n{"st', encoding="utf-8")
    assert strike(path, after=3) == [{"step": 1}, {"step": 3, "text": "好"}]
    assert path.read_text(encoding="utf-8") == '{"step": 1}\n{"step": 3, "text": "好"}\n'


def test_a_full_disk_is_seen_through_what_the_libraries_make_of_it() -> None:
    assert no_space(OSError(28, "No space left on device"))
    assert no_space(RuntimeError("[enforce fail at inline_container.cc:664] . unexpected pos 64 vs 0"))
    assert no_space(ValueError("Error while serializing: I/O error: No space left on device (os error 28)"))
    assert not no_space(RuntimeError("shapes do not match"))
    assert not no_space(OSError(2, "No such file"))


KILL = """
import os, signal, sys
from training.fit import _Log
real = _Log.on_log
def on_log(self, args, state, control, logs, **more):
    real(self, args, state, control, logs, **more)
    if state.global_step == 11: os.kill(os.getpid(), signal.SIGKILL)
_Log.on_log = on_log
from curation.cli import main
main()
"""


@pytest.mark.slow
def test_a_killed_training_goes_on_with_the_same_command_and_resume(tmp_path: Path, logs: ModuleType) -> None:
    general = logs.make_general(tmp_path / "daily.jsonl")
    changes = [f"--train={key}={json.dumps(value)}" for key, value in (SETTINGS | {"max_steps": 11}).items()]
    weights = []
    for name, killed in (("one", False), ("two", True)):
        run = logs.make_run(tmp_path / name / "run")
        (run / "report.json").write_text("{}", encoding="utf-8")
        if killed:
            command = ["train", str(run), "--model", "tiny", "--general", str(general), *changes]
            done = subprocess.run([sys.executable, "-c", KILL, *command], capture_output=True, text=True, check=False)
            assert done.returncode == -signal.SIGKILL
            assert last_checkpoint(beside(run / "adapter")) is not None
        go(logs, tmp_path / name, max_steps=11, resume=killed)
        weights.append((run / "adapter" / "adapter_model.safetensors").read_bytes())
    assert weights[0] == weights[1]


def test_a_link_in_place_of_the_unfinished_adapter_is_not_followed(tmp_path: Path) -> None:
    """A run may come from a stranger: what the link leads to would be emptied, or written over."""
    mine, target = tmp_path / "mine", tmp_path / "run" / "adapter"
    mine.mkdir()
    target.parent.mkdir()
    (mine / "letter.txt").write_text("mine")
    beside(target).symlink_to(mine)
    for resume in (False, True):
        with (
            pytest.raises(ConfigError, match=r"\.adapter\.unfinished: is a link; remove it"),
            workplace(target, resume=resume, force=True),
        ):
            pass
    beside(target).unlink()
    (beside(target) / "checkpoints").mkdir(parents=True)
    for name in ("adapter", "checkpoints/mine"):
        (beside(target) / name).symlink_to(mine)
    with workplace(target, resume=False, force=True) as work:  # emptied: the links are gone, and nothing else
        assert [path.name for path in work.iterdir()] == ["adapter"]
        assert not (work / "adapter").is_symlink()
    assert [path.name for path in mine.iterdir()] == ["letter.txt"]
