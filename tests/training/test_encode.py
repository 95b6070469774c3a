"""The mask: answers with their end-of-turn token and nothing else, in every template, never cut in silence."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from training.data import Message, Record
from training.encode import encode
from training.errors import ModelError

QWEN3 = (  # the part of Qwen3's template that matters: only the last answer has (and keeps) its thoughts
    "{%- for message in messages %}"
    "{%- if message.role == 'assistant' %}"
    "{%- set said = message.content.split('</think>')[-1].lstrip('\\n') %}"
    "{%- set thought = message.content.split('</think>')[0].split('<think>')[-1].strip('\\n')"
    " if '</think>' in message.content else '' %}"
    "{{- '<|im_start|>assistant\\n' }}"
    "{%- if loop.last %}{{- '<think>\\n' + thought + '\\n</think>\\n\\n' }}{%- endif %}"
    "{{- said + '<|im_end|>\\n' }}"
    "{%- else %}{{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}{%- endif %}"
    "{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}"
)
BARE = (  # closes no turn with a special token
    "{% for message in messages %}{{ message.role }}: {{ message.content }}\n{% endfor %}"
    "{% if add_generation_prompt %}assistant: {% endif %}"
)
PICKY = "{{ raise_exception('no') }}"


def record(*texts: str, system: str = "") -> Record:
    turns = [Message("assistant" if n % 2 else "user", text) for n, text in enumerate(texts)]
    return Record("r1", ((Message("system", system),) if system else ()) + tuple(turns), "domain")


def run(
    tokenizer: Any, *records: Record, template: str = "", max_length: int = 1024, system_prompt: str | None = None
) -> Any:
    before = tokenizer.chat_template
    tokenizer.chat_template = template or before
    try:
        return encode(records, tokenizer, max_length=max_length, system_prompt=system_prompt)
    finally:
        tokenizer.chat_template = before


def trained(tokenizer: Any, one: Any) -> list[str]:
    """The texts that are learned, one per unbroken run of labels."""
    runs: list[list[int]] = []
    for place, label in enumerate(one.labels):
        if label != -100:
            assert label == one.input_ids[place]
            if place == 0 or one.labels[place - 1] == -100:
                runs.append([])
            runs[-1].append(label)
    return [tokenizer.decode(ids) for ids in runs]


def test_every_answer_with_its_end_is_learned_and_nothing_else(tokenizer: Any) -> None:
    (one,) = run(tokenizer, record("可以退货吗？", "可以的。", "Thanks!", "不客气", system="客服")).records
    assert trained(tokenizer, one) == ["可以的。<|im_end|>", "不客气<|im_end|>"]
    assert tokenizer.decode(one.input_ids) == (
        "<|im_start|>system\n客服<|im_end|>\n<|im_start|>user\n可以退货吗？<|im_end|>\n<|im_start|>assistant\n可以的。<|im_end|>\n"
        "<|im_start|>user\nThanks!<|im_end|>\n<|im_start|>assistant\n不客气<|im_end|>\n"
    )


def test_the_mask_is_exact_token_by_token(tokenizer: Any) -> None:
    (one,) = run(tokenizer, record("好吗", "好", "真的", "真的")).records
    ids, labels = [], []
    for text, learned in (
        ("<|im_start|>user\n好吗<|im_end|>\n<|im_start|>assistant\n", False),
        ("好<|im_end|>", True),
        ("\n<|im_start|>user\n真的<|im_end|>\n<|im_start|>assistant\n", False),
        ("真的<|im_end|>", True),
        ("\n", False),
    ):
        part = tokenizer(text, add_special_tokens=False)["input_ids"]
        ids += part
        labels += part if learned else [-100] * len(part)
    assert list(one.input_ids) == ids
    assert list(one.labels) == labels


@settings(deadline=None, max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    text=st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=30).map(str.strip).filter(bool)
)
def test_any_script_is_learned_to_the_last_byte(tokenizer: Any, text: str) -> None:
    (one,) = run(tokenizer, record(text, text)).records
    assert trained(tokenizer, one) == [f"{text}<|im_end|>"]


def test_a_template_that_drops_thoughts_gives_one_record_per_answer(tokenizer: Any) -> None:
    talk = record("Q1", "<think>\nhm\n</think>\n\nA1", "Q2", "<think>\nso\n</think>\n\nA2")
    done = run(tokenizer, talk, template=QWEN3)
    assert [trained(tokenizer, one) for one in done.records] == [
        ["<think>\nhm\n</think>\n\nA1<|im_end|>"],
        ["<think>\nso\n</think>\n\nA2<|im_end|>"],
    ]
    assert "hm" not in tokenizer.decode(done.records[1].input_ids)
    assert (done.per_answer, done.given, len(done.records)) == (1, 1, 2)
    assert [one.id for one in done.records] == ["r1#0", "r1#1"]


def test_one_answer_needs_no_parting_in_such_a_template(tokenizer: Any) -> None:
    done = run(tokenizer, record("Q1", "A1"), template=QWEN3)
    assert [trained(tokenizer, one) for one in done.records] == [["<think>\n\n</think>\n\nA1<|im_end|>"]]
    assert done.per_answer == 0


def test_answers_that_no_special_token_closes_learn_the_end_of_text(tokenizer: Any) -> None:
    done = run(tokenizer, record("Q1", "A1", "Q2", "A2"), template=BARE)
    assert [trained(tokenizer, one) for one in done.records] == [["A1<|im_end|>"], ["A2<|im_end|>"]]
    assert tokenizer.decode(done.records[1].input_ids) == "user: Q1\nassistant: A1\nuser: Q2\nassistant: A2<|im_end|>"
    assert done.stop_ids == {tokenizer.convert_tokens_to_ids("<|im_end|>")}


def test_a_dialogue_that_is_too_long_is_cut_after_an_answer(tokenizer: Any) -> None:
    whole = run(tokenizer, record("Q1", "A1", "Q2", "A2 is long")).records[0]
    done = run(tokenizer, record("Q1", "A1", "Q2", "A2 is long"), max_length=len(whole.input_ids) - 3)
    assert trained(tokenizer, done.records[0]) == ["A1<|im_end|>"]
    assert tokenizer.decode(done.records[0].input_ids).endswith("A1<|im_end|>")
    assert (done.cut, done.too_long) == (1, 0)


def test_a_dialogue_is_cut_after_the_answer_that_just_fits(tokenizer: Any) -> None:
    first = tokenizer("<|im_start|>user\nQ1<|im_end|>\n<|im_start|>assistant\nA1<|im_end|>", add_special_tokens=False)
    length = len(first["input_ids"])
    talk = record("Q1", "A1", "Q2", "A2")
    assert [len(one.input_ids) for one in run(tokenizer, talk, max_length=length).records] == [length]
    assert run(tokenizer, talk, max_length=length - 1).too_long == 1


def test_a_record_whose_first_answer_does_not_fit_is_dropped_and_counted(tokenizer: Any) -> None:
    done = run(tokenizer, record("Q1", "A" * 300), record("Q1", "A1"), max_length=60)
    assert [trained(tokenizer, one) for one in done.records] == [["A1<|im_end|>"]]
    assert (done.given, done.too_long, done.cut) == (2, 1, 0)


def test_a_record_of_exactly_the_greatest_length_is_kept(tokenizer: Any) -> None:
    length = len(run(tokenizer, record("Q1", "A1")).records[0].input_ids)
    assert run(tokenizer, record("Q1", "A1"), max_length=length).too_long == 0
    assert run(tokenizer, record("Q1", "A1"), max_length=length).cut == 0


def test_the_system_prompt_goes_where_there_is_none(tokenizer: Any) -> None:
    done = run(tokenizer, record("Q", "A"), record("Q", "A", system="own"), system_prompt="given")
    assert [tokenizer.decode(one.input_ids).split("<|im_end|>")[0] for one in done.records] == [
        "<|im_start|>system\ngiven",
        "<|im_start|>system\nown",
    ]


def test_lengths_are_reported_in_tokens(tokenizer: Any) -> None:
    done = run(tokenizer, record("Q", "A"), record("Q", "A"), record("Q", "AA AA AA"))
    size = len(
        tokenizer("<|im_start|>user\nQ<|im_end|>\n<|im_start|>assistant\n", add_special_tokens=False)["input_ids"]
    )
    assert (done.median_answer, done.median_prompt) == (2, size + 1)  # + the line break behind the answer


def test_a_template_that_refuses_is_named_without_the_record(tokenizer: Any) -> None:
    with pytest.raises(ModelError, match="chat template cannot render") as caught:
        run(tokenizer, record("geheim", "A"), template=PICKY)
    assert "geheim" not in str(caught.value)


def test_padding_with_the_end_token_does_not_hide_it_from_the_loss(tokenizer: Any) -> None:
    from training.quiet import quiet

    with quiet():
        from trl.trainer.sft_trainer import DataCollatorForLanguageModeling
    done = run(tokenizer, record("Q", "A"), record("Q", "a much longer answer than the other"))
    end = tokenizer.eos_token_id
    collate = DataCollatorForLanguageModeling(pad_token_id=end)
    batch = collate([{"input_ids": list(one.input_ids), "labels": list(one.labels)} for one in done.records])
    assert [row.count(end) for row in batch["labels"].tolist()] == [1, 1]
