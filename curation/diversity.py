"""Query types, and how evenly the set covers them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from curation.checks.wording import regex
from curation.packs import QueryType

OTHER = "other"


def query_types(examples: pl.DataFrame, types: Mapping[str, QueryType]) -> pl.DataFrame:
    """Add `query_type` to examples: the type whose words stand most often in the question; ties go to the first.

    A question that no type's words fit is `other`. In a dialogue the first user turn counts: it names the concern.
    """
    asked = pl.col("turns").list.first().struct.field("text")
    hits = [asked.str.count_matches(regex(*t.patterns)).alias(name) for name, t in types.items()]
    counted = examples.select(hits) if hits else pl.DataFrame()
    if counted.is_empty():
        return examples.with_columns(query_type=pl.lit(OTHER))
    most = counted.select(most=pl.max_horizontal(pl.all())).to_series()
    best = counted.select(pl.concat_list(pl.all()).list.arg_max()).to_series()
    names = pl.Series(list(types))
    return examples.with_columns(
        query_type=pl.DataFrame({"most": most, "name": names.gather(best)}).select(
            pl.when(pl.col("most") > 0).then("name").otherwise(pl.lit(OTHER))
        ).to_series()
    )  # fmt: skip


@dataclass(frozen=True)
class Diversity:
    """How varied a set is; None where there is nothing to measure."""

    evenness: float | None  # Pielou: Shannon entropy of the query types over its maximum, 0 to 1
    effective_types: float | None  # Hill number of order 1: exp(entropy); how many equally common types it equals
    distinct_questions: float | None  # share of questions whose skeleton (masks and digits taken out) is unique
    distinct_openings: float | None  # share of answers whose first six characters differ


def diversity(examples: pl.DataFrame, types: int) -> Diversity:
    """Measure examples that have `query_type`, `question`, `answer`; `types` is how many query types there are."""
    if examples.is_empty():
        return Diversity(None, None, None, None)
    shares = [count / examples.height for count in examples["query_type"].value_counts()["count"].sort()]
    entropy = -sum(share * math.log(share) for share in shares)
    skeleton = pl.col("question").str.replace_all(r"\[[^\[\]]{1,12}\]|[\d\s\p{P}]", "").str.to_lowercase()
    opening = pl.col("answer").str.replace_all(r"[\s\p{P}]", "").str.slice(0, 6)
    unique = examples.select(skeleton.n_unique().alias("q"), opening.n_unique().alias("a")).row(0)
    return Diversity(
        round(abs(entropy) / math.log(types), 4) if types > 1 else None,
        round(math.exp(entropy), 2),
        round(unique[0] / examples.height, 4),
        round(unique[1] / examples.height, 4),
    )
