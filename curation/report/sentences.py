"""What the numbers of a report mean, in sentences that a support lead understands."""

from collections import Counter

from curation.report.model import (
    Comparison,
    GateCheck,
    QueryTypeRow,
    Report,
    RuleRow,
    Training,
)
from curation.report.people import failed_rules, undecided
from curation.report.text import one_line
from curation.report.words import WORDS, Words, figure, name_of, say

# Where the words change. They are words only: no verdict hangs on them, the recipe's gate decides.
_EVEN, _UNEVEN = 0.8, 0.6
_FEW_OPENINGS = 0.3
FEW = 5  # candidates of a query type: with less, its loss is no alarm
_ROSE = 0.02  # nats per token: less is noise of the held-out records


def headline(report: Report) -> Words:
    """What happened, in one sentence."""
    counts, ledger = report.counts, report.ledger
    exported = counts.exported_train + counts.exported_val
    review = counts.pairs.review + counts.dialogues.review
    drop = counts.pairs.drop + counts.dialogues.drop
    if not ledger.messages:
        if not ledger.unreadable:
            return say("headline.no-input")
        return say("headline.nothing-read", unreadable=ledger.unreadable)
    if not exported:
        found = counts.pairs.found + counts.dialogues.found
        return say("headline.nothing-exported", messages=ledger.messages, found=found, review=review, drop=drop)
    return say(
        "headline",
        conversations=counts.conversations,
        messages=ledger.messages,
        exported=exported,
        train=counts.exported_train,
        val=counts.exported_val,
        review=review,
        drop=drop,
    )


def limit(check: GateCheck) -> Words:
    """What a check asks for: at least 0.8."""
    return say(f"gate.{check.sense}", limit=figure(check.limit))


def warnings(report: Report) -> list[Words]:
    """What a reader must not miss: failed checks first."""
    said = [
        say(
            "gate.check-failed",
            name=name_of("check", check.name),
            value=figure(check.value),
            limit=limit(check),
        )
        for check in report.gate.checks
        if not check.passed and check.name != "imprecise_rules"
    ] + failed_rules(report)
    if not report.ledger.balanced:
        said.append(say("warn.ledger"))
    left = sum(row.left for row in report.personal_data)
    failed = {check.name for check in report.gate.checks if not check.passed}
    if left and "personal_data_left" not in failed:
        said.append(say("warn.personal-data", n=left))
    if report.duplicates.conflicts:
        said.append(say("warn.conflicts", n=report.duplicates.conflicts))
    often = {row.id for row in report.query_types if row.before >= FEW}
    wanted = [key for key in report.missing_types if key in often]
    if wanted and report.counts.exported_train + report.counts.exported_val:
        said.append(say("warn.missing", names=_names(report, wanted)))
    return said + undecided(report)


def type_name(row: QueryTypeRow) -> Words:
    """The name of a query type, which its pack gives in both languages."""
    return Words(one_line(row.zh, 60), one_line(row.en, 60))


def asked(report: Report) -> list[QueryTypeRow]:
    """The query types that somebody asked for, the most common first, what is of no type last.

    A log asks for few of all the types that packs know.
    """
    rows = [row for row in report.query_types if row.before or row.after]
    return sorted(rows, key=lambda row: (row.id == "other", -row.before, -row.after, row.id))


def type_names(report: Report) -> dict[str, Words]:
    """Return the names of all query types by id; where two packs call theirs alike, the pack's name follows."""
    names = {row.id: type_name(row) for row in report.query_types}
    alike = Counter(word for name in names.values() for word in set(name))
    return {
        key: Words(
            *(
                f"{word} · {one_line(key.split('/')[0], 20)}" if alike[word] > 1 and "/" in key else word
                for word in name
            )
        )
        for key, name in names.items()
    }


def missing(report: Report) -> list[Words]:
    """Which query types have no example: those that customers ask for, and those that nobody asked for."""
    known = {row.id for row in asked(report)}
    keys = {
        "types.missing-line": [key for key in report.missing_types if key in known],
        "types.unasked-line": [key for key in report.missing_types if key not in known],
    }
    return [say(line, names=_names(report, names)) for line, names in keys.items() if names]


def _names(report: Report, keys: list[str], most: int = 12) -> Words:
    known = type_names(report)
    names = [known.get(key, name_of("type", key)) for key in keys[:most]]
    rest = "…" if len(keys) > most else ""
    return Words("、".join(name.zh for name in names) + rest, "; ".join(name.en for name in names) + rest)


def why(rule: RuleRow) -> Words:
    """Why a rule exists, in its author's words: in the reader's language where the pack has it, or the rule is ours."""
    said = Words(one_line(rule.why_zh or rule.why, 200), one_line(rule.why_en or rule.why, 200))
    return WORDS.get(f"why.{rule.rule}", said)


def behind(report: Report, rules: list[str]) -> list[str]:
    """Return the rules that dropped an example, of all that fired on it; all of them where none is known to drop."""
    known = {row.rule: row.action for row in report.rules}
    drop = [rule for rule in rules if known.get(rule) == "drop"]
    return drop or rules


