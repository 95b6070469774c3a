"""Texts → hits. One cheap look by Polars over all texts; Python sees only distinct texts that may hold something."""

from __future__ import annotations

import re
from bisect import bisect
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import reduce
from operator import or_

import polars as pl

from curation.pieces import LONG, chunks
from curation.privacy import accounts, addresses, names, numbers, replies
from curation.privacy.guards import CLOSE_MASK, CLOSER, GUARDS
from curation.privacy.numbers import Finder, Hit, digits, flat
from curation.privacy.words import KINDS

_HAS_WIDE = "[\uff01-\uff5e\u3000]"
_WIDE = [*(chr(code) for code in range(0xFF01, 0xFF5F)), "\u3000"]
_ASCII = [*(chr(code) for code in range(0x21, 0x7F)), " "]
_BIT = {name: 1 << place for place, name in enumerate(GUARDS)}
_REPLY = 1 << len(GUARDS)

_CLOSE = {name: 1 << place for place, name in enumerate(CLOSER)}
_CLOSELY = (1 << len(CLOSER)) - 1

# In order of trust: what an earlier finder claims, a later one cannot have. Each with the bits of the guards of which
# one must hold, of the closer look that must too (any, where nothing is named), and with the kinds that it can find.
Search = tuple[Finder, int, int, frozenset[str]]
FINDERS: tuple[Search, ...] = tuple(
    (finder, sum(_BIT[group] for group in groups), _CLOSE[close] if close else 0, frozenset(kinds))
    for finder, groups, close, kinds in (
        (accounts.links, tuple(GUARDS), "", ["link-token"]),
        (accounts.emails, ("email",), "", ["email"]),
        (numbers.identity_numbers, ("number", "code"), "identity", ["identity-card", "iban", "tax-number", "device"]),
        (accounts.secrets, ("secret",), "", ["secret"]),
        (numbers.parcels, ("code", "number"), "parcel", ["tracking-number"]),
        *((numbers.announced_by(cue), ("announced",), cue, [its[0]]) for cue, its in numbers.ANNOUNCED.items()),
        (accounts.chat_accounts, ("chat",), "", ["chat-account"]),
        (numbers.announced_phone, ("announced",), "phone", ["mobile", "phone"]),
        (numbers.stays, ("number", "announced"), "", []),
        (numbers.cards, ("number",), "card", ["bank-card"]),
        (numbers.mobiles, ("number",), "mobile", ["mobile"]),
        (numbers.phones, ("number",), "shaped", ["mobile", "phone"]),
        (numbers.addresses_of_machines, ("ip",), "", ["ip"]),
        (accounts.plates, ("plate",), "", ["plate"]),
        (numbers.long_numbers, ("number", "code"), "long", ["order-number"]),
        (names.chinese, ("name-zh", "number"), "name-zh", ["name"]),
        (names.english, ("name-en",), "", ["name"]),
        (addresses.chinese, ("address-zh",), "", ["address"]),
        (addresses.english, ("address-en",), "", ["address"]),
    )
)
_EVERYTHING = _REPLY - 1

# Masks that the log came with, and ours: [订单x], [电话1], <phone>, {{name}}, 138****5678.
_MASK = re.compile(
    r"\[[^\[\]\d\n]{1,24}\d{0,3}\]|<[A-Za-z_ ]{2,20}\d{0,3}>|\{\{?[A-Za-z_ ]{2,20}\d{0,3}\}?\}|"
    r"(?:(?<![\dA-Za-z])[\dA-Za-z]+)?[*＊]{3,}[\dA-Za-z]*"
)


_MAY_MASK = re.compile(r"[\[<{*＊]")  # each of them has one of these


@dataclass(frozen=True)
class Masking:
    """What is masked: the kinds (keys of KINDS), and the texts that stay all the same, such as the shop's hotline."""

    kinds: frozenset[str] = frozenset(KINDS)
    allow: frozenset[str] = frozenset()
    _keys: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        """Keep the allowed texts in the one spelling that values are compared in."""
        object.__setattr__(self, "_keys", frozenset(_plain(text) for text in self.allow))

    def masks(self, hit: Hit, text: str) -> bool:
        """Tell whether a hit is to be masked."""
        return hit.kind in self.kinds and not (self._keys and _plain(text[hit.start : hit.end]) in self._keys)


EVERYTHING = Masking()


def _needed(kinds: frozenset[str]) -> tuple[tuple[Search, ...], int, bool]:
    """Return the finders that `kinds` need, the bits of those guards of which one must hold, and whether replies do.

    What comes after the last finder of a kind that is wanted claims nothing that is.
    """
    replied = bool(kinds & replies.ASKED)
    mine = [place for place, (*_, found) in enumerate(FINDERS) if found & kinds]
    guards = reduce(or_, (FINDERS[place][1] for place in mine), 0)
    return FINDERS if replied else FINDERS[: max(mine, default=-1) + 1], guards, replied


