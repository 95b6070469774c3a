"""What people said: the log only grows, and it wins over the rules on the next run."""

import hashlib
import json
from contextlib import closing
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation import decisions, pipeline, privacy, runfolder, tables
from curation.decisions import Event, message_id, settle, standing
from curation.errors import SourceError, UsageError
from curation.recipe import Recipe
from curation.review import store
from tests.curation.test_cli import refused, siftune

NOTHING = privacy.masking(mask=False)
REFUND = "586c6405d390567e"  # Z1, 退款多久能到账, dropped as a near-duplicate
INVOICE = "2e917e64915d9a92"  # Z2, 发票抬头, kept


def event(number: int, decision: str = "keep", item: str = "a" * 16, **more) -> Event:
    values = {"event": f"{number:032x}", "time": f"2026-11-24T10:00:00.{number:06d}Z", "reviewer": "mei", "item": item,
              "kind": "example", "conversation": "c", "content": "0" * 16, "decision": decision}  # fmt: skip
    return Event(**(values | more))


def of(curated: pipeline.Curated, item: str, decision: str, number: int = 1, **more) -> Event:
    """Return a decision on an example as it is today."""
    row = curated.examples.row(by_predicate=pl.col("id") == item, named=True)
    return event(
        number, decision, item, **({"conversation": row["conversation"], "content": row["content"]} | more)
    )  # fmt: skip


def said(events) -> dict[str, str]:
    return {item: found.decision for item, found in settle(events).items()}


def test_the_last_word_of_a_reviewer_holds_and_undoing_brings_the_one_before_back() -> None:
    first, second = event(1, "keep"), event(2, "drop")
    undo = event(3, "undo", undoes=second.event)
    assert said([first, second]) == {"a" * 16: "drop"}
    assert said([first, second, undo]) == {"a" * 16: "keep"}
    assert said([first, second, undo, event(4, "undo", undoes=first.event)]) == {}


def test_one_undo_takes_a_whole_batch_back_and_nobody_elses() -> None:
    batch, other = "b" * 32, "c" * 16
    log = [event(1, "drop", batch=batch), event(2, "drop", other, batch=batch)]
    mine = event(3, "undo", undoes=batch)
    assert said([*log, mine]) == {}
    assert said([*log, mine.model_copy(update={"reviewer": "li"})]) == {"a" * 16: "drop", other: "drop"}


@given(st.permutations(range(6)))
def test_logs_merge_in_any_order_and_twice_is_once(order) -> None:
    log = [event(1, "keep"), event(2, "drop"), event(3, "undo", undoes=f"{2:032x}"), event(4, "drop", reviewer="li"),
           event(5, "unsure", "d" * 16), event(6, "edit", "e" * 16, turns=["q", "a"])]  # fmt: skip
    assert decisions.ordered([log[i] for i in order] + log) == log
    assert said([log[i] for i in order]) == {"a" * 16: "disagree", "d" * 16: "unsure", "e" * 16: "edit"}


@pytest.mark.parametrize(
    ("words", "holds"),
    [
        (["keep", "keep"], "keep"),
        (["keep", "unsure"], "keep"),
        (["unsure", "unsure"], "unsure"),
        (["keep", "drop"], "disagree"),
        (["edit", "keep"], "edit"),
        (["edit", "drop"], "disagree"),
    ],
)
def test_of_several_voices(words, holds) -> None:
    texts = {"edit": ["q", "a"]}
    log = [event(n, word, reviewer=f"r{n}", turns=texts.get(word)) for n, word in enumerate(words, 1)]
    assert said(log) == {"a" * 16: holds}


def test_what_is_said_in_the_queue_of_disagreements_settles_them() -> None:
    log = [event(1, "keep", reviewer="li"), event(2, "drop"), event(3, "drop", reviewer="lead", queue="disagreed")]
    assert said(log) == {"a" * 16: "drop"}
    assert said([*log, event(4, "undo", reviewer="lead", undoes=f"{3:032x}")]) == {"a" * 16: "disagree"}


def test_a_line_that_is_no_decision_says_where_and_what_and_nothing_of_its_text(tmp_path: Path) -> None:
    line = json.loads(event(1).model_dump_json()) | {"decision": "maybe", "note": "手机 13800138000"}
    (tmp_path / "d.jsonl").write_text(f"{event(2).model_dump_json()}\n{json.dumps(line, ensure_ascii=False)}\n")
    with pytest.raises(SourceError) as fault:
        decisions.read(tmp_path / "d.jsonl")
    assert str(fault.value).startswith(f"{tmp_path}/d.jsonl:2: not a decision: 'decision': ")
    assert "138" not in str(fault.value)


