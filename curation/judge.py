"""Frame × rules → findings: all rules of a frame are one select, then one unpivot; Polars runs them on all cores."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import polars as pl

from curation import tables
from curation.checks import letters
from curation.checks.language import language, read
from curation.checks.registry import answers, columns, prepared
from curation.checks.wording import units
from curation.packs import Rule

SAYS_SOMETHING = 5  # units; what a customer said in fewer (你好, ok thanks) needs no answer

COUNTED = {"conversations": pl.UInt32, "answering": pl.UInt32}  # what `context` adds of the lines of all shards


# The same line, whatever marks and spaces it has, before masking: two phone numbers are two lines.
# By hash: a fifth of the memory. Of a thousand million lines two have the same hash with a probability of 3 %.
def _line(raw: pl.Series) -> pl.Series:
    return letters.kept(raw, letters.SPOKEN, _spoken).hash(seed=0).alias("line")


def _spoken(raw: pl.Series) -> pl.Series:
    return raw.str.replace_all(r"[\s\p{P}\p{S}]+", "").str.to_lowercase()


def counted(rules: Sequence[Rule]) -> bool:
    """Tell whether a rule asks how often a line is said; else lines need not be counted."""
    return not COUNTED.keys().isdisjoint(columns(r.expression for r in rules if r.on == "message"))


def asked(messages: pl.DataFrame, *, count: bool = True) -> pl.DataFrame:
    """Add `asked`, what the other side said last before a message (system messages do not count).

    The messages of a conversation stand together. With `count` also `line`, what `lines` counts.
    """
    place, role, talk = pl.int_range(pl.len(), dtype=pl.UInt32), pl.col("role"), pl.col("conversation")
    begins = pl.when((talk != talk.shift(1)).fill_null(value=True)).then(place).forward_fill()
    of_agent, of_user = (pl.when(role == side).then(place).forward_fill().shift(1) for side in ("assistant", "user"))
    before = pl.when(role == "user").then(of_agent).otherwise(of_user)
    # Lazily, since only then Polars computes once what is asked twice. Places, not texts, are carried forward.
    said = messages.lazy().select(pl.when(before >= begins).then(before)).collect().to_series()
    messages = messages.with_columns(messages["text"].gather(said).alias("asked"))
    return messages.with_columns(_line(messages["raw"])) if count else messages


def lines(messages: pl.DataFrame) -> pl.DataFrame:
    """Count lines of messages with `asked`, per shard of whole conversations: the map step of `context`.

    Returns role, line (its hash), `conversations` (how many have it) and `answering` (in how many it follows something
    that the customer said, not a greeting, a thanks or nothing). Shards are added up by summing. Nothing comes of
    messages without `line`.
    """
    if "line" not in messages.columns:
        return pl.DataFrame(schema=_LINES)
    something = units(pl.col("asked").fill_null("")) >= SAYS_SOMETHING
    in_each = messages.select("conversation", "role", "line", answering=something)
    once = in_each.group_by("role", "line", "conversation").agg(pl.col("answering").any())
    return once.group_by("role", "line").agg(
        conversations=pl.len().cast(pl.UInt32), answering=pl.col("answering").sum().cast(pl.UInt32)
    )


_LINES: tables.Schema = {"role": tables.ROLE, "line": pl.UInt64, **COUNTED}


def total(counts: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Add up the `lines` of shards: the reduce step of `context`."""
    if len(counts) == 1:
        return counts[0]
    return pl.concat(counts).group_by("role", "line").agg(pl.col("conversations", "answering").sum())


def context(messages: pl.DataFrame, counts: pl.DataFrame | None = None) -> pl.DataFrame:
    """Add what message checks may look at beside the message itself (registry.MESSAGE_CONTEXT).

    `counts` are the lines of all shards, added up (default: those of `messages`); null where they were not counted.
    """
    messages = messages if "asked" in messages.columns else asked(messages)
    if "line" not in messages.columns:
        return messages.with_columns(pl.lit(None, dtype=kind).alias(name) for name, kind in COUNTED.items())
    counts = lines(messages) if counts is None else counts
    if counts.height > messages.height:  # of all shards: a table of so many rows is not made for every one of them
        counts = counts.filter(pl.col("line").is_in(messages["line"].unique().implode()))
    return messages.join(counts, on=["role", "line"], how="left", maintain_order="left").drop("line")


