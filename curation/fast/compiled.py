"""The inner loops of the search for duplicates and of checks, compiled (extra `fast`): called with arrays.

Import this module only where the extra may be missing or useless: see machine.py for what it raises.
"""

from __future__ import annotations

import ctypes
import secrets
from collections.abc import Generator, Iterator, Sequence
from typing import Any

import numpy as np

from curation.dedup.shingles import I64, U8, U32, U64
from curation.fast import machine

Flat = tuple[U8, I64]  # texts one behind the other in UTF-8, and where each ends

NEW = 128  # what texts.py calls so
QUOTE = 0x22

CALLED = {  # what each kernel gets, as kernels.py says it: places of arrays of a type, and numbers
    "plain": "u4 n i8 n n u4",
    "padded": "u4 u4 n i8 i8 n n u4",
    "sign": "u4 n i8 n u4 n u4",
    "sketch": "u4 n i8 n u4 n u4 n n u4 n u1",
    "band_keys": "u4 n n n n n u4 n",
    "ascending": "u8 u8 n i8",
    "agreements": "u1 n i8 i8 n i8",
    "bucketed": "u8 n n i8 i8 n u8 n i8 i8 i8",
    "beside": "i8 n i8 i8 n i8 n u8 n i8",
    "agreeing": "u1 n u8 n n u8",
    "bounded": "u8 n i8 i8 i8 i8 i8 n i8 i8",
    "merged": "u8 n u8 n u8 u8",
    "joined": "i8 n i8 i8 n",
    "overlaps": "u4 n i8 n i8 i8 n n u4 i8 i8 u1 i8",
    "shingle_bits": "u4 n i8 n n u4 i8 u1 n i8 i8",
    "letters": "u1 i8 n u1 u4 u1",
    "scripts": "u1 i8 n u1 u1",
    "tongues": "u1 i8 n u1 u4 u4",
    "han_pairs": "u1 i8 u1 i8 n u1 n u8 i8 i8",
    "bare": "u1 i8 n u1 u4 n u1 u1",
    "looks": "u1 i8 n u1",
    "framed": "u1 i8 n u1 u4 n u1 u1",
    "literals": "u1 i8 n u1 u4 n u8 u8 i8 i8 u1 u8 i8 u8 u8",
    "shapes": "u1 i8 n u1 u1",
    "contents": "u1 i8 u1 i8 n u1 u4 u1 u1 u4 n i8 u1 i8 u1 n u8 i8 i8 u1",
    "said_often": "u1 i8 n u1 u1 u4 n i8 u1 i8 n u1 u1",
    "repeats": "u1 i8 n n n n u8 i8 i8 u1",
    "echoes": "u1 i8 u1 i8 n u1 u4 n u4 u4 u4 u1",
    "normal": "u1 i8 n u1 u4 u1 u1 i8 u1",
    "claims": "u1 i8 n u4 u4 u4 u1 i8 i8 i8 i8 f8 i8 n f8 f8 i8 i8 i8 i8 i8 i8 i8 f8 i4 f8",
    "tokens": "u1 i8 n u1 u4 u8 i8",
    "grams": "u8 i8 n u1 n n u8 i8",
    "moved": "u8 n u8 n",
    "apart": "u1 n n u8 n u8 u4 u1 u8 i8",
    "neighbours": "u4 u1 n n n n n u1 n u8 u8 i8 i8 i8",
}


def plain(codes: U32, starts: I64, ngram: int) -> U32:
    """Hash the n-grams of texts that stand one after another, each as long as one or longer: `shingles.plain`."""
    codes, hashes = codes.copy(), np.empty_like(codes)
    _call("plain", codes, len(codes), starts, len(starts), ngram, hashes)
    return hashes


def padded(codes: U32, starts: I64, ends: I64, wide: int) -> U32:
    """Hash three characters from `wide` on, and five below it, of texts with four blanks around: `shingles.padded`."""
    hashes = np.empty(len(codes) - 4, dtype=np.uint32)
    _call("padded", codes, np.empty_like(codes), len(codes), starts, ends, len(starts), wide, hashes)
    return hashes


def sign(hashes: U32, starts: I64, permutations: U32, signatures: U32) -> None:
    """Write to `signatures` (texts × permutations) the least of each permuted shingle hash of each text."""
    _call("sign", hashes.copy(), len(hashes), starts, len(starts), permutations, permutations.shape[1], signatures)


