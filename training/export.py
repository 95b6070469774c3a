"""Merges an adapter into its unquantised base, and proves on questions that the merged model says the same.

Never into 4-bit weights: rounding there costs more than the adapter changes (a logit error of 0.19 on a tiny model, on
top of the 0.11 of the quantisation). What is compared is the model as it lies on the disk, with base and adapter as
they are served side by side.
"""

from __future__ import annotations

import gc
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase

from training.config import GENERAL_QUESTIONS
from training.encode import render
from training.errors import ConfigError, ModelError, TrainingError
from training.memory import out_of_memory
from training.model import DTYPES, is_local
from training.progress import Progress
from training.serve import commands, modelfile, served_name

MOST_LOST = (
    0.25  # of what the adapter changes; a faithful merge loses under 0.01 in 32 bits (measured: docs/training.md)
)
NOTHING = 1e-5  # of the logits' range: less than this is no difference, whatever the adapter changes
FEW = 8  # questions compared; every token of them is


@dataclass(frozen=True, slots=True)
class Compared:
    """Merged against base with adapter, over all tokens of some questions. Logits as they are, before softmax."""

    tokens: int
    largest: float  # difference of two logits
    range: float  # of the logits, largest less smallest
    same_top: float  # share of places with the same most likely next token
    lost: float  # mean difference, as a part of the mean difference that the adapter makes to the base


def merge(
    adapter: Path,
    base: str,
    folder: Path,
    *,
    precision: Literal["bf16", "fp16", "fp32"],
    chats: Sequence[list[dict[str, str]]],
    stop_ids: Collection[int],
    thinking: bool | None,
    say: Progress,
) -> tuple[Compared, PreTrainedTokenizerBase, list[str]]:
    """Write the merged model to `folder`; return how far it is from base with adapter, its tokenizer, its stop tokens.

    `chats` end with a question. Raises TrainingError when the two differ too much: then `folder` is of no use.
    """
    tokenizer = AutoTokenizer.from_pretrained(adapter)
    dtype, place = DTYPES[precision], "cuda" if torch.cuda.is_available() else "cpu"
    model = PeftModel.from_pretrained(_load(base, dtype, place), adapter).eval()
    say.line(f"base {base} · {precision} on {place}")
    texts = [render(chat, tokenizer, ask=True, thinking=thinking) for chat in chats[:FEW]]
    with model.disable_adapter():
        untuned = _logits(model, tokenizer, texts)
    tuned = _logits(model, tokenizer, texts)
    merged = model.merge_and_unload(safe_merge=True)
    merged.generation_config.eos_token_id = stops = _stops(merged, tokenizer, stop_ids)
    merged.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    del model, merged
    gc.collect()
    compared = compare(_logits(_load(str(folder), dtype, place), tokenizer, texts), tuned, untuned)
    refuse(compared, precision)
    return compared, tokenizer, [str(tokenizer.convert_ids_to_tokens(stop)) for stop in stops]


def compare(merged: torch.Tensor, tuned: torch.Tensor, untuned: torch.Tensor) -> Compared:
    """Compare logits (tokens × vocabulary): of the merged model, of base with adapter, and of the base."""
    off, change = (merged - tuned).abs(), (untuned - tuned).abs()
    return Compared(
        tokens=int(tuned.shape[0]),
        largest=float(off.max()),
        range=float(tuned.max() - tuned.min()),
        same_top=float((merged.argmax(-1) == tuned.argmax(-1)).float().mean()),
        lost=float(off.mean() / change.mean().clamp(min=1e-12)),
    )


def refuse(compared: Compared, precision: str) -> None:
    """Raise TrainingError when the merged model is not what was trained."""
    if compared.lost > MOST_LOST and compared.largest > NOTHING * compared.range:
        cure = "" if precision == "fp32" else "; merge with --precision fp32, or serve base and adapter side by side"
        raise TrainingError(
            f"the merged model is not the trained one: {compared.lost:.0%} of what the adapter changes is lost "
            f"(at most {MOST_LOST:.0%}), logits differ by up to {compared.largest:.3g}{cure}"
        )


