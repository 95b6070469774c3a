"""All weights trained: a whole model comes out, measured against the base that it came from."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from training.cli import export_adapter, train_run
from training.config import configure
from training.errors import ConfigError
from training.quiet import quiet

pytest.importorskip("trl")


@pytest.fixture(scope="module")
def whole(logs: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    place = tmp_path_factory.mktemp("full")
    run, general = logs.make_run(place / "run"), logs.make_general(place / "daily.jsonl")
    settings = {
        "preset": "full", "learning_rate": 1e-3, "max_steps": 8, "evaluations": 2, "samples": 1, "sample_tokens": 6,
        "effective_batch_size": 8,
    }  # fmt: skip
    result = train_run(run, model="tiny", out=None, general=[general], overrides=settings, force=False, progress=False)
    return {"result": result, "folder": run / "adapter", "run": run}


def test_the_preset_trains_all_weights_unquantised_at_a_low_rate() -> None:
    config = configure({"preset": "full"})
    assert (config.method, config.quantize, config.learning_rate) == ("full", False, 1e-5)
    assert configure({"method": "full"}) == config
    with pytest.raises(ConfigError, match="4-bit weights cannot be; set quantize=false"):
        configure({"preset": "full", "quantize": True})


def test_a_whole_model_is_saved_that_loads_by_itself(whole: dict[str, Any]) -> None:
    folder, result = whole["folder"], whole["result"]
    names = {path.name for path in folder.iterdir()}
    assert names >= {"model.safetensors", "config.json", "tokenizer.json", "chat_template.jinja", "training.json"}
    assert not names & {"adapter_model.safetensors", "adapter_config.json", "checkpoints"}
    assert result["parameters"]["trainable"] == result["parameters"]["total"]
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert "All weights of" in card
    assert "fine-tuned model" in card
    assert "library_name: transformers" in card
    trained_on = hashlib.sha256((whole["run"] / "train.sharegpt.jsonl").read_bytes()).hexdigest()
    assert f"`train.sharegpt.jsonl`: sha256 `{trained_on}`" in card.split("## Data")[1].split("## ")[0]
    assert "PeftModel" not in card
    assert "rank 64" not in card


def test_the_saved_weights_say_what_the_samples_say_and_the_base_says_what_it_said(whole: dict[str, Any]) -> None:
    with quiet():
        from training.model import find_device, load_model, load_tokenizer
        from training.sample import answer

        config = configure({"preset": "full"})
        device, samples = find_device(config), whole["result"]["samples"]
        chats = [[{"role": "user", "content": one["question"]}] for one in samples]
        for name, folder in (("tuned", whole["folder"]), ("base", whole["folder"] / "base")):
            model, tokenizer = load_model(str(folder), config, device), load_tokenizer(str(folder), config)
            said = answer(model, tokenizer, chats, stop_ids=[], most_tokens=6)
            assert [one.text for one in said] == [one[name]["text"] for one in samples]
    assert any(one["tuned"]["text"] != one["base"]["text"] for one in samples)


def test_forgetting_is_measured_against_the_base_loaded_again(whole: dict[str, Any]) -> None:
    result = whole["result"]
    assert result["losses"]["domain"]["adapter"] < result["losses"]["domain"]["base"] - 0.2
    assert result["divergence"]["general"]["nats"] > 0.001


def test_a_whole_model_needs_no_merge_but_gets_its_modelfile(whole: dict[str, Any], tmp_path: Path) -> None:
    asked: dict[str, Any] = {"model": None, "precision": "bf16", "force": False, "progress": False}
    with pytest.raises(ConfigError, match="nothing to merge"):
        export_adapter(whole["folder"], out=tmp_path / "x", **asked)
    told = export_adapter(whole["folder"], out=None, **asked)
    assert 'PARAMETER stop "<|im_end|>"' in (whole["folder"] / "Modelfile").read_text(encoding="utf-8")
    assert set(told["commands"]) == {"ollama", "vllm", "gguf"}


def test_the_report_shows_it(whole: dict[str, Any]) -> None:
    told = json.loads((whole["folder"] / "training.json").read_text(encoding="utf-8"))
    assert told["config"]["method"] == "full"
    from curation.report.adapter import training

    assert training(whole["folder"]) is not None
