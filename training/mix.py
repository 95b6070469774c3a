"""Mixes general records into the domain set, so that the model keeps what it knew.

All domain records are kept. With share *a* of the whole mixture, ``N_general = a / (1 - a) × N_domain``,
drawn without replacement and spread evenly. Libraries' own ratio options lose domain records or repeat general ones
without saying so (docs/log.md).
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from random import Random

from training.encode import Encoded


@dataclass(frozen=True, slots=True)
class Portion:
    """What one source is of the whole mixture."""

    records: int
    unique: int
    most_repeats: int
    tokens: int  # prompt and answer
    trained_tokens: int
    share_records: float
    share_tokens: float
    share_trained_tokens: float


@dataclass(frozen=True, slots=True)
class Mixture:
    """The training records in order, and what is in them.

    Shares are of the whole mixture: in records, in tokens (prompt and answer), and in trained tokens.
    """

    records: tuple[Encoded, ...]
    domain: int
    general: int
    general_wanted: int  # what the share asks for
    general_unique: int
    most_repeats: int  # how often the most used general record is in the mixture; 0 when there is none
    share_wanted: float
    share_records: float
    share_tokens: float
    share_trained_tokens: float
    sources: Mapping[str, int]  # general ones, in records
    portions: Mapping[str, Portion]  # of the domain and of every general source
    digest: str  # sha256 of all ids and tokens in order: the same on every process, and from run to run
    domain_languages: Mapping[str, int]
    general_languages: Mapping[str, int]


def wanted(domain: int, share: float) -> int:
    """Return how many general records make up `share` of a mixture with so many `domain` ones."""
    return round(share / (1.0 - share) * domain)


def mix(
    domain: Sequence[Encoded],
    general: Sequence[Encoded],
    *,
    share: float,
    seed: int,
    max_repeats: int = 1,
    weights: Mapping[str, float] | None = None,
) -> Mixture:
    """Return all of `domain` with enough of `general` to make up `share` (0 ≤ share < 1) of the records.

    `general` is drawn by the `weights` of its sources, where they are given, and within each (or of all together) in
    the proportion of the domain set's languages, where it has them. What one lacks, the others give. Each general
    record is used at most `max_repeats` times; when they do not suffice, `general` stays below `general_wanted`.
    Pure: the same arguments give the same mixture.
    """
    if not 0.0 <= share < 1.0:
        raise ValueError(f"share is {share}, it must be at least 0 and below 1")
    total = wanted(len(domain), share)
    random = Random(seed)
    languages = Counter(record.language for record in domain)
    groups: dict[str, dict[str, list[Encoded]]] = {}  # source → language → records; without weights one group for all
    for record in general:
        group = groups.setdefault(record.source if weights else "", {})
        group.setdefault(record.language, []).append(record)
    capacity = {name: max_repeats * sum(map(len, group.values())) for name, group in groups.items()}
    parts = apportion(total, weights or {"": 1.0}, capacity)
    chosen = [
        record
        for name in sorted(groups)
        for record in _draw(groups[name], parts[name], languages, random, max_repeats=max_repeats)
    ]
    random.shuffle(chosen)
    return _describe(list(domain), chosen, wanted=total, share=share)


def _draw(
    pools: Mapping[str, Sequence[Encoded]],
    number: int,
    languages: Mapping[str, int],
    random: Random,
    *,
    max_repeats: int,
) -> list[Encoded]:
    """Draw `number` records of `pools` (by language) in the proportion of `languages`."""
    stock: dict[str, list[Encoded]] = {}
    for language in sorted(pools):
        stock[language] = []
        for _ in range(max_repeats):  # a second round starts only when the first is used up
            stock[language] += random.sample(pools[language], len(pools[language]))
    counts = apportion(number, languages, {language: len(records) for language, records in stock.items()})
    return [record for language in sorted(counts) for record in stock[language][: counts[language]]]


def hold_out(
    general: Sequence[Encoded], *, share: float, seed: int, asked: Collection[str] = (), most: int = 50
) -> tuple[list[Encoded], list[Encoded]]:
    """Split `general` into (to train on, held out): `share` of the source records, at most `most`, by `seed`.

    Records whose id is in `asked` are held out before any other, so that the answers to sample questions are not
    learned by heart. All training records of one source record stay on one side.
    """
    origins = {record.origin for record in general}
    held = origins & set(asked)
    size = min(most, round(share * len(origins))) - len(held)
    if size > 0:
        held |= set(Random(seed).sample(sorted(origins - held), size))
    return [r for r in general if r.origin not in held], [r for r in general if r.origin in held]


def spread(domain: Sequence[Encoded], general: Sequence[Encoded]) -> list[Encoded]:
    """Return `domain`, in order, with `general`, in order, at even distances between."""
    total = len(domain) + len(general)
    places = {int((number + 0.5) * total / len(general)) for number in range(len(general))}
    some, others = iter(general), iter(domain)
    return [next(some) if place in places else next(others) for place in range(total)]


def apportion(total: int, weights: Mapping[str, float], capacity: Mapping[str, int]) -> dict[str, int]:
    """Divide `total` by `weights` (largest remainder), within `capacity`; what one lacks, the others give."""
    counts = dict.fromkeys(sorted(capacity), 0)
    left = min(total, sum(capacity.values()))
    while left:
        open_ = [name for name in counts if counts[name] < capacity[name]]
        weighed = {name: float(weights.get(name, 0)) for name in open_}
        if not any(weighed.values()):  # nothing that has a weight is left: by what there is
            weighed = {name: float(capacity[name] - counts[name]) for name in open_}
        whole = sum(weighed.values())
        exact = {name: left * weight / whole for name, weight in weighed.items()}
        given = {name: int(value) for name, value in exact.items()}
        by_remainder = sorted(exact, key=lambda name: (given[name] - exact[name], name))
        for name in by_remainder[: left - sum(given.values())]:
            given[name] += 1
        for name, number in given.items():
            number = min(number, capacity[name] - counts[name])
            counts[name] += number
            left -= number
    return counts


def _describe(domain: list[Encoded], chosen: list[Encoded], *, wanted: int, share: float) -> Mixture:
    def part(weight_of_chosen: int, weight_of_domain: int) -> float:
        total = weight_of_chosen + weight_of_domain
        return weight_of_chosen / total if total else 0.0

    repeats = Counter(record.id for record in chosen)
    records = tuple(spread(domain, chosen))
    return Mixture(
        records=records,
        domain=len(domain),
        general=len(chosen),
        general_wanted=wanted,
        general_unique=len(repeats),
        most_repeats=max(repeats.values(), default=0),
        share_wanted=share,
        share_records=part(len(chosen), len(domain)),
        share_tokens=part(sum(len(r.input_ids) for r in chosen), sum(len(r.input_ids) for r in domain)),
        share_trained_tokens=part(sum(r.trained for r in chosen), sum(r.trained for r in domain)),
        sources=dict(sorted(Counter(record.source for record in chosen).items())),
        portions=_portions(records),
        digest=_digest(records),
        domain_languages=dict(sorted(Counter(record.language for record in domain).items())),
        general_languages=dict(sorted(Counter(record.language for record in chosen).items())),
    )


def _portions(records: Sequence[Encoded]) -> dict[str, Portion]:
    """Return what each source is of all `records`, in records, tokens and trained tokens."""
    by_source: dict[str, list[Encoded]] = {}
    for record in records:
        by_source.setdefault(record.source, []).append(record)
    tokens = sum(len(r.input_ids) for r in records) or 1
    trained = sum(r.trained for r in records) or 1
    found = {}
    for name, mine in sorted(by_source.items()):
        uses = Counter(record.id for record in mine)
        size, learned = sum(len(r.input_ids) for r in mine), sum(r.trained for r in mine)
        found[name] = Portion(
            records=len(mine),
            unique=len(uses),
            most_repeats=max(uses.values()),
            tokens=size,
            trained_tokens=learned,
            share_records=len(mine) / len(records),
            share_tokens=size / tokens,
            share_trained_tokens=learned / trained,
        )
    return found


def _digest(records: Iterable[Encoded]) -> str:
    told = hashlib.sha256()
    for record in records:
        told.update(repr((record.id, record.input_ids, record.labels)).encode())
    return told.hexdigest()
