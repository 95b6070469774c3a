"""What texts are made of, told by compiled kernels (extra `fast`) in one reading; checks ask Polars without them.

A pattern takes 20 to 50 ns for everything it counts, a kernel 1 ns a byte. What a character is, Polars was asked when
it was first seen, so both say the same.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable, Sequence
from functools import partial
from types import ModuleType
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import polars as pl

from curation.fast import accelerator

U8 = npt.NDArray[np.uint8]
U32 = npt.NDArray[np.uint32]
U64 = npt.NDArray[np.uint64]
I64 = npt.NDArray[np.int64]
HAN, WORD, PLAIN, LATIN, RARE, BRACKET, ODD, NEW = (1 << place for place in range(8))  # as texts.py has them
_TELLS = {
    HAN: r"\p{Han}",
    WORD: r"[\p{L}\p{N}&&[^\p{Han}]]",  # beside others of its kind it makes a word or a number
    PLAIN: r"[\w&&[^_]]",
    LATIN: r"[A-Za-z\u00c0-\u024f]",
    RARE: r"[\p{L}&&[^\p{Han}\p{Latin}]]",
    BRACKET: r"[\[\]]",
    ODD: "[İΣ\U00016ff0\U00016ff1]",  # no single character in lower case, by its neighbours, or a mark of Han
}
# Parts of a text: the first four as frames.py has them.
SAYS, LETTER, DIGIT, UNSURE, NO_MARK, SPOKEN = (1 << place for place in range(6))
_PARTS_TELL = {
    SAYS: r"[\p{L}\p{N}]",
    LETTER: r"\p{L}",
    DIGIT: r"\d",
    NO_MARK: r"[\w&&[^_]]",
    SPOKEN: r"[^\s\p{P}\p{S}]",
    UNSURE: "[İΣ\u212a]",
}
_KINDS: U8 = np.full(0x110000, NEW, dtype=np.uint8)  # NEW: Polars was not asked yet
_PARTS: U8 = np.full(0x110000, NEW, dtype=np.uint8)
_LOWER: U32 = np.zeros(0x110000, dtype=np.uint32)
Flat = tuple[U8, I64]
R = TypeVar("R")


def units(texts: pl.Series) -> pl.Series | None:
    """Count Han characters and runs of other letters and digits, masks as one; None without kernels."""
    read = told(texts)
    return None if read is None else read[0]


def made_of(texts: pl.Series) -> U8 | None:
    """Return for each text the union of what its characters are, 0 for null; None without kernels."""
    read = told(texts)
    return None if read is None else read[1]


def scripts(texts: pl.Series) -> U8 | None:
    """Tell of each text whether Han characters and Latin letters are in it, as bits; None without kernels."""
    kernels = accelerator(len(texts))
    if kernels is None:
        return None
    kinds: U8 = _known(partial(kernels.scripts, kinds=_KINDS), flat(texts))
    return kinds


def told(texts: pl.Series) -> tuple[pl.Series, U8] | None:
    """Return both `units` and `made_of`."""
    kernels = accelerator(len(texts))
    if kernels is None:
        return None
    counts, kinds = _known(partial(kernels.letters, kinds=_KINDS), flat(texts))
    units = pl.Series(texts.name, counts)
    return units.set(texts.is_null(), None) if texts.null_count() else units, kinds


def tongues(texts: pl.Series) -> tuple[U32, U32] | None:
    """Count Han characters and runs of two or more letters of ASCII, 0 for null; None without kernels."""
    kernels = accelerator(len(texts))
    if kernels is None:
        return None
    counts: tuple[U32, U32] = _known(partial(kernels.tongues, kinds=_KINDS), flat(texts))
    return counts


def normal(texts: pl.Series) -> tuple[ModuleType, tuple[Flat, U8]] | None:
    """Return the kernels, and texts as phrases of query types see them, with where that is not sure; None without."""
    kernels = accelerator(len(texts))
    if kernels is None:
        return None
    made: tuple[Flat, U8] = _known(partial(kernels.normal, kinds=_KINDS, lower=_LOWER), flat(texts))
    return kernels, made


def han_pairs(one: pl.Series, other: pl.Series) -> I64 | None:
    """Count the different pairs of neighbouring Han characters that stand in both; None without kernels."""
    kernels = accelerator(len(one))
    if kernels is None:
        return None
    counts: I64 = _known(partial(kernels.han_pairs, kinds=_KINDS), flat(one), flat(other))
    return counts


def kept(texts: pl.Series, keep: int, ask: Callable[[pl.Series], pl.Series]) -> pl.Series:
    """Return of each text the characters that `keep` says, in lower case.

    `ask` is asked without kernels, where small letters are not sure, and where nothing is left.
    """
    kernels = accelerator(len(texts))
    if kernels is None or not len(texts):
        return ask(texts)
    made, odd = _made(texts, partial(kernels.bare, parts=_PARTS, lower=_LOWER, keep=keep))
    rows = pl.Series(odd).cast(pl.Boolean).arg_true()
    return made.scatter(rows, ask(texts.gather(rows))) if len(rows) else made


def framed(texts: pl.Series, *, digits: bool) -> tuple[pl.Series, U8] | None:
    """Return texts in lower case, of letters, numbers and blanks with single spaces between; None without kernels.

    With `digits` each digit is a blank. Also returned is where that is not sure (1), and where no letter is left (2).
    """
    kernels = accelerator(len(texts))
    if kernels is None or not len(texts):
        return None
    ask = partial(kernels.framed, parts=_PARTS, lower=_LOWER, digits=digits)
    return _made(texts, ask)


def looks(texts: pl.Series) -> U8 | None:
    """Return for each text which patterns of diversity.py may match it, as bits of frames.py; None without kernels."""
    kernels = accelerator(len(texts))
    if kernels is None:
        return None
    parts = texts.to_frame("text").iter_slices(_ROWS)
    return np.concatenate([np.empty(0, dtype=np.uint8), *(kernels.looks(flat(part["text"])) for part in parts)])


def _made(texts: pl.Series, ask: Callable[[Flat], tuple[U8, U8] | None]) -> tuple[pl.Series, U8]:
    """Return what a kernel makes of texts, and what it says of each: so many at a time as a cache holds."""
    made, told = [], []
    for part in texts.to_frame("text").iter_slices(_ROWS):
        lines, some = _known(ask, flat(part["text"]))
        made.append(pl.Series([lines[:-1].tobytes()]).cast(pl.String).str.split("\n").explode())
        told.append(some)
    return pl.concat(made, rechunk=True).alias(texts.name), np.concatenate(told)


def contents(one: pl.Series, other: pl.Series, words: Sequence[U8 | U32 | I64 | int]) -> tuple[I64, U8] | None:
    """Count what both texts of each row hold beside `words`, and have in common (contents.py); None without kernels."""
    kernels = accelerator(len(one))
    if kernels is None:
        return None
    found: tuple[I64, U8] = _known(
        partial(kernels.contents, kinds=_KINDS, lower=_LOWER, words=words), flat(one), flat(other)
    )
    return found


def may_echo(said: pl.Series, asked: pl.Series, least: float) -> npt.NDArray[np.bool_] | None:
    r"""Tell where `said` may have a partial ratio of `least` (0 to 1) with `asked`; None without kernels.

    Of both as they are in lower case, without what `[\W_]` matches. Of the m letters of the shorter one and the w of
    the part of the other that is compared c are common, in order, 2c >= t(m + w). No more than (1 - t)(m + w) are not,
    and each of these parts two neighbours at most. As w >= c, (3t - 2)/(2 - t) m - 1 are neighbours in both.
    """
    kernels = accelerator(len(said))
    if kernels is None:
        return None
    share = max(0.0, (3 * least - 2) / (2 - least) - _ROUNDED)
    may: U8 = _known(partial(kernels.echoes, kinds=_KINDS, lower=_LOWER, share=share), flat(said), flat(asked))
    return may > 0


def tokens(texts: pl.Series) -> tuple[U64, I64] | None:
    """Hash Han characters and runs of other letters and digits, whatever their case, one text's behind another's.

    Returns also how many end with each text or before it; None without kernels, and where a character is no single one
    in lower case.
    """
    kernels = accelerator(len(texts))
    if kernels is None:
        return None
    hashes, ends, sure = _known(partial(kernels.tokens, kinds=_KINDS, lower=_LOWER), flat(texts))
    return (hashes, ends) if sure else None


_PIECE = 1 << 18  # bytes
_ROWS = 4096  # texts
_ROUNDED = 0.01  # scores are compared as numbers of 32 bits


def may_repeat(texts: pl.Series, least: int, shortest: int) -> npt.NDArray[np.bool_] | None:
    """Tell which texts may hold one sentence of `shortest` characters `least` times; None without kernels."""
    kernels = accelerator(len(texts))
    may: U8 | None = None if kernels is None else kernels.repeats(flat(texts), least, shortest)
    return None if may is None else may > 0


def flat(texts: pl.Series) -> Flat:
    """Return texts one behind the other in UTF-8, null as an empty one, and where each ends."""
    whole = texts.str.join("").cast(pl.Binary).item() if len(texts) else None
    sizes = texts.str.len_bytes().fill_null(0).to_numpy()
    return np.frombuffer(whole or b"", dtype=np.uint8), np.cumsum(sizes, dtype=np.int64)


def _known(ask: Callable[..., R | None], *texts: Flat) -> R:
    """Return what a kernel says of texts; it says nothing where a character is new."""
    if _KINDS[_USUAL[0]] == NEW:
        _ask(_USUAL)
    told = ask(*texts)
    while told is None:
        for data, _ in texts:
            _learn(data)
        told = ask(*texts)
    return told


# What most logs are written in, so that a first reading need not be done twice: ASCII, Latin, Chinese with its marks.
_USUAL = np.r_[0:0x180, 0x2010:0x2030, 0x3000:0x3020, 0x4E00:0xA000, 0xFF00:0xFF66]


def _learn(data: U8) -> None:
    """Ask Polars what the characters of a text are that are new."""
    there = np.zeros(len(_KINDS), dtype=np.bool_)
    decoder = codecs.getincrementaldecoder("utf-8")()
    for begin in range(0, len(data), _PIECE):  # all at once they would take ten times the memory of the texts
        piece = decoder.decode(data[begin : begin + _PIECE].tobytes())
        there[np.frombuffer(piece.encode("utf-32-le"), dtype=np.uint32)] = True
    _ask(np.flatnonzero(there & (_KINDS == NEW)))


def _ask(new: npt.NDArray[np.intp]) -> None:
    """Ask Polars what characters are; threads that ask the same write the same."""
    chars = pl.Series(list("".join(map(chr, new.tolist()))), dtype=pl.String)
    lower = chars.str.to_lowercase()
    other = chars.str.contains(_TELLS[WORD]) != lower.str.contains(_TELLS[WORD])  # newer than the pattern
    kinds = np.where(((lower.str.len_chars() != 1) | other).to_numpy(), ODD, 0)
    parts = np.where(kinds > 0, UNSURE, 0)
    for told, tells in ((kinds, _TELLS), (parts, _PARTS_TELL)):
        for kind, pattern in tells.items():
            told |= np.where(chars.str.contains(pattern).to_numpy(), kind, 0)
    for pattern in _PARTS_TELL.values():  # of capitals that are newer to one table of Polars than to another
        parts |= np.where((chars.str.contains(pattern) != lower.str.contains(pattern)).to_numpy(), UNSURE, 0)
    _PARTS[new] = parts
    _LOWER[new] = [ord(char[0]) for char in lower]
    _KINDS[new] = kinds
