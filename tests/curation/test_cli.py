"""The command as people and scripts meet it: exit codes, streams, and errors that say place, fault and cure."""

import io
import json
import os
import re
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from curation.cli import main

ROOT = Path(__file__).parents[2]
SECRET = "13800138000"


def siftune(*arguments: str | Path, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Run the command in this process, with streams of its own; `process` starts one, which takes seconds."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", newline="") for _ in range(2))
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.setattr(sys, "argv", ["siftune", *map(str, arguments)])
        patch.chdir(folder)
        patch.setenv("COLUMNS", "200")
        patch.delenv("SIFTUNE_LANG", raising=False)
        with pytest.raises(SystemExit) as end:
            main()
    told = []
    for stream in (out, err):
        stream.flush()
        told.append(stream.buffer.getvalue().decode())  # type: ignore[attr-defined]
    return subprocess.CompletedProcess([*arguments], int(end.value.code or 0), *told)


def process(*arguments: str | Path, before: str = "") -> subprocess.CompletedProcess[str]:
    """Run the command as the console script does; `before` is code that runs first."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("SIFTUNE")} | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", f"{before}\nfrom curation.cli import main; main()", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False)


def refused(done: subprocess.CompletedProcess[str], code: int) -> str:
    """Return the error, which is one line on stderr, with nothing on stdout and no traceback."""
    assert (done.returncode, done.stdout) == (code, ""), done.stderr
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ")
    return line.removeprefix("error: ")


def test_a_good_run_exits_with_0_and_says_where_the_report_is(logs: list[Path], tmp_path: Path) -> None:
    gate = ["--set", "gate.min_examples=1", "--set", "reading.max_unreadable=0.2"]
    done = process("curate", *logs, "-o", tmp_path / "run", *gate)
    assert done.returncode == 0, done.stderr
    assert f"report: {tmp_path / 'run' / 'report.html'}" in done.stdout
    assert "decide: " in done.stderr


def test_a_run_speaks_the_language_asked_for(logs: list[Path], tmp_path: Path) -> None:
    run = tmp_path / "run"
    options = ["-o", run, "--no-gate", "--no-progress"]
    done = siftune("curate", *logs, *options, "--lang", "zh")
    assert done.returncode == 0, done.stderr
    assert "结论：" in done.stdout
    assert f"报告：{run / 'report.html'}\n" in done.stdout
    assert (run / "report.md").read_text(encoding="utf-8").startswith("# 数据质量报告：")
    done = siftune("curate", *logs, *options, "--force")
    assert "Verdict: " in done.stdout
    assert (run / "report.md").read_text(encoding="utf-8").startswith("# Data quality report: ")
    again = process("report", run, before="import os; os.environ['SIFTUNE_LANG'] = 'zh'")
    assert "结论：" in again.stdout
    wrong = siftune("report", run, "--lang", "fr")
    assert wrong.returncode == 2
    assert "'fr' is not one of 'en', 'zh'" in wrong.stderr


def test_json_is_all_there_is_on_stdout_and_a_failed_gate_exits_with_1(logs: list[Path], tmp_path: Path) -> None:
    done = siftune("curate", *logs, "-o", tmp_path / "run", "--json", "--no-progress")
    assert done.returncode == 1
    assert json.loads(done.stdout) == json.loads((tmp_path / "run" / "report.json").read_text(encoding="utf-8"))
    assert "the quality gate failed: exported examples: " in done.stderr
    assert "at least 20 needed" in done.stderr
    assert (tmp_path / "run" / "report.html").is_file()  # the run is there to be looked at


def test_quiet_prints_nothing_when_all_is_well(logs: list[Path], tmp_path: Path) -> None:
    done = siftune("curate", *logs, "-o", tmp_path / "run", "--quiet", "--no-gate")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_help_names_every_command_on_the_road_that_people_take(tmp_path: Path) -> None:
    told = siftune("--help", folder=tmp_path).stdout
    shown = re.findall(r"^│ ([a-z]+) {2,}\S", told, re.MULTILINE)
    assert shown[:4] == ["sniff", "curate", "run", "report"]
    assert set(shown[4:]) == {
        *("review", "decisions", "diff", "rethreshold", "doctor", "train", "compare", "export"),
        *("validate", "convert", "leaks", "rules", "schema", "version"),
    }
    assert told.index("From a log to a set") < told.index(" Training ") < told.index("Set files")


def test_an_unknown_option_exits_with_2() -> None:
    done = siftune("curate", "x.csv", "--forse")
    assert done.returncode == 2
    assert "--forse" in done.stderr


def test_a_typo_in_the_recipe_exits_with_2_and_its_line(logs: list[Path], tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_text("name: x\ndedup:\n  treshold: 0.9\n")
    error = refused(siftune("curate", *logs, "-c", "r.yaml", folder=tmp_path), 2)
    assert error == "r.yaml:3: there is no setting 'dedup.treshold'; did you mean 'threshold'?"
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        (["curate", "x.csv", "--ignore", "zh/filler-olny"], "did you mean 'zh/filler-only'?"),
        (["curate", "x.csv", "--set", "packs=[zhh]"], "did you mean 'zh'?"),
        (["rules", "show", "zh/filler-olny"], "did you mean 'zh/filler-only'?"),
        (["schema", "recip"], "there is no schema 'recip'; did you mean 'recipe'?"),
    ],
)
def test_a_wrong_name_exits_with_2_and_offers_the_nearest(arguments: list[str], fault: str) -> None:
    assert fault in refused(siftune(*arguments), 2)


def test_input_that_cannot_be_used_exits_with_3(tmp_path: Path) -> None:
    assert refused(siftune("curate", "no.csv", folder=tmp_path), 3) == "no.csv: there is no such file"
    earlier = siftune("curate", "no.csv", "--dedup-against", "last", folder=tmp_path)
    assert refused(earlier, 3) == "last: there is no such file or run folder"
    (tmp_path / "run").mkdir()
    told = "run: is a folder; name the set files in it, e.g. run/train.*.jsonl"
    assert refused(siftune("validate", "run", folder=tmp_path), 3) == told
    (tmp_path / "run").rmdir()
    (tmp_path / "log.csv").write_text(f"S1,客户,我的手机号是{SECRET}\nS1,客服,好\n")
    error = refused(siftune("curate", "log.csv", "--no-progress", folder=tmp_path), 3)
    assert error.startswith("log.csv: no column names that say what holds what")
    assert SECRET not in error
    assert list(tmp_path.iterdir()) == [tmp_path / "log.csv"]


def test_a_place_where_no_run_can_go_exits_with_2_before_any_work(logs: list[Path], tmp_path: Path) -> None:
    (tmp_path / "mine.txt").touch()
    error = refused(siftune("curate", *logs, "-o", tmp_path, "--force"), 2)
    assert "holds files that are not a run; choose another folder" in error


def test_a_bug_says_where_it_is_and_nothing_of_a_record(logs: list[Path], tmp_path: Path) -> None:
    broken = f"import curation.sessions as s\ndef sessions(*_): raise ValueError('{SECRET}')\ns.sessions = sessions"
    error = refused(process("curate", *logs, "-o", tmp_path / "run", "--no-progress", before=broken), 4)
    assert re.match(r"siftune failed inside \(ValueError at steps\.py:\d+\)", error)  # the last place that is ours
    assert "--debug" in error
    assert SECRET not in error


def test_report_shows_a_run_again_and_refuses_what_is_none(run: Path, tmp_path: Path) -> None:
    assert json.loads(siftune("report", run, "--json").stdout)["schema_version"] == "siftune/report/1"
    assert "not a run folder" in refused(siftune("report", tmp_path), 3)


def test_a_schema_is_printed_as_json() -> None:
    assert json.loads(siftune("schema", "recipe").stdout)["$id"] == "urn:siftune:schema:recipe:1"


def test_every_shipped_rule_holds_on_the_command_line_too() -> None:
    done = siftune("rules", "test")
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r"\d+ rules, \d+ query types, 0 examples do not hold\n", done.stdout)


def test_diff_says_which_rule_and_which_verdicts_changed(run: Path, logs: list[Path], tmp_path: Path) -> None:
    other = tmp_path / "other"
    gate = ["--set", "gate.min_examples=1", "--set", "reading.max_unreadable=0.2"]
    assert siftune("curate", *logs, "-o", other, *gate, "--ignore", "zh/filler-only", "-q").returncode == 0
    done = siftune("diff", run, other, "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert "zh/filler-only" in {row["key"] for row in found["rules"]}
    assert (found["same_inputs"], found["same_recipe"]) == (True, False)
    page = tmp_path / "page.html"
    done = siftune("report", other, "--compare", run, "--html", page, "--no-examples", "--md", tmp_path / "page.md")
    assert done.returncode == 0, done.stderr
    assert f"report: {page}" in done.stdout
    text = page.read_text(encoding="utf-8")
    assert "与另一次运行相比" in text
    assert "空气炸锅" not in text
    assert "空气炸锅" in (other / "report.html").read_text(encoding="utf-8")  # the run's own page is left alone


def test_what_is_no_run_cannot_be_compared(run: Path, tmp_path: Path) -> None:
    assert "not a run folder" in refused(siftune("diff", tmp_path, run), 3)
    assert "no adapter here" in refused(siftune("report", run, "--adapter", tmp_path), 3)


def test_windows_is_told_about_wsl() -> None:
    done = process("version", before="import sys; sys.platform = 'win32'")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("ImportError: siftune runs on Linux and macOS; on Windows")


def test_a_word_that_an_option_does_not_know_is_told_with_those_it_knows(tmp_path: Path) -> None:
    done = siftune("curate", "x.csv", "--engine", "sharded", folder=tmp_path)
    assert done.returncode == 2
    said = " ".join(done.stderr.split())
    assert "Invalid value for '--engine': 'sharded' is not one of 'auto', 'memory', 'shards', 'ray'." in said
