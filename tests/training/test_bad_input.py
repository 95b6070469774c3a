"""What users get wrong, through the command line: one line with fault and cure, the exit code, nothing left behind."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

pytest.importorskip("trl")

LLAMA3 = (
    "{% for m in messages %}{{ '<|start_header_id|>' + m.role + '<|end_header_id|>' + m.content + '<|eot_id|>' }}"
    "{% endfor %}"
)
SECRET = "我的电话是13800000000"

Says = Callable[..., tuple[int, str]]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory, logs: ModuleType) -> Path:
    from training.quiet import quiet

    with quiet():
        from training.tiny import build_tiny

        folder = tmp_path_factory.mktemp("model") / "tiny"
        build_tiny([text for pair in logs.pairs() for text in pair], folder, seed=1, vocabulary=400)
    return folder


@pytest.fixture
def says(tmp_path: Path, logs: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> Says:
    """Run `siftune train` on a run; return the exit code and the error, once sure that nothing was left behind."""
    from curation.cli import main

    def train(model: str | Path, *more: str | Path, run: Path | None = None) -> tuple[int, str]:
        run = run or logs.make_run(tmp_path / "run")
        before = sorted(path for path in tmp_path.rglob("*"))
        quick = ["--train", "quantize=false", "--train", "max_steps=1", "--no-progress"]
        monkeypatch.setattr(sys, "argv", ["siftune", "train", str(run), "--model", str(model), *quick, *map(str, more)])
        with pytest.raises(SystemExit) as stopped:
            main()
        said = capsys.readouterr()
        assert said.out == ""
        assert said.err.startswith("error: ")
        assert said.err.count("\n") == 1
        assert SECRET not in said.err
        assert sorted(path for path in tmp_path.rglob("*")) == before
        return int(stopped.value.code or 0), said.err

    return train


def changed(model: Path, to: Path, *, without: str = "", **files: str) -> Path:
    """Copy a model without the files that begin with `without`, and with others in their place."""
    shutil.copytree(model, to)
    for path in list(to.iterdir()):
        if without and path.name.startswith(without):
            path.unlink()
    for name, text in files.items():
        (to / name.replace("__", ".")).write_text(text, encoding="utf-8")
    return to


@pytest.mark.parametrize(
    ("without", "files", "fault"),
    [
        ("tokenizer", {}, "there is no tokenizer in this folder; copy tokenizer"),
        ("chat_template", {}, "it has no chat template; take the '-Instruct'"),
        ("", {"chat_template__jinja": "{% for m in"}, "(TemplateSyntaxError); take chat_template.jinja from"),
        ("", {"chat_template__jinja": "{{ raise_exception('no') }}"}, "cannot render these records (TemplateError)"),
        ("", {"chat_template__jinja": "hello"}, "leaves answers out; take chat_template.jinja from"),
        ("model", {}, "the model cannot be loaded"),
        ("", {"config__json": "{"}, "not a valid JSON file"),
    ],
)
def test_a_model_that_cannot_be_used(
    says: Says, model: Path, tmp_path: Path, without: str, files: dict[str, str], fault: str
) -> None:
    folder = changed(model, tmp_path / "model", without=without, **files)
    code, said = says(folder)
    assert code == 4
    assert f"{folder}: " in said
    assert fault in said


def test_another_familys_template_is_refused_by_its_marks(says: Says, model: Path, tmp_path: Path) -> None:
    code, said = says(changed(model, tmp_path / "model", chat_template__jinja=LLAMA3))
    assert code == 2
    assert "writes <|start_header_id|>, <|end_header_id|>, <|eot_id|>, which this tokenizer does not know" in said


def test_a_model_that_is_not_there(says: Says, tmp_path: Path) -> None:
    code, said = says(tmp_path / "nowhere")
    assert (code, "there is no model here (no config.json)" in said) == (4, True)


def test_an_empty_run(says: Says, model: Path, tmp_path: Path, logs: ModuleType) -> None:
    code, said = says(model, run=logs.make_run(tmp_path / "empty", train=[]))
    assert (code, "no record was kept" in said) == (3, True)


def test_no_run_at_all(says: Says, model: Path, tmp_path: Path) -> None:
    code, said = says(model, run=tmp_path / "nowhere")
    assert (code, "run `siftune curate` again" in said) == (3, True)


def test_a_run_whose_gate_failed_exits_with_one(says: Says, model: Path, tmp_path: Path, logs: ModuleType) -> None:
    run = logs.make_run(tmp_path / "run")
    told = json.loads((run / "manifest.json").read_text(encoding="utf-8")) | {"gate": {"state": "fail"}}
    (run / "manifest.json").write_text(json.dumps(told), encoding="utf-8")
    code, said = says(model, run=run)
    assert code == 1
    assert said.startswith(f"error: {run}: the quality gate failed")
    assert "accept: [gate]" in said


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (SECRET.encode("gb18030"), "daily.jsonl:1: this is not UTF-8"),
        (f'{{"instruction": "{SECRET}"'.encode(), "daily.jsonl:1: this is not valid JSON"),
        (json.dumps({"text": SECRET}).encode(), "daily.jsonl:1: this is neither Alpaca"),
        (
            json.dumps({"instruction": 5, "output": SECRET}).encode(),
            "daily.jsonl:1: instruction and input must be texts",
        ),
        (json.dumps({"instruction": "q", "output": SECRET, "history": ["x"]}).encode(), "history must be a list"),
        (b"", "daily.jsonl: the general data file is empty"),
    ],
)
def test_a_general_set_that_cannot_be_read(says: Says, model: Path, tmp_path: Path, content: bytes, fault: str) -> None:
    path = tmp_path / "daily.jsonl"
    path.write_bytes(content)
    for source in (f"{path}", f"{path}=2"):
        code, said = says(model, "--general", source)
        assert (code, fault in said) == (3, True)


@pytest.mark.parametrize(
    ("source", "code", "fault"),
    [
        ("nowhere.jsonl", 3, "there is no such general data file"),
        ("self:nowhere.jsonl", 3, "there is no such general data file"),
        ("daily.jsonl=-1", 2, "greater than 0"),
    ],
)
def test_a_source_that_is_none(says: Says, model: Path, source: str, code: int, fault: str) -> None:
    told = says(model, "--general", source)
    assert (told[0], fault in told[1]) == (code, True)


def test_a_model_that_cannot_answer_for_itself_says_what_to_do(says: Says, model: Path) -> None:
    code, said = says(model, "--general", "self", "--train", "self_tokens=2")
    assert code == 4
    assert "own answers is of use" in said
    assert "give a general file" in said
