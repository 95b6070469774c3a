"""Set files of anybody: read, judged line by line, and converted without loss, or with a word about what is lost."""

# ruff: noqa: E501  records in a table are read better on one line each
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from curation.cli import app
from curation.reasoning import as_text, inside
from curation.sets import formats
from curation.sets.talk import RecordError, Talk, Turn

TEXT = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20).filter(lambda t: bool(t.strip()))
EXTRA = st.dictionaries(
    st.sampled_from(["weight", "name", "标签"]), st.one_of(TEXT, st.integers(), st.none()), max_size=2
)
CALLS = st.lists(st.fixed_dictionaries({"name": TEXT, "arguments": EXTRA}), min_size=1, max_size=2)


@st.composite
def talks(draw: st.DrawFn) -> Talk:
    """Make talks with everything in them that ShareGPT and messages both hold."""
    turns: list[Turn] = []
    for _ in range(draw(st.integers(1, 3))):
        turns.append(Turn("user", draw(TEXT), None, draw(EXTRA)))
        if draw(st.booleans()):
            calls = draw(CALLS)
            text = json.dumps(calls if len(calls) > 1 else calls[0], ensure_ascii=False)
            turns += [Turn("call", text), Turn("tool", draw(TEXT), None, draw(EXTRA))]
        turns.append(Turn("assistant", draw(TEXT), draw(st.none() | TEXT), draw(EXTRA)))
    tools = draw(st.none() | st.just([{"name": "look_up"}]))
    return Talk(tuple(turns), draw(st.just("") | TEXT), tools, draw(st.dictionaries(st.just("id"), TEXT, max_size=1)))


@given(talks(), st.sampled_from(["sharegpt", "messages", "prompt-completion"]))
def test_what_a_set_holds_comes_back_from_every_format_but_alpaca(talk: Talk, form: formats.Format) -> None:
    record = json.loads(json.dumps(formats.write(talk, form)))
    assert formats.format_of(record) == form
    assert formats.read(record) == talk


@given(talks())
def test_sharegpt_and_messages_go_round_without_loss(talk: Talk) -> None:
    first = formats.write(talk, "sharegpt")
    there = formats.write(formats.read(first), "messages")
    assert formats.write(formats.read(there), "sharegpt") == first


@given(talks())
def test_alpaca_holds_a_talk_or_says_what_it_cannot_hold(talk: Talk) -> None:
    if any(turn.role in ("call", "tool") for turn in talk.turns):
        with pytest.raises(RecordError, match="Alpaca cannot hold calls of tools"):
            formats.write(talk, "alpaca")
        return
    back = formats.read(formats.write(talk, "alpaca"))
    lost = formats.lost(talk, "alpaca")
    assert [t.text for t in back.turns] == [t.text for t in talk.turns]
    assert back.system == talk.system
    assert (back == talk) is (not lost)


@pytest.mark.parametrize(
    ("record", "turns"),
    [
        ({"instruction": "q", "input": "more", "output": "a"}, [("user", "q\nmore", None), ("assistant", "a", None)]),
        ({"Question": "q", "Complex_CoT": "why", "Response": "a"}, [("user", "q", None), ("assistant", "a", "why")]),
        ({"query": "q", "response": "a", "thought_process": ["one", {"step": "two"}]}, [("user", "q", None), ("assistant", "a", "one\ntwo")]),
        ({"conversations": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}], "cot": "why"}, [("user", "q", None), ("assistant", "a", "why")]),
        ({"conversations": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]}, [("user", "q", None), ("assistant", "a", None)]),
        ({"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": [{"type": "reasoning", "text": "why"}, {"type": "text", "text": "a"}]}]}, [("user", "q", None), ("assistant", "a", "why")]),
        ({"prompt": "q", "completion": "a", "reasoning_content": "why"}, [("user", "q", None), ("assistant", "a", "why")]),
    ],
)  # fmt: skip
def test_layouts_in_the_wild_are_read(record: dict[str, Any], turns: list[tuple[str, str, str | None]]) -> None:
    talk = formats.read(record)
    assert [(t.role, t.text, t.reasoning) for t in talk.turns] == turns
    assert talk.faults == []


