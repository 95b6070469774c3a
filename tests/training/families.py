"""Tiny tokenizers and models of the families that the method names, made on the spot: nothing is downloaded.

Special tokens, roles and shapes are those of the families. The chat templates are written here from their documented
forms, and say what matters to training: headers, default system prompts, thoughts, and what closes a turn.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any


def _chatml(default_system: str) -> str:
    return (
        "{% if messages[0].role != 'system' %}{{ '<|im_start|>system\\n"
        + default_system
        + "<|im_end|>\\n' }}{% endif %}"
        "{% for m in messages %}{{ '<|im_start|>' + m.role + '\\n' + m.content + '<|im_end|>\\n' }}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
    )


QWEN3 = (  # thoughts stay only behind the latest question; enable_thinking=false closes them before they begin
    "{%- set ns = namespace(asked=0) %}"
    "{%- for m in messages %}{%- if m.role == 'user' %}{%- set ns.asked = loop.index0 %}{%- endif %}{%- endfor %}"
    "{%- for m in messages %}"
    "{%- if m.role == 'assistant' %}"
    "{%- set said = m.content.split('</think>')[-1].lstrip('\\n') %}"
    "{%- set thought = '' %}{%- if '</think>' in m.content %}"
    "{%- set thought = m.content.split('</think>')[0].split('<think>')[-1].strip('\\n') %}{%- endif %}"
    "{{- '<|im_start|>assistant\\n' }}"
    "{%- if loop.index0 > ns.asked and (loop.last or thought) %}"
    "{{- '<think>\\n' + thought + '\\n</think>\\n\\n' }}{%- endif %}"
    "{{- said + '<|im_end|>\\n' }}"
    "{%- else %}{{- '<|im_start|>' + m.role + '\\n' + m.content + '<|im_end|>\\n' }}{%- endif %}"
    "{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}"
    "{%- if enable_thinking is defined and enable_thinking is false %}{{- '<think>\\n\\n</think>\\n\\n' }}{%- endif %}"
    "{%- endif %}"
)
LLAMA2 = (  # the system prompt stands inside the first question
    "{% set ns = namespace(system='') %}"
    "{% for m in messages %}"
    "{% if m.role == 'system' %}{% set ns.system = '<<SYS>>\\n' + m.content + '\\n<</SYS>>\\n\\n' %}"
    "{% elif m.role == 'user' %}{{ bos_token + '[INST] ' + ns.system + m.content.strip() + ' [/INST]' }}"
    "{% set ns.system = '' %}"
    "{% else %}{{ ' ' + m.content.strip() + ' ' + eos_token }}{% endif %}"
    "{% endfor %}"
)
LLAMA3 = (
    "{{- bos_token }}"
    "{%- for m in messages %}"
    "{{- '<|start_header_id|>' + m.role + '<|end_header_id|>\\n\\n' + m.content | trim + '<|eot_id|>' }}"
    "{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{%- endif %}"
)


@dataclass(frozen=True, slots=True)
class Family:
    """What a family's tokenizer and model are made of."""

    template: str
    special: tuple[str, ...]  # in the order of their ids
    eos: str
    pad: str | None
    bos: str | None = None
    added: tuple[str, ...] = ()  # tokens of their own that are no special ones
    shape: str = "Qwen2"  # of transformers: …Config, …ForCausalLM
    sentencepiece: bool = False

    def tokenizer(self, texts: Iterable[str]) -> Any:
        """Train the tokenizer on `texts`."""
        from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors, trainers
        from transformers import PreTrainedTokenizerFast

        if self.sentencepiece:
            core = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
            core.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="first", split=False)
            core.decoder = decoders.Sequence(
                [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
            )
            bytes_ = [f"<0x{number:02X}>" for number in range(256)]
            trainer = trainers.BpeTrainer(vocab_size=900, special_tokens=[*self.special, *bytes_], show_progress=False)
        else:
            core = Tokenizer(models.BPE())
            core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
            core.decoder = decoders.ByteLevel()
            alphabet = pre_tokenizers.ByteLevel.alphabet()
            trainer = trainers.BpeTrainer(
                vocab_size=600, special_tokens=list(self.special), initial_alphabet=alphabet, show_progress=False
            )
        core.train_from_iterator(texts, trainer)
        core.add_tokens([AddedToken(text, special=False, normalized=False) for text in self.added])
        if self.bos:  # as Llama does: whoever forgets add_special_tokens=False gets it twice
            core.post_processor = processors.TemplateProcessing(
                single=f"{self.bos} $A", special_tokens=[(self.bos, core.token_to_id(self.bos))]
            )
        return PreTrainedTokenizerFast(
            tokenizer_object=core,
            bos_token=self.bos,
            eos_token=self.eos,
            pad_token=self.pad,
            unk_token="<unk>" if self.sentencepiece else None,
            additional_special_tokens=[t for t in self.special if t not in (self.bos, self.eos, self.pad, "<unk>")],
            chat_template=self.template,
            clean_up_tokenization_spaces=False,
        )

    def save(self, folder: Path, texts: Iterable[str]) -> Path:
        """Write a random model of one layer, 32 wide, with its tokenizer."""
        import torch
        import transformers

        tokenizer = self.tokenizer(texts)
        more = {"head_dim": 16} if self.shape == "Qwen3" else {}
        shape = getattr(transformers, f"{self.shape}Config")(
            vocab_size=len(tokenizer), hidden_size=32, intermediate_size=64, num_hidden_layers=1,
            num_attention_heads=2, num_key_value_heads=1, max_position_embeddings=512,
            bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id, pad_token_id=None, **more,
        )  # fmt: skip
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            getattr(transformers, f"{self.shape}ForCausalLM")(shape).save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        return folder


CHATML = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
HEADERS = ("<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>")
FAMILIES = {
    "qwen1.5": Family(_chatml("You are a helpful assistant."), CHATML, "<|im_end|>", "<|endoftext|>"),
    "qwen2.5": Family(
        _chatml("You are Qwen, created by Alibaba Cloud. You are a helpful assistant."),
        CHATML, "<|im_end|>", "<|endoftext|>",
    ),
    "qwen2.5-base": Family(_chatml("You are a helpful assistant."), CHATML, "<|endoftext|>", "<|endoftext|>"),
    "qwen3": Family(
        QWEN3, CHATML, "<|im_end|>", "<|endoftext|>", added=("<think>", "</think>"), shape="Qwen3"
    ),
    "llama2": Family(
        LLAMA2, ("<unk>", "<s>", "</s>"), "</s>", None, bos="<s>", shape="Llama", sentencepiece=True
    ),
    "llama3": Family(
        LLAMA3, ("<|begin_of_text|>", "<|end_of_text|>", *HEADERS), "<|eot_id|>", None,
        bos="<|begin_of_text|>", shape="Llama",
    ),
    "llama3.1": Family(
        LLAMA3, ("<|begin_of_text|>", "<|end_of_text|>", "<|finetune_right_pad_id|>", *HEADERS), "<|eot_id|>", None,
        bos="<|begin_of_text|>", shape="Llama",
    ),
}  # fmt: skip
