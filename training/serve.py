"""How a model is served: Ollama's Modelfile, vLLM's command lines, llama.cpp's converter.

Ollama does not read a model's chat template, it has a language of its own. So a template of ours is written only where
it is proved to put a chat into the very words that the model was trained on: each family has its Ollama template and
the same in Python, and the Python one must render what the model's own template renders.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from training.encode import render

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

LORA_RANKS = (8, 16, 32, 64, 128, 256, 320, 512)  # what vLLM's --max-lora-rank takes
MARK = "\u2047"
TURNS = (("user", f"{MARK}1"), ("assistant", f"{MARK}2"), ("user", f"{MARK}3"))


@dataclass(frozen=True, slots=True)
class Family:
    """Templates that many models share. A turn is `head`, its text, `tail`; `head` has the role in it."""

    name: str
    head: str
    tail: str

    def turn(self, role: str, text: str) -> str:
        """Return one turn as the model reads it."""
        return f"{self.head.format(role=role)}{text}{self.tail}"

    def chat(self, system: str | None, turns: Sequence[tuple[str, str]]) -> str:
        """Return a chat up to where the next answer begins."""
        opening = [] if system is None else [self.turn("system", system)]
        return "".join([*opening, *(self.turn(*turn) for turn in turns), self.head.format(role="assistant")])

    def ollama(self, begun: str) -> str:
        """Return the same in Ollama's language (Go's text/template): BOS is left to the runner, which adds it.

        `begun`: what stands at the beginning of every answer, such as Qwen 3's empty thought.
        """
        system, turn = self.turn("system", "{{ .System }}"), self.turn("{{ .Role }}", "{{ .Content }}")
        return (
            "{{- if .System }}" + system + "{{ end }}"
            '{{- range .Messages }}{{- if ne .Role "system" }}' + turn + "{{ end }}{{- end }}"
            + self.head.format(role="assistant") + begun
        )  # fmt: skip


FAMILIES = (
    Family("ChatML (Qwen)", "<|im_start|>{role}\n", "<|im_end|>\n"),
    Family("Llama 3", "<|start_header_id|>{role}<|end_header_id|>\n\n", "<|eot_id|>"),
)


def family_of(
    tokenizer: PreTrainedTokenizerBase, system_prompt: str | None, *, thinking: bool | None = None
) -> tuple[Family, str | None, str] | None:
    """Return the family whose words the tokenizer's template uses, its system prompt, and what begins an answer.

    The system prompt may be longer than `system_prompt`, or be there without one: Qwen 2.5 and Llama 3.1 put in their
    own. None where no family renders a chat of several turns to the same characters.
    """
    opening = [{"role": "system", "content": system_prompt}] if system_prompt else []
    told = [{"role": role, "content": text} for role, text in TURNS]
    text = render([*opening, *told], tokenizer, ask=True, thinking=thinking).removeprefix(tokenizer.bos_token or "")
    for family in FAMILIES:
        rest = family.chat(None, TURNS)
        before, found, begun = text.partition(rest)
        if not found:
            continue
        head, tail = family.head.format(role="system"), family.tail
        system = before.removeprefix(head).removesuffix(tail) if before else None
        if family.chat(system, TURNS) + begun == text:
            return family, system, begun
    return None


def modelfile(
    tokenizer: PreTrainedTokenizerBase,
    stops: Collection[str],
    *,
    system_prompt: str | None,
    thinking: bool | None = None,
) -> tuple[str, list[str]]:
    """Return Ollama's Modelfile for the model in its own folder, and what is to be known of it."""
    lines, notes = ["# ollama create NAME -f Modelfile", "FROM ."], []
    found = family_of(tokenizer, system_prompt, thinking=thinking)
    if found is None:
        notes.append("Ollama: siftune has no template for this model's chats; write TEMPLATE in the Modelfile yourself")
    else:
        family, system, begun = found
        lines.append(f'TEMPLATE """{family.ollama(begun)}"""')
        if system and '"""' in system:
            notes.append(
                'Ollama: the system prompt holds """ and cannot stand in the Modelfile; give it with each chat'
            )
        elif system:
            lines.append(f'SYSTEM """{system}"""')
    lines += [f'PARAMETER stop "{stop}"' for stop in sorted(stops)]
    return "\n".join(lines) + "\n", notes


def served_name(name: str) -> str:
    """Return a name that Ollama and vLLM take: small letters, digits, dots and dashes."""
    plain = re.sub(r"[^a-z0-9.-]+", "-", name.lower()).strip("-.")
    return plain or "siftune"


def commands(
    name: str, *, whole: Path, adapter: Path | None, base: str, rank: int, quote: Callable[[str], str] = shlex.quote
) -> dict[str, str]:
    """Return the command lines that serve the model in `whole`, or its `base` with the `adapter` beside it."""
    folder = quote(str(whole))
    told = {
        "ollama": f"ollama create {quote(name)} -f {quote(str(whole / 'Modelfile'))}",
        "vllm": f"vllm serve {folder} --served-model-name {quote(name)}",
        "gguf": f"python llama.cpp/convert_hf_to_gguf.py {folder} --outfile {quote(name + '.gguf')} --outtype bf16",
    }
    if adapter is not None:
        most = next((size for size in LORA_RANKS if size >= rank), rank)
        told["vllm-lora"] = (
            f"vllm serve {quote(base)} --enable-lora --max-lora-rank {most} --lora-modules "
            f"{quote(f'{name}={adapter}')} --chat-template {quote(str(adapter / 'chat_template.jinja'))}"
        )
    return told
