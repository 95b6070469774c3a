"""One whole training, looked at from outside, and the ways in which it must stop, refuse or clean up."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from training.cli import train_run
from training.errors import ConfigError, RunError, TrainingError
from training.workplace import workplace

pytest.importorskip("trl")


def test_files_can_be_read_by_whoever_may_read_the_folder(trained: dict[str, Any]) -> None:
    card = (trained["folder"] / "README.md").stat().st_mode
    assert {path.stat().st_mode for path in trained["folder"].rglob("*") if path.is_file()} == {card}


def test_no_general_question_of_the_samples_was_learned(tmp_path: Path, logs: ModuleType) -> None:
    rows = [{"instruction": f"番茄炒蛋怎么做？说第{n}步。", "output": "先炒蛋。"} for n in range(4)]
    rows += [{"instruction": f"怎么煮饭？说第{n}步。", "output": "加水。"} for n in range(4)]
    general = logs.write_jsonl(tmp_path / "daily.jsonl", rows)
    overrides = {"max_steps": 1, "samples": 0, "general_share": 0.5, "sample_tokens": 2, "rank": 2}
    run = logs.make_run(tmp_path / "run")
    result = train_run(run, model="tiny", out=None, general=[general], overrides=overrides, force=False, progress=False)
    assert result["mixture"]["general"] == 4
    assert result["losses"]["general"]["records"] == 4


def test_the_folder_holds_all_that_was_promised(trained: dict[str, Any]) -> None:
    names = {path.name for path in trained["folder"].iterdir()}
    assert names >= {"adapter_model.safetensors", "adapter_config.json", "tokenizer.json", "chat_template.jinja"}
    assert names >= {"README.md", "training.json", "samples.md", "loss.svg", "base"}
    assert "checkpoints" not in names
    assert {path.name for path in trained["run"].iterdir() if path.name.startswith(".")} == set()


def test_training_json_is_what_was_returned(trained: dict[str, Any]) -> None:
    assert json.loads((trained["folder"] / "training.json").read_text(encoding="utf-8")) == trained["result"]


def test_the_mixture_is_as_asked(trained: dict[str, Any]) -> None:
    mixture = trained["result"]["mixture"]
    assert (mixture["domain"], mixture["general"], mixture["general_wanted"]) == (38, 7, 7)  # 0.15 / 0.85 × 38 = 6.7
    assert mixture["sources"] == {"daily": 7}


def test_the_validation_loss_fell_and_the_best_step_is_kept(trained: dict[str, Any]) -> None:
    result = trained["result"]
    seen = {row["step"]: row["eval_domain_loss"] for row in result["history"] if "eval_domain_loss" in row}
    assert sorted(seen) == [0, 6, 12, 18, 24]
    assert result["best_step"] == min(set(seen) - {0}, key=lambda step: seen[step])
    assert result["losses"]["domain"] == {"records": 8, "base": seen[0], "adapter": seen[result["best_step"]]}
    assert seen[result["best_step"]] < seen[0] - 1
    assert all("eval_general_loss" in row for row in result["history"] if "eval_domain_loss" in row)


def test_the_share_of_trained_parameters_counts_parameters_not_bytes(trained: dict[str, Any]) -> None:
    shape = json.loads((trained["folder"] / "base" / "config.json").read_text(encoding="utf-8"))
    hidden, middle, rank = 128, 384, 64
    a_layer = {"q": (hidden, hidden), "k": (hidden, 64), "v": (hidden, 64), "o": (hidden, hidden)}
    a_layer |= {"gate": (hidden, middle), "up": (hidden, middle), "down": (middle, hidden)}
    adapter = 2 * sum(rank * (into + out) for into, out in a_layer.values())
    base = shape["vocab_size"] * hidden + hidden
    base += 2 * (sum(into * out for into, out in a_layer.values()) + hidden + 64 + 64 + 2 * hidden)
    assert trained["result"]["parameters"]["trainable"] == adapter
    assert trained["result"]["parameters"]["total"] == base + adapter


def test_the_adapter_is_trained_and_saved_in_32_bits_and_names_its_base(trained: dict[str, Any]) -> None:
    """TRL rounds the adapter of a 4-bit model to bf16; then all its numbers could be written with 8 bits."""
    from safetensors import safe_open

    with safe_open(trained["folder"] / "adapter_model.safetensors", framework="pt") as file:
        tensors = [file.get_tensor(key) for key in file.keys()]  # noqa: SIM118
    assert {str(tensor.dtype) for tensor in tensors} == {"torch.float32"}
    assert all(bool((tensor.bfloat16().float() != tensor).any()) for tensor in tensors)
    config = json.loads((trained["folder"] / "adapter_config.json").read_text(encoding="utf-8"))
    assert config["base_model_name_or_path"] == str(trained["folder"].resolve() / "base")


def test_the_adapter_loads_again_and_says_the_same(trained: dict[str, Any]) -> None:
    from training.quiet import quiet

    with quiet():
        from peft import PeftModel

        from training.config import configure
        from training.model import find_device, load_model, load_tokenizer
        from training.sample import answer

        config, base = configure(), str(trained["folder"] / "base")
        model = PeftModel.from_pretrained(load_model(base, config, find_device(config)), trained["folder"])
        tokenizer = load_tokenizer(str(trained["folder"]), config)
        samples = trained["result"]["samples"]
        chats = [[{"role": "user", "content": one["question"]}] for one in samples]
        said = answer(model, tokenizer, chats, stop_ids=[], most_tokens=24)
        alone = [answer(model, tokenizer, [chat], stop_ids=[], most_tokens=24)[0] for chat in chats]
    assert [one.text for one in said] == [one["tuned"]["text"] for one in samples]
    assert said == alone  # padding changes nothing
    assert any(one["tuned"]["text"] != one["base"]["text"] for one in samples)


def test_samples_show_base_and_tuned_for_shop_and_kitchen(trained: dict[str, Any]) -> None:
    samples = trained["result"]["samples"]
    assert [one["kind"] for one in samples] == ["domain"] * 4 + ["general"] * 4
    assert "番茄炒蛋怎么做？" in [one["question"] for one in samples]
    text = (trained["folder"] / "samples.md").read_text(encoding="utf-8")
    assert text.count("**base**") == text.count("**tuned**") == 8
    assert all(one["reference"] in text for one in samples[:4])
    validation = (trained["run"] / "val.sharegpt.jsonl").read_text(encoding="utf-8")
    assert all(one["question"] in validation for one in samples[:4])


def test_the_card_has_front_matter_and_the_numbers(trained: dict[str, Any]) -> None:
    text = (trained["folder"] / "README.md").read_text(encoding="utf-8")
    _, front, body = text.split("---\n", 2)
    meta = yaml.safe_load(front)
    assert meta["library_name"] == "peft"
    assert sorted(meta["language"]) == ["en", "zh"]
    assert "base_model" not in meta  # a path is no name on the Hub
    assert f"{trained['result']['losses']['domain']['adapter']:.3f}" in body
    assert "None" not in text


def test_the_curve_is_an_svg_with_both_lines_and_the_best_step(trained: dict[str, Any]) -> None:
    root = ET.parse(trained["folder"] / "loss.svg").getroot()
    words = " ".join(root.itertext())
    assert all(word in words for word in ("training", "validation", "general", "optimiser step", "nats"))
    assert f"best: step {trained['result']['best_step']}" in words
    assert len(root.findall(".//{http://www.w3.org/2000/svg}path")) == 3


def quick(logs: ModuleType, folder: Path, *, settings: dict[str, Any], **run: Any) -> dict[str, Any]:
    made = logs.make_run(folder / "run", **run)
    general = logs.make_general(folder / "daily.jsonl")
    base: dict[str, Any] = {"samples": 0, "general_prompts": [], "rank": 8}
    return train_run(
        made, model="tiny", out=None, general=[general], overrides=base | settings, force=False, progress=False
    )


def test_training_stops_when_the_validation_loss_no_longer_falls(tmp_path: Path, logs: ModuleType) -> None:
    """The validation answers are made of what no training answer says, so learning can only make them less likely."""
    strange = [logs.sharegpt(n, f"Q{n}?", "ξψ Ж щ " * 5) for n in range(6)]
    settings = {"patience": 1, "max_steps": 40, "epochs": 50, "evaluations": 20, "learning_rate": 1e-2}
    result = quick(logs, tmp_path, settings=settings, val=strange)
    assert result["stopped_early"] is True
    assert result["steps"]["done"] < result["steps"]["planned"] == 40
    assert result["steps"]["done"] == result["best_step"] + 2  # one evaluation, 40 / 20 = 2 steps, later
    assert result["steps"]["saved"] == result["best_step"]
    assert "1 evaluations" in result["stop_reason"]
    assert "stopped early" in (tmp_path / "run" / "adapter" / "loss.svg").read_text(encoding="utf-8")
    measured = validation_loss(tmp_path / "run" / "adapter", [(f"Q{n}?", "ξψ Ж щ " * 5) for n in range(6)])
    assert measured == pytest.approx(result["losses"]["domain"]["adapter"], abs=2e-3)
    last = max((row for row in result["history"] if "eval_domain_loss" in row), key=lambda row: row["step"])
    assert abs(measured - last["eval_domain_loss"]) > 1e-2


def validation_loss(folder: Path, pairs: list[tuple[str, str]]) -> float:
    """The mean over records of the loss on the answer, measured on the saved adapter with plain transformers."""
    from training.quiet import quiet

    with quiet():
        import torch
        from peft import PeftModel
        from transformers import AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig

        four = BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=torch.float32,
        )
        base = AutoModelForCausalLM.from_pretrained(folder / "base", quantization_config=four, dtype=torch.float32)
        model = PeftModel.from_pretrained(base, folder).eval()
        tokenizer = AutoTokenizer.from_pretrained(folder)
        losses = []
        for question, reply in pairs:
            before = f"<|im_start|>user\n{question}<|im_end|>\n<|im_start|>assistant\n"
            prompt = tokenizer(before, add_special_tokens=False)["input_ids"]
            answer = tokenizer(f"{reply.strip()}<|im_end|>", add_special_tokens=False)["input_ids"]
            ids = torch.tensor([prompt + answer])
            labels = torch.tensor([[-100] * len(prompt) + answer])
            with torch.no_grad():
                losses.append(float(model(input_ids=ids, labels=labels).loss))
    return sum(losses) / len(losses)


def test_the_same_run_and_seed_give_the_same_adapter(tmp_path: Path, logs: ModuleType) -> None:
    first, second = (
        quick(logs, tmp_path / name, settings={"max_steps": 3, "evaluations": 1}) for name in ("one", "two")
    )
    assert first["history"] == second["history"]
    files = [tmp_path / name / "run" / "adapter" / "adapter_model.safetensors" for name in ("one", "two")]
    assert files[0].read_bytes() == files[1].read_bytes()


def test_without_validation_records_it_trains_to_the_end_and_says_so(tmp_path: Path, logs: ModuleType) -> None:
    settings = {"general_share": 0.0, "general_holdout": 0.0, "samples": 1, "sample_tokens": 4}
    train = [logs.sharegpt(n, *pair) for n, pair in enumerate(logs.pairs()[:20])]
    result = quick(logs, tmp_path, settings=settings, train=train, val=[])
    assert result["steps"] == {"planned": 6, "done": 6, "saved": 6}  # 20 records: 2 steps an epoch, 3 epochs
    assert (result["best_step"], result["stopped_early"], result["losses"]) == (None, False, {})
    assert any("no validation records" in note for note in result["notes"])
    assert any("forget" in note for note in result["notes"])
    card = (tmp_path / "run" / "adapter" / "README.md").read_text(encoding="utf-8")
    assert "No records were held out" in card
    assert len(result["samples"]) == 1


def test_progress_is_one_line_per_evaluation_on_stderr(
    tmp_path: Path, logs: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    run = logs.make_run(tmp_path / "run")
    overrides = {"max_steps": 5, "evaluations": 2, "samples": 0, "general_prompts": [], "quantize": False}
    general = logs.make_general(tmp_path / "daily.jsonl")
    train_run(run, model="tiny", out=None, general=[general], overrides=overrides, force=False, progress=True)
    said = capsys.readouterr()
    assert said.out == ""
    steps = [line.split(" · ")[0] for line in said.err.splitlines() if line.startswith("step ")]
    assert steps == ["step 0/5", "step 3/5", "step 5/5"]  # every 3, and the last one
    assert not re.search(r"[Ww]arning|UserWarning|it/s", said.err)


@pytest.mark.parametrize("loss", [float("nan"), float("inf")])
def test_a_loss_that_is_no_number_ends_the_training_with_a_cure(loss: float, tmp_path: Path) -> None:
    from types import SimpleNamespace

    from training.fit import _Log

    log = _Log({}, sets=set(), steps=9, watch=lambda *_: None, path=tmp_path / "history.jsonl")
    with pytest.raises(TrainingError, match="step 3; lower learning_rate"):
        log.on_log(None, SimpleNamespace(global_step=3), None, {"loss": loss})


def test_records_that_are_all_too_long_are_an_error(tmp_path: Path, logs: ModuleType) -> None:
    with pytest.raises(RunError, match="all 1 records exceed 16 tokens; raise max_length"):
        quick(logs, tmp_path, settings={"max_length": 16}, train=[logs.sharegpt(1, "q" * 40, "a" * 40)])
    assert [path.name for path in (tmp_path / "run").iterdir() if "adapter" in path.name] == []


def failing(*_: Any, **__: Any) -> dict[str, Any]:
    raise RuntimeError("power cut")


def start(run: Path, *, force: bool = False, out: Path | None = None) -> dict[str, Any]:
    overrides = {"general_share": 0, "general_holdout": 0}
    return train_run(run, model="tiny", out=out, general=[], overrides=overrides, force=force, progress=False)


def test_a_failed_training_leaves_nothing_behind(
    tmp_path: Path, logs: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = logs.make_run(tmp_path / "run")
    before = sorted(path.name for path in run.iterdir())
    monkeypatch.setattr("training.adapter.make_adapter", failing)
    with pytest.raises(RuntimeError, match="power cut"):
        start(run)
    assert sorted(path.name for path in run.iterdir()) == before


def test_an_adapter_is_replaced_with_force_only_and_never_by_a_failure(
    tmp_path: Path, logs: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = logs.make_run(tmp_path / "run")
    old = run / "adapter"
    old.mkdir()
    (old / "training.json").write_text("{}", encoding="utf-8")
    with pytest.raises(ConfigError, match="--force") as caught:
        start(run)
    assert caught.value.exit_code == 2
    monkeypatch.setattr("training.adapter.make_adapter", failing)
    with pytest.raises(RuntimeError):
        start(run, force=True)
    assert (old / "training.json").read_text(encoding="utf-8") == "{}"


def test_the_old_adapter_comes_back_when_the_new_one_cannot_take_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "adapter"
    target.mkdir()
    (target / "training.json").write_text("old", encoding="utf-8")
    rename = Path.rename

    def stuck(self: Path, to: Path) -> Path:
        if ".unfinished" in self.parent.name:
            raise OSError(28, "No space left on device", str(self))
        return rename(self, to)

    monkeypatch.setattr(Path, "rename", stuck)
    with (
        pytest.raises(TrainingError, match="No space left"),
        workplace(target, resume=False, force=False) as work,
    ):
        (work / "adapter" / "training.json").write_text("new", encoding="utf-8")
    assert [path.name for path in tmp_path.iterdir()] == ["adapter"]
    assert (target / "training.json").read_text(encoding="utf-8") == "old"


def test_a_folder_with_other_things_is_never_replaced(tmp_path: Path, logs: ModuleType) -> None:
    run = logs.make_run(tmp_path / "run")
    home = tmp_path / "home"
    home.mkdir()
    (home / "thesis.txt").write_text("years", encoding="utf-8")
    for out in (home, run, tmp_path, home / "thesis.txt"):
        with pytest.raises(ConfigError):
            start(run, force=True, out=out)
    assert (home / "thesis.txt").read_text(encoding="utf-8") == "years"


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path, logs: ModuleType) -> None:
    run = logs.make_run(tmp_path / "run")
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(TrainingError, match="cannot be written") as caught:
        start(run, out=tmp_path / "file" / "adapter")
    assert caught.value.exit_code == 4


def test_the_settings_of_the_recipe_are_checked_before_any_work(tmp_path: Path, logs: ModuleType) -> None:
    with pytest.raises(ConfigError, match="did you mean 'rank'"):
        start(logs.make_run(tmp_path / "run", training={"rnk": 3}))


def test_the_command_line_can_ask_without_loading_any_library() -> None:
    code = (
        "import sys, training.cli; training.cli.preflight({});"
        "print(sorted({'torch','transformers','trl','peft','bitsandbytes','datasets','curation'} & set(sys.modules)))"
    )
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
