"""The fit: TRL's SFTTrainer, two evaluation sets, early stopping on the domain's loss, the best adapter back."""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from peft import PeftModel
from transformers import (
    PreTrainedModel,
    PreTrainedTokenizerBase,
    PrinterCallback,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)
from trl import SFTTrainer

from training.config import TrainConfig, accumulation, lora_config, sft_config, trackers
from training.encode import Encoded
from training.errors import DeviceError, TrainingError
from training.memory import less_memory, out_of_memory
from training.model import Device, keep_4bit_trainable
from training.packing import arrange, keep_apart
from training.progress import Progress
from training.together import first, from_first, wait
from training.workplace import CHECKPOINTS, HISTORY, STATE, read_history, step_of

Row = dict[str, float]  # step, and what was logged there: loss, learning_rate, grad_norm, eval_domain_loss …
DOMAIN = "eval_domain_loss"


@dataclass(frozen=True, slots=True)
class Fit:
    """What came out. Losses are means per trained token, averaged over batches, in nats."""

    model: PeftModel | PreTrainedModel  # with the best adapter, or weights, when there was a validation set
    history: list[Row]  # by step; step 0 is the base model
    steps: int
    planned_steps: int
    best_step: int | None  # None without validation set: then the last step is what is saved
    stopped_early: bool
    trainable: int  # parameters
    parameters: int  # parameters in all, 4-bit ones counted as parameters and not as bytes
    seconds: float
    packing: dict[str, Any] | None = None  # packing.Layout.described


def planned_steps(records: int, config: TrainConfig, *, per_epoch: int | None = None) -> int:
    """How many optimiser steps `config` makes of so many training records, or of so many steps `per_epoch`."""
    if per_epoch is None:
        per_epoch = math.ceil(math.ceil(records / config.batch_size) / accumulation(config))
    steps = math.ceil(config.epochs * per_epoch)
    return max(1, min(steps, config.max_steps or steps))


def fit(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    train: Sequence[Encoded],
    held_out: Mapping[str, Sequence[Encoded]],
    config: TrainConfig,
    *,
    device: Device,
    work: Path,
    say: Progress,
    resume: Path | None = None,
    at_evaluation: Callable[[PeftModel, int], None] | None = None,
    checkpoints: bool = True,
) -> Fit:
    """Train a LoRA adapter, or all weights, on `train`; `held_out` may have sets named ``domain`` and ``general``.

    The history goes to `work`, and, with `checkpoints`, what can be gone on from. `resume`: the checkpoint to go on
    from. `at_evaluation` is given the model and the step at every evaluation, the base model at step 0 first.
    """
    started = time.monotonic()
    sets = {name: _dataset(records) for name, records in held_out.items() if records}
    rows_of_training, layout = arrange(train, config, processes=device.processes)
    steps = planned_steps(len(train), config, per_epoch=layout.steps_per_epoch)
    if "tensorboard" in trackers(config):
        os.environ["TENSORBOARD_LOGGING_DIR"] = str(work / "adapter" / "tensorboard")
    arguments = sft_config(
        config,
        work / CHECKPOINTS,
        precision=device.precision,
        cpu=device.kind == "cpu",
        steps=steps,
        look_every=math.ceil(steps / config.evaluations),
        evaluate=bool(sets),
        keep_best="domain" in sets and checkpoints,
        batch=layout.batch,
        passes=layout.accumulation,
        row_length=layout.length,
        checkpoints=checkpoints,
    )
    rows = from_first(lambda: read_history(work, until=step_of(resume) if resume else -1))
    log = _Log(rows, sets=set(sets), steps=steps, watch=say.row, path=work / HISTORY if first() else None)
    patient = [_Patience(rows, config.patience)] if "domain" in sets and config.patience else []
    trainer = SFTTrainer(
        model=model,
        args=arguments,
        train_dataset=rows_of_training,
        eval_dataset=sets or None,
        processing_class=tokenizer,
        peft_config=lora_config(config) if config.method == "lora" else None,
        callbacks=[log, *patient, *([_Once(at_evaluation)] if at_evaluation else [])],
    )
    trainer.remove_callback(PrinterCallback)  # prints every log line to stdout
    _keep_adapter_exact(trainer.model)
    keep_4bit_trainable(trainer.model)
    if layout.length is not None:
        keep_apart(trainer.model, trainer.data_collator)
        say.line(f"packed: {layout.records} records in {layout.rows} rows of at most {layout.length} tokens")
    trainable, parameters = count_parameters(trainer.model)
    say.line(f"trained: {trainable:,} of {parameters:,} parameters ({trainable / parameters:.2%})")
    try:
        if sets and not all(f"eval_{name}_loss" in rows.get(0, {}) for name in sets):
            trainer.evaluate()  # step 0: the base model, the adapter is still zero
        done = _train(trainer, resume, steps=steps, stop=any(one.stops for one in patient))
    except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
        if not out_of_memory(error):
            raise
        raise DeviceError(f"{device.name} ran out of memory while training; {less_memory(config)}") from None
    trainer.model.eval()
    return Fit(
        model=trainer.model,
        history=[rows[step] for step in sorted(rows)],
        steps=done,
        planned_steps=steps,
        best_step=_best(rows),
        stopped_early=done < steps,
        trainable=int(trainable),
        parameters=int(parameters),
        seconds=time.monotonic() - started,
        packing=layout.described(),
    )


