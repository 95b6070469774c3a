"""Near-duplicates: sign (map), find candidates (reduce over small keys), verify exactly, cluster.

Steps, each a module that knows nothing of the others' insides:

==============  =====================================================================================================
shingles.py     texts → hashes of their character n-grams
minhash.py      hashes → signatures, bit for bit those of ``datasketch.MinHash``: any shard of texts on its own
lsh.py          signatures → pairs that agree on a band: sorting small keys, linear whatever the texts look like
bounds.py       pairs → those that may be alike, by an upper bound: most are not
verify.py       pairs → exact Jaccard similarity, from the texts of these pairs only; clusters by similar pairs
equal.py        texts → those of the same shingles: all that a threshold of 1 asks for
known.py        what one search of a run made of texts, for the next
==============  =====================================================================================================

The bands are weighted for recall; the exact check gives the precision, so nothing merges on an estimate. Clusters are
the connected components of verified pairs. Neither the order of the texts nor the size of a batch changes them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt
import polars as pl

from curation.dedup import minhash
from curation.dedup.bounds import Bounds
from curation.dedup.equal import equal_sets
from curation.dedup.known import Known
from curation.dedup.lsh import band_keys, candidates, folded, packed, ranks, unpacked
from curation.dedup.settings import Search as Search
from curation.dedup.settings import Settings
from curation.dedup.shingles import I64, U32, U64, mix, shingles
from curation.dedup.verify import F64, Fetch, estimates, join, likely, similarities
from curation.fast import accelerator

SIGNED = 65_536  # texts of which there are whole signatures at a time
STEPS, STEP = 8, 4096  # parts in which a round's pairs are compared, the likeliest first; and pairs in one at least
DEVIATIONS = 4.0  # an estimate this many standard deviations below the threshold is not looked at again


class Sign(Protocol):
    """Signs texts, as `signatures` does."""

    def __call__(self, texts: Sequence[str], settings: Settings, *, seed: int) -> U32:
        """Return texts × permutations."""
        ...


@dataclass(frozen=True)
class Pairs:
    """Verified pairs of texts, by index: `left` < `right`, and the exact Jaccard similarity of each."""

    left: I64
    right: I64
    similarity: F64

    def __len__(self) -> int:
        """Return how many pairs these are."""
        return len(self.left)


@dataclass(frozen=True)
class Clusters:
    """For each text the index of its cluster's first member; and the verified pairs that made or missed a cluster."""

    first: I64
    pairs: Pairs = field(repr=False)


def signatures(texts: Sequence[str], settings: Settings, *, seed: int) -> U32:
    """Return the MinHash signatures of `texts`, texts × permutations. The share of equal columns estimates Jaccard."""
    return minhash.signatures(
        texts, ngram=settings.ngram, permutations=minhash.permutations(settings.permutations, seed)
    )


def near_pairs(texts: Sequence[str], settings: Settings, *, seed: int) -> Pairs:
    """Return verified pairs of `texts` (normalised) that are alike by `settings.threshold` or more, equal ones too.

    Every cluster hangs together by these pairs. They are not all similar pairs: two texts that hang together already
    are not compared any more, and equal texts stand for each other.
    """
    pairs = cluster(texts, settings, seed=seed).pairs
    near = pairs.similarity >= settings.threshold
    return Pairs(pairs.left[near], pairs.right[near], pairs.similarity[near])


def components(
    texts: Sequence[str] | pl.Series,
    settings: Settings,
    *,
    seed: int,
    sign: Sign | None = None,
    known: Known | None = None,
) -> I64:
    """Return for each of `texts` (normalised) the index of its cluster's first member, as `cluster` does.

    The pairs are not told, so the likeliest are compared first, and what hangs together by these is left out: of texts
    in large clusters half of the pairs are compared. `known` keeps sketches for the next search, and gives them.
    """
    exact, places = _different(texts)
    kept = _some(texts, places)
    if settings.threshold >= 1:
        column = kept if isinstance(kept, pl.Series) else pl.Series(kept, dtype=pl.String)
        join(exact, places[equal_sets(column, settings.ngram, seed=seed)], places)
        return exact
    sketch = sketched(kept, settings, seed=seed, sign=sign, known=known)
    found = near(sketch, fetcher(kept, settings), settings, likeliest_first=True)
    join(exact, places[found.left], places[found.right])
    return exact


