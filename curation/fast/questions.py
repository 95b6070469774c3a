"""The inner loops over questions, which tell their types: see query_types.py for what they do."""

# mypy: disable-error-code="untyped-decorator, assignment, return-value"

from __future__ import annotations

import numba
import numpy as np
from numba.types import CPointer, float64, int32, int64, uint8, uint32

from curation.fast.texts import HAN, NEW, ODD, PLAIN, WORD, Array, _decoded, _encoded, _masked

U8, U32, I32, I64, F64 = (CPointer(kind) for kind in (uint8, uint32, int32, int64, float64))


@numba.cfunc(int64(U8, I64, int64, U8, U32, U8, U8, I64, U8))
def normal(
    data: Array, ends: Array, texts: int, kinds: Array, lower: Array, room: Array, made: Array, made_ends: Array,
    odd: Array,
) -> int:  # fmt: skip
    """Write texts as phrases of query types see them, each with a line feed behind it.

    That is in lower case, without apostrophes, a space for marks and masks, and one around each word of ASCII. `room`
    has a byte for each of the longest text, `made` has two for each, and three more for every text. 1 is written to
    `odd` where it is not sure what becomes of a character.
    """
    seen, size = 0, 0
    for text in range(texts):
        length = _masked(data, ends[text - 1] if text else 0, ends[text], room)
        strange, place, before, begin = 0, 0, 0, size
        made[size] = 0x20
        size += 1
        while place < length:
            char, place = _decoded(room, place)
            bits = np.int64(kinds[char])
            seen |= bits
            strange |= bits & ODD
            char = np.int64(lower[char])
            if char == 0x27 or char == 0x2019:
                continue
            blank = made[size - 1] == 0x20
            if bits & WORD or (bits & HAN and bits & PLAIN):
                if not blank and (char < 0x80) != (before < 0x80):
                    made[size] = 0x20
                    size += 1
                size, before = _encoded(made, size, char), char
            elif not blank:
                made[size] = 0x20
                size += 1
        if made[size - 1] != 0x20 or size == begin + 1:
            made[size] = 0x20
            size += 1
        made[size] = 0x0A
        size += 1
        made_ends[text], odd[text] = size, np.uint8(strange > 0)
    return seen & NEW


@numba.njit
def _stands(
    literal: int, stamp: int, starts: Array, phrases: Array, sizes: Array, met: Array, said: Array, counts: Array,
    tiers: Array, touched: Array, types: int,
) -> int:  # fmt: skip
    """Note that a literal stands in a text, and which types that says something of; return how many there are then."""
    if met[literal] == stamp:
        return types
    met[literal] = stamp
    for place in range(starts[literal], starts[literal + 1]):
        phrase, tier = phrases[2 * place], phrases[2 * place + 1]
        if said[phrase] != stamp:
            said[phrase], counts[phrase] = stamp, 0
        counts[phrase] += 1
        if counts[phrase] == sizes[phrase] and tiers[tier] != stamp:
            first, known = tier & -4, False
            for one in range(first, first + 4):
                known |= tiers[one] == stamp
            if not known:
                touched[types] = tier >> 2
                types += 1
            tiers[tier] = stamp
    return types


@numba.cfunc(
    int64(
        U8, I64, int64, U32, U32, U32, U8, I64, I64, I64, I64, F64, I64, int64, F64, F64, I64, I64,
        I64, I64, I64, I64, I64, F64, I32, F64,
    )
)  # fmt: skip
def claims(
    data: Array, ends: Array, texts: int,
    heads: Array, spaced: Array, firsts: Array, labels: Array, literals: Array, starts: Array, phrases: Array,
    sizes: Array, weights: Array, borders: Array, packs: int, least: Array, margin: Array,
    also: Array, also_ends: Array,
    met: Array, said: Array, counts: Array, tiers: Array, touched: Array, value: Array,
    types: Array, scores: Array,
) -> int:  # fmt: skip
    """Say of texts that `normal` made which type of each pack claims them (-1: none), and with which score (0).

    Of the tree of literals, `heads` has the node behind each character, `spaced` the one behind a space and a byte.
    From a node `labels` lead on, from its `firsts` to those of the next one, each to the node of its own number and one
    more. `literals` has what ends in a node, -1 for nothing. A literal is part of the `phrases` from `starts` on, two
    numbers each: phrase and strength, of which a type has four. `sizes` tells how many literals a phrase needs,
    `borders` where the types of each pack begin. `also` has further literals of each text, up to `also_ends`.
    `met`, `said`, `counts`, `tiers` and `value` are noughts: an entry for each literal, phrase, phrase, strength, type.
    """
    begin, more = 0, 0
    for text in range(texts):
        end, stamp, found, place = ends[text] - 1, text + 1, 0, begin
        while more < also_ends[text]:
            found = _stands(also[more], stamp, starts, phrases, sizes, met, said, counts, tiers, touched, found)
            more += 1
        while place < end:
            if data[place] == 0x20:
                node, place = np.int64(spaced[data[place + 1]]), place + 1
                at = place + 1
            else:
                char, place = _decoded(data, place)
                node, at = np.int64(heads[char]), place
            while node:
                if literals[node] >= 0:
                    literal = literals[node]
                    found = _stands(literal, stamp, starts, phrases, sizes, met, said, counts, tiers, touched, found)
                one, last = np.int64(firsts[node]), np.int64(firsts[node + 1])
                while one < last and labels[one] < data[at]:
                    one += 1
                node = one + 1 if one < last and labels[one] == data[at] else 0
                at += 1
        begin = ends[text]
        for pack in range(packs):
            types[text * packs + pack] = 0 if least[pack] <= 0 else -1  # else only types that are touched can claim it
        for place in range(found):
            one, score, pack = touched[place], 0.0, 0
            while borders[pack + 1] <= one:
                pack += 1
            types[text * packs + pack] = 0
            for tier in range(4 * one, 4 * one + 4):
                if tiers[tier] == stamp:
                    score += weights[tier]
            value[one] = score
        for pack in range(packs):
            best, top, second = np.int64(-1), -np.inf, -np.inf
            if types[text * packs + pack] == 0:
                for one in range(borders[pack], borders[pack + 1]):
                    if value[one] > top:
                        best, top, second = one, value[one], top
                    elif value[one] > second:
                        second = value[one]
                if borders[pack + 1] - borders[pack] == 1:
                    second = 0.0
            sure = top >= least[pack] and top - second >= margin[pack]
            types[text * packs + pack] = np.int32(best if sure else -1)
            scores[text * packs + pack] = top if sure else 0.0
        for place in range(found):
            value[touched[place]] = 0.0
    return 0


KERNELS = {kernel.__name__: kernel for kernel in (normal, claims)}
