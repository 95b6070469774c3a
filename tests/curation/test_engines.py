"""Every engine gives the bytes of the run in memory, also after it was killed: only the command line may differ."""

import json
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any, cast

import polars as pl
import pytest

from curation import cli, decisions, edge, parquet, pipeline, ranges, runfolder, shards
from curation.engines import Disk, Engine, choice, cluster, disk, workers
from curation.errors import CurationError, OutputError, UsageError
from curation.packs import Packs
from curation.recipe import Recipe
from curation.steps import PLACE, Job
from tests.curation.test_links import LINKED, POSTS, SOURCE, put

ROOT = Path(__file__).parents[2]
SAMPLES = [ROOT / "samples" / name for name in ("shop_zh.csv", "telecom_en.jsonl", "cot.jsonl")]

KILLED = """
import os, shutil, signal, sys
from pathlib import Path
import polars as pl
from curation import cli, shards

at, seen = int(sys.argv.pop(1)), 0
shards._count = lambda files, size: 3

def counted(owner, name):
    real = getattr(owner, name)
    def call(*args, **more):
        global seen
        seen += 1
        if seen == at:
            if name == "write_ipc" and at % 2:  # half a file
                real(*args, **more)
                os.truncate(args[1], os.path.getsize(args[1]) // 2)
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*args, **more)
    setattr(owner, name, call)

for name in ("rename", "replace", "unlink"):
    counted(Path, name)
counted(pl.DataFrame, "write_ipc")
counted(shutil, "rmtree")
try:
    cli.main()
finally:
    print(seen)
"""


def written(files: list[Path], packs: Packs, target: Path, engine: Engine | None, **changes: Any) -> dict[str, bytes]:
    recipe = Recipe(**changes)
    done = pipeline.curate(files, recipe, packs, progress=lambda _stage, _what: None, engine=engine)
    runfolder.write(done, recipe, packs, target, argv=["curate"])
    if isinstance(engine, Disk):
        engine.close()
        assert not engine.folder.exists()
    return {path.name: path.read_bytes() for path in sorted(target.iterdir())}


