"""Forgetting: the divergence is that of the definition, and the words follow the numbers."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("trl")

from training.config import configure
from training.quiet import quiet

with quiet():
    import torch

    from training.encode import IGNORE, Encoded
    from training.forget import Divergence, divergence, verdict


class Switch:
    """A model of three words whose predictions do not depend on the text: `base` when the adapter is off."""

    def __init__(self, base: list[float], tuned: list[float]) -> None:
        self.base, self.tuned, self.on = base, tuned, True
        self.training, self.device = True, torch.device("cpu")

    def eval(self) -> None:
        self.training = False

    def train(self, mode: bool) -> None:
        self.training = mode

    def disable_adapter(self) -> Switch:
        return self

    def __enter__(self) -> None:
        self.on = False

    def __exit__(self, *_: object) -> None:
        self.on = True

    def __call__(self, input_ids: torch.Tensor, **_: object) -> Any:
        row = torch.tensor(self.tuned if self.on else self.base).log()
        return type("Out", (), {"logits": row.expand(1, input_ids.shape[1], 3)})


def record(labels: list[int]) -> Encoded:
    return Encoded("r", "r", "general", "zh", tuple(range(len(labels))), tuple(labels))


def test_the_divergence_is_the_mean_of_p_log_p_over_q_at_the_learned_places() -> None:
    model = Switch([0.5, 0.25, 0.25], [0.25, 0.5, 0.25])
    found = divergence(model, [record([IGNORE, IGNORE, 2, 3]), record([IGNORE, 1])])  # type: ignore[arg-type]
    assert found is not None
    assert found.tokens == 3
    assert found.nats == pytest.approx(0.5 * math.log(2) + 0.25 * math.log(0.5))
    assert model.training
    assert model.on


def test_an_adapter_that_changes_nothing_has_moved_nothing() -> None:
    found = divergence(Switch([0.2, 0.3, 0.5], [0.2, 0.3, 0.5]), [record([IGNORE, 1, 2])])  # type: ignore[arg-type]
    assert found is not None
    assert found.nats == pytest.approx(0.0, abs=1e-7)
    assert divergence(Switch([1, 0, 0], [1, 0, 0]), [record([IGNORE, IGNORE])]) is None  # type: ignore[arg-type]


@pytest.mark.parametrize(("after", "state"), [(1.9, "kept"), (2.02, "kept"), (2.1, "some"), (2.11, "much")])
def test_the_verdict_follows_the_rise_of_the_general_loss(after: float, state: str) -> None:
    losses = {"general": {"base": 2.0, "adapter": after}}
    told = verdict(losses, Divergence(0.25, 900), configure(), share=0.15, steps=100, best=90)
    assert told is not None
    assert told["state"] == state
    assert f"from 2.000 to {after:.3f}" in told["words"]
    assert "moved by 0.250" in told["words"]
    assert bool(told["cures"]) is (state != "kept")


def test_the_cures_are_those_that_are_not_taken_yet_with_their_numbers() -> None:
    losses = {"general": {"base": 2.0, "adapter": 3.0}}
    told = verdict(losses, None, configure(), share=0.15, steps=100, best=90)
    assert told is not None
    assert told["cures"] == [
        "mix in more general data: general_share 0.3 (now 0.15)",
        "lower the rank: 32 (now 64)",
        "stop earlier: epochs 1.5 (now 3)",
        "lower learning_rate: 0.0001 (now 0.0002)",
    ]
    calm = configure({"rank": 8, "learning_rate": 1e-4})
    told = verdict(losses, None, calm, share=0.4, steps=100, best=20)
    assert told is not None
    assert told["cures"] == []
    assert verdict({}, None, configure(), share=0.1, steps=1, best=None) is None


def test_a_training_says_whether_it_forgot_and_keeps_a_diary_of_its_answers(trained: dict[str, Any]) -> None:
    result, folder = trained["result"], Path(trained["folder"])
    assert result["forgetting"]["state"] in ("kept", "some", "much")
    assert result["divergence"]["general"]["nats"] > 0
    assert result["divergence"]["general"]["tokens"] > 0
    rows = [json.loads(line) for line in (folder / "samples.jsonl").read_text(encoding="utf-8").splitlines()]
    evaluated = [int(row["step"]) for row in result["history"] if "eval_domain_loss" in row]
    assert sorted({row["step"] for row in rows}) == evaluated
    assert evaluated[0] == 0
    questions = [sample["question"] for sample in result["samples"]]
    for step in evaluated:
        for how in ("greedy", "sampled"):
            mine = [row for row in rows if (row["step"], row["how"]) == (step, how)]
            assert [row["question"] for row in mine] == questions
    first = [row["text"] for row in rows if (row["step"], row["how"]) == (0, "greedy")]
    assert first == [sample["base"]["text"] for sample in result["samples"]]  # step 0 is the base model
    assert set(result["answer_tokens"]) == {"base", "tuned"}
    assert result["answer_tokens"]["tuned"] == pytest.approx(
        sum(sample["tuned"]["tokens"] for sample in result["samples"]) / len(result["samples"])
    )
    assert result["flags"]["tuned"]["no-stop"] == pytest.approx(
        sum(not sample["tuned"]["stopped"] for sample in result["samples"]) / len(result["samples"])
    )