def sketch(hashes: U32, starts: I64, permutations: U32, rows: int, keys: U32, lows: U8) -> None:
    """Do `sign` and `band_keys`, and write the last byte of each minimum to `lows`; no signature is kept."""
    columns = permutations.shape[1]
    row, stirred = np.empty(columns, dtype=np.uint32), hashes.copy()
    texts, stride = (stirred, len(hashes), starts, len(starts)), keys.strides[0] // keys.itemsize
    _call("sketch", *texts, permutations, columns, row, len(keys), rows, keys, stride, lows)


def band_keys(signatures: U32, start: int, end: int, rows: int, keys: U32) -> None:
    """Write to `keys` (bands × texts) the hash of every band of the signatures from `start` to `end`."""
    _call("band_keys", signatures, signatures.shape[1], start, end, len(keys), rows, keys, keys.shape[1])


def ascending(values: U64) -> U64:
    """Sort."""
    here, room = values.copy(), np.empty_like(values)
    return room if _call("ascending", here, room, len(here), np.zeros(8 * 256, dtype=np.int64)) else here


def agreements(sketches: U8, left: I64, right: I64) -> I64:
    """Count for each pair of texts the columns in which their rows of `sketches` (texts × permutations) agree."""
    counts = np.empty(len(left), dtype=np.int64)
    _call("agreements", sketches, sketches.shape[1], left, right, len(left), counts)
    return counts


