"""How the rules of a run overlap: what one rule alone decided, and which rules fire together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from itertools import permutations

import polars as pl

from curation import tables
from curation.report.model import Together

MOST_TOGETHER = 3  # partners named for each rule
MOST_RULES = 12  # rules of one record that are paired; more on one record is noise, and pairs grow with the square


def record() -> pl.Expr:
    """Return what a finding is about as one hash: the example, else the message, else the unreadable line (`row`)."""
    message = pl.col("conversation").hash(seed=1) + pl.col("message").hash(seed=2)
    return (
        pl.when(pl.col("example").is_not_null())
        .then(pl.col("example").hash(seed=0))
        .when(pl.col("message").is_not_null())
        .then(message)
        .otherwise(pl.col("row").hash(seed=3))
    )


def said(found: pl.DataFrame) -> pl.DataFrame:
    """Return which rule says how strongly something of which record (`record`): rule, record, action; once each."""
    numbered = found.with_row_index("row").select("rule", "action", record=record())
    return numbered.group_by("rule", "record").agg(pl.col("action").to_physical().max())


def alone(said: pl.DataFrame) -> dict[str, int]:
    """Count for each rule what it alone dropped or held: no other rule of that strength says the same record."""
    found: Counter[str] = Counter()
    weaker = said
    for action in range(len(tables.ACTIONS) - 1, tables.ACTIONS.index("note"), -1):  # the strongest first
        here = weaker.filter(pl.col("action") == action)
        found.update(here.filter(~pl.col("record").is_duplicated())["rule"].to_list())
        weaker = weaker.join(here, on="record", how="anti")
    return dict(found)


def together(found: pl.DataFrame) -> dict[str, list[Together]]:
    """For each rule the rules that fire most often on the same record, the most frequent first."""
    return partners(sets(said(found)))


def sets(said: pl.DataFrame) -> Counter[tuple[str, ...]]:
    """Count records by the set of rules that fired on them: there are few sets, however many records."""
    counted = (
        said.filter(pl.col("record").is_duplicated())
        .group_by("record")
        .agg("rule")
        .select(pl.col("rule").list.sort().list.join("\x1f"))
        .group_by("rule")
        .len()
    )
    return Counter({tuple(rules.split("\x1f")): n for rules, n in counted.iter_rows()})


def partners(of: Mapping[tuple[str, ...], int]) -> dict[str, list[Together]]:
    """Return what `together` returns, from `sets` that were added up."""
    both: dict[str, Counter[str]] = {}
    for rules, n in of.items():
        for one, other in permutations(rules[:MOST_RULES], 2):
            both.setdefault(one, Counter())[other] += n
    return {
        rule: [
            Together(rule=other, n=n)
            for other, n in sorted(others.items(), key=lambda x: (-x[1], x[0]))[:MOST_TOGETHER]
        ]
        for rule, others in both.items()
    }
