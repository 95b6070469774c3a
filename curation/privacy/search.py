"""Texts → hits. One cheap look by Polars over all texts; Python sees only distinct texts that may hold something."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache, reduce
from itertools import groupby
from operator import itemgetter, or_
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from curation.checks.literals import ways
from curation.fast import accelerator
from curation.late import late
from curation.pieces import LONG, chunks
from curation.privacy import accounts, addresses, names, numbers, parties, replies, sieve
from curation.privacy.guards import GUARDS, WIDE, looks
from curation.privacy.numbers import digits, flat
from curation.privacy.patterns import Finder, Hit, Taken
from curation.privacy.sieve import Sieve, Ways
from curation.privacy.words import KINDS

_HAS_WIDE = "[\uff01-\uff5e\u3000]"
_WIDE = [*(chr(code) for code in range(0xFF01, 0xFF5F)), "\u3000"]
_ASCII = [*(chr(code) for code in range(0x21, 0x7F)), " "]
_BIT = {name: 1 << place for place, name in enumerate(GUARDS)}
_EVERYTHING = (1 << len(GUARDS)) - 1
_BIT[WIDE] = 1 << len(GUARDS)  # no guard, but what lets any pass


class Search(NamedTuple):
    """A finder, the bits of the guards of which one must hold, and the kinds that it can find.

    Where it is `announced`, a word and its number are never parted by a bracket: [订单号1] is no such text.
    """

    finder: Finder
    groups: int
    kinds: frozenset[str]
    announced: bool


# In order of trust: what an earlier finder claims, a later one cannot have. Each with its guards and kinds.
FINDERS: tuple[Search, ...] = tuple(
    Search(finder, sum(_BIT[group] for group in groups), frozenset(kinds), groups == ("announced",))
    for finders, groups, kinds in (
        (accounts.LINKS, tuple(GUARDS), ["link-token"]),
        (accounts.EMAILS, ("email",), ["email"]),
        (numbers.IDENTITY, ("number", "code"), ["identity-card", "iban", "tax-number", "device", "document-number"]),
        (accounts.SECRETS, ("secret",), ["secret"]),
        (numbers.CASES, ("case",), ["case-number"]),
        (numbers.PARCELS, ("code", "number"), ["tracking-number"]),
        (
            numbers.FILED,
            ("announced",),
            ["document-number", "record-number", "case-number", "policy-number", "vehicle", "iban"],
        ),
        *(((finder,), ("announced",), [kind]) for kind, finder in numbers.ANNOUNCED_BY),
        (numbers.BIRTHS, ("birth",), ["birth-date"]),
        (accounts.CHAT_ACCOUNTS, ("chat",), ["chat-account"]),
        (numbers.ANNOUNCED_PHONE, ("announced",), ["mobile", "phone"]),
        (numbers.STAYS, ("number", "announced"), []),
        (numbers.CARDS, ("number",), ["bank-card"]),
        (numbers.MOBILES, ("number",), ["mobile"]),
        (numbers.PHONES, ("number",), ["mobile", "phone"]),
        (numbers.MACHINES, ("ip",), ["ip"]),
        (accounts.PLATES, ("plate",), ["plate"]),
        (numbers.LONG_NUMBERS, ("number", "code"), ["order-number"]),
        (names.CHINESE, ("name-zh", "number"), ["name"]),
        (names.ENGLISH, ("name-en",), ["name"]),
        (parties.CHINESE, ("party-zh",), ["name"]),
        (parties.ENGLISH, ("party-en",), ["name"]),
        (addresses.CHINESE, ("address-zh",), ["address"]),
        (addresses.REGIONS, ("region-zh",), ["address"]),
        (addresses.ENGLISH, ("address-en",), ["address"]),
    )
    for finder in finders
)

# Masks that the log came with, and ours: [订单x], [电话1], <phone>, {{name}}, 138****5678.
_MASK = r"\[[^\[\]\d\n]{1,24}\d{0,3}\]|<[A-Za-z_ ]{2,20}\d{0,3}>|\{\{?[A-Za-z_ ]{2,20}\d{0,3}\}?\}"
_STARS = r"(?:(?<![\dA-Za-z])[\dA-Za-z]+)?[*＊]{3,}[\dA-Za-z]*"  # tried at every word
_MASKS = late(_MASK)
_MASKS_AND_STARS = late(f"{_MASK}|{_STARS}")
_MARKS = r"[\[<{]|[*＊]{3}"  # each of them has one of these
_MAY_MASK = late(_MARKS)
_MAY_STAR = late(r"[*＊]{3}")


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
    mine = [place for place, search in enumerate(FINDERS) if search.kinds & kinds]
    guards = reduce(or_, (FINDERS[place].groups for place in mine), 0)
    return FINDERS if replied else FINDERS[: max(mine, default=-1) + 1], guards, replied


def masking(*, mask: bool, keep: Iterable[str] = (), allow: Iterable[str] = ()) -> Masking:
    """Return what a recipe's `privacy` asks for."""
    return Masking(frozenset(KINDS) - set(keep) if mask else frozenset(), frozenset(allow))


