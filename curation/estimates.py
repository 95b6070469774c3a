"""What a sample of people's decisions says of a rule, of what was kept, and of each other: numbers with intervals."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

Z = 1.959963984540054  # the 97.5th percentile of the normal distribution: 95 % two-sided

LEAST = 5  # decisions before a share can fail a gate

State = Literal["pass", "fail", "more"]


class Interval(NamedTuple):
    """A share with the bounds of its 95 % interval."""

    low: float
    high: float


class Standing(NamedTuple):
    """Where a share stands against a gate: reached, missed, or `more` decisions are needed, at least so many."""

    state: State
    more: int


class Agreement(NamedTuple):
    """How often two people said the same of the same records, and Cohen's kappa (none where chance is 1)."""

    n: int
    same: int
    kappa: float | None


def wilson(hits: int, n: int) -> Interval:
    """Return the 95 % score interval of a share (Wilson 1927, without continuity correction); 0 to 1 for n = 0."""
    if n == 0:
        return Interval(0.0, 1.0)
    share = hits / n
    middle = share + Z * Z / (2 * n)
    spread = Z * math.sqrt(share * (1 - share) / n + Z * Z / (4 * n * n))
    scale = 1 + Z * Z / n
    low = 0.0 if hits == 0 else (middle - spread) / scale
    return Interval(low, 1.0 if hits == n else (middle + spread) / scale)


def interval(hits: int, n: int, population: int) -> Interval:
    """Return the 95 % interval of a share of `population`; where all of it was looked at there is nothing to guess."""
    return Interval(hits / n, hits / n) if n and n >= population else wilson(hits, n)


def standing(hits: int, n: int, population: int, gate: float) -> Standing:
    """Hold a share against `gate`: passed when the whole interval is above, failed when it is below.

    With fewer than LEAST decisions nothing fails: there the score interval is too short (0 of 1 ends at 0.79), and
    one slip of a finger would stop a run.

    Else it takes more: the fewest further decisions after which the gate could be passed, were they all hits, or
    the rest of the population where that is less.
    """
    low, high = interval(hits, n, population)
    if n and low >= gate:
        return Standing("pass", 0)
    if n and high < gate and (n >= LEAST or n >= population):
        return Standing("fail", 0)
    further = 1
    while n + further < population and wilson(hits + further, n + further).low < gate:
        further += 1
    return Standing("more", min(further, max(population - n, 0)))


def agreement(pairs: Iterable[tuple[str, str]]) -> Agreement:
    """Compare what two people said of the same records; each pair is (what one said, what the other said)."""
    said: Sequence[tuple[str, str]] = list(pairs)
    n, same = len(said), sum(one == other for one, other in said)
    if not n:
        return Agreement(0, 0, None)
    ones, others = [one for one, _ in said], [other for _, other in said]
    chance = sum(ones.count(word) * others.count(word) for word in set(ones)) / (n * n)
    return Agreement(n, same, None if chance == 1 else (same / n - chance) / (1 - chance))
