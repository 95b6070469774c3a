"""What is wrong, or likely to go wrong, with a training: settings, data, model and machine held against each other.

`diagnose` is pure: settings and `Facts` in, findings out. `facts` looks at the run, the tokenizer and the machine;
it loads no model. A finding says fault, reason, where the reason comes from, and the cure. Those at level `error`
stop a training unless the recipe accepts them by name: ``training: {accept: [many-epochs]}``.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from training.config import TrainConfig
from training.errors import ConfigError, GateError
from training.memory import GIB, Shape, disk_need, estimate, fitting_batch

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from training.data import Run
    from training.encode import Encoding

_MARK = re.compile(
    r"<\|[^|<>\s]{1,40}\|>|</?s>|<(?:start|end)_of_turn>"
)  # how models write what opens and closes a turn

Level = Literal["error", "warning", "note"]

LORA_RATE = (5e-5, 5e-4)
FULL_RATE = 2e-5
FEW_VALIDATION = 50  # records: below, one odd answer moves the loss more than an evaluation's progress
MOST_WITHOUT_LAUNCHER = 1

SOURCES = {
    "lora": "LoRA Without Regret (Schulman et al. 2025); TRL's lora_without_regret guide",
    "full": "the method trains all weights at about 1e-5; TRL's default is 2e-5",
    "sharded": "siftune's own tests: two processes with DDP; nothing that shards a model was at hand",
    "epochs": "1 to 3 epochs: the method, and Unsloth's guide; more show up as models that repeat for ever",
    "share": "Qwen3 on MedMCQA without general data lost almost all maths and ARC (Google, vertex-ai-samples); "
    "the method mixes in 10 to 20 %",
    "cut": "hiyouga/LLaMA-Factory#5145, the most frequent complaint: a record without its end never learns to stop",
    "template": "seen with Qwen3: <think> parts of earlier turns are dropped when the next turn is rendered",
    "system": "Qwen2.5's template puts in a system prompt of its own where a chat has none",
    "foreign": "hiyouga/LLaMA-Factory#6736: Llama 3's template on Qwen2.5",
    "pad": "seen with Llama: a mask by pad token hides the end-of-text token from the loss",
    "rank": "arXiv 2405.09673: LoRA learns less and forgets less with a lower rank",
    "cpu": "bitsandbytes 0.50.2 repacks 4-bit weights on CPUs with AVX512-BF16; see docs/log.md",
    "fsdp": "bitsandbytes#1945, huggingface/accelerate#3983: wrong forward or loss 0 with packed 4-bit weights",
    "memory": "an estimate: training/memory.py",
    "patience": "one evaluation's noise is about the loss's spread over the square root of the records",
    "answers": "arXiv 2401.13586: completion-only loss is safe for medium and long answers",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to know before training."""

    level: Level
    name: str  # the fault in a word, to accept it by
    fault: str
    reason: str
    source: str
    cure: str

    def line(self) -> str:
        """Return it on one line."""
        return f"doctor: {self.fault}: {self.reason}; {self.cure} [{self.name}]"


@dataclass(frozen=True, slots=True)
class Facts:
    """What there is to train on and with. None: not known, and nothing is said of it."""

    train: int  # records
    validation: int
    general: int  # records of general data at hand
    gate_failed: bool = False
    too_long: int = 0  # training records of which nothing fits into max_length
    cut: int = 0  # records that lose answers, for not even the question before them fits
    split: int = 0  # records that are too long and become several
    per_answer: int = 0  # records that the template forces apart, one per answer
    answer_tokens: float | None = None  # median
    prompt_tokens: float | None = None
    default_system: bool | None = None  # the template puts in a system prompt of its own
    has_system: bool | None = None  # the records, or the settings, have one
    pad_is_eos: bool | None = None
    foreign: tuple[str, ...] = ()  # marks of the template that are no tokens of the tokenizer
    shape: Shape | None = None
    gpus: int = 0
    gpu_gib: float | None = None
    processes: int = 1
    fsdp: int | None = None  # version of FSDP that the launcher asks for
    sharded: str | None = None  # FSDP or DeepSpeed, where the launcher asks for it
    disk_gib: float = 2.0  # that checkpoints and adapter need
    repacks: bool = False  # a CPU on which bitsandbytes repacks
    free_gib: float | None = None
    built_in: bool = False  # the tiny model, of which nothing is expected