def _plain(text: str) -> str:
    number = digits(flat(text))
    return number if len(number) >= 5 and not re.search("[@A-Za-z]", text) else text.casefold().strip()


class _Claims:
    """What is found in one text, never overlapping: what is claimed first stays."""

    def __init__(self, text: str, wanted: Masking, *, masked: bool) -> None:
        """Begin with what the masks of the text take, where it may have some (`masked`)."""
        pattern = _MASKS_AND_STARS if masked and _MAY_STAR.search(text) else _MASKS
        self._text, self._wanted = text, wanted
        self.taken = Taken(match.span() for match in pattern.finditer(text)) if masked else Taken()
        self.hits: list[Hit] = []

    def add(self, found: Iterable[Hit]) -> None:
        """Claim what is free; what must stay (no kind) is taken whether it is free or not."""
        for hit in found:
            start, end, kind, _ = hit
            if end <= start:
                continue
            if not kind:
                self.taken.add(start, end)
            elif self.taken.claim(start, end) and self._wanted.masks(hit, self._text):
                self.hits.append(hit)

    def answer(self, found: Iterable[Hit]) -> None:
        """Claim what answers a question: alone, or where the question says better than a shape what it is."""
        for hit in found:
            met = [its for its in self.hits if its.start < hit.end and hit.start < its.end]
            shaped = all(its.kind in _SHAPED for its in met)
            if hit.kind in ("record-number", "birth-date") and shaped and self._wanted.masks(hit, self._text):
                self.hits = [*(its for its in self.hits if its not in met), hit]
            elif not met:
                self.add([hit])


_SHAPED = ("phone", "mobile", "order-number")


def scan(
    text: str,
    wanted: Masking = EVERYTHING,
    *,
    groups: int = _EVERYTHING,
    asked: str = "",
    finders: Sequence[Search] = FINDERS,
) -> list[Hit]:
    """Return the hits in one text, in order, never overlapping. `asked` names the kinds that this may answer.

    `groups` are bits of the guards that the text is known to pass; `finders` all that can matter to what is wanted.
    """
    if len(text) > LONG:
        return [
            Hit(start + hit.start, start + hit.end, hit.kind, hit.key)
            for start, piece in chunks(text)
            for hit in scan(piece, wanted, groups=groups, finders=finders)
        ]
    line = flat(text)
    claims = _Claims(text, wanted, masked=bool(_MAY_MASK.search(text)))
    for search in finders:
        if groups & search.groups:
            claims.add(search.finder(line, taken=claims.taken))
    if asked:
        claims.answer(replies.reply(line, asked))
    return sorted(claims.hits)


_HIT: dict[str, type[pl.DataType]] = {
    "start": pl.Int64,
    "end": pl.Int64,
    "kind": pl.String,
    "key": pl.String,
    "surface": pl.String,
}


def find(units: pl.DataFrame, wanted: Masking) -> pl.DataFrame:
    """Return the hits of `units` (row u32, text, asked): row, start, end (characters), kind, key, surface.

    `asked` is null, or the kinds of which the message before asks. Each distinct text is looked at once.
    """
    if not wanted.kinds:
        return pl.DataFrame(schema={"row": pl.UInt32, **_HIT})
    finders, guards, replied = _needed(wanted.kinds)
    names = [name for name in GUARDS if guards & _BIT[name]]
    likely = units.select("row", "text", "asked").drop_nulls("text")
    may = _may(likely["text"], names)
    if may is not None:  # else distinct texts come first: each look costs more than to tell them apart
        likely = _passing(likely, names, replied=replied, may=may)
    distinct = likely.select("text", "asked").unique(maintain_order=True)
    seen = _seen(distinct if may is not None else _passing(distinct, names, replied=replied))
    hits = _search(seen, wanted, finders)
    # By texts once: a join by them takes a copy of each, which is not to be made for each hit.
    places = likely.join(seen.select("text", "asked", "place"), on=["text", "asked"], nulls_equal=True)
    rows = places.select("row", "place").sort("row")
    return rows.join(hits, on="place", maintain_order="left_right").select("row", *_HIT)