def by_command(*arguments: str, out: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    monkeypatch.setattr(sys, "argv", ["siftune", "curate", *arguments, "-q", "--no-gate", "-o", str(out)])
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert end.value.code == 0
    return without_argv(out)


def without_argv(out: Path) -> dict[str, bytes]:
    found = {path.name: path.read_bytes() for path in sorted(out.iterdir())}
    manifest = json.loads(found["manifest.json"])
    del manifest["argv"], manifest["timings"]
    return found | {"manifest.json": json.dumps(manifest).encode()}


def differing(one: dict[str, bytes], other: dict[str, bytes]) -> list[str]:
    return [name for name in one.keys() | other.keys() if one.get(name) != other.get(name)]


@pytest.fixture(scope="module", autouse=True)
def small_parts() -> Any:
    """Several row groups and many parts also of a small log."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parquet, "ROWS", 1000)
        patch.setattr(disk, "PART", 150)
        patch.setattr(disk, "LARGER", 400)
        yield


@pytest.fixture(scope="module")
def in_memory(packs: Packs, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return written(SAMPLES, packs, tmp_path_factory.mktemp("memory") / "run", None)


@pytest.mark.parametrize("count", [1, 2, 7])
def test_shards_give_the_bytes_of_the_run_in_memory(
    count: int, in_memory: dict[str, bytes], packs: Packs, tmp_path: Path
) -> None:
    size = -(-sum(path.stat().st_size for path in SAMPLES) // count)
    engine = Disk(tmp_path / "work", size=size)
    found = written(SAMPLES, packs, tmp_path / "run", engine)
    assert engine.count == count
    assert differing(in_memory, found) == []


def test_ranges_side_by_side_give_the_bytes_of_the_run_in_memory(
    in_memory: dict[str, bytes], packs: Packs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pl, "thread_pool_size", lambda: 3)
    monkeypatch.setattr(ranges, "LEAST", 1000)
    assert differing(in_memory, written(SAMPLES, packs, tmp_path / "run", None)) == []


def test_a_budget_and_topics_are_the_same_from_shards(packs: Packs, tmp_path: Path) -> None:
    """Selection, and query types made of the questions themselves, look at all shards together."""
    bare = replace(packs, query_types=())
    changes = {"selection": {"budget": 200, "caps": {"type": 0.2}}, "query_types": "auto"}
    runs = [
        written(SAMPLES[:2], bare, tmp_path / str(number), engine, **changes)
        for number, engine in enumerate((None, Disk(tmp_path / "work", size=120_000)))
    ]
    assert differing(*runs) == []
    types = pl.read_parquet(tmp_path / "1" / "examples.parquet")["query_type"].unique()
    assert types.str.starts_with("auto/").sum() > 3


@pytest.mark.slow
def test_worker_processes_give_the_same_bytes(
    monkeypatch: pytest.MonkeyPatch, in_memory: dict[str, bytes], tmp_path: Path
) -> None:
    monkeypatch.setattr("curation.shards._count", lambda _files, _size: 3)
    found = by_command(*map(str, SAMPLES), "--workers", "2", out=tmp_path / "run", monkeypatch=monkeypatch)
    del in_memory["manifest.json"], found["manifest.json"]
    assert differing(in_memory, found) == []
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


@pytest.mark.slow
def test_workers_end_with_the_process_that_leads_them(tmp_path: Path) -> None:
    """Also when it was killed: they must not go on in a folder that the next run takes."""
    leading = """
import sys, time
from curation.engines import workers
with workers.processes(2) as run:
    pids = []
    while len(pids) < 2:
        pids = list(__import__("multiprocessing").active_children())
    print(*(child.pid for child in pids), flush=True)
    time.sleep(600)
"""
    script = tmp_path / "leading.py"
    script.write_text(f"if __name__ == '__main__':\n{textwrap.indent(leading, '    ')}")
    with subprocess.Popen(
        [sys.executable, str(script)], stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": str(ROOT)}
    ) as process:
        assert process.stdout is not None
        pids = [int(pid) for pid in process.stdout.readline().split()]
        assert len(pids) == 2
        assert all(map(_lives, pids))
        process.kill()
    until = time.monotonic() + 60
    while any(map(_lives, pids)):
        assert time.monotonic() < until
        time.sleep(0.1)


def _is_long(*_: object) -> None:
    time.sleep(300)


@pytest.mark.slow
def test_workers_leave_ctrl_c_to_the_process_that_leads_them_which_ends_them_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "task_of", _is_long)
    begun = time.monotonic()
    multiprocessing.resource_tracker._resource_tracker._stop()  # type: ignore[attr-defined]  # as in a process that begins
    with suppress(KeyboardInterrupt), workers.processes(2) as run:
        begun_by = run(tmp_path, "name", [0, 1, 2], cast("Job", None))
        children = multiprocessing.active_children()
        for child in children:
            blocked = Path(f"/proc/{child.pid}/status").read_text(encoding="ascii").split("SigBlk:")[1].split()[0]
            assert int(blocked, 16) & 1 << signal.SIGINT - 1
        raise KeyboardInterrupt
    assert len(children) == 2
    assert not multiprocessing.active_children()
    assert time.monotonic() - begun < 100
    del begun_by
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, ())  # this process still hears it


@pytest.mark.slow
def test_a_worker_that_dies_before_it_was_asked_for_anything_ends_the_run_in_one_line(tmp_path: Path) -> None:
    with workers.processes(1) as run:
        (child,) = multiprocessing.active_children()
        child.kill()
        child.join()
        for _ in range(2):  # the second time the pool knows before it is asked
            with pytest.raises(OutputError, match=r"^/.*: a worker process died, .*; go on with --resume"):
                list(run(tmp_path, "name", [0], cast("Job", None)))


def _lives(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state != "Z"  # where nobody waits for it, it stays in the list


@pytest.mark.parametrize(
    ("mib", "cores", "memory", "shard", "workers"),
    [
        (100, 2, 24, 16, 2),  # a core for each
        (100, 64, 256, 16, 7),  # no more than shards
        (4000, 8, 8, 128, 1),  # 3.3 GB for each and 4 to share
        (4000, 8, 16, 64, 4),  # 1.8 GB for each and 8 to share
        (4000, 8, 1, 64, 1),  # one always
    ],
)
def test_so_many_workers_as_cores_and_memory_allow(
    mib: int, cores: int, memory: int, shard: int, workers: int, tmp_path: Path
) -> None:
    log = tmp_path / "log.csv"
    with log.open("wb") as file:
        file.truncate(mib << 20)
    assert choice.workers(cores, memory << 30, [log], shard << 20) == workers


@pytest.mark.parametrize(("mib", "shard"), [(1, 16), (33, 8.25), (100, 12.5), (3200, 50), (100_000, 128)])
def test_shards_grow_with_the_input(mib: int, shard: float, tmp_path: Path) -> None:
    log = tmp_path / "log.csv"
    with log.open("wb") as file:
        file.truncate(mib << 20)
    assert shards.fitting([log]) == shard * 2**20


@pytest.mark.parametrize(
    ("mib", "memory", "engine"),
    [
        (64, 24, "memory"),
        (65, 24, "shards"),
        (32, 2, "memory"),  # a GiB for it: a quarter for the program, 24 bytes for each of the log
        (33, 2, "shards"),
        (16, 0, "memory"),  # shards would be one
        (17, 0, "shards"),
    ],
)
def test_a_large_log_is_worked_on_in_shards_unless_said(
    mib: int, memory: int, engine: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(choice, "_memory", lambda: memory << 30)
    log = tmp_path / "log.csv"
    with log.open("wb") as file:
        file.truncate(mib << 20)
    assert choice._name(choice.Wanted(), [log], Recipe(), tmp_path / "none") == engine
    assert choice._name(choice.Wanted("memory"), [log], Recipe(), tmp_path / "none") == "memory"


def test_of_a_pipe_nobody_knows_the_size_and_none_is_gone_on_from(packs: Packs, tmp_path: Path) -> None:
    pipe, empty = Path("-"), tmp_path / "empty.csv"
    empty.touch()
    assert shards._count([pipe], shards.fitting([pipe])) == 64
    assert shards._count([empty], shards.fitting([empty])) == 1
    assert choice._name(choice.Wanted(), [pipe], Recipe(), tmp_path / "none") == "memory"
    refused = (
        r"^-: nobody knows whether a pipe says the same again, .*; write it to a file first, or leave --resume out$"
    )
    for resume, said in ((True, refused), (False, "^no$")):
        wanted, out = choice.Wanted("shards", workers=1, resume=resume), tmp_path / "run"
        with (
            pytest.raises(CurationError, match=said),
            choice.chosen(wanted, [pipe], Recipe(), packs, decisions.NOTHING, out, say=lambda *_: None) as engine,
        ):
            _fails_when_read(engine)
    assert list(tmp_path.iterdir()) == [empty]


def _fails_when_read(engine: Engine) -> None:
    assert isinstance(engine, Disk)
    (engine.folder / "read.json").touch()
    raise OutputError("no")


def test_what_two_processes_make_of_one_shard_is_never_mixed(tmp_path: Path) -> None:
    place = tmp_path / "step" / "shard-0001"
    for other in (tmp_path / "step" / ".shard-0001.elsewhere-7.partial", place):
        with disk._whole(place) as mine:
            other.mkdir(parents=True)
            (other / "messages.arrow").write_text("theirs")
            (mine / "messages.arrow").write_text("mine")
        assert (other / "messages.arrow").read_text() == "theirs"
        assert (place / "messages.arrow").read_text() == ("theirs" if other == place else "mine")
        shutil.rmtree(place)
    with suppress(OutputError), disk._whole(place):
        raise OutputError
    assert [path.name for path in place.parent.iterdir()] == [".shard-0001.elsewhere-7.partial"]
    (tmp_path / "key.json").write_text("{}")
    Disk(tmp_path, key={}).release()  # goes on, without what was left half made
    assert not [*tmp_path.rglob("*.partial")]


def test_what_other_machines_read_over_the_network_is_packed(packs: Packs, tmp_path: Path) -> None:
    def elsewhere(folder: Path, step: str, numbers: Sequence[int], job: Job) -> Iterator[int]:
        for number in numbers:
            disk.task(folder, step, number, job, packed=True)
            yield number

    sizes = []
    for name, run in (("here", disk.here), ("elsewhere", elsewhere)):
        engine = Disk(tmp_path / name, run=run)
        engine.read(SAMPLES[:1], Recipe(), lambda _: None)
        engine.map(PLACE, Job(Recipe(), packs, decisions.NOTHING), {})
        sizes.append((engine.folder / "place" / "shard-0000" / "messages.arrow").stat().st_size)
        engine.close()
    assert sizes[1] < sizes[0] * 0.7


@pytest.mark.parametrize("address", ["127.0.0.1:1", "127.0.0.1:port", "ray://127.0.0.1:99999"])
def test_an_address_where_nothing_answers_is_said_at_once(address: str) -> None:
    with pytest.raises(UsageError, match="nothing answers there"):
        cluster.ray(address)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        (None, r"Ray did not start on this machine: the node timed out; .* --engine shards, which needs no Ray"),
        ("auto", r"--address auto: no Ray cluster can be reached there: the node timed out"),
    ],
)
def test_a_ray_that_does_not_start_is_told_in_a_line(
    address: str | None, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ray = pytest.importorskip("ray")

    def init(**_: object) -> None:
        raise Exception("the node\ntimed out")  # noqa: TRY002  as Ray's own start does

    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.setattr(ray, "init", init)
    with pytest.raises(CurationError, match=expected):
        cluster.ray(address)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # Ray's own use of what it will rename
@pytest.mark.filterwarnings("ignore::ResourceWarning")  # of the processes that its cluster starts
def test_a_ray_cluster_of_two_nodes_gives_the_same_bytes(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, packs: Packs, capfd: pytest.CaptureFixture[str]
) -> None:
    ray = pytest.importorskip("ray")
    from ray.cluster_utils import Cluster

    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setattr("curation.shards._count", lambda _files, _size: 3)
    expected = written(SAMPLES[:1], packs, tmp_path / "memory", None)
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    try:
        cluster.add_node(num_cpus=1)
        cluster.wait_for_nodes()
        run = ("--engine", "ray", "--address", cluster.address)
        capfd.readouterr()
        found = by_command(str(SAMPLES[0]), *run, out=tmp_path / "run", monkeypatch=monkeypatch)
        assert capfd.readouterr().err == ""
        assert signal.getsignal(signal.SIGTERM) is edge._stop  # not Ray's
        assert len(ray.nodes()) == 2
    finally:
        ray.shutdown()
        cluster.shutdown()
    del expected["manifest.json"], found["manifest.json"]
    assert differing(expected, found) == []


def begun(log: Path, recipe: Recipe, packs: Packs, out: Path, *, resume: bool) -> list[str]:
    """Begin a run that is broken off; return what its work folder had in it at the beginning."""
    wanted = choice.Wanted("shards", workers=1, resume=resume)
    there: list[str] = []
    with (
        suppress(KeyboardInterrupt),
        choice.chosen(wanted, [log], recipe, packs, decisions.NOTHING, out, say=lambda _stage, _what: None) as engine,
    ):
        assert isinstance(engine, Disk)
        there += sorted(path.name for path in engine.folder.iterdir())
        engine.read([log], recipe, lambda _: None)
        raise KeyboardInterrupt
    return there


def test_work_goes_on_only_where_it_was_made_of_the_same(packs: Packs, tmp_path: Path) -> None:
    log, out, recipe = tmp_path / "log.csv", tmp_path / "run", Recipe()
    log.write_bytes(SAMPLES[0].read_bytes())
    begun(log, recipe, packs, out, resume=False)
    assert "read.json" in begun(log, recipe, packs, out, resume=True)
    other = replace(packs, files=(replace(packs.files[0], sha256="0" * 64), *packs.files[1:]))
    for changed, known, what in (
        (Recipe(seed=7), packs, "recipe"),
        (recipe, other, "rule packs"),
        (Recipe(seed=7), other, "recipe and rule packs"),
    ):
        with pytest.raises(UsageError, match=f"was made with different {what}; run it again without --resume"):
            begun(log, changed, known, out, resume=True)
    log.write_bytes(log.read_bytes().replace("您".encode(), "你".encode(), 1))  # as long as before
    with pytest.raises(UsageError, match="was made with different input; run it again without --resume"):
        begun(log, recipe, packs, out, resume=True)
    assert begun(log, recipe, packs, out, resume=False) == ["key.json", "lock"]


@pytest.mark.parametrize("reading", [True, False])
def test_a_disk_that_fills_is_told_with_the_way_on(reading: bool, packs: Packs, tmp_path: Path) -> None:
    """What is done is kept, where that is worth anything."""
    log, work, wanted = SAMPLES[0], tmp_path / ".run.work", choice.Wanted("shards", workers=1)

    def broken(fault: Exception) -> None:
        people = decisions.NOTHING
        out = tmp_path / "run"
        with choice.chosen(wanted, [log], Recipe(), packs, people, out, say=lambda *_: None) as engine:
            if not reading:
                engine.read([log], Recipe(), lambda _: None)
            raise fault

    on = "" if reading else "; --resume goes on from there"
    for fault, said in (
        (OSError(28, "No space left on device"), f"{work}: cannot be written: the disk is full, .*; make room and .*"),
        (OutputError("run: cannot be written: no"), "run: cannot be written: no"),
    ):
        with pytest.raises(OutputError, match=f"^{said}{on}$"):
            broken(fault)
        assert work.exists() != reading


@pytest.fixture(scope="module")
def kept(packs: Packs, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a log beside the work folder of a run that was broken off when all but writing was done."""
    log = tmp_path_factory.mktemp("kept") / "log.csv"
    log.write_bytes(b"".join(SAMPLES[0].read_bytes().splitlines(keepends=True)[:200]))
    with suppress(KeyboardInterrupt), shards_of(log, packs, log.with_name("run"), resume=False) as engine:
        pipeline.curate([log], Recipe(), packs, progress=lambda _stage, _what: None, engine=engine)
        raise KeyboardInterrupt
    return log


def shards_of(log: Path, packs: Packs, out: Path, *, resume: bool) -> AbstractContextManager[Engine]:
    wanted = choice.Wanted("shards", workers=1, resume=resume, shard_bytes=log.stat().st_size // 2 + 1)
    return choice.chosen(wanted, [log], Recipe(), packs, decisions.NOTHING, out, say=lambda _stage, _what: None)


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("key.json", 9),
        ("read.json", 9),
        ("unreadable.arrow", 9),
        ("settle/shard-0000/sizes.arrow", 9),
        ("settle/shard-0001/verdicts.arrow", None),
    ],
)
def test_work_that_is_damaged_ends_in_one_line(
    name: str, size: int | None, kept: Path, packs: Packs, tmp_path: Path
) -> None:
    work = choice.work_folder(tmp_path / "run")
    shutil.copytree(choice.work_folder(kept.with_name("run")), work)
    if size is None:
        (work / name).unlink()
    else:
        os.truncate(work / name, size)
    again = f"^{work}: what is kept there cannot be used .*; run it again without --resume to begin anew$"
    with (
        pytest.raises(UsageError, match=again),
        shards_of(kept, packs, tmp_path / "run", resume=True) as engine,
    ):
        written([kept], packs, tmp_path / "run", engine)
    assert not (tmp_path / "run").exists()


