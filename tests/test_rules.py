"""Every shipped rule on its own examples, and every check with its evidence explained."""

import inspect
import re
import time

import polars as pl
import pytest

from curation import packs as packs_module
from curation.checks.registry import CHECKS, answers
from curation.recipe import Recipe
from curation.resources import shipped
from curation.trial import Trial, trials

FOLDERS = packs_module.shipped_folders()
ALL = packs_module.load(FOLDERS)


@pytest.fixture(scope="module")
def tried() -> dict[str, list[Trial]]:
    found: dict[str, list[Trial]] = {}
    for trial in trials(ALL):
        found.setdefault(trial.rule, []).append(trial)
    return found


@pytest.mark.parametrize("rule", ALL.rules, ids=lambda rule: rule.name)
def test_a_rule_fires_and_is_silent_as_its_examples_say(rule: packs_module.Rule, tried: dict[str, list[Trial]]) -> None:
    assert len(tried[rule.name]) == len(rule.fires) + len(rule.silent) > 0
    assert [trial for trial in tried[rule.name] if trial.fault] == []


def test_a_rule_that_does_not_hold_is_told() -> None:
    packs = packs_module.load(Recipe().packs)
    from dataclasses import replace

    rule = next(rule for rule in packs.rules if rule.name == "zh/filler-only")
    swapped = replace(packs, rules=(replace(rule, fires=rule.silent, silent=rule.fires),))
    faults = [trial.fault for trial in trials(swapped)]
    assert faults == ["does not fire"] * len(rule.silent) + ["fires but must be silent"] * len(rule.fires)
    wrong = replace(rule, fires=(rule.fires[0].model_copy(update={"evidence": "别的"}),), silent=())
    (trial,) = trials(replace(packs, rules=(wrong,)))
    assert trial.fault.startswith("fires with other evidence")


@pytest.mark.parametrize("name", sorted(CHECKS))
def test_a_check_says_what_its_evidence_is(name: str) -> None:
    assert "Evidence:" in (inspect.getdoc(CHECKS[name].build) or "")


@pytest.mark.parametrize("name", sorted(CHECKS))
def test_a_check_takes_its_parameters_by_name(name: str) -> None:
    assert all(p.kind is p.KEYWORD_ONLY for p in CHECKS[name].parameters().values())


@pytest.mark.parametrize("rule", ALL.rules, ids=lambda rule: rule.name)
def test_a_rule_says_why_in_a_sentence(rule: packs_module.Rule) -> None:
    assert len(rule.why) >= 10
    assert rule.why.rstrip()[-1] in "。.！!"


def test_every_check_is_used_by_a_shipped_rule() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in shipped("rules").glob("*/*.yaml"))
    assert [name for name in CHECKS if f"check: {name}\n" not in text] == []


def test_the_default_recipe_loads_shipped_packs_only() -> None:
    assert set(Recipe().packs) <= set(FOLDERS)


def test_every_shipped_rule_says_why_in_both_languages() -> None:
    han = re.compile("[\u4e00-\u9fff]")
    for rule in ALL.rules:
        assert han.search(rule.why_zh), rule.name
        assert not han.search(rule.why_en), rule.name
        assert rule.why_zh[-1] == "。", rule.name


MESSAGE_RULES = [rule for rule in ALL.rules if rule.on == "message"]


@pytest.mark.parametrize("rule", MESSAGE_RULES, ids=lambda rule: rule.name)
def test_no_pattern_of_a_message_rule_is_too_large_for_the_fast_automaton(rule: packs_module.Rule) -> None:
    """A larger one is matched by another, which took 24 µs a message of this length where 0.5 are usual."""
    said = [f"您好，订单{i}的空气炸锅充不进电，发票抬头也写错了，能换吗？之前的客服说{i}天内回复" for i in range(999)]
    frame = pl.DataFrame({"text": said, "raw": said, "role": rule.role or "user"})
    frame = frame.with_columns(asked=pl.lit("还有问题吗"), conversations=pl.lit(1), answering=pl.lit(1))

    def once() -> float:
        begin = time.process_time()
        answers(frame, {rule.name: rule.expression})
        return time.process_time() - begin

    assert min(once() for _ in range(3)) / len(said) < 8e-6  # seconds
