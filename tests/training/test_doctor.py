"""The doctor: each fault by itself, its level, and the cure that mends it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from training.config import TrainConfig, configure
from training.doctor import Facts, Finding, diagnose, refuse
from training.errors import ConfigError
from training.memory import GIB, Shape, estimate, fitting_batch

GOOD = Facts(train=2000, validation=100, general=1000, default_system=True, has_system=True, pad_is_eos=False)
# Qwen2.5-7B as its config.json gives it: 28 layers of 3584, 18944 inside, 4 key/value heads of 128, 152,064 words.
SEVEN = Shape(
    linear=28 * (2 * 3584 * 3584 + 2 * 3584 * 512 + 3 * 3584 * 18944),
    other=2 * 152_064 * 3584,
    adapted=28 * (4 * 3584 + 2 * (3584 + 512) + 3 * (3584 + 18944)),
    largest=3584 * 18944,
    layers=28,
    hidden=3584,
    intermediate=18944,
    vocabulary=152_064,
)


def names(config: TrainConfig, facts: Facts) -> dict[str, str]:
    return {finding.name: finding.level for finding in diagnose(config, facts)}


def test_the_method_on_a_good_run_has_nothing_wrong() -> None:
    assert diagnose(configure({"rank": 32}), GOOD) == []


@pytest.mark.parametrize(
    ("settings", "facts", "name", "level"),
    [
        ({"learning_rate": 2e-5}, {}, "learning-rate", "warning"),
        ({"learning_rate": 6e-4}, {}, "learning-rate", "warning"),
        ({"epochs": 4}, {}, "many-epochs", "warning"),
        ({"epochs": 6}, {}, "many-epochs", "error"),
        ({"effective_batch_size": 4}, {}, "batch", "warning"),
        ({"effective_batch_size": 128}, {}, "batch", "warning"),
        ({"rank": 64}, {"train": 400}, "rank", "note"),
        ({"general_share": 0}, {}, "no-general-data", "warning"),
        ({"general_share": 0.05}, {}, "general-share", "warning"),
        ({"general_share": 0.6}, {"general": 9999}, "general-share", "warning"),
        ({}, {"general": 352}, "too-little-general-data", "warning"),  # 0.15 of the whole is 353 beside 2,000
        ({}, {"gate_failed": True}, "gate", "error"),
        ({}, {"too_long": 21}, "too-long", "warning"),
        ({}, {"cut": 5}, "too-long", "note"),
        ({}, {"validation": 49}, "few-validation", "warning"),
        ({}, {"validation": 0}, "no-validation", "warning"),
        ({}, {"answer_tokens": 9.0, "prompt_tokens": 30.0}, "short-answers", "note"),
        ({}, {"per_answer": 3}, "template", "note"),
        ({}, {"has_system": False}, "system-prompt", "warning"),
        ({}, {"pad_is_eos": True}, "pad-token", "note"),
        ({}, {"shape": replace(SEVEN, unmatched=("qkv_proj",))}, "target-modules", "error"),
        ({}, {"gpus": 2}, "no-launcher", "error"),
        ({}, {"fsdp": 2}, "fsdp2-4bit", "error"),
        ({}, {"repacks": True}, "4-bit-cpu", "note"),
        ({"preset": "full", "learning_rate": 3e-5}, {}, "learning-rate", "warning"),
        ({"preset": "full"}, {"shape": SEVEN, "gpu_gib": 80.0}, "memory", "error"),  # 16 bytes for each of 7.6 billion
        ({}, {"sharded": "DeepSpeed"}, "sharded", "error"),
        ({}, {"free_gib": 30.0, "disk_gib": 280.0}, "no-space", "error"),
        ({}, {"free_gib": 1.0}, "no-space", "error"),
        ({"quantize": False}, {"shape": SEVEN, "gpu_gib": 12.0}, "memory", "error"),
        ({"batch_size": 16}, {"shape": SEVEN, "gpu_gib": 24.0}, "memory", "warning"),
    ],
)
def test_one_fault_gives_one_finding(settings: dict[str, Any], facts: dict[str, Any], name: str, level: str) -> None:
    found = diagnose(configure({"rank": 32} | settings), replace(GOOD, **facts))
    assert [(f.name, f.level) for f in found] == [(name, level)]
    (finding,) = found
    for words in (finding.fault, finding.reason, finding.source, finding.cure):
        assert words
        assert "\n" not in words


@pytest.mark.parametrize(
    ("settings", "facts"),
    [
        ({"learning_rate": 5e-5}, {}),
        ({"learning_rate": 5e-4}, {}),
        ({"epochs": 3}, {}),
        ({"epochs": 9, "max_steps": 20}, {}),
        ({"effective_batch_size": 8}, {}),
        ({"effective_batch_size": 64}, {}),
        ({"general_share": 0.1}, {}),
        ({"general_share": 0.5}, {"general": 2000}),
        ({}, {"general": 353}),
        ({"patience": 0}, {"validation": 0}),
        ({}, {"validation": 50}),
        ({}, {"default_system": False, "has_system": False}),
        ({}, {"gpus": 2, "processes": 2}),
        ({"quantize": False}, {"fsdp": 2}),
        ({}, {"fsdp": 1}),
        ({}, {"shape": SEVEN, "gpu_gib": 24.0}),
    ],
)
def test_what_is_on_the_border_or_meant_is_no_fault(settings: dict[str, Any], facts: dict[str, Any]) -> None:
    assert diagnose(configure({"rank": 32} | settings), replace(GOOD, **facts)) == []


def test_of_the_built_in_model_nothing_is_expected() -> None:
    assert names(configure(model="tiny"), replace(GOOD, built_in=True)) == {}


def test_errors_come_first() -> None:
    found = diagnose(configure({"epochs": 6, "learning_rate": 1e-3}), replace(GOOD, pad_is_eos=True, gate_failed=True))
    assert [f.level for f in found] == ["error", "error", "warning", "note"]


def test_an_error_stops_a_training_unless_it_is_accepted_by_its_name() -> None:
    error = Finding("error", "many-epochs", "7 epochs", "learned by heart", "the method", "set epochs to 3")
    with pytest.raises(ConfigError, match=r"7 epochs.*set epochs to 3.*accept: \[many-epochs\]"):
        refuse([error], configure(), run=Path("run"))
    refuse([error], configure({"accept": ["many-epochs"]}), run=Path("run"))
    refuse([replace(error, level="warning")], configure(), run=Path("run"))


def test_the_estimate_says_what_users_of_7b_models_know() -> None:
    """In 4 bits 7B trains on a 24 GB card with a batch of 4, and on 16 GB; in 16 bits the weights alone fill 16 GB."""
    config = configure()
    four = estimate(SEVEN, config, batch=4)
    assert 3.8 < SEVEN.linear * 0.516 / GIB + SEVEN.other * 2 / GIB < 6.0  # the weights alone
    assert four.total / GIB < 16
    assert fitting_batch(SEVEN, configure({"quantize": False}), gib=16.0) is None
    assert fitting_batch(SEVEN, config, gib=24.0) == 4
    small = fitting_batch(SEVEN, config, gib=12.0)
    assert small in (1, 2)
    assert estimate(SEVEN, config, batch=small).total <= 0.94 * 12 * GIB
    assert fitting_batch(SEVEN, config, gib=4.0) is None


def test_the_batch_that_fits_divides_the_effective_batch() -> None:
    config = configure({"batch_size": 16, "effective_batch_size": 18})
    assert fitting_batch(SEVEN, config, gib=200.0) == 9


def test_more_of_anything_needs_more_memory() -> None:
    base = estimate(SEVEN, configure(), batch=2).total
    for settings in ({"rank": 128}, {"max_length": 2048}, {"gradient_checkpointing": False}, {"quantize": False}):
        assert estimate(SEVEN, configure(settings), batch=2).total > base


@pytest.mark.parametrize("family", ["Qwen2", "Qwen3", "Llama"])
def test_the_shape_is_counted_from_the_config_alone(family: str, tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    from training.model import shape_of

    config = getattr(transformers, f"{family}Config")(
        vocab_size=100, hidden_size=32, intermediate_size=48, num_hidden_layers=3, num_attention_heads=4,
        num_key_value_heads=2, head_dim=8, tie_word_embeddings=False,
    )  # fmt: skip
    config.save_pretrained(tmp_path)
    shape = shape_of(str(tmp_path), configure({"target_modules": ["q_proj", "down_proj", "c_attn"]}))
    assert shape.linear == 3 * (2 * 32 * 32 + 2 * 32 * 16 + 3 * 32 * 48)
    assert shape.adapted == 3 * ((32 + 32) + (48 + 32))
    assert shape.largest == 32 * 48
    assert (shape.layers, shape.hidden, shape.intermediate, shape.vocabulary) == (3, 32, 48, 100)
    assert shape.unmatched == ("c_attn",)
    norms = 3 * 2 * 32 + 32 + (3 * 2 * 8 if family == "Qwen3" else 0)
    biases = 3 * (32 + 2 * 16) if family == "Qwen2" else 0
    assert shape.other == 2 * 100 * 32 + norms + biases


@pytest.mark.parametrize(("template", "expected"), [("chatml", False), ("qwen", True)])
def test_a_system_prompt_that_the_template_makes_up_is_seen(template: str, expected: bool, tokenizer: Any) -> None:
    from training.doctor import default_system

    if template == "qwen":
        before = tokenizer.chat_template
        made_up = "<|im_start|>system\nYou are Qwen, created by Alibaba Cloud.<|im_end|>\n"
        tokenizer.chat_template = (
            "{%- if messages[0]['role'] != 'system' %}{{ '" + made_up + "' }}{%- endif %}" + before
        )
        try:
            assert default_system(tokenizer) is expected
        finally:
            tokenizer.chat_template = before
    else:
        assert default_system(tokenizer) is expected


def test_the_doctor_looks_at_a_run(logs: ModuleType, tmp_path: Path) -> None:
    pytest.importorskip("trl")
    from training.cli import doctor_run

    run = logs.make_run(tmp_path / "run", training={"epochs": 9})
    manifest = json.loads((run / "manifest.json").read_text(encoding="utf-8"))
    (run / "manifest.json").write_text(json.dumps(manifest | {"gate": {"state": "fail", "checks": []}}))
    found = doctor_run(run, model="tiny", general=[logs.make_general(tmp_path / "daily.jsonl")], overrides={})
    assert [f["name"] for f in found if f["level"] == "error"] == ["gate"]
    assert not (run / "adapter").exists()


def test_all_weights_at_the_presets_rate_have_nothing_wrong() -> None:
    assert diagnose(configure({"preset": "full", "learning_rate": 2e-5}), GOOD) == []
    unmatched = replace(GOOD, shape=replace(SEVEN, unmatched=("q_proj",)))
    assert names(configure({"preset": "full"}), unmatched) == {}  # no adapter, so no layers to look for


def test_the_disk_that_checkpoints_need_counts_what_is_trained() -> None:
    from training.memory import disk_need

    everything = SEVEN.linear + SEVEN.other
    assert disk_need(SEVEN, configure({"preset": "full"})) == everything * 40  # 3 × 12 bytes, and 4 for what is saved
    assert disk_need(SEVEN, configure({"rank": 16})) == 16 * SEVEN.adapted * 40