def cluster(
    texts: Sequence[str] | pl.Series,
    settings: Settings,
    *,
    seed: int,
    floor: float | None = None,
    sign: Sign | None = None,
    known: Known | None = None,
) -> Clusters:
    """Find the clusters of near-duplicates among `texts` (normalised). A text without characters is like no other.

    The pairs go down to the similarity `floor` (default: the threshold): what lies between is listed, not merged.
    `sign` takes the place of `signatures` where some are known already; `known` see `components`.
    """
    exact, places = _different(texts)
    kept = _some(texts, places)
    sketch = sketched(kept, settings, seed=seed, sign=sign, known=known)
    found = near(sketch, fetcher(kept, settings), settings, floor=floor)
    copies = np.flatnonzero(exact != np.arange(len(texts)))
    pairs = Pairs(
        np.concatenate((exact[copies], places[found.left])),
        np.concatenate((copies, places[found.right])),
        np.concatenate((np.ones(len(copies)), found.similarity)),
    )
    roots = exact.copy()
    merged = pairs.similarity >= settings.threshold
    join(roots, pairs.left[merged], pairs.right[merged])
    return Clusters(roots, pairs)


def _different(texts: Sequence[str] | pl.Series) -> tuple[I64, I64]:
    """Return for each text the place of the first equal one, and the places of these; empty ones stand alone.

    Groups of all texts would take several times their memory; most have a hash of their own.
    """
    if isinstance(texts, pl.Series):
        hashes, says = texts.hash(seed=1).to_numpy(), (texts.str.len_bytes() > 0).to_numpy()
    else:  # Polars would leave a second copy of each text, in UTF-8, with every string of the list
        hashes = np.fromiter(map(hash, texts), dtype=np.int64, count=len(texts)).view(np.uint64)
        says = np.fromiter(map(bool, texts), dtype=np.bool_, count=len(texts))
    some = _alike(hashes)
    some = some[says[some]]
    exact = np.arange(len(texts))
    twice = pl.DataFrame({"text": pl.Series(_some(texts, some), dtype=pl.String), "row": some})
    exact[some] = twice.select(pl.col("row").first().over("text")).to_series().to_numpy()
    return exact, np.flatnonzero((exact == np.arange(len(exact))) & says)


def _alike(hashes: U64) -> I64:
    """Return the places of hashes that stand more than once, in order, and hardly any other.

    A place takes the lowest bits of its hash, so that one sort makes neighbours of equal ones.
    """
    room = np.uint64(len(hashes).bit_length())
    ordered = np.sort(hashes >> room << room | np.arange(len(hashes), dtype=np.uint64))
    twin = np.concatenate(([False], np.diff(ordered >> room) == 0, [False]))  # of the one before
    mine = ordered[(twin[1:] | twin[:-1])[: len(ordered)]] & ((np.uint64(1) << room) - np.uint64(1))
    return np.sort(mine).astype(np.int64)


def _some(texts: Sequence[str] | pl.Series, places: I64) -> Sequence[str] | pl.Series:
    """Return the texts of these places; all of them in order are not copied."""
    if len(places) == len(texts) and np.array_equal(places, np.arange(len(places))):
        return texts
    return texts.gather(places) if isinstance(texts, pl.Series) else [texts[i] for i in places.tolist()]


def _strings(texts: Sequence[str] | pl.Series) -> Sequence[str]:
    return texts.to_list() if isinstance(texts, pl.Series) else texts


def _lengths(texts: Sequence[str] | pl.Series) -> I64:
    if isinstance(texts, pl.Series):
        return texts.str.len_chars().cast(pl.Int64).to_numpy()
    return np.fromiter(map(len, texts), dtype=np.int64, count=len(texts))


