"""Query types from the data, where no pack fits: questions clustered by their words (`query_types: auto`).

TF-IDF vectors (vectors.py) of a sample, k-means (scikit-learn, extra `cluster`), then every question goes to the
nearest centre. A cluster is called by the words that stand out in it. The sample is the first texts in the order of
their ids, which are hashes: the same whatever the sharding; fitting takes no longer for a million rows than for ten
thousand.
"""

from __future__ import annotations

from collections.abc import Callable

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
STARTS = 10  # of which the best is taken
_FUNCTION = frozenset(
    "的了吗呢啊么吧呀呗哦我你您他她它们是有在不也都就还很这那个什怎哪请一要会能可以给把被到"
)  # not in names


def topics(questions: pl.DataFrame, *, seed: int) -> tuple[pl.Series, dict[str, Names]]:
    """Return the type of each of `questions` (id, text), and the names of all types, the largest first.

    Raises RecipeError where scikit-learn is not installed.
    """
    kmeans = _kmeans()
    sample = questions.sort("id").head(FITTED)["text"]
    count = min(MOST, len(sample) // PER_CLUSTER)
    if count < 2:
        return pl.Series("query_type", [OTHER] * questions.height, dtype=pl.String), {}
    found = terms(sample)
    known = frequencies(found)
    rows = weigh(found, known, texts=len(sample), documents=len(sample))
    centres = kmeans(rows, count, seed)
    places = np.concatenate(
        [
            _nearest(weigh(terms(part["text"]), known, texts=part.height, documents=len(sample)), centres)
            for part in questions.iter_slices(BATCH)
        ]
    )
    names = _names(centres, known, sample)
    sizes = np.bincount(places[places >= 0], minlength=count)
    order = [i for i in np.lexsort((np.arange(count), -sizes)) if sizes[i]]
    keys = {i: f"auto/{names[i].replace(' ', '-')}" for i in order}
    told = pl.Series("query_type", [keys.get(int(place), OTHER) for place in places], dtype=pl.String)
    return told, {keys[i]: Names(zh=names[i], en=names[i]) for i in order}


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


def _names(centres: npt.NDArray[np.float64], known: pl.DataFrame, sample: pl.Series) -> list[str]:
    """Call each cluster by the words that weigh most in its centre and less in the others; no two the same."""
    columns = known.filter(pl.col("texts") > 1).sort("term")["term"].to_list()
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

    whole = words(sample)
    names: list[str] = []
    for centre in centres - centres.mean(axis=0):
        best = np.argsort(-np.round(centre[: len(columns)], 9), kind="stable")
        told: list[str] = []
        for column in best:
            word = whole.get(columns[column], columns[column])
            if len(told) == NAMED_BY or centre[column] <= 0:
                break
            if word in ENGLISH_STOP_WORDS or _FUNCTION & set(word) or word == "0":
                continue
            if word.isascii() or not any(set(word) & set(other) for other in told):  # 快递 and 递单 overlap
                told.append(word)
        name = " ".join(told) or "?"
        names.append(name if name not in names else f"{name} {len(names)}")
    return names
