"""From logs to a run folder: nothing disappears, equal input gives equal bytes, and a run is whole or absent."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from curation import pipeline, runfolder
from curation.errors import OutputError, UsageError
from curation.packs import Packs
from curation.pipeline import Curated
from curation.recipe import Recipe

ROOT = Path(__file__).parents[2]
SAMPLES = [ROOT / "samples" / name for name in ("shop_zh.csv", "telecom_en.jsonl", "cot.jsonl")]
STRUCTURAL = {
    "read/unreadable-line",
    "read/duplicate-row",
    "sessions/bot-turn",
    "sessions/before-handover",
    "extract/unanswered",
    "extract/unprompted",
    "dedup/near-duplicate",
    "dedup/conflicting-answers",
}


def curate(files: list[Path], packs: Packs, **changes: Any) -> Curated:
    return pipeline.curate(files, Recipe(**changes), packs, progress=lambda _stage, _what: None)


@pytest.fixture(scope="module")
def samples(packs: Packs) -> Curated:
    return curate(SAMPLES, packs)


@pytest.fixture(params=["small", "samples"])
def done(request: pytest.FixtureRequest) -> Curated:
    found: Curated = request.getfixturevalue("curated" if request.param == "small" else "samples")
    return found


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


# --- conservation -----------------------------------------------------------------------------------------------


def test_every_record_of_the_small_log_is_accounted_for(curated: Curated, counted: Any) -> None:
    records = sum(file.records for file in curated.inputs)
    assert (records, curated.unreadable.height, curated.messages.height) == counted


def test_every_record_is_unreadable_or_gives_messages(done: Curated) -> None:
    read = done.messages["source"].n_unique()
    assert read + done.unreadable.height == sum(file.records for file in done.inputs)
    unread = done.findings.filter(pl.col("rule") == "read/unreadable-line")
    assert unread.height == done.unreadable.height


def test_every_message_has_one_place_and_one_fate(done: Curated) -> None:
    assert done.messages.select("conversation", "message").is_unique().all()
    assert done.messages["fate"].null_count() == 0
    places = done.messages.group_by("conversation", maintain_order=True).agg("message")["message"].to_list()
    assert all(place == list(range(len(place))) for place in places)


def test_a_message_lives_in_the_best_example_that_it_is_in(done: Curated) -> None:
    """Computed anew from the examples, in plain Python."""
    best: dict[tuple[str, int], str] = {}
    order = ["keep", "review", "drop"]
    for row in done.examples.iter_rows(named=True):
        for message in (m for turn in row["turns"] for m in turn["messages"]):
            key = (row["conversation"], message)
            best[key] = min(best.get(key, "drop"), row["verdict"], key=order.index)
    fate = {"keep": "example", "review": "held", "drop": "dropped"}
    for conversation, message, found in done.messages.select("conversation", "message", "fate").iter_rows():
        assert found == fate[best.get((conversation, message), "drop")]


def test_every_dropped_message_and_example_has_a_rule_behind_it(done: Curated, packs: Packs) -> None:
    known = {rule.name for rule in packs.rules} | STRUCTURAL
    for frame, column in ((done.messages, "fate"), (done.examples, "verdict")):
        gone = frame.filter(pl.col(column).cast(pl.String).is_in(["dropped", "drop", "held", "review"]))
        assert gone.height
        assert (gone["rules"].list.len() > 0).all()
        assert set(gone["rules"].explode()) <= known


def test_every_finding_has_evidence_and_stands_on_something_that_exists(done: Curated) -> None:
    said = done.findings.filter(~pl.col("rule").str.starts_with("mend/"))
    assert said["evidence"].null_count() == 0
    keys = ["conversation", "message"]
    assert done.findings.drop_nulls("message").join(done.messages, on=keys, how="anti").height == 0
    assert set(done.findings["example"].drop_nulls()) <= set(done.examples["id"])


def test_examples_have_ids_of_their_own_alternate_and_end_with_the_answer(done: Curated) -> None:
    assert done.examples["id"].is_unique().all()
    for turns in done.examples["turns"].to_list():
        roles = [turn["role"] for turn in turns]
        assert roles == ["user", "assistant"] * (len(roles) // 2)


# --- what the small log becomes ---------------------------------------------------------------------------------


def fates(curated: Curated, conversation: str) -> list[tuple[str, str]]:
    mine = curated.messages.filter(pl.col("conversation") == conversation)
    return list(mine.select("raw", "fate").iter_rows())


def rules_of(curated: Curated, raw: str) -> list[str]:
    found: list[str] = curated.messages.row(by_predicate=pl.col("raw") == raw, named=True)["rules"]
    return found


def test_fillers_holding_lines_system_lines_and_lonely_questions_are_dropped_by_name(curated: Curated) -> None:
    assert "zh/filler-only" in rules_of(curated, "嗯嗯")
    assert "common/system-message" in rules_of(curated, "会话已结束")
    assert dict(fates(curated, "Z1"))["稍等"] == "dropped"
    assert fates(curated, "Z4") == [("有人吗", "dropped")]


def test_a_holding_line_does_not_part_the_question_from_its_answer(run: Path) -> None:
    records = [record for split in ("train", "val") for record in lines(run / f"{split}.alpaca.jsonl")]
    (answer,) = {r["output"] for r in records if r["instruction"] == "我买的空气炸锅想退，怎么申请退货？"}
    assert answer.endswith("请在订单页面点击“申请售后”，选择退货退款，提交后快递员会上门取件。")


def test_the_better_known_copy_stays_and_the_other_says_which(curated: Curated) -> None:
    copies = curated.findings.filter(pl.col("rule") == "dedup/near-duplicate")
    assert copies.height == 1
    assert {
        copies["conversation"][0],
        *curated.examples.filter(pl.col("id") == copies["evidence"][0])["conversation"],
    } == {"Z1", "Z3"}


def test_personal_data_leaves_in_no_file_for_trainers(run: Path) -> None:
    for path in run.glob("*.jsonl"):
        if path.name != "unreadable.jsonl":
            assert "13800138" not in path.read_text(encoding="utf-8"), path.name
    texts = "".join(path.read_text(encoding="utf-8") for path in run.glob("*.alpaca.jsonl"))
    assert "[电话1]" in texts
    for name in ("report.json", "report.md", "report.html", "README.md"):
        assert "13800138" not in (run / name).read_text(encoding="utf-8"), name


def test_every_format_holds_the_same_examples(run: Path) -> None:
    for split in ("train", "val"):
        ids = [
            [record["id"] for record in lines(run / f"{split}.{form}.jsonl")]
            for form in ("alpaca", "sharegpt", "messages")
        ]
        assert ids[0] == ids[1] == ids[2]
    for record in lines(run / "train.sharegpt.jsonl"):
        speakers = [turn["from"] for turn in record["conversations"]]
        assert speakers == ["human", "gpt"] * (len(speakers) // 2)


def test_what_was_dropped_and_what_was_unreadable_is_written_down(run: Path, curated: Curated) -> None:
    dropped = lines(run / "dropped.jsonl")
    assert sum(row["what"] == "message" for row in dropped) == (curated.messages["fate"] == "dropped").sum()
    assert sum(row["what"] == "example" for row in dropped) == (curated.examples["verdict"] == "drop").sum()
    unreadable = [(row["file"], row["line"]) for row in lines(run / "unreadable.jsonl")]
    assert unreadable == [("zh.csv", 14), ("zh.csv", 15), ("en.jsonl", 5)]


def test_the_report_s_ledger_balances(run: Path, counted: Any) -> None:
    ledger = json.loads((run / "report.json").read_text(encoding="utf-8"))["ledger"]
    assert (ledger["lines"], ledger["unreadable"], ledger["messages"]) == counted
    assert ledger["balanced"] is True
    assert ledger["example"] + ledger["held"] + ledger["dropped"] == counted.messages


# --- independence and determinism -------------------------------------------------------------------------------


def per_message(curated: Curated) -> set[tuple[Any, ...]]:
    rows = curated.findings.filter(pl.col("message").is_not_null() & ~pl.col("rule").str.starts_with("extract/"))
    return set(rows.select("conversation", "message", "rule", "evidence", "before", "after").iter_rows())


def test_files_read_one_by_one_give_the_findings_of_all_together(
    curated: Curated, logs: list[Path], packs: Packs
) -> None:
    apart = [curate([path], packs) for path in logs]
    assert per_message(curated) == set().union(*map(per_message, apart))
    assert set(curated.examples["id"]) == {example for one in apart for example in one.examples["id"]}


def test_the_order_of_the_files_changes_no_verdict(curated: Curated, logs: list[Path], packs: Packs) -> None:
    other = curate(logs[::-1], packs)
    verdicts = [dict(done.examples.select("id", "verdict").iter_rows()) for done in (curated, other)]
    assert verdicts[0] == verdicts[1]


def test_another_seed_moves_the_split_and_nothing_else(samples: Curated, packs: Packs) -> None:
    other = curate(SAMPLES, packs, seed=7)
    columns = ["id", "verdict", "rules", "cluster"]
    assert samples.examples.select(columns).equals(other.examples.select(columns))
    assert not samples.examples["split"].equals(other.examples["split"])


@pytest.mark.slow
def test_threads_hash_seeds_and_folders_do_not_change_a_byte(tmp_path: Path) -> None:
    script = "from curation.cli import main; main()"
    command = [sys.executable, "-c", script, "curate", *map(str, SAMPLES), "-q", "--no-gate", "-o"]
    outs = [tmp_path / "one", tmp_path / "two"]
    started = [
        subprocess.Popen(
            [*command, str(out)], cwd=ROOT, env=os.environ | {"POLARS_MAX_THREADS": number, "PYTHONHASHSEED": number}
        )
        for out, number in zip(outs, ("1", "2"), strict=True)
    ]
    assert [process.wait(timeout=300) for process in started] == [0, 0]
    one, two = ({path.name: path.read_bytes() for path in out.iterdir()} for out in outs)
    manifests = [json.loads(files.pop("manifest.json")) for files in (one, two)]
    assert [manifest.pop("argv")[-1] for manifest in manifests] == [str(out) for out in outs]
    assert all(manifest.pop("timings")["seconds"] > 0 for manifest in manifests)
    assert manifests[0] == manifests[1]
    assert [name for name in one.keys() | two.keys() if one.get(name) != two.get(name)] == []


# --- whole or absent --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", [OSError(28, "No space left on device"), RuntimeError("a bug"), KeyboardInterrupt()])
@pytest.mark.parametrize("there", [False, True], ids=["fresh", "over an old run"])
def test_a_write_that_fails_leaves_nothing_and_the_old_run_as_it_was(
    fault: BaseException, there: bool, curated: Curated, packs: Packs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "run"
    if there:
        runfolder.write(curated, Recipe(), packs, target, argv=["old"])
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}

    def fails(*_: Any, **__: Any) -> str:
        raise fault

    monkeypatch.setattr("curation.runfolder.card", fails)
    with pytest.raises(OutputError if isinstance(fault, OSError) else type(fault)):
        runfolder.write(curated, Recipe(), packs, target, argv=["new"])
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    assert [path.name for path in tmp_path.iterdir()] == (["run"] if there else [])


def test_a_new_run_replaces_the_old_one_whole(curated: Curated, packs: Packs, tmp_path: Path) -> None:
    target = tmp_path / "run"
    for argv in (["old"], ["new"]):
        runfolder.write(curated, Recipe(), packs, target, argv=argv)
        (target / f"left by {argv[0]}").touch()
    assert json.loads((target / "manifest.json").read_text())["argv"] == ["new"]
    assert not (target / "left by old").exists()


def test_only_a_run_is_ever_replaced_and_only_by_force(run: Path, tmp_path: Path) -> None:
    runfolder.check(tmp_path / "new" / "deep", force=False)
    runfolder.check(tmp_path, force=False)  # empty
    (tmp_path / "thesis.doc").touch()
    for force in (False, True):
        with pytest.raises(UsageError, match="holds files that are not a run"):
            runfolder.check(tmp_path, force=force)
        with pytest.raises(UsageError, match="is a file"):
            runfolder.check(tmp_path / "thesis.doc", force=force)
    with pytest.raises(UsageError, match="replace it with --force"):
        runfolder.check(run, force=False)
    runfolder.check(run, force=True)


def test_who_wants_no_validation_does_not_pay_for_what_might_leak_into_it(
    packs: Packs, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: Any, **__: Any) -> None:
        raise AssertionError("looked for what is nearly the same")

    monkeypatch.setattr(pipeline, "tied", never)
    done = curate(SAMPLES[:1], packs, split={"val_share": 0.0})
    assert set(done.examples.filter(pl.col("verdict") == "keep")["split"]) == {"train"}
    with pytest.raises(AssertionError, match="nearly the same"):
        curate(SAMPLES[:1], packs)