def matches(
    texts: Sequence[str], others: Sequence[str], settings: Settings, *, seed: int, sign: Sign | None = None
) -> Pairs:
    """Return which of `texts` the `others` hold, equal or alike by the threshold (all normalised).

    `left` is the text, `right` the other (not: smaller and larger index), the most similar one that was compared.
    Empty texts match nothing. One text is held against at least one other of every bucket, whatever the texts are like.
    """
    there = dict(zip(reversed(others), range(len(others) - 1, -1, -1), strict=True))
    there.pop("", None)
    equal = np.fromiter((there.get(text, -1) for text in texts), dtype=np.int64, count=len(texts))
    open_ = np.array([i for i in np.flatnonzero(equal < 0).tolist() if texts[i]], dtype=np.int64)
    kept = [*there, *(texts[i] for i in open_.tolist())] if there else []
    sketch = sketched(pl.Series(kept, dtype=pl.String), settings, seed=seed, sign=sign)
    found = near(sketch, fetcher(kept, settings), settings, others=len(there))
    best = np.lexsort((found.left, -found.similarity, found.right))
    best = best[np.concatenate(([True], np.diff(found.right[best]) > 0))[: len(best)]]
    places = np.fromiter(there.values(), dtype=np.int64, count=len(there))
    same = np.flatnonzero(equal >= 0)
    left = np.concatenate((same, open_[found.right[best] - len(there)]))
    right = np.concatenate((equal[same], places[found.left[best]]))
    order = np.argsort(left)
    return Pairs(left[order], right[order], np.concatenate((np.ones(len(same)), found.similarity[best]))[order])


def fetcher(texts: Sequence[str] | pl.Series, settings: Settings) -> Fetch:
    """Return what gives the shingles of some of `texts`."""
    if isinstance(texts, pl.Series):
        return lambda who: shingles(texts.gather(who).to_list(), settings.ngram)
    return lambda who: shingles([texts[i] for i in who.tolist()], settings.ngram)


def tolerance(settings: Settings, floor: float | None = None) -> float:
    """Return the estimate below which no pair is as similar as `floor` (default: the threshold), by four deviations."""
    floor = settings.threshold if floor is None else floor
    return floor - DEVIATIONS * deviation(settings, floor)


def deviation(settings: Settings, similarity: float) -> float:
    """Return the standard deviation of the estimate of a similarity."""
    return float((similarity * (1 - similarity) / settings.permutations) ** 0.5)


@dataclass(frozen=True)
class Sketch:
    """What the search needs of signatures, a third of their size: band keys, and the last byte of every minimum.

    Two bytes agree by chance once in 256 times, so an estimate from them is never too low for that.
    """

    keys: U32 = field(repr=False)  # bands × texts
    bytes: npt.NDArray[np.uint8] = field(repr=False)  # texts × permutations


def sketched(
    texts: Sequence[str] | pl.Series,
    settings: Settings,
    *,
    seed: int,
    sign: Sign | None = None,
    known: Known | None = None,
) -> Sketch:
    """Return the sketch of `texts`; of signatures, four times as large, only a part is there at a time."""
    lows = minhash.rows(len(texts), settings.permutations)
    keys = np.empty((settings.bands, len(texts)), dtype=np.uint32)
    bands, rows = settings.bands, settings.rows
    if sign is not None:
        for start in range(0, len(texts), SIGNED):
            part = slice(start, start + SIGNED)
            signed = sign(list(texts[part]), settings, seed=seed)
            keys[:, part], lows[part] = band_keys(signed, bands=bands, rows=rows), signed
        return Sketch(keys, lows)
    if known is not None:
        texts = pl.Series(texts, dtype=pl.String)
        made_with = (settings.ngram, settings.permutations, bands, rows, seed)
        missing = known.look(texts, made_with, keys, lows)
        new = sketched(texts.gather(missing), settings, seed=seed)
        known.add(texts.gather(missing), made_with, new.keys, new.bytes)
        if len(missing) == len(texts):
            return new
        keys[:, missing], lows[missing] = new.keys, new.bytes
        return Sketch(keys, lows)
    drawn = minhash.permutations(settings.permutations, seed)
    kernels = accelerator(len(texts))
    order, parts = minhash.batches(_lengths(texts), kernels=kernels is not None)
    texts = _some(texts, order)

    def one(part: slice) -> None:
        hashes, starts = shingles(_strings(texts[part]), settings.ngram)
        if kernels:
            kernels.sketch(hashes, starts, drawn, rows, keys[:, part], lows[part])
        else:
            minima = minhash.minima(mix(hashes), starts, drawn)
            keys[:, part], lows[order[part]] = folded(minima, bands=bands, rows=rows), minima.astype(np.uint8).T

    minhash.threaded(one, parts)
    if not kernels:
        for key in keys:  # band by band: those of one text lie far apart in the memory
            key[order] = key.copy()
    return Sketch(keys, lows)