def diagnose(config: TrainConfig, facts: Facts) -> list[Finding]:
    """Return what is wrong, errors first, in the order of the checks."""
    found = [*_settings(config, facts), *_data(config, facts), *_model(config, facts), *_machine(config, facts)]
    order = ("error", "warning", "note")
    return sorted(found, key=lambda finding: order.index(finding.level))


def _settings(config: TrainConfig, facts: Facts) -> Iterator[Finding]:
    if facts.built_in:
        return
    low, high = LORA_RATE
    if config.method == "full":
        yield from _full_rate(config)
    elif not low <= config.learning_rate <= high:
        side = "below" if config.learning_rate < low else "above"
        reason = "an adapter hardly moves" if side == "below" else "the loss tends to jump or diverge"
        yield Finding(
            "warning", "learning-rate", f"learning_rate {config.learning_rate:g} is {side} {low:g} to {high:g}",
            f"{reason} at that rate", SOURCES["lora"], "set learning_rate to 1e-4 or 2e-4",
        )  # fmt: skip
    if config.epochs > 3 and not config.max_steps:
        level: Level = "error" if config.epochs > 5 else "warning"
        yield Finding(
            level, "many-epochs", f"{config.epochs:g} epochs",
            "a small set is learned by heart, and the model repeats it", SOURCES["epochs"], "set epochs to 1, 2 or 3",
        )  # fmt: skip
    if not 8 <= config.effective_batch_size <= 64:
        yield Finding(
            "warning", "batch", f"effective_batch_size is {config.effective_batch_size}",
            "below 8 steps are noisy, above 64 a few thousand records give too few steps", SOURCES["lora"],
            "set effective_batch_size between 16 and 64",
        )  # fmt: skip
    if config.method == "lora" and config.rank >= 64 and facts.train < 500:
        yield Finding(
            "note", "rank", f"rank {config.rank} for {facts.train} records",
            "so few records need no such capacity, and what is not needed forgets", SOURCES["rank"],
            "try rank 16 (preset small)",
        )  # fmt: skip
    yield from _share(config, facts)


def _full_rate(config: TrainConfig) -> Iterator[Finding]:
    if config.learning_rate > FULL_RATE:
        yield Finding(
            "warning", "learning-rate",
            f"learning_rate {config.learning_rate:g} is above {FULL_RATE:g} for all weights",
            "all weights move at once, and what the model knew is overwritten", SOURCES["full"],
            "set learning_rate to 1e-5 (preset full)",
        )  # fmt: skip


def _share(config: TrainConfig, facts: Facts) -> Iterator[Finding]:
    share = config.general_share
    if share == 0:
        yield Finding(
            "warning", "no-general-data", "general_share is 0", "the model forgets what it knew", SOURCES["share"],
            "set general_share to 0.15",
        )  # fmt: skip
    elif share < 0.1 or share > 0.5:
        side, reason = ("below 0.1", "little protects what the model knew")
        if share > 0.5:
            side, reason = "above 0.5", "your own data is the smaller part"
        yield Finding(
            "warning", "general-share", f"general_share {share:g} is {side}", reason, SOURCES["share"],
            "set general_share between 0.10 and 0.20",
        )  # fmt: skip
    wanted = round(share / (1 - share) * facts.train)
    if share and facts.general * config.max_repeats < wanted:
        yield Finding(
            "warning", "too-little-general-data",
            f"{facts.general} general records are at hand and {wanted} are wanted",
            "the mixture stays below the share asked for", SOURCES["share"],
            "give more with --general, raise max_repeats, or lower general_share",
        )  # fmt: skip


def _data(config: TrainConfig, facts: Facts) -> Iterator[Finding]:
    if facts.gate_failed:
        yield Finding(
            "error", "gate", "the quality gate failed", "the set is not what the recipe asks for",
            "the run's report.json", "look at its report, mend the rules or the log, and curate again",
        )  # fmt: skip
    if facts.too_long or facts.cut or facts.split:
        level: Level = "warning" if facts.too_long + facts.cut > 0.01 * facts.train else "note"
        yield Finding(
            level, "too-long",
            f"of {facts.train} records {facts.too_long} do not fit into {config.max_length} tokens, "
            f"{facts.cut} lose answers, and {facts.split} become several",
            "no answer is cut inside: it is learned whole with its end, or left out", SOURCES["cut"],
            "raise max_length",
        )  # fmt: skip
    if config.patience and 0 < facts.validation < FEW_VALIDATION:
        yield Finding(
            "warning", "few-validation", f"{facts.validation} validation records decide when to stop",
            "with so few the loss jumps by chance", SOURCES["patience"],
            f"raise split.val_share, so that there are {FEW_VALIDATION} or more",
        )  # fmt: skip
    if config.patience and not facts.validation:
        yield Finding(
            "warning", "no-validation", "there is no validation record", "nothing tells when to stop",
            SOURCES["patience"], "set split.val_share in the recipe and curate again",
        )  # fmt: skip
    if facts.answer_tokens and facts.prompt_tokens and facts.answer_tokens < facts.prompt_tokens / 3:
        yield Finding(
            "note", "short-answers",
            f"answers have {facts.answer_tokens:g} tokens and prompts {facts.prompt_tokens:g} (medians)",
            "the loss falls on answers only, so little of the set is learned from", SOURCES["answers"],
            "curate for more complete answers",
        )  # fmt: skip