# --- on the next run -------------------------------------------------------------------------------------------------


def again(logs, packs, events) -> pipeline.Curated:
    people = decisions.table(settle(events))
    return pipeline.curate(logs, Recipe(), packs, progress=lambda _stage, _what: None, people=people)


def verdicts(curated: pipeline.Curated) -> dict[str, str]:
    return dict(curated.examples.select("id", pl.col("verdict").cast(pl.String)).iter_rows())


def test_people_win_over_the_rules_both_ways(logs, packs, curated) -> None:
    assert (verdicts(curated)[REFUND], verdicts(curated)[INVOICE]) == ("drop", "keep")
    events = [of(curated, REFUND, "keep"), of(curated, INVOICE, "drop", 2)]
    found = again(logs, packs, events)
    assert (verdicts(found)[REFUND], verdicts(found)[INVOICE]) == ("keep", "drop")
    rules = dict(found.examples.select("id", "rules").iter_rows())
    assert rules[INVOICE] == ["people/drop"]
    assert set(rules[REFUND]) == {"dedup/near-duplicate", "people/keep"}  # what the rule said stays on record
    assert found.messages["fate"].to_list() != curated.messages["fate"].to_list()


def test_unsure_changes_nothing_and_disagreement_holds(logs, packs, curated) -> None:
    assert verdicts(again(logs, packs, [of(curated, INVOICE, "unsure")])) == verdicts(curated)
    two = [of(curated, INVOICE, "keep"), of(curated, INVOICE, "drop", 2, reviewer="li")]
    assert verdicts(again(logs, packs, two))[INVOICE] == "review"


def test_a_decision_on_another_text_is_stale_and_changes_nothing(logs, packs, curated) -> None:
    old = of(curated, INVOICE, "drop", content="f" * 16)
    assert verdicts(again(logs, packs, [old])) == verdicts(curated)
    people = decisions.table(settle([old, event(2, item="9" * 16)]))
    assert decisions.states(people, curated.messages, curated.examples) == {INVOICE: "stale", "9" * 16: "unknown"}


def test_an_edit_is_exported_masked_and_its_content_hash_stays_that_of_our_text(logs, packs, curated) -> None:
    texts = ["发票抬头能改成公司名称吗？", "可以，请联系开票专员13900139000换开。"]
    found = again(logs, packs, [of(curated, INVOICE, "edit", turns=texts)])
    row = found.examples.row(by_predicate=pl.col("id") == INVOICE, named=True)
    assert [turn["text"] for turn in row["turns"]] == [texts[0], "可以，请联系开票专员[电话1]换开。"]
    assert (row["question"], row["verdict"]) == (texts[0], "keep")
    assert row["content"] == dict(curated.examples.select("id", "content").iter_rows())[INVOICE]
    assert decisions.on_examples(
        decisions.table(settle([of(curated, INVOICE, "edit", turns=["one"])])), curated.examples, mask=NOTHING
    )[1].is_empty()  # fmt: skip  # a turn too few fits no longer


def test_a_dropped_copy_does_not_take_its_twin_along(logs, packs, curated) -> None:
    best = dict(curated.findings.drop_nulls("example").select("example", "evidence").iter_rows())[REFUND]
    found = verdicts(again(logs, packs, [of(curated, best, "drop")]))
    assert (found[best], found[REFUND]) == ("drop", "keep")


def test_a_dropped_message_comes_back_when_a_person_wants_it(logs, packs, curated) -> None:
    wanted = event(1, "keep", message_id("Z4", 0), kind="message", conversation="Z4", message=0,
                   content=decisions.digest("有人吗"))  # fmt: skip
    found = again(logs, packs, [wanted])
    row = found.messages.row(by_predicate=pl.col("conversation") == "Z4", named=True)
    assert row["rules"] == ["zh/greeting-only", "people/keep", "extract/unanswered"]
    stale = again(logs, packs, [wanted.model_copy(update={"content": "0" * 16})])
    assert stale.messages.equals(curated.messages)
    filler = event(1, "keep", message_id("Z1", 2), kind="message", conversation="Z1", message=2,
                   content=decisions.digest("稍等"))  # fmt: skip
    texts = again(logs, packs, [filler]).examples["answer"].to_list()
    assert any("稍等" in text for text in texts)


