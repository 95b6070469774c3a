"""What came out, held against what the recipe asks for."""

from __future__ import annotations

from curation.recipe import Gate as Settings
from curation.report import model


def gate(settings: Settings, *, exported: int, personal_data: int, review: model.Review | None = None) -> model.Gate:
    """Return the gate's state: rules count only once people sampled what they drop.

    `more` where nothing failed, but the interval of a sampled rule lies on both sides of the recipe's least precision.
    """
    checks = [
        _check("exported_examples", exported, settings.min_examples, at_least=True),
        _check("personal_data_left", personal_data, settings.max_personal_data, at_least=False),
    ]
    more = 0
    if review and review.rules:
        failed = sum(row.state == "fail" for row in review.rules)
        checks.append(_check("imprecise_rules", failed, 0, at_least=False))
        more = sum(row.more for row in review.rules if row.state == "more")
    passed = all(check.passed for check in checks)
    return model.Gate(state="fail" if not passed else "more" if more else "pass", checks=checks, more=more)


def _check(name: str, value: float, limit: float, *, at_least: bool) -> model.GateCheck:
    passed = value >= limit if at_least else value <= limit
    sense = "at_least" if at_least else "at_most"
    return model.GateCheck(name=name, value=value, limit=limit, sense=sense, passed=passed)  # type: ignore[arg-type]
