"""What was measured of a finished curation → `Report`: every number that any report shows is computed here, once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import polars as pl

from curation import diversity, privacy
from curation.duplicates import Duplicates
from curation.packs import Packs
from curation.query_types import OTHER, Names
from curation.read import Input
from curation.recipe import Recipe
from curation.report import counts, model, shown
from curation.report.gate import gate
from curation.report.measure import CHARACTERS, TURNS, Measures

Paired = tuple[list[model.DuplicatePair], list[model.BorderlinePair]]

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


def numbers(
    *,
    recipe: Recipe,
    packs: Packs,
    inputs: Sequence[Input],
    measured: Measures,
    compared: int,
    worded: Sequence[diversity.Wording],
    unreadable: int,
    duplicates: Duplicates,
    paired: Paired,
    turns: int,
    types: Mapping[str, Names],
    files: Sequence[Mapping[str, Any]],
    left: Mapping[str, int],
    version: str,
    review: model.Review | None = None,
) -> model.Report:
    """Build the report of all that was `measured`; `unreadable` is how many lines could not be read.

    `worded` is the wording of `compared` questions before and after (diversity.wordings), `paired` what `pairs` says.
    `left` is what privacy/residual.py still finds in the exported files, by kind.
    """
    records = sum(i.records for i in inputs)
    personal = _personal_data(measured.by("hits"), left, recipe.privacy.keep)
    before, after = (measured.by("type", side) for side in diversity.SIDES)
    return model.Report(
        schema_version="siftune/report/1",
        name=recipe.name,
        gate=gate(
            recipe.gate,
            exported=measured.n["examples", "after"],
            personal_data=sum(p.left for p in personal),
            review=review,
        ),
        ledger=_ledger(records, unreadable, measured),
        counts=_headline(measured),
        funnel=_funnel(measured, turns),
        rules=_rules(packs, measured),
        mends=_mends(measured),
        personal_data=personal,
        query_types=_query_types(types, before, after),
        missing_types=_rare(types, before, after, below=1),
        diversity=_diversity(measured, len(types) + 1),
        variety=_variety(recipe, types, measured, compared, worded),
        lengths=model.Lengths(
            question=_histogram(measured, "question", CHARACTERS),
            answer=_histogram(measured, "answer", CHARACTERS),
            turns=_histogram(measured, "turns", TURNS),
        ),
        languages=_languages(measured),
        duplicates=_duplicates(recipe, measured.by("hits"), duplicates, paired),
        cot=model.Reasoning(records=measured.n["reasoning", "before"], kept=measured.n["reasoning", "after"]),
        review=review,
        kept_examples=[draft.shown for _, draft in measured.kept],
        dropped_examples=[draft.shown for _, draft in measured.dropped],
        files=[model.FileRow(**f) for f in files],
        provenance=model.Provenance(
            siftune=version,
            recipe_sha256=recipe.sha256(),
            seed=recipe.seed,
            inputs=[model.InputRow(name=i.name, sha256=i.sha256, bytes=i.bytes, encoding=i.encoding) for i in inputs],
            packs=[model.PackRow(name=p.name, sha256=p.sha256, rules=p.rules) for p in packs.files],
        ),
    )


def _ledger(records: int, unreadable: int, measured: Measures) -> model.Ledger:
    """Add up. Lines are records of the input: a record with a question and an answer is one line, two messages."""
    messages, read, fate = measured.n["messages",], measured.n["lines",], measured.by("fate")
    example, held, dropped = (fate.get(name, 0) for name in ("example", "held", "dropped"))
    return model.Ledger(
        lines=records, unreadable=unreadable, messages=messages, example=example, held=held, dropped=dropped,
        balanced=read + unreadable == records and example + held + dropped == messages,
    )  # fmt: skip


def _headline(measured: Measures) -> model.Counts:
    def verdicts(kind: str) -> model.Verdicts:
        mine = measured.by("verdict", kind)
        return model.Verdicts(
            found=sum(mine.values()), keep=mine.get("keep", 0), review=mine.get("review", 0), drop=mine.get("drop", 0)
        )

    return model.Counts(
        conversations=measured.n["conversations",],
        mended_messages=measured.n["mended",],
        pairs=verdicts("pair"),
        dialogues=verdicts("dialogue"),
        exported_train=measured.n["split", "train"],
        exported_val=measured.n["split", "val"],
    )


def _funnel(measured: Measures, turns: int) -> list[model.FunnelStep]:
    n = measured.n
    steps = {
        "messages": n["messages",], "clean_messages": n["clean",], "turns": turns,
        "candidates": n["examples", "before"], "passed_rules": n["passed",], "unique": n["passed",] - n["copies",],
        "exported": n["examples", "after"],
    }  # fmt: skip
    return [model.FunnelStep(stage=stage, n=n) for stage, n in steps.items()]  # type: ignore[arg-type]


def _rules(packs: Packs, measured: Measures) -> list[model.RuleRow]:
    """Return one row per rule that fired, the strongest action and the most hits first."""
    known: dict[str, tuple[str | None, ...]] = {
        rule.name: (rule.on, rule.why, rule.why_zh, rule.why_en) for rule in packs.rules
    }
    known |= {name: (on, why, None, None) for name, (on, why) in STRUCTURAL.items()}
    together, hits, alone = counts.partners(measured.sets), measured.by("hits"), measured.by("alone")
    rows = [
        model.RuleRow.model_validate(
            {"rule": rule, "action": action, "hits": hits[rule]}
            | dict(zip(("on", "why", "why_zh", "why_en"), known[rule], strict=True))
            | {"alone": alone.get(rule, 0), "together": together.get(rule, [])}
            | {"examples": [draft.shown for _, draft in measured.hits[rule]]}
        )
        for rule, action in sorted(measured.actions.items())
    ]
    order = {"drop": 0, "review": 1, "note": 2}
    return sorted(rows, key=lambda row: (order[row.action], -row.hits, row.rule))


def _mends(measured: Measures) -> list[model.MendRow]:
    """Return one row per mend, the busiest first."""
    mends = {name: n for name, n in measured.by("hits").items() if name.startswith("mend/")}
    busiest = sorted(mends.items(), key=lambda item: (-item[1], item[0]))
    return [
        model.MendRow(
            mend=name.removeprefix("mend/"),
            hits=n,
            examples=[draft.shown for _, draft in measured.changes.get(name, [])],
        )
        for name, n in busiest
    ]


def _personal_data(
    hits: Mapping[str, int], left: Mapping[str, int], ignored: Sequence[str]
) -> list[model.PersonalData]:
    """Count messages with what was masked, and exported records with what is left; not of kinds the recipe keeps."""
    return [
        model.PersonalData(kind=kind, found=hits.get(f"mend/{kind}", 0), left=left.get(kind, 0))
        for kind in privacy.KINDS
        if kind not in ignored and (hits.get(f"mend/{kind}", 0) or left.get(kind, 0))
    ]


def _query_types(
    types: Mapping[str, Names], before: Mapping[str, int], after: Mapping[str, int]
) -> list[model.QueryTypeRow]:
    names = {name: (t.zh, t.en) for name, t in types.items()} | {OTHER: ("其他", "Other")}
    return [
        model.QueryTypeRow(id=name, zh=zh, en=en, before=before.get(name, 0), after=after.get(name, 0))
        for name, (zh, en) in names.items()
    ]


def _rare(types: Mapping[str, Names], before: Mapping[str, int], after: Mapping[str, int], *, below: int) -> list[str]:
    """Return the types with fewer than `below` exported examples, those first that lost most candidates."""
    rare = [name for name in types if after.get(name, 0) < below]
    return sorted(rare, key=lambda name: -before.get(name, 0))


def _diversity(measured: Measures, types: int) -> model.Diversity:
    by_type = pl.Series(list(measured.by("type", "after").values()), dtype=pl.UInt32)
    frames = measured.skeletons.filter(pl.col("after") > 0)["after"]
    return model.Diversity(**vars(diversity.evenness(by_type, frames, measured.openings["after"], types=types)))


def _variety(
    recipe: Recipe, types: Mapping[str, Names], measured: Measures, compared: int, worded: Sequence[diversity.Wording]
) -> model.Variety:
    by_type = {side: measured.by("type", side) for side in diversity.SIDES}
    scores = {
        side: diversity.scored(by_type[side], measured.skeletons.filter(pl.col(side) > 0)[side], one, list(types))
        for side, one in zip(diversity.SIDES, worded, strict=True)
    }
    missing = set(_rare(types, by_type["before"], by_type["after"], below=1))
    least = max(recipe.selection.floors.type, 2)
    thin = _rare(types, by_type["before"], by_type["after"], below=least)
    templates = diversity.common(measured.skeletons)
    return model.Variety(
        compared=compared,
        before=model.Scores(**vars(scores["before"])),
        after=model.Scores(**vars(scores["after"])),
        templates=[
            model.TemplateRow(skeleton=text, before=n, after=m)
            for text, (_, n, m) in zip(shown.short([text for text, *_ in templates]), templates, strict=True)
        ],
        thin_below=least,
        thin_types=[name for name in thin if name not in missing],
        budget=recipe.selection.budget,
    )


def _histogram(measured: Measures, what: str, edges: list[int]) -> model.Histogram:
    before, after = (measured.bins(what, side, edges) for side in diversity.SIDES)
    return model.Histogram(edges=edges, before=before, after=after)


def _languages(measured: Measures) -> list[model.LanguageRow]:
    before, after = (measured.by("language", side) for side in diversity.SIDES)
    return [
        model.LanguageRow(
            language="und" if name == "other" else name, before=before.get(name, 0), after=after.get(name, 0)
        )
        for name in ("zh", "en", "other")
        if before.get(name, 0)
    ]


def _duplicates(recipe: Recipe, hits: Mapping[str, int], duplicates: Duplicates, paired: Paired) -> model.Duplicates:
    sizes = duplicates.clusters.group_by("cluster").len()["len"]
    return model.Duplicates(
        threshold=recipe.dedup.threshold,
        clusters=len(sizes),
        dropped=hits.get("dedup/near-duplicate", 0),
        canned=hits.get("dedup/canned-answer", 0),
        asked_again=hits.get("dedup/asked-again", 0),
        seen_before=hits.get("dedup/seen-before", 0),
        largest=int(sizes.max() or 0),  # type: ignore[arg-type]
        conflicts=duplicates.conflicts,
        pairs=paired[0],
        borderline=paired[1],
    )


def pairs(duplicates: Duplicates) -> Paired:
    """Return the pairs of texts that were merged, and those that were not quite, as they are shown.

    They can be masked as soon as duplicates were looked for, beside what is written.
    """
    return (
        [model.DuplicatePair(similarity=n, kept=a, dropped=b) for n, a, b in _beside(duplicates.merged)],
        [model.BorderlinePair(similarity=n, one=a, other=b) for n, a, b in _beside(duplicates.missed)],
    )


def _beside(pairs: Sequence[tuple[float, str, str]]) -> Iterator[tuple[float, str, str]]:
    """Yield pairs of texts as they are shown."""
    one, other = shown.all_short([text for _, text, _ in pairs], [text for *_, text in pairs])
    return zip((round(similarity, 4) for similarity, *_ in pairs), one, other, strict=True)
