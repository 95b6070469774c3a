"""Several general sources: their weights, what is left out of them, and what of it is reported."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from training.config import configure
from training.data import Message, Record, Run
from training.errors import ConfigError, RunError
from training.overlap import copies, overlapping
from training.prepare import mixed, plan
from training.sources import Pool, read_pools


def ask(question: str, answer: str = "A", *, name: str = "", source: str = "daily") -> Record:
    return Record(name or question, (Message("user", question), Message("assistant", answer)), source)


@pytest.mark.parametrize(
    ("written", "path", "answers", "weight"),
    [
        ("daily.jsonl", "daily.jsonl", "own", None),
        ("daily.jsonl=2", "daily.jsonl", "own", 2.0),
        ("packaged", "packaged", "own", None),
        ("self", "packaged", "self", None),
        ("self=0.5", "packaged", "self", 0.5),
        ("self:q.jsonl=3", "q.jsonl", "self", 3.0),
        ("a=b.jsonl", "a=b.jsonl", "own", None),
        ({"path": "x.json", "weight": 4}, "x.json", "own", 4.0),
    ],
)
def test_a_source_can_be_written_short(written: Any, path: str, answers: str, weight: float | None) -> None:
    for given in (written, [written]):
        (source,) = configure({"general": given}).general
        assert (source.path, source.answers, source.weight) == (path, answers, weight)


def test_a_file_whose_name_ends_like_a_weight_is_a_file(tmp_path: Path) -> None:
    path = tmp_path / "daily=2"
    path.write_text("", encoding="utf-8")
    assert configure({"general": str(path)}).general[0].path == str(path)


@pytest.mark.parametrize("weight", ["0", "-1", "nan"])
def test_a_weight_that_weighs_nothing_is_refused(weight: str) -> None:
    with pytest.raises(ConfigError, match="general"):
        configure({"general": f"daily.jsonl={weight}"})


def test_the_shipped_set_is_the_default_and_one_source() -> None:
    (pool,) = read_pools(configure())
    assert (pool.name, pool.own, pool.weight, pool.held_only) == ("packaged", False, None, False)
    assert len(pool.records) > 300
    assert {record.source for record in pool.records} == {"packaged"}


def test_two_files_of_one_name_are_two_sources(tmp_path: Path, logs: ModuleType) -> None:
    paths = []
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        paths.append(str(logs.make_general(tmp_path / folder / "daily.jsonl")))
    assert [pool.name for pool in read_pools(configure({"general": paths}))] == ["daily", "daily#2"]
    with pytest.raises(ConfigError, match="given twice"):
        read_pools(configure({"general": [paths[0], paths[0]]}))


def test_questions_without_answers_can_be_read_for_the_model_to_answer(tmp_path: Path, logs: ModuleType) -> None:
    rows = [
        {"prompt": "P"},
        {"instruction": "I", "input": "more"},
        {"instruction": "J", "output": "own"},
        {"messages": [{"role": "system", "content": "S"}, {"role": "user", "content": "M"}]},
        logs.sharegpt(1, "Q1", "A1", "Q2", "A2"),
    ]
    path = logs.write_jsonl(tmp_path / "q.jsonl", rows)
    pools = read_pools(configure({"general": f"self:{path}"}))
    assert [[(m.role, m.text) for m in record.messages] for record in pools[0].records] == [
        [("user", "P")],
        [("user", "I\nmore")],
        [("user", "J"), ("assistant", "own")],
        [("system", "S"), ("user", "M")],
        [("user", "Q1"), ("assistant", "A1")],
    ]
    with pytest.raises(RunError, match=r"q\.jsonl:1: this is neither"):
        read_pools(configure({"general": str(path)}))


def test_forgetting_is_measured_by_the_shipped_set_where_no_source_has_answers(
    tmp_path: Path, logs: ModuleType
) -> None:
    path = logs.write_jsonl(tmp_path / "q.jsonl", [{"prompt": f"P{n}"} for n in range(30)])
    mine, other = read_pools(configure({"general": f"self:{path}"}))
    assert (mine.own, mine.held_only, other.own, other.held_only) == (True, False, False, True)
    assert len(read_pools(configure({"general": f"self:{path}", "general_holdout": 0}))) == 1


def test_what_the_domain_asks_too_is_left_out_and_nothing_else() -> None:
    general = [
        ask("How do I return the blue headphones?"),
        ask("番茄炒蛋怎么做呢？"),
        ask("Why is the sky blue?"),
        Record("talk", (*ask("Hello there, friend").messages, *ask("怎么退掉这副蓝牙耳机").messages), "daily"),
        ask("好"),
    ]
    domain = [
        ask("how do i return the blue headphones"),
        ask("怎么退掉这副蓝牙耳机呀"),
        ask("好"),
        ask("为什么天空是蓝色的"),
    ]
    assert overlapping(general, domain) == {"How do I return the blue headphones?", "talk", "好"}
    assert overlapping([], domain) == set()
    assert overlapping(general, []) == set()


def test_the_threshold_is_the_share_of_common_pieces() -> None:
    mine, other = "abcdefghijkl", "abcdefghijkX"  # 10 pieces of three each, 9 in common: 9 / 11
    assert overlapping([ask(mine)], [ask(other)]) == {mine}
    assert overlapping([ask(mine)], [ask(other)], threshold=9.1 / 11) == set()


def test_a_record_that_was_there_before_is_left_out_whatever_its_punctuation() -> None:
    seen: set[tuple[str, ...]] = set()
    assert [
        r.id for r in copies([ask("Q one?", "Yes."), ask("q one", "yes", name="x"), ask("Q one?", "No")], seen)
    ] == [
        "Q one?",
        "Q one?",
    ]
    assert copies([ask("Q ONE", "yes!", source="other")], seen) == []


def prepared(tokenizer: Any, pools: list[Pool], domain: list[Record], **settings: Any) -> Any:
    run = Run(Path("run"), "shop", {}, domain, [])
    config = configure({"general_holdout": 0.0} | settings)
    made = plan(run, pools, config, tokenizer, max_length=200)
    return made, mixed(made, config, tokenizer, {})


def pool(name: str, count: int, *, weight: float | None = None, own: bool = False, long: int = 1) -> Pool:
    records = [
        ask(f"{name} topic {n} {'x' * (n % 7)}", "word " * long, name=f"{name}{n}", source=name) for n in range(count)
    ]
    return Pool(name, own, weight, tuple(records))


DOMAIN = [ask(f"Where is parcel {n * n * 7919}?", name=f"d{n}", source="domain") for n in range(80)]


def test_sources_are_mixed_by_their_weights(tokenizer: Any) -> None:
    _, done = prepared(tokenizer, [pool("a", 90, weight=3), pool("b", 90)], DOMAIN, general_share=0.2)
    assert done.mixture.sources == {"a": 15, "b": 5}


def test_without_weights_a_source_counts_by_its_size(tokenizer: Any) -> None:
    _, done = prepared(tokenizer, [pool("a", 300), pool("b", 30)], DOMAIN, general_share=0.2)
    assert sum(done.mixture.sources.values()) == 20
    assert done.mixture.sources["a"] > 12


def test_what_a_source_lacks_the_others_give(tokenizer: Any) -> None:
    _, done = prepared(tokenizer, [pool("a", 90), pool("b", 2, weight=9)], DOMAIN, general_share=0.2)
    assert done.mixture.sources == {"a": 18, "b": 2}


def test_each_source_is_reported_in_records_and_tokens(tokenizer: Any) -> None:
    copy = Pool(
        "b", own=False, weight=1.0, records=(*pool("b", 3, long=9).records, ask("a topic 0", "word", source="b"))
    )
    domain = [*DOMAIN, ask("a topic 1 x?", source="domain")]
    _, done = prepared(tokenizer, [pool("a", 40), copy], domain, general_share=0.2, max_repeats=2)
    first, second = done.sources
    assert (first["given"], first["overlapping"], first["copies"], first["usable"]) == (40, 1, 0, 39)
    assert (second["given"], second["overlapping"], second["copies"], second["usable"]) == (4, 0, 1, 3)
    assert second["mixed_in"]["records"] == 6
    assert (second["mixed_in"]["unique"], second["mixed_in"]["most_repeats"]) == (3, 2)
    tokens = sum(len(r.input_ids) for r in done.mixture.records if r.source == "b")
    whole = sum(len(r.input_ids) for r in done.mixture.records)
    assert second["mixed_in"]["tokens"] == tokens
    assert second["mixed_in"]["share_tokens"] == pytest.approx(tokens / whole)
    assert second["mixed_in"]["share_records"] == pytest.approx(6 / 101)
    assert sum(p.share_tokens for p in done.mixture.portions.values()) == pytest.approx(1)


def test_questions_for_the_model_are_counted_by_weight_and_never_held_out(tokenizer: Any) -> None:
    pools = [pool("a", 90, weight=1), pool("self", 90, weight=3, own=True)]
    made, _ = prepared(
        tokenizer, pools, DOMAIN, general_share=0.2, general_holdout=0.1, general_prompts=["self topic 5 "]
    )
    assert made.counts == {"self": 15}
    aside = {record.origin for record in made.held} | {"self5"}
    assert not aside & {record.id for record in made.questions["self"]}
    assert len(made.questions["self"]) == 90 - len([name for name in aside if name.startswith("self")])
    assert {record.source for record in made.kept} == {"a"}


CODE = """
from pathlib import Path
from training.config import configure
from training.data import read_run
from training.prepare import mixed, plan
from training.sources import read_pools
from training.tiny import tiny_tokenizer
def told(folder, general):
    run = read_run(Path(folder))
    config = configure({"general": [general + "=2", "packaged"]})
    tokenizer = tiny_tokenizer([m.text for r in run.train for m in r.messages], vocabulary=400)
    done = mixed(plan(run, read_pools(config), config, tokenizer, max_length=512), config, tokenizer, {})
    return [done.mixture.digest, done.sources]
"""


def test_every_process_comes_to_the_same_mixture(tmp_path: Path, logs: ModuleType) -> None:
    pytest.importorskip("transformers")
    run, general = logs.make_run(tmp_path / "run"), logs.make_general(tmp_path / "daily.jsonl")
    here: dict[str, Any] = {}
    exec(CODE, here)  # in this process, and in another that hashes its words otherwise
    mine = here["told"](str(run), str(general))
    code = f"import json, sys\n{CODE}\nprint(json.dumps(told(*sys.argv[1:])))"
    done = subprocess.run(
        [sys.executable, "-c", code, str(run), str(general)],
        env=os.environ | {"PYTHONHASHSEED": "1"},
        cwd=Path(__file__).resolve().parents[2],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert json.loads(done.stdout) == json.loads(json.dumps(mine))
    assert len(mine[0]) == 64
