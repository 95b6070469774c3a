"""What people's decisions say of the rules, of what was kept, and of each other, in sentences and in rows."""

from collections.abc import Sequence
from typing import NamedTuple

from curation.report.model import AgreementRow, MissRate, PrecisionRow, RepeatRow, Report, Review, RuleRow
from curation.report.text import one_line
from curation.report.words import Words, percent, say

# What Cohen's kappa is called (Landis and Koch 1977, two steps taken together); words only, nothing hangs on them.
_KAPPA = ((0.8, "high"), (0.6, "good"), (0.4, "middle"))
_STAGES = ("extract/", "read/", "sessions/")  # rules of the stages, which nobody samples


class Agreed(NamedTuple):
    """How often the same word was said of the same records, by two people or by one at two times."""

    who: Words
    n: int
    share: str
    kappa: str
    word: Words


def review(numbers: Review | None, most: int = 60) -> list[Words]:
    """Say everything in sentences: the counts, at most `most` rules, what was kept, and how far people agree."""
    if numbers is None:
        return [say("review.none")]
    said = [*counts(numbers), *(precision(row, numbers.gate) for row in numbers.rules[:most])]
    if numbers.kept:
        said.append(missed(numbers.kept))
    return said + [
        say("review.agreement", who=row.who, n=row.n, share=row.share, kappa=row.kappa, word=row.word)
        for row in agreement(numbers)[:most]
    ]


def counts(numbers: Review) -> list[Words]:
    """How many records were decided, and which of them count for nothing, or not as they should."""
    decided = {word: getattr(numbers, word) for word in ("keep", "drop", "edit", "unsure", "disagree")}
    seen = sum(row.seen for row in numbers.rules) + (numbers.kept.seen if numbers.kept else 0)
    rest = {
        "review.bulk": numbers.bulk, "review.stale": numbers.stale, "review.unknown": numbers.unknown,
        "review.seen": seen,
    }  # fmt: skip
    said = [say("review.decided", n=sum(decided.values()), **decided)]
    return said + [say(key, n=n) for key, n in rest.items() if n]


def precision(row: PrecisionRow, gate: float) -> Words:
    """How often people confirmed what a rule dropped, and what that means for the gate."""
    key = {"pass": "review.pass", "fail": "review.fail", "more": "review.more"}[row.state]
    more = {"more": row.more} if row.state == "more" else {}
    return say(
        "review.precision",
        rule=one_line(row.rule, 60),
        share=percent(row.right, row.n),
        right=row.right,
        n=row.n,
        low=percent(row.low, 1),
        high=percent(row.high, 1),
        state=say(key, gate=percent(gate, 1), **more),
    )


def missed(kept: MissRate) -> Words:
    """How much of what was kept should have gone."""
    bounds = {"low": percent(kept.low, 1), "high": percent(kept.high, 1)}
    return say("review.missed", share=percent(kept.missed, kept.n), n=kept.n, missed=kept.missed, **bounds)


def agreement(numbers: Review) -> list[Agreed]:
    """How far every two people agree, then how far each agrees with themselves."""
    pairs: list[tuple[Words, AgreementRow | RepeatRow]] = [
        (say("review.two", one=one_line(row.one, 40), other=one_line(row.other, 40)), row) for row in numbers.agreement
    ]
    pairs += [(say("review.self", name=one_line(row.name, 40)), row) for row in numbers.repeats]
    return [
        Agreed(
            who, row.n, "–" if row.agreement is None else percent(row.agreement, 1),
            "–" if row.kappa is None else f"{row.kappa:.2f}".replace("-", "−"), _called(row.kappa),
        )
        for who, row in pairs
    ]  # fmt: skip


def _called(kappa: float | None) -> Words:
    if kappa is None:
        return say("kappa.none")
    return say(f"kappa.{next((word for least, word in _KAPPA if kappa >= least), 'low')}")


def unsampled(report: Report) -> list[RuleRow]:
    """Return the rules that drop something of which nobody has decided a sample."""
    known = {row.rule for row in report.review.rules} if report.review else set()
    return [
        row
        for row in report.rules
        if row.action == "drop" and row.on != "line" and row.rule not in known and not row.rule.startswith(_STAGES)
    ]


def failed_rules(report: Report) -> list[Words]:
    """Which rules people find wrong too often, where there are any."""
    rows = [row for row in report.review.rules if row.state == "fail"] if report.review else []
    if not rows or all(check.passed for check in report.gate.checks if check.name == "imprecise_rules"):
        return []
    return [say("review.failed", n=len(rows), names=_names([row.rule for row in rows]))]


def undecided(report: Report) -> list[Words]:
    """Of which rules it takes more decisions to tell whether they reach the gate, or that nobody has looked at any."""
    rows = [row for row in report.review.rules if row.state == "more"] if report.review else []
    if rows:
        names = _names([row.rule for row in rows])
        return [say("review.undecided", n=sum(row.more for row in rows), names=names)]
    sampled = report.review is not None and report.review.rules
    return [] if sampled or not unsampled(report) else [say("review.nobody")]


def blank(report: Report) -> list[Words]:
    """Which rules nobody has looked at, where somebody has looked at others."""
    rows = unsampled(report)
    sampled = report.review is not None and report.review.rules
    return [say("review.unsampled", n=len(rows), names=_names([row.rule for row in rows]))] if rows and sampled else []


def _names(rules: Sequence[str], most: int = 6) -> Words:
    shown = [one_line(rule, 60) for rule in rules]
    rest = "…" if len(shown) > most else ""
    return Words("、".join(shown[:most]) + rest, ", ".join(shown[:most]) + rest)
