"""Reads the run folder, and general data in any of the three usual forms, into one shape: records of messages.

Of the run folder it needs ``manifest.json`` (its presence says that the run is finished), ``train.sharegpt.jsonl``
and, when there is a validation split, ``val.sharegpt.jsonl``. Nothing else of the run is looked at.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

from training.errors import RunError

Role = Literal["system", "user", "assistant"]
ROLES: dict[str, Role] = {
    "human": "user",
    "user": "user",
    "customer": "user",
    "gpt": "assistant",
    "assistant": "assistant",
    "bot": "assistant",
    "model": "assistant",
    "system": "system",
}
CURE = "run `siftune curate` again"
HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0003134f]")
WORD = re.compile(r"[A-Za-z]+")


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a record; `text` is stripped, so that no token straddles the template's line break."""

    role: Role
    text: str


@dataclass(frozen=True, slots=True)
class Record:
    """One SFT record: at most one system message, then user and assistant in turn, ending with the assistant."""

    id: str
    messages: tuple[Message, ...]
    source: str  # "domain", or the name of the general file

    @property
    def language(self) -> str:
        """``zh``, ``en`` or ``other``, by script: one Han character weighs as much as one Latin word."""
        text = " ".join(message.text for message in self.messages if message.role != "system")
        han, words = len(HAN.findall(text)), len(WORD.findall(text))
        if not han and not words:
            return "other"
        return "zh" if han >= words else "en"


@dataclass(frozen=True, slots=True)
class Run:
    """What training takes from a run folder."""

    folder: Path
    name: str
    settings: dict[str, Any]  # the recipe's `training` part
    train: list[Record]
    val: list[Record]
    gate: str = "none"  # pass, fail or none: whether the set is what its recipe asks for
    files: dict[str, str] = field(default_factory=dict)  # name → sha256 of what was read: the data's manifest


def read_run(folder: Path) -> Run:
    """Read a finished run; raises RunError when it is missing, unfinished, empty or malformed."""
    if not folder.is_dir():
        raise RunError(f"{folder}: there is no such run folder; {CURE} and give its run folder")
    manifest = _manifest(folder / "manifest.json")
    recipe = manifest.get("recipe")
    recipe = recipe if isinstance(recipe, dict) else {}
    settings = recipe.get("training") or {}
    if not isinstance(settings, dict):
        raise RunError(f"{folder / 'manifest.json'}: recipe.training is no mapping; {CURE}")
    train_file, val_file = folder / "train.sharegpt.jsonl", folder / "val.sharegpt.jsonl"
    if not train_file.is_file():
        raise RunError(f"{train_file}: the file is missing, so the run is not whole; {CURE}")
    train = [_sharegpt(row, place, "domain") for row, place in _rows(train_file)]
    if not train:
        raise RunError(f"{train_file}: no record was kept, there is nothing to learn; look at {folder}/report.md")
    val = [_sharegpt(row, place, "domain") for row, place in _rows(val_file)] if val_file.is_file() else []
    gate = manifest.get("gate")
    state = str(gate.get("state", "none")) if isinstance(gate, dict) else "none"
    read = (folder / "manifest.json", train_file, val_file)
    hashes = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in read if path.is_file()}
    return Run(folder, str(recipe.get("name") or folder.resolve().name), settings, train, val, state, hashes)


def read_general(path: Path, *, source: str = "", questions: bool = False) -> list[Record]:
    """Read a general data file (.jsonl, or .json with a list): Alpaca, ShareGPT or messages, told apart per row.

    `source` is what its records are called by, by default the file's name. With `questions` an answer may be
    missing (also ``{"prompt": …}``), and of a dialogue the first question is taken, with its answer where it has one.
    """
    if not path.is_file():
        raise RunError(f"{path}: there is no such general data file; give a .jsonl or .json file, or general_share=0")
    records = [_any_form(row, place, source or path.stem, answered=not questions) for row, place in _rows(path)]
    records = list(map(_first_question, records)) if questions else records
    if not records:
        raise RunError(f"{path}: the general data file is empty; give another one, or general_share=0")
    return records


def sharegpt_records(rows: Iterable[dict[str, Any]], source: str) -> list[Record]:
    """Return ShareGPT rows that were made in this process as records called by `source`."""
    return [_sharegpt(row, f"{source} record {number}", "domain") for number, row in enumerate(rows, 1)]


def default_general() -> list[Path]:
    """Return the shipped general files: in a wheel inside the package, in a checkout in ``samples/general``."""
    package = Path(str(files("training")))
    for folder in (package / "_data" / "general", package.parent / "samples" / "general"):
        found = sorted(folder.glob("*.jsonl")) if folder.is_dir() else []
        if found:
            return found
    raise RunError("the shipped general data is not installed; give --general FILE, or set general_share=0")


