"""The figures of an A/B experiment: per question, per seed, and what may be said of them. No model is needed here."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import mean, stdev
from typing import Any

from scipy import stats

from training.flags import flags
from training.likeness import chrf, rouge_l

RAW, CURATED, BASE = "raw", "curated", "base"
# measure → words for it, and whether more (1) or less (-1) is better; 0: neither
MEASURES = {
    "loss": ("loss on the agent's answer, nats per token", -1),
    "rouge_l": ("ROUGE-L against the agent's answer", 1),
    "chrf": ("chrF against the agent's answer", 1),
    "echo": ("echoes the question, share of answers", -1),
    "loop": ("repeats itself, share of answers", -1),
    "no-stop": ("does not stop by itself, share of answers", -1),
    "tokens": ("tokens per answer", 0),
}
SETS = {
    "real": "Real questions of the held-out conversations, with the agent's own words as the reference. Bad ones are "
    "among them as well as good ones, so to be like them is not always better.",
    "clean": "Those exchanges of the held-out conversations that curation keeps, in its wording.",
}


@dataclass(frozen=True, slots=True)
class Said:
    """One answer of a model to a held-out question."""

    question: str
    reference: str
    text: str
    tokens: int
    stopped: bool


def figures(answers: Sequence[Said], losses: Sequence[float]) -> dict[str, list[float]]:
    """Return every measure of one model for each question; the `losses` on their answers are measured apart."""
    marked = [flags(one.question, one.text, stopped=one.stopped) for one in answers]
    return {
        "loss": list(losses),
        "rouge_l": [rouge_l(one.text, one.reference) for one in answers],
        "chrf": [chrf(one.text, one.reference) for one in answers],
        **{name: [float(name in found) for found in marked] for name in ("echo", "loop", "no-stop")},
        "tokens": [float(one.tokens) for one in answers],
    }


def spread(values: Sequence[float], *, least: float = -math.inf, most: float = math.inf) -> dict[str, Any]:
    """Return mean and 95 % interval of values that differ by the seed; null bounds for a single one (Student's t).

    The interval ends where no value can be: at `least` and `most`.
    """
    middle = mean(values)
    told: dict[str, Any] = {"mean": middle, "low": None, "high": None, "values": list(values)}
    if len(values) > 1:
        half = float(stats.t.ppf(0.975, len(values) - 1)) * stdev(values) / len(values) ** 0.5
        told |= {"low": max(least, middle - half), "high": min(most, middle + half)}
    return told


Figures = Mapping[str, Sequence[float]]  # measure → one value for each question


def contrast(by_seed: Sequence[Mapping[str, Figures]], base: Figures) -> dict[str, Any]:
    """Hold raw against curated; `by_seed` has for every seed the figures of both. Differences are curated − raw.

    A difference has two intervals: over the seeds (the chance in training), and over the questions, each in the mean
    of its seeds (the chance in what was asked).
    """
    found = {}
    for measure in MEASURES:
        raw, curated = ([mean(one[arm][measure]) for one in by_seed] for arm in (RAW, CURATED))
        pairs = [zip(one[RAW][measure], one[CURATED][measure], strict=True) for one in by_seed]
        apart = [[b - a for a, b in pair] for pair in pairs]  # by seed, then by question
        asked = spread([mean(values) for values in zip(*apart, strict=True)])
        most = math.inf if measure in ("loss", "tokens") else 1.0
        found[measure] = {
            BASE: mean(base[measure]),
            RAW: spread(raw, least=0.0, most=most),
            CURATED: spread(curated, least=0.0, most=most),
            "difference": spread([mean(values) for values in apart]) | {"questions": [asked["low"], asked["high"]]},
        }
    return found


def verdict(measures: Mapping[str, Any]) -> list[str]:
    """Say of each measure whether the curated set did better, worse, or cannot be told from the raw one.

    A difference counts where both its intervals leave zero out.
    """
    said = []
    for name, (words, better) in MEASURES.items():
        apart = measures[name]["difference"]
        bounds = [(apart["low"], apart["high"]), apart["questions"]]
        if not better or any(low is None for low, _ in bounds):
            continue
        clear = all(low > 0 for low, _ in bounds) or all(high < 0 for _, high in bounds)
        wins = "the curated set is better" if apart["mean"] * better > 0 else "the raw set is better"
        said.append(f"{words}: {wins if clear else 'no difference beyond chance'}")
    return said


def to_markdown(result: Mapping[str, Any]) -> str:
    """Return compare.md: what was compared, tables with intervals, samples side by side."""
    seeds = result["seeds"]
    lines = [
        "# Raw or curated",
        "",
        f"Model `{result['model']}`, {result['steps']} steps each, {len(seeds)} seed{'s' * (len(seeds) > 1)} "
        f"({', '.join(map(str, seeds))}); brackets: 95 % interval over the seeds, of differences (curated − raw) "
        "then over the questions.",
        "",
        "| set | records at hand | conversations | records seen | different ones | tokens seen | of them learned |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for arm in (RAW, CURATED):
        one = result["sets"][arm]
        keys = ("records", "conversations", "seen", "different", "tokens", "learned")
        lines.append(f"| {arm} | " + " | ".join(f"{one[key]:,}" for key in keys) + " |")
    for name, one in result["held_out"].items():
        lines += ["", f"## {name.capitalize()} questions", "", f"{SETS[name]} {_count(one)}", ""]
        lines += ["| | base | raw | curated | difference |", "|---|---:|---:|---:|---:|"]
        for measure, (words, _) in MEASURES.items():
            row = one["measures"][measure]
            cells = [_number(row[BASE]), *(_interval(row[key]) for key in (RAW, CURATED, "difference"))]
            low, high = row["difference"]["questions"]
            cells[-1] += "" if low is None else f" · [{_number(low)}, {_number(high)}]"
            lines.append(f"| {words} | {' | '.join(cells)} |")
        lines += ["", *(f"- {sentence}" for sentence in one["verdict"])]
    lines += ["", "## What they say", "", *(f"- {note}" for note in result["notes"])]
    for number, one in enumerate(result["samples"], 1):
        lines += ["", f"### {number} · {one['set']}", ""]
        for who in ("question", "agent", BASE, RAW, CURATED):
            lines += [f"**{who}**", "", *(f"    {line}" for line in (one[who] or "(nothing)").splitlines()), ""]
    return "\n".join(lines).rstrip() + "\n"


def _count(one: Mapping[str, Any]) -> str:
    left = f", {one['overlapping']} left out since a training set asks the same" if one["overlapping"] else ""
    return f"{one['questions']} questions of {one['conversations']} conversations{left}."


def _number(value: float) -> str:
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.3f}"


def _interval(one: Mapping[str, Any]) -> str:
    if one["low"] is None:
        return _number(one["mean"])
    return f"{_number(one['mean'])} [{_number(one['low'])}, {_number(one['high'])}]"
