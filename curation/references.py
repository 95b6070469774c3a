"""Earlier sets that a new one is held against: run folders, and files that trainers read (JSON Lines or JSON)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import polars as pl

from curation import parquet
from curation.agreement import plain
from curation.errors import SourceError
from curation.nesting import bounded

_SAYS = {"human": "user", "user": "user", "gpt": "assistant", "assistant": "assistant"}


@dataclass(frozen=True)
class Reference:
    """One earlier set. `examples`: id (or file:line), question and answer, as `asked` and `whole` (normalised)."""

    name: str
    examples: pl.DataFrame


def read(path: Path) -> Reference:
    """Read a run folder (what it kept) or a file of Alpaca, ShareGPT or messages records.

    Of a record with several turns, every question with its answer counts, and the whole. Raises SourceError.
    """
    rows = _run(path) if path.is_dir() else _file(path)
    schema = {"id": pl.String, "question": pl.String, "answer": pl.String}
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    if frame.is_empty():
        raise SourceError(f"{path}: no examples in it to compare with")
    asked, said = plain(pl.col("question")), plain(pl.col("answer"))
    return Reference(path.name, frame.select("id", asked=asked, whole=pl.concat_str(asked, pl.lit("\n"), said)))


def _run(path: Path) -> list[tuple[str, str, str]]:
    file = path / "examples.parquet"
    with parquet.of_run(path):
        examples = pl.read_parquet(file, columns=["id", "verdict", "turns"]).filter(pl.col("verdict") == "keep")
    return [
        (row["id"], *sides)
        for row in examples.iter_rows(named=True)
        for sides in _sides([(turn["role"], turn["text"]) for turn in row["turns"]])
    ]


def _file(path: Path) -> list[tuple[str, str, str]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as fault:
        raise SourceError(f"{path}: cannot be read: {getattr(fault, 'strerror', None) or 'not UTF-8'}") from None
    found = []
    for line, record in _records(path, text):
        sides = list(_sides(_turns(record)))
        if not sides:
            raise SourceError(f"{path}:{line}: neither an Alpaca, a ShareGPT nor a messages record")
        found += [(f"{path.name}:{line}", *both) for both in sides]
    return found


def _records(path: Path, text: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Yield (line, record) of JSON Lines, or (number, record) of one JSON list."""
    try:
        if text.lstrip().startswith("["):
            yield from enumerate(bounded(json.loads(text), text), 1)
            return
    except (ValueError, RecursionError):
        raise SourceError(f"{path}: not JSON") from None
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                yield number, bounded(json.loads(line), line)
            except (ValueError, RecursionError):
                raise SourceError(f"{path}:{number}: not JSON") from None


def _turns(record: Any) -> list[tuple[str, str]]:  # noqa: ANN401
    """Return (role, text) of a record in any of the three formats; nothing where it is in none."""
    if not isinstance(record, Mapping):
        return []
    if isinstance(record.get("instruction"), str) and isinstance(record.get("output"), str):
        before = [
            turn for pair in record.get("history") or [] for turn in zip(("user", "assistant"), pair, strict=False)
        ]
        asked = "\n".join(part for part in (record["instruction"], record.get("input")) if part)
        return [*before, ("user", asked), ("assistant", record["output"])]
    for key, role, text in (("conversations", "from", "value"), ("messages", "role", "content")):
        said = record.get(key)
        if isinstance(said, Sequence) and all(isinstance(turn, Mapping) for turn in said):
            turns = [(_SAYS.get(str(turn.get(role)), ""), turn.get(text)) for turn in said]
            return [(who, what) for who, what in turns if who and isinstance(what, str)]
    return []


def _sides(turns: Sequence[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Yield every question with the answer right after it, and of several all questions with all answers."""
    pairs = [(one[1], other[1]) for one, other in pairwise(turns) if (one[0], other[0]) == ("user", "assistant")]
    yield from pairs
    if len(pairs) > 1:
        yield tuple("\n".join(text for role, text in turns if role == who) for who in ("user", "assistant"))  # type: ignore[misc]
