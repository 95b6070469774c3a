"""Patterns that are compiled late: what `re` would compile, only later."""

from __future__ import annotations

import importlib
import re

import pytest

from curation.late import late

MODULES = ("accounts", "addresses", "names", "numbers", "replies", "residual", "search")


def test_a_late_pattern_answers_as_the_compiled_one() -> None:
    pattern = late(r"(?P<n>\d+) ?kg", re.IGNORECASE)
    assert [m["n"] for m in pattern.finditer("3 KG, 14kg, 5 g")] == ["3", "14"]
    assert pattern.sub("much", "3 KG") == "much"
    assert pattern.groups == 1


def test_a_late_pattern_is_not_compiled_before_it_is_looked_for() -> None:
    wrong = late("(")
    assert wrong.pattern == "("
    with pytest.raises(re.error):
        wrong.search("")


@pytest.mark.parametrize("name", MODULES)
def test_every_late_pattern_of_personal_data_compiles(name: str) -> None:
    found = importlib.import_module(f"curation.privacy.{name}")
    inner = [value.values() if isinstance(value, dict) else [value] for value in vars(found).values()]
    patterns = [one for values in inner for one in values if type(one).__name__ == "_Late"]
    assert patterns
    for pattern in patterns:
        assert re.compile(pattern.pattern, pattern.flags).groups == pattern.groups
