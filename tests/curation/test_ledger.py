"""Logs made to break the engine: nothing disappears, nothing depends on how the input was cut, nothing is random."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from curation import packs as packs_module
from curation import pipeline
from curation.packs import Packs
from curation.pipeline import Curated
from curation.recipe import Reading, Recipe, Source

TEXTS = st.text(max_size=8) | st.sampled_from(
    [
        "", " ", "嗯嗯", "稍等",
        "退款多久能到账？", "仓库签收后1到3个工作日原路退回您付款的账户。", "Where is my parcel?",
        "It is in the local depot and will be delivered tomorrow before noon.", "\0", "a\0b",
        "\u202e倒着写\u202c",
        "\x1b[31m红\x07", "👩\u200d👧🏽🙂", "第一行\r\n第二行\r", "\ufeff\u200b", "\ud83d", "!@@@!",
        "<b>好</b>&amp;amp;",
        "13800138000", "ＦＵＬＬ　ｗｉｄｔｈ", "𠮷野家",
    ]
)  # fmt: skip
MESSAGES = st.fixed_dictionaries(
    {"session": st.sampled_from(["a", "a", "b", "c", "", " a "]), "text": TEXTS | st.sampled_from([None, 3, ["x"]])},
    optional={
        "role": st.sampled_from(["user", "agent", "agent", "bot", "system", "wizard of oz", "", None]),
        "time": st.sampled_from(["2024-05-01 10:00:00", "2024-05-01 09:59:59", "10:03", "昨天", "", None]),
        "id": st.sampled_from(["1", "2", None]),
    },
)
SHAPES = st.sampled_from(
    [
        "", "{", "[]", "null", '"text"', '{"session": "a"', "\ufeff{}", "\x00", "\xff\xfe",
        '{"question": "q", "answer": "a"}',
        '{"messages": [{"role": "user", "content": "x"}]}',
        '{"session": "a", "session": "b", "role": "user", "text": "x"}',
    ]
)  # fmt: skip
LOGS = st.lists(MESSAGES | SHAPES, max_size=25)
QUESTION = {"session": "z", "role": "user", "text": "How long does a refund take?", "time": "", "id": ""}
ANSWER = QUESTION | {"role": "agent", "text": "Five working days after the parcel has come back to the warehouse."}
MAPPING = {"conversation": "session", "role": "role", "text": "text", "time": "time", "id": "id"}


@cache
def packs() -> Packs:
    """Load the rules once; as a fixture they would be printed with every example."""
    return packs_module.load(Recipe().packs)


def written(log: list[Any], *, crlf: bool = False) -> list[bytes]:
    """Return the log's lines, the first two in order: they say what the columns are."""
    lines = [
        line if isinstance(line, str) else json.dumps(line, ensure_ascii=bool(i % 2)) for i, line in enumerate(log)
    ]
    end = "\r\n" if crlf else "\n"
    return [
        (line + end).encode("latin-1" if line.startswith("\xff\xfe") else "utf-8", "surrogatepass")
        for line in (*map(json.dumps, (QUESTION, ANSWER)), *lines)
    ]


def curated(files: dict[str, bytes], folder: Path, rules: Packs) -> Curated:
    paths = [folder / name for name in files]
    for path in paths:
        path.write_bytes(files[path.name])
    source = Source(span_files=True, shape="messages", columns=MAPPING)  # type: ignore[arg-type]
    recipe = Recipe(sources=[source], reading=Reading(max_unreadable=1.0))
    return pipeline.curate(paths, recipe, rules, progress=lambda _stage, _what: None)


def is_conserved(done: Curated, lines: list[bytes]) -> None:
    """Every line that is not blank is unreadable or gives messages, and each of these has one place and one fate."""
    blank = [not line.decode("utf-8", "replace").strip() for line in lines]
    records = {number for number, empty in enumerate(blank, 1) if not empty}
    unreadable = done.unreadable["line"].to_list()
    read = {int(source.split(":")[1]) for source in done.messages["source"]}
    assert sorted([*unreadable, *read]) == sorted(records)
    assert sum(file.records for file in done.inputs) == len(records)
    assert done.messages["fate"].null_count() == 0
    assert done.messages.select("conversation", "message").is_unique().all()
    assert done.findings.filter(pl.col("rule") == "read/unreadable-line").height == len(unreadable)
    held = {
        (c, m)
        for c, turns in done.examples.select("conversation", "turns").rows()
        for t in turns
        for m in t["messages"]
    }
    assert held <= set(done.messages.select("conversation", "message").rows())
    dropped = done.messages.filter(pl.col("fate") == "dropped")
    assert (dropped["rules"].list.len() > 0).all()


def hostile(log: list[Any], cut: int, folder: Path, rules: Packs, *, crlf: bool) -> None:
    lines = written(log, crlf=crlf)
    whole = curated({"log.jsonl": b"".join(lines)}, folder, rules)
    is_conserved(whole, lines)
    again = curated({"log.jsonl": b"".join(lines)}, folder, rules)
    for name in ("messages", "unreadable", "examples", "findings"):
        assert getattr(whole, name).equals(getattr(again, name)), name
    # The same log in two files, cut anywhere.
    some = 2 + cut % (len(lines) - 1)
    apart = curated(
        {"1.jsonl": b"".join(lines[:some]), "2.jsonl": b"".join([*lines[:2], *lines[some:]])}, folder, rules
    )
    assert apart.unreadable.select("why", "bytes").equals(whole.unreadable.select("why", "bytes"))
    columns = ["conversation", "role", "time", "raw", "text"]
    others = pl.col("conversation") != "z"
    assert apart.messages.filter(others).select(columns).equals(whole.messages.filter(others).select(columns))


@given(log=LOGS, cut=st.integers(0, 30), crlf=st.booleans())
@settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck))
def test_a_hostile_log_is_accounted_for(log: list[Any], cut: int, tmp_path: Path, *, crlf: bool) -> None:
    hostile(log, cut, tmp_path, packs(), crlf=crlf)


@pytest.mark.fuzz
@given(log=LOGS, cut=st.integers(0, 30), crlf=st.booleans())
@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
def test_many_hostile_logs_are_accounted_for(log: list[Any], cut: int, tmp_path: Path, *, crlf: bool) -> None:
    hostile(log, cut, tmp_path, packs(), crlf=crlf)


@pytest.mark.parametrize("broken", [pytest.param(False, marks=pytest.mark.slow), True])
def test_a_line_of_ten_megabytes_costs_nobody_else(tmp_path: Path, *, broken: bool) -> None:
    long = json.dumps({"session": "a", "role": "user", "text": "退款 " * 1_700_000}, ensure_ascii=False)
    assert len(long.encode()) > 10_000_000
    lines = [*written([]), (long[: -1 if broken else None] + "\n").encode(), *written([])]
    done = curated({"log.jsonl": b"".join(lines)}, tmp_path, packs())
    is_conserved(done, lines)
    assert done.unreadable.height == broken
    if broken:
        assert done.unreadable["why"][0].endswith("(only its beginning is kept)")
        assert len(done.unreadable["bytes"][0]) == 1 << 16
