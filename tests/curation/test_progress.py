"""What a run took: one JSON object a line, the manifest, and one line at the end; never a text of a record."""

import json
import resource
import sys
from pathlib import Path

import pytest

from curation.cli import main
from curation.progress import Stages

SECRET = "SECRETmarkedWORD"
STAGES = ["read", "mend", "judge messages", "extract", "judge examples", "dedup", "decide", "write"]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    rows = [
        json.dumps({"session": f"c{i}", "role": role, "text": text})
        for i in range(30)
        for role, text in (
            ("user", f"How long does the refund of {SECRET} number {'abcdefghij'[i % 10] * (i + 3)} take?"),
            ("agent", f"The refund of {'klmnopqrst'[i % 10] * (i + 3)} takes five working days, {SECRET}."),
        )
    ]
    path = tmp_path / "log.jsonl"
    path.write_text("\n".join(rows) + "\n")
    return path


def siftune(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    monkeypatch.setattr(sys, "argv", ["siftune", *map(str, arguments)])
    with pytest.raises(SystemExit) as end:
        main()
    return int(end.value.code or 0)


def test_every_stage_is_a_json_line_and_stands_in_the_manifest(
    log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    out, told = tmp_path / "run", tmp_path / "log.json"
    assert siftune(monkeypatch, "curate", log, "-o", out, "-v", "--no-gate", "--log-json", told) == 0
    lines = [json.loads(line) for line in told.read_text().splitlines()]
    assert SECRET not in told.read_text()
    assert [lines[0]["event"], lines[-1]["event"]] == ["begin", "end"]
    assert list(dict.fromkeys(line["stage"] for line in lines if line["event"] == "stage")) == STAGES
    assert {line["rows"] for line in lines if line.get("stage") == "read" and "rows" in line} == {60}
    assert all(line["peak_mib"] >= 20 and line["time"].endswith("Z") for line in lines)
    assert oct(told.stat().st_mode & 0o777) == "0o600"

    timings = json.loads((out / "manifest.json").read_text())["timings"]
    assert [stage["stage"] for stage in timings["stages"]] == STAGES
    assert timings["stages"][0]["rows"] == 60
    assert sum(stage["seconds"] for stage in timings["stages"]) == pytest.approx(timings["seconds"], abs=0.05)
    assert timings["cpu_seconds"] > 0
    assert timings["workers_peak_mib"] == 0
    printed = capfd.readouterr()
    assert printed.out.splitlines()[-1].startswith("took ")
    assert "read: 60 messages" in printed.err


def test_what_workers_took_is_told_of_every_stage(
    log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    by = ["--engine", "shards", "--workers", 2]
    begun = resource.getrusage(resource.RUSAGE_SELF)
    assert siftune(monkeypatch, "curate", log, "-o", out, "-v", "--no-gate", *by) == 0
    ended = resource.getrusage(resource.RUSAGE_SELF)
    timings = json.loads((out / "manifest.json").read_text())["timings"]
    peaks = {stage["stage"]: stage["workers_peak_mib"] for stage in timings["stages"]}
    assert all(peak >= 60 for name, peak in peaks.items() if name != "read"), peaks  # Polars alone takes as much
    assert timings["workers_peak_mib"] == max(peaks.values())
    before = begun.ru_utime + begun.ru_stime
    assert timings["cpu_seconds"] - before > 1.2 * (ended.ru_utime + ended.ru_stime - before)
    assert f"each worker at most {timings['workers_peak_mib']} MiB" in capfd.readouterr().out


def test_a_log_on_stderr_is_all_that_is_there_and_ends_with_the_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text(f'{{"session": "a", "role": "user", "text": "{SECRET}\n' * 30)
    assert siftune(monkeypatch, "curate", path, "-o", tmp_path / "run", "--log-json", "-") == 3
    *lines, last = capfd.readouterr().err.splitlines()
    events = [json.loads(line) for line in lines]
    assert events[-1]["event"] == "error"
    assert events[-1]["exit"] == 3
    assert last == f"error: {events[-1]['message']}"
    assert SECRET not in last


def test_time_goes_to_the_stage_that_is_told_at_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 1.0, 3.0, 6.0, 10.0, 10.0])
    monkeypatch.setattr("curation.progress.time.perf_counter", lambda: next(clock))
    said: list[tuple[str, str]] = []
    say = Stages(lambda stage, what: said.append((stage, what)), None)
    say("read", "")
    say("read", "5 messages")
    say("write", "run")
    assert said == [("read", ""), ("read", "5 messages"), ("write", "run")]
    took = say.timings()
    assert [(stage["stage"], stage["seconds"], stage["rows"]) for stage in took["stages"]] == [
        ("read", 3.0, 5),
        ("write", 7.0, None),  # three until it was told, four since
    ]
    assert took["seconds"] == 10.0
    assert say.summary().startswith("took 10.0 s, at most ")


def test_a_log_that_cannot_be_written_is_an_error(
    log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    assert siftune(monkeypatch, "curate", log, "-o", tmp_path / "run", "--log-json", tmp_path / "no" / "log") == 4
    assert "the log cannot be written: No such file or directory" in capfd.readouterr().err
    assert not (tmp_path / "run").exists()
