"""The base model answers the general questions itself: deterministic, only what is of use, and marked as its own."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from training.data import Message, Record, read_general
from training.errors import ModelError

torch = pytest.importorskip("torch")
pytest.importorskip("trl")

ZH, EN = "请先洗净，再慢慢煮。", "Take your time and do it step by step."
ZH_ASKED = [f"怎么做第{n}道菜？" for n in range(20)]
EN_ASKED = [f"How do I learn skill {n}?" for n in range(20)]


def question(text: str) -> Record:
    return Record(text, (Message("user", text),), "self")


@pytest.fixture(scope="module")
def chatty(tmp_path_factory: pytest.TempPathFactory, logs: ModuleType) -> Path:
    """A tiny model that was taught to answer Chinese questions with ZH and English ones with EN, and to stop."""
    from training.quiet import quiet

    with quiet():
        from transformers import AutoModelForCausalLM

        from training.encode import Manner, encode
        from training.tiny import build_tiny, tiny_tokenizer

        folder = tmp_path_factory.mktemp("chatty") / "model"
        texts = [*ZH_ASKED, *EN_ASKED, ZH, EN, *(text for pair in logs.pairs() for text in pair)]
        build_tiny(texts, folder, seed=1, vocabulary=500)
        tokenizer = tiny_tokenizer(texts, vocabulary=500)
        asked = [*((q, ZH) for q in ZH_ASKED), *((q, EN) for q in EN_ASKED)]
        records = [Record(q, (Message("user", q), Message("assistant", a)), "x") for q, a in asked]
        done = encode(records, tokenizer, Manner(128)).records
        model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).train()
        steps = torch.optim.AdamW(model.parameters(), lr=3e-3)
        longest = max(len(one.input_ids) for one in done)
        ids = torch.tensor([[*one.input_ids, *[0] * (longest - len(one.input_ids))] for one in done])
        labels = torch.tensor([[*one.labels, *[-100] * (longest - len(one.labels))] for one in done])
        for _ in range(40):
            loss = model(input_ids=ids, labels=labels).loss
            loss.backward()
            steps.step()
            steps.zero_grad()
        assert loss.item() < 0.1
        model.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def loaded(chatty: Path) -> Any:
    from training.quiet import quiet

    with quiet():
        from training.config import configure
        from training.model import find_device, load_model, load_tokenizer

        config = configure({"quantize": False})
        return load_model(str(chatty), config, find_device(config)), load_tokenizer(str(chatty), config)


def own(loaded: Any, questions: list[Record], **how: Any) -> Any:
    from training.encode import Manner
    from training.own import own_records

    settings: dict[str, Any] = {
        "count": 9, "languages": {"zh": 2, "en": 1}, "stop_ids": [], "manner": Manner(128), "most_tokens": 40,
        "say": lambda _: None,
    }  # fmt: skip
    return own_records(*loaded, questions, **(settings | how))


def test_the_models_own_answers_become_records_in_the_domains_languages(loaded: Any) -> None:
    done = own(loaded, [*map(question, ZH_ASKED), *map(question, EN_ASKED)])
    assert [(r.messages[0].text, r.messages[1].text) for r in done.records] == [
        *((q, EN) for q in EN_ASKED[:3]),
        *((q, ZH) for q in ZH_ASKED[:6]),
    ]
    assert (done.asked, done.left_out) == (9, {})


def test_an_answer_of_the_file_is_not_taken_for_the_models(loaded: Any) -> None:
    record = Record("q", (Message("user", ZH_ASKED[0]), Message("assistant", "from the file")), "self")
    (one,) = own(loaded, [record], count=1).records
    assert [m.text for m in one.messages] == [ZH_ASKED[0], ZH]


def test_answers_that_do_not_end_are_left_out_and_others_take_their_place(loaded: Any) -> None:
    said: list[str] = []
    short = loaded[1](ZH, add_special_tokens=False)["input_ids"]
    long = loaded[1](EN, add_special_tokens=False)["input_ids"]
    assert len(short) < len(long)
    questions = [*map(question, ZH_ASKED[:3]), *map(question, EN_ASKED[:3])]
    done = own(loaded, questions, count=6, most_tokens=len(short) + 1, say=said.append)
    assert {r.messages[1].text for r in done.records} == {ZH}
    assert done.left_out == {"no-stop": 3}
    assert done.asked == 6
    assert "6 questions, 3 of 6" in said[-1]


def test_no_answer_of_use_is_an_error_with_a_cure(loaded: Any) -> None:
    with pytest.raises(
        ModelError, match=r"none of the base model's 3 own answers is of use \(3 no-stop\).*self_tokens"
    ):
        own(loaded, list(map(question, ZH_ASKED[:3])), count=3, most_tokens=2)


@pytest.mark.slow
def test_a_training_with_the_models_own_answers_marks_them_everywhere(
    tmp_path: Path, logs: ModuleType, chatty: Path
) -> None:
    from training.cli import train_run

    asked = [*ZH_ASKED, *EN_ASKED]
    path = logs.write_jsonl(tmp_path / "asked.jsonl", [{"prompt": text} for text in asked])
    told = []
    for name in ("one", "two"):
        run = logs.make_run(tmp_path / name)
        result = train_run(
            run, model=str(chatty), out=None, general=[f"self:{path}"], force=False, progress=False,
            overrides={"quantize": False, "max_steps": 1, "samples": 0, "general_prompts": [], "self_tokens": 40},
        )  # fmt: skip
        told.append(result)
        adapter = run / "adapter"
        written = read_general(adapter / "general-self.jsonl")
        assert {r.messages[1].text for r in written} == {ZH, EN}
        assert {r.messages[0].text for r in written} <= set(asked)
        card = (adapter / "README.md").read_text(encoding="utf-8")
        assert "self:asked, answered by the base model itself: 7 records" in card
    mixture = told[0]["mixture"]
    assert mixture["sources"] == {"self:asked": 7}  # 0.15 / 0.85 × 38 = 6.7
    (mine, other) = mixture["general_sources"]
    assert (mine["own"], mine["asked"], mine["answered"], mine["left_out"]) == (True, 7, 7, {})
    assert (other["name"], other["mixed_in"]) == ("packaged", None)
    assert told[0]["losses"]["general"]["records"] == other["held_out"] > 0
    assert any("self:asked: the answers are the base model's own (7 of 7" in note for note in told[0]["notes"])
    assert told[1]["mixture"]["digest"] == mixture["digest"]
    assert json.loads((adapter / "training.json").read_text(encoding="utf-8"))["mixture"]["general_sources"][0]["own"]
