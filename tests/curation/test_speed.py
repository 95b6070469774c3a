"""Rates, held against what else takes time in the same process: coarse, so that a loaded machine changes nothing."""

from __future__ import annotations

import time
from collections.abc import Callable

import polars as pl

from curation import packs as packs_module
from curation import privacy, tables
from curation.checks.registry import answers
from curation.privacy.guards import GUARDS, looks
from curation.resources import shipped

FOLDERS = packs_module.shipped_folders()
# Not those that show texts to a detector of languages, which is Python.
EXAMPLE_RULES = [
    rule for rule in packs_module.load(FOLDERS).rules if rule.on == "example" and not rule.name.startswith("languages/")
]


def texts() -> pl.Series:
    """Return texts of all kinds in both languages: the lines of the packs themselves, cut into pieces."""
    lines = [line for path in sorted(shipped("rules").rglob("*.yaml")) for line in path.read_text("utf-8").splitlines()]
    pieces = [line[i : i + 80] for line in lines for i in range(0, len(line), 80)]
    return pl.Series("text", [f"{piece} {place}" for place, piece in enumerate(pieces)])


TEXTS = texts()


def cost(work: Callable[[], object]) -> float:
    """Return the processor time of the better of two, in that of a plain pattern over TEXTS, taken just before."""
    best = []
    for do in (lambda: TEXTS.str.count_matches(r"\p{L}+"), work):
        times = []
        for _ in range(2):
            begin = time.process_time()
            do()
            times.append(time.process_time() - begin)
        best.append(min(times))
    return best[1] / best[0]


def test_what_every_text_is_asked_for_personal_data_stays_small() -> None:
    """All guards as one pattern have more states than the engine's fast automaton holds: 130 where ten take 14."""
    texts = TEXTS.to_frame()
    asked = pl.any_horizontal(pl.col("text").str.contains(look) for _, look in looks(GUARDS))
    assert cost(lambda: texts.select(asked)) < 45


def test_masking_takes_no_more_than_a_few_looks() -> None:
    """It took 60, with a cue in most of these texts."""
    talks = (pl.int_range(pl.len()) // 9).cast(pl.String)
    units = TEXTS.to_frame().with_columns(conversation=talks, asked=pl.lit(None, dtype=pl.String))
    assert cost(lambda: privacy.masked(units, privacy.EVERYTHING)) < 240


def test_no_example_rule_takes_many_times_what_others_do() -> None:
    """Scores ask forty patterns and took up to 100, all others 14; a pattern that is too large takes 65 more."""
    half = TEXTS.len() // 2
    pairs = pl.DataFrame({"question": TEXTS.head(half), "answer": TEXTS.slice(half, half)})
    known = {"kind": "pair", "record": False, "earlier": 0}
    pairs = pairs.with_columns(
        pl.lit(known.get(name)).alias(name) for name in tables.EXAMPLES if name not in pairs.columns
    )
    pairs = pairs.select(pl.col(name).cast(kind) for name, kind in tables.EXAMPLES.items())
    dear = {
        rule.name
        for rule in EXAMPLE_RULES
        if cost(lambda rule=rule: answers(pairs, {rule.name: rule.expression}))
        > (300 if "signs" in rule.params else 60)
    }
    assert dear == set()
