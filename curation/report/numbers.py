"""The frames of a finished curation → `Report`: every number that any report shows is computed here, once."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from random import Random
from typing import Any

import polars as pl

from curation import diversity, privacy
from curation.checks.language import language
from curation.decide import dropped_messages, with_message_findings
from curation.decisions import KEEPING
from curation.duplicates import Duplicates
from curation.packs import Packs
from curation.query_types import OTHER, Names
from curation.read import Input
from curation.recipe import Gate as GateSettings
from curation.recipe import Recipe
from curation.report import counts, model, shown

EXAMPLES_PER_RULE = 3
EXAMPLES_SHOWN = 8

CHARACTERS = [0, 10, 20, 40, 60, 80, 120, 160, 240, 320, 480, 640, 960]
TURNS = [2, 4, 6, 8, 10, 12, 16, 20, 30, 60]

# Findings that no pack rule makes: what the stages themselves say.
STRUCTURAL = {
    "read/unreadable-line": (
        "line",
        "The line could not be read as a message; file, line and reason are in unreadable.jsonl.",
    ),
    "read/duplicate-row": ("message", "The export holds this row twice; the first copy is kept."),
    "sessions/bot-turn": ("message", "A bot said this, and the recipe says that bots do not teach."),
    "sessions/before-handover": ("message", "The customer said this to a bot, before a person took over."),
    "extract/unanswered": (
        "message",
        "No answer of the agent follows this message: there is nothing to learn from it.",
    ),
    "extract/unprompted": ("message", "No question of the customer stands before this message."),
    "dedup/near-duplicate": ("example", "A better copy of the same question and answer is kept."),
    "dedup/canned-answer": ("example", "The same canned answer is kept often enough already."),
    "dedup/asked-again": ("example", "A better example asks the same question and answers it alike."),
    "dedup/seen-before": ("example", "An earlier set holds the same question and answer."),
    "dedup/question-seen-before": ("example", "An earlier set asks the same question."),
    "dedup/conflicting-answers": (
        "example",
        "The same question has another answer elsewhere; a person must say which is right.",
    ),
    "selection/over-budget": (
        "example",
        "The budget is full; what was chosen covers this question or asks something rarer.",
    ),
}


def gate(
    settings: GateSettings,
    *,
    exported: int,
    personal_data: int,
    review: model.Review | None = None,
) -> model.Gate:
    """Hold what came out against what the recipe asks for; rules count only once people sampled what they drop."""
    checks = [
        _check("exported_examples", exported, settings.min_examples, at_least=True),
        _check("personal_data_left", personal_data, settings.max_personal_data, at_least=False),
    ]
    if review and review.rules:
        failed = sum(row.state == "fail" for row in review.rules)
        checks.append(_check("imprecise_rules", failed, 0, at_least=False))
    return model.Gate(state="pass" if all(c.passed for c in checks) else "fail", checks=checks)


def _check(name: str, value: float, limit: float, *, at_least: bool) -> model.GateCheck:
    passed = value >= limit if at_least else value <= limit
    sense = "at_least" if at_least else "at_most"
    return model.GateCheck(name=name, value=value, limit=limit, sense=sense, passed=passed)  # type: ignore[arg-type]


def numbers(
    *,
    recipe: Recipe,
    packs: Packs,
    inputs: Sequence[Input],
    messages: pl.DataFrame,
    unreadable: pl.DataFrame,
    examples: pl.DataFrame,
    findings: pl.DataFrame,
    duplicates: Duplicates,
    turns: int,
    types: Mapping[str, Names],
    files: Sequence[Mapping[str, Any]],
    left: Mapping[str, int],
    version: str,
    review: model.Review | None = None,
) -> model.Report:
    """Build the report; frames as the run folder has them (design of the columns: tables.py and runfolder.py).

    `left` is what privacy/residual.py still finds in the exported files, by kind.
    """
    kept = examples.filter(pl.col("verdict") == "keep")
    records = sum(i.records for i in inputs)
    mends = findings.filter(pl.col("rule").str.starts_with("mend/"))
    personal = _personal_data(mends, left, recipe.privacy.keep)
    fate = dict(messages.group_by("fate").len().iter_rows())
    random = Random(recipe.seed)
    return model.Report(
        schema_version="siftune/report/1",
        name=recipe.name,
        gate=gate(
            recipe.gate,
            exported=kept.height,
            personal_data=sum(p.left for p in personal),
            review=review,
        ),
        ledger=_ledger(records, unreadable.height, messages, fate),
        counts=_headline(messages, examples, mends),
        funnel=_funnel(messages, findings, examples, turns),
        rules=_rules(packs, messages, examples, findings, random),
        mends=_mends(mends, messages, random),
        personal_data=personal,
        query_types=_query_types(types, examples, kept),
        missing_types=_rare(types, examples, kept, below=1),
        diversity=model.Diversity(**vars(diversity.diversity(kept, len(types) + 1))),
        variety=_variety(recipe, types, examples, kept),
        lengths=model.Lengths(
            question=_histogram(examples, pl.col("question").str.len_chars(), CHARACTERS),
            answer=_histogram(examples, pl.col("answer").str.len_chars(), CHARACTERS),
            turns=_histogram(examples.filter(pl.col("kind") == "dialogue"), pl.col("turns").list.len(), TURNS),
        ),
        languages=_languages(examples),
        duplicates=_duplicates(recipe, findings, duplicates),
        cot=model.Reasoning(
            records=int(examples["cot"].is_not_null().sum()),
            kept=int((kept["cot"].fill_null("").str.strip_chars() != "").sum()),
        ),
        review=review,
        kept_examples=shown.kept(_some(kept, random), messages),
        dropped_examples=shown.dropped(_some(examples.filter(pl.col("verdict") == "drop"), random), messages, findings),
        files=[model.FileRow(**f) for f in files],
        provenance=model.Provenance(
            siftune=version,
            recipe_sha256=recipe.sha256(),
            seed=recipe.seed,
            inputs=[model.InputRow(name=i.name, sha256=i.sha256, bytes=i.bytes, encoding=i.encoding) for i in inputs],
            packs=[model.PackRow(name=p.name, sha256=p.sha256, rules=p.rules) for p in packs.files],
        ),
    )


def _ledger(records: int, unreadable: int, messages: pl.DataFrame, fate: Mapping[str, int]) -> model.Ledger:
    """Add up. Lines are records of the input: a record with a question and an answer is one line, two messages."""
    read = messages["source"].n_unique()
    example, held, dropped = (fate.get(name, 0) for name in ("example", "held", "dropped"))
    return model.Ledger(
        lines=records, unreadable=unreadable, messages=messages.height, example=example, held=held, dropped=dropped,
        balanced=read + unreadable == records and example + held + dropped == messages.height,
    )  # fmt: skip


def _headline(messages: pl.DataFrame, examples: pl.DataFrame, mends: pl.DataFrame) -> model.Counts:
    def verdicts(kind: str) -> model.Verdicts:
        mine = examples.filter(pl.col("kind") == kind)["verdict"]
        return model.Verdicts(
            found=len(mine),
            keep=int((mine == "keep").sum()),
            review=int((mine == "review").sum()),
            drop=int((mine == "drop").sum()),
        )

    return model.Counts(
        conversations=messages["conversation"].n_unique(),
        mended_messages=mends.select("conversation", "message").unique().height,
        pairs=verdicts("pair"),
        dialogues=verdicts("dialogue"),
        exported_train=int((examples["split"] == "train").sum()),
        exported_val=int((examples["split"] == "val").sum()),
    )


def _funnel(
    messages: pl.DataFrame, findings: pl.DataFrame, examples: pl.DataFrame, turns: int
) -> list[model.FunnelStep]:
    by_rule = dropped_messages(findings.filter(~pl.col("rule").str.starts_with("extract/")))
    clean = messages.filter(pl.col("role") != "system").join(by_rule, on=["conversation", "message"], how="anti").height
    said = with_message_findings(examples, findings)
    wanted = said.filter(pl.col("rule").is_in(KEEPING))  # by people, who win over the rules
    strong = said.filter((pl.col("action") != "note") & ~pl.col("rule").str.contains("^(?:dedup|selection)/"))
    passed = examples.join(strong.join(wanted, on="id", how="anti"), on="id", how="anti").height
    twice = said.filter(pl.col("rule") == "dedup/near-duplicate").join(wanted, on="id", how="anti").height
    kept = (examples["verdict"] == "keep").sum()
    steps = {
        "messages": messages.height, "clean_messages": clean, "turns": turns, "candidates": examples.height,
        "passed_rules": passed, "unique": passed - twice, "exported": kept,
    }  # fmt: skip
    return [model.FunnelStep(stage=stage, n=n) for stage, n in steps.items()]  # type: ignore[arg-type]


def _rules(
    packs: Packs, messages: pl.DataFrame, examples: pl.DataFrame, findings: pl.DataFrame, random: Random
) -> list[model.RuleRow]:
    """Return one row per rule that fired, the strongest action and the most hits first."""
    known: dict[str, tuple[str | None, ...]] = {
        rule.name: (rule.on, rule.why, rule.why_zh, rule.why_en) for rule in packs.rules
    }
    known |= {name: (on, why, None, None) for name, (on, why) in STRUCTURAL.items()}
    found = findings.filter(~pl.col("rule").str.contains("^(?:mend|people)/"))
    alone, together = counts.alone(found), counts.together(found)
    at = found.with_row_index("at").group_by("rule").agg("at", pl.col("action").first()).sort("rule")
    chosen = {rule: _pick(random, places, EXAMPLES_PER_RULE) for rule, places, _ in at.iter_rows()}
    examples_of = shown.hits(found[[row for rows in chosen.values() for row in rows]], messages, examples)
    rows = [
        model.RuleRow.model_validate(
            {"rule": rule, "action": action, "hits": len(places)}
            | dict(zip(("on", "why", "why_zh", "why_en"), known[rule], strict=True))
            | {"alone": alone.get(rule, 0), "together": together.get(rule, []), "examples": examples_of[rule]}
        )
        for rule, places, action in at.iter_rows()
    ]
    order = {"drop": 0, "review": 1, "note": 2}
    return sorted(rows, key=lambda row: (order[row.action], -row.hits, row.rule))


def _pick(random: Random, places: Sequence[int], most: int) -> list[int]:
    """Choose at most `most` of `places` at random, in their order."""
    return [places[i] for i in sorted(random.sample(range(len(places)), min(most, len(places))))]


def _mends(mends: pl.DataFrame, messages: pl.DataFrame, random: Random) -> list[model.MendRow]:
    """Return one row per mend, the busiest first; of masked personal data there are no examples, only numbers."""
    at = mends.with_row_index("at").group_by("rule").agg("at").sort("rule")
    places = {str(rule).removeprefix("mend/"): rows for rule, rows in at.iter_rows()}
    chosen = {
        name: _pick(random, rows, EXAMPLES_PER_RULE) for name, rows in places.items() if name not in privacy.KINDS
    }
    examples_of = shown.changes(mends[[row for rows in chosen.values() for row in rows]], messages)
    busiest = sorted(places.items(), key=lambda item: (-len(item[1]), item[0]))
    return [
        model.MendRow(mend=name, hits=len(rows), examples=examples_of.get(f"mend/{name}", [])) for name, rows in busiest
    ]


def _personal_data(mends: pl.DataFrame, left: Mapping[str, int], ignored: Sequence[str]) -> list[model.PersonalData]:
    """Count messages with what was masked, and exported records with what is left; not of kinds the recipe keeps."""
    found = dict(mends.group_by("rule").len().iter_rows())
    return [
        model.PersonalData(kind=kind, found=found.get(f"mend/{kind}", 0), left=left.get(kind, 0))
        for kind in privacy.KINDS
        if kind not in ignored and (found.get(f"mend/{kind}", 0) or left.get(kind, 0))
    ]


def _query_types(types: Mapping[str, Names], examples: pl.DataFrame, kept: pl.DataFrame) -> list[model.QueryTypeRow]:
    before, after = (dict(frame.group_by("query_type").len().iter_rows()) for frame in (examples, kept))
    names = {name: (t.zh, t.en) for name, t in types.items()} | {OTHER: ("其他", "Other")}
    return [
        model.QueryTypeRow(id=name, zh=zh, en=en, before=before.get(name, 0), after=after.get(name, 0))
        for name, (zh, en) in names.items()
    ]


def _rare(types: Mapping[str, Names], examples: pl.DataFrame, kept: pl.DataFrame, *, below: int) -> list[str]:
    """Return the types with fewer than `below` exported examples, those first that lost most candidates."""
    before, after = (dict(frame.group_by("query_type").len().iter_rows()) for frame in (examples, kept))
    rare = [name for name in types if after.get(name, 0) < below]
    return sorted(rare, key=lambda name: -before.get(name, 0))


def _variety(recipe: Recipe, types: Mapping[str, Names], examples: pl.DataFrame, kept: pl.DataFrame) -> model.Variety:
    compared = min(examples.height, kept.height, diversity.SAMPLE)
    before, after = (
        diversity.scores(frame, list(types), recipe.dedup, compared=compared, seed=recipe.seed)
        for frame in (examples, kept)
    )
    missing = set(_rare(types, examples, kept, below=1))
    least = max(recipe.selection.floors.type, 2)
    return model.Variety(
        compared=compared,
        before=model.Scores(**vars(before)),
        after=model.Scores(**vars(after)),
        templates=[
            model.TemplateRow(skeleton=shown.short(text), before=n, after=m)
            for text, n, m in diversity.templates(examples, kept)
        ],
        thin_below=least,
        thin_types=[name for name in _rare(types, examples, kept, below=least) if name not in missing],
        budget=recipe.selection.budget,
    )


def _histogram(examples: pl.DataFrame, size: pl.Expr, edges: list[int]) -> model.Histogram:
    """Count candidates (before) and kept examples (after) by size; the first bin has no lower end."""

    def counts(frame: pl.DataFrame) -> list[int]:
        sizes = frame.select(size).to_series()
        return [
            int(((sizes >= (low if i else -math.inf)) & (sizes < (high if i < len(edges) - 2 else math.inf))).sum())
            for i, (low, high) in enumerate(pairwise(edges))
        ]

    return model.Histogram(
        edges=edges, before=counts(examples), after=counts(examples.filter(pl.col("verdict") == "keep"))
    )


def _languages(examples: pl.DataFrame) -> list[model.LanguageRow]:
    told = examples.select("verdict", language=language(pl.col("question") + pl.col("answer")))
    rows = []
    for name in ("zh", "en", "other"):
        mine = told.filter(pl.col("language") == name)
        if mine.height:
            code = "und" if name == "other" else name
            rows.append(
                model.LanguageRow(language=code, before=mine.height, after=int((mine["verdict"] == "keep").sum()))
            )
    return rows


def _duplicates(recipe: Recipe, findings: pl.DataFrame, duplicates: Duplicates) -> model.Duplicates:
    sizes = duplicates.clusters.group_by("cluster").len()["len"]
    hits = dict(findings.group_by("rule").len().iter_rows())
    return model.Duplicates(
        threshold=recipe.dedup.threshold,
        clusters=len(sizes),
        dropped=hits.get("dedup/near-duplicate", 0),
        canned=hits.get("dedup/canned-answer", 0),
        asked_again=hits.get("dedup/asked-again", 0),
        seen_before=hits.get("dedup/seen-before", 0),
        largest=int(sizes.max() or 0),  # type: ignore[arg-type]
        conflicts=duplicates.conflicts,
        pairs=[
            model.DuplicatePair(similarity=round(similarity, 4), kept=shown.short(kept), dropped=shown.short(dropped))
            for similarity, kept, dropped in duplicates.merged
        ],
        borderline=[
            model.BorderlinePair(similarity=round(similarity, 4), one=shown.short(one), other=shown.short(other))
            for similarity, one, other in duplicates.missed
        ],
    )


def _some(examples: pl.DataFrame, random: Random) -> pl.DataFrame:
    """Choose a few examples at random, in their order."""
    return examples[sorted(random.sample(range(examples.height), min(EXAMPLES_SHOWN, examples.height)))]
