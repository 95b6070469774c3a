"""Loads the base model and its tokenizer, in 4 bits or not, and mends what the libraries get wrong."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from training.config import TrainConfig, quantization_config
from training.errors import DeviceError, ModelError
from training.memory import Shape, out_of_memory
from training.together import local_rank, processes

DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16, "fp32": torch.float32}
TOKENIZERS = (
    "tokenizer.json",
    "tokenizer.model",
    "vocab.json",
    "vocab.txt",
    "spiece.model",
)  # a folder has one of them
PADS = ("<|finetune_right_pad_id|>", "<pad>", "[PAD]")  # made for it, but not always named: the first is Llama 3.1's


@dataclass(frozen=True, slots=True)
class Device:
    """Where training runs and in what precision it computes."""

    kind: str  # cuda or cpu
    name: str
    precision: str  # bf16, fp16 or fp32
    processes: int = 1  # that train together
    index: int = 0  # of the GPU

    @property
    def dtype(self) -> torch.dtype:
        """The torch type of `precision`."""
        return DTYPES[self.precision]


def find_device(config: TrainConfig) -> Device:
    """Return this process's GPU, else the CPU; raises DeviceError where several GPUs leave a choice."""
    gpus, together = torch.cuda.device_count(), processes()
    if gpus > 1 and together == 1:
        raise DeviceError(
            f"{gpus} GPUs are visible and one is used; choose it: CUDA_VISIBLE_DEVICES=0 siftune train …, "
            f"or use all: torchrun --nproc_per_node {gpus} -m training …"
        )
    index = local_rank() if together > 1 else 0
    if gpus and index >= gpus:
        raise DeviceError(f"process {index} of this machine has no GPU ({gpus} are visible); start {gpus} processes")
    if gpus and together > 1:
        torch.cuda.set_device(index)
    kind = "cuda" if gpus else "cpu"
    able = ("bf16" if torch.cuda.is_bf16_supported() else "fp16") if gpus else "fp32"
    precision = able if config.precision == "auto" else config.precision
    if precision == "fp16" and not gpus:
        raise DeviceError("fp16 training needs a GPU; set precision to fp32 or bf16")
    return Device(kind, torch.cuda.get_device_name(index) if gpus else "CPU", precision, together, index)


def is_local(model: str) -> bool:
    """True when `model` exists or is written like a path, False for a name on the Hub."""
    return model.startswith((".", "/", "~")) or Path(model).exists()


def resolve(model: str) -> str:
    """Return the absolute path of a local model, or the Hub name as it is; ModelError for a missing path."""
    if not is_local(model):
        return model
    path = Path(model).expanduser().resolve()
    if not (path / "config.json").is_file():
        raise ModelError(
            f"{path}: there is no model here (no config.json); give the folder of a model, or its Hub name"
        )
    return str(path)


def load_tokenizer(model: str, config: TrainConfig) -> PreTrainedTokenizerBase:
    """Load the fast tokenizer.

    Without a pad token it gets one of PADS, else eos: the labels go by place, so an answer's eos is learned even then.
    """
    if is_local(model) and not any((Path(model) / name).is_file() for name in TOKENIZERS):
        raise ModelError(
            f"{model}: there is no tokenizer in this folder; copy tokenizer*.json of the same model into it"
        )
    try:
        tokenizer = AutoTokenizer.from_pretrained(model, **_source(model, config))
    except Exception as error:
        raise _cannot_load(model, error) from error
    if not tokenizer.is_fast:
        raise ModelError(
            f"{model}: its tokenizer gives no character offsets (it is no fast tokenizer); use another model"
        )
    if not tokenizer.chat_template:
        raise ModelError(f"{model}: it has no chat template; take the '-Instruct' or '-Chat' version of the model")
    if tokenizer.pad_token is None:
        if tokenizer.eos_token is None:
            raise ModelError(f"{model}: its tokenizer has neither pad nor end-of-text token; use another model")
        vocabulary = tokenizer.get_vocab()
        tokenizer.pad_token = next((pad for pad in PADS if pad in vocabulary), tokenizer.eos_token)
    return tokenizer


def longest_input(model: str, config: TrainConfig) -> int:
    """Return how many tokens the model can read at once."""
    try:
        shape = AutoConfig.from_pretrained(model, **_source(model, config))
    except Exception as error:
        raise _cannot_load(model, error) from error
    return int(getattr(shape.get_text_config(), "max_position_embeddings", None) or config.max_length)


