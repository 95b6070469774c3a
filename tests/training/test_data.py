"""Reading: three forms into one, faults with file and line and without a word of the record."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from training.data import default_general, read_general, read_run
from training.errors import RunError

SECRET = "我的电话是13800000000"


def said(path: Path, row: dict[str, Any]) -> list[tuple[str, str]]:
    path.write_text(json.dumps(row, ensure_ascii=False) + "\n", encoding="utf-8")
    return [(m.role, m.text) for m in read_general(path)[0].messages]


def test_sharegpt_alpaca_and_messages_say_the_same(tmp_path: Path) -> None:
    wanted = [("system", "S"), ("user", "Q1"), ("assistant", "A1"), ("user", "Q2\nmore"), ("assistant", "A2")]
    turns = [("human", "Q1"), ("gpt", "A1"), ("human", "Q2\nmore"), ("gpt", "A2")]
    sharegpt = {"conversations": [{"from": who, "value": text} for who, text in turns], "system": "S"}
    messages = {"messages": [{"role": role, "content": text} for role, text in wanted]}
    alpaca = {"instruction": "Q2", "input": "more", "output": "A2", "system": "S", "history": [["Q1", "A1"]]}
    for row in (sharegpt, messages, alpaca):
        assert said(tmp_path / "daily.jsonl", row) == wanted


def test_a_json_list_is_read_like_lines(tmp_path: Path) -> None:
    path = tmp_path / "daily.json"
    path.write_text(json.dumps([{"instruction": "Q", "input": "", "output": "A"}]), encoding="utf-8")
    assert [(m.role, m.text) for m in read_general(path)[0].messages] == [("user", "Q"), ("assistant", "A")]


def test_the_run_is_read_with_its_name_and_settings(tmp_path: Path, logs: ModuleType) -> None:
    run = read_run(logs.make_run(tmp_path / "run", training={"rank": 8}))
    assert (run.name, run.settings, len(run.train), len(run.val)) == ("shop", {"rank": 8}, 38, 8)
    assert run.train[0].messages[0].text == "Can I return the headphones?"
    assert [m.role for m in run.train[37].messages] == ["system", "user", "assistant", "user", "assistant"]


def test_a_manifest_without_training_settings_is_fine(tmp_path: Path, logs: ModuleType) -> None:
    folder = logs.make_run(tmp_path / "run")
    (folder / "manifest.json").write_text("{}", encoding="utf-8")
    assert read_run(folder).settings == {}


def test_a_run_without_validation_file_is_fine(tmp_path: Path, logs: ModuleType) -> None:
    folder = logs.make_run(tmp_path / "run")
    (folder / "val.sharegpt.jsonl").unlink()
    assert read_run(folder).val == []


@pytest.mark.parametrize(
    ("text", "language"),
    [("iPhone 15 Pro Max 可以退货吗", "zh"), ("Can I return 耳机 bought yesterday?", "en"), ("123 ???", "other")],
)
def test_the_language_is_told_by_script(tmp_path: Path, text: str, language: str) -> None:
    path = tmp_path / "daily.jsonl"
    path.write_text(json.dumps({"instruction": text, "output": "."}), encoding="utf-8")
    assert read_general(path)[0].language == language


def broken(turns: list[dict[str, str]]) -> str:
    return json.dumps({"id": "x", "conversations": turns}, ensure_ascii=False)


Q, A = {"from": "human", "value": SECRET}, {"from": "gpt", "value": SECRET}


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        (f'{{"conversations": "{SECRET}', "not valid JSON"),
        (f'["{SECRET}"]', "no JSON object"),
        (broken([]), "no turns"),
        (broken([A, Q]), "turn 1 is out of order"),
        (broken([Q, Q]), "turn 2 is out of order"),
        (broken([Q, A, Q]), "question without an answer"),
        (broken([Q, {"from": "gpt", "value": "  "}]), "turn 2 has no text"),
        (broken([Q, {"from": SECRET, "value": "A"}]), "turn 2 has no known speaker"),
        (broken([Q, {"from": "gpt"}]), "turn 2 has no text"),
    ],
)
def test_a_bad_record_is_named_by_file_and_line_and_never_quoted(
    tmp_path: Path, logs: ModuleType, line: str, fault: str
) -> None:
    folder = logs.make_run(tmp_path / "run")
    file = folder / "train.sharegpt.jsonl"
    file.write_text(file.read_text(encoding="utf-8").splitlines()[0] + "\n\n" + line + "\n", encoding="utf-8")
    with pytest.raises(RunError) as caught:
        read_run(folder)
    assert f"{file}:3: " in str(caught.value)
    assert fault in str(caught.value)
    assert SECRET not in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 3


def test_bytes_that_are_no_utf8_are_named_by_line(tmp_path: Path, logs: ModuleType) -> None:
    folder = logs.make_run(tmp_path / "run")
    (folder / "train.sharegpt.jsonl").write_bytes("退货".encode("gb18030"))
    with pytest.raises(RunError, match=r"train.sharegpt.jsonl:1: this is not UTF-8"):
        read_run(folder)


@pytest.mark.parametrize(
    ("gone", "fault"),
    [("manifest.json", "unfinished"), ("train.sharegpt.jsonl", "not whole"), (None, "no such run folder")],
)
def test_an_unfinished_run_is_refused(tmp_path: Path, logs: ModuleType, gone: str | None, fault: str) -> None:
    folder = tmp_path / "elsewhere"
    if gone is not None:
        folder = logs.make_run(tmp_path / "run")
        (folder / gone).unlink()
    with pytest.raises(RunError, match=fault):
        read_run(folder)


def test_an_empty_run_is_refused(tmp_path: Path, logs: ModuleType) -> None:
    with pytest.raises(RunError, match="nothing to learn"):
        read_run(logs.make_run(tmp_path / "run", train=[]))


@pytest.mark.parametrize(("content", "fault"), [('{"text": "hi"}', "neither Alpaca"), ("", "is empty")])
def test_a_general_file_in_no_known_form_is_refused(tmp_path: Path, content: str, fault: str) -> None:
    path = tmp_path / "daily.jsonl"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(RunError, match=fault):
        read_general(path)


def test_the_shipped_general_data_is_found_and_can_be_read() -> None:
    paths = default_general()
    assert {path.stem for path in paths} >= {"zh", "en"}
    assert all(read_general(path) for path in paths)