def judge(frame: pl.DataFrame, rules: Sequence[Rule], *, on: str, cores: int | None = None) -> pl.DataFrame:
    """Run the rules for messages (`on="message"`) or examples (`on="example"`) over `frame`.

    Rules that look at the same rows (by language, role, kind, records) run together over those rows alone. A row is a
    whole: a check that needs its neighbours takes them from the columns of `context`. Where the column `tongue` tells
    the language of each row (`strip` makes it), it is taken from there. `cores`: how many are free (default: all).
    Returns findings in the order of the frame, and of the rules within a row.
    """
    mine = [rule for rule in rules if rule.on == on]
    if not mine or frame.is_empty():
        return tables.empty(tables.FINDINGS)
    rows = frame.with_row_index("row")
    cores = cores or pl.thread_pool_size()
    size = max(_LEAST_ROWS, min(_MOST_ROWS, -(-rows.height // cores)))
    judged = partial(_judged, rules=mine, on=on)
    with ThreadPoolExecutor(cores) as pool:
        found = list(pool.map(judged, rows.iter_slices(size)))
    ordered = pl.concat(found)
    return tables.findings(ordered.rename({"id": "example"}) if on == "example" else ordered)


# Rows that are judged together: Polars itself spreads only whole columns over the cores, and one rule may cost as
# much as all others. Under the least, compiling all patterns once more (40 ms) costs more than a second core saves.
_LEAST_ROWS, _MOST_ROWS = 20_000, 250_000


def _judged(rows: pl.DataFrame, *, rules: Sequence[Rule], on: str) -> pl.DataFrame:
    """Return the findings on some rows, in the order of the rows, and of the rules within a row."""
    keys = ["conversation", "message"] if on == "message" else ["conversation", "id"]
    if on == "example":
        told = read(rows, [rule.expression for rule in rules], spoken=any(rule.language for rule in rules))
    else:
        told = rows if "tongue" in rows.columns else rows.with_columns(tongue=language(pl.col("text")))
    told = prepared(told, *([r.expression for r in rules if (r.language is None) == every] for every in (True, False)))
    found: list[pl.DataFrame] = []
    names = pl.Series([rule.name for rule in rules])
    actions = pl.Series([rule.action for rule in rules], dtype=tables.ACTION)
    for wanted, group in _groups(rules):
        asks = {rule.name: rule.expression for _, rule in group}
        seen = dict.fromkeys(["row", *keys, *columns(asks.values(), told.columns)])  # lists of turns are dear to copy
        looked = told.lazy().filter(_applies(*wanted)).select(*seen).collect()
        if looked.is_empty() and found:  # a log in one language need not wait for the patterns of the other
            continue
        evidence = answers(looked, asks)
        hits = {turn: np.flatnonzero(evidence[rule.name].is_not_null().to_numpy()) for turn, rule in group}
        turns = pl.Series("turn", np.repeat(list(hits), [len(rows) for rows in hits.values()]), dtype=pl.UInt32)
        said = [evidence[rule.name].drop_nulls().alias("evidence") for turn, rule in group if len(hits[turn])]
        found.append(
            looked.select("row", *keys)[np.concatenate(list(hits.values()))].with_columns(
                pl.concat(said) if said else pl.Series("evidence", [], dtype=pl.String),
                names.gather(turns).alias("rule"),
                actions.gather(turns).alias("action"),
                turns,
            )
        )
    return pl.concat(found).sort("row", "turn")


Wanted = tuple[str | None, str | None, str | None, bool]


def _groups(rules: Sequence[Rule]) -> list[tuple[Wanted, list[tuple[int, Rule]]]]:
    """Put rules that look at the same rows together, each with its place."""
    groups: dict[Wanted, list[tuple[int, Rule]]] = {}
    for turn, rule in enumerate(rules):
        groups.setdefault((rule.language, rule.role, rule.kind, rule.records), []).append((turn, rule))
    return list(groups.items())


def _applies(tongue: str | None, role: str | None, kind: str | None, records: bool) -> pl.Expr:  # noqa: FBT001
    """Return which rows rules look at."""
    applies = pl.lit(True)  # noqa: FBT003
    if tongue:
        applies &= pl.col("tongue").is_in([tongue, "other"])
    if role:
        applies &= pl.col("role") == role
    if kind:
        applies &= pl.col("kind") == kind
    return applies if records else applies & ~pl.col("record")
