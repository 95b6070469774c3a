"""Examples → the formats that trainers read, any of these → any other, and what LLaMA-Factory needs to load them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from curation.errors import OutputError, UsageError
from curation.sets import formats
from curation.sets.files import items
from curation.sets.formats import Format
from curation.sets.talk import Cot, RecordError, Talk, Turn

EXPORTED: tuple[Format, ...] = ("alpaca", "sharegpt")  # always; others where the recipe names them


def export(example: Mapping[str, Any], form: Format, *, system: str, policy: Cot) -> dict[str, Any]:
    """Return an example of a run as a record of a set; its reasoning belongs to its last answer.

    ShareGPT records start with human, alternate and are even in number; so do the turns of examples.
    """
    turns = [Turn(turn["role"], turn["text"]) for turn in example["turns"]]
    if (example["cot"] or "").strip():
        turns[-1] = replace(turns[-1], reasoning=example["cot"])
    return formats.write(Talk(tuple(turns), system, extra={"id": example["id"]}).with_reasoning(policy), form)


@dataclass
class Converted:
    """What became of the records of some files."""

    written: int = 0
    faults: list[tuple[str, int, str]] = field(default_factory=list)  # file, line, fault and cure
    lost: Counter[str] = field(default_factory=Counter)  # what the format cannot hold, and of how many records

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {
            "written": self.written,
            "faults": [{"file": file, "line": line, "fault": fault} for file, line, fault in self.faults],
            "lost": dict(self.lost),
        }


def convert(
    paths: Sequence[Path], out: Path, form: Format, *, cot: Cot = "keep", system: str | None = None, force: bool = False
) -> Converted:
    """Write the records of `paths` to `out` in another format, good ones only; faulty ones go beside it.

    Faulty records stand in ``OUT.faulty.jsonl`` (file, line, fault, the record as it was), so nothing is lost.
    `system` gives every record this system prompt. When SourceError, UsageError or OutputError is raised, nothing is
    written.
    """
    faulty = out.with_name(f"{out.name}.faulty.jsonl")
    for place in (out, faulty):
        if place.exists() and not force:
            raise UsageError(f"{place}: is already there; choose another name, or replace it with --force")
    if any(path.resolve() == out.resolve() for path in paths):
        raise UsageError(f"{out}: is also the input; choose another name")
    done = Converted()
    parts = {place: place.with_name(f".{place.name}.partial") for place in (out, faulty)}
    try:
        with (
            parts[out].open("w", encoding="utf-8", newline="\n") as good,
            parts[faulty].open("w", encoding="utf-8", newline="\n") as bad,
        ):
            for path in paths:
                for item in items(path):
                    talk, fault = item.talk, item.fault
                    if talk is not None and not fault:
                        talk = (talk if system is None else replace(talk, system=system)).with_reasoning(cot)
                        try:
                            record = formats.write(talk, form)
                        except RecordError as refused:
                            fault = str(refused)
                    if fault or talk is None:
                        done.faults.append((str(path), item.line, fault))
                        bad.write(_line({"file": str(path), "line": item.line, "fault": fault, "record": item.text}))
                        continue
                    done.lost.update(formats.lost(talk, form))
                    good.write(_line(record))
                    done.written += 1
        parts[out].replace(out)
        if done.faults:
            parts[faulty].replace(faulty)
        elif force:
            faulty.unlink(missing_ok=True)
    except OSError as wrong:
        raise OutputError(f"{out}: cannot be written: {wrong.strerror or wrong}") from None
    finally:
        for part in parts.values():
            part.unlink(missing_ok=True)
    return done


def _line(record: Mapping[str, Any]) -> str:
    return json.dumps(record, ensure_ascii=False).encode("utf-8", "backslashreplace").decode() + "\n"


def dataset_info(names: Sequence[str]) -> dict[str, Any]:
    """Return LLaMA-Factory's `dataset_info.json` for files such as ``train.alpaca.jsonl``.

    Every column is named: a column that is not named is silently not read. Files of prompt and completion have no
    entry; LLaMA-Factory has no such format.
    """
    info: dict[str, Any] = {}
    for file in names:
        split, form, _ = file.split(".")
        if form in _INFO:
            info[f"siftune_{split}_{form}"] = {"file_name": file, **_INFO[form]}
    return info


_INFO: Mapping[str, Mapping[str, Any]] = {
    "alpaca": {
        "formatting": "alpaca",
        "columns": {
            "prompt": "instruction",
            "query": "input",
            "response": "output",
            "system": "system",
            "history": "history",
        },
    },
    "sharegpt": {
        "formatting": "sharegpt",
        "columns": {"messages": "conversations", "system": "system"},
        "tags": {
            "role_tag": "from",
            "content_tag": "value",
            "user_tag": "human",
            "assistant_tag": "gpt",
            "observation_tag": "observation",
            "function_tag": "function_call",
            "system_tag": "system",
        },
    },
    "messages": {
        "formatting": "sharegpt",
        "columns": {"messages": "messages"},
        "tags": {
            "role_tag": "role",
            "content_tag": "content",
            "user_tag": "user",
            "assistant_tag": "assistant",
            "observation_tag": "tool",
            "function_tag": "function_call",
            "system_tag": "system",
        },
    },
}
