"""Which of two numbers in 03/04/2024 is the day: what cannot be a month tells, else the order of the rows."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import pairwise

from curation.sniffing.guess import Guess, Item

MOST = 5000  # times that are looked at
_DATE = re.compile(r"^\D{0,12}(\d{1,2})[-/.](\d{1,2})[-/.](\d{4}|\d{2})(?!\d)")


def note(guess: Guess, times: Iterable[str]) -> None:
    """Say in the source that days come first, where the times show it; where they do not tell, months do."""
    found = [
        tuple(map(int, match.groups()))
        for _, time in zip(range(MOST), times, strict=False)
        if (match := _DATE.match(time))
    ]
    if not found:
        return
    first, second = (max(date[place] for date in found) > 12 for place in (0, 1))
    days = sum(a[::-1] > b[::-1] for a, b in pairwise(found))  # steps back in time, if days come first
    months = sum((a[2], a[0], a[1]) > (b[2], b[0], b[1]) for a, b in pairwise(found))
    if first == second and days >= months:
        return
    if first if first != second else days < months:
        guess.source["day_first"] = True
        why = "first numbers go beyond 12" if first != second else f"{days} steps back in time, not {months}"
        guess.items.append(Item("dates", "day first", 0.95 if first != second else 0.75, why))
