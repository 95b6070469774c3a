"""One training from run to adapter: encode, mix, fit, sample, describe. The composition, nothing clever."""

from __future__ import annotations

import hashlib
import time
from array import array
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from peft import PeftModel
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from training.config import TINY, TrainConfig
from training.data import Run
from training.describe import Base, describe
from training.doctor import Finding, diagnose, facts, refuse, to_json
from training.fit import fit
from training.forget import divergence
from training.memory import Shape, fitting_batch
from training.mix import Mixture
from training.model import find_device, load_model, load_tokenizer, longest_input, resolve, shape_of
from training.own import Own, own_records, write_own
from training.prepare import Plan, Prepared, mixed, plan
from training.preview import lengths, preview
from training.preview import to_json as to_plain
from training.progress import Progress
from training.quiet import versions
from training.sample import Diary, choose_prompts, sample, to_markdown
from training.sources import Pool
from training.tiny import build_tiny
from training.together import agree, first, from_first, join, leave, wait
from training.workplace import last_checkpoint, same, step_of, strike


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
    join(cpu=device.kind == "cpu")
    folder, resume = work / "adapter", from_first(lambda: last_checkpoint(work))
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
    own = from_first(lambda: _own(made, config, loaded, tokenizer, say=say))
    if own and first():
        write_own(folder / "general-self.jsonl", [record for one in own.values() for record in one.records])
    data = mixed(made, config, tokenizer, own)
    say.line(_mixture_line(data.mixture))
    settings = config.model_dump(mode="json", exclude={"accept", "general"})  # what general data gave is in the digest
    told = {
        "model": model,
        "base": _identity(base),
        "settings": settings,
        "data": _digest(data),
        "processes": device.processes,
    }
    agree(_digest(data), "data")
    for words in from_first(lambda: same(work, told | {"versions": versions()}, resumed=resume is not None)):
        say.line(f"note: {words}: the weights may differ in their last digits from those of an unbroken run")
    if resume is not None:
        say.line(f"goes on after step {step_of(resume)}")
    if first():
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
        at_evaluation=diary if prompts and config.sample_often and first() else None,
    )
    leave()
    if not first():
        return {}
    started = time.monotonic()
    untuned = load_model(base.source, config, device, trained=False) if config.method == "full" else None
    samples = sample(fitted.model, tokenizer, prompts, base=untuned, **asking)
    moved = {name: divergence(fitted.model, records, base=untuned) for name, records in data.held_out.items()}
    seconds = {"fit": round(fitted.seconds, 1), "samples": round(time.monotonic() - started, 1)}
    if isinstance(fitted.model, PeftModel):
        _save(fitted.model, tokenizer, base, config, folder)
    else:
        fitted.model.to(device.dtype).save_pretrained(folder)
        tokenizer.save_pretrained(folder)
    (folder / "samples.md").write_text(to_markdown(samples, title=f"Samples · {run.name}"), encoding="utf-8")
    described = describe(run, base, config, device, data, fitted, samples, moved)
    resumed = step_of(resume) if resume else None
    return described | {
        "doctor": to_json(found),
        "seconds": seconds,
        "resumed_after": resumed,
        "thinking": made.manner.thinking,
    }


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
    if first():
        build_tiny(texts, folder / "base", seed=config.seed)
    wait()
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


def _mixture_line(mixture: Mixture) -> str:
    return (
        f"mixture: {mixture.domain} domain + {mixture.general} general records "
        f"({mixture.share_records:.1%} of records, {mixture.share_tokens:.1%} of tokens)"
    )
