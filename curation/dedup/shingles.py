"""Texts → the hashes of their shingles (character n-grams), for many texts in one go.

``ngram: auto`` takes three characters where Chinese, Japanese or Korean is written and five elsewhere: a Chinese word
has about two characters and an English word about five letters, so either is a little more than a word. A text is
shingled as if blanks stood around it. So every text, however short, has more shingles than characters, a change at its
ends weighs as much as one in its middle, and one changed character makes two texts of n-grams alike by less than
(length - 1) / (length - 1 + 2 n): short texts that are not equal are never near, without a special case for them.

A number as ``ngram`` gives the textbook's shingles: n-grams of that many characters, and a shorter text is one shingle.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

from curation import fast

U8 = npt.NDArray[np.uint8]
U32 = npt.NDArray[np.uint32]
U64 = npt.NDArray[np.uint64]
I64 = npt.NDArray[np.int64]
Ngram = int | Literal["auto"]

CJK_FROM = 0x2E80  # the first code point of the CJK blocks; kana, Hangul and full-width forms come after it too
CJK_NGRAM, OTHER_NGRAM = 3, 5
BASE = np.uint32(0x9E3779B1)  # odd, from the golden ratio
SEPARATOR = "\0" * (OTHER_NGRAM - 1)


def shingles(texts: Sequence[str], ngram: Ngram) -> tuple[U32, I64]:
    """Hash the shingles of every text to 32 bits: a function of the shingle alone.

    Returns the hashes, one text after another, and where each text starts in them. They are sets written as lists:
    shingles may stand several times in a text's part. A text without characters has the shingles of nothing; callers
    leave such texts out, for nothing is like nothing.
    """
    return _padded(texts) if ngram == "auto" else _plain(texts, ngram)


def mix(hashes: U32) -> U32:
    """Stir 32-bit numbers one to one (the finalizer of MurmurHash3), in place; return them."""
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
        hashes ^= hashes >> np.uint32(shift)
        hashes *= np.uint32(factor)
    hashes ^= hashes >> np.uint32(16)
    return hashes


def _codes(texts: Sequence[str], separator: str) -> U32:
    """Return the code points of all texts; `separator` stands before the first and after each."""
    joined = separator.join(["", *texts, ""])
    return np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)


def _rolled(mixed: U32, shorter: int, longer: int) -> tuple[U32, U32]:
    """Return for every place from `longer` - 1 on the hash of the `shorter` and of the `longer` codes that end there.

    The codes are stirred before, for differences of plain code points are small, and small differences can cancel
    out in 32 bits.
    """
    count = len(mixed) - longer + 1
    rolled = mixed[longer - 1 :].copy()
    short = rolled
    for back in range(1, longer):
        if back == shorter:
            short = rolled.copy()
        rolled *= BASE
        rolled ^= mixed[longer - 1 - back : longer - 1 - back + count]
    return short if shorter < longer else rolled, rolled


def _plain(texts: Sequence[str], ngram: int) -> tuple[U32, I64]:
    lengths = np.fromiter(map(len, texts), dtype=np.int64, count=len(texts))
    filled = list(texts)
    for place in np.flatnonzero(lengths < ngram).tolist():
        filled[place] = filled[place].ljust(ngram, "\0")
    lengths = np.maximum(lengths, ngram)
    codes, starts = _codes(filled, ""), np.cumsum(lengths) - lengths
    if kernels := fast.ready():
        return kernels.plain(codes, starts, ngram), starts
    _, rolled = _rolled(mix(codes.copy()), ngram, ngram)
    hashes = np.empty(len(codes), dtype=np.uint32)
    hashes[ngram - 1 :] = rolled
    # What ends in a text's first places began in the text before: its first own shingle is said again there.
    for place in range(ngram - 1):
        hashes[starts + place] = hashes[starts + ngram - 1]
    return hashes, starts


def _padded(texts: Sequence[str]) -> tuple[U32, I64]:
    lengths = np.fromiter(map(len, texts), dtype=np.int64, count=len(texts)) + len(SEPARATOR)
    codes = _codes(texts, SEPARATOR)
    starts = np.cumsum(lengths) - lengths
    ends = starts + lengths  # behind the blanks that follow the text
    if kernels := fast.ready():
        return kernels.padded(codes, starts, ends, np.uint32(CJK_FROM)), starts
    short, hashes = _rolled(mix(codes.copy()), CJK_NGRAM, OTHER_NGRAM)
    cjk = codes[len(SEPARATOR) :] >= CJK_FROM
    last = cjk[ends - len(SEPARATOR) - 1]
    for blank in range(len(SEPARATOR)):
        cjk[ends - 1 - blank] = last
    np.copyto(hashes, short, where=cjk)
    # Behind a Chinese character only two windows still hold it; the text's first shingle is said again in the others.
    for blank in range(OTHER_NGRAM - CJK_NGRAM):
        hashes[ends[last] - 1 - blank] = hashes[starts[last]]
    return hashes, starts
