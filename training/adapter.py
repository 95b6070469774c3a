"""One training from run to adapter: encode, mix, fit, sample, describe. The composition, nothing clever."""

from __future__ import annotations

import hashlib
import time
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from peft import PeftModel
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from training.config import TINY, TrainConfig
from training.data import Run
from training.doctor import Finding, diagnose, facts, refuse, to_json
from training.encode import Encoding
from training.fit import Fit, fit
from training.flags import rates
from training.forget import Divergence, divergence, verdict
from training.memory import Shape, fitting_batch
from training.mix import Mixture
from training.model import Device, find_device, load_model, load_tokenizer, longest_input, resolve, shape_of
from training.notes import on_base, on_data, on_result, on_sources
from training.own import Own, own_records, write_own
from training.prepare import Plan, Prepared, mixed, plan
from training.preview import lengths, preview
from training.preview import to_json as to_plain
from training.progress import Progress
from training.quiet import versions
from training.sample import Diary, Sample, choose_prompts, sample, to_markdown, tokens_per_answer
from training.sources import Pool
from training.tiny import build_tiny
from training.workplace import last_checkpoint, same, step_of, strike


@dataclass(frozen=True, slots=True)
class Base:
    """The model to start from."""

    asked: str  # as the user said it
    source: str  # where it is loaded from now
    stays: str  # where it will be found later: the name in adapter_config.json

    @property
    def local(self) -> bool:
        """True for a folder, False for a name on the Hub."""
        return self.source != self.asked or Path(self.source).is_absolute()


def make_adapter(
    run: Run,
    model: str,
    pools: Sequence[Pool],
    config: TrainConfig,
    *,
    work: Path,
    target: Path,
    say: Progress,
) -> dict[str, Any]:
    """Train; write adapter and samples to ``adapter`` in `work`, which will be `target`; return training.json.

    Goes on from the last checkpoint in `work`, where there is one.
    """
    device = find_device(config)
    folder, resume = work / "adapter", last_checkpoint(work)
    base = _base(model, run, pools, config, folder=folder, target=target)
    shape = shape_of(base.source, config)
    config = _within_memory(config, shape)
    say.line(f"model {base.stays} · {device.name} · {device.precision}{' · 4-bit' if config.quantize else ''}")
    tokenizer = load_tokenizer(base.source, config)
    made = plan(run, pools, config, tokenizer, max_length=min(config.max_length, longest_input(base.source, config)))
    found = diagnose(config, facts(
        run, made.at_hand, config, train=made.train, tokenizer=tokenizer, shape=shape, out=target,
        built_in=base.asked == TINY,
    ))  # fmt: skip
    refuse(found, config, run=run.folder)
    for finding in found:
        if finding.level != "note":
            say.line(finding.line())
    loaded = load_model(base.source, config, device)
    own = _own(made, config, loaded, tokenizer, say=say)
    if own:
        write_own(folder / "general-self.jsonl", [record for one in own.values() for record in one.records])
    data = mixed(made, config, tokenizer, own)
    say.line(_mixture_line(data.mixture))
    settings = config.model_dump(mode="json", exclude={"accept", "general"})  # what general data gave is in the digest
    told = {"model": model, "base": _identity(base), "settings": settings, "data": _digest(data)}
    for words in same(work, told | {"versions": versions()}, resumed=resume is not None):
        say.line(f"note: {words}: the weights may differ in their last digits from those of an unbroken run")
    if resume is not None:
        say.line(f"goes on after step {step_of(resume)}")
    strike(folder / "samples.jsonl", after=step_of(resume) if resume else -1)
    prompts = choose_prompts(run.val or run.train, config.general_prompts, count=config.samples, seed=config.seed)
    asking: dict[str, Any] = {
        "system_prompt": config.system_prompt,
        "thinking": made.manner.thinking,
        "stop_ids": made.train.stop_ids,
        "most_tokens": config.sample_tokens,
    }
    diary = Diary(folder / "samples.jsonl", tokenizer, prompts, seed=config.seed, **asking)
    fitted = fit(
        loaded,
        tokenizer,
        data.mixture.records,
        data.held_out,
        config,
        device=device,
        work=work,
        say=say,
        resume=resume,
        at_evaluation=diary if prompts and config.sample_often else None,
    )
    started = time.monotonic()
    samples = sample(fitted.model, tokenizer, prompts, **asking)
    moved = {name: divergence(fitted.model, records) for name, records in data.held_out.items()}
    seconds = {"fit": round(fitted.seconds, 1), "samples": round(time.monotonic() - started, 1)}
    _save(fitted.model, tokenizer, base, config, folder)
    (folder / "samples.md").write_text(to_markdown(samples, title=f"Samples · {run.name}"), encoding="utf-8")
    described = _describe(run, base, config, device, data, fitted, samples, moved)
    resumed = step_of(resume) if resume else None
    return described | {"doctor": to_json(found), "seconds": seconds, "resumed_after": resumed}


