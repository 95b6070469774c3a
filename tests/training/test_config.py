"""Settings: the method's values reach the libraries, and a slip is named with its cure."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from training.cli import preflight
from training.config import accumulation, configure, lora_config, quantization_config, sft_config
from training.errors import ConfigError, MissingExtraError


def test_the_defaults_are_the_method() -> None:
    config = configure()
    assert (config.rank, config.alpha, config.dropout, config.quantize) == (64, 16, 0.05, True)
    assert (config.learning_rate, config.epochs, config.warmup, config.scheduler) == (2e-4, 3.0, 0.03, "cosine")
    assert (config.batch_size, config.effective_batch_size, accumulation(config), config.max_length) == (4, 16, 4, 1024)
    assert (config.general_share, config.max_repeats, config.trust_remote_code) == (0.15, 1, False)


def test_later_settings_win_over_earlier_ones_and_over_the_preset() -> None:
    config = configure({"preset": "smoke", "seed": 1}, {"seed": 2, "rank": 4})
    assert (config.seed, config.rank, config.max_steps) == (2, 4, 20)


def test_the_built_in_model_has_its_own_learning_rate_unless_one_is_given() -> None:
    assert configure(model="tiny").learning_rate == 5e-3
    assert configure({"learning_rate": 1e-4}, model="tiny").learning_rate == 1e-4
    assert configure({"preset": "method"}, model="tiny").learning_rate == 2e-4


def test_words_from_the_command_line_become_numbers() -> None:
    config = configure({"rank": "16", "quantize": "false", "learning_rate": "1e-4"})
    assert (config.rank, config.quantize, config.learning_rate) == (16, False, 1e-4)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"learning_rat": 1e-4}, ["no setting 'learning_rat'", "did you mean 'learning_rate'?"]),
        ({"zzz": 1}, ["no setting 'zzz'", "known: accept, alpha, attention"]),
        ({"rank": 0}, ["'rank' = 0", "greater than or equal to 1", "the default is 64"]),
        ({"general_share": 1.0}, ["'general_share' = 1.0", "less than or equal to 0.9"]),
        ({"preset": "best"}, ["'preset' = 'best'", "'method', 'auto', 'small'"]),
        ({"target_modules": []}, ["'target_modules'", "at least 1 item"]),
    ],
)
def test_a_wrong_setting_is_named_with_its_cure_on_one_line(settings: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        preflight(settings)
    assert all(word in str(caught.value) for word in words), str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2


def test_a_missing_library_is_named_before_any_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.quiet.find_spec", lambda name: None if name == "trl" else object())
    with pytest.raises(MissingExtraError, match=r'needs trl; install it: pip install "siftune\[train\]"') as caught:
        preflight({})
    assert caught.value.exit_code == 4


def test_bitsandbytes_is_needed_for_4_bits_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.quiet.find_spec", lambda name: None if name == "bitsandbytes" else object())
    assert preflight({"quantize": False}).quantize is False
    with pytest.raises(MissingExtraError, match="bitsandbytes"):
        preflight({})


def test_the_settings_reach_the_libraries(tmp_path: Path) -> None:
    pytest.importorskip("trl")
    from training.quiet import quiet

    with quiet():
        import torch

        config = configure({"rank": 8, "seed": 5})
        lora, four = lora_config(config), quantization_config(torch.float32)
        sft = sft_config(
            config, tmp_path, precision="fp32", cpu=True, steps=1000, look_every=100, evaluate=True, keep_best=True
        )
    assert (lora.r, lora.lora_alpha, lora.lora_dropout, lora.bias) == (8, 16, 0.05, "none")
    assert set(lora.target_modules) == {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"}
    assert (four.bnb_4bit_quant_type, four.bnb_4bit_use_double_quant, four.bnb_4bit_compute_dtype) == (
        "nf4",
        True,
        torch.float32,
    )
    assert (sft.learning_rate, sft.get_warmup_steps(1000), sft.lr_scheduler_type.value) == (2e-4, 30, "cosine")
    assert (sft.per_device_train_batch_size, sft.gradient_accumulation_steps, sft.gradient_checkpointing) == (
        4,
        4,
        True,
    )
    assert (sft.max_length, sft.packing, sft.bf16, sft.fp16, sft.logging_steps, sft.seed) == (
        None,
        False,
        False,
        False,
        10,
        5,
    )
    assert (sft.eval_steps, sft.save_steps, sft.metric_for_best_model) == (100, 100, "eval_domain_loss")
    assert (sft.report_to, sft.push_to_hub) == ([], False)


def test_short_runs_are_logged_more_often(tmp_path: Path) -> None:
    pytest.importorskip("trl")
    steps = {}
    for planned in (5, 60, 400):
        made = sft_config(
            configure(),
            tmp_path,
            precision="fp32",
            cpu=True,
            steps=planned,
            look_every=1,
            evaluate=False,
            keep_best=False,
        )
        steps[planned] = made.logging_steps
    assert steps == {5: 1, 60: 3, 400: 10}


def test_the_passes_of_a_step_follow_from_the_batch_and_the_devices() -> None:
    config = configure({"effective_batch_size": 48, "batch_size": 4})
    assert accumulation(config) == 12
    assert accumulation(config, processes=3) == 4


@pytest.mark.parametrize(("effective", "batch", "processes", "cure"), [(18, 4, 1, 16), (16, 4, 8, 32), (2, 4, 1, 4)])
def test_a_batch_that_does_not_divide_is_refused_with_one_that_does(
    effective: int, batch: int, processes: int, cure: int
) -> None:
    config = configure({"effective_batch_size": effective, "batch_size": batch})
    with pytest.raises(ConfigError, match=f"set effective_batch_size={cure}"):
        accumulation(config, processes)


@pytest.mark.parametrize(
    ("records", "rank", "epochs", "rate"), [(1_999, 16, 3.0, 2e-4), (2_000, 32, 2.0, 2e-4), (50_000, 64, 1.0, 1e-4)]
)
def test_the_preset_auto_goes_by_the_number_of_records(records: int, rank: int, epochs: float, rate: float) -> None:
    config = configure({"preset": "auto"}, records=records)
    assert (config.rank, config.alpha, config.epochs, config.learning_rate) == (rank, 2 * rank, epochs, rate)
    assert configure({"preset": "auto", "rank": 4}, records=records).rank == 4
