"""What people's decisions say of a rule's threshold: a suggestion with numbers, never a change.

Only stricter thresholds are looked at, those under which the rule drops less: the sampled records that people decided
are a random sample of what it drops today, and of every part of that; what a looser threshold would drop besides,
nobody has sampled yet.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from curation import decisions, estimates, packs, parquet, tables
from curation.errors import PackError, UsageError, did_you_mean
from curation.judge import context, judge
from curation.packs import Rule
from curation.recipe import Recipe, RuleChange
from curation.report import reviewed


class Trial(NamedTuple):
    """One value of one parameter: of what people decided, how much the rule would still drop, and how right."""

    param: str
    value: float
    right: int
    n: int
    low: float
    high: float
    dropped: int  # of all that the rule drops in the run today


class Tuned(NamedTuple):
    """How the rule stands today, every value that was tried, and the one to take, if any."""

    now: Trial
    trials: list[Trial]
    best: Trial | None
    gate: float
    unsure: int


def tune(run: Path, recipe: Recipe, name: str, events: Sequence[decisions.Event]) -> Tuned:
    """Try stricter values of every number in a rule; raises UsageError where there is nothing to try.

    Taken is the value that gives up the fewest drops among those whose interval is above the recipe's gate; without
    one, that with the highest lower end, if it beats today's.
    """
    bind = packs.binder(recipe.packs, detector=recipe.language.detector)
    rules = bind(recipe.rules)
    rule = next((rule for rule in rules if rule.name == name), None)
    if rule is None:
        raise UsageError(f"there is no rule '{name}'{did_you_mean(name, [r.name for r in rules])}")
    numbers = {key: value for key, value in rule.params.items() if type(value) in (int, float)}
    if not numbers:
        raise UsageError(f"rule '{name}' has no number to tune; change its action or its phrases instead")
    with parquet.of_run(run):
        words, unsure = _decided(run, name, events)
    if not words:
        cure = f"siftune review {run} --queue rule:{name}"
        raise UsageError(f"rule '{name}': nobody has decided a sampled record of it yet; {cure}")
    with parquet.of_run(run):
        frame = _population(run, rule)
    gate = recipe.gate.min_rule_precision
    now = _trial(rule, frame, words, "", 0.0)
    trials = []
    for param, value in numbers.items():
        for other in _values(value):
            change = recipe.rules.get(name, RuleChange())
            changed = change.model_copy(update={"params": change.params | {param: other}})
            try:
                bound = bind({**recipe.rules, name: changed})
            except PackError:  # a value that the check refuses
                continue
            trial = _trial(next(r for r in bound if r.name == name), frame, words, param, other)
            if 0 < trial.n and trial.dropped < now.dropped:
                trials.append(trial)
    return Tuned(now, trials, _best(now, trials, gate), gate, unsure)


def patch(name: str, run: str, found: Tuned) -> str:
    """Return a recipe snippet with the suggested value; why, and what it costs, in its comment."""
    best, now = found.best, found.now
    if best is None:
        raise ValueError("there is nothing to suggest")
    wrong = now.n - now.right
    return (
        f"# A suggestion of `siftune rules tune {name} {run}`; merge it into the recipe if you agree.\n"
        f"# now:  {_line(now)}\n"
        f"# then: {_line(best)}\n"
        f"# It gives up {now.right - best.right} of {now.right} drops that people confirmed, "
        f"and mends {wrong - (best.n - best.right)} of {wrong} wrong ones;\n"
        f"# of all that the rule drops in this run it would leave {best.dropped} of {now.dropped}.\n"
        f"rules:\n  {name}:\n    params: {{{best.param}: {best.value:g}}}\n"
    )


def told(name: str, found: Tuned) -> list[str]:
    """Return the numbers, one line per value, and what follows from them."""
    lines = [f"{name} now: {_line(found.now)}, {found.now.dropped} dropped"]
    lines += [
        f"  {t.param} {t.value:g}: {_line(t)}, {t.dropped} dropped{' <- suggested' * (t == found.best)}"
        for t in found.trials
    ]
    if found.unsure:
        lines.append(f"{found.unsure} more were unsure or in dispute, and do not count")
    if found.now.low >= found.gate:
        lines.append(f"it reaches the gate of {found.gate:.0%} as it is: nothing to change")
    elif found.best is None:
        lines.append("no stricter value does better: decide more records, or change the rule itself")
    elif found.best.low < found.gate:
        lines.append(f"no value reaches the gate of {found.gate:.0%} with so few decisions; the nearest is suggested")
    return lines


def _line(trial: Trial) -> str:
    share = f"{trial.right / trial.n:.1%}" if trial.n else "–"
    return f"{trial.right} of {trial.n} right, {share} (95 % interval {trial.low:.1%} to {trial.high:.1%})"


def _decided(run: Path, name: str, events: Sequence[decisions.Event]) -> tuple[dict[str, bool], int]:
    """Return whether each sampled, fresh, single decision confirmed the rule's drop, and how many are unsure."""
    settled = decisions.settle(events)
    examples = pl.read_parquet(run / "examples.parquet", columns=["id", "content"])
    messages = pl.read_parquet(run / "messages.parquet", columns=["conversation", "message", "raw"])
    state = decisions.states(decisions.table(settled), messages, examples)
    mine = {
        item: said.decision
        for item, said in settled.items()
        if state[item] == "fresh" and reviewed.single(said) and f"rule:{name}" in reviewed.strata(said)
    }
    clear = {item: word == "drop" for item, word in mine.items() if word in ("keep", "edit", "drop")}
    return clear, len(mine) - len(clear)


