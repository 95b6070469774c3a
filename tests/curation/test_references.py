"""Earlier sets in every shape that we and trainers write."""

import json
from pathlib import Path

import pytest

from curation import references
from curation.errors import SourceError

PAIR = ("退款多久到账？", "三天内。")
SHAPES = {
    "alpaca": {"instruction": "退款多久", "input": "到账？", "output": PAIR[1]},
    "sharegpt": {"conversations": [{"from": "human", "value": PAIR[0]}, {"from": "gpt", "value": PAIR[1]}]},
    "messages": {
        "messages": [
            {"role": "system", "content": "你是客服"},
            {"role": "user", "content": PAIR[0]},
            {"role": "assistant", "content": PAIR[1]},
        ]
    },
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("lines", [True, False])
def test_every_shape_is_read(tmp_path: Path, shape: str, lines: bool) -> None:
    record = SHAPES[shape]
    text = json.dumps(record, ensure_ascii=False) + "\n\n" if lines else json.dumps([record])
    (tmp_path / "eval.json").write_text(text, encoding="utf-8")
    found = references.read(tmp_path / "eval.json")
    assert found.name == "eval.json"
    assert found.examples.rows() == [("eval.json:1", "退款多久到账", "退款多久到账\n三天内")]


def test_of_several_turns_each_answer_and_the_whole_count(tmp_path: Path) -> None:
    record = {"instruction": "C?", "output": "d", "history": [["a", "b"]]}
    (tmp_path / "x.jsonl").write_text(json.dumps(record), encoding="utf-8")
    assert references.read(tmp_path / "x.jsonl").examples["whole"].to_list() == ["a\nb", "c\nd", "ac\nbd"]


def test_a_run_counts_what_it_kept(run: Path) -> None:
    found = references.read(run)
    assert found.name == "run"
    assert any("仓库签收" in text for text in found.examples["whole"])


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ("{}\n", ":1: neither an Alpaca, a ShareGPT nor a messages record"),
        ('{"instruction": "a", "output": "b"}\nno json\n', ":2: not JSON"),
        ("[1, 2", ": not JSON"),
        ("", ": no examples in it to compare with"),
    ],
)
def test_other_files_are_refused_with_their_line(tmp_path: Path, content: str, fault: str) -> None:
    (tmp_path / "x.jsonl").write_text(content, encoding="utf-8")
    with pytest.raises(SourceError) as raised:
        references.read(tmp_path / "x.jsonl")
    assert str(raised.value) == f"{tmp_path / 'x.jsonl'}{fault}"


def test_what_is_not_there_or_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="not a run folder"):
        references.read(tmp_path)
    with pytest.raises(SourceError, match="cannot be read: No such file"):
        references.read(tmp_path / "no.jsonl")