class Taken:
    """The parts of a text that are spoken for, in order."""

    def __init__(self, spans: Iterable[tuple[int, int]] = ()) -> None:
        """Take `spans`, which are in order and do not overlap."""
        self._spans = list(spans)

    def free(self, start: int, end: int) -> bool:
        """Tell whether nothing of start..end is taken."""
        after = bisect(self._spans, (start, start))
        return (after == len(self._spans) or self._spans[after][0] >= end) and (
            after == 0 or self._spans[after - 1][1] <= start
        )

    def add(self, start: int, end: int) -> None:
        """Take start..end, and with it what is taken inside it."""
        first = bisect(self._spans, (start, start))
        while first and self._spans[first - 1][1] > start:
            first -= 1
        last = first
        while last < len(self._spans) and self._spans[last][0] < end:
            start, end = min(start, self._spans[last][0]), max(end, self._spans[last][1])
            last += 1
        self._spans[first:last] = [(start, end)]


def masking(*, mask: bool, keep: Iterable[str] = (), allow: Iterable[str] = ()) -> Masking:
    """Return what a recipe's `privacy` asks for."""
    return Masking(frozenset(KINDS) - set(keep) if mask else frozenset(), frozenset(allow))


def _plain(text: str) -> str:
    number = digits(flat(text))
    return number if len(number) >= 5 and not re.search("[@A-Za-z]", text) else text.casefold().strip()


def scan(
    text: str,
    wanted: Masking = EVERYTHING,
    *,
    groups: int = _EVERYTHING,
    close: int = _CLOSELY,
    asked: str = "",
    finders: Sequence[Search] = FINDERS,
) -> list[Hit]:
    """Return the hits in one text, in order, never overlapping. `asked` names the kinds that this may answer.

    `groups` and `close` are bits of the guards (guards.GUARDS, CLOSER) that the text is known to pass; `finders` all
    that can matter to what is wanted.
    """
    if len(text) > LONG:
        return [
            Hit(start + hit.start, start + hit.end, hit.kind, hit.key)
            for start, piece in chunks(text)
            for hit in scan(piece, wanted, groups=groups, finders=finders)
        ]
    line = flat(text)
    taken = Taken(match.span() for match in _MASK.finditer(text)) if _MAY_MASK.search(text) else Taken()
    hits: list[Hit] = []

    def claim(found: Iterable[Hit]) -> None:
        for hit in found:
            if hit.end > hit.start and (taken.free(hit.start, hit.end) or not hit.kind):
                taken.add(hit.start, hit.end)
                if wanted.masks(hit, text):
                    hits.append(hit)

    linked = "://" in line or "www." in line.casefold()
    for finder, its, closely, _ in finders:
        if groups & its and (not closely or close & closely) and (linked or finder is not accounts.links):
            claim(finder(line))
    if asked and not hits:
        claim(replies.reply(line, asked))
    return sorted(hits)


def find(units: pl.DataFrame, wanted: Masking) -> pl.DataFrame:
    """Return the hits of `units` (row u32, text, asked): row, start, end (characters), kind, key, surface.

    `asked` is null, or the kinds of which the message before asks. Python sees each distinct text once.
    """
    schema = {
        "row": pl.UInt32,
        "start": pl.Int64,
        "end": pl.Int64,
        "kind": pl.String,
        "key": pl.String,
        "surface": pl.String,
    }
    if not wanted.kinds:
        return pl.DataFrame(schema=schema)
    finders, guards, replied = _needed(wanted.kinds)
    may = pl.lit(value=True)  # in one look for all of them
    if guards != _EVERYTHING:
        may = pl.any_horizontal(
            pl.col("flat").str.contains(guard) for name, guard in GUARDS.items() if guards & _BIT[name]
        ) | (pl.col("asked").is_not_null() & replied)
    groups = pl.sum_horizontal(
        pl.col("flat").str.contains(guard).cast(pl.Int32) * _BIT[name] for name, guard in GUARDS.items()
    )
    wide = pl.when(pl.col("text").str.contains(_HAS_WIDE)).then("text").str.replace_many(_WIDE, _ASCII)
    distinct = (
        units.select("text", "asked")
        .drop_nulls("text")
        .unique(maintain_order=True)
        .with_columns(flat=pl.coalesce(wide, "text"))
        .filter(may)
        .with_columns(groups=groups)
        .filter((pl.col("groups") > 0) | pl.col("asked").is_not_null())
    )
    found = [
        (said, asked, *hit, said[hit.start : hit.end])
        for said, asked, groups, close in zip(
            distinct["text"], distinct["asked"], distinct["groups"], _closer(distinct["text"]), strict=True
        )
        for hit in scan(said, wanted, groups=groups, close=close, asked=asked or "", finders=finders)
    ]
    columns = ["text", "asked", "start", "end", "kind", "key", "surface"]
    hits = pl.DataFrame(
        found, schema={"text": pl.String, "asked": pl.String} | {c: schema[c] for c in columns[2:]}, orient="row"
    )
    return units.join(hits, on=["text", "asked"], how="inner", nulls_equal=True, maintain_order="left_right").select(
        list(schema)
    )


def _closer(texts: pl.Series) -> list[int]:
    """Return the bits of the closer look of each text; all of them for a text that is looked at in pieces."""
    lines = pl.DataFrame({"line": pl.Series(map(flat, texts), dtype=pl.String)})
    looks = (
        pl.col("line").str.contains(look).cast(pl.Int32) * _CLOSE[name]  # on several cores, unlike `flat`
        for name, look in CLOSER.items()
    )
    bits = lines.with_columns(pl.col("line").str.replace_all(CLOSE_MASK, "[]")).select(pl.sum_horizontal(looks))
    return [_CLOSELY if len(text) > LONG else its for text, its in zip(texts, bits.to_series(), strict=True)]
