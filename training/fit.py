"""The fit: TRL's SFTTrainer, two evaluation sets, early stopping on the domain's loss, the best adapter back."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from datasets import Dataset
from peft import PeftModel
from transformers import (
    EarlyStoppingCallback,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    PrinterCallback,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)
from trl import SFTTrainer

from training.config import TrainConfig, accumulation, lora_config, sft_config
from training.encode import Encoded
from training.errors import DeviceError, TrainingError
from training.model import Device, keep_4bit_trainable
from training.progress import Progress

Row = dict[str, float]  # step, and what was logged there: loss, learning_rate, grad_norm, eval_domain_loss …
DOMAIN = "eval_domain_loss"


@dataclass(frozen=True, slots=True)
class Fit:
    """What came out. Losses are means per trained token, averaged over batches, in nats."""

    model: PeftModel  # the peft model, with the best adapter when there was a validation set
    history: list[Row]  # by step; step 0 is the base model
    steps: int
    planned_steps: int
    best_step: int | None  # None without validation set: then the last step is what is saved
    stopped_early: bool
    trainable: int  # parameters
    parameters: int  # parameters in all, 4-bit ones counted as parameters and not as bytes
    seconds: float


def planned_steps(records: int, config: TrainConfig) -> int:
    """How many optimiser steps `config` makes of so many training records."""
    batches = math.ceil(records / config.batch_size)
    steps = math.ceil(config.epochs * math.ceil(batches / accumulation(config)))
    return max(1, min(steps, config.max_steps or steps))


def fit(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    train: Sequence[Encoded],
    held_out: Mapping[str, Sequence[Encoded]],
    config: TrainConfig,
    *,
    device: Device,
    folder: Path,
    say: Progress,
    at_evaluation: Callable[[PeftModel, int], None] | None = None,
) -> Fit:
    """Train a LoRA adapter on `train`; `held_out` may have sets named ``domain`` and ``general``.

    Checkpoints go to `folder`, which may be deleted afterwards. `at_evaluation` is given the model and the step at
    every evaluation, the base model at step 0 first.
    """
    started = time.monotonic()
    sets = {name: _dataset(records) for name, records in held_out.items() if records}
    steps = planned_steps(len(train), config)
    arguments = sft_config(
        config,
        folder,
        precision=device.precision,
        cpu=device.kind == "cpu",
        steps=steps,
        evaluate_every=math.ceil(steps / config.evaluations) if sets else None,
        keep_best="domain" in sets,
    )
    log = _Log(sets=set(sets), steps=steps, watch=say.row)
    patient = [_Patience(config.patience)] if "domain" in sets and config.patience else []
    trainer = SFTTrainer(
        model=model,
        args=arguments,
        train_dataset=_dataset(train),
        eval_dataset=sets or None,
        processing_class=tokenizer,
        peft_config=lora_config(config),
        callbacks=[log, *patient, *([_Once(at_evaluation)] if at_evaluation else [])],
    )
    trainer.remove_callback(PrinterCallback)  # prints every log line to stdout
    _keep_adapter_exact(trainer.model)
    keep_4bit_trainable(trainer.model)
    trainable, parameters = trainer.model.get_nb_trainable_parameters()
    say.line(f"trained: {trainable:,} of {parameters:,} parameters ({trainable / parameters:.2%})")
    try:
        if sets:
            trainer.evaluate()  # step 0: the base model, the adapter is still zero
        trainer.train()
    except torch.OutOfMemoryError:
        raise DeviceError(
            f"{device.name} ran out of memory; lower batch_size (effective_batch_size stays) or max_length"
        ) from None
    done = int(trainer.state.global_step)
    trainer.model.eval()
    return Fit(
        model=trainer.model,
        history=[log.rows[step] for step in sorted(log.rows)],
        steps=done,
        planned_steps=steps,
        best_step=_best(log.rows),
        stopped_early=done < steps,
        trainable=int(trainable),
        parameters=int(parameters),
        seconds=time.monotonic() - started,
    )


def _dataset(records: Sequence[Encoded]) -> Dataset:
    return Dataset.from_dict(
        {"input_ids": [list(r.input_ids) for r in records], "labels": [list(r.labels) for r in records]}
    )


def _keep_adapter_exact(model: PeftModel) -> None:
    """Put the adapter's weights back to 32 bits: TRL rounds them to bf16, where small updates are lost."""
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.float()


def _best(rows: Mapping[int, Row]) -> int | None:
    """The trained step with the lowest domain loss; the first of equals."""
    seen = [(row[DOMAIN], step) for step, row in rows.items() if step and DOMAIN in row]
    return min(seen)[1] if seen else None


class _Log(TrainerCallback):  # type: ignore[misc]
    """Keeps the history, reports it, and ends a training whose loss is no number any more."""

    def __init__(self, *, sets: set[str], steps: int, watch: Callable[[Row, int], None]) -> None:
        self.rows: dict[int, Row] = {}
        self._sets, self._steps, self._watch = sets, steps, watch

    def on_log(
        self,
        _args: TrainingArguments,
        state: TrainerState,
        _control: TrainerControl,
        logs: Mapping[str, float],
        **_: object,
    ) -> None:
        wanted = {"loss", "learning_rate", "grad_norm", *(f"eval_{name}_loss" for name in self._sets)}
        news = {key: float(value) for key, value in logs.items() if key in wanted}
        if not all(math.isfinite(news[key]) for key in news if key.endswith("loss")):
            raise TrainingError(
                f"the loss is no number any more at step {state.global_step}; "
                "lower learning_rate, or set precision to bf16 or fp32"
            )
        if not news:
            return
        row = self.rows.setdefault(int(state.global_step), {"step": int(state.global_step)})
        row.update(news)
        whole = all(f"eval_{name}_loss" in row for name in self._sets)  # one set is logged after the other
        if "loss" in news or whole:
            self._watch(dict(row), self._steps)


class _Patience(EarlyStoppingCallback):  # type: ignore[misc]
    """Early stopping that looks at the domain's loss only: it is called once for each evaluation set."""

    def on_evaluate(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        metrics: Mapping[str, float],
        **_: object,
    ) -> None:
        if DOMAIN in metrics and state.global_step:
            super().on_evaluate(args, state, control, metrics)


class _Once(TrainerCallback):  # type: ignore[misc]
    """Calls a function once for every evaluation: the Trainer tells of each evaluation set apart."""

    def __init__(self, call: Callable[[PeftModel, int], None]) -> None:
        self._call, self._seen = call, -1

    def on_evaluate(
        self,
        _args: TrainingArguments,
        state: TrainerState,
        _control: TrainerControl,
        model: PeftModel,
        **_: object,
    ) -> None:
        if state.global_step != self._seen:
            self._seen = int(state.global_step)
            self._call(model, self._seen)