_Bits = npt.NDArray[np.uint32]
_Flags = npt.NDArray[np.bool_]
_Places = npt.NDArray[np.uint32]


@cache
def _guards_sieve(names: tuple[str, ...] = tuple(GUARDS)) -> Sieve:
    """Return what tells which of these guards, and last of all WIDE, a text may pass."""
    needed: dict[str, Ways] = {name: ways(GUARDS[name]) for name in names}
    needed |= {name: _SHAPES[name] for name in names if name in _SHAPES}
    if "secret" in needed:
        needed["secret"] = [way or [sieve.LONG] for way in needed["secret"]]
    shaped = needed.keys() & {*_SHAPES, "secret"}  # else one reading is enough
    return Sieve([*needed.values(), [[sieve.FULL_WIDTH if shaped else sieve.WIDE]]])


_SHAPES: dict[str, Ways] = {"number": [[sieve.NUMBER]], "code": [[sieve.SIX], [sieve.BESIDE], [sieve.MARKS]]}


def _may(texts: pl.Series, names: Iterable[str] = GUARDS) -> _Bits | None:
    """Return the bits of the guards of these names that each text may pass; None without kernels."""
    kernels = accelerator(len(texts))
    if kernels is None:
        return None
    asked = tuple(names)
    bits = np.zeros(len(texts), dtype=np.uint32)
    for name, some in zip((*asked, WIDE), _guards_sieve(asked).may(texts, kernels), strict=True):
        bits |= np.uint32(_BIT[name]) * (True if some is None else some)
    return bits


def _matches(texts: pl.Series, asked: Sequence[tuple[Iterable[str], str]], may: _Bits | None) -> list[_Flags]:
    """Return whether each text matches each pattern, which stands behind the names of guards it is for.

    It is asked of the texts that those may let pass, where that is known.
    """
    contains = [pl.col("text").str.contains(pattern).alias(str(place)) for place, (_, pattern) in enumerate(asked)]
    frame = texts.alias("text").to_frame()
    if may is None:
        return [told.to_numpy() for told in frame.select(contains)]
    rows = [np.flatnonzero(may & np.uint32(sum(_BIT[name] for name in names))) for names, _ in asked]
    some = [place for place in range(len(asked)) if len(rows[place])]
    looks = pl.collect_all([frame[rows[place]].lazy().select(contains[place]) for place in some])
    told = [np.zeros(len(texts), dtype=np.bool_) for _ in asked]
    for place, look in zip(some, looks, strict=True):
        told[place][rows[place]] = look.to_series().to_numpy()
    return told


def _passing(units: pl.DataFrame, names: Sequence[str], *, replied: bool, may: _Bits | None = None) -> pl.DataFrame:
    """Return those of `units` (text, asked) of whose text a guard of `names` may match, or that may reply.

    Our own masks announce their numbers ([订单号1]): where there is nothing else, the text without them decides. `may`
    has the bits of the guards that each text may pass.
    """
    texts = units["text"]
    asked = looks(name for name in names if name != "announced")
    announced = [(["announced"], GUARDS["announced"])] if "announced" in names else []
    told = _matches(texts, [*asked, *announced], may)
    passes = reduce(np.logical_or, told[: len(asked)])
    if replied:
        passes = passes | units["asked"].is_not_null().to_numpy()
    if announced:
        alone = np.flatnonzero(told[-1] & ~passes)
        unmasked = texts.gather(alone).str.replace_all(_OUR_MASK, "[]").str.contains(GUARDS["announced"])
        passes[alone] = unmasked.to_numpy()
    return units.filter(passes)


def _seen(distinct: pl.DataFrame) -> pl.DataFrame:
    """Return those of distinct texts (text, asked) that may hold something.

    Adds `groups` (bits of the guards), `line` (flat), `bare` (flat, masks made empty), `masked` (it may have masks)
    and `place`.
    """
    wide = pl.when(pl.col("text").str.contains(_HAS_WIDE)).then("text").str.replace_many(_WIDE, _ASCII)
    distinct = distinct.with_columns(line=pl.coalesce(wide, "text"))
    told = _matches(distinct["line"], [([name], guard) for name, guard in GUARDS.items()], _may(distinct["line"]))
    groups = reduce(or_, (some.astype(np.int32) << place for place, some in enumerate(told)))
    seen = distinct.with_columns(groups=groups).filter((pl.col("groups") > 0) | pl.col("asked").is_not_null())
    said = pl.col("line").str.contains(numbers.SAID_RUN).arg_true()
    spoken = seen.select(said).to_series()
    lines = seen["line"].scatter(spoken, [flat(text) for text in seen["text"].gather(spoken)])
    seen = seen.with_columns(lines, masked=pl.col("text").str.contains(_MARKS))
    return seen.with_columns(bare=pl.col("line").str.replace_all(_OUR_MASK, "[]")).with_row_index("place")