def test_work_does_not_go_on_where_links_or_earlier_sets_changed(packs: Packs, tmp_path: Path) -> None:
    log = put(tmp_path, log_csv=POSTS, log_links_csv=LINKED)
    earlier, other = put(tmp_path, old_jsonl='{"instruction": "Where?", "output": "Here."}\n'), tmp_path / "other.jsonl"
    other.write_bytes(earlier.read_bytes())
    recipe = Recipe.model_validate(
        {"sources": [SOURCE], "dedup": {"against": [str(earlier)]}, "split": {"apart_from": [str(other)]}}
    )
    begun(log, recipe, packs, tmp_path / "run", resume=False)
    assert "read.json" in begun(log, recipe, packs, tmp_path / "run", resume=True)
    for changed, what in (
        (tmp_path / "log.links.csv", "file of links"),
        (earlier, "earlier set"),
        (other, "earlier set"),
    ):
        before = changed.read_bytes()
        changed.write_bytes(before.replace(b"e", b"a", 1) if what == "earlier set" else before + b"p6,p1\n")
        with pytest.raises(UsageError, match=f"was made with different {what}; run it again without --resume"):
            begun(log, recipe, packs, tmp_path / "run", resume=True)
        changed.write_bytes(before)


def test_parts_that_were_taken_before_a_break_are_written_again(packs: Packs, tmp_path: Path) -> None:
    """Lines of a part go into the run folder and out of the work folder: a run folder that is gone took them along."""
    log = tmp_path / "log.csv"
    log.write_bytes(b"".join(SAMPLES[0].read_bytes().splitlines(keepends=True)[:400]))
    expected = written([log], packs, tmp_path / "memory", None)
    broken = Disk(tmp_path / "work", key={}, size=10_000)
    done = pipeline.curate([log], Recipe(), packs, progress=lambda _stage, _what: None, engine=broken)
    parts = done.written(tmp_path)
    taken = [next(parts)[0], next(parts)[0]]
    assert (taken[0] / "train.alpaca.jsonl").stat().st_size > 1000
    (taken[0] / "train.alpaca.jsonl").unlink()
    broken.release()
    found = written([log], packs, tmp_path / "run", Disk(tmp_path / "work", key={}, size=10_000))
    assert differing(expected, found) == []


