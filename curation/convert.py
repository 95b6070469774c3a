"""Examples → the formats that trainers read: Alpaca, ShareGPT, messages; and what LLaMA-Factory needs to load them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def spoken(example: Mapping[str, Any], *, policy: str) -> list[tuple[str, str]]:
    """Return (role, text) of an example's turns, reasoning put before the last one where `policy` is ``think``."""
    said = [(turn["role"], turn["text"]) for turn in example["turns"]]
    cot = example["cot"]
    if cot and cot.strip() and policy == "think":
        said[-1] = (said[-1][0], f"<think>\n{cot}\n</think>\n\n{said[-1][1]}")
    return said


def alpaca(example: Mapping[str, Any], *, system: str, policy: str) -> dict[str, Any]:
    """Return an Alpaca record; the turns before the last question become `history`."""
    said = spoken(example, policy=policy)
    texts = [text for _, text in said]
    history = [[texts[i], texts[i + 1]] for i in range(0, len(texts) - 2, 2)]
    record = {
        "id": example["id"],
        "instruction": texts[-2],
        "input": "",
        "output": texts[-1],
        "system": system,
        "history": history,
    }
    return record | _field(example, policy)


def sharegpt(example: Mapping[str, Any], *, system: str, policy: str) -> dict[str, Any]:
    """Return a ShareGPT record: starts with human, alternates, even count."""
    said = spoken(example, policy=policy)
    names = {"user": "human", "assistant": "gpt"}
    turns = [{"from": names[role], "value": text} for role, text in said]
    return {"id": example["id"], "conversations": turns, "system": system} | _field(example, policy)


def messages(example: Mapping[str, Any], *, system: str, policy: str) -> dict[str, Any]:
    """Return an OpenAI messages record."""
    said = spoken(example, policy=policy)
    first = [{"role": "system", "content": system}] if system else []
    return {
        "id": example["id"],
        "messages": [*first, *({"role": r, "content": t} for r, t in said)],
    } | _field(example, policy)


def _field(example: Mapping[str, Any], policy: str) -> dict[str, Any]:
    """Return the reasoning as a field of its own, where the recipe wants that and there is some."""
    return {"cot": example["cot"]} if policy == "field" and (example["cot"] or "").strip() else {}


FORMATS = {"alpaca": alpaca, "sharegpt": sharegpt, "messages": messages}


def dataset_info(names: Sequence[str]) -> dict[str, Any]:
    """Return LLaMA-Factory's `dataset_info.json` for files such as ``train.alpaca.jsonl``.

    Every column is named: a column that is not named is silently not read.
    """
    info: dict[str, Any] = {}
    for file in names:
        split, form, _ = file.split(".")
        entry: dict[str, Any] = {"file_name": file}
        if form == "alpaca":
            entry |= {
                "formatting": "alpaca",
                "columns": {
                    "prompt": "instruction",
                    "query": "input",
                    "response": "output",
                    "system": "system",
                    "history": "history",
                },
            }
        elif form == "sharegpt":
            entry |= {
                "formatting": "sharegpt",
                "columns": {"messages": "conversations", "system": "system"},
                "tags": {
                    "role_tag": "from",
                    "content_tag": "value",
                    "user_tag": "human",
                    "assistant_tag": "gpt",
                },
            }
        else:
            entry |= {
                "formatting": "sharegpt",
                "columns": {"messages": "messages"},
                "tags": {
                    "role_tag": "role", "content_tag": "content",
                    "user_tag": "user", "assistant_tag": "assistant", "system_tag": "system",
                },
            }  # fmt: skip
        info[f"siftune_{split}_{form}"] = entry
    return info
