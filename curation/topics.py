"""Query types from the data, where no pack fits: questions clustered by their words (`query_types: auto`).

TF-IDF vectors (vectors.py) of a sample, k-means (scikit-learn, extra `cluster`), then every question goes to the
nearest centre. Questions in Han characters and others have no word in common, so k-means over both would part languages
before subjects: each script has clusters of its own, by the root of its share. A cluster is called by the words that
stand out in it. The sample is the first texts in the order of
their ids, which are hashes: the same whatever the sharding; fitting takes no longer for a million rows than for ten
thousand.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from curation.errors import RecipeError
from curation.query_types import OTHER, Names
from curation.vectors import Vectors, frequencies, terms, weigh, words

FITTED = 20_000  # questions that the clusters are made from
BATCH = 50_000  # questions assigned at once
MOST = 24  # clusters
PER_CLUSTER = 15  # questions at least, on average
NEAR = 0.1  # cosine to its centre that a question needs, else it is `other`
NAMED_BY = 3  # words in a cluster's name
# How far a pair of Han characters is a word, n(ab)² / (n(a) n(b)) texts: 酒店 is one, 家酒 is none.
COHESIVE = 0.1
_HAN = r"\p{Han}"
# English of chats that is in no name, beside stop words.
_TALK = frozenset(
    re.findall(
        r"\w+",
        "im ive id ill dont didnt doesnt isnt cant couldnt wont whats wheres need want like know think use used using"
        " does did help please pls hi hello hey thanks thank got get getting make made try tried trying just really"
        " going way new",
    )
)
STARTS = 10  # of which the best is taken
_FUNCTION = frozenset(
    "的了吗呢啊么吧呀呗哦我你您他她它们是有在不也都就还很这那个什怎哪请一要会能可以给把被到"
)  # not in names


@dataclass(frozen=True)
class Topics:
    """Clusters of questions: what `assign` needs beside the texts."""

    names: list[str]  # of the clusters; none where there are too few questions
    known: pl.DataFrame  # frequencies of the terms in the sample (vectors.frequencies)
    documents: int  # in the sample
    centres: npt.NDArray[np.float64]  # clusters × terms

    def assign(self, texts: pl.Series) -> pl.Series:
        """Return the type of each text: a map, the same whatever the batch."""
        if not self.names:
            return pl.Series("query_type", [OTHER] * len(texts), dtype=pl.String)
        keys = np.array([*map(_key, self.names), OTHER])  # place -1 is the last
        found = [
            keys[_nearest(weigh(terms(part), self.known, texts=len(part), documents=self.documents), self.centres)]
            for part in (texts[start : start + BATCH] for start in range(0, len(texts), BATCH))
        ]
        return pl.Series("query_type", np.concatenate(found) if found else [], dtype=pl.String)

    def named(self, told: pl.DataFrame) -> dict[str, Names]:
        """Return the names of the types that questions have (query_type, len), the largest first."""
        sizes = dict(told.select("query_type", "len").iter_rows())
        there = [name for name in self.names if sizes.get(_key(name))]  # as many ask the same: in the fitted order
        return {_key(name): Names(zh=name, en=name) for name in sorted(there, key=lambda name: -sizes[_key(name)])}


def _key(name: str) -> str:
    return f"auto/{name.replace(' ', '-')}"


def sample(questions: pl.DataFrame) -> pl.DataFrame:
    """Return the questions (id, text) that clusters are made from: of a shard, or of the samples of all shards."""
    return questions.sort("id").head(FITTED)


def fitted(chosen: pl.DataFrame, *, seed: int) -> Topics:
    """Make clusters of a `sample`. Raises RecipeError where scikit-learn is not installed."""
    kmeans = _kmeans()
    texts = chosen["text"]
    found = terms(texts)
    known = frequencies(found)
    counts = _counts(texts)
    if sum(counts.values()) < 2:
        return Topics([], known, len(texts), np.empty((0, 0)))
    rows = weigh(found, known, texts=len(texts), documents=len(texts))
    names: list[str] = []
    centres = []
    for script, count in counts.items():
        mine = texts.str.contains(_HAN) == (script == "han")
        part = kmeans(rows[mine.arg_true().to_numpy()], count, seed)
        names += _names(part, known, texts.filter(mine), names)
        centres.append(part)
    return Topics(names, known, len(texts), np.concatenate(centres))


def _counts(texts: pl.Series) -> dict[str, int]:
    """Return how many clusters each script gets: MOST together, by the root of its share, none for a few texts."""
    han = int(texts.str.contains(_HAN).sum())
    sizes = {"han": han, "other": len(texts) - han}
    roots = {script: size**0.5 for script, size in sizes.items() if size >= PER_CLUSTER}
    total = min(MOST, len(texts) // PER_CLUSTER)
    return {
        script: max(1, min(sizes[script] // PER_CLUSTER, round(total * root / sum(roots.values()))))
        for script, root in sorted(roots.items(), key=lambda one: -one[1])
    }


def topics(questions: pl.DataFrame, *, seed: int) -> tuple[pl.Series, dict[str, Names]]:
    """Return the type of each of `questions` (id, text), and the names of all types, the largest first.

    Raises RecipeError where scikit-learn is not installed.
    """
    model = fitted(sample(questions), seed=seed)
    told = model.assign(questions["text"])
    return told, model.named(told.to_frame().group_by("query_type").len())


Fit = Callable[[Vectors, int, int], npt.NDArray[np.float64]]  # rows, how many, seed → centres of length 1


def _kmeans() -> Fit:
    try:
        from sklearn.cluster import MiniBatchKMeans
        from threadpoolctl import threadpool_limits
    except ImportError:
        raise RecipeError(
            "query_types: auto needs scikit-learn; install it with `pip install 'siftune[cluster]'`, or name a pack"
        ) from None

    def fit(rows: Vectors, count: int, seed: int) -> npt.NDArray[np.float64]:
        with threadpool_limits(1):  # sums in one order, whatever the machine
            model = MiniBatchKMeans(count, random_state=seed, n_init=STARTS, batch_size=4096, reassignment_ratio=0.0)
            centres = model.fit(rows).cluster_centers_.astype(np.float64)
        length = np.linalg.norm(centres, axis=1, keepdims=True)
        return np.asarray(centres / np.where(length > 0, length, 1))

    return fit


def _nearest(rows: Vectors, centres: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Return the centre nearest to each row, -1 where none is NEAR."""
    likeness = np.rint(np.asarray(rows @ centres.T) * 1e6)
    best: npt.NDArray[np.int64] = likeness.argmax(axis=1)
    best[likeness.max(axis=1) < NEAR * 1e6] = -1
    return best


