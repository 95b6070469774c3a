"""Qwen 1.5, 2.5, 3 and Llama 2, 3: what is learned token by token, what pads, what stops, and one step of training."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from training.config import configure
from training.data import Message, Record, Run
from training.encode import Manner, encode
from training.prepare import manner_of

pytest.importorskip("trl")


@pytest.fixture(scope="module")
def families(logs: ModuleType) -> ModuleType:
    import importlib.util

    spec = importlib.util.spec_from_file_location("families", Path(__file__).with_name("families.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["families"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def folder(families: ModuleType, logs: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Make a model of a family once, in a folder."""
    from training.quiet import quiet

    made: dict[str, Path] = {}

    def make(name: str) -> Path:
        if name not in made:
            with quiet():
                texts = [text for pair in logs.pairs() for text in pair]
                made[name] = families.FAMILIES[name].save(tmp_path_factory.mktemp("model") / name, texts)
        return made[name]

    return make


def load(folder: Path) -> Any:
    from training.quiet import quiet

    with quiet():
        from training.model import load_tokenizer

        return load_tokenizer(str(folder), configure())


def talk(*texts: str, system: str = "") -> Record:
    turns = [Message("assistant" if n % 2 else "user", text) for n, text in enumerate(texts)]
    return Record("r", ((Message("system", system),) if system else ()) + tuple(turns), "domain")


def learned(tokenizer: Any, one: Any) -> list[str]:
    runs: list[list[int]] = []
    for place, label in enumerate(one.labels):
        if label != -100:
            if place == 0 or one.labels[place - 1] == -100:
                runs.append([])
            runs[-1].append(label)
    return [tokenizer.decode(ids) for ids in runs]


Q1, A1, Q2, A2 = "可以退货吗？", "可以，七天内。🙂", "How?", "Open the order page."
READ = {
    "qwen1.5": "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n<|im_start|>user\n{q1}<|im_end|>\n"
    "<|im_start|>assistant\n{a1}<|im_end|>\n<|im_start|>user\n{q2}<|im_end|>\n<|im_start|>assistant\n{a2}<|im_end|>\n",
    "llama2": "<s> [INST] {q1} [/INST] {a1} </s><s> [INST] {q2} [/INST] {a2} </s>",
    "llama3": "<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\n{q1}<|eot_id|>"
    "<|start_header_id|>assistant<|end_header_id|>\n\n{a1}<|eot_id|><|start_header_id|>user<|end_header_id|>\n\n{q2}<|eot_id|>"
    "<|start_header_id|>assistant<|end_header_id|>\n\n{a2}<|eot_id|>",
}


@pytest.mark.parametrize(
    ("name", "end", "pad"),
    [
        ("qwen1.5", "<|im_end|>", "<|endoftext|>"),
        ("qwen2.5", "<|im_end|>", "<|endoftext|>"),
        ("qwen2.5-base", "<|im_end|>", "<|endoftext|>"),
        ("llama2", "</s>", "</s>"),
        ("llama3", "<|eot_id|>", "<|eot_id|>"),
        ("llama3.1", "<|eot_id|>", "<|finetune_right_pad_id|>"),
    ],
)
def test_a_family_learns_every_answer_to_its_end_and_nothing_else(folder: Any, name: str, end: str, pad: str) -> None:
    tokenizer = load(folder(name))
    done = encode([talk(Q1, A1, Q2, A2)], tokenizer, Manner(512))
    (one,) = done.records
    assert [text.replace(" ", "") for text in learned(tokenizer, one)] == [
        f"{A1}{end}".replace(" ", ""),
        f"{A2}{end}".replace(" ", ""),
    ]
    assert done.stop_ids == {tokenizer.convert_tokens_to_ids(end)}
    assert done.per_answer == 0
    assert tokenizer.pad_token == pad
    if name in READ:
        whole = READ[name].format(q1=Q1, a1=A1, q2=Q2, a2=A2)
        assert tokenizer.decode(one.input_ids).replace(" ", "") == whole.replace(" ", "")
    if tokenizer.bos_token_id is not None:  # once for a record; Llama 2 has one before every question
        assert one.input_ids.count(tokenizer.bos_token_id) == (2 if name == "llama2" else 1)


def test_a_space_is_no_part_of_the_question_in_llama_2(folder: Any) -> None:
    """SentencePiece joins the space to the answer's first token: it is learned, as the model will say it."""
    tokenizer = load(folder("llama2"))
    (one,) = encode([talk("Hi", "Yes")], tokenizer, Manner(512)).records
    first = next(place for place, label in enumerate(one.labels) if label != -100)
    assert tokenizer.decode(one.input_ids[:first]).replace(" ", "") == "<s>[INST]Hi[/INST]"
    assert one.labels[-1] == one.input_ids[-1] == tokenizer.eos_token_id


def test_padding_with_llamas_end_token_hides_no_end(folder: Any) -> None:
    from training.quiet import quiet

    tokenizer = load(folder("llama3"))
    with quiet():
        from trl.trainer.sft_trainer import DataCollatorForLanguageModeling
    done = encode([talk(Q1, A1), talk(Q1, A1, Q2, A2 * 3)], tokenizer, Manner(512)).records
    collate = DataCollatorForLanguageModeling(pad_token_id=tokenizer.pad_token_id)
    batch = collate([{"input_ids": list(one.input_ids), "labels": list(one.labels)} for one in done])
    assert tokenizer.pad_token_id == tokenizer.eos_token_id
    assert [row.count(tokenizer.eos_token_id) for row in batch["labels"].tolist()] == [1, 2]