def _within_memory(config: TrainConfig, shape: Shape) -> TrainConfig:
    """Lower the batch until the estimate fits `memory_gib`, where that is set; doctor refuses what cannot fit."""
    fits = fitting_batch(shape, config, gib=config.memory_gib) if config.memory_gib else None
    return config if fits is None else config.model_copy(update={"batch_size": fits})


def preview_run(
    run: Run, model: str, pools: Sequence[Pool], config: TrainConfig, *, count: int, folder: Path
) -> dict[str, Any]:
    """Return records of the mixture token by token, the lengths of all sets, and the mixture; nothing is loaded.

    `folder` may be written to and thrown away.
    """
    base = _base(model, run, pools, config, folder=folder, target=folder)
    tokenizer = load_tokenizer(base.source, config)
    longest = min(config.max_length, longest_input(base.source, config))
    made = plan(run, pools, config, tokenizer, max_length=longest)
    data = mixed(made, config, tokenizer, {})
    later = sum(made.counts.values())
    return {
        "records": to_plain(preview(data.mixture.records, tokenizer, count=count, seed=config.seed)),
        "lengths": lengths(dict(data.encodings)),
        "mixture": _mixture_line(data.mixture)
        + (f"; {later} more that the base model is to answer itself" if later else ""),
    }


def doctor(run: Run, model: str, pools: Sequence[Pool], config: TrainConfig, *, folder: Path) -> list[Finding]:
    """Say what is wrong with a training before it is begun; `folder` may be written to and thrown away."""
    base = _base(model, run, pools, config, folder=folder, target=folder)
    shape = shape_of(base.source, config)
    config = _within_memory(config, shape)
    tokenizer = load_tokenizer(base.source, config)
    longest = min(config.max_length, longest_input(base.source, config))
    made = plan(run, pools, config, tokenizer, max_length=longest)
    told = facts(
        run, made.at_hand, config, train=made.train, tokenizer=tokenizer, shape=shape, out=run.folder,
        built_in=model == TINY,
    )  # fmt: skip
    return diagnose(config, told)


def _base(model: str, run: Run, pools: Sequence[Pool], config: TrainConfig, *, folder: Path, target: Path) -> Base:
    if model != TINY:
        source = resolve(model)
        return Base(model, source, source)
    records = [*run.train, *(record for pool in pools for record in pool.records)]
    texts = [message.text for record in records for message in record.messages]
    build_tiny(texts, folder / "base", seed=config.seed)
    return Base(model, str(folder / "base"), str(target / "base"))


def _own(
    made: Plan, config: TrainConfig, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, *, say: Progress
) -> dict[str, Own]:
    """Let the base model answer the general questions of those sources that leave the answers to it."""
    manner = replace(made.manner, thinking=False if made.manner.thinking is not None else None)  # answers, not thoughts
    return {
        name: own_records(
            model,
            tokenizer,
            questions,
            count=made.counts[name],
            languages=made.languages,
            stop_ids=made.train.stop_ids,
            manner=manner,
            most_tokens=config.self_tokens,
            say=say.line,
        )
        for name, questions in made.questions.items()
        if made.counts[name]
    }


def _digest(data: Prepared) -> str:
    """Return a hash of every token and label that is trained on or measured by, in order."""
    digest = hashlib.sha256()
    for name, records in (("train", data.mixture.records), *sorted(data.held_out.items())):
        digest.update(f"{name} {len(records)}".encode())
        for record in records:
            digest.update(array("q", (len(record.input_ids), *record.input_ids, *record.labels)).tobytes())
    return digest.hexdigest()