def _names(centres: npt.NDArray[np.float64], known: pl.DataFrame, sample: pl.Series, taken: list[str]) -> list[str]:
    """Call each cluster by the words that weigh most in its centre and less in the others; none as one of `taken`."""
    columns = known.filter(pl.col("texts") > 1).sort("term")["term"].to_list()
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

    whole, loose = words(sample), _loose(known, sample)
    names: list[str] = []
    for centre in centres - centres.mean(axis=0) if len(centres) > 1 else centres:
        best = np.argsort(-np.round(centre[: len(columns)], 9), kind="stable")
        told: list[str] = []
        for column in best:
            word = whole.get(columns[column], columns[column])
            if len(told) == NAMED_BY or centre[column] <= 0:
                break
            if word in ENGLISH_STOP_WORDS or word in _TALK or word in loose or _FUNCTION & set(word) or word == "0":
                continue
            if word.isascii() or not any(set(word) & set(other) for other in told):  # 快递 and 递单 overlap
                told.append(word)
        name = " ".join(told) or "?"
        names.append(name if name not in [*taken, *names] else f"{name} {len(taken) + len(names)}")
    return names


def _loose(known: pl.DataFrame, sample: pl.Series) -> set[str]:
    """Return the pairs of Han characters that only happen to stand together: 家酒 of 这家酒店."""
    pairs = known.filter(pl.col("term").str.contains(r"^\p{Han}{2}$"))
    letters = pl.DataFrame({"letter": sample.str.extract_all(_HAN)}).select(pl.col("letter").list.unique())
    counts = letters.explode("letter", empty_as_null=True).drop_nulls().group_by("letter").len()
    told = dict(counts.iter_rows())
    return {
        term
        for term, texts in pairs.select("term", "texts").iter_rows()
        if texts**2 < COHESIVE * told.get(term[0], 1) * told.get(term[1], 1)
    }
