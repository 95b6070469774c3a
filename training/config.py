"""The training settings, where their defaults come from, and their translation to TRL, PEFT, bitsandbytes.

Renamed arguments of those libraries hit this file and no other. A setting's value comes from, weakest first:
the default here, the preset, the recipe's ``training`` part in the run's manifest, the command line.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from training.errors import ConfigError

if TYPE_CHECKING:
    import torch
    from peft import LoraConfig
    from transformers import BitsAndBytesConfig
    from trl import SFTConfig

Count = Annotated[int, Field(ge=1)]
Name = Annotated[str, Field(min_length=1)]

Tracker = Literal["tensorboard", "wandb", "swanlab", "trackio"]

PRESETS: dict[str, dict[str, Any]] = {
    "method": {},  # the defaults below: docs/method, after the QLoRA paper (arXiv 2305.14314)
    # By the number of training records. Rank grows with the data, and alpha is twice the rank; rates and batches as in
    # "LoRA Without Regret" (Schulman et al. 2025). Starting points, not measured by us.
    "small": {"rank": 16, "alpha": 32, "epochs": 3.0, "effective_batch_size": 16},
    "standard": {"rank": 32, "alpha": 64, "epochs": 2.0, "effective_batch_size": 16},
    "large": {
        "rank": 64,
        "alpha": 128,
        "epochs": 1.0,
        "effective_batch_size": 32,
        "learning_rate": 1e-4,
        "dropout": 0.0,
        "packing": True,
    },
    "24gb": {"memory_gib": 24.0},  # RTX 3090/4090: the method, with the batch that memory.py says will fit
    "full": {"method": "full", "quantize": False, "learning_rate": 1e-5},  # method: about 1e-5 for all weights
    # does it run at all? a few minutes on a GPU
    "smoke": {"rank": 8, "max_steps": 20, "evaluations": 2, "samples": 2, "sample_tokens": 48},
    # for the built-in model, which learns next to nothing in 90 steps at 2e-4: 7.55 to 7.17 (measured)
    "tiny": {"learning_rate": 5e-3},
}
AUTO = (("small", 2_000), ("standard", 50_000))  # preset `auto`: the first whose number is above that of the records
TINY = "tiny"  # the name of the built-in model
GENERAL_QUESTIONS = (  # nothing that a customer-service log answers: what the model must not forget
    "番茄炒蛋怎么做？",
    "用一句话解释为什么天空是蓝色的。",
    "How do I make tomato scrambled eggs?",
    "What is 17 times 6? Explain the steps.",
)
PROJECTIONS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


PACKAGED, SELF = "packaged", "self"  # the general set that is shipped; the base model's own answers


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


class Source(BaseModel):
    """Where general records come from.

    Written short: ``daily.jsonl``, ``packaged``, ``self``, ``self:daily.jsonl``, each with its weight: ``self=2``.
    A source whose `answers` are the model's own gives questions only: the base model answers them before training.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: Name = PACKAGED  # a file, or `packaged`
    answers: Literal["own", "self"] = "own"  # the file's own, or the base model's
    weight: float | None = Field(default=None, gt=0.0)  # part of the general records; without any: by size

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:  # noqa: ANN401  whatever stands in the recipe
        if not isinstance(value, str):
            return value
        name, _, number = value.rpartition("=")
        weighed = name and _is_number(number) and not Path(value).exists()
        short: dict[str, Any] = {"weight": number} if weighed else {}
        kind, _, rest = (name if weighed else value).partition(":")
        if kind == SELF:
            return short | {"answers": "self"} | ({"path": rest} if rest else {})
        return short | {"path": name if weighed else value}


