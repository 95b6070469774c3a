"""A run, some conversations at a time → sums and samples of all of it: what `numbers` makes the report of.

Sums add up over any batches of whole conversations. Samples are those with the smallest hash, so the same ones are
chosen however the run is parted; only they are looked up and shown.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from curation import diversity, privacy, tables
from curation.checks.language import of_both
from curation.decide import dropped_messages, with_message_findings
from curation.decisions import KEEPING
from curation.diversity import SIDES
from curation.report import counts, model, shown
from curation.report.shown import Draft, Shown

EXAMPLES_PER_RULE = 3
EXAMPLES_SHOWN = 8

CHARACTERS = [0, 10, 20, 40, 60, 80, 120, 160, 240, 320, 480, 640, 960]
TURNS = [2, 4, 6, 8, 10, 12, 16, 20, 30, 60]
SIDED = ["question", "answer"]
AT_ONCE = 16_000  # examples whose texts are put together at a time

MESSAGE = ["conversation", "message"]

_COUNTS: tables.Schema = {"key": pl.List(pl.String), "n": pl.Int64}
_ACTIONS: tables.Schema = {"rule": pl.String, "action": pl.String}
_SAMPLES: tables.Schema = {
    "what": pl.String, "rule": pl.String, "rank": pl.UInt64, "told": pl.String, "talk": pl.List(pl.String),
    "places": pl.List(pl.Int64),
}  # fmt: skip

Chosen = list[tuple[int, Draft[Shown]]]  # rank (the smaller the surer to be chosen) and what is shown


class Measures:
    """Sums and samples of what was added."""

    def __init__(self, seed: int) -> None:
        """Start with nothing; `seed` chooses the samples."""
        self.seed = seed
        self.n: Counter[tuple[str, ...]] = Counter()  # by what is counted, then its names
        self.actions: dict[str, str] = {}  # of rules
        self.sets: Counter[tuple[str, ...]] = Counter()  # records by the rules that fire on them together
        self.hits: dict[str, Chosen[model.RuleExample]] = {}
        self.changes: dict[str, Chosen[model.MendExample]] = {}
        self.kept: Chosen[model.KeptExample] = []
        self.dropped: Chosen[model.DroppedExample] = []
        self.skeletons = pl.DataFrame(schema={"skeleton": pl.String, "before": pl.UInt32, "after": pl.UInt32})
        self.openings = pl.DataFrame(schema={"opening": pl.UInt64, "after": pl.UInt32})

    def add(self, messages: pl.DataFrame, examples: pl.DataFrame, findings: pl.DataFrame) -> None:
        """Add whole conversations with all that is said of them (columns: runfolder.py, and examples' skeleton)."""
        mends = findings.filter(pl.col("rule").str.starts_with("mend/"))
        found = findings.filter(~pl.col("rule").str.contains("^(?:mend|people)/"))
        self._messages(messages, mends)
        self._funnel(messages, examples, findings)
        self._rules(found, findings)
        self._examples(examples)
        self._variety(examples)
        self._show(messages, examples, findings, mends, found)

    def frames(self) -> dict[str, pl.DataFrame]:
        """Return it as frames: those of several parts, put together, are what `of` takes."""
        samples = [
            *_rows("hits", self.hits),
            *_rows("changes", self.changes),
            *_rows("kept", {"": self.kept}),
            *_rows("dropped", {"": self.dropped}),
        ]
        return {
            "counts": pl.DataFrame([(list(key), n) for key, n in self.n.items()], schema=dict(_COUNTS), orient="row"),
            "actions": pl.DataFrame(list(self.actions.items()), schema=dict(_ACTIONS), orient="row"),
            "sets": pl.DataFrame([(list(key), n) for key, n in self.sets.items()], schema=dict(_COUNTS), orient="row"),
            "samples": pl.DataFrame(samples, schema=dict(_SAMPLES), orient="row"),
            "skeletons": self.skeletons,
            "openings": self.openings,
        }

    @classmethod
    def of(cls, frames: Mapping[str, pl.DataFrame], seed: int) -> Measures:
        """Add up what `frames` returned of all parts, in their order; of what is chosen of all, texts are masked."""
        one = cls(seed)
        for sums, name in ((one.n, "counts"), (one.sets, "sets")):
            for key, n in frames[name].iter_rows():
                sums[tuple(key)] += n
        one.actions = dict(frames["actions"].reverse().iter_rows())  # what is said first holds
        samples = frames["samples"]
        one.hits = _chosen(samples, "hits", model.RuleExample, EXAMPLES_PER_RULE)
        one.changes = _chosen(samples, "changes", model.MendExample, EXAMPLES_PER_RULE)
        one.kept = _chosen(samples, "kept", model.KeptExample, EXAMPLES_SHOWN).get("", [])
        one.dropped = _chosen(samples, "dropped", model.DroppedExample, EXAMPLES_SHOWN).get("", [])
        chosen: list[Chosen[Any]] = [*one.hits.values(), *one.changes.values(), one.kept, one.dropped]
        masked = iter(shown.finished([draft for some in chosen for _, draft in some]))
        for some in chosen:
            some[:] = [(rank, Draft(next(masked))) for rank, _ in some]
        one.skeletons = frames["skeletons"].group_by("skeleton").agg(pl.col("before", "after").sum())
        one.openings = frames["openings"].group_by("opening").agg(pl.col("after").sum())
        return one

    def by(self, *what: str) -> dict[str, int]:
        """Return what was counted under `what`, by the next name."""
        return {key[len(what)]: n for key, n in self.n.items() if key[: len(what)] == what and len(key) > len(what)}

    def bins(self, what: str, side: str, edges: Sequence[int]) -> list[int]:
        """Return a histogram's counts."""
        return [self.n[what, side, str(place)] for place in range(len(edges) - 1)]

    def _tally(self, frame: pl.DataFrame, *what: str, by: Sequence[str]) -> None:
        for *names, n in frame.group_by(by).len().iter_rows():
            self.n[(*what, *map(str, names))] += n

    def _messages(self, messages: pl.DataFrame, mends: pl.DataFrame) -> None:
        self._tally(messages, "fate", by=["fate"])
        told = messages.select(pl.len(), pl.col("conversation").n_unique().alias("c"), pl.col("source").n_unique())
        for name, n in zip(("messages", "conversations", "lines"), told.row(0), strict=True):
            self.n[name,] += n
        self.n["mended",] += mends.select(MESSAGE).unique().height

    def _funnel(self, messages: pl.DataFrame, examples: pl.DataFrame, findings: pl.DataFrame) -> None:
        by_rule = dropped_messages(findings.filter(~pl.col("rule").str.starts_with("extract/")))
        said = with_message_findings(examples, findings)
        wanted = said.filter(pl.col("rule").is_in(KEEPING))  # by people, who win over the rules
        strong = said.filter((pl.col("action") != "note") & ~pl.col("rule").str.contains("^(?:dedup|selection)/"))
        copies = said.filter(pl.col("rule") == "dedup/near-duplicate").join(wanted, on="id", how="anti")
        against = strong.join(wanted, on="id", how="anti")
        spoken = messages.select(*MESSAGE, "role")
        clean = spoken.filter(pl.col("role") != "system").join(by_rule, on=MESSAGE, how="anti")
        self.n["clean",] += clean.height
        self.n["passed",] += examples.select("id").join(against, on="id", how="anti").height
        # Of those that passed: duplicates are also looked for among examples that wait for review.
        self.n["copies",] += copies.join(against, on="id", how="anti")["id"].n_unique()

    def _rules(self, found: pl.DataFrame, findings: pl.DataFrame) -> None:
        self._tally(findings, "hits", by=["rule"])
        for rule, action in found.group_by("rule").agg(pl.col("action").first()).iter_rows():
            self.actions.setdefault(rule, action)
        said = counts.said(found)
        for rule, n in counts.alone(said).items():
            self.n["alone", rule] += n
        self.sets.update(counts.sets(said))

    def _examples(self, examples: pl.DataFrame) -> None:
        self._tally(examples, "verdict", by=["kind", "verdict"])
        self._tally(examples.select("split").drop_nulls(), "split", by=["split"])
        texts = examples.select(*SIDED)
        spoken = pl.concat(
            of_both(part["question"], part["answer"]) for part in (texts.clear(), *texts.iter_slices(AT_ONCE))
        )
        # Of texts and turns only their lengths: of all that was kept they are dear to copy.
        long = (pl.col(name).str.len_chars() for name in SIDED)
        counted = examples.select("kind", "verdict", "query_type", "cot", *long, turns=pl.col("turns").list.len())
        told = counted.with_columns(language=spoken)
        self.n["reasoning", "before"] += int(told["cot"].is_not_null().sum())
        for side, frame in zip(SIDES, (told, _kept(told)), strict=True):
            self.n["examples", side] += frame.height
            self._tally(frame, "type", side, by=["query_type"])
            self._tally(frame, "language", side, by=["language"])
            for name in SIDED:
                self._histogram(name, side, frame[name], CHARACTERS)
            talks = frame.filter(pl.col("kind") == "dialogue")
            self._histogram("turns", side, talks["turns"], TURNS)
        self.n["reasoning", "after"] += int((_kept(told)["cot"].fill_null("").str.strip_chars() != "").sum())

    def _histogram(self, what: str, side: str, sizes: pl.Series, edges: Sequence[int]) -> None:
        """Count by size; the first bin has no lower end, the last no upper one."""
        places = np.searchsorted(np.array(edges[1:-1]), sizes.to_numpy(), side="right")
        for place, n in enumerate(np.bincount(places, minlength=len(edges) - 1).tolist()):
            self.n[what, side, str(place)] += n

    def _variety(self, examples: pl.DataFrame) -> None:
        kept = _kept(examples.select("verdict", "answer"))
        mine = examples.group_by("skeleton").agg(
            before=pl.len(), after=(pl.col("verdict") == "keep").sum()
        ).select(pl.col("skeleton"), pl.col("before", "after").cast(pl.UInt32))  # fmt: skip
        both = pl.concat([self.skeletons, mine])
        self.skeletons = both.group_by("skeleton").agg(pl.col("before", "after").sum()) if len(self.skeletons) else mine
        new = kept.group_by(opening=diversity.opening().hash(seed=0)).agg(after=pl.len().cast(pl.UInt32))
        more = pl.concat([self.openings, new]).group_by("opening").agg(pl.col("after").sum())
        self.openings = more if len(self.openings) else new

    def _show(
        self,
        messages: pl.DataFrame,
        examples: pl.DataFrame,
        findings: pl.DataFrame,
        mends: pl.DataFrame,
        found: pl.DataFrame,
    ) -> None:
        """Look at what is chosen so far; of masked personal data there are no examples, only numbers."""
        changed = mends.filter(~pl.col("rule").is_in([f"mend/{kind}" for kind in privacy.KINDS]))
        for kept, rows, looked in (
            (self.hits, found, lambda chosen: shown.hits(chosen, messages, examples)),
            (self.changes, changed, lambda chosen: shown.changes(chosen, messages)),
        ):
            self._per_rule(kept, rows, looked)
        ranked = examples.select("verdict", rank=pl.col("id").hash(seed=self.seed)).with_row_index("at")
        for mine, verdict, look in (
            (self.kept, "keep", lambda chosen: shown.kept(chosen, messages)),
            (self.dropped, "drop", lambda chosen: shown.dropped(chosen, messages, findings)),
        ):
            chosen = _first(ranked.filter(pl.col("verdict") == verdict), mine, EXAMPLES_SHOWN)
            _merge(mine, chosen["rank"].to_list(), look(examples[chosen["at"]]), EXAMPLES_SHOWN)

    def _per_rule(
        self, kept: dict[str, Chosen[Any]], rows: pl.DataFrame, look: Callable[[pl.DataFrame], dict[str, list[Any]]]
    ) -> None:
        names = ("conversation", "message", "example", "rule", "evidence")
        rank = pl.sum_horizontal(pl.col(name).hash(seed=self.seed + place) // 8 for place, name in enumerate(names))
        ranked = rows.select("rule", rank=rank).with_row_index("at").group_by("rule", maintain_order=True)
        chosen = ranked.agg(pl.col("at", "rank").sort_by("rank", maintain_order=True).head(EXAMPLES_PER_RULE))
        ranks = dict(chosen.select("rule", "rank").iter_rows())
        for rule, texts in look(rows[chosen["at"].explode()]).items():
            _merge(kept.setdefault(rule, []), ranks[rule], texts, EXAMPLES_PER_RULE)


def _kept(examples: pl.DataFrame) -> pl.DataFrame:
    return examples.filter(pl.col("verdict") == "keep")


def _first(ranked: pl.DataFrame, known: Chosen[Any], most: int) -> pl.DataFrame:
    """Return the rows of the smallest ranks, where they are smaller than what is `known`."""
    if len(known) == most:
        ranked = ranked.filter(pl.col("rank") < known[-1][0])
    return ranked.bottom_k(most, by="rank").sort("rank", maintain_order=True)


def _merge(known: Chosen[Any], ranks: Sequence[int], texts: Sequence[Any], most: int) -> None:
    known[:] = sorted([*known, *zip(ranks, texts, strict=True)], key=lambda one: one[0])[:most]


def _rows(what: str, chosen: Mapping[str, Chosen[Any]]) -> list[tuple[Any, ...]]:
    """Return samples by rule as rows of a frame."""
    return [
        (what, rule, rank, one.shown.model_dump_json(), list(one.talk), list(one.places))
        for rule, got in chosen.items()
        for rank, one in got
    ]


def _chosen(samples: pl.DataFrame, what: str, kind: type[Shown], most: int) -> dict[str, Chosen[Shown]]:
    """Return of the rows of all parts those of the smallest ranks, by rule."""
    mine = samples.filter(pl.col("what") == what).sort("rank", maintain_order=True)
    first = mine.group_by("rule", maintain_order=True).head(most)
    chosen: dict[str, Chosen[Shown]] = {}
    for rule, rank, told, talk, places in first.drop("what").iter_rows():
        chosen.setdefault(rule, []).append((rank, Draft(kind.model_validate_json(told), talk, places)))
    return chosen
