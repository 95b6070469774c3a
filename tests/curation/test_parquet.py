"""Tables of a run that are cut off, overwritten or gone: one line with file and cure, whatever command reads them."""

import sys
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from curation import decisions, parquet
from curation.cli import main
from curation.errors import SourceError

TABLES = ["messages", "examples", "findings"]
FAULTS: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"",
    "cut off": lambda data: data[:-200],
    "garbage": lambda data: data[::-1],
    "pages overwritten": lambda data: data[:4] + b"\xff" * (len(data) // 2) + data[4 + len(data) // 2 :],
}


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("fault", FAULTS)
def test_the_table_that_cannot_be_read_is_named_with_the_cure(fresh: Path, name: str, fault: str) -> None:
    path = fresh / f"{name}.parquet"
    path.write_bytes(FAULTS[fault](path.read_bytes()))
    with pytest.raises(SourceError) as said, parquet.of_run(fresh):
        _ = [pl.read_parquet(fresh / f"{table}.parquet") for table in TABLES]
    assert str(said.value) == f"{path}: cut off or overwritten, it cannot be read; run `siftune curate` again"


def test_a_table_that_is_gone_and_one_of_another_version_are_told_apart(fresh: Path) -> None:
    other = "not a run of this version of siftune; run `siftune curate` again"
    with pytest.raises(SourceError, match=other), parquet.of_run(fresh):
        pl.scan_parquet(fresh / "examples.parquet").select("mood").collect()
    (fresh / "findings.parquet").unlink()
    gone = r"run: not a run folder \(no findings.parquet\); make one with"
    with pytest.raises(SourceError, match=gone), parquet.of_run(fresh):
        pl.read_parquet(fresh / "findings.parquet")


@pytest.mark.parametrize(
    "arguments",
    [
        ["report", "RUN"], ["review", "RUN", "--no-browser"], ["rethreshold", "RUN", "--threshold", "0.7"],
        ["rules", "explain", "RUN", "x"], ["leaks", "RUN"], ["diff", "RUN", "RUN"], ["decisions", "stats", "RUN"],
    ],
)  # fmt: skip
def test_every_command_says_so_in_one_line_and_exits_with_3(
    fresh: Path, arguments: list[str], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    path = fresh / "examples.parquet"
    one = pl.read_parquet(path).row(0, named=True)
    event = decisions.Event(
        event=decisions.new_id(), time=decisions.now(), reviewer="mei", kind="example", item=one["id"],
        conversation=one["conversation"], content=one["content"], decision="keep",
    )  # fmt: skip
    (fresh / "decisions.jsonl").write_text(decisions.lines([event]))
    path.write_bytes(path.read_bytes()[:-200])
    monkeypatch.setattr(sys, "argv", ["siftune", *(str(fresh) if word == "RUN" else word for word in arguments)])
    with pytest.raises(SystemExit) as end:
        main()
    said = capfd.readouterr()
    assert (end.value.code, said.out) == (3, "")
    (line,) = said.err.splitlines()
    assert line.startswith(f"error: {path}: ")
    assert line.endswith(("; run `siftune curate` again", "; curate again"))
