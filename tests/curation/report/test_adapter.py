"""The training part of a report, read from an adapter's training.json."""

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from curation.errors import SourceError
from curation.report import charts, html, markdown, sentences
from curation.report.adapter import training
from curation.report.model import Loss, Report, Training

TOLD: dict[str, Any] = {
    "model": {"asked": "my-model"},
    "device": {"name": "CPU", "precision": "fp32"},
    "mixture": {"domain": 85, "general": 15, "share_wanted": 0.15, "share_records": 0.15, "share_tokens": 0.31},
    "steps": {"planned": 40, "done": 30, "saved": 20},
    "best_step": 20,
    "stopped_early": True,
    "losses": {
        "domain": {"records": 9, "base": 3.5, "adapter": 2.25},
        "general": {"records": 5, "base": 2.0, "adapter": 2.5},
    },
    "history": [
        {"step": 0, "eval_domain_loss": 3.5, "eval_general_loss": 2.0},
        {"step": 10, "loss": 3.0, "grad_norm": 1.0},
        {"step": 20, "eval_domain_loss": 2.25, "eval_general_loss": 2.5},
        {"step": 25, "learning_rate": 0.1},
        {"step": 30, "loss": 2.0, "eval_domain_loss": 2.4, "eval_general_loss": 2.6},
    ],
    "samples": [
        {
            "kind": "domain",
            "question": "我的电话是13800138000，怎么退货？",
            "reference": "在订单页申请。",
            "base": {"text": "<script>alert(1)</script>", "tokens": 9, "stopped": True},
            "tuned": {
                "text": "在订单页点“申请售后”。",
                "tokens": 8,
                "stopped": False,
                "flags": ["echo", "no-stop"],
            },
        }
    ],
    "divergence": {"general": {"nats": 0.125, "tokens": 900}, "domain": None},
    "answer_tokens": {"base": 31.2, "tuned": 11.9},
    "notes": ["One note."],
}


@pytest.fixture
def adapter(tmp_path: Path) -> Path:
    (tmp_path / "training.json").write_text(json.dumps(TOLD), encoding="utf-8")
    return tmp_path


@pytest.fixture
def told(adapter: Path) -> Training:
    found = training(adapter)
    assert found is not None
    return found


def test_rows_without_a_loss_are_left_out_and_the_others_keep_their_step(told: Training) -> None:
    assert told.losses == [
        Loss(step=0, domain=3.5, general=2.0),
        Loss(step=10, train=3.0),
        Loss(step=20, domain=2.25, general=2.5),
        Loss(step=30, train=2.0, domain=2.4, general=2.6),
    ]


def test_personal_data_in_samples_is_masked(told: Training) -> None:
    assert "13800138000" not in told.generations[0].question


def test_no_adapter_is_no_training_and_a_broken_one_is_an_error_with_its_path(tmp_path: Path) -> None:
    assert training(tmp_path / "nowhere") is None
    for broken in ("{", "[]", '{"model": 1}', json.dumps(TOLD | {"samples": [{}]})):
        (tmp_path / "training.json").write_text(broken)
        with pytest.raises(SourceError, match=r"training\.json"):
            training(tmp_path)


def test_a_long_history_keeps_every_evaluation(tmp_path: Path) -> None:
    history = [{"step": step, "loss": 1.0} for step in range(5000)]
    history += [{"step": step, "eval_domain_loss": 1.0} for step in range(5000, 5050)]
    (tmp_path / "training.json").write_text(json.dumps(TOLD | {"history": history}))
    found = training(tmp_path)
    assert found is not None
    assert sum(loss.domain is not None for loss in found.losses) == 50
    assert len(found.losses) <= 400


def test_it_is_said_in_words_that_the_model_learned_and_that_it_forgot(told: Training) -> None:
    said = " ".join(words.en for words in sentences.training(told))
    assert "fell from 3.500 to 2.250" in said
    assert "It forgets: the loss on general data rose from 2.000 to 2.500" in said
    assert "Stopped early" in said
    assert sentences.mixture(told).zh.startswith("85 条业务数据 + 15 条通用数据：通用数据占记录数的 15.0%")
    calm = told.model_copy(update={"general_after": 2.01, "domain_after": 3.6})
    said = " ".join(words.en for words in sentences.training(calm))
    assert "did not forget" in said
    assert "did not learn" in said


def test_the_curves_are_on_one_scale_and_the_marks_stand_at_their_steps(told: Training) -> None:
    chart = charts.curves(told.losses, best_step=20, stopped_step=30)
    assert chart is not None
    width, height = charts.CURVE_WIDTH, charts.CURVE_HEIGHT
    assert (chart.top, chart.bottom) == ("3.50", "2.00")
    domain = next(curve for curve in chart.lines if curve.name == "domain")
    assert domain.dots[0] == (0.0, 0.0)  # the highest loss, at the beginning
    assert domain.dots[1] == (round(width * 20 / 30, 1), round(height * (3.5 - 2.25) / 1.5, 1))
    assert (chart.best, chart.stopped) == (round(width * 20 / 30, 1), width)
    names = sorted(curve.y for curve in chart.lines)
    assert all(later - earlier >= 14.9 for earlier, later in pairwise(names))
    assert charts.curves([], best_step=None, stopped_step=None) is None


def test_the_pages_show_the_training_and_hostile_answers_stay_text(report: Report, told: Training) -> None:
    shown = report.model_copy(update={"training": told})
    page = html.render(shown)
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert "没有自己停下来" in page
    assert "提前停止" in page
    text = markdown.render(shown, language="en")
    assert "## Training" in text
    assert "<script" not in text
    assert "did not stop by itself" in text
    assert "moved by 0.125 nats per token" in text
    assert "from 31 to 12 tokens" in text
    assert "echoes the question" in text