def _search(seen: pl.DataFrame, wanted: Masking, finders: Sequence[Search]) -> pl.DataFrame:
    """Return the hits of the texts of `seen`, with their `place`: those of each place together, and in order.

    Finders are asked in the order of trust, each where Polars says that it may match. Where few texts pass a finder's
    guards it looks at them whole: Polars would compile a pattern for nothing.
    """
    apart = seen.select((pl.col("text").str.len_chars() > LONG) | (pl.len() < _FEW)).to_series()
    texts, lines, masked = (seen[name].to_list() for name in ("text", "line", "masked"))
    asked, groups = seen["asked"].to_list(), seen["groups"].to_list()
    columns: tuple[list[Any], ...] = tuple([] for _ in range(1 + len(_HIT)))

    def keep(place: int, hits: Iterable[Hit]) -> None:
        text = texts[place]
        for hit in sorted(hits):
            for column, value in zip(columns, (place, *hit, text[hit.start : hit.end]), strict=True):
                column.append(value)

    for place in apart.arg_true().to_list():
        keep(place, scan(texts[place], wanted, groups=groups[place], asked=asked[place] or "", finders=finders))
    for place, steps in groupby(_steps(seen, apart, finders), key=itemgetter(0)):
        line, claims = lines[place], None
        for _, which, spots in steps:
            answers = which == len(finders)
            if answers:
                found = list(replies.reply(line, asked[place]))
            else:
                found = finders[which].finder(line, spots, claims.taken if claims else None)
            if found:
                claims = claims or _Claims(texts[place], wanted, masked=masked[place])
                (claims.answer if answers else claims.add)(found)
        if claims:
            keep(place, claims.hits)
    return pl.DataFrame(dict(zip(("place", *_HIT), columns, strict=True)), schema={"place": pl.UInt32, **_HIT})


def _steps(
    seen: pl.DataFrame, apart: pl.Series, finders: Sequence[Search]
) -> Iterator[tuple[int, int, list[str] | None]]:
    """Yield which finders are asked of which text of `seen` (place), in order, and where: spots, or all of the text.

    Behind the finders stands what answers a question. Texts that are `apart` are left out.
    """
    groups = np.where(apart.to_numpy(), 0, seen["groups"].to_numpy())
    places = [np.flatnonzero(groups & search.groups).astype(np.uint32) for search in finders]
    counts = [np.full(len(some), -1) for some in places]
    many = [which for which, some in enumerate(places) if len(some) >= _FEW]
    masked = (seen["line"] != seen["bare"]).to_numpy()
    for which in many:
        if finders[which].announced:
            places[which] = _announced(seen["bare"], places[which], masked, finders[which].finder.loose)
    line = seen.select("line")
    asked = {which: pl.col("line").str.extract_all(finders[which].finder.loose) for which in many}
    looks = pl.collect_all([line[places[which]].lazy().select(asked[which]) for which in many])
    spots: list[str] = []
    for which, look in zip(many, looks, strict=True):
        found = look.to_series().list.len().to_numpy()
        counts[which], places[which] = found[found > 0].astype(np.int64), places[which][found > 0]
        spots += look.to_series().explode().drop_nulls().to_list()
    places.append(seen.select((pl.col("asked").is_not_null() & ~apart).arg_true()).to_series().to_numpy())
    sizes = np.concatenate([*counts, np.full(len(places[-1]), -1)])
    owners = np.repeat(np.arange(len(places)), [len(some) for some in places])
    whole = np.concatenate(places)
    ends = np.cumsum(sizes.clip(0))
    order = np.argsort(whole, kind="stable")
    rows = (its[order].tolist() for its in (whole, owners, ends, sizes))
    for place, which, end, size in zip(*rows, strict=True):
        yield place, which, spots[end - size : end] if size >= 0 else None


def _announced(bare: pl.Series, places: _Places, masked: _Flags, loose: str) -> _Places:
    """Return those of `places` where a word may announce a number when masks, which some have, are made empty."""
    some = places[masked[places]]
    if not len(some):
        return places
    kept = ~masked
    kept[some] = bare.gather(some).str.contains(loose).to_numpy()
    return places[kept[places]]


_FEW = 64  # texts; fewer are looked at whole, which is cheaper than to compile patterns for Polars
_OUR_MASK = r"\[[^\[\]0-9\n]{1,24}[0-9]{0,3}\]"