def near(
    sketch: Sketch,
    fetch: Fetch,
    settings: Settings,
    *,
    floor: float | None = None,
    others: int = 0,
    likeliest_first: bool = False,
) -> Pairs:
    """Find verified pairs among different texts, from their sketch; `fetch` gives the shingles of some of them.

    Pairs that hang together at the threshold already are not compared; pairs come out sorted. With `others`, the first
    so many texts are a set that the rest is held against: only pairs across count, and a text of the rest that has a
    match is not looked at again. `likeliest_first` compares fewer pairs for the same clusters; which, depends on what
    else there is.
    """
    floor = settings.threshold if floor is None else min(floor, settings.threshold)
    least = tolerance(settings, floor)
    keys = sketch.keys
    # What is held against stands before the rest in every bucket: its first text is the one that all are compared with.
    ranked = np.concatenate((ranks(keys[:, :others]), np.uint32(others) + ranks(keys[:, others:])))
    roots = np.arange(keys.shape[1])
    bounds = Bounds(fetch, len(roots))
    seen: U64 = np.empty(0, dtype=np.uint64)
    found: list[tuple[U64, F64]] = []

    def some(pairs: U64) -> U64:
        if others:
            left, right = unpacked(pairs)
            pairs = pairs[(left < others) & (right >= others) & (roots[right] == right)]
        return likely(sketch.bytes, pairs, least)

    for pairs in candidates(keys, ranked, None if others else roots, some):
        seen, pairs = _merged(seen, pairs)
        estimated = estimates(sketch.bytes, *unpacked(pairs))
        for part in _by_likelihood(estimated) if likeliest_first else (slice(None),):
            left, right = unpacked(pairs[part])
            maybe = roots[left] != roots[right] if likeliest_first else np.ones(len(left), dtype=np.bool_)
            # Most pairs of an estimate near the floor are similar: a bound would only cost a look more.
            unlikely = np.flatnonzero(maybe & (estimated[part] < floor - deviation(settings, floor)))
            maybe[unlikely] = bounds.possible(left[unlikely], right[unlikely], floor)
            left, right = left[maybe], right[maybe]
            alike = similarities(fetch, left, right)
            listed = alike >= floor
            found.append((packed(left[listed], right[listed]), alike[listed]))
            merged = alike >= settings.threshold
            if others:
                roots[right[merged]] = left[merged]
            else:
                join(roots, left[merged], right[merged])
    whole = np.concatenate([seen[:0], *(pairs for pairs, _ in found)])
    alike = np.concatenate([np.empty(0), *(similarity for _, similarity in found)])
    order = np.argsort(whole)
    return Pairs(*unpacked(whole[order]), alike[order])


def _by_likelihood(estimated: F64) -> Iterator[I64]:
    """Yield the places of the likeliest pairs first, in up to `STEPS` parts."""
    order = np.argsort(-estimated, kind="stable")
    size = max(STEP, -(-len(order) // STEPS))
    yield from (order[start : start + size] for start in range(0, len(order), size))


def _merged(seen: U64, pairs: U64) -> tuple[U64, U64]:
    """Return `pairs` and what was `seen` before together, and the pairs that are new; all in order, each different."""
    if kernels := accelerator(0):
        both: tuple[U64, U64] = kernels.merged(seen, pairs)
        return both
    place = np.minimum(np.searchsorted(seen, pairs), max(len(seen) - 1, 0))
    new = pairs[seen[place] != pairs] if len(seen) else pairs
    return np.sort(np.concatenate((seen, new))), new