class TrainConfig(BaseModel):
    """All settings of one training. Defaults are the method's unless the comment names another source."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    preset: Literal["method", "auto", "small", "standard", "large", "24gb", "full", "smoke", "tiny"] = "method"
    method: Literal["lora", "full"] = "lora"  # an adapter, or all weights (then quantize must be false)

    # base model
    quantize: bool = True  # 4-bit nf4 with double quantisation
    precision: Literal["auto", "bf16", "fp16", "fp32"] = "auto"  # auto: bf16, fp16 on older GPUs, fp32 on CPU
    gradient_checkpointing: bool = True
    attention: Literal["auto", "eager", "sdpa", "flash_attention_2", "flash_attention_3", "flex_attention"] = "auto"
    trust_remote_code: bool = False  # True runs Python that comes with the model
    revision: Name | None = None  # branch, tag or commit of a model on the Hub

    # LoRA
    rank: int = Field(default=64, ge=1, le=1024)  # r; try 8, 16, 32, 64; lower forgets less
    alpha: Count = 16  # scale is alpha / rank
    dropout: float = Field(default=0.05, ge=0.0, lt=1.0)
    target_modules: list[Name] = Field(default=list(PROJECTIONS), min_length=1)

    # optimisation
    learning_rate: float = Field(default=2e-4, gt=0.0, le=1e-2)  # LoRA: 1e-4 to 2e-4; 1e-4 above 13B
    epochs: float = Field(default=3.0, gt=0.0, le=100.0)
    max_steps: Count | None = None  # optimiser steps; wins over epochs when smaller
    effective_batch_size: Count = 16  # records per optimiser step, over all devices; method: 16 to 64
    batch_size: Count = 4  # records per device and forward pass; how many passes make a step follows from the two
    memory_gib: float | None = Field(default=None, gt=0.0)  # of the device: batch_size is lowered until it fits
    warmup: float = Field(default=0.03, ge=0.0, lt=1.0)  # share of all steps
    scheduler: Literal["cosine", "linear", "constant_with_warmup"] = "cosine"
    max_grad_norm: float = Field(default=1.0, gt=0.0)  # Trainer's default; the QLoRA paper has 0.3
    max_length: int = Field(default=1024, ge=16)  # tokens per record, prompt and answers
    packing: bool = False  # several records in a row; quality as without for 69,000 and more (arXiv 2410.08081)
    logging_steps: Count = 10  # fewer for runs under 200 steps, so that a curve has points
    seed: int = Field(default=42, ge=0, le=2**32 - 1)

    # what is learned from
    system_prompt: str | None = None  # for records that have no system turn, in training and in samples
    learn: Literal["all", "last"] = "all"  # every answer of a dialogue, or its last one only
    cot: Literal["learn", "mask"] = "learn"  # <think>…</think> before an answer: learned, or only read
    thinking: Literal["auto", "on", "off"] = "auto"  # enable_thinking of Qwen3's template; auto: on with reasoning
    long_records: Literal["split", "drop"] = "split"  # those above max_length; nothing is ever cut inside an answer
    general: list[Source] = Field(default=[Source()], min_length=1)
    general_share: float = Field(default=0.15, ge=0.0, le=0.9)  # of the whole mixture; method: 0.10 to 0.20
    max_repeats: int = Field(default=1, ge=1, le=10)  # how often one general record may be used
    general_holdout: float = Field(default=0.1, ge=0.0, le=0.5)  # of the general pool, at most 50: measures forgetting

    self_tokens: Count = 256  # most tokens of an answer of the base model's own (general: self)

    accept: list[Name] = []  # faults that `siftune doctor` calls errors, and that are meant to be: many-epochs, gate …

    # when to look, when to stop
    evaluations: Count = 10  # after step 0, evenly spread, the last one at the end
    patience: int = Field(default=3, ge=0)  # evaluations without a better validation loss; 0: never stop early
    samples: int = Field(default=4, ge=0, le=50)  # validation questions answered by base and tuned
    general_prompts: list[Name] = list(GENERAL_QUESTIONS)
    sample_tokens: Count = 128  # most tokens of a sampled answer
    report_to: Literal["auto", "none"] | list[Tracker] = "auto"  # auto: TensorBoard, where it is installed
    sample_often: bool = True  # also at every evaluation, to samples.jsonl; False: only at the end

    @field_validator("general", mode="before")
    @classmethod
    def _one_or_many(cls, value: Any) -> Any:  # noqa: ANN401  `general: self` is as good as a list of one
        return value if isinstance(value, list) else [value]


def configure(
    *settings: Mapping[str, Any], model: str = "", records: int = 0, place: str = "training settings"
) -> TrainConfig:
    """Return the settings of `settings`, later ones winning over earlier ones and over the preset.

    The built-in `model` ``tiny`` takes the preset of that name when none is asked for; preset ``auto`` goes by the
    number of training `records`. Raises ConfigError naming the field, what is wrong with it, and the cure.
    """
    merged: dict[str, Any] = {"preset": TINY} if model == TINY else {}
    for layer in settings:
        merged.update(layer)
    if isinstance(merged.get("report_to"), str) and merged["report_to"] not in ("auto", "none"):
        merged["report_to"] = [merged["report_to"]]
    if merged.get("method") == "full":
        merged.setdefault("preset", "full")
    name = str(merged.get("preset", "method"))
    if name == "auto":
        name = next((preset for preset, below in AUTO if records < below), "large")
    preset = PRESETS.get(name, {})
    try:
        config = TrainConfig.model_validate({**preset, **merged})
    except ValidationError as error:
        raise ConfigError(f"{place}: {'; '.join(_fault(dict(e)) for e in error.errors())}") from None
    if config.method == "full" and config.quantize:
        raise ConfigError(f"{place}: method=full trains all weights, which 4-bit weights cannot be; set quantize=false")
    return config


def trackers(config: TrainConfig) -> list[str]:
    """Return the trackers that get the losses. Raises ConfigError for one that was asked for and is not installed."""
    if config.report_to == "none":
        return []
    if config.report_to == "auto":
        return [name for name in ("tensorboard",) if find_spec(name)]
    missing = [name for name in config.report_to if not find_spec(name)]
    if missing:
        raise ConfigError(
            f"report_to: {', '.join(missing)} is not installed; install it: pip install {' '.join(missing)}, "
            "or set report_to=none"
        )
    return list(config.report_to)


def _fault(error: dict[str, Any]) -> str:
    """One pydantic error in words: field, fault, cure."""
    field = ".".join(str(part) for part in error["loc"])
    if error["type"] == "extra_forbidden":
        known = sorted(TrainConfig.model_fields)
        near = difflib.get_close_matches(field, known, n=1, cutoff=0.6)
        cure = f"did you mean '{near[0]}'?" if near else f"known: {', '.join(known)}"
        return f"there is no setting '{field}'; {cure}"
    top = TrainConfig.model_fields.get(field)
    default = "" if top is None else f"; the default is {top.default!r}"
    return f"'{field}' = {error['input']!r}: {error['msg'][0].lower()}{error['msg'][1:]}{default}"


def accumulation(config: TrainConfig, processes: int = 1) -> int:
    """Return how many forward passes make one optimiser step of `effective_batch_size` records.

    `processes`: how many devices train together. Raises ConfigError where the numbers do not divide.
    """
    at_once = config.batch_size * processes
    if config.effective_batch_size % at_once:
        devices = f" × {processes} devices" if processes > 1 else ""
        below = max(at_once, config.effective_batch_size // at_once * at_once)
        raise ConfigError(
            f"effective_batch_size {config.effective_batch_size} is not a multiple of batch_size "
            f"{config.batch_size}{devices}; set effective_batch_size={below}, or another batch_size"
        )
    return config.effective_batch_size // at_once


def lora_config(config: TrainConfig) -> LoraConfig:
    """Return the `peft.LoraConfig` of these settings: bias none, causal language model."""
    from peft import LoraConfig

    return LoraConfig(
        r=config.rank,
        lora_alpha=config.alpha,
        lora_dropout=config.dropout,
        target_modules=list(config.target_modules),
        bias="none",
        task_type="CAUSAL_LM",
    )


def quantization_config(dtype: torch.dtype) -> BitsAndBytesConfig:
    """Return the `transformers.BitsAndBytesConfig`: nf4, double quantisation, products in `dtype`."""
    from transformers import BitsAndBytesConfig

    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=dtype,
    )


def sft_config(
    config: TrainConfig,
    folder: Path,
    *,
    precision: str,
    cpu: bool,
    steps: int,
    look_every: int,
    evaluate: bool,
    keep_best: bool,
    batch: int | None = None,
    passes: int | None = None,
    row_length: int | None = None,
    checkpoints: bool = True,
) -> SFTConfig:
    """Return the `trl.SFTConfig` for `steps` optimiser steps, with checkpoints in `folder`.

    `look_every` is in optimiser steps: so often a checkpoint is written, which a broken-off training goes on from,
    and, with `evaluate`, the held-out sets are looked at. `keep_best` brings back the adapter with the lowest domain
    loss. `precision`: bf16, fp16 or fp32. `batch` rows per device and pass and `passes` per step come from packing.py,
    or from `config` alone; with `row_length` the rows are packed. Without `checkpoints` none is written.
    """
    from trl import SFTConfig

    looks: dict[str, Any] = {"eval_strategy": "no"}
    if evaluate:
        looks |= {"eval_strategy": "steps", "eval_steps": look_every}
    if evaluate and keep_best:
        looks |= {
            "load_best_model_at_end": True,
            "metric_for_best_model": "eval_domain_loss",
            "greater_is_better": False,
        }
    fields = SFTConfig.__dataclass_fields__
    checkpointing = "activation_checkpointing" if "activation_checkpointing" in fields else "gradient_checkpointing"
    return SFTConfig(
        output_dir=str(folder),
        max_steps=steps,
        per_device_train_batch_size=batch or config.batch_size,
        per_device_eval_batch_size=config.batch_size,
        gradient_accumulation_steps=passes or accumulation(config),
        learning_rate=config.learning_rate,
        lr_scheduler_type=config.scheduler,
        warmup_steps=config.warmup,  # below 1 it is a share (since transformers 5)
        max_grad_norm=config.max_grad_norm,
        optim="adamw_torch",
        bf16=precision == "bf16",
        fp16=precision == "fp16",
        use_cpu=cpu,
        max_length=row_length,  # encode.py has already cut at turn borders; TRL would cut off the end-of-turn token
        dataset_kwargs={"skip_prepare_dataset": True},  # records come with input_ids and labels
        packing=row_length is not None,
        packing_strategy="bfd",  # "wrapped" cuts records, and lets them see each other
        eval_packing=False,
        logging_steps=max(1, min(config.logging_steps, steps // 20)),
        logging_nan_inf_filter=False,
        save_strategy="steps" if checkpoints else "no",
        save_steps=look_every,
        save_total_limit=2,  # the newest and the best; with 1 the newest is deleted at the end of training
        seed=config.seed,
        data_seed=config.seed,
        dataloader_num_workers=0,
        report_to=trackers(config) or "none",
        ddp_timeout=7200,  # seconds: others wait so long while the first process answers sample questions
        disable_tqdm=True,
        **{checkpointing: config.gradient_checkpointing},  # renamed in transformers 5.18 to 5.23
        **looks,
    )
