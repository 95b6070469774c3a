"""Examples → what trainers read."""

import json
from typing import Any

import pytest

from curation.convert import dataset_info, export


def example(*texts: str, cot: str | None = None) -> dict[str, Any]:
    turns = [{"role": ("user", "assistant")[i % 2], "text": text, "messages": [i]} for i, text in enumerate(texts)]
    return {"id": "e1", "turns": turns, "answer": "\n".join(texts[1::2]), "cot": cot}


def alpaca(row: dict[str, Any], *, system: str, policy: Any) -> dict[str, Any]:
    return export(row, "alpaca", system=system, policy=policy)


def sharegpt(row: dict[str, Any], *, system: str, policy: Any) -> dict[str, Any]:
    return export(row, "sharegpt", system=system, policy=policy)


def messages(row: dict[str, Any], *, system: str, policy: Any) -> dict[str, Any]:
    return export(row, "messages", system=system, policy=policy)


PAIR, DIALOGUE = example("q", "a"), example("q1", "a1", "q2", "a2", "q3", "a3")


def test_alpaca_puts_the_last_question_first_and_the_turns_before_it_into_history() -> None:
    assert alpaca(DIALOGUE, system="s", policy="think") == {
        "id": "e1", "instruction": "q3", "input": "", "output": "a3", "system": "s",
        "history": [["q1", "a1"], ["q2", "a2"]],
    }  # fmt: skip
    assert alpaca(PAIR, system="", policy="think")["history"] == []


def test_sharegpt_begins_with_human_alternates_and_is_even() -> None:
    assert sharegpt(DIALOGUE, system="s", policy="think") == {
        "id": "e1", "system": "s",
        "conversations": [{"from": speaker, "value": text} for speaker, text in
                          [("human", "q1"), ("gpt", "a1"), ("human", "q2"),
                           ("gpt", "a2"), ("human", "q3"), ("gpt", "a3")]],
    }  # fmt: skip


def test_messages_begin_with_the_system_prompt_where_there_is_one() -> None:
    said = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]
    assert messages(PAIR, system="", policy="think") == {"id": "e1", "messages": said}
    assert messages(PAIR, system="s", policy="think")["messages"] == [{"role": "system", "content": "s"}, *said]


@pytest.mark.parametrize("convert", [alpaca, sharegpt, messages])
@pytest.mark.parametrize(
    ("policy", "inside", "field"), [("think", True, None), ("field", False, "because"), ("drop", False, None)]
)
def test_reasoning_stands_before_the_answer_in_a_field_or_nowhere(
    convert: Any, policy: str, inside: bool, field: str | None
) -> None:
    record = convert(example("q", "a", cot="because"), system="", policy=policy)
    text = json.dumps({key: value for key, value in record.items() if key != "cot"})
    assert (json.dumps("<think>\nbecause\n</think>\n\na") in text) is inside
    assert (json.dumps("a") in text) is not inside
    if convert is messages:
        assert record["messages"][-1].get("reasoning_content") == field
        assert "cot" not in record
    else:
        assert ("because" in text) is inside
        assert record.get("cot") == field


@pytest.mark.parametrize("cot", [None, "", " \n"])
@pytest.mark.parametrize("policy", ["think", "field"])
def test_no_reasoning_leaves_no_trace(cot: str | None, policy: str) -> None:
    assert alpaca(example("q", "a", cot=cot), system="", policy=policy) == alpaca(PAIR, system="", policy="drop")


@pytest.mark.parametrize("convert", [alpaca, sharegpt, messages])
def test_dataset_info_names_every_column_that_a_record_has(convert: Any) -> None:
    file = f"train.{convert.__name__}.jsonl"
    entry = dataset_info([file])[f"siftune_train_{convert.__name__}"]
    record = convert(DIALOGUE, system="s", policy="think")
    assert entry["file_name"] == file
    assert set(entry["columns"].values()) == set(record) - {"id"}
    if convert is alpaca:
        assert entry["formatting"] == "alpaca"
        names = {"prompt": "instruction", "query": "input", "response": "output", "system": "system"}
        assert entry["columns"] == names | {"history": "history"}
    else:
        tags = entry["tags"]
        turns = record[entry["columns"]["messages"]]
        assert entry["formatting"] == "sharegpt"
        assert {tags["role_tag"], tags["content_tag"]} == set(turns[0])
        words = {tags[f"{role}_tag"] for role in ("user", "assistant", "system") if f"{role}_tag" in tags}
        assert {turn[tags["role_tag"]] for turn in turns} <= words


def test_every_file_has_an_entry_of_its_own() -> None:
    files = ["train.alpaca.jsonl", "val.alpaca.jsonl", "train.sharegpt.jsonl"]
    assert list(dataset_info(files)) == ["siftune_train_alpaca", "siftune_val_alpaca", "siftune_train_sharegpt"]