def _model(config: TrainConfig, facts: Facts) -> Iterator[Finding]:
    if facts.per_answer:
        yield Finding(
            "note", "template", f"the template does not keep prefixes: {facts.per_answer} dialogues are split",
            "each answer is trained in a record of its own, in the form that it has while it is the latest",
            SOURCES["template"], "nothing to do; a training takes longer",
        )  # fmt: skip
    if facts.foreign:
        yield Finding(
            "error", "foreign-template",
            f"the chat template writes {', '.join(facts.foreign)}, which this tokenizer does not know",
            "they would be learned letter by letter, and no answer would learn to stop", SOURCES["foreign"],
            "take chat_template.jinja from the model's own folder",
        )  # fmt: skip
    if facts.default_system and facts.has_system is False:
        yield Finding(
            "warning", "system-prompt", "the model's template puts in a system prompt of its own",
            "the model learns to be your agent under that name, and only under it", SOURCES["system"],
            "set system_prompt in the recipe's training part, and use the same when you serve the model",
        )  # fmt: skip
    if facts.pad_is_eos:
        yield Finding(
            "note", "pad-token", "the pad token is the end-of-text token",
            "the end of an answer is learned all the same: labels are set by place, not by token", SOURCES["pad"],
            "nothing to do",
        )  # fmt: skip
    if config.method == "lora" and facts.shape is not None and facts.shape.unmatched:
        yield Finding(
            "error", "target-modules", f"the model has no layer named {', '.join(facts.shape.unmatched)}",
            "an adapter that is not there learns nothing", "the model's own layers",
            "name the model's linear layers in target_modules",
        )  # fmt: skip


def _machine(config: TrainConfig, facts: Facts) -> Iterator[Finding]:
    if facts.gpus > MOST_WITHOUT_LAUNCHER and facts.processes == 1:
        yield Finding(
            "error", "no-launcher", f"{facts.gpus} GPUs are visible to one process",
            "TRL does not split a batch over GPUs without a launcher", "trl: no nn.DataParallel",
            "choose one (CUDA_VISIBLE_DEVICES=0 siftune train …) or start one process for each (accelerate launch)",
        )  # fmt: skip
    if facts.fsdp == 2 and config.quantize:
        yield Finding(
            "error", "fsdp2-4bit", "FSDP2 with 4-bit weights", "the packed weights are changed on the way",
            SOURCES["fsdp"], "use DDP or ZeRO-3, or quantize=false",
        )  # fmt: skip
    if facts.sharded and not (facts.fsdp == 2 and config.quantize):
        yield Finding(
            "error", "sharded", f"{facts.sharded} is asked for", "training was proved with DDP only",
            SOURCES["sharded"],
            "start it with torchrun, or accelerate's multi-GPU setting: each device then holds the whole model",
        )  # fmt: skip
    if facts.repacks and config.quantize and not facts.gpus:
        yield Finding(
            "note", "4-bit-cpu", "4-bit training on this CPU",
            "bitsandbytes would repack the weights at the first evaluation; siftune switches that off", SOURCES["cpu"],
            "nothing to do; 4-bit saves no time on a CPU, quantize=false is faster",
        )  # fmt: skip
    if facts.shape is not None and facts.gpu_gib is not None:
        yield from _memory(config, facts.shape, facts.gpu_gib)
    if facts.free_gib is not None and facts.free_gib < facts.disk_gib:
        yield Finding(
            "error", "no-space", f"{facts.free_gib:.1f} GiB are free where the adapter goes",
            f"checkpoints and adapter need about {facts.disk_gib:.0f} GiB",
            "shutil.disk_usage", "free some space, or give another --out",
        )  # fmt: skip


