"""How varied a set is: query types, sentence skeletons, wording, and how near the nearest other question is.

Every number comes from counts that add up over shards (`query_type`, `skeleton`), or from a sample that shards can draw
together: ids are hashes, so the first k in the order of ids are a random sample, whatever the sharding. Wording and
nearness depend on how many texts are looked at, so before and after are measured on samples of the same size.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from curation.checks import letters
from curation.checks.wording import regex
from curation.dedup import signatures
from curation.fast import accelerator
from curation.query_types import OTHER
from curation.recipe import Dedup
from curation.vectors import MASK

AMONG = 100  # of how many the report says how many are different
SIDES = ("before", "after")  # all candidates, and those that are kept
SAMPLE = 20_000  # texts at most of which wording and nearness are measured
COMMON = 10  # skeletons that count as the common ones
ORDERS = 32  # sorted orders of the signatures in which neighbours are compared
MOST_SIDES = 4  # that compiled kernels tell apart
BLANK = "□"  # stands for what is masked in a skeleton

U8 = npt.NDArray[np.uint8]
U32 = npt.NDArray[np.uint32]
I64 = npt.NDArray[np.int64]
U64 = npt.NDArray[np.uint64]

_NAMED = r"(《[^《》]{1,40}》|“[^“”]{1,40}”|「[^「」]{1,40}」|\"[^\"]{1,40}\"|https?://\S+|[\w.]+@[\w.]+)"
_MODEL = r"(?-u:\b)[A-Za-z]+-?\d[A-Za-z0-9-]*|(?-u:\b)\d+[A-Za-z]+[A-Za-z0-9-]*"
_CAPITAL = r"([a-z,] )[A-Z][a-z]+(?: [A-Z][a-z]+)*"  # inside an English sentence: a name
_NUMBER = r"\d+(?:[.,:/-]\d+)*%?"


# --- skeletons ---------------------------------------------------------------------------------------------------


def skeletons(questions: pl.Expr, *, products: Sequence[str], framing: str) -> pl.Expr:
    """Return the frame of each question: names, numbers, masks and product words are blanks, courtesy is off.

    `products` are words as in a pack of query types (``phone*``); `framing` matches what may stand around a question
    without changing it (a cue of the packs). Where nothing would be left the question itself stands.
    """
    made = partial(_skeletons, products=products, framing=framing)
    return questions.map_batches(made, return_dtype=pl.String)


def _skeletons(questions: pl.Series, *, products: Sequence[str], framing: str) -> pl.Series:
    """Step by step: an expression that looks at what it has made would make it twice."""
    may = letters.looks(questions)
    if may is None:
        return _all_steps(questions, products=products, framing=framing)
    found = questions
    for bit, pattern in ((_MAY_MASK, MASK), (_MAY_NAME, _NAMED)):
        found = _replaced(found, may & bit, pattern, BLANK)
    if framing:
        bare = found.str.replace_all(framing, " ")
        changed, found = (bare != found).arg_true().to_numpy(), bare
        if (again := letters.looks(found[changed])) is not None:
            may[changed] = again
    found = _replaced(found, may & _MAY_CAPITAL, _CAPITAL, f"${{1}}{BLANK}")
    found = _replaced(found, may & _MAY_MODEL, _MODEL, BLANK)
    if products:
        found = found.str.replace_all(_NUMBER, BLANK).str.replace_all(_words(products), BLANK)
    made = letters.framed(found, digits=not products)
    if made is None:  # no text at all
        return found
    found, odd = made
    empty, strange = (pl.Series(odd == kind).arg_true() for kind in (_EMPTY, _STRANGE))
    found = found.scatter(empty, questions[empty].str.strip_chars().str.to_lowercase())
    return found.scatter(strange, _all_steps(questions[strange], products=products, framing=framing))


def _replaced(texts: pl.Series, may: npt.NDArray[Any], pattern: str, by: str) -> pl.Series:
    """Replace what matches, in the texts of which it may."""
    rows = np.flatnonzero(may)
    return texts.clone().scatter(rows, texts[rows].str.replace_all(pattern, by)) if len(rows) else texts


# As fast/frames.py has them.
_MAY_MASK, _MAY_NAME, _MAY_CAPITAL, _MAY_MODEL = (1 << place for place in range(4))
_STRANGE, _EMPTY = 1, 2


def _all_steps(questions: pl.Series, *, products: Sequence[str], framing: str) -> pl.Series:
    """Ask Polars alone, of all texts."""
    found = questions.str.replace_all(MASK, BLANK).str.replace_all(_NAMED, BLANK)
    found = found.str.replace_all(framing, " ") if framing else found
    found = found.str.replace_all(_CAPITAL, f"${{1}}{BLANK}").str.to_lowercase()
    found = found.str.replace_all(_MODEL, BLANK).str.replace_all(_NUMBER, BLANK)
    if products:
        found = found.str.replace_all(_words(products), BLANK)
    # A single space between two words is the most frequent mark by far: it stays as it is.
    found = found.str.replace_all(rf"[^\p{{L}}\p{{N}}{BLANK} ]+", " ").str.replace_all("  +", " ").str.strip_chars(" ")
    found = found.str.replace_all(rf"{BLANK}(?: ?{BLANK})+", BLANK)
    empty = (~found.str.contains(r"\p{L}")).arg_true()
    return found.scatter(empty, questions[empty].str.strip_chars().str.to_lowercase())


def _words(products: Sequence[str]) -> str:
    """Return one expression for all product words, the longest first: 洗衣机 before 衣."""
    latin = sorted((w for w in products if w.isascii()), key=lambda w: (-len(w), w))
    other = sorted((w for w in products if not w.isascii()), key=lambda w: (-len(w), w))
    ends = [w.removesuffix("*") + r"[a-z]*" if w.endswith("*") else w for w in latin]
    parts = [rf"\b(?:{'|'.join(ends)})\b"] if ends else []
    return regex(*parts, *other, sure=True)


# --- scores ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Diversity:
    """How varied a set is; None where there is nothing to measure."""

    evenness: float | None  # Pielou: Shannon entropy of the query types over its maximum, 0 to 1
    effective_types: float | None  # Hill number of order 1: exp(entropy); how many equally common types it equals
    distinct_questions: float | None  # different skeletons per question, among AMONG questions (rarefied)
    distinct_openings: float | None  # different openings, of six characters, per answer, among AMONG answers


@dataclass(frozen=True)
class Scores:
    """The diversity of one side, before or after curation; None where there is nothing to measure."""

    type_coverage: float | None  # share of the known query types that have an example
    evenness: float | None
    effective_types: float | None
    skeletons: int
    common_skeletons: float | None  # share of the questions that the COMMON most frequent skeletons hold
    effective_skeletons: float | None
    distinct_1: float | None  # different n-grams per n-gram: characters in Chinese, words elsewhere
    distinct_2: float | None
    distinct_3: float | None
    nearest: float | None  # mean estimated Jaccard similarity of a question to the one most like it


def opening() -> pl.Expr:
    """Return how an answer begins: its first six characters, marks and spaces aside."""
    return pl.col("answer").map_batches(_opening, return_dtype=pl.String)


def _opening(answers: pl.Series) -> pl.Series:
    """Look at what begins an answer; at the whole of it only where that is mostly marks."""
    begins = answers.str.head(_HEAD).str.replace_all(_ASIDE, "")
    short = (begins.str.len_chars() < _OPENS).arg_true()
    whole = answers.gather(short).str.replace_all(_ASIDE, "")
    return begins.scatter(short, whole).str.head(_OPENS)


_OPENS, _HEAD, _ASIDE = 6, 16, r"[\s\p{P}]+"


def diversity(examples: pl.DataFrame, types: int) -> Diversity:
    """Measure examples that have `query_type`, `skeleton`, `answer`; `types` is how many query types there are."""
    counts = (examples.select(of).to_series().value_counts()["count"] for of in (pl.col("skeleton"), opening()))
    return evenness(examples["query_type"].value_counts()["count"], *counts, types=types)


def evenness(by_type: pl.Series, by_skeleton: pl.Series, by_opening: pl.Series, *, types: int) -> Diversity:
    """Return what `diversity` returns, from how many examples are of each kind, added up over shards."""
    if not by_type.sum():
        return Diversity(None, None, None, None)
    entropy = _entropy(by_type)
    return Diversity(
        round(entropy / math.log(types), 4) if types > 1 else None,
        round(math.exp(entropy), 2),
        round(rarefied(by_skeleton), 4),
        round(rarefied(by_opening), 4),
    )


def rarefied(counts: pl.Series, among: int = AMONG) -> float:
    """Return how many kinds to expect, per draw, among so many drawn without putting back (Hurlbert 1971).

    `counts` are the sizes of the kinds, above 0. Kinds per member of all fall as a set grows, however varied it is.
    """
    sizes = counts.cast(pl.Int64).value_counts(name="kinds").sort(counts.name)  # few, so that a table of them is small
    whole, drawn = int(counts.sum()), min(among, int(counts.sum()))
    size, nth = sizes[counts.name].to_numpy()[:, None], np.arange(drawn)
    missed = (np.maximum(0, whole - size - nth) / (whole - nth)).prod(axis=1)  # that none of a kind is drawn
    return float(((1 - missed) * sizes["kinds"].to_numpy()).sum() / drawn)


def scores(examples: pl.DataFrame, types: Sequence[str], settings: Dedup, *, compared: int, seed: int) -> Scores:
    """Measure `examples` (id, query_type, skeleton, question); wording and nearness on the first `compared` by id."""
    by_type = dict(examples["query_type"].value_counts().iter_rows())
    by_skeleton = examples["skeleton"].value_counts()["count"]
    (worded,) = wordings([examples.sort("id").head(compared)], settings, seed=seed)
    return scored(by_type, by_skeleton, worded, types)


def sampled(examples: pl.DataFrame) -> pl.DataFrame:
    """Return the first SAMPLE examples, in the order of ids: id, question."""
    return examples.select("id", "question").bottom_k(SAMPLE, by="id")


def samples(*parts: Iterable[pl.DataFrame]) -> list[pl.DataFrame]:
    """Return a sample (id, question; sorted by id) of each side, of one size, from what `sampled` returned of parts."""
    sides = [pl.concat(side).sort("id") for side in parts]
    compared = min(SAMPLE, *(side.height for side in sides))
    return [side.head(compared) for side in sides]


class Wording(NamedTuple):
    """How questions are worded: distinct n-grams per n-gram (1 to 3), mean similarity of a question to its nearest."""

    distinct: list[float | None]
    nearest: float | None


def wordings(samples: Sequence[pl.DataFrame], settings: Dedup, *, seed: int) -> list[Wording]:
    """Measure questions (id, question; sorted by id) of each sample; what several have is looked at once."""
    every = pl.concat(sample.select("id", "question") for sample in samples).unique("id").sort("id")
    sides = [every["id"].is_in(sample["id"].implode()) for sample in samples]
    distinct, nearest = _distinct(every["question"], sides), _nearest(every["question"], sides, settings, seed)
    return [Wording(*both) for both in zip(distinct, nearest, strict=True)]


def scored(by_type: Mapping[str, int], by_skeleton: pl.Series, worded: Wording, types: Sequence[str]) -> Scores:
    """Return what `scores` returns, from counts that were added up over shards and the questions compared."""
    if not by_type:
        return Scores(None, None, None, 0, None, None, None, None, None, None)
    height, entropy = sum(by_type.values()), _entropy(pl.Series(list(by_type.values())))
    known = set(types) - {OTHER}
    return Scores(
        type_coverage=round(len(known & set(by_type)) / len(known), 4) if known else None,
        evenness=round(entropy / math.log(len(known) + 1), 4) if known else None,
        effective_types=round(math.exp(entropy), 2),
        skeletons=len(by_skeleton),
        common_skeletons=round(int(by_skeleton.sort(descending=True).head(COMMON).sum()) / height, 4),
        effective_skeletons=round(math.exp(_entropy(by_skeleton)), 2),
        distinct_1=worded.distinct[0], distinct_2=worded.distinct[1], distinct_3=worded.distinct[2],
        nearest=worded.nearest,
    )  # fmt: skip


def _entropy(counts: pl.Series) -> float:
    """Return the Shannon entropy of counts, in nats. Sorted, so that the sum is the same in any order."""
    shares = counts.sort().to_numpy() / counts.sum()
    return abs(float(-(shares * np.log(shares)).sum()))


def _distinct(texts: pl.Series, sides: Sequence[pl.Series]) -> Iterator[list[float | None]]:
    """Yield for the texts of each side how many different n-grams there are per n-gram, of 1 to 3.

    No n-gram reaches over the end of a text. Those of equal hash (60 bits and more) are taken for equal.
    """
    counted = letters.tokens(texts) if accelerator(0) and len(sides) <= MOST_SIDES else None
    if counted is not None:
        yield from _counted(*counted, sides)
        return
    found = pl.DataFrame({"token": texts.str.to_lowercase().str.extract_all(r"\p{Han}|[\p{L}\p{N}&&[^\p{Han}]]+")})
    tokens = found.with_row_index("row").explode("token", empty_as_null=True).drop_nulls("token")
    hashed, rows = tokens["token"].hash(seed=0).to_numpy(), tokens["row"].to_numpy()
    for side in sides:
        mine = side.to_numpy()[rows]
        grams, of = hashed[mine], rows[mine]
        first, told = grams, list[float | None]()
        for n in (1, 2, 3):
            if n > 1:
                grams = grams[:-1] * _ODD + first[n - 1 :]
            whole = grams[of[n - 1 :] == of[: len(grams)]]
            told.append(round(pl.Series(whole).n_unique() / len(whole), 4) if len(whole) else None)
        yield told


def _counted(hashes: U64, ends: I64, sides: Sequence[pl.Series]) -> Iterator[list[float | None]]:
    """Do `_distinct` with compiled kernels, for up to MOST_SIDES sides; `hashes` are of all tokens."""
    kernels, sizes = accelerator(0), np.diff(ends, prepend=0)
    different = [kernels.grams(hashes, ends, _bits(sides), n) for n in (1, 2, 3)] if kernels else []
    for place, side in enumerate(sides):
        mine = sizes[side.to_numpy()]
        every = [int(np.maximum(mine - n, 0).sum()) for n in (0, 1, 2)]
        yield [round(int(some[place]) / of, 4) if of else None for some, of in zip(different, every, strict=True)]


def _bits(sides: Sequence[pl.Series]) -> U8:
    """Return for each text a bit for every side that it is on."""
    bits = np.zeros(len(sides[0]), dtype=np.uint8)
    for place, side in enumerate(sides):
        bits |= side.to_numpy().astype(np.uint8) << np.uint8(place)
    return bits


_ODD = np.uint64(0x9E3779B97F4A7C15)  # the golden ratio: makes one hash of two


def _nearest(texts: pl.Series, sides: Sequence[pl.Series], settings: Dedup, seed: int) -> list[float | None]:
    """Return for the texts of each side the mean similarity of a text to its nearest, estimated by MinHash.

    The rows of signatures are sorted by ORDERS different groups of columns; what is alike is likely to stand side by
    side in one of them. Each text is compared with its two neighbours in each order: linear, and a lower bound. The
    texts of one side stand in the order of all. Only where the last bytes of two signatures, a quarter of them, leave
    room for a nearer one are they compared as a whole.
    """
    if texts.is_empty():
        return [None for _ in sides]
    plain = texts.str.to_lowercase().str.replace_all(r"[^\p{L}\p{N}]+", "")
    signed = signatures(plain.to_list(), settings, seed=seed)
    masks = [side.to_numpy() for side in sides]
    kernels = accelerator(0)
    if kernels and len(sides) <= MOST_SIDES:
        best = kernels.neighbours(signed, _bits(sides), len(sides), *_widths(signed.shape[1]))
    else:
        best = _nearer(signed, masks)
    found = (mine[mask] / signed.shape[1] for mask, mine in zip(masks, best, strict=True))
    return [round(float(one.mean()), 4) if len(one) > 1 else None for one in found]


def _nearer(signed: U32, masks: Sequence[npt.NDArray[np.bool_]]) -> I64:
    """Return for each side and text in how many columns a neighbour agrees, at most: see `_nearest`."""
    best: I64 = np.zeros((len(masks), len(signed)), dtype=np.int64)
    last = np.zeros((len(signed), -(-signed.shape[1] // 8) * 8), dtype=np.uint8)
    last[:, : signed.shape[1]] = signed
    for order in _orders(signed):
        for mask, mine in zip(masks, best, strict=True):
            within = order[mask[order]]
            known, near = mine[within], last[within]
            most = _equal(near[1:], near[:-1])
            most -= last.shape[1] - signed.shape[1]
            nearer = np.flatnonzero(most > np.minimum(known[1:], known[:-1]))
            one, other = within[nearer], within[nearer + 1]
            same = np.count_nonzero(signed[one] == signed[other], axis=1)
            for side in (one, other):
                mine[side] = np.maximum(mine[side], same)
    return best


def _widths(columns: int) -> tuple[int, int, int]:
    """Return how many orders there are, how far apart their columns begin, and by how many each goes."""
    width = max(1, columns // ORDERS)
    return min(ORDERS, columns), width, min(4 * width, columns)


def _orders(signed: U32) -> Iterator[I64]:
    """Yield the rows of signatures in the order of different groups of columns, equal ones as they stand."""
    orders, width, wide = _widths(signed.shape[1])
    for start in range(0, width * orders, width):
        columns = np.arange(start, start + wide) % signed.shape[1]
        head = signed[:, columns[0]].astype(np.uint64) << np.uint64(32) | signed[:, columns[1]]
        order = np.argsort(head)
        same = np.diff(head[order]) == 0
        tied = np.append(same, False) | np.append(False, same)
        rows = np.sort(order[tied])
        rest = np.ascontiguousarray(signed[rows[:, None], columns].astype(">u4"))  # sorts as its bytes do
        order[tied] = rows[np.argsort(rest.view(f"V{4 * len(columns)}").ravel(), kind="stable")]
        yield order


def _equal(one: U8, other: U8) -> I64:
    """Count the equal bytes of rows (a multiple of 8, up to 2040), eight columns at a time."""
    by_column = (one == other).view(np.uint64).sum(axis=1)
    pairs = (by_column & np.uint64(0x00FF00FF00FF00FF)) + (by_column >> np.uint64(8) & np.uint64(0x00FF00FF00FF00FF))
    summed: npt.NDArray[np.uint64] = pairs * np.uint64(0x0001000100010001) >> np.uint64(48)
    return summed.astype(np.int64)


def templates(before: pl.DataFrame, after: pl.DataFrame) -> list[tuple[str, int, int]]:
    """Return the most frequent skeletons (text, before, after), those first that hold most candidates."""
    counts = before.group_by("skeleton").agg(before=pl.len())
    kept = after.group_by("skeleton").agg(after=pl.len())
    return common(counts.join(kept, on="skeleton", how="left").with_columns(pl.col("after").fill_null(0)))


def common(skeletons: pl.DataFrame) -> list[tuple[str, int, int]]:
    """Return what `templates` returns, from counts (skeleton, before, after) that were added up over shards."""
    several = skeletons.filter(pl.col("before") > 1)
    return list(several.sort("before", "skeleton", descending=[True, False]).head(COMMON).iter_rows())