# --- going on -----------------------------------------------------------------------------------------------------


def killed(at: int, log: Path, out: Path, *more: str) -> tuple[int, str]:
    """Run a curation in three shards that kills itself at the so-manieth change of a file; 0: it does not."""
    here = ["--engine", "shards", "--workers", "1"]  # all changes of files are made by the process that is counted in
    arguments = ["curate", str(log), "-q", "--no-gate", *here, "-o", str(out), *more]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(at), *arguments],
        env=environment, capture_output=True, text=True, timeout=600,
    )  # fmt: skip
    return done.returncode, done.stdout.strip().splitlines()[-1] if done.stdout.strip() else done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("kills", [3, pytest.param(20, marks=pytest.mark.fuzz)])
def test_a_run_that_is_killed_again_and_again_ends_with_the_bytes_of_an_unbroken_one(
    kills: int, tmp_path: Path
) -> None:
    log = tmp_path / "log.csv"
    log.write_bytes(b"".join(SAMPLES[0].read_bytes().splitlines(keepends=True)[:600]))
    code, changes = killed(0, log, tmp_path / "whole")
    assert code == 0
    random, done = Random(kills), 0
    for _ in range(kills):
        code, said = killed(random.randint(1, max(3, int(changes) // 3)), log, tmp_path / "run", "--resume")
        assert code in (-signal.SIGKILL, 0), said
        assert code == 0 or not (tmp_path / "run").exists()
        done += code == 0
        if code == 0:
            for path in (tmp_path / "run").iterdir():
                path.unlink()
    code, said = killed(0, log, tmp_path / "run", "--resume")
    assert code == 0, said
    assert int(said) < int(changes) or done  # what was done was not done again
    assert differing(without_argv(tmp_path / "whole"), without_argv(tmp_path / "run")) == []
    assert sorted(path.name for path in tmp_path.iterdir() if not path.name.endswith(".partial")) == [
        "log.csv", "run", "whole",
    ]  # fmt: skip


def test_a_crowd_that_may_not_fit_into_memory_is_refused_beforehand() -> None:
    with pytest.raises(UsageError, match=r"^a crowd is worked on in memory, and may take 24.2 GiB of the 8.0 GiB here"):
        choice._crowd(1 << 30, 8 << 30)
    choice._crowd(1 << 28, 8 << 30)