def _identity(base: Base) -> dict[str, Any] | str:
    """Return what tells one local base model from another without reading gigabytes: its config, and sizes."""
    if not base.local:
        return base.source
    weights = sorted(path for path in Path(base.source).iterdir() if path.suffix in (".safetensors", ".bin"))
    config = hashlib.sha256((Path(base.source) / "config.json").read_bytes()).hexdigest()
    return {"config.json": config, **{path.name: path.stat().st_size for path in weights}}


def _save(model: PeftModel, tokenizer: PreTrainedTokenizerBase, base: Base, config: TrainConfig, folder: Path) -> None:
    """Save adapter and tokenizer; adapter_config.json names the base where it will be found later."""
    settings = model.peft_config["default"]
    settings.base_model_name_or_path = base.stays
    settings.revision = None if base.local else config.revision
    model.save_pretrained(folder, save_embedding_layers=False)  # "auto" would ask the Hub about the base
    tokenizer.save_pretrained(folder)


def _describe(
    run: Run,
    base: Base,
    config: TrainConfig,
    device: Device,
    data: Prepared,
    fitted: Fit,
    samples: Sequence[Sample],
    moved: Mapping[str, Divergence | None],
) -> dict[str, Any]:
    saved = fitted.best_step if fitted.best_step is not None else fitted.steps
    losses = _losses(fitted.history, saved, {name: len(records) for name, records in data.held_out.items()})
    forgetting = verdict(
        losses,
        moved.get("general"),
        config,
        share=data.mixture.share_records,
        steps=fitted.steps,
        best=fitted.best_step,
    )
    early = f"stopped early: no better validation loss in {config.patience} evaluations"
    return {
        "format": 1,
        "name": run.name,
        "run": str(run.folder.resolve()),
        "model": {
            "asked": base.asked,
            "base": base.stays,
            "local": base.local,
            "built_in": base.asked == TINY,
        },
        "config": config.model_dump(mode="json"),
        "device": {"kind": device.kind, "name": device.name, "precision": device.precision},
        "encoding": {name: _encoding(encoding) for name, encoding in data.encodings.items()},
        "mixture": {key: value for key, value in asdict(data.mixture).items() if key != "records"}
        | {"general_sources": list(data.sources)},
        "parameters": {
            "trainable": fitted.trainable,
            "total": fitted.parameters,
            "share": fitted.trainable / fitted.parameters,
        },
        "steps": {"planned": fitted.planned_steps, "done": fitted.steps, "saved": saved},
        "best_step": fitted.best_step,
        "stopped_early": fitted.stopped_early,
        "stop_reason": early if fitted.stopped_early else "all planned steps were made",
        "losses": losses,
        "divergence": {name: one and asdict(one) for name, one in moved.items()},
        "forgetting": forgetting,
        "answer_tokens": tokens_per_answer(samples),
        "flags": {name: rates([getattr(one, name).flags for one in samples]) for name in ("base", "tuned")},
        "history": fitted.history,
        "samples": [one.as_dict() for one in samples],
        "notes": [
            *on_base(built_in=base.asked == TINY),
            *on_data(data.encodings, data.mixture, validated=len(data.held_out["domain"])),
            *on_sources(data.sources),
            *on_result(losses, forgetting, samples),
        ],
        "versions": versions(),
    }


def _encoding(encoding: Encoding) -> dict[str, Any]:
    return {
        "given": encoding.given,
        "records": len(encoding.records),
        "too_long": encoding.too_long,
        "cut": encoding.cut,
        "split": encoding.split,
        "per_answer": encoding.per_answer,
        "reasoning": encoding.reasoning,
        "median_prompt": encoding.median_prompt,
        "median_answer": encoding.median_answer,
        "longest": encoding.longest,
        "max_length": encoding.max_length,
        "stop_ids": sorted(encoding.stop_ids),
    }


def _losses(history: Sequence[Mapping[str, float]], saved: int, records: Mapping[str, int]) -> dict[str, Any]:
    """For each held-out set: the base model's loss and that of the saved adapter."""
    rows = {int(row["step"]): row for row in history}
    losses = {}
    for name, count in records.items():
        key = f"eval_{name}_loss"
        if count and key in rows.get(saved, {}):
            losses[name] = {"records": count, "base": rows[0][key], "adapter": rows[saved][key]}
    return losses


def _mixture_line(mixture: Mixture) -> str:
    return (
        f"mixture: {mixture.domain} domain + {mixture.general} general records "
        f"({mixture.share_records:.1%} of records, {mixture.share_tokens:.1%} of tokens)"
    )