def test_reasoning_is_found_inside_answers() -> None:
    assert inside("<think>\nwhy\n</think>\n\na") == ("why", "a")
    assert inside("<thinking>why</thinking> a") == ("why", "a")
    assert inside("4 + 3 = <<4+3=7>>7\n#### 7") == ("4 + 3 = <<4+3=7>>7", "7")
    assert inside("<think>why a") == (None, "<think>why a")
    assert inside("plain") == (None, "plain")
    assert as_text(["a", 1, {"content": "b"}]) == "a\n1\nb"


def run(*arguments: object) -> Any:
    return CliRunner().invoke(app, [str(a) for a in arguments])


def code_of(result: Any) -> int:
    """Return what the command line exits with; CliRunner does not know our errors."""
    return int(getattr(result.exception, "exit_code", result.exit_code))


GOOD = {"conversations": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}]}
FAULTY = [
    ('{"conversations": [{"from": "human", "val', "not JSON", "mend the line"),
    ('{"instruction": "q", "output": "a", "output": "b"}', "'output' stands twice", "remove one"),
    ('{"conversations": [{"from": "humna", "value": "q"}, {"from": "gpt", "value": "a"}]}', "unknown role 'humna'", "did you mean 'human'"),
    ('{"conversations": [{"from": "human", "value": "q"}]}', "without an answer", "add the answer"),
    ('{"conversations": [{"from": "gpt", "value": "a"}, {"from": "human", "value": "q"}]}', "the first turn is the assistant's", "begin with"),
    ('{"messages": [{"role": "user", "content": "q"}, {"role": "user", "content": "r"}, {"role": "assistant", "content": "a"}]}', "same side", "join them"),
    ('{"instruction": "q", "output": " "}', "empty answer", "add the answer"),
    ('{"instruction": "q", "output": {"a": 1}}', "an object, not text", "write it as text"),
    ('{"instruction": "q", "output": "<think>why a"}', "think tags", "close them"),
    ('{"instruction": "q", "output": "<think>why</think>"}', "no answer behind it", "add the answer"),
    ('{"a": 1}', "no known format", "name its keys"),
    ('[1, 2]', "expected an object", "one JSON object per record"),
    ('{"instruction": "q", "output": ' + "1" * 5000 + "}", "too many digits", "write it as text"),
    ("[" * 100_000, "nested too deep", "flatten"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "fault", "cure"), FAULTY)
def test_every_fault_is_one_line_with_place_fault_and_cure_and_takes_nothing_good_with_it(
    text: str, fault: str, cure: str, tmp_path: Path
) -> None:
    path, out = tmp_path / "set.jsonl", tmp_path / "out.jsonl"
    path.write_text(f"{json.dumps(GOOD)}\n{text}\n\n{json.dumps(GOOD)}\n", encoding="utf-8")
    found = run("validate", path)
    assert found.exit_code == 3
    lines = found.stderr.strip().splitlines()
    assert len(lines) == 1
    assert lines[0].startswith(f"error: {path}:2: ")
    assert fault in lines[0]
    assert cure in lines[0]
    done = run("convert", path, "-o", out, "--to", "messages")
    assert done.exit_code == 3
    assert done.stderr.strip() == lines[0]
    assert len(out.read_text(encoding="utf-8").splitlines()) == 2
    kept = json.loads((tmp_path / "out.jsonl.faulty.jsonl").read_text(encoding="utf-8"))
    assert kept["line"] == 2
    assert text.startswith(kept["record"])