def _load(model: str, dtype: torch.dtype, place: str) -> PreTrainedModel:
    local = is_local(model)
    try:
        loaded = AutoModelForCausalLM.from_pretrained(
            model, dtype=dtype, device_map={"": place}, local_files_only=local
        )
    except Exception as error:
        if out_of_memory(error):
            raise ModelError(
                f"{model}: it does not fit into memory unquantised; export it on a larger machine"
            ) from None
        words = " ".join(str(error).split())[:160]
        raise ModelError(f"{model}: the base cannot be loaded ({words}); give its folder with --model") from error
    if getattr(loaded.config, "quantization_config", None):
        raise ConfigError(f"{model}: this base is quantised, and merging there is inexact; give the whole with --model")
    return loaded.eval()


def _logits(
    model: PeftModel | PreTrainedModel, tokenizer: PreTrainedTokenizerBase, texts: Sequence[str]
) -> torch.Tensor:
    """Return the logits at every token of `texts`, in 32 bits on the CPU: tokens × vocabulary."""
    found = []
    for text in texts:
        batch = tokenizer([text], add_special_tokens=False, return_tensors="pt")
        with torch.no_grad():
            found.append(model(input_ids=batch["input_ids"].to(model.device), use_cache=False).logits[0].float().cpu())
    return torch.cat(found)


def _stops(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, learned: Collection[int]) -> list[int]:
    """Every token that ends an answer; servers read them from generation_config.json."""
    own = model.generation_config.eos_token_id
    own = own if isinstance(own, list) else [own]
    return sorted({int(stop) for stop in (*learned, tokenizer.eos_token_id, *own) if stop is not None})


def export(
    adapter: Path,
    target: Path,
    folder: Path,
    told: Mapping[str, Any],
    *,
    base: str,
    precision: Literal["bf16", "fp16", "fp32"],
    say: Progress,
) -> dict[str, Any]:
    """Merge `adapter`, of which training.json says `told`, into `folder`, which will be `target`.

    Returns what export.json says: the comparison, and how to serve the model.
    """
    system = told["config"].get("system_prompt")
    opening = [{"role": "system", "content": system}] if system else []
    questions = [one["question"] for one in told["samples"]] or list(GENERAL_QUESTIONS)
    chats = [[*opening, {"role": "user", "content": question}] for question in questions]
    stop_ids, thinking = told["encoding"]["train"]["stop_ids"], told.get("thinking")
    compared, tokenizer, stops = merge(
        adapter, base, folder, precision=precision, chats=chats, stop_ids=stop_ids, thinking=thinking, say=say
    )
    text, notes = modelfile(tokenizer, stops, system_prompt=system, thinking=thinking)
    (folder / "Modelfile").write_text(text, encoding="utf-8")
    result = {
        "format": 1,
        "name": told["name"],
        "adapter": str(adapter.resolve()),
        "base": base,
        "precision": precision,
        "compared": asdict(compared),
        "stops": stops,
        "commands": commands(served_name(told["name"]), whole=target, adapter=adapter.resolve(), base=base,
                             rank=told["config"]["rank"]),
        "notes": notes,
    }  # fmt: skip
    written = json.dumps(result, ensure_ascii=False, indent=1, allow_nan=False)
    (folder / "export.json").write_text(written + "\n", encoding="utf-8")
    return result


def prepare_whole(folder: Path, told: Mapping[str, Any]) -> dict[str, Any]:
    """Write the Modelfile of a model whose weights were all trained into its own `folder`; say how to serve it."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    ids = {*told["encoding"]["train"]["stop_ids"], tokenizer.eos_token_id}
    stops = [str(tokenizer.convert_ids_to_tokens(stop)) for stop in sorted(ids)]
    system = told["config"].get("system_prompt")
    text, notes = modelfile(tokenizer, stops, system_prompt=system, thinking=told.get("thinking"))
    (folder / "Modelfile").write_text(text, encoding="utf-8")
    whole = folder.resolve()
    lines = commands(served_name(told["name"]), whole=whole, adapter=None, base=told["model"]["base"], rank=0)
    return {"format": 1, "name": told["name"], "compared": None, "stops": stops, "commands": lines, "notes": notes}