def test_decisions_survive_the_run_that_they_were_made_on(logs, tmp_path: Path, curated) -> None:
    run = tmp_path / "run"
    assert siftune("curate", *logs, "-o", run, "--quiet", "--no-gate").returncode == 0
    with store.reviewing(run, "mei"):
        file = store.Store(run, "mei")
        file.add([of(curated, REFUND, "keep")])
        error = refused(siftune("curate", *logs, "-o", run, "--quiet", "--no-gate", "--force"), 2)
        assert error.endswith("mei is reviewing this run; stop `siftune review` first")
        file.close()
    (tmp_path / "more.jsonl").write_text(decisions.lines([of(curated, INVOICE, "drop", 2, reviewer="li")]))
    command = ("curate", *logs, "-o", run, "--quiet", "--no-gate", "--force")
    assert siftune(*command, "--decisions", tmp_path / "more.jsonl").returncode == 0
    first = {path.name: path.read_bytes() for path in run.iterdir() if path.is_file() and path.name != "manifest.json"}
    assert [e.reviewer for e in decisions.load(run)] == ["mei", "li"]
    assert siftune(*command).returncode == 0  # they are the run's own now
    assert first == {p.name: p.read_bytes() for p in run.iterdir() if p.is_file() and p.name != "manifest.json"}
    found = pl.read_parquet(run / "examples.parquet")
    assert dict(found.select("id", pl.col("verdict").cast(pl.String)).iter_rows())[REFUND] == "keep"
    report = json.loads((run / "report.json").read_text())
    assert {k: report["review"][k] for k in ("keep", "drop", "stale", "unknown")} == {
        "keep": 1, "drop": 1, "stale": 0, "unknown": 0}  # fmt: skip
    assert report["ledger"]["balanced"]
    assert json.loads((run / "manifest.json").read_text())["decisions"]["events"] == 2


def test_no_decisions_no_file_and_the_manifest_says_none(run: Path) -> None:
    assert not (run / "decisions.jsonl").exists()
    assert json.loads((run / "manifest.json").read_text())["decisions"]["events"] == 0


# --- the file --------------------------------------------------------------------------------------------------------


def test_the_file_only_grows(tmp_path: Path) -> None:
    with closing(store.Store(tmp_path, "mei")) as file:
        file.add([event(1), event(2, "drop")])
        for change in ("UPDATE events SET line = ''", "DELETE FROM events"):
            with pytest.raises(Exception, match="append only"):
                file._file.execute(change)
        with pytest.raises(Exception, match="could not be saved"):
            file.add([event(3), event(1)])  # all or none
    assert store.read(file.path) == [event(1), event(2, "drop")]


@pytest.mark.parametrize("name", ["", "a/b", "../x", "a b", "x" * 41])
def test_a_reviewer_has_a_name_that_is_safe_in_a_file_name(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="up to 40 letters"):
        store.Store(tmp_path, name)


def test_one_name_is_one_person(tmp_path: Path) -> None:
    with store.reviewing(tmp_path, "mei"), store.reviewing(tmp_path, "li"):
        with pytest.raises(UsageError, match="mei is reviewing this run already"), store.reviewing(tmp_path, "mei"):
            pass
        with pytest.raises(UsageError, match="is reviewing this run"):
            runfolder.store.refuse_while_reviewing(tmp_path)
    runfolder.store.refuse_while_reviewing(tmp_path)


def test_the_last_word_stands_per_reviewer() -> None:
    assert set(standing([event(1), event(2, reviewer="li")])) == {("a" * 16, "mei"), ("a" * 16, "li")}


def test_the_hash_of_a_text_is_of_who_says_what_and_of_the_reasoning() -> None:
    said = [
        ([("user", "能退吗"), ("assistant", "能")], "七天内"),
        ([("user", "a"), ("assistant", "b"), ("user", ""), ("assistant", "d\n")], None),
        ([("user", "能退吗"), ("assistant", "能")], None),
        ([("user", "alone")], ""),
    ]
    turns = [[{"role": role, "text": text, "messages": [0]} for role, text in one] for one, _ in said]
    schema = {"turns": pl.List(tables.TURN), "cot": pl.String}
    examples = pl.DataFrame({"turns": turns, "cot": [cot for _, cot in said]}, schema=schema)
    whole = ["\x1e".join(f"{role}\x1f{text}" for role, text in one) + "\x1d" + (cot or "") for one, cot in said]
    expected = [hashlib.sha256(text.encode()).hexdigest()[:16] for text in whole]
    assert decisions.content(examples).to_list() == expected
    for row in range(len(said)):  # alone, and beside others, a row has the same
        assert decisions.content(examples[row]).to_list() == expected[row : row + 1]
    assert decisions.content(examples.clear()).to_list() == []
