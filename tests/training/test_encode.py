"""The mask: answers with their end-of-turn token and nothing else, in every template, never cut in silence."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from training.data import Message, Record
from training.encode import Manner, encode
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


def run(tokenizer: Any, *records: Record, template: str = "", max_length: int = 1024, **manner: Any) -> Any:
    before = tokenizer.chat_template
    tokenizer.chat_template = template or before
    try:
        return encode(records, tokenizer, Manner(max_length, **manner))
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


def size(tokenizer: Any, *texts: str) -> int:
    """Tokens of a chat up to its last answer's end, without the line break behind it."""
    return len(run(tokenizer, record(*texts)).records[0].input_ids) - 1


def test_a_dialogue_that_is_too_long_goes_on_in_a_second_record(tokenizer: Any) -> None:
    talk = record("Q1", "A1", "Q2", "A2 is long")
    done = run(tokenizer, talk, max_length=size(tokenizer, "Q1", "A1", "Q2", "A2 is long") - 1)
    assert [trained(tokenizer, one) for one in done.records] == [["A1<|im_end|>"], ["A2 is long<|im_end|>"]]
    assert tokenizer.decode(done.records[0].input_ids).endswith("A1<|im_end|>")
    assert tokenizer.decode(done.records[1].input_ids).startswith("<|im_start|>user\nQ2")
    assert [one.origin for one in done.records] == ["r1", "r1"]
    assert (done.split, done.cut, done.too_long) == (1, 0, 0)


def test_each_part_has_as_many_turns_before_its_answer_as_fit(tokenizer: Any) -> None:
    texts = ["Q1", "A1", "Q2", "A2", "Q3", "A3", "Q4", "A4"]
    three = len(run(tokenizer, record(*texts[:6], system="S")).records[0].input_ids)
    done = run(tokenizer, record(*texts, system="S"), max_length=three)
    read = [tokenizer.decode(one.input_ids) for one in done.records]
    assert [trained(tokenizer, one) for one in done.records] == [
        ["A1<|im_end|>", "A2<|im_end|>", "A3<|im_end|>"],
        ["A4<|im_end|>"],
    ]
    assert [text for text in texts if text in read[1]] == ["Q2", "A2", "Q3", "A3", "Q4", "A4"]
    assert all(text.startswith("<|im_start|>system\nS<|im_end|>") for text in read)


def test_a_dialogue_is_cut_after_the_answer_that_just_fits(tokenizer: Any) -> None:
    length = size(tokenizer, "Q1", "A1")
    talk = record("Q1", "A1", "Q2", "A2 " * 30)
    done = run(tokenizer, talk, max_length=length)
    assert [len(one.input_ids) for one in done.records] == [length]
    assert (done.cut, done.split, done.too_long) == (1, 0, 0)
    assert run(tokenizer, talk, max_length=length - 1).too_long == 1


def test_an_answer_in_the_middle_that_does_not_fit_costs_no_other(tokenizer: Any) -> None:
    done = run(tokenizer, record("Q1", "A1", "Q2", "long " * 90, "Q3", "A3"), max_length=60)
    assert [trained(tokenizer, one) for one in done.records] == [["A1<|im_end|>"], ["A3<|im_end|>"]]
    assert (done.cut, done.too_long) == (1, 0)


def test_over_long_records_are_dropped_whole_when_asked(tokenizer: Any) -> None:
    talk = record("Q1", "A1", "Q2", "A2 is long")
    length = size(tokenizer, "Q1", "A1", "Q2", "A2 is long") - 1
    done = run(tokenizer, talk, record("Q", "A"), max_length=length, long_records="drop")
    assert [trained(tokenizer, one) for one in done.records] == [["A<|im_end|>"]]
    assert (done.too_long, done.cut, done.split) == (1, 0, 0)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lengths=st.lists(st.integers(1, 25), min_size=1, max_size=6), most=st.integers(20, 120))
def test_every_answer_is_learned_once_and_whole_or_counted(tokenizer: Any, lengths: list[int], most: int) -> None:
    texts = [text for n, size in enumerate(lengths) for text in (f"Q{n}", f"A{n} " + "z " * size)]
    done = run(tokenizer, record(*map(str.strip, texts)), max_length=most)
    answers = [answer for one in done.records for answer in trained(tokenizer, one)]
    assert len(answers) == len(set(answers))
    assert set(answers) <= {f"{text.strip()}<|im_end|>" for text in texts[1::2]}
    assert all(len(one.input_ids) <= most for one in done.records)
    assert done.too_long == (not answers)
    assert done.cut == (0 < len(answers) < len(lengths))
    for n, text in enumerate(texts[1::2]):  # an answer is lost only where not even its question fits before it
        alone = size(tokenizer, f"Q{n}", text.strip())
        assert alone > most or f"{text.strip()}<|im_end|>" in answers


def test_only_the_last_answer_is_learned_when_asked(tokenizer: Any) -> None:
    (one,) = run(tokenizer, record("Q1", "A1", "Q2", "A2"), learn="last").records
    assert trained(tokenizer, one) == ["A2<|im_end|>"]
    assert "A1" in tokenizer.decode(one.input_ids)


def test_the_last_answer_needs_no_parting_in_a_template_that_drops_thoughts(tokenizer: Any) -> None:
    talk = record("Q1", "<think>\nhm\n</think>\n\nA1", "Q2", "<think>\nso\n</think>\n\nA2")
    done = run(tokenizer, talk, template=QWEN3, learn="last")
    assert [trained(tokenizer, one) for one in done.records] == [["<think>\nso\n</think>\n\nA2<|im_end|>"]]
    assert done.per_answer == 0


def test_the_last_answer_of_an_over_long_dialogue_keeps_its_latest_turns(tokenizer: Any) -> None:
    texts = ["Q1", "A1", "Q2", "A2", "Q3", "A3"]
    done = run(tokenizer, record(*texts), max_length=size(tokenizer, *texts[2:]) + 1, learn="last")
    assert [trained(tokenizer, one) for one in done.records] == [["A3<|im_end|>"]]
    assert [text for text in texts if text in tokenizer.decode(done.records[0].input_ids)] == texts[2:]
    assert (done.cut, done.too_long) == (0, 0)


@pytest.mark.parametrize(
    ("cot", "learned"),
    [("learn", "<think>\n1 + 1\n</think>\n\n2<|im_end|>"), ("mask", "2<|im_end|>")],
)
def test_reasoning_is_learned_or_only_read(tokenizer: Any, cot: str, learned: str) -> None:
    done = run(tokenizer, record("Q", "<think>\n1 + 1\n</think>\n\n2"), record("Q", "3"), cot=cot)
    assert [trained(tokenizer, one) for one in done.records] == [[learned], ["3<|im_end|>"]]
    assert "1 + 1\n</think>" in tokenizer.decode(done.records[0].input_ids)
    assert done.reasoning == 1


def test_masked_reasoning_is_masked_token_by_token_in_every_answer(tokenizer: Any) -> None:
    talk = record("Q1", "<think>\n想\n</think>\n\n好", "Q2", "see </think> there")
    (one,) = run(tokenizer, talk, cot="mask").records
    assert trained(tokenizer, one) == ["好<|im_end|>", "see </think> there<|im_end|>"]


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
