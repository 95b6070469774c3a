"""What goes wrong around a run: full disks, files that change, folders that refuse, two runs at once, Ctrl-C.

Always: one line with a cure, the right exit code, the old output untouched, and nothing half-written.
"""

import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from curation import edge, progress, read, runfolder
from curation.cli import main
from curation.engines import choice
from curation.errors import OutputError, SourceError, UsageError
from curation.recipe import Source
from tests.curation import test_cli

SIFTUNE = [sys.executable, "-c", "from curation.cli import main; main()"]
SECRET = "SECRETmarkedWORD"
Run = Callable[..., subprocess.CompletedProcess[str]]


def log(path: Path, conversations: int = 40, *, text: str = "") -> Path:
    """Write a log that makes a run of some size: questions with answers of their own."""
    lines = []
    for i in range(conversations):
        word = "".join(chr(0x4E00 + (97 * i + 31 * j) % 5000) for j in range(8))
        for role, said in (
            ("user", f"请问{word}怎么退款？{text}"),
            ("agent", f"{word}签收以后三个工作日原路退回{word}。"),
        ):
            lines.append(json.dumps({"session": f"c{i}", "role": role, "text": said}, ensure_ascii=False))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def siftune(*arguments: object, before: Callable[[], None] | None = None) -> subprocess.CompletedProcess[str]:
    """Run the command, in a process of its own where something has to be done in it before."""
    if before is None:
        return test_cli.siftune(*map(str, arguments))
    return subprocess.run(
        [*SIFTUNE, *map(str, arguments)], capture_output=True, text=True, timeout=120, preexec_fn=before, check=False
    )