def _manifest(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise RunError(f"{path.parent}: there is no manifest.json, so the run is unfinished or no run; {CURE}")
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        raise RunError(f"{path}: this is not valid JSON; {CURE}") from None
    if not isinstance(manifest, dict):
        raise RunError(f"{path}: this is not a manifest; {CURE}")
    return manifest


def _rows(path: Path) -> Iterator[tuple[dict[str, Any], str]]:
    """Yield every row of a JSON Lines file, or of a JSON list, with its place ``file:line`` or ``file[index]``."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise RunError(f"{path}: the file cannot be read ({error.strerror}); check its permissions") from None
    if path.suffix == ".json":
        values = _parse(content, str(path))
        if not isinstance(values, list):
            raise RunError(f"{path}: a .json file must hold a list of records; use .jsonl for one record a line")
        places = [(value, f"{path}[{index}]") for index, value in enumerate(values)]
    else:
        lines = content.splitlines()
        places = [(_parse(line, f"{path}:{n}"), f"{path}:{n}") for n, line in enumerate(lines, 1) if line.strip()]
    for value, place in places:
        if not isinstance(value, dict):
            raise RunError(f"{place}: the record is no JSON object; one {{…}} per record is needed")
        yield value, place


def _parse(raw: bytes, place: str) -> Any:  # noqa: ANN401
    try:
        return json.loads(raw.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise RunError(f"{place}: this is not UTF-8; save the file as UTF-8") from None
    except ValueError:
        raise RunError(f"{place}: this is not valid JSON; mend or remove it") from None


def _any_form(row: dict[str, Any], place: str, source: str, *, answered: bool = True) -> Record:
    if "conversations" in row:
        return _sharegpt(row, place, source, answered=answered)
    if "messages" in row:
        return _record(row, row["messages"], ("role", "content"), place, source, answered=answered)
    if "instruction" in row and ("output" in row or not answered):
        return _alpaca(row, place, source, answered=answered)
    if "prompt" in row and not answered:
        asked = [{"role": "user", "content": row["prompt"]}]
        return _record(row, asked, ("role", "content"), place, source, answered=False)
    raise RunError(
        f"{place}: this is neither Alpaca (instruction, output) nor ShareGPT (conversations) nor messages; "
        "give the record one of these forms"
    )


def _sharegpt(row: dict[str, Any], place: str, source: str, *, answered: bool = True) -> Record:
    return _record(row, row.get("conversations"), ("from", "value"), place, source, answered=answered)


def _alpaca(row: dict[str, Any], place: str, source: str, *, answered: bool = True) -> Record:
    asked, history = [row["instruction"], row.get("input") or ""], row.get("history") or []
    if not all(isinstance(part, str) for part in asked):
        raise RunError(f"{place}: instruction and input must be texts; mend or remove the record")
    if not (isinstance(history, list) and all(isinstance(pair, list) and len(pair) == 2 for pair in history)):
        raise RunError(f"{place}: history must be a list of [question, answer]; mend or remove the record")
    turns = [turn for pair in history for turn in zip(("user", "assistant"), pair, strict=True)]
    turns.append(("user", "\n".join(part for part in asked if part)))
    if answered or row.get("output"):
        turns.append(("assistant", row["output"]))
    listed = [{"role": role, "content": text} for role, text in turns]
    return _record(row, listed, ("role", "content"), place, source, answered=answered)


def _first_question(record: Record) -> Record:
    """Return the record up to its first answer."""
    first = next(number for number, message in enumerate(record.messages) if message.role == "user")
    return replace(record, messages=record.messages[: first + 2])


def _record(
    row: dict[str, Any],
    turns: Any,  # noqa: ANN401
    keys: tuple[str, str],
    place: str,
    source: str,
    *,
    answered: bool = True,
) -> Record:
    """Check one record's turns and give them our role names. The fault is named by turn, never by its text."""
    who, what = keys
    if not isinstance(turns, list) or not turns:
        raise RunError(f"{place}: the record has no turns; remove it, or {CURE}")
    messages = []
    for number, turn in enumerate(turns, 1):
        role = ROLES.get(str(turn.get(who, "")).lower()) if isinstance(turn, dict) else None
        if role is None:
            raise RunError(f"{place}: turn {number} has no known speaker in '{who}'; known: {', '.join(ROLES)}")
        text = turn.get(what)
        if not isinstance(text, str) or not text.strip():
            raise RunError(f"{place}: turn {number} has no text in '{what}'; remove the record, or {CURE}")
        messages.append(Message(role, text.strip()))
    system = row.get("system")
    if isinstance(system, str) and system.strip() and messages[0].role != "system":
        messages.insert(0, Message("system", system.strip()))
    talk = messages[1:] if messages[0].role == "system" else messages
    for number, message in enumerate(talk, 1):
        if message.role != ("user" if number % 2 else "assistant"):
            raise RunError(
                f"{place}: turn {number} is out of order; question and answer must alternate, question first"
            )
    if not talk or (answered and len(talk) % 2):
        raise RunError(f"{place}: the last turn is a question without an answer; remove it, or {CURE}")
    name = row.get("id") if source == "domain" else None  # ids of different general files may be the same
    return Record(str(name or place), tuple(messages), source)
