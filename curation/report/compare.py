"""Two runs beside each other: what a change of rules, recipe or log did to the counts and to single examples."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import polars as pl

from curation.report.model import Comparison, Delta, Moved, Report

VERDICTS = ("keep", "review", "drop", "absent")


def compare(new: Report, old: Report, *, new_examples: pl.DataFrame, old_examples: pl.DataFrame) -> Comparison:
    """Compare `new` with `old`; the frames are the runs' examples (id, verdict).

    The id of an example depends on its messages alone, so the same example is found again under other rules.
    """
    return Comparison(
        name=old.name,
        recipe_sha256=old.provenance.recipe_sha256,
        same_recipe=old.provenance.recipe_sha256 == new.provenance.recipe_sha256,
        same_packs=[p.sha256 for p in old.provenance.packs] == [p.sha256 for p in new.provenance.packs],
        same_inputs=[i.sha256 for i in old.provenance.inputs] == [i.sha256 for i in new.provenance.inputs],
        counts=_deltas(_counts(old), _counts(new), changed_only=False),
        rules=_largest_first(_deltas({r.rule: r.hits for r in old.rules}, {r.rule: r.hits for r in new.rules})),
        query_types=_largest_first(
            _deltas({t.id: t.after for t in old.query_types}, {t.id: t.after for t in new.query_types})
        ),
        moved=_moved(new_examples, old_examples),
    )


def _counts(report: Report) -> dict[str, float]:
    counts, ledger = report.counts, report.ledger
    return {
        "messages": ledger.messages,
        "unreadable": ledger.unreadable,
        "conversations": counts.conversations,
        "candidates": counts.pairs.found + counts.dialogues.found,
        "pairs": counts.pairs.keep,
        "dialogues": counts.dialogues.keep,
        "review": counts.pairs.review + counts.dialogues.review,
        "drop": counts.pairs.drop + counts.dialogues.drop,
        "dropped_messages": ledger.dropped,
        "duplicates": report.duplicates.dropped,
        "conflicts": report.duplicates.conflicts,
        "evenness": report.diversity.evenness or 0.0,
        "personal_data_left": sum(row.left for row in report.personal_data),
    }


def _deltas(old: Mapping[str, float], new: Mapping[str, float], *, changed_only: bool = True) -> list[Delta]:
    rows = [Delta(key=key, old=old.get(key, 0), new=new.get(key, 0)) for key in dict.fromkeys([*new, *old])]
    return [row for row in rows if row.old != row.new] if changed_only else rows


def _largest_first(rows: Iterable[Delta]) -> list[Delta]:
    return sorted(rows, key=lambda row: (-abs(row.new - row.old), row.key))


def _moved(new: pl.DataFrame, old: pl.DataFrame) -> list[Moved]:
    told = [frame.select("id", pl.col("verdict").cast(pl.String)) for frame in (old, new)]
    both = told[0].join(told[1], on="id", how="full", suffix="_new", coalesce=True)
    found = dict.fromkeys(((one, other) for one in VERDICTS for other in VERDICTS if one != other), 0)
    for one, other, n in both.group_by("verdict", "verdict_new").len().iter_rows():
        if one != other:
            found[one or "absent", other or "absent"] += n
    return [Moved.model_validate({"old": one, "new": other, "n": n}) for (one, other), n in found.items() if n]