def load_model(model: str, config: TrainConfig, device: Device, *, trained: bool = True) -> PreTrainedModel:
    """Load the base model onto `device`: in 4 bits with `config.quantize`, else in its precision.

    With method ``full`` the model that is `trained` is in 32 bits.

    `prepare_model_for_kbit_training` is left out on purpose: TRL does its part, the rest casts needlessly.
    """
    extra: dict[str, Any] = {"quantization_config": quantization_config(device.dtype)} if config.quantize else {}
    if config.attention != "auto":
        extra["attn_implementation"] = config.attention
    whole = config.method == "full" and trained  # 32 bits, or small updates are lost; products are in its precision
    try:
        loaded = AutoModelForCausalLM.from_pretrained(
            model,
            dtype=torch.float32 if whole else device.dtype,
            device_map={"": device.index if device.kind == "cuda" else "cpu"},
            **extra,
            **_source(model, config),
        )
    except Exception as error:
        if out_of_memory(error):
            cure = "take a smaller one" if config.quantize else "take a smaller one, or set quantize=true"
            raise DeviceError(f"{model}: the model does not fit on {device.name}; {cure}") from None
        raise _cannot_load(model, error) from error
    keep_4bit_trainable(loaded)
    return loaded


def keep_4bit_trainable(model: PreTrainedModel) -> int:
    """Stop bitsandbytes from repacking 4-bit weights for inference on CPU; returns how many layers were told.

    On CPUs with AVX512-BF16 a forward in eval mode repacks the weights into a layout that has no gradient,
    and nothing packs them back: after the first evaluation, training fails or, worse, goes on with wrong
    gradients (bitsandbytes 0.50.2, docs/log.md). GPUs never take that branch.
    """
    if find_spec("bitsandbytes") is None:
        return 0
    from bitsandbytes.nn import Linear4bit

    layers = [module for module in model.modules() if isinstance(module, Linear4bit)]
    for layer in layers:
        layer.support_avx512bf16_for_cpu = False
    return len(layers)


def _source(model: str, config: TrainConfig) -> dict[str, Any]:
    """Where to load from: a path never touches the network."""
    local = is_local(model)
    return {
        "trust_remote_code": config.trust_remote_code,
        "local_files_only": local,
        **({} if local else {"revision": config.revision or "main"}),
    }


def _cannot_load(model: str, error: Exception) -> ModelError:
    """One line for what `from_pretrained` may raise: gated, remote code, network, missing, broken."""
    text = " ".join(str(error).split())
    known = {
        "gated": "it is gated; accept its licence on huggingface.co and log in with `hf auth login`",
        "trust_remote_code": "it brings its own Python code; set trust_remote_code=true if you trust it",
        "couldn't connect": "huggingface.co cannot be reached; download it elsewhere and give the folder",
        "not a valid model identifier": "huggingface.co has no such model; check the name, or give a folder",
        "Repository Not Found": "huggingface.co has no such model; check the name, or give a folder",
    }
    for sign, cure in known.items():
        if sign.lower() in text.lower():
            return ModelError(f"{model}: {cure}")
    return ModelError(
        f"{model}: the model cannot be loaded ({type(error).__name__}: {text[:160]}); try another copy of it"
    )


def shape_of(model: str, config: TrainConfig) -> Shape:
    """Return the shape of a model from its config alone: its layers are made without memory and counted."""
    try:
        told = AutoConfig.from_pretrained(model, **_source(model, config))
        with torch.device("meta"):
            bare = AutoModelForCausalLM.from_config(told, trust_remote_code=config.trust_remote_code)
    except Exception as error:
        raise _cannot_load(model, error) from error
    text = told.get_text_config()
    linear = {
        name: module
        for name, module in bare.named_modules()
        if isinstance(module, torch.nn.Linear) and not name.endswith("lm_head")
    }
    counted = sum(module.weight.numel() for module in linear.values())
    adapted = [m for name, m in linear.items() if name.rsplit(".", 1)[-1] in config.target_modules]
    return Shape(
        linear=counted,
        other=sum(parameter.numel() for parameter in bare.parameters()) - counted,
        adapted=sum(module.in_features + module.out_features for module in adapted),
        largest=max((module.weight.numel() for module in linear.values()), default=0),
        layers=int(text.num_hidden_layers),
        hidden=int(text.hidden_size),
        intermediate=int(getattr(text, "intermediate_size", None) or 4 * text.hidden_size),
        vocabulary=int(text.vocab_size),
        unmatched=tuple(t for t in config.target_modules if not any(name.endswith(f".{t}") for name in linear)),
    )


def gpus() -> int:
    """Return how many GPUs this process sees."""
    return int(torch.cuda.device_count())


def gpu_gib() -> float | None:
    """Return the memory of the smallest GPU in GiB; None where there is none."""
    sizes = [torch.cuda.get_device_properties(i).total_memory for i in range(gpus())]
    return min(sizes) / 1024**3 if sizes else None


def cpu_repacks() -> bool:
    """Tell whether bitsandbytes would repack 4-bit weights on this CPU (AVX512-BF16); see keep_4bit_trainable."""
    try:
        return "avx512_bf16" in Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace")
    except OSError:
        return False


@contextmanager
def as_base(model: PeftModel | PreTrainedModel, base: PreTrainedModel | None) -> Iterator[PeftModel | PreTrainedModel]:
    """Yield the model as it was before training: `base` where all weights were trained, else without its adapter."""
    if base is not None:
        yield base
        return
    with model.disable_adapter():
        yield model
