"""People's decisions → the numbers a report may show of them: precision of rules, miss rate, agreement."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path

import polars as pl

from curation import decisions, estimates, parquet
from curation.decide import with_message_findings
from curation.decisions import Event, Said
from curation.report import model

SAME_WORD = {"edit": "keep"}  # who rewrites a record wants it kept
CLEAR = ("keep", "edit", "drop")


def reviewed(
    events: Sequence[Event], *, examples: pl.DataFrame, messages: pl.DataFrame, findings: pl.DataFrame, gate: float
) -> model.Review | None:
    """Return what people's decisions come to on this run, or null where there are none.

    Frames as the run folder has them. A rule's precision counts sampled, fresh, single (not bulk) decisions on
    records that the rule drops today. Only deduplication may count what it dropped then: a record that people
    drop no longer takes part in it.
    """
    settled = decisions.settle(events)
    if not settled:
        return None
    people = decisions.table(settled)
    state = decisions.states(people, messages, examples)
    fresh = {item: said for item, said in settled.items() if state[item] == "fresh"}
    words = Counter(said.decision for said in fresh.values())
    return model.Review(
        keep=words["keep"], drop=words["drop"], edit=words["edit"], unsure=words["unsure"],
        disagree=words["disagree"], bulk=sum(said.event.batch is not None for said in fresh.values()),
        stale=sum(word == "stale" for word in state.values()),
        unknown=sum(word == "unknown" for word in state.values()),
        gate=gate, reviewers=_reviewers(events), agreement=agreement(events), repeats=repeats(events),
        rules=_precision(fresh, findings, gate), kept=_miss_rate(fresh, examples, findings),
    )  # fmt: skip


def today(run: Path, *, gate: float) -> model.Review | None:
    """Return what people's decisions come to now, read from a run folder; null where there are none.

    Raises SourceError where the folder or a log cannot be read.
    """
    events = decisions.load(run)
    if not events:
        return None
    said = pl.Series([event.conversation for event in events], dtype=pl.String).unique()
    with parquet.of_run(run):
        findings = pl.scan_parquet(run / "findings.parquet").filter(~pl.col("rule").str.contains("^(?:mend|read)/"))
        examples = pl.scan_parquet(run / "examples.parquet").select("id", "conversation", "content", "turns")
        messages = pl.scan_parquet(run / "messages.parquet").select("conversation", "message", "raw")
        return reviewed(
            events,
            examples=examples.collect(),
            messages=messages.filter(pl.col("conversation").is_in(said.implode())).collect(),
            findings=findings.drop("before", "after").collect(),
            gate=gate,
        )


def drops(findings: pl.DataFrame) -> pl.DataFrame:
    """Return what rules drop: one row (rule, on, example, conversation, message) per record and rule.

    What the stages themselves drop for want of a question or an answer is left out: nobody could keep it.
    """
    columns = ["rule", "example", "conversation", "message"]
    dropped = findings.filter(
        (pl.col("action") == "drop")
        & (pl.col("example").is_not_null() | pl.col("message").is_not_null())
        & ~pl.col("rule").str.contains("^(?:people|extract|read)/")
    )
    on = pl.when(pl.col("example").is_not_null()).then(pl.lit("example")).otherwise(pl.lit("message"))
    return dropped.unique(columns, maintain_order=True).select("rule", on.alias("on"), *columns[1:])


def single(said: Said) -> bool:
    """Tell whether a record was looked at by itself."""
    return said.event.batch is None


def strata(said: Said) -> set[str]:
    """Return the random samples that a record was in when people decided it."""
    return {name for event in said.votes.values() for name in event.strata}


def _precision(fresh: Mapping[str, Said], findings: pl.DataFrame, gate: float) -> list[model.PrecisionRow]:
    dropped = drops(findings)
    population = dict(dropped.group_by("rule").len().iter_rows())
    fires = _fires(fresh, dropped)
    rows = []
    for rule in sorted({name.removeprefix("rule:") for said in fresh.values() for name in strata(said)} - {"kept"}):
        mine = [
            (item, said)
            for item, said in fresh.items()
            if f"rule:{rule}" in strata(said)
            and single(said)
            and (rule in fires.get(item, set()) or rule.startswith("dedup/"))
        ]
        clear = [(item, said.decision) for item, said in mine if said.decision in CLEAR]
        if not mine:
            continue
        right = sum(word == "drop" for _, word in clear)
        alone = [word for item, word in clear if len(fires.get(item, {rule})) <= 1]
        size = max(population.get(rule, 0), len(mine))
        low, high = estimates.interval(right, len(clear), size)
        state, more = estimates.standing(right, len(clear), size, gate)
        row = model.PrecisionRow(
            rule=rule, on=mine[0][1].event.kind, population=size, n=len(clear), right=right,
            unsure=len(mine) - len(clear), precision=right / len(clear) if clear else None, low=low, high=high,
            state=state, more=more, alone_n=len(alone), alone_right=sum(word == "drop" for word in alone),
            seen=sum(said.event.seen for _, said in mine if said.decision in CLEAR),
        )  # fmt: skip
        rows.append(row)
    return sorted(rows, key=lambda row: (row.precision is None, row.precision, row.rule))


def _fires(fresh: Mapping[str, Said], dropped: pl.DataFrame) -> dict[str, set[str]]:
    """Return the rules that drop each decided record today."""
    places = {(said.event.conversation, said.event.message): item for item, said in fresh.items()}
    conversations = pl.Series([said.event.conversation for said in fresh.values()], dtype=pl.String)
    near = dropped.filter(pl.col("conversation").is_in(conversations.unique().implode()))
    fires: dict[str, set[str]] = {}
    for rule, _, example, conversation, message in near.iter_rows():
        item = example or places.get((conversation, message), "")
        if item in fresh:
            fires.setdefault(item, set()).add(rule)
    return fires


def _miss_rate(fresh: Mapping[str, Said], examples: pl.DataFrame, findings: pl.DataFrame) -> model.MissRate | None:
    """Count over examples that the rules keep, whatever people say of them."""
    said = with_message_findings(examples, findings)
    against = said.filter((pl.col("action") != "note") & ~pl.col("rule").str.starts_with("people/"))["id"].unique()
    mine = [said for item, said in fresh.items() if "kept" in strata(said) and single(said) and item not in against]
    clear = [said.decision for said in mine if said.decision in CLEAR]
    if not mine:
        return None
    missed, population = clear.count("drop"), max(examples.height - len(against), len(mine))
    low, high = estimates.interval(missed, len(clear), population)
    return model.MissRate(
        population=population, n=len(clear), missed=missed, edited=clear.count("edit"),
        unsure=len(mine) - len(clear), rate=missed / len(clear) if clear else None, low=low, high=high,
        seen=sum(said.event.seen for said in mine if said.decision in CLEAR),
    )  # fmt: skip


def _reviewers(events: Sequence[Event]) -> list[model.ReviewerRow]:
    counted = Counter(reviewer for _, reviewer in decisions.standing(events))
    return [model.ReviewerRow(name=name, decided=counted[name]) for name in sorted(counted)]


def agreement(events: Sequence[Event]) -> list[model.AgreementRow]:
    """Compare every two reviewers on what both decided by themselves: not in bulk, not after seeing each other."""
    said: dict[str, dict[str, str]] = {}
    for (item, reviewer), event in decisions.standing(events).items():
        if event.batch is None and event.queue != "disagreed":
            said.setdefault(reviewer, {})[item] = SAME_WORD.get(event.decision, event.decision)
    rows = []
    for one, other in combinations(sorted(said), 2):
        both = sorted(said[one].keys() & said[other].keys())
        if both:
            n, same, kappa = estimates.agreement((said[one][item], said[other][item]) for item in both)
            rows.append(model.AgreementRow(one=one, other=other, n=n, agreement=same / n, kappa=kappa))
    return rows


def repeats(events: Sequence[Event]) -> list[model.RepeatRow]:
    """Compare what every reviewer said the first and the second time of records that came back to them, blind."""
    said: dict[str, list[tuple[str, str]]] = {}
    for (_, reviewer), (first, second) in sorted(decisions.twice(events).items()):
        if not second.seen and not first.seen and first.batch is None:
            one, other = (SAME_WORD.get(event.decision, event.decision) for event in (first, second))
            said.setdefault(reviewer, []).append((one, other))
    rows = []
    for name in sorted(said):
        n, same, kappa = estimates.agreement(said[name])
        rows.append(model.RepeatRow(name=name, n=n, agreement=same / n, kappa=kappa))
    return rows
