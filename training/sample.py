"""What the model really says: fixed questions, answered by the base and by the tuned model, side by side."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from random import Random
from typing import Any

import torch
from peft import PeftModel
from transformers import GenerationConfig, PreTrainedModel, PreTrainedTokenizerBase

from training.data import Message, Record
from training.encode import render, to_chat
from training.flags import flags
from training.model import as_base

BATCH = 8  # questions answered at a time


@dataclass(frozen=True, slots=True)
class Prompt:
    """A question for both models. `reference` is the record's own answer, where there is one."""

    kind: str  # domain or general
    messages: tuple[Message, ...]
    reference: str | None


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model said. `stopped`: it ended by itself, before the most tokens allowed."""

    text: str
    tokens: int
    stopped: bool
    flags: tuple[str, ...] = ()  # what is plainly wrong with it: flags.py


@dataclass(frozen=True, slots=True)
class Sample:
    """One question with both answers."""

    kind: str
    question: str
    reference: str | None
    base: Answer
    tuned: Answer

    def as_dict(self) -> dict[str, Any]:
        """Return it as it stands in training.json."""
        return {**asdict(self), "base": _plain(self.base), "tuned": _plain(self.tuned)}


def choose_prompts(records: Sequence[Record], general: Sequence[str], *, count: int, seed: int) -> list[Prompt]:
    """Return the first questions of `count` records chosen by `seed`, then the `general` questions."""
    chosen = Random(seed).sample(list(records), min(count, len(records)))
    prompts = []
    for record in chosen:
        place = next(n for n, message in enumerate(record.messages) if message.role == "assistant")
        prompts.append(Prompt("domain", record.messages[:place], record.messages[place].text))
    return prompts + [Prompt("general", (Message("user", text),), None) for text in general]


def sample(
    model: PeftModel | PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    prompts: Sequence[Prompt],
    *,
    system_prompt: str | None,
    stop_ids: Collection[int],
    most_tokens: int,
    thinking: bool | None = None,
    base: PreTrainedModel | None = None,
) -> list[Sample]:
    """Answer `prompts` greedily before and after: `base`, or `model` with its adapter switched off, then `model`."""
    chats = [to_chat(prompt.messages, system_prompt=system_prompt) for prompt in prompts]
    how: dict[str, Any] = {"stop_ids": stop_ids, "most_tokens": most_tokens, "thinking": thinking}
    with as_base(model, base) as untuned:
        untouched = answer(untuned, tokenizer, chats, **how)
    tuned = answer(model, tokenizer, chats, **how)
    return [
        Sample(prompt.kind, prompt.messages[-1].text, prompt.reference, flagged(prompt, before), flagged(prompt, after))
        for prompt, before, after in zip(prompts, untouched, tuned, strict=True)
    ]


def flagged(prompt: Prompt, said: Answer) -> Answer:
    """Return the answer with what is plainly wrong with it."""
    return replace(said, flags=tuple(flags(prompt.messages[-1].text, said.text, stopped=said.stopped)))


def _plain(said: Answer) -> dict[str, Any]:
    return {**asdict(said), "flags": list(said.flags)}


def tokens_per_answer(samples: Sequence[Sample]) -> dict[str, float]:
    """Return the mean length of the answers of base and tuned model, in tokens; empty without samples."""
    if not samples:
        return {}
    return {name: sum(getattr(one, name).tokens for one in samples) / len(samples) for name in ("base", "tuned")}


class Diary:
    """Writes what the model says at every evaluation to samples.jsonl: the same questions, greedy and once sampled.

    A row: step, how (greedy or sampled), kind, question, text, tokens, stopped, flags. Step 0 is the base model.
    """

    def __init__(
        self,
        path: Path,
        tokenizer: PreTrainedTokenizerBase,
        prompts: Sequence[Prompt],
        *,
        system_prompt: str | None,
        stop_ids: Collection[int],
        most_tokens: int,
        seed: int,
        thinking: bool | None = None,
    ) -> None:
        """`path` is appended to; the other arguments are those of `sample`."""
        self._path, self._tokenizer, self._prompts, self._seed = path, tokenizer, prompts, seed
        self._chats = [to_chat(prompt.messages, system_prompt=system_prompt) for prompt in prompts]
        self._limits: dict[str, Any] = {"stop_ids": stop_ids, "most_tokens": most_tokens, "thinking": thinking}

    def __call__(self, model: PeftModel, step: int) -> None:
        """Ask the model as it is at `step`."""
        with self._path.open("a", encoding="utf-8", newline="\n") as file:
            for how, seed in (("greedy", None), ("sampled", self._seed + step)):
                answers = answer(model, self._tokenizer, self._chats, seed=seed, **self._limits)
                for prompt, said in zip(self._prompts, answers, strict=True):
                    row = {"step": step, "how": how, "kind": prompt.kind, "question": prompt.messages[-1].text}
                    file.write(json.dumps(row | _plain(flagged(prompt, said)), ensure_ascii=False) + "\n")


def answer(
    model: PeftModel | PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    chats: Sequence[list[dict[str, str]]],
    *,
    stop_ids: Collection[int],
    most_tokens: int,
    seed: int | None = None,
    thinking: bool | None = None,
) -> list[Answer]:
    """Return the model's answers to `chats`, at most `most_tokens` tokens each: greedy, or sampled by `seed`.

    It stops at any of `stop_ids` (what trained answers end with), the tokenizer's end-of-text token, and the
    end tokens of the model's own generation settings. `thinking` is for templates that know it.
    """
    stops = stop_tokens(model, tokenizer, stop_ids)
    # Sampled at temperature 0.7 and top-p 0.9: common chat settings, so that one sees what users would.
    how = {"do_sample": False} if seed is None else {"do_sample": True, "temperature": 0.7, "top_p": 0.9, "top_k": 0}
    settings = GenerationConfig(
        **how,
        max_new_tokens=most_tokens,
        eos_token_id=sorted(stops),
        pad_token_id=tokenizer.pad_token_id,
    )
    was_training, side = model.training, tokenizer.padding_side
    model.eval()
    tokenizer.padding_side = "left"
    devices = [model.device] if model.device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices, enabled=seed is not None), contextlib.ExitStack() as after:
        after.callback(_restore, model, tokenizer, training=was_training, side=side)
        if seed is not None:
            torch.manual_seed(seed)
        answers: list[Answer] = []
        for first in range(0, len(chats), BATCH):
            texts = [render(chat, tokenizer, ask=True, thinking=thinking) for chat in chats[first : first + BATCH]]
            batch = tokenizer(texts, add_special_tokens=False, padding=True, return_tensors="pt")
            inputs = {key: batch[key].to(model.device) for key in ("input_ids", "attention_mask")}
            with torch.no_grad():
                out = model.generate(**inputs, generation_config=settings, use_cache=True)
            answers += [_read(row, tokenizer, stops) for row in out[:, inputs["input_ids"].shape[1] :].tolist()]
    return answers


def _restore(
    model: PeftModel | PreTrainedModel, tokenizer: PreTrainedTokenizerBase, *, training: bool, side: str
) -> None:
    tokenizer.padding_side = side
    model.train(training)


def stop_tokens(
    model: PeftModel | PreTrainedModel, tokenizer: PreTrainedTokenizerBase, learned: Collection[int]
) -> set[int]:
    """Return every token that ends an answer: learned ones, the tokenizer's, and the model's own."""
    own = model.generation_config.eos_token_id
    own = own if isinstance(own, list) else [own]
    return {token for token in (*learned, tokenizer.eos_token_id, *own) if token is not None}


def _read(ids: list[int], tokenizer: PreTrainedTokenizerBase, stops: set[int]) -> Answer:
    end = next((place for place, token in enumerate(ids) if token in stops), len(ids))
    text = tokenizer.decode(ids[:end], skip_special_tokens=True).strip()
    return Answer(text, end, end < len(ids))


def to_markdown(samples: Sequence[Sample], *, title: str) -> str:
    """Return the samples as Markdown; every text stands in a fence that it cannot close."""
    lines = [
        f"# {title}",
        "",
        "Greedy answers: *base* is the model before training, *tuned* the same model with this adapter.",
        "Read the domain questions for what was learned, the general ones for what was forgotten.",
        "",
    ]
    for number, one in enumerate(samples, 1):
        lines += [f"## {number} · {one.kind} question", "", *_fenced(one.question)]
        if one.reference is not None:
            lines += ["", "**reference** (the record's own answer)", "", *_fenced(one.reference)]
        for name, said in (("base", one.base), ("tuned", one.tuned)):
            end = "stopped by itself" if said.stopped else "cut off, did not stop by itself"
            faults = [name for name in said.flags if name != "no-stop"]
            end += f"; look: {', '.join(faults)}" if faults else ""
            lines += ["", f"**{name}** ({said.tokens} tokens, {end})", "", *_fenced(said.text or "(nothing)")]
        lines.append("")
    return "\n".join(lines)


def _fenced(text: str) -> list[str]:
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return [f"{fence}text", text, fence]
