"""Questions as cheap vectors: TF-IDF over word stems and pairs of Han characters. For selection and for topics.

A Latin word counts by its first six letters, so that charge, charged and charges are one; numbers are one term. Chinese
is not segmented: neighbouring Han characters stand in for words. `terms` is a pure map over any batch of texts, the
document frequencies add up over batches, and `weigh` needs nothing else: the same vectors whatever the sharding.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

STEM = 6  # letters; measured on bank questions: whole words 74, six letters 77 of 77 intents (docs/log.md)
MASK = r"\[[^\[\]]{1,24}\]"  # [订单号], [email]: what masking and exporters leave in place of entities
_TOKEN = r"\p{Han}|[\p{L}\p{N}&&[^\p{Han}]]+"
_HAN = r"^\p{Han}$"

Vectors = Any  # scipy.sparse.csr_matrix of float32, rows of length 1 (or of zeros, where a text has no known term)


def terms(texts: pl.Series) -> pl.DataFrame:
    """Return one row (row u32, term str) for every term of every text, in order; a text may have none."""
    bare = texts.str.replace_all(MASK, " ").str.to_lowercase().str.replace_all(r"['’]", "")
    tokens = (
        pl.DataFrame({"token": bare.str.extract_all(_TOKEN)})
        .with_row_index("row")
        .explode("token", empty_as_null=True)
        .drop_nulls("token")
        .with_columns(han=pl.col("token").str.contains(_HAN))
    )
    follows = pl.col("han").shift(-1) & (pl.col("row").shift(-1) == pl.col("row"))
    led = pl.col("han").shift(1) & (pl.col("row").shift(1) == pl.col("row"))
    number = pl.col("token").str.contains(r"^\p{N}+$")
    term = (
        pl.when(number).then(pl.lit("0"))
        .when(~pl.col("han")).then(pl.col("token").str.slice(0, STEM))
        .when(follows).then(pl.col("token") + pl.col("token").shift(-1))
        .when(~led.fill_null(value=False)).then(pl.col("token"))
    )  # fmt: skip
    return tokens.select("row", term=term).drop_nulls("term")


def words(texts: pl.Series) -> dict[str, str]:
    """Return for each Latin stem the word that most texts write for it: delive → delivery."""
    found = pl.DataFrame({"word": texts.str.to_lowercase().str.extract_all(r"[\p{L}&&[^\p{Han}]]+")}).explode(
        "word", empty_as_null=True
    )
    counted = found.drop_nulls().group_by("word").len().with_columns(term=pl.col("word").str.slice(0, STEM))
    best = counted.sort("term", "len", "word", descending=[False, True, False]).unique("term", keep="first")
    return dict(best.select("term", "word").iter_rows())


def frequencies(found: pl.DataFrame) -> pl.DataFrame:
    """Return in how many texts each term stands (term, texts): what batches add up."""
    return found.unique().group_by("term").agg(texts=pl.len()).sort("term")


def weigh(found: pl.DataFrame, known: pl.DataFrame, *, texts: int, documents: int) -> Vectors:
    """Make TF-IDF rows of `terms` of `texts` texts; `known` are the frequencies in all `documents` texts.

    Terms of a single text say nothing of likeness and are left out. The weight is (1 + ln tf) · (1 + ln((1 + n) /
    (1 + df))), as in scikit-learn's TfidfVectorizer with sublinear_tf.
    """
    columns = known.filter(pl.col("texts") > 1).sort("term").with_row_index("column")
    cells = (
        found.group_by("row", "term").agg(tf=pl.len())
        .join(columns, on="term", how="inner")
        .sort("row", "column")
        .select(
            "row", "column",
            value=(1 + pl.col("tf").log()) * (1 + ((1 + documents) / (1 + pl.col("texts"))).log()),
        )
    )  # fmt: skip
    length = (pl.col("value") ** 2).sum().over("row").sqrt()
    values = cells.select(pl.col("value") / length).to_series().to_numpy().astype(np.float32)
    starts = np.concatenate(([0], np.cumsum(np.bincount(cells["row"].to_numpy(), minlength=texts))))
    shape = (texts, max(columns.height, 1))
    from scipy import sparse  # a tenth of a second, for runs that weigh words

    return sparse.csr_matrix((values, cells["column"].to_numpy().astype(np.int32), starts), shape=shape)


def vectors(texts: pl.Series) -> Vectors:
    """Return the vectors of `texts`, in their order."""
    found = terms(texts)
    return weigh(found, frequencies(found), texts=len(texts), documents=len(texts))


def alike(rows: Vectors) -> npt.NDArray[np.int16]:
    """Return the cosine of every row with every row in thousandths (n × n; a row with itself 1000).

    Whole numbers, so that sums over them do not depend on the order of summation. 2 n² bytes: for small parts only.
    """
    found = np.empty((rows.shape[0], rows.shape[0]), dtype=np.int16)
    turned = rows.T.tocsr()
    for start in range(0, rows.shape[0], 512):
        block = (rows[start : start + 512] @ turned).toarray()
        found[start : start + 512] = np.rint(block * 1000)
    np.fill_diagonal(found, 1000)
    return found