def bucketed(
    ordered: U64, window: int, places: I64, roots: I64 | None, room: int
) -> Generator[U64, None, tuple[I64, I64]]:
    """Yield the pairs within buckets of up to `window` texts, up to `room` at a time: kernels.py says of what.

    Return the texts of larger buckets, one bucket after another, and the sizes of these.
    """
    pairs, who = np.empty(room, dtype=np.uint64), np.empty(len(ordered), dtype=np.int64)
    sizes, state = np.empty(len(ordered) // (window + 1), dtype=np.int64), np.zeros(3, dtype=np.int64)
    texts = ordered, len(ordered), window, places, *((places, 0) if roots is None else (roots, 1))
    while state[0] < len(ordered):
        yield pairs[: _call("bucketed", *texts, pairs, room, who, sizes, state)].copy()
    return who[: state[2]], sizes[: state[1]]


def beside(who: I64, ends: I64, centres: I64, near: int, roots: I64 | None, room: int) -> Iterator[U64]:
    """Yield the pairs of each text with the `near` next of its bucket, and with its centre: kernels.py says of what."""
    pairs, state = np.empty(room, dtype=np.uint64), np.zeros(2, dtype=np.int64)
    texts = who, len(who), ends, centres, near, *((who, 0) if roots is None else (roots, 1))
    while state[0] < len(who):
        yield pairs[: _call("beside", *texts, pairs, room, state)].copy()


def agreeing(sketches: U8, pairs: U64, least: int) -> U64:
    """Return the pairs of texts, two indices in one number, whose `sketches` agree in `least` columns or more."""
    room = np.empty_like(pairs)
    return room[: _call("agreeing", sketches, sketches.shape[1], pairs, len(pairs), least, room)].copy()


def bounded(bits: U64, sizes: I64, again: I64, place: I64, left: I64, right: I64) -> tuple[I64, I64]:
    """Return how many shingles each pair of texts may share at most, and have together then: bounds.py says of what."""
    shared, whole = np.empty(len(left), dtype=np.int64), np.empty(len(left), dtype=np.int64)
    _call("bounded", bits, bits.shape[1], sizes, again, place, left, right, len(left), shared, whole)
    return shared, whole


def merged(seen: U64, pairs: U64) -> tuple[U64, U64]:
    """Return both together, and what of `pairs` is not `seen`; either is in order and each of its values different."""
    room, new = np.empty(len(seen) + len(pairs), dtype=np.uint64), np.empty_like(pairs)
    found = _call("merged", seen, len(seen), pairs, len(pairs), room, new)
    return room[: len(seen) + found], new[:found]


def join(roots: I64, left: I64, right: I64) -> None:
    """Join the components of each pair, in place; the root of a component is its smallest index."""
    _call("joined", roots, len(roots), left, right, len(left))


def overlaps(hashes: U32, starts: I64, one: I64, other: I64) -> I64:
    """Count for each pair of texts the shingles of the first, of the second, and of both (pairs × 3)."""
    size, counts = _table_size(starts, len(hashes), 4), np.zeros((len(one), 3), dtype=np.int64)
    value, stamp, met = np.empty(size, dtype=np.uint32), *(np.zeros(size, dtype=np.int64) for _ in range(2))
    texts = hashes, len(hashes), starts, len(starts)
    _call("overlaps", *texts, one, other, len(one), size, value, stamp, met, np.zeros(size, dtype=np.uint8), counts)
    return counts


def shingle_bits(hashes: U32, starts: I64, bits: U8, sizes: I64, again: I64) -> None:
    """Write the bits of each text's shingles, how many different ones it has, and how many found their bit set.

    `bits` is texts × bytes, as many bytes as a power of two, the highest bit of a byte first (as NumPy packs them).
    """
    size = _table_size(starts, len(hashes), 2)
    table = size, np.empty(size, dtype=np.uint32), np.zeros(size, dtype=np.int64)
    bits[:] = 0
    width = (8 * bits.shape[1]).bit_length() - 1
    _call("shingle_bits", hashes, len(hashes), starts, len(starts), *table, bits, width, sizes, again)


def letters(texts: Flat, kinds: U8) -> tuple[U32, U8] | None:
    """Return the units of texts, and what they are made of; `kinds` says it of every character (checks/letters.py).

    None, as below, where one of them is new.
    """
    data, ends = texts
    units, made_of = np.empty(len(ends), dtype=np.uint32), np.empty(len(ends), dtype=np.uint8)
    new = _call("letters", data, ends, len(ends), kinds, units, made_of)
    return None if new else (units, made_of)


def scripts(texts: Flat, kinds: U8) -> U8 | None:
    """Tell of each text whether Han characters and Latin letters are in it, as bits."""
    told = np.empty(len(texts[1]), dtype=np.uint8)
    return None if _call("scripts", *texts, len(told), kinds, told) else told


def tongues(texts: Flat, kinds: U8) -> tuple[U32, U32] | None:
    """Count for each text its Han characters, and its runs of two or more letters of ASCII."""
    han, words = (np.empty(len(texts[1]), dtype=np.uint32) for _ in range(2))
    return None if _call("tongues", *texts, len(han), kinds, han, words) else (han, words)


def han_pairs(one: Flat, other: Flat, kinds: U8) -> I64 | None:
    """Count for each row the different pairs of neighbouring Han characters that stand in both texts."""
    size = 1 << (2 * _longest(one)).bit_length()
    table = size, np.empty(size, dtype=np.uint64), np.zeros(size, dtype=np.int64)
    counts = np.empty(len(one[1]), dtype=np.int64)
    return None if _call("han_pairs", *one, *other, len(counts), kinds, *table, counts) else counts


def bare(texts: Flat, parts: U8, lower: U32, keep: int) -> tuple[U8, U8] | None:
    """Return what `keep` says of texts in lower case, a line feed behind each text, and (1) which are odd."""
    data, ends = texts
    made, odd = np.empty(len(data) * 3 // 2 + len(ends), dtype=np.uint8), np.empty(len(ends), dtype=np.uint8)
    size = _call("bare", data, ends, len(ends), parts, lower, keep, made, odd)
    return None if size < 0 else (made[:size], odd)


def looks(texts: Flat) -> U8:
    """Return for each text bits of the patterns that may match it: frames.py says which."""
    told = np.empty(len(texts[1]), dtype=np.uint8)
    _call("looks", *texts, len(told), told)
    return told


def framed(texts: Flat, parts: U8, lower: U32, *, digits: bool) -> tuple[U8, U8] | None:
    """Return what `framed` of frames.py makes of texts, and of which nothing is sure (1), or left (2)."""
    data, ends = texts
    made, odd = np.empty(2 * len(data) + len(ends), dtype=np.uint8), np.empty(len(ends), dtype=np.uint8)
    size = _call("framed", data, ends, len(ends), parts, lower, digits, made, odd)
    return None if size < 0 else (made[:size], odd)


def echoes(said: Flat, asked: Flat, kinds: U8, lower: U32, share: float) -> U8 | None:
    """Tell of each row (1 or 0) whether `said` may echo `asked`: texts.py says how; `share` is rounded down."""
    room = [np.empty(max(1, _longest(texts)), dtype=np.uint32) for texts in (said, asked)]
    may, met = np.empty(len(said[1]), dtype=np.uint8), np.zeros(4096, dtype=np.uint32)
    new = _call("echoes", *said, *asked, len(may), kinds, lower, int(1_000_000 * share), *room, met, may)
    return None if new else may


def contents(
    one: Flat, other: Flat, kinds: U8, lower: U32, words: Sequence[U8 | U32 | I64 | int]
) -> tuple[I64, U8] | None:
    """Count for each row the units of both texts beside `words` (a `contents.Words`), and what both have: rows × 3.

    Also returns the rows of which nothing is sure.
    """
    size = 1 << (2 * _longest(one)).bit_length()
    table = size, np.empty(size, dtype=np.uint64), np.zeros(size, dtype=np.int64)
    room = np.empty(max(1, _longest(one), _longest(other)), dtype=np.uint8)
    counts, odd = np.empty((len(one[1]), 3), dtype=np.int64), np.empty(len(one[1]), dtype=np.uint8)
    new = _call("contents", *one, *other, len(odd), kinds, lower, *words, room, *table, counts, odd)
    return None if new else (counts, odd)


def said_often(texts: Flat, words: Sequence[U8 | U32 | I64 | int], least: int) -> tuple[U8, U8]:
    """Tell of each text (1 or 0) whether it holds `words` (a `contents.Words`) so often, and where that is not sure."""
    told, odd = (np.empty(len(texts[1]), dtype=np.uint8) for _ in range(2))
    _call("said_often", *texts, len(told), *words, least, told, odd)
    return told, odd


def repeats(texts: Flat, least: int, shortest: int) -> U8:
    """Tell of each text (1 or 0) whether it may hold a sentence of so many bytes so often."""
    size = 1 << (2 * _longest(texts) // max(1, shortest) + 2).bit_length()
    stamp, counts = (np.zeros(size, dtype=np.int64) for _ in range(2))
    may = np.empty(len(texts[1]), dtype=np.uint8)
    _call("repeats", *texts, len(may), least, shortest, size, np.empty(size, dtype=np.uint64), stamp, counts, may)
    return may


def literals(texts: Flat, *automaton: U8 | U32 | U64 | I64 | int) -> tuple[U64, U64]:
    """Return for each text the bits of the patterns that may match it, and of those that do: a `sieve.Automaton`."""
    needed, enough = (np.empty(len(texts[1]), dtype=np.uint64) for _ in range(2))
    _call("literals", *texts, len(needed), *automaton, needed, enough)
    return needed, enough


def normal(texts: Flat, kinds: U8, lower: U32) -> tuple[Flat, U8] | None:
    """Return texts as phrases of query types see them, a line feed behind each, and where that is not sure."""
    data, ends = texts
    room, made = (np.empty(size, dtype=np.uint8) for size in (max(1, _longest(texts)), 2 * len(data) + 3 * len(ends)))
    made_ends, odd = np.empty(len(ends), dtype=np.int64), np.empty(len(ends), dtype=np.uint8)
    if _call("normal", data, ends, len(ends), kinds, lower, room, made, made_ends, odd):
        return None
    return (made[: made_ends[-1] if len(ends) else 0], made_ends), odd


def claims(texts: Flat, tree: Sequence[Any], packs: Sequence[Any], also: Sequence[I64]) -> tuple[Any, Any]:
    """Return the type that each pack claims of texts that `normal` made (-1: none), and its score: texts × packs.

    `tree` and `packs` are those of a `query_types.Typer`, `also` further literals of each text, and where they end.
    """
    *_, starts, _ = tree
    sizes, weights, borders, *_ = packs
    number, count = len(texts[1]), len(borders) - 1
    types, scores = np.empty((number, count), dtype=np.int32), np.empty((number, count), dtype=np.float64)
    seen = [np.zeros(size, dtype=np.int64) for size in (len(starts), len(sizes), len(sizes), len(weights), borders[-1])]
    room = *seen, np.zeros(borders[-1], dtype=np.float64)
    _call("claims", *texts, number, *tree, sizes, weights, borders, count, *packs[3:], *also, *room, types, scores)
    return types, scores


def shapes(texts: Flat, kinds: U8) -> U8:
    """Return for each text bits of what numbers and codes are made of; `kinds` says it of characters: texts.py."""
    told = np.empty(len(texts[1]), dtype=np.uint8)
    _call("shapes", *texts, len(told), kinds, told)
    return told


def tokens(texts: Flat, kinds: U8, lower: U32) -> tuple[U64, I64, bool] | None:
    """Hash the tokens of texts; return how many end with each text or before it, and whether all of it is sure."""
    hashes, ends = np.empty(len(texts[0]), dtype=np.uint64), np.empty(len(texts[1]), dtype=np.int64)
    seen = _call("tokens", *texts, len(ends), kinds, lower, hashes, ends)
    count = int(ends[-1]) if len(ends) else 0
    return None if seen & NEW else (hashes[:count], ends, not seen)


def grams(hashes: U64, ends: I64, sides: U8, ngram: int) -> I64:
    """Count the different n-grams of tokens on each of four sides; `sides` has a bit for each that a text is on."""
    size, different = max(16, 1 << (2 * len(hashes)).bit_length()), np.zeros(4, dtype=np.int64)
    _call("grams", hashes, ends, len(ends), sides, ngram, size, np.zeros(size, dtype=np.uint64), different)
    return different


def neighbours(signed: U32, sides: U8, many: int, orders: int, width: int, wide: int) -> I64:
    """Return for each text (many × texts) in how many columns a neighbour in one of `orders` agrees, at most."""
    (texts, columns), lows = signed.shape, signed.astype(np.uint8)
    best, runs = np.zeros((many, texts), dtype=np.int64), np.empty(2 * texts + 4, dtype=np.int64)
    rooms = np.empty(texts, dtype=np.uint64), np.empty(texts, dtype=np.uint64), runs, np.empty(1024, dtype=np.int64)
    _call("neighbours", signed, lows, texts, columns, orders, width, wide, sides, many, *rooms, best)
    return best


class Apart:
    """Takes lines of JSON apart into their texts, and tells each of these once: exports.py says how."""

    def __init__(self) -> None:
        """Start with no text seen; which texts have one hash cannot be known beforehand."""
        self._seed = secrets.randbits(62)
        self._table, self._known = np.zeros(4096, dtype=np.uint64), 0

    def __call__(self, block: bytes) -> tuple[U64, U32, U64, bytes]:
        """Return hash and line of every text, hashes of those not seen before, and these as they stand, a line each."""
        data = np.frombuffer(block, dtype=np.uint8)
        most = int(np.count_nonzero(data == QUOTE)) // 2 + 1
        size = 1 << (2 * (self._known + most)).bit_length()
        if size > len(self._table):
            old, self._table = self._table, np.zeros(size, dtype=np.uint64)
            _call("moved", old, len(old), self._table, size)
        keys, fresh, records = *(np.empty(most, dtype=np.uint64) for _ in range(2)), np.empty(most, dtype=np.uint32)
        new, told = np.empty(len(data) + 1, dtype=np.uint8), np.zeros(2, dtype=np.int64)
        seen = self._seed, self._table, len(self._table)
        count = _call("apart", data, len(data), *seen, keys, records, new, fresh, told)
        self._known += int(told[0])
        return keys[:count], records[:count], fresh[: told[0]], new[: told[1]].tobytes()


def _longest(texts: Flat) -> int:
    """Return how many bytes the longest of the texts has: a character has one at least."""
    return int(np.diff(texts[1], prepend=0).max(initial=0))


def _table_size(starts: I64, end: int, places: int) -> int:
    """Return a power of two that gives each shingle of the longest text as many `places` of a hash table, or more.

    `starts` is where each text's shingles begin, `end` where those of the last one end.
    """
    longest = int(np.diff(starts, append=end).max(initial=1))
    return max(16, 1 << (places * longest - 1).bit_length())


def _call(name: str, *arguments: np.ndarray | int) -> int:
    """Call a kernel: of arrays it gets where they begin. Others may use the interpreter meanwhile."""
    given = []
    for kind, one in zip(CALLED[name].split(), arguments, strict=True):
        if isinstance(one, np.ndarray):
            rows = one.size and one.shape[-1] > 1  # else NumPy tells strides that mean nothing
            if one.dtype.str[1:] != kind or (rows and one.strides[-1] != one.itemsize):
                raise TypeError(f"{name}: {one.dtype} where {kind} in a row are asked for")
            given.append(one.ctypes.data)
        else:
            given.append(int(one))
    return int(_KERNELS[name](*given))


_ENGINE = machine.loaded()
_NUMBER = ctypes.c_int64  # and so is a place: either goes into a register of 64 bits
_KERNELS = {
    name: ctypes.CFUNCTYPE(_NUMBER, *[_NUMBER for _ in kinds.split()])(
        _ENGINE.get_function_address(machine.PREFIX + name)
    )
    for name, kinds in CALLED.items()
}
