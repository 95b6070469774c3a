"""Records → token ids and labels: the loss falls on answers only, end-of-turn token included.

The chat template is rendered once, tokenised with offsets, and the tokens of each answer are found by comparing
with the rendered prefixes. This works with every template that renders a prefix of a conversation as a prefix of
the text (ChatML, Llama, Qwen2…). Templates that do not (Qwen3 drops earlier ``<think>`` parts), and templates that
close no turn with a special token, get one training record per answer instead, each ending with that answer: every
answer is still trained once, in the form that it has while it is the latest.

A record that is too long becomes several: its beginning up to the last answer that fits, then for each further answer
the latest turns that fit before it. Every answer is learned once and whole, with its end, or not at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Literal

from training.data import Message, Record
from training.errors import ModelError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

IGNORE = -100  # label of a token that is not trained; fixed by torch's cross entropy
THINK, THOUGHT = "<think>", "</think>"  # around reasoning, as Qwen3 and DeepSeek-R1 write it and curation exports it


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
    cut: int  # records that lost answers: not even the question before them fitted, or over-long ones are dropped
    split: int  # records that were too long and became several
    per_answer: int  # records that the template forced apart, one training record per answer
    reasoning: int  # records with reasoning in an answer that may be learned
    median_prompt: float
    median_answer: float
    longest: int
    max_length: int
    stop_ids: frozenset[int]  # the tokens with which trained answers end


@dataclass(frozen=True, slots=True)
class Manner:
    """How records are encoded."""

    max_length: int  # tokens of a training record, at most
    system_prompt: str | None = None  # for records without a system turn
    learn: Literal["all", "last"] = "all"  # every answer of a record, or its last
    cot: Literal["learn", "mask"] = "learn"  # reasoning in front of an answer: learned, or only read
    long_records: Literal["split", "drop"] = "split"
    thinking: bool | None = None  # what the template is told as enable_thinking; None: nothing


def encode(records: Iterable[Record], tokenizer: PreTrainedTokenizerBase, manner: Manner) -> Encoding:
    """Encode `records` with the tokenizer's chat template; none gets longer than `manner.max_length` tokens.

    Nothing loses its end. What does not fit is split or left out as `manner` says, and counted.
    """
    done: list[Encoded] = []
    given = too_long = cut = split = per_answer = reasoning = 0
    for record in records:
        given += 1
        chat = to_chat(record.messages, system_prompt=manner.system_prompt)
        learned = [n for n, turn in enumerate(chat) if turn["role"] == "assistant"]
        learned = learned if manner.learn == "all" else learned[-1:]
        reasoning += any(THOUGHT in chat[n]["content"] for n in learned)
        whole = _whole(chat, learned, tokenizer, manner)
        per_answer += whole is None and len(learned) > 1
        pieces, answers = _fitting(chat, learned, whole, tokenizer, manner)
        too_long += not answers
        cut += 0 < answers < len(learned)
        split += whole is not None and len(pieces) > 1
        for number, (ids, labels) in enumerate(pieces):
            name = record.id if len(pieces) == 1 else f"{record.id}#{number}"
            done.append(Encoded(name, record.id, record.source, record.language, tuple(ids), tuple(labels)))
    return Encoding(
        records=tuple(done),
        given=given,
        too_long=too_long,
        cut=cut,
        split=split,
        per_answer=per_answer,
        reasoning=reasoning,
        median_prompt=median([len(r.labels) - r.trained for r in done] or [0]),
        median_answer=median([r.trained for r in done] or [0]),
        longest=max((len(r.input_ids) for r in done), default=0),
        max_length=manner.max_length,
        stop_ids=frozenset(next(label for label in reversed(r.labels) if label != IGNORE) for r in done),
    )


def to_chat(messages: Sequence[Message], *, system_prompt: str | None) -> list[dict[str, str]]:
    """Return messages for `apply_chat_template`, with `system_prompt` where there is no system turn."""
    chat = [{"role": message.role, "content": message.text} for message in messages]
    if system_prompt and chat[0]["role"] != "system":
        chat.insert(0, {"role": "system", "content": system_prompt})
    return chat


def render(
    chat: list[dict[str, str]], tokenizer: PreTrainedTokenizerBase, *, ask: bool, thinking: bool | None = None
) -> str:
    """Return the chat as text; `ask` adds what comes before an answer, `thinking` is for templates that know it."""
    told = {} if thinking is None or not knows_thinking(tokenizer) else {"enable_thinking": thinking}
    try:
        return str(tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=ask, **told))
    except Exception as error:  # jinja, or raise_exception() inside the template
        fault = type(error).__name__ if tokenizer.chat_template else "it has none"
        cure = "take the model's '-Instruct' or '-Chat' version, or remove the system prompt"
        if fault == "TemplateSyntaxError":
            cure = "take chat_template.jinja from the model's own folder"
        raise ModelError(
            f"{tokenizer.name_or_path}: the model's chat template cannot render these records ({fault}); {cure}"
        ) from error


def knows_thinking(tokenizer: PreTrainedTokenizerBase) -> bool:
    """Tell whether the chat template asks if the model is to think (Qwen3)."""
    return "enable_thinking" in str(tokenizer.chat_template)


Piece = tuple[list[int], list[int]]  # input_ids, labels
Span = tuple[int, int]  # where in the rendered text an answer begins and ends


def _fitting(
    chat: list[dict[str, str]],
    learned: list[int],
    whole: Piece | None,
    tokenizer: PreTrainedTokenizerBase,
    manner: Manner,
) -> tuple[list[Piece], int]:
    """Return what of a record fits, and how many of the `learned` answers are in it."""
    most = manner.max_length
    if whole is not None and len(whole[0]) <= most:
        return [whole], len(learned)
    if whole is not None and manner.long_records == "drop":
        return [], 0
    pieces, done = [], 0
    if whole is not None:
        start, done = _beginning(whole, most)
        pieces = [start] if done else []
    first = 0
    for place in learned[done:]:
        piece, first = _latest(chat, place, first, tokenizer, manner)
        if piece is not None:
            pieces.append(piece)
            done += 1
    return pieces, done


def _whole(
    chat: list[dict[str, str]], learned: list[int], tokenizer: PreTrainedTokenizerBase, manner: Manner
) -> Piece | None:
    """Encode in one piece; None where the template does not keep prefixes or closes no turn."""
    full = render(chat, tokenizer, ask=False)
    spans = []
    for place in learned:
        before, after = _around(chat, place, tokenizer, manner)
        if not (full.startswith(after) and after.startswith(before)):
            return None
        spans.append((len(before), len(after)))
    ids, labels, ends = _label(full, spans, tokenizer, cot=manner.cot)
    closing = _closing(tokenizer)
    return (ids, labels) if all(ids[end] in closing for end in ends) else None


def _around(
    chat: list[dict[str, str]], place: int, tokenizer: PreTrainedTokenizerBase, manner: Manner
) -> tuple[str, str]:
    """Return the text before the answer at `place` as the model is asked, and the text up to its end.

    An answer with reasoning is asked for with thinking on, whatever the other records do.
    """
    thinking = True if THOUGHT in chat[place]["content"] and manner.thinking is not None else manner.thinking
    before = render(chat[:place], tokenizer, ask=True, thinking=thinking)
    after = render(chat[: place + 1], tokenizer, ask=False)
    if chat[place]["content"].rpartition(THOUGHT)[2].strip() not in after:
        raise ModelError(
            f"{tokenizer.name_or_path}: the model's chat template leaves answers out; "
            "take chat_template.jinja from the model's own folder"
        )
    return before, after


def _latest(
    chat: list[dict[str, str]], place: int, first: int, tokenizer: PreTrainedTokenizerBase, manner: Manner
) -> tuple[Piece | None, int]:
    """Encode the answer at `place` with the turns before it, from `first` on or, where that is too long, later ones.

    Returns None where not even the question fits, and where the piece begins, for the next answer to begin there or
    later: so a long dialogue is rendered about twice for each of its turns, not once for each pair of turns.
    """
    system = [turn for turn in chat[:1] if turn["role"] == "system"]
    for start in (number for number in range(first, place) if chat[number]["role"] == "user"):
        piece = _answer([*system, *chat[start : place + 1]], tokenizer, manner)
        if len(piece[0]) <= manner.max_length:
            return piece, start
        if manner.long_records == "drop":
            break
    return None, first


def _answer(chat: list[dict[str, str]], tokenizer: PreTrainedTokenizerBase, manner: Manner) -> Piece:
    """Encode a chat of which the last answer is learned; it ends with a closing token, if need be end-of-text."""
    before, after = _around(chat, len(chat) - 1, tokenizer, manner)
    if not after.startswith(before):
        raise ModelError(
            f"{tokenizer.name_or_path}: the model's chat template renders a question differently once it is answered, "
            "so the answer cannot be told apart; use a model whose template keeps the prompt as it is"
        )
    ids, labels, (end,) = _label(after, [(len(before), len(after))], tokenizer, cot=manner.cot)
    if ids[end] in _closing(tokenizer):
        return ids[: end + 1], labels[: end + 1]
    if tokenizer.eos_token_id is None:
        raise ModelError("the tokenizer has no end-of-text token, so no answer could learn to stop; use another")
    return [*ids[: end + 1], tokenizer.eos_token_id], [*labels[: end + 1], tokenizer.eos_token_id]


def _closing(tokenizer: PreTrainedTokenizerBase) -> set[int]:
    """The tokens that can close a turn: all special and added ones."""
    return {*tokenizer.all_special_ids, *tokenizer.get_added_vocab().values()}


def _label(
    text: str, spans: list[Span], tokenizer: PreTrainedTokenizerBase, *, cot: str
) -> tuple[list[int], list[int], list[int]]:
    """Return ids, labels, and the index of the last trained token of each span of characters.

    A token is trained when it holds a character of a span. White space that the template puts behind the
    end-of-turn token is not: nobody generates it. With `cot` "mask" reasoning is not, nor its tags.
    """
    encoded = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
    ids, offsets = list(encoded["input_ids"]), encoded["offset_mapping"]
    labels, ends, at = [IGNORE] * len(ids), [], 0
    for start, stop in spans:
        stop = start + len(text[start:stop].rstrip())
        start = _behind_reasoning(text, start, stop) if cot == "mask" else start
        while at < len(ids) and offsets[at][1] <= start:
            at += 1
        begin = at
        while at < len(ids) and offsets[at][0] < stop:
            at += 1
        labels[begin:at] = ids[begin:at]
        ends.append(at - 1)
    return ids, labels, ends


def _behind_reasoning(text: str, start: int, stop: int) -> int:
    """Return where the answer proper begins: behind its reasoning, which may have been begun by the prompt."""
    said = text[start:stop]
    end = said.find(THOUGHT)
    if end < 0 or not (said.lstrip().startswith(THINK) or text[:start].rstrip().endswith(THINK)):
        return start
    rest = said[end + len(THOUGHT) :]
    return stop - len(rest.lstrip())


def _beginning(piece: Piece, max_length: int) -> tuple[Piece, int]:
    """Cut after the last whole answer within `max_length`; returns the beginning and how many answers it holds."""
    ids, labels = piece
    ends = [
        place + 1
        for place, label in enumerate(labels)
        if label != IGNORE and (place + 1 == len(labels) or labels[place + 1] == IGNORE)
    ]
    fitting = [end for end in ends if end <= max_length]
    end = fitting[-1] if fitting else 0
    return (ids[:end], labels[:end]), len(fitting)