def _memory(config: TrainConfig, shape: Shape, gib: float) -> Iterator[Finding]:
    need = estimate(shape, config, batch=config.batch_size).total / GIB
    if need <= 0.94 * gib:
        return
    fits = fitting_batch(shape, config, gib=gib)
    cure = f"set batch_size={fits}" if fits else "lower max_length, set quantize=true, or take a smaller model"
    yield Finding(
        "error" if fits is None else "warning", "memory",
        f"about {need:.1f} GiB are needed and the device has {gib:.1f}", "it would run out of memory",
        SOURCES["memory"], cure,
    )  # fmt: skip


def refuse(findings: Sequence[Finding], config: TrainConfig, *, run: Path) -> None:
    """Raise ConfigError, or GateError, for the first error that the settings do not accept by its name."""
    errors = [f for f in findings if f.level == "error" and f.name not in config.accept]
    if errors:
        first, more = errors[0], len(errors) - 1
        rest = f" (and {more} more: see `siftune doctor`)" if more else ""
        cure = f"{first.cure}, or, if it is meant, training: {{accept: [{first.name}]}}"
        kind = GateError if first.name == "gate" else ConfigError
        raise kind(f"{run}: {first.fault}: {first.reason}; {cure}{rest}")


def to_json(findings: Sequence[Finding]) -> list[dict[str, Any]]:
    """Return the findings as plain values."""
    return [asdict(finding) for finding in findings]


def facts(
    run: Run,
    general: int,
    config: TrainConfig,
    *,
    train: Encoding,
    tokenizer: PreTrainedTokenizerBase,
    shape: Shape | None,
    out: Path,
    built_in: bool,
) -> Facts:
    """Gather the facts; `train` is the encoded training set, `general` the number of general records at hand."""
    from training.model import cpu_repacks, gpu_gib, gpus

    place = next(folder for folder in (out, *out.absolute().parents) if folder.exists())
    return Facts(
        train=len(run.train),
        validation=len(run.val),
        general=general,
        gate_failed=run.gate == "fail",
        too_long=train.too_long,
        cut=train.cut,
        split=train.split,
        per_answer=train.per_answer,
        answer_tokens=train.median_answer,
        prompt_tokens=train.median_prompt,
        default_system=default_system(tokenizer),
        has_system=bool(config.system_prompt) or any(r.messages[0].role == "system" for r in run.train),
        pad_is_eos=tokenizer.pad_token_id == tokenizer.eos_token_id,
        foreign=foreign_marks(tokenizer),
        shape=shape,
        gpus=gpus(),
        gpu_gib=config.memory_gib or gpu_gib(),
        processes=int(os.environ.get("WORLD_SIZE", "1")),
        fsdp=_fsdp(),
        sharded=_sharded(),
        disk_gib=max(2.0, disk_need(shape, config) / GIB) if shape else 2.0,
        repacks=cpu_repacks(),
        free_gib=shutil.disk_usage(place).free / GIB,
        built_in=built_in,
    )


def default_system(tokenizer: PreTrainedTokenizerBase) -> bool:
    """Tell whether the chat template says something of its own before the first turn of a chat without system turn."""
    from training.encode import render

    mark = "\u2047question\u2047"
    before = render([{"role": "user", "content": mark}], tokenizer, ask=False).split(mark)[0]
    for token in sorted({*tokenizer.all_special_tokens, *tokenizer.get_added_vocab()}, key=len, reverse=True):
        before = before.replace(token, " ")
    return len(re.findall(r"[A-Za-z]+|[\u4e00-\u9fff]", before)) > 4


def foreign_marks(tokenizer: PreTrainedTokenizerBase) -> tuple[str, ...]:
    """Return the marks that the chat template writes and the tokenizer has no token for: it is another model's."""
    from training.encode import render

    chat = [{"role": "user", "content": "question"}, {"role": "assistant", "content": "answer"}]
    written = dict.fromkeys(_MARK.findall(render(chat, tokenizer, ask=False)))
    return tuple(mark for mark in written if mark not in tokenizer.get_vocab())


def _fsdp() -> int | None:
    """Return the version of FSDP that accelerate's launcher set, if any."""
    if os.environ.get("ACCELERATE_USE_FSDP", "").lower() not in ("1", "true"):
        return None
    return int(os.environ.get("FSDP_VERSION", "1"))


def _sharded() -> str | None:
    """Return what accelerate's launcher was told to shard the model with, if anything."""
    for name, variable in (("FSDP", "ACCELERATE_USE_FSDP"), ("DeepSpeed", "ACCELERATE_USE_DEEPSPEED")):
        if os.environ.get(variable, "").lower() in ("1", "true"):
            return name
    return None