def count_parameters(model: PreTrainedModel | PeftModel) -> tuple[int, int]:
    """Return how many parameters are trained, and how many there are; 4-bit ones count as parameters, not as bytes."""
    if isinstance(model, PeftModel):
        trainable, parameters = model.get_nb_trainable_parameters()
        return int(trainable), int(parameters)
    sizes = [(parameter.numel(), parameter.requires_grad) for parameter in model.parameters()]
    return sum(size for size, trained in sizes if trained), sum(size for size, _ in sizes)


def _train(trainer: SFTTrainer, resume: Path | None, *, steps: int, stop: bool) -> int:
    """Train, from `resume` on where it is given; return the last step.

    `stop`: it had stopped early already. Then, as after all `steps`, nothing is left to do but to bring back the best
    adapter; the Trainer would make one more step first.
    """
    if resume is None:
        trainer.train()
        return int(trainer.state.global_step)
    if first():
        _find_best_again(resume)
    wait()
    if not stop and step_of(resume) < steps:
        trainer.train(resume_from_checkpoint=str(resume))
        return int(trainer.state.global_step)
    best = json.loads((resume / STATE).read_text(encoding="utf-8"))["best_model_checkpoint"]
    trainer._load_from_checkpoint(best or str(resume))
    return step_of(resume)


def _find_best_again(resume: Path) -> None:
    """Let a checkpoint name the best one where it is now: the Trainer wrote where it was, and ignores it elsewhere."""
    path = resume / STATE
    state = json.loads(path.read_text(encoding="utf-8"))
    if state.get("best_model_checkpoint"):
        moved = str(resume.parent / Path(state["best_model_checkpoint"]).name)
        if moved != state["best_model_checkpoint"]:
            new = path.with_suffix(".new")
            new.write_text(json.dumps(state | {"best_model_checkpoint": moved}), encoding="utf-8")
            new.replace(path)


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

    def __init__(
        self, rows: dict[int, Row], *, sets: set[str], steps: int, watch: Callable[[Row, int], None], path: Path | None
    ) -> None:
        """`rows`: what is known already, added to here and in `path`, which the first process alone has."""
        self.rows, self._path = rows, path
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
        news: Row = {"step": int(state.global_step)}
        news |= {key: float(value) for key, value in logs.items() if key in wanted}
        if not all(math.isfinite(news[key]) for key in news if key.endswith("loss")):
            raise TrainingError(
                f"the loss is no number any more at step {state.global_step}; "
                "lower learning_rate, or set precision to bf16 or fp32"
            )
        if len(news) == 1:
            return
        row = self.rows.setdefault(int(state.global_step), {})
        row.update(news)
        if self._path is not None:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(news) + "\n")
        whole = all(f"eval_{name}_loss" in row for name in self._sets)  # one set is logged after the other
        if "loss" in news or whole:
            self._watch(dict(row), self._steps)


class _Patience(TrainerCallback):  # type: ignore[misc]
    """Stops when the domain's loss has not got better for so many evaluations.

    It reads the history, so it knows after a resumption what it knew before; the library's own callback starts to
    count anew, and warns at every evaluation of another set.
    """

    def __init__(self, rows: Mapping[int, Row], patience: int) -> None:
        self._rows, self._patience = rows, patience

    @property
    def stops(self) -> bool:
        """True when it is enough."""
        seen = [step for step, row in self._rows.items() if step and DOMAIN in row]
        best = _best(self._rows)
        return best is not None and sum(step > best for step in seen) >= self._patience

    def on_evaluate(
        self,
        _args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        metrics: Mapping[str, float],
        **_: object,
    ) -> None:
        if DOMAIN in metrics and state.global_step and self.stops:
            control.should_training_stop = True


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
