"""General data from several sources: files with weights, the shipped set, questions that the model answers itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from training.config import PACKAGED, SELF, Source, TrainConfig
from training.data import Record, default_general, read_general
from training.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Pool:
    """One source, read. Records of an `own` one may end with a question: the base model is to answer it."""

    name: str
    own: bool  # the base model gives the answers
    weight: float | None  # None: by size
    records: tuple[Record, ...]
    held_only: bool = False  # nothing of it is trained on; it measures what is forgotten


def read_pools(config: TrainConfig) -> list[Pool]:
    """Read all general sources of `config`; none when neither the mixture nor the held-out part needs any.

    Raises RunError for a file that cannot be read, ConfigError for a source that is named twice.
    """
    if config.general_share == 0.0 and config.general_holdout == 0.0:
        return []
    pools: list[Pool] = []
    places: set[tuple[str, ...]] = set()
    for source in config.general:
        paths = _paths(source)
        place = (source.answers, *(str(path.resolve()) for path in paths))
        if place in places:
            raise ConfigError(f"general: {source.path} is given twice; give it once, with a weight")
        places.add(place)
        name = _name(source, paths, {pool.name for pool in pools})
        own = source.answers == SELF
        records = tuple(record for path in paths for record in read_general(path, source=name, questions=own))
        pools.append(Pool(name, own, source.weight, records))
    if config.general_holdout and not any(answered(pool.records) for pool in pools):
        records = tuple(record for path in default_general() for record in read_general(path, source=PACKAGED))
        pools.append(Pool(PACKAGED, own=False, weight=None, records=records, held_only=True))
    return pools


def answered(records: Sequence[Record]) -> list[Record]:
    """Return the records that have an answer of their own."""
    return [record for record in records if record.messages[-1].role == "assistant"]


def _paths(source: Source) -> list[Path]:
    return default_general() if source.path == PACKAGED else [Path(source.path).expanduser()]


def _name(source: Source, paths: Sequence[Path], taken: set[str]) -> str:
    """Return a short name that no other source has: the file's, or ``self`` and the file's."""
    stem = PACKAGED if source.path == PACKAGED else paths[0].stem
    name = stem if source.answers != SELF else SELF if source.path == PACKAGED else f"{SELF}:{stem}"
    number = 2
    while name in taken:
        name, number = f"{name.partition('#')[0]}#{number}", number + 1
    return name