def _population(run: Path, rule: Rule) -> pl.DataFrame:
    """Return what the rule drops today, as the frame that it judges, with `item`.

    What the run folder does not keep is as it must have been for the rule to fire: a chat, a question asked before.
    """
    findings = pl.scan_parquet(run / "findings.parquet").filter(pl.col("rule") == rule.name).collect()
    if rule.on == "example":
        frame = pl.read_parquet(run / "examples.parquet").join(
            findings.select(id="example").drop_nulls().unique(), on="id", how="semi", maintain_order="left"
        )
        text = pl.element().struct.field("text")
        said = {
            name: pl.col("turns").list.eval(text.filter(pl.element().struct.field("role") == role)).list.join("\n")
            for name, role in (("question", "user"), ("answer", "assistant"))
        }
        return _whole(frame.with_columns(**said, earlier=pl.lit(1, dtype=pl.UInt32)), tables.EXAMPLES).with_columns(
            item="id"
        )
    places = findings.select("conversation", "message").drop_nulls().unique()
    frame = context(_whole(pl.read_parquet(run / "messages.parquet"), tables.MESSAGES))
    mine = frame.join(places, on=["conversation", "message"], how="semi", maintain_order="left")
    items = [decisions.message_id(c, m) for c, m in mine.select("conversation", "message").iter_rows()]
    return mine.with_columns(item=pl.Series(items, dtype=pl.String))


def _whole(frame: pl.DataFrame, schema: Mapping[str, Any]) -> pl.DataFrame:
    """Add the columns of a schema that a frame lacks: false, 0 or null."""
    lacking = {name: kind for name, kind in schema.items() if name not in frame.columns}
    empty = {pl.Boolean: pl.lit(value=False), pl.UInt32: pl.lit(0)}
    return frame.with_columns(empty.get(kind, pl.lit(None)).cast(kind).alias(name) for name, kind in lacking.items())


def _trial(rule: Rule, frame: pl.DataFrame, words: Mapping[str, bool], param: str, value: float) -> Trial:
    """Judge the population again and count what people said of the records that still fall."""
    found = judge(frame, [rule], on=rule.on)
    if rule.on == "example":
        items = found["example"].unique().to_list()
    else:
        still = frame.join(found, on=["conversation", "message"], how="semi")
        items = still["item"].to_list()
    mine = [words[item] for item in items if item in words]
    low, high = estimates.interval(sum(mine), len(mine), len(items))
    return Trial(param, value, sum(mine), len(mine), low, high, len(items))


def _values(value: float) -> list[float]:
    """Return values on both sides of a number: which side is stricter, the judging will show."""
    if type(value) is int:
        near = {value + step for step in (-3, -2, -1, 1, 2, 3)}
        near |= {round(value * factor) for factor in (0.25, 0.5, 0.75, 1.5, 2, 4)}
        return sorted(other for other in near if other >= 0 and other != value)
    return sorted({round(value * k, 6) for k in (0.5, 0.7, 0.8, 0.9, 0.95, 1.05, 1.1, 1.2, 1.3, 1.5)} - {value})


def _best(now: Trial, trials: Sequence[Trial], gate: float) -> Trial | None:
    if now.low >= gate:
        return None
    enough = [trial for trial in trials if trial.low >= gate]
    if enough:
        return max(enough, key=lambda trial: (trial.dropped, trial.low))
    better = [trial for trial in trials if trial.low > now.low]
    return max(better, key=lambda trial: (trial.low, trial.dropped)) if better else None
