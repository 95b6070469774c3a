"""What may be said of an A/B experiment: intervals over seeds, paired differences, words only where they are earned."""

from __future__ import annotations

from typing import Any

import pytest

from training.contrast import MEASURES, Said, contrast, figures, spread, to_markdown, verdict

NONE: dict[str, list[float]] = {name: [0.0, 0.0] for name in MEASURES}  # of two questions


def two(value: float, other: float | None = None) -> list[float]:
    return [value, value if other is None else other]


def test_the_interval_is_students_over_the_seeds() -> None:
    told = spread([1.0, 2.0, 3.0])
    assert told["mean"] == 2.0
    assert told["high"] - 2.0 == pytest.approx(4.302653 / 3**0.5, abs=1e-5)  # t of 2 degrees of freedom, s = 1
    assert told["low"] + told["high"] == pytest.approx(4.0)


def test_no_interval_goes_where_no_value_can_be() -> None:
    by_seed = [{"raw": NONE | {"loop": two(x)}, "curated": NONE | {"loop": two(1.0 - x)}} for x in (0.0, 0.2)]
    told = contrast(by_seed, NONE)["loop"]
    assert (told["raw"]["low"], told["curated"]["high"]) == (0.0, 1.0)
    assert told["difference"]["low"] < 0 < 1.0 < told["difference"]["high"]


def test_one_seed_has_no_interval_and_earns_no_verdict() -> None:
    assert spread([1.0]) == {"mean": 1.0, "low": None, "high": None, "values": [1.0]}
    assert verdict(contrast([{"raw": NONE, "curated": NONE | {"loss": two(-1.0)}}], NONE)) == []


def test_differences_are_paired_by_seed_and_better_is_the_right_way_round() -> None:
    by_seed = [
        {
            "raw": NONE | {"loss": two(2.0 + n), "chrf": two(0.3), "tokens": two(9.0)},
            "curated": NONE | {"loss": two(1.5 + n), "chrf": two(c)},
        }
        for n, c in zip((0.0, 1.0, 5.0), (0.2, 0.5, 0.3), strict=True)
    ]
    told = contrast(by_seed, NONE | {"loss": [6.0, 8.0]})
    assert told["loss"]["difference"] == {
        "mean": -0.5, "low": -0.5, "high": -0.5, "values": [-0.5] * 3, "questions": [-0.5, -0.5],
    }  # fmt: skip
    assert told["loss"]["base"] == 7.0
    said = verdict(told)
    assert said[0].endswith("nats per token: the curated set is better")
    assert said[2].endswith("agent's answer: no difference beyond chance")
    assert not any("tokens per answer" in sentence for sentence in said)
    worse = contrast([{"raw": one["curated"], "curated": one["raw"]} for one in by_seed], NONE)
    assert verdict(worse)[0].endswith("the raw set is better")


def test_a_difference_that_one_question_makes_is_no_verdict_however_alike_the_seeds() -> None:
    by_seed = [{"raw": NONE, "curated": NONE | {"rouge_l": two(0.5, 0.0)}}] * 3
    told = contrast(by_seed, NONE)["rouge_l"]["difference"]
    assert (told["low"], told["high"]) == (0.25, 0.25)
    low, high = told["questions"]
    assert low < 0 < high
    assert "no difference beyond chance" in verdict(contrast(by_seed, NONE))[1]


def said(question: str, text: str, *, stopped: bool = True) -> Said:
    return Said(question, "in the order page", text, len(text.split()), stopped)


def test_each_measure_has_a_value_for_each_answer() -> None:
    answers = [
        said("how do I return it", "How do I return it?"),
        said("how do I return it", "in the order page"),
        said("how do I return it", "please wait " * 9, stopped=False),
        said("how do I return it", ""),
    ]
    told = figures(answers, [3.5, 1.0, 2.0, 4.0])
    assert told["loss"] == [3.5, 1.0, 2.0, 4.0]
    assert (told["echo"], told["loop"], told["no-stop"]) == ([1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 1, 0])
    assert told["tokens"] == [5, 4, 18, 0]
    assert told["rouge_l"] == [0.0, 1.0, 0.0, 0.0]


def result() -> dict[str, Any]:
    by_seed = [{"raw": NONE | {"loss": two(2.0 + n)}, "curated": NONE | {"loss": two(1.0 + n)}} for n in range(3)]
    measures = contrast(by_seed, NONE | {"loss": two(12.3456)})
    seen = {"records": 1234, "conversations": 5, "seen": 6, "different": 7, "tokens": 8, "learned": 9}
    return {
        "model": "m",
        "steps": 4,
        "seeds": [1, 2, 3],
        "sets": {"raw": seen, "curated": seen},
        "held_out": {
            "real": {
                "questions": 10,
                "conversations": 4,
                "overlapping": 2,
                "measures": measures,
                "verdict": verdict(measures),
            }
        },
        "samples": [
            {"set": "real", "question": "Q?", "agent": "A\n# no heading", "base": "", "raw": "R", "curated": "C"}
        ],
        "notes": ["Read them."],
    }


def test_the_report_shows_the_sets_the_intervals_and_all_answers() -> None:
    text = to_markdown(result())
    assert "| raw | 1,234 | 5 | 6 | 7 | 8 | 9 |" in text
    assert "| 12.3 | 3.000 [0.516, 5.484] | 2.000 [0.000, 4.484] | -1.000 [-1.000, -1.000] · [-1.000, -1.000] |" in text
    assert "10 questions of 4 conversations, 2 left out since a training set asks the same." in text
    assert "    A\n    # no heading\n" in text
    assert "**base**\n\n    (nothing)\n" in text
    assert "the curated set is better" in text
