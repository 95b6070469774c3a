"""Records → token ids and labels: the loss falls on answers only, end-of-turn token included.

The chat template is rendered once, tokenised with offsets, and the tokens of each answer are found by comparing
with the rendered prefixes. This works with every template that renders a prefix of a conversation as a prefix of
the text (ChatML, Llama, Qwen2…). Templates that do not (Qwen3 drops earlier ``<think>`` parts), and templates that
close no turn with a special token, get one training record per answer instead, each ending with that answer: every
answer is still trained once, in the form that it has while it is the latest.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from training.data import Message, Record
from training.errors import ModelError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

IGNORE = -100  # label of a token that is not trained; fixed by torch's cross entropy


@dataclass(frozen=True, slots=True)
class Encoded:
    """One training record. `labels` is as long as `input_ids`: the token where it is trained, else -100."""

    id: str
    origin: str  # the id of the record that it was made from
    source: str
    language: str
    input_ids: tuple[int, ...]
    labels: tuple[int, ...]

    @property
    def trained(self) -> int:
        """How many tokens are trained."""
        return sum(label != IGNORE for label in self.labels)


@dataclass(frozen=True, slots=True)
class Encoding:
    """All training records of a set, and what became of its records. Lengths are in tokens."""

    records: tuple[Encoded, ...]
    given: int  # records that went in
    too_long: int  # records of which nothing was short enough
    cut: int  # dialogues that lost answers at their end (or, one record per answer, their long ones)
    per_answer: int  # records that had to be split into one training record per answer
    median_prompt: float
    median_answer: float
    longest: int
    max_length: int
    stop_ids: frozenset[int]  # the tokens with which trained answers end


def encode(
    records: Iterable[Record],
    tokenizer: PreTrainedTokenizerBase,
    *,
    max_length: int,
    system_prompt: str | None,
) -> Encoding:
    """Encode `records` with the tokenizer's chat template; none gets longer than `max_length` tokens.

    Nothing loses its end: a dialogue that is too long is cut after the last answer that fits, a record whose
    first answer does not fit is dropped, and both are counted.
    """
    done: list[Encoded] = []
    given = too_long = cut = per_answer = 0
    for record in records:
        given += 1
        chat = to_chat(record.messages, system_prompt=system_prompt)
        pieces = _whole(chat, tokenizer)
        if pieces is None:
            per_answer += 1
            pieces = _one_per_answer(chat, tokenizer)
            fitting = [piece for piece in pieces if len(piece[0]) <= max_length]
            lost = len(fitting) < len(pieces)
        else:
            fitting, lost = _cut(pieces[0], max_length)
        too_long += not fitting
        cut += bool(fitting) and lost
        for number, (ids, labels) in enumerate(fitting):
            name = record.id if len(pieces) == 1 else f"{record.id}#{number}"
            done.append(Encoded(name, record.id, record.source, record.language, tuple(ids), tuple(labels)))
    return Encoding(
        records=tuple(done),
        given=given,
        too_long=too_long,
        cut=cut,
        per_answer=per_answer,
        median_prompt=median([len(r.labels) - r.trained for r in done] or [0]),
        median_answer=median([r.trained for r in done] or [0]),
        longest=max((len(r.input_ids) for r in done), default=0),
        max_length=max_length,
        stop_ids=frozenset(next(label for label in reversed(r.labels) if label != IGNORE) for r in done),
    )


def to_chat(messages: Sequence[Message], *, system_prompt: str | None) -> list[dict[str, str]]:
    """Return messages for `apply_chat_template`, with `system_prompt` where there is no system turn."""
    chat = [{"role": message.role, "content": message.text} for message in messages]
    if system_prompt and chat[0]["role"] != "system":
        chat.insert(0, {"role": "system", "content": system_prompt})
    return chat


def render(chat: list[dict[str, str]], tokenizer: PreTrainedTokenizerBase, *, ask: bool) -> str:
    """Return the chat as text; `ask` adds what comes before an answer."""
    try:
        return str(tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=ask))
    except Exception as error:  # jinja, or raise_exception() inside the template
        fault = type(error).__name__ if tokenizer.chat_template else "it has none"
        raise ModelError(
            f"the model's chat template cannot render these records ({fault}); "
            "take the model's '-Instruct' or '-Chat' version, or remove the system prompt"
        ) from error


Piece = tuple[list[int], list[int]]  # input_ids, labels


def _whole(chat: list[dict[str, str]], tokenizer: PreTrainedTokenizerBase) -> list[Piece] | None:
    """Encode in one piece; None where the template does not keep prefixes or closes no turn."""
    full = render(chat, tokenizer, ask=False)
    spans = []
    for index, turn in enumerate(chat):
        if turn["role"] != "assistant":
            continue
        before = render(chat[:index], tokenizer, ask=True)
        after = render(chat[: index + 1], tokenizer, ask=False)
        if not (full.startswith(after) and after.startswith(before)):
            return None
        spans.append((len(before), len(after)))
    ids, labels, ends = _label(full, spans, tokenizer)
    closed = all(ids[end] in _closing(tokenizer) for end in ends)
    return [(ids, labels)] if closed else None


def _one_per_answer(chat: list[dict[str, str]], tokenizer: PreTrainedTokenizerBase) -> list[Piece]:
    """Encode one piece per answer, ending with it and with a closing token, if need be the end-of-text token."""
    pieces = []
    for index, turn in enumerate(chat):
        if turn["role"] != "assistant":
            continue
        before = render(chat[:index], tokenizer, ask=True)
        after = render(chat[: index + 1], tokenizer, ask=False)
        if not after.startswith(before):
            raise ModelError(
                "the model's chat template renders a question differently once it is answered, so the answer "
                "cannot be told apart; use a model whose template keeps the prompt as it is"
            )
        ids, labels, (end,) = _label(after, [(len(before), len(after))], tokenizer)
        if ids[end] not in _closing(tokenizer):
            if tokenizer.eos_token_id is None:
                raise ModelError(
                    "the tokenizer has no end-of-text token, so no answer could learn to stop; use another"
                )
            ids, labels = (
                [*ids[: end + 1], tokenizer.eos_token_id],
                [*labels[: end + 1], tokenizer.eos_token_id],
            )
        pieces.append((ids, labels))
    return pieces


def _closing(tokenizer: PreTrainedTokenizerBase) -> set[int]:
    """The tokens that can close a turn: all special and added ones."""
    return {*tokenizer.all_special_ids, *tokenizer.get_added_vocab().values()}


def _label(
    text: str, spans: list[tuple[int, int]], tokenizer: PreTrainedTokenizerBase
) -> tuple[list[int], list[int], list[int]]:
    """Return ids, labels, and the index of the last trained token of each span of characters.

    A token is trained when it holds a character of a span. White space that the template puts behind the
    end-of-turn token is not: nobody generates it.
    """
    encoded = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
    ids, offsets = list(encoded["input_ids"]), encoded["offset_mapping"]
    labels, ends, at = [IGNORE] * len(ids), [], 0
    for start, stop in spans:
        stop = start + len(text[start:stop].rstrip())
        last = -1
        while at < len(ids) and offsets[at][0] < stop:
            if offsets[at][1] > max(start, offsets[at][0]):
                labels[at], last = ids[at], at
            at += 1
        ends.append(last)
    return ids, labels, ends


def _cut(piece: Piece, max_length: int) -> tuple[list[Piece], bool]:
    """Cut after the last whole answer within `max_length`; returns no piece when not even one fits."""
    ids, labels = piece
    if len(ids) <= max_length:
        return [piece], False
    ends = [
        place + 1
        for place, label in enumerate(labels)
        if label != IGNORE and (place + 1 == len(labels) or labels[place + 1] == IGNORE)
    ]
    end = max((end for end in ends if end <= max_length), default=0)
    return ([(ids[:end], labels[:end])] if end else []), True