def test_a_record_of_fifty_megabytes_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "set.jsonl"
    huge = json.dumps({"instruction": "q", "output": "a" * 50_000_000})
    path.write_text(f"{json.dumps(GOOD)}\n{huge}\n{json.dumps(GOOD)}", encoding="utf-8")
    found = run("validate", path, "--json")
    verdict = json.loads(found.stdout)[0]
    assert found.exit_code == 3
    assert (verdict["records"], verdict["good"]) == (3, 2)
    assert verdict["faults"][0]["line"] == 2
    assert "more than 16 MiB" in verdict["faults"][0]["fault"]


def test_an_array_that_is_cut_off_keeps_what_stands_before(tmp_path: Path) -> None:
    path = tmp_path / "set.json"
    path.write_text(json.dumps([GOOD, GOOD], indent=1)[:-40], encoding="utf-8")
    found = run("convert", path, "-o", tmp_path / "out.jsonl", "--to", "alpaca")
    assert found.exit_code == 3
    assert "the file is cut off or broken from here on" in found.stderr
    assert len((tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()) == 1


@pytest.mark.parametrize(("cot", "output", "field"), [("think", "<think>\nwhy\n</think>\n\na", None), ("field", "a", "why"), ("drop", "a", None)])  # fmt: skip
def test_reasoning_goes_where_the_option_says(cot: str, output: str, field: str | None, tmp_path: Path) -> None:
    path, out = tmp_path / "set.jsonl", tmp_path / "out.jsonl"
    path.write_text(json.dumps({"instruction": "q", "output": "a", "cot": "why"}) + "\n", encoding="utf-8")
    assert run("convert", path, "-o", out, "--to", "alpaca", "--cot", cot, "--system", "s").exit_code == 0
    record = json.loads(out.read_text(encoding="utf-8"))
    assert (record["output"], record.get("cot"), record["system"]) == (output, field, "s")


def test_what_the_format_cannot_hold_is_said(tmp_path: Path) -> None:
    path, out = tmp_path / "set.jsonl", tmp_path / "out.jsonl"
    path.write_text(json.dumps(GOOD | {"tools": [{"name": "t"}]}) + "\n", encoding="utf-8")
    done = run("convert", path, "-o", out, "--to", "alpaca")
    assert done.exit_code == 0
    assert "alpaca cannot hold tools: left out of 1 records" in done.stdout


def test_nothing_is_overwritten_and_nothing_half_written_stays(tmp_path: Path) -> None:
    path, out = tmp_path / "set.jsonl", tmp_path / "out.jsonl"
    path.write_text(json.dumps(GOOD), encoding="utf-8")
    out.write_text("mine", encoding="utf-8")
    assert code_of(run("convert", path, "-o", out, "--to", "alpaca")) == 2
    assert out.read_text(encoding="utf-8") == "mine"
    missing = run("convert", tmp_path / "none.jsonl", "-o", tmp_path / "b.jsonl", "--to", "alpaca")
    assert code_of(missing) == 3
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out.jsonl", "set.jsonl"]


def test_validate_counts_what_trainers_drop_without_a_word(tmp_path: Path) -> None:
    path = tmp_path / "set.jsonl"
    odd = {"conversations": [*GOOD["conversations"], {"from": "human", "value": "r"}]}
    path.write_text("\n".join(map(json.dumps, [GOOD, odd, odd])), encoding="utf-8")
    verdict = json.loads(run("validate", path, "--json").stdout)[0]
    assert verdict["losses"]["LLaMA-Factory drops the record"] == 2
    assert verdict["good"] == 1


def test_an_empty_alpaca_output_is_kept_by_llama_factory_and_teaches_nothing(tmp_path: Path) -> None:
    path = tmp_path / "set.jsonl"
    path.write_text(json.dumps({"instruction": "q", "input": "", "output": ""}), encoding="utf-8")
    verdict = json.loads(run("validate", path, "--json").stdout)[0]
    assert verdict["losses"] == {"nothing in it is trained on": 1}
    assert verdict["good"] == 0