def diversity(report: Report) -> list[Words]:
    """How varied the export is."""
    numbers = report.diversity
    said = []
    if numbers.evenness is not None:
        step = "high" if numbers.evenness >= _EVEN else "middle" if numbers.evenness >= _UNEVEN else "low"
        value = f"{numbers.evenness:.2f}"
        said.append(say("diversity.evenness", word=say(f"evenness.{step}"), value=value))
    if numbers.effective_types is not None:
        said.append(say("diversity.effective", value=f"{numbers.effective_types:.1f}"))
    if numbers.distinct_questions is not None:
        said.append(say("diversity.questions", n=round(numbers.distinct_questions * 100)))
    if numbers.distinct_openings is not None:
        key = "diversity.openings.low" if numbers.distinct_openings < _FEW_OPENINGS else "diversity.openings"
        said.append(say(key, n=round(numbers.distinct_openings * 100)))
    return [*said, *thin(report)] or [say("diversity.unknown")]


def thin(report: Report) -> list[Words]:
    """Which types have few examples."""
    numbers = report.variety
    if numbers is None or not numbers.thin_types:
        return []
    return [say("diversity.thin", n=numbers.thin_below, names=_names(report, numbers.thin_types))]


def variety(report: Report) -> list[tuple[Words, str, str]]:
    """What curation changed in the diversity: the measure, before, after."""
    numbers = report.variety
    if numbers is None or numbers.before.effective_types is None or numbers.after.effective_types is None:
        return []
    one, other = numbers.before, numbers.after
    rows = [
        ("diversity.coverage", "{:.1%}", one.type_coverage, other.type_coverage),
        ("diversity.even", "{:.2f}", one.evenness, other.evenness),
        ("diversity.types", "{:.1f}", one.effective_types, other.effective_types),
        ("diversity.common", "{:.1%}", one.common_skeletons, other.common_skeletons),
        ("diversity.near", "{:.2f}", one.nearest, other.nearest),
    ]
    shown = [[form.format(value) if value is not None else "–" for value in pair] for _, form, *pair in rows]
    return [(say(key), before, after) for (key, *_), (before, after) in zip(rows, shown, strict=True)]


def ledger(report: Report) -> list[Words]:
    """Where every message is, as a sum, and what could not be read."""
    fates = report.ledger
    sum_ = say("ledger.sum", messages=fates.messages, example=fates.example, held=fates.held, dropped=fates.dropped)
    return [sum_, say("ledger.lines", lines=fates.lines, unreadable=fates.unreadable)]


def duplicates(report: Report) -> list[Words]:
    """What deduplication found."""
    numbers = report.duplicates
    besides = {"canned": numbers.canned, "asked_again": numbers.asked_again, "seen_before": numbers.seen_before}
    more = [say("duplicates.more", **besides)] if any(besides.values()) else []
    conflicts = [say("warn.conflicts", n=numbers.conflicts)] if numbers.conflicts else []
    if not numbers.clusters:
        return [say("duplicates.none"), *more, *conflicts]
    found = say(
        "duplicates.found",
        clusters=numbers.clusters,
        threshold=figure(numbers.threshold),
        dropped=numbers.dropped,
        largest=numbers.largest,
    )
    return [found, *more, *conflicts]


def reasoning(report: Report) -> Words:
    """How many examples carry a chain of thought."""
    numbers = report.cot
    return say("cot.found", records=numbers.records, kept=numbers.kept) if numbers.records else say("cot.none")


def training(told: Training) -> list[Words]:
    """What a training did, whether it learned, and whether it forgot."""
    best = told.steps if told.best_step is None else told.best_step
    said = [
        say(
            "training.steps",
            model=one_line(told.model, 80),
            device=one_line(told.device, 60),
            steps=told.steps,
            planned=told.planned_steps,
            best=best,
        )
    ]
    if told.stopped_early:
        said.append(say("training.stopped"))
    if told.domain_before is not None and told.domain_after is not None:
        key = "training.learned" if told.domain_after < told.domain_before else "training.not-learned"
        said.append(say(key, before=f"{told.domain_before:.3f}", after=f"{told.domain_after:.3f}"))
    if told.general_before is not None and told.general_after is not None:
        key = "training.forgot" if told.general_after > told.general_before + _ROSE else "training.kept-general"
        said.append(say(key, before=f"{told.general_before:.3f}", after=f"{told.general_after:.3f}"))
    if told.divergence is not None:
        said.append(say("training.moved", nats=f"{told.divergence:.3f}"))
    if told.tokens_before is not None and told.tokens_after is not None:
        said.append(say("training.tokens", before=f"{told.tokens_before:.0f}", after=f"{told.tokens_after:.0f}"))
    return said


def mixture(told: Training) -> Words:
    """What was trained on, in numbers."""
    return say(
        "training.share",
        domain=told.domain,
        general=told.general,
        records=f"{told.share_records:.1%}",
        wanted=f"{told.share_wanted:.1%}",
        tokens=f"{told.share_tokens:.1%}",
    )


def compared(other: Comparison) -> Words:
    """What a run is compared with, and what both have in common."""
    same = {True: say("comparison.same"), False: say("comparison.other")}
    return say(
        "comparison.with",
        name=one_line(other.name, 80),
        recipe=same[other.same_recipe],
        packs=same[other.same_packs],
        inputs=same[other.same_inputs],
    )
