"""Several processes: the same mixture in all, one that writes, the same step size; and errors before any work."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from training.__main__ import main
from training.config import configure, trackers
from training.errors import ConfigError, DeviceError
from training.memory import less_memory, out_of_memory

pytest.importorskip("trl")
ROOT = Path(__file__).parents[2]


def launch(run: Path, general: Path, *arguments: str, settings: dict[str, Any]) -> subprocess.CompletedProcess[str]:
    changes = [f"--train={key}={json.dumps(value)}" for key, value in settings.items()]
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    command += ["-m", "training", str(run), "--model", "tiny", "--general", str(general), *arguments, *changes]
    room = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=room, cwd=run.parent, timeout=540)


@pytest.mark.slow
def test_two_processes_train_the_same_mixture_and_one_of_them_writes(tmp_path: Path, logs: ModuleType) -> None:
    """The two compare their data themselves (training.together.agree) and would stop where it differs."""
    run, general = logs.make_run(tmp_path / "run"), logs.make_general(tmp_path / "daily.jsonl")
    settings = {
        "max_steps": 2, "evaluations": 1, "samples": 1, "sample_tokens": 2, "rank": 4, "effective_batch_size": 8,
        "batch_size": 2,
    }  # fmt: skip
    done = launch(run, general, settings=settings)
    assert done.returncode == 0, done.stderr[-2000:]
    told = json.loads((run / "adapter" / "training.json").read_text(encoding="utf-8"))
    assert told["processes"] == 2
    assert told["steps"]["done"] == 2
    assert (told["mixture"]["domain"], told["mixture"]["general"]) == (38, 7)
    assert len([line for line in done.stderr.splitlines() if line.startswith("step 0/2")]) == 1
    assert done.stderr.count("adapter: ") == 1
    assert "2 processes" in (run / "adapter" / "README.md").read_text(encoding="utf-8")
    rows = (run / "adapter" / "samples.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(rows) == len(set(rows)) == 2 * 2 * 5  # evaluations × (greedy, sampled) × questions: said once
    assert not [path for path in run.iterdir() if path.name.startswith(".")]


@pytest.mark.slow
def test_a_batch_that_the_processes_cannot_share_is_refused_once(tmp_path: Path, logs: ModuleType) -> None:
    run, general = logs.make_run(tmp_path / "run"), logs.make_general(tmp_path / "daily.jsonl")
    done = launch(run, general, settings={"effective_batch_size": 12, "batch_size": 4})
    assert done.returncode != 0
    lines = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1
    assert "not a multiple of batch_size 4 × 2 devices; set effective_batch_size=8" in lines[0]
    assert not (run / "adapter").exists()


def test_the_module_says_what_the_command_says(
    tmp_path: Path, logs: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(tmp_path / "nowhere"), "--model", "tiny"]) == 3
    assert "there is no such run folder" in capsys.readouterr().err
    run = logs.make_run(tmp_path / "run")
    assert main([str(run), "--model", "tiny", "--train", "rank"]) == 2
    assert "this is no KEY=VALUE" in capsys.readouterr().err


def test_other_processes_let_the_first_say_what_is_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The launcher ends all once one has ended: another that ends first would leave nobody to speak."""
    waited: list[float] = []
    monkeypatch.setattr("training.__main__.time.sleep", waited.append)
    for rank, waits in (("0", 0), ("1", 1)):
        monkeypatch.setenv("RANK", rank)
        assert main([str(tmp_path / "nowhere"), "--model", "tiny"]) == 3
        assert len(waited) == waits
        assert "there is no such run folder" in capsys.readouterr().err  # of the other: nobody ended it meanwhile


def test_each_process_takes_the_gpu_of_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    from training.model import find_device

    taken: list[int] = []
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("LOCAL_RANK", "1")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "set_device", taken.append)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda index: f"GPU {index}")
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: True)
    device = find_device(configure())
    assert (device.name, device.index, device.processes, taken) == ("GPU 1", 1, 2, [1])
    monkeypatch.setenv("LOCAL_RANK", "2")
    with pytest.raises(DeviceError, match="process 2 of this machine has no GPU"):
        find_device(configure())


def test_a_tracker_that_is_not_installed_is_named_before_any_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.config.find_spec", lambda name: name == "tensorboard" or None)
    assert trackers(configure()) == ["tensorboard"]
    assert trackers(configure({"report_to": "none"})) == []
    for name in ("wandb", "swanlab", "trackio"):
        with pytest.raises(ConfigError, match=f"report_to: {name} is not installed; install it: pip install {name}"):
            trackers(configure({"report_to": name}))
    monkeypatch.setattr("training.config.find_spec", lambda _: None)
    assert trackers(configure()) == []
    with pytest.raises(ConfigError, match="'report_to"):
        configure({"report_to": "excel"})


def test_out_of_memory_is_seen_on_gpu_and_cpu_and_says_what_to_lower() -> None:
    assert out_of_memory(RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB"))
    assert out_of_memory(RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to …"))
    assert out_of_memory(MemoryError())
    assert not out_of_memory(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
    assert less_memory(configure()) == (
        "set batch_size=2 (now 4; effective_batch_size stays), or lower max_length (now 1024)"
    )
    tight = configure({"batch_size": 1, "quantize": False, "gradient_checkpointing": False})
    assert less_memory(tight) == (
        "set gradient_checkpointing=true, or lower max_length (now 1024), or set quantize=true"
    )


def test_a_training_that_runs_out_of_memory_is_one_line_and_leaves_nothing(
    tmp_path: Path, logs: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    from training.cli import train_run

    def full(*_: Any, **__: Any) -> None:
        raise RuntimeError("[enforce fail at alloc_cpu.cpp:124] DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr("trl.SFTTrainer.training_step", full)
    run = logs.make_run(tmp_path / "run")
    before = sorted(path.name for path in run.iterdir())
    with pytest.raises(DeviceError, match=r"CPU ran out of memory while training; set batch_size=2") as caught:
        train_run(
            run, model="tiny", out=None, general=[logs.make_general(tmp_path / "d.jsonl")],
            overrides={"samples": 0, "general_prompts": []}, force=False, progress=False,
        )  # fmt: skip
    assert "\n" not in str(caught.value)
    assert sorted(path.name for path in run.iterdir()) == before
