"""Guess records that hold a whole conversation side by side: 客户1, 客服1, 客户2, 客服2 as columns."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from curation.roles import Roles
from curation.sniffing.columns import Column, time_column
from curation.sniffing.guess import Guess, Item, shown

_COMMON = Roles({})
_NUMBERED = re.compile(r"[^\d\s]\D*\d+$")


def wide(guess: Guess, columns: Sequence[Column]) -> bool:
    """Recognise columns that are named after a side and numbered, and hold one turn each, in their order.

    A column must name the conversation of each row, for nothing else tells where one ends.
    """
    turns = [
        (c, who.role) for c in columns
        if _NUMBERED.search(str(c.key)) and (who := _COMMON.of(str(c.key))) and (c.sentences > 0.3 or not c.filled)
    ]  # fmt: skip
    sides = [role for _, role in turns]
    if len(turns) < 4 or set(sides) != {"user", "assistant"} or not turns[0][0].fill > 0.5:
        return False
    if 2 * sum(a != b for a, b in pairwise(sides)) < len(sides):
        return False
    keys = {str(c.key): role for c, role in turns}
    ids = [c for c in columns if str(c.key) not in keys and c.fill == 1 and c.distinct == 1 and c.sentences < 0.3]
    ids = [c for c in ids if c.times < 0.6 or c.named("conversation")]
    if not ids:
        return False
    best = max(ids, key=lambda c: (c.named("conversation"), c.named("message")))
    found: dict[str, str | int] = {"conversation": best.key}
    time = time_column(columns, {*keys, best.key})
    if time:
        found["time"] = time.value
    guess.source |= {"shape": "messages", "columns": found, "role_keys": keys}
    guess.items.append(Item("shape", "one conversation per record, a column for each turn", 0.9))
    guess.items.append(Item("session", str(best.key), 0.9, "different in every row"))
    guess.items.append(Item("roles", shown(keys), 0.9, "columns named after a side, and numbered"))
    return True