def thinking(tokenizer: Any, *records: Record, **settings: Any) -> Any:
    run = Run(Path("run"), "shop", {}, list(records), [])
    manner = manner_of(configure(settings), run, tokenizer, max_length=512)
    return encode(records, tokenizer, manner)


def test_qwen3_without_reasoning_is_asked_not_to_think_and_learns_the_answers_alone(folder: Any) -> None:
    tokenizer = load(folder("qwen3"))
    done = thinking(tokenizer, talk(Q1, A1, Q2, A2))
    assert [learned(tokenizer, one) for one in done.records] == [[f"{A1}<|im_end|>"], [f"{A2}<|im_end|>"]]
    assert tokenizer.decode(done.records[1].input_ids) == (
        f"<|im_start|>user\n{Q1}<|im_end|>\n<|im_start|>assistant\n{A1}<|im_end|>\n<|im_start|>user\n{Q2}<|im_end|>\n"
        f"<|im_start|>assistant\n<think>\n\n</think>\n\n{A2}<|im_end|>"
    )
    assert (done.per_answer, done.given) == (1, 1)


def test_qwen3_with_reasoning_learns_to_think(folder: Any) -> None:
    tokenizer = load(folder("qwen3"))
    thought = "<think>\n7 天\n</think>\n\n可以。"
    done = thinking(tokenizer, talk(Q1, thought), talk(Q2, A2))
    assert [learned(tokenizer, one) for one in done.records] == [
        [f"{thought}<|im_end|>"],
        [f"<think>\n\n</think>\n\n{A2}<|im_end|>"],
    ]
    masked = thinking(tokenizer, talk(Q1, thought), talk(Q2, A2), cot="mask")
    assert [learned(tokenizer, one) for one in masked.records] == [["可以。<|im_end|>"], [f"{A2}<|im_end|>"]]


def test_qwen3_with_thinking_off_still_learns_reasoning_where_there_is_some(folder: Any) -> None:
    tokenizer = load(folder("qwen3"))
    thought = "<think>\n7 天\n</think>\n\n可以。"
    done = thinking(tokenizer, talk(Q1, thought), talk(Q2, A2), thinking="off")
    assert [learned(tokenizer, one) for one in done.records] == [[f"{thought}<|im_end|>"], [f"{A2}<|im_end|>"]]


def test_a_template_that_knows_no_thinking_is_told_nothing_of_it(folder: Any) -> None:
    tokenizer = load(folder("qwen2.5"))
    run = Run(Path("run"), "shop", {}, [talk(Q1, A1)], [])
    assert manner_of(configure({"thinking": "off"}), run, tokenizer, max_length=512).thinking is None


@pytest.mark.slow
@pytest.mark.parametrize("name", ["qwen1.5", "qwen2.5", "qwen3", "llama2", "llama3.1"])
def test_a_family_trains_all_its_projections_and_stops_at_its_own_end(
    folder: Any, tmp_path: Path, logs: ModuleType, name: str
) -> None:
    from training.cli import train_run
    from training.quiet import quiet

    settings = {"quantize": False, "max_steps": 1, "evaluations": 1, "rank": 2, "samples": 1, "sample_tokens": 3}
    train = [logs.sharegpt(n, *pair) for n, pair in enumerate(logs.pairs()[:16])]
    run = logs.make_run(tmp_path / "run", train=train, val=train[:2])
    more = {
        "general_prompts": ["番茄炒蛋怎么做？"],
        "sample_often": False,
        "effective_batch_size": 16,
        "batch_size": 16,
    }
    result = train_run(
        run, model=str(folder(name)), out=None, general=[logs.make_general(tmp_path / "daily.jsonl", each=1)],
        overrides=settings | more, force=False, progress=False,
    )  # fmt: skip
    hidden, middle, kv = 32, 64, 16
    into_and_out = 2 * (hidden + hidden) + 2 * (hidden + kv) + 2 * (hidden + middle) + (middle + hidden)
    assert result["parameters"]["trainable"] == 2 * into_and_out
    assert set(result["config"]["target_modules"]) == {
        "q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"
    }  # fmt: skip
    assert [finding["name"] for finding in result["doctor"] if finding["level"] == "error"] == []
    warned = {finding["name"] for finding in result["doctor"]}
    assert ("system-prompt" in warned) == (name in ("qwen1.5", "qwen2.5"))
    assert ("pad-token" in warned) == (name == "llama2")
    with quiet():
        from peft import PeftModel
        from transformers import AutoModelForCausalLM

        from training.sample import stop_tokens

        tokenizer = load(run / "adapter")
        base = AutoModelForCausalLM.from_pretrained(folder(name))
        model = PeftModel.from_pretrained(base, run / "adapter")
    ends = {"llama2": "</s>", "llama3.1": "<|eot_id|>"}
    stops = stop_tokens(model, tokenizer, result["encoding"]["train"]["stop_ids"])
    assert tokenizer.convert_ids_to_tokens(sorted(stops)) == [ends.get(name, "<|im_end|>")]
