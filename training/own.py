"""General answers from the base model itself: what it knows already is what it is to keep (arXiv 2605.26097).

Greedy, so that the same model and questions give the same answers; in batches; before the first step. An answer that
does not end, is empty, loops or only repeats its question teaches nothing and is left out, by name and number.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from transformers import PreTrainedModel, PreTrainedTokenizerBase

from training.data import Message, Record
from training.encode import Manner, to_chat
from training.errors import ModelError
from training.flags import flags
from training.mix import apportion
from training.sample import BATCH, answer

UNUSABLE = ("empty", "echo", "loop", "no-stop", "language")  # of training/flags.py


@dataclass(frozen=True, slots=True)
class Own:
    """The base model's own records of one source."""

    records: tuple[Record, ...]
    asked: int
    left_out: Mapping[str, int]  # fault → answers


def own_records(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    questions: Sequence[Record],
    *,
    count: int,
    languages: Mapping[str, int],
    stop_ids: Collection[int],
    manner: Manner,
    most_tokens: int,
    say: Callable[[str], None],
) -> Own:
    """Let `model` answer `questions` (records up to their first question) until `count` answers are of use.

    Languages are taken in the proportion of `languages`, those of the domain. Raises ModelError where no answer at
    all is of use: there would be no general data then.
    """
    pools: dict[str, list[Record]] = {}
    for record in questions:
        pools.setdefault(record.language, []).append(_asked(record))
    goals = apportion(count, languages, {language: len(pool) for language, pool in pools.items()})
    records: list[Record] = []
    faults: Counter[str] = Counter()
    asked = 0
    for language in sorted(goals):
        kept, pool = 0, pools[language]
        while kept < goals[language] and pool:
            batch, pool = pool[: min(BATCH, goals[language] - kept)], pool[min(BATCH, goals[language] - kept) :]
            chats = [to_chat(record.messages, system_prompt=manner.system_prompt) for record in batch]
            said = answer(model, tokenizer, chats, stop_ids=stop_ids, most_tokens=most_tokens, thinking=manner.thinking)
            for record, one in zip(batch, said, strict=True):
                found = flags(record.messages[-1].text, one.text, stopped=one.stopped)
                fault = next((name for name in UNUSABLE if name in found), None)
                if fault is None:
                    records.append(replace(record, messages=(*record.messages, Message("assistant", one.text.strip()))))
                    kept += 1
                else:
                    faults[fault] += 1
            asked += len(batch)
            say(f"general: the base model answered {asked} questions, {len(records)} of {count} answers are of use")
    if count and not records:
        worst = ", ".join(f"{number} {name}" for name, number in faults.most_common())
        raise ModelError(
            f"none of the base model's {asked} own answers is of use ({worst}); take a model that was tuned to chat, "
            "raise self_tokens, or give a general file"
        )
    return Own(tuple(records), asked, dict(sorted(faults.items())))


def write_own(path: Path, records: Sequence[Record]) -> None:
    """Write the records as messages, so that a person can read them and a later training can take the file."""
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for record in records:
            turns = [{"role": message.role, "content": message.text} for message in record.messages]
            file.write(json.dumps({"id": record.id, "messages": turns}, ensure_ascii=False) + "\n")


def _asked(record: Record) -> Record:
    """Return the record without the answer that it may have."""
    return replace(record, messages=record.messages[:-1]) if record.messages[-1].role == "assistant" else record
