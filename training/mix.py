"""Mixes general records into the domain set, so that the model keeps what it knew.

All domain records are kept. With share *a* of the whole mixture, ``N_general = a / (1 - a) × N_domain``,
drawn without replacement and spread evenly. Libraries' own ratio options lose domain records or repeat general ones
without saying so (docs/log.md).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from random import Random

from training.encode import Encoded


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
    sources: Mapping[str, int]
    domain_languages: Mapping[str, int]
    general_languages: Mapping[str, int]


def mix(
    domain: Sequence[Encoded], general: Sequence[Encoded], *, share: float, seed: int, max_repeats: int = 1
) -> Mixture:
    """Return all of `domain` with enough of `general` to make up `share` (0 ≤ share < 1) of the records.

    `general` is drawn in the proportion of the domain set's languages where it has them. Each general record
    is used at most `max_repeats` times; when they do not suffice, `general` stays below `general_wanted`.
    Pure: the same arguments give the same mixture.
    """
    if not 0.0 <= share < 1.0:
        raise ValueError(f"share is {share}, it must be at least 0 and below 1")
    wanted = round(share / (1.0 - share) * len(domain))
    random = Random(seed)
    pools: dict[str, list[Encoded]] = {}
    for record in general:
        pools.setdefault(record.language, []).append(record)
    stock: dict[str, list[Encoded]] = {}
    for language in sorted(pools):
        stock[language] = []
        for _ in range(max_repeats):  # a second round starts only when the first is used up
            stock[language] += random.sample(pools[language], len(pools[language]))
    weights = Counter(record.language for record in domain)
    counts = _apportion(wanted, weights, {language: len(records) for language, records in stock.items()})
    chosen = [record for language in sorted(counts) for record in stock[language][: counts[language]]]
    random.shuffle(chosen)
    return _describe(list(domain), chosen, wanted=wanted, share=share)


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


def _apportion(wanted: int, weights: Mapping[str, int], capacity: Mapping[str, int]) -> dict[str, int]:
    """Divide `wanted` by `weights` (largest remainder), within `capacity`; what one lacks, the others give."""
    counts = dict.fromkeys(sorted(capacity), 0)
    left = min(wanted, sum(capacity.values()))
    while left:
        open_ = [language for language in counts if counts[language] < capacity[language]]
        weighed = {language: weights.get(language, 0) for language in open_}
        if not any(weighed.values()):  # no language of the domain set is left: by what there is
            weighed = {language: capacity[language] - counts[language] for language in open_}
        total = sum(weighed.values())
        exact = {language: left * weight / total for language, weight in weighed.items()}
        given = {language: int(value) for language, value in exact.items()}
        by_remainder = sorted(exact, key=lambda language: (given[language] - exact[language], language))
        for language in by_remainder[: left - sum(given.values())]:
            given[language] += 1
        for language, number in given.items():
            number = min(number, capacity[language] - counts[language])
            counts[language] += number
            left -= number
    return counts


def _describe(domain: list[Encoded], chosen: list[Encoded], *, wanted: int, share: float) -> Mixture:
    def part(weight_of_chosen: int, weight_of_domain: int) -> float:
        total = weight_of_chosen + weight_of_domain
        return weight_of_chosen / total if total else 0.0

    repeats = Counter(record.id for record in chosen)
    return Mixture(
        records=tuple(spread(domain, chosen)),
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
        domain_languages=dict(sorted(Counter(record.language for record in domain).items())),
        general_languages=dict(sorted(Counter(record.language for record in chosen).items())),
    )