def error_of(done: subprocess.CompletedProcess[str]) -> str:
    """Return the one line that a failure is told in."""
    told = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(told) == 1, done.stderr
    assert "Traceback" not in done.stderr
    return told[0]


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a run, beside the log that it was made of."""
    folder = tmp_path_factory.mktemp("made")
    done = siftune("curate", log(folder / "log.jsonl"), "-o", folder / "run", "--no-gate", "-q")
    assert (done.returncode, done.stderr) == (0, "")
    return folder


@pytest.fixture
def beside(made: Path, tmp_path: Path) -> Iterator[Path]:
    """Give a copy of that folder; whatever a test did, there is nothing beside the log and the run afterwards."""
    for name, data in contents(made).items():
        (tmp_path / name).parent.mkdir(exist_ok=True, mode=0o700)
        (tmp_path / name).write_bytes(data)
    yield tmp_path
    assert sorted(path.name for path in tmp_path.iterdir()) == ["log.jsonl", "run"]


# --- the disk ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("engine", "bytes_allowed", "where"),
    [("memory", 100, "run"), ("memory", 20_000, "run"), ("shards", 0, ".run.work")],
)
def test_a_disk_that_fills_costs_the_old_run_nothing(beside: Path, engine: str, bytes_allowed: int, where: str) -> None:
    before = contents(beside)

    def small_files() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_allowed, bytes_allowed))

    command = ["curate", beside / "log.jsonl", "-o", beside / "run", "--force", "--no-gate", "-q", "--engine", engine]
    done = siftune(*command, before=small_files)
    assert done.returncode == 4
    assert error_of(done).startswith(f"error: {beside / where}: cannot be written: the disk is full, ")
    assert "; make room and run it again" in error_of(done)
    assert contents(beside) == before


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux's disk that is always full")
def test_a_log_that_cannot_grow_is_named_and_a_screen_that_cannot_show_ends_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    full = Path("/dev/full")
    cure = r"^/dev/full: the log cannot be written: No space left on device; make room, or log elsewhere$"
    with pytest.raises(OutputError, match=cure), progress.stages(on=False, log=full):
        pass
    monkeypatch.setattr(sys, "stderr", full.open("w", buffering=1, encoding="utf-8"))
    with progress.stages(on=True) as say:
        say("read", "3 messages")
    with suppress(OSError):
        sys.stderr.close()


def test_polars_and_sqlite_say_in_their_own_words_that_a_disk_is_full() -> None:
    import sqlite3

    import polars as pl

    assert edge.disk_is_full(OSError(28, "No space left on device"))
    assert edge.disk_is_full(pl.exceptions.ComputeError("underlying IO error: No space left (os error 28)"))
    assert edge.disk_is_full(sqlite3.OperationalError("database or disk is full"))
    assert not edge.disk_is_full(OSError(13, "Permission denied"))
    assert not edge.disk_is_full(pl.exceptions.ComputeError("a text (os error 2)"))


def test_a_folder_that_cannot_be_written_is_named_before_any_work(tmp_path: Path) -> None:
    if os.geteuid() == 0:  # whom no permission stops: /proc refuses root too
        target = Path("/proc/siftune/run")
    else:
        (tmp_path / "shut").mkdir(mode=0o500)
        target = tmp_path / "shut" / "run"
    done = siftune("curate", log(tmp_path / "log.jsonl"), "-o", target, "-q")
    assert done.returncode == 4
    assert str(target) in error_of(done)
    assert "write" in error_of(done) or "written" in error_of(done)


# --- the input --------------------------------------------------------------------------------------------------------


def test_a_file_that_grows_while_it_is_read_is_an_error(tmp_path: Path) -> None:
    path = log(tmp_path / "log.jsonl")

    def grow(_name: str) -> None:
        with path.open("a", encoding="utf-8") as file:
            file.write('{"session": "new", "role": "user", "text": "x"}\n')

    with pytest.raises(SourceError, match=r"log\.jsonl: was changed while it was read; wait until"):
        read.read([path], [Source()], progress=grow)


@pytest.mark.parametrize("seen", [True, False])
def test_a_parquet_file_that_shrinks_while_it_is_read_is_an_error(
    seen: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Polars panics on it, and does not read what is no more there."""
    import polars as pl

    path = tmp_path / "log.parquet"
    rows = pl.DataFrame({"session": ["a"] * 5000, "role": ["user"] * 5000, "text": [f"{n * n}" for n in range(5000)]})
    rows.write_parquet(path, row_group_size=1000)
    monkeypatch.setattr("curation.typed.SLICE", 1000)
    if not seen:  # between the look at the file and the reading
        looks = iter([1, 1, 2, 2])
        monkeypatch.setattr("curation.read._state", lambda _path: next(looks))
    parts = read.parts([path], [Source()])
    next(parts)
    os.truncate(path, path.stat().st_size // 3)
    with pytest.raises(SourceError, match=r"log\.parquet: was changed while it was read; wait until"):
        list(parts)


def test_a_file_that_vanishes_during_the_run_is_an_error_of_the_input(tmp_path: Path) -> None:
    one, two = log(tmp_path / "1.jsonl"), log(tmp_path / "2.jsonl")

    def vanish(name: str) -> None:
        if name == "1.jsonl":
            two.unlink()

    with pytest.raises(SourceError, match=r"2\.jsonl: cannot be read: No such file"):
        read.read([one, two], [Source(span_files=True)], progress=vanish)


def test_a_file_that_is_taken_away_while_it_is_read_is_an_error(tmp_path: Path) -> None:
    path = log(tmp_path / "log.jsonl")
    with pytest.raises(SourceError, match=r"log\.jsonl: "):
        read.read([path], [Source()], progress=lambda _name: path.unlink())


def test_a_file_without_permission_is_an_error_of_the_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    path = log(tmp_path / "log.jsonl")
    opened = Path.open

    def refused(self: Path, *args: object, **options: object) -> object:
        if self == path:
            raise PermissionError(13, "Permission denied", str(path))
        return opened(self, *args, **options)  # type: ignore[call-overload]

    monkeypatch.setattr(Path, "open", refused)
    with pytest.raises(SourceError, match=r"log\.jsonl: cannot be read: Permission denied"):
        read.read([path], [Source()])
    with pytest.raises(SourceError, match=r"log\.jsonl: cannot be read: Permission denied"):
        choice._digest(path)
    may = os.access
    monkeypatch.setattr(os, "access", lambda at, mode: Path(os.fsdecode(at)) != path and may(at, mode))
    monkeypatch.setattr(sys, "argv", ["siftune", "curate", str(path), "-o", str(tmp_path / "run"), "-q"])
    with pytest.raises(SystemExit) as end:
        main()
    assert (end.value.code, capfd.readouterr().err) == (3, "error: log.jsonl: cannot be read: Permission denied\n")


def test_a_folder_that_nobody_may_look_into_is_an_error_not_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log(tmp_path / "log.jsonl")
    shut = tmp_path / "shut"
    shut.mkdir()
    looked = os.scandir

    def refused(at: str) -> object:
        if Path(at) == shut:
            raise PermissionError(13, "Permission denied", at)
        return looked(at)

    monkeypatch.setattr(os, "scandir", refused)
    with pytest.raises(SourceError, match=r"shut: cannot be read: Permission denied"):
        read.find([tmp_path])


# --- two at once, and interruptions -----------------------------------------------------------------------------------


def test_a_second_run_into_one_folder_is_refused_while_the_first_is_at_work(beside: Path) -> None:
    before = contents(beside)
    with runfolder.alone(beside / "run", force=True):
        done = siftune("curate", beside / "log.jsonl", "-o", beside / "run", "--force", "-q")
    assert done.returncode == 2
    assert "another siftune is making this run; wait until it is done, or choose another folder" in error_of(done)
    assert contents(beside) == before


def test_of_two_runs_that_start_together_one_is_made_and_whole(tmp_path: Path) -> None:
    source = log(tmp_path / "log.jsonl", 200)
    arguments = ["curate", str(source), "-o", str(tmp_path / "deep" / "run"), "--no-gate", "-q"]
    both = [subprocess.Popen([*SIFTUNE, *arguments], stderr=subprocess.PIPE, text=True) for _ in range(2)]
    told = [one.communicate(timeout=120)[1] for one in both]
    assert sorted(one.returncode for one in both) == [0, 2]
    assert sorted(map(len, told))[0] == 0
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["run"]
    assert (tmp_path / "deep" / "run" / "manifest.json").is_file()


def test_nothing_is_left_of_folders_made_for_a_run_that_failed(tmp_path: Path) -> None:
    done = siftune("curate", tmp_path / "none.jsonl", "-o", tmp_path / "a" / "b" / "run", "-q")
    assert done.returncode == 3
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_is_cleared_and_the_run_that_it_moved_aside_comes_back(beside: Path) -> None:
    before = contents(beside)
    (beside / ".run.4242.partial").mkdir()
    (beside / ".run.4242.partial" / "messages.parquet").write_bytes(b"half")
    (beside / "run").rename(beside / ".run.4242.old")
    with runfolder.alone(beside / "run", force=True):
        assert contents(beside / "run") == contents(beside / "run") != {}
    with pytest.raises(UsageError, match="a run is already there"), runfolder.alone(beside / "run", force=False):
        pass
    assert contents(beside) == before


def test_what_lies_beside_of_a_run_with_a_longer_name_stays(tmp_path: Path) -> None:
    """Such as .run.v2.4242.partial, in which another process may be at work."""
    for name in (".run.v2.4242.partial", ".run.v2.4242.old", ".run.4242.partial"):
        (tmp_path / name).mkdir()
    with runfolder.alone(tmp_path / "run", force=False):
        assert not (tmp_path / "run").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == [".run.v2.4242.old", ".run.v2.4242.partial"]


def test_a_link_to_a_run_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "disk" / "real").mkdir(parents=True)
    (tmp_path / "run").symlink_to(tmp_path / "disk" / "real")
    for number in "12":
        with runfolder.alone(tmp_path / "run", force=True), runfolder.whole_or_absent(tmp_path / "run") as folder:
            assert folder.parent == tmp_path / "disk"
            (folder / "manifest.json").write_text(number)
    assert (tmp_path / "run").is_symlink()
    assert contents(tmp_path / "disk") == {"real/manifest.json": b"2"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["disk", "run"]
    assert choice.work_folder(tmp_path / "run") == tmp_path / "disk" / ".real.work"


def test_a_disk_of_its_own_is_refused_before_any_work() -> None:
    cure = r"^/proc: is a disk of its own, and cannot be replaced as a whole; give /proc/run$"
    with pytest.raises(UsageError, match=cure), runfolder.alone(Path("/proc"), force=True):
        pass


@pytest.mark.parametrize(("how", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_run_leaves_no_trace(beside: Path, how: signal.Signals, code: int) -> None:
    large = log(beside / "log.jsonl", 3000)
    before = contents(beside)
    arguments = ["curate", str(large), "-o", str(beside / "run"), "--force"]
    running = subprocess.Popen([*SIFTUNE, *arguments], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert running.stderr is not None
    first = running.stderr.readline()
    assert "read: " in first
    time.sleep(0.2)
    running.send_signal(how)
    _, told = running.communicate(timeout=120)
    assert running.returncode == code
    assert ("interrupted" in told) == (how == signal.SIGINT)
    assert "Traceback" not in told
    assert contents(beside) == before


@pytest.mark.parametrize(("how", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("library", [True, False])
def test_a_signal_that_a_library_takes_for_its_own_failure_is_still_told_as_one(
    how: signal.Signals,
    code: int,
    library: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    import polars as pl

    def meets(*_: object, **__: object) -> None:
        if library:
            pl.Series([1]).map_elements(lambda _: os.kill(os.getpid(), how), return_dtype=pl.Int64)
        try:
            os.kill(os.getpid(), how)
        except BaseException:
            raise SourceError("log.jsonl: cannot be read") from None

    monkeypatch.setattr("curation.pipeline.curate", meets)
    arguments = ["curate", str(log(tmp_path / "log.jsonl")), "-o", str(tmp_path / "run"), "-q", "--log-json", "-"]
    monkeypatch.setattr(sys, "argv", ["siftune", *arguments])
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where the tests run in the background
    try:
        with pytest.raises(SystemExit) as end:
            main()
    finally:
        signal.signal(signal.SIGINT, before)
    assert end.value.code == code
    event, *rest = capfd.readouterr().err.splitlines()[-1 if code == 143 else -2 :]
    assert json.loads(event)["exit"] == code
    assert rest == ([] if code == 143 else ["interrupted"])
    assert [path.name for path in tmp_path.iterdir()] == ["log.jsonl"]


def test_nobody_reading_on_is_no_failure(made: Path) -> None:
    code = f"{sys.executable} -c 'from curation.cli import main; main()' schema recipe | head -c 10"
    done = subprocess.run(["bash", "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.stderr == ""


def test_a_link_in_place_of_the_work_folder_is_not_followed(tmp_path: Path) -> None:
    """In a folder that others may write to: what the link leads to would be emptied."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("mine")
    (tmp_path / ".run.work").symlink_to(tmp_path / "mine")
    done = siftune("curate", log(tmp_path / "log.jsonl"), "-o", tmp_path / "run", "--engine", "shards", "-q")
    assert done.returncode == 4
    assert (
        error_of(done) == f"error: {tmp_path}/.run.work: is a link, and would be written where it leads to; remove it"
    )
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["letter.txt"]


def test_a_link_that_leads_to_itself_is_an_error_of_the_input(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "log.jsonl").symlink_to("log.jsonl")
    done = siftune("curate", tmp_path / "in", "-o", tmp_path / "run", "-q")
    assert done.returncode == 3
    assert "log.jsonl: cannot be read: Too many levels of symbolic links" in error_of(done)


# --- for whom ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("umask", [0o000, 0o022])
def test_a_run_is_for_its_owner_alone_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    source, out = log(tmp_path / "log.jsonl"), tmp_path / "deep" / "run"
    before = os.umask(umask)
    try:
        index = ["--index", tmp_path / "index.sqlite"]
        done = siftune("curate", source, "-o", out, "--no-gate", "-q", *index)
        assert done.returncode == 0, done.stderr
        assert siftune("decisions", "export", out, "-o", tmp_path / "review.csv").returncode == 0
        converted = ["--to", "sharegpt", "-o", tmp_path / "set.json"]
        assert siftune("convert", out / "train.alpaca.jsonl", *converted).returncode == 0
        assert os.umask(umask) == umask  # and it is as it was
    finally:
        os.umask(before)
    written = [path for path in tmp_path.rglob("*") if path != source]
    assert len(written) > 15
    assert {path.name: oct(path.stat().st_mode & 0o077) for path in written if path.stat().st_mode & 0o077} == {}


# --- no text of a record, ever ----------------------------------------------------------------------------------------


class SourError(ValueError):
    """Like many errors of libraries: quotes what it choked on."""


@pytest.mark.parametrize(
    ("place", "debug"),
    [
        ("curation.pipeline.curate", False),
        ("curation.engines.memory.read", False),
        ("curation.steps.extract", True),
        ("curation.part.residual.exported", False),
        ("curation.runfolder.card", True),
    ],
)
def test_a_failure_inside_says_where_and_never_what(
    place: str,
    debug: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    def fails(*_: object, **__: object) -> None:
        try:
            raise SourError(f"invalid value: {SECRET}")  # noqa: TRY301
        except SourError as fault:
            raise RuntimeError(f"while reading {SECRET!r}") from fault

    monkeypatch.setattr(place, fails)
    arguments = ["curate", str(log(tmp_path / "log.jsonl", text=SECRET)), "-o", str(tmp_path / "run")]
    monkeypatch.setattr(sys, "argv", ["siftune", *arguments, *(["--debug"] if debug else [])])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 4
    told = capfd.readouterr()
    assert SECRET not in told.out + told.err
    assert "error: siftune failed inside (RuntimeError at " in told.err
    assert ("SourError (its message may quote a record)" in told.err) == debug
    assert [path.name for path in tmp_path.iterdir()] == ["log.jsonl"]


def test_an_error_stays_one_line_whatever_a_file_is_called() -> None:
    assert edge.one_line("a\nb\x1b[2J退款") == "a\\nb\\x1b[2J退款"


HOSTILE = {
    "role.jsonl": "".join(f'{{"session": "a", "role": "{i} {SECRET}", "text": "{SECRET}"}}\n' for i in range(30)),
    "broken.jsonl": f'{{"session": "a", "role": "user", "text": "{SECRET}\n' * 20,
    "list.json": f'["{SECRET}", 5]',
    "open.json": f'[{{"session": "a", "text": "{SECRET}"',
    "deep.json": "[" * 100_000 + f'"{SECRET}"',
    "number.csv": "session,role,text\n" + "".join(f"{SECRET},{i}{SECRET},{SECRET}\n" for i in range(30)),
    "quote.csv": f'session,role,text\na,user,"{SECRET}\n' * 20,
    "noise.txt": f"{SECRET}\n" * 20,
    "time.csv": f"session,role,time,text\na,user,{SECRET},{SECRET}\n",
    "zip.zip": f"PK\x03\x04{SECRET}",
    "sheet.xlsx": f"PK\x03\x04{SECRET}",
    "table.parquet": f"PAR1{SECRET}PAR1",
    "packed.jsonl.gz": f"\x1f\x8b{SECRET}",
    "packed.jsonl.zst": f"\x28\xb5\x2f\xfd{SECRET}",
    # What stands where names are expected: questions as keys, a first row as header, whole texts as roles.
    "keys.jsonl": "".join(f'{{"{SECRET} where is my parcel with number {n}": "x"}}\n' for n in range(5)),
    "keys.json": f'{{"{SECRET} is mine 13987654321": {{"{SECRET} 13987654321": [{{"{SECRET} 13987654321": 1}}]}}}}',
    "twice.jsonl": f'{{"instruction": "a", "{SECRET} 13987654321": 1, "{SECRET} 13987654321": 2, "output": "b"}}\n',
    "roles.jsonl": f'{{"session": "a", "role": "{SECRET} 13987654321", "text": "x"}}\n' * 9,
    "turns.jsonl": f'{{"messages": [{{"role": "{SECRET} 13987654321", "content": "x"}}]}}\n' * 9,
    "header.csv": f"role,text,{SECRET} is my number 13987654321\n" + "user,x,y\n" * 9,
    "lines.txt": f"{SECRET} is my number 13987654321: please call me\n" * 9,
    "set.jsonl": f'{{"instruction": "{SECRET}", "output": 5}}\n{{"messages": [{{"role": "{SECRET}"}}]}}\n',
}


@pytest.mark.parametrize("name", sorted(HOSTILE))
def test_no_error_of_the_input_quotes_a_record(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / name
    path.write_bytes(HOSTILE[name].encode("latin-1"))
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("sources: [{columns: {conversation: none, role: role, text: text}}]\n")
    for arguments in (
        ["curate", str(path), "-o", str(tmp_path / "run")],
        ["curate", str(path), "-o", str(tmp_path / "run"), "-c", str(wrong), "--log-json", "-"],
        ["sniff", str(path), "-o", str(tmp_path / "recipe.yaml")],
        ["validate", str(path)],
        ["convert", str(path), "--to", "alpaca", "-o", str(tmp_path / "out.jsonl")],
        ["curate", str(path), "-o", str(tmp_path / "run2"), "--decisions", str(path)],
    ):
        monkeypatch.setattr(sys, "argv", ["siftune", *arguments])
        with pytest.raises(SystemExit) as end:
            main()
        told = capfd.readouterr()
        assert SECRET not in told.err, (arguments[0], told.err)
        assert "Traceback" not in told.err
        assert "failed inside" not in told.err, (arguments[0], told.err)
        assert end.value.code in (0, 1, 2, 3), arguments[0]
