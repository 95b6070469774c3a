"""The JSON files of a run, cut off, overwritten or gone: one line with the cure, whatever command reads them."""

import json
import sys
from pathlib import Path

import polars as pl
import pytest

from curation import decisions
from curation.cli import main

FAULTS = {
    "empty": b"",
    "garbage": b"\xff\x00\x9f",
    "null": b"null",
    "a list": b"[]",
    "nothing in it": b"{}",
    "wrong parts": b'{"recipe": 3, "seed": null, "packs": {}, "inputs": "x", "funnel": 1}',
    "nested without end": b"[" * 100_000,
}
COMMANDS = [
    ["report", "RUN", "-q"], ["review", "RUN", "--no-browser"], ["rethreshold", "RUN", "--threshold", "0.7"],
    ["leaks", "RUN"], ["decisions", "stats", "RUN"], ["rules", "tune", "zh/short-answer", "RUN"],
    ["decisions", "export", "RUN", "--format", "csv"],
]  # fmt: skip


def said(
    arguments: list[str],
    run: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    code: int = 3,
) -> str:
    """Return the one line that a command says; it exits with `code`."""
    monkeypatch.setattr(sys, "argv", ["siftune", *(str(run) if word == "RUN" else word for word in arguments)])
    with pytest.raises(SystemExit) as end:
        main()
    told = capfd.readouterr()
    assert (end.value.code, told.out) == (code, ""), told.err
    (line,) = told.err.splitlines()
    return line


def decided(run: Path) -> str:
    """Return the log of one decision: that the first example of a run is kept."""
    one = pl.read_parquet(run / "examples.parquet").row(0, named=True)
    event = decisions.Event(
        event=decisions.new_id(), time=decisions.now(), reviewer="mei", kind="example", item=one["id"],
        conversation=one["conversation"], content=one["content"], decision="keep",
    )  # fmt: skip
    return decisions.lines([event])


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_a_manifest_that_is_none_is_told_in_one_line(
    fresh: Path, arguments: list[str], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (fresh / "decisions.jsonl").write_text(decided(fresh))
    path = fresh / "manifest.json"
    good = json.loads(path.read_bytes())
    for data in (*FAULTS.values(), json.dumps(good | {"recipe": {"x": 1}}).encode()):
        path.write_bytes(data)
        line = said(arguments, fresh, monkeypatch, capfd)
        assert line.startswith(f"error: {fresh}")
        assert line.endswith(" of this version of siftune; run `siftune curate` again"), data[:40]
    path.unlink()
    assert (
        said(arguments, fresh, monkeypatch, capfd)
        == f"error: {fresh}: not a run folder; make one with `siftune curate`"
    )
    path.mkdir()
    assert f"error: {path}: cannot be read: Is a directory" in said(arguments, fresh, monkeypatch, capfd)


@pytest.mark.parametrize("arguments", [COMMANDS[0], COMMANDS[1], COMMANDS[2], ["diff", "RUN", "RUN"]], ids=" ".join)
def test_a_report_that_is_none_is_told_in_one_line(
    fresh: Path, arguments: list[str], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    path = fresh / "report.json"
    for data in FAULTS.values():
        path.write_bytes(data)
        assert "of this version of siftune" in said(arguments, fresh, monkeypatch, capfd), data[:40]
    path.unlink()
    path.mkdir()
    assert "report.json" in said(arguments, fresh, monkeypatch, capfd)


def test_rows_that_are_gone_are_told_in_one_line(
    fresh: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    again = ["rethreshold", "RUN", "--threshold", "0.7"]
    path, lines = fresh / "messages.parquet", fresh / "unreadable.jsonl"
    messages, bad = pl.read_parquet(path), lines.read_bytes()
    n, m = messages.height, len(bad.splitlines())
    assert m, "a log without bad lines shows nothing"
    lines.write_bytes(b'{"x": 1}\n' * m)
    told = f"error: {fresh}: holds {n:,} messages and 0 unreadable lines where its report counts {n:,} and {m:,}; "
    assert said(again, fresh, monkeypatch, capfd) == told + "run `siftune curate` again"
    lines.write_bytes(bad)
    messages.head(n - 1).write_parquet(path)
    assert f"holds {n - 1:,} messages and {m:,} unreadable" in said(again, fresh, monkeypatch, capfd)


@pytest.mark.parametrize("arguments", [["decisions", "import", "RUN", "FILE"], COMMANDS[4], COMMANDS[6]], ids=" ".join)
def test_a_folder_in_place_of_the_decisions_is_told_in_one_line(
    fresh: Path,
    tmp_path: Path,
    arguments: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "more.jsonl").write_text("")
    (fresh / "decisions.jsonl").mkdir()
    words = [str(tmp_path / "more.jsonl") if word == "FILE" else word for word in arguments]
    told = said(words, fresh, monkeypatch, capfd)
    assert told == f"error: {fresh}/decisions.jsonl: cannot be read: Is a directory"


def test_unreadable_lines_without_a_file_are_told_in_one_line(
    fresh: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    lines = fresh / "unreadable.jsonl"
    lines.write_bytes(lines.read_bytes() + b'{"x": 1}\n')
    told = said(["rethreshold", "RUN", "--threshold", "0.7"], fresh, monkeypatch, capfd)
    assert told == f"error: {lines}: not of this version of siftune; run `siftune curate` again"


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("report.html", ["report", "RUN", "-q"]),
        ("report.md", ["report", "RUN", "-q"]),
        ("decisions.jsonl", ["decisions", "import", "RUN", "FILE"]),
        ("review.mei.sqlite", ["review", "RUN", "--no-browser", "--reviewer", "mei"]),
        ("review.mei.sqlite-wal", ["review", "RUN", "--no-browser", "--reviewer", "mei"]),
        (".review.mei.lock", ["review", "RUN", "--no-browser", "--reviewer", "mei"]),
    ],
)
def test_nothing_is_written_through_a_link_that_a_stranger_put_into_a_run(
    name: str,
    arguments: list[str],
    fresh: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    mine = tmp_path / "mine"
    mine.write_text("")
    (tmp_path / "more.jsonl").write_text(decided(fresh))
    (fresh / name).unlink(missing_ok=True)
    (fresh / name).symlink_to(mine)
    monkeypatch.setattr("uvicorn.Server.run", lambda *_, **__: None)
    told = said([str(tmp_path / "more.jsonl") if w == "FILE" else w for w in arguments], fresh, monkeypatch, capfd, 4)
    assert told == f"error: {fresh / name}: is a link, and would be written where it leads to; remove it"
    assert mine.read_text() == ""
