"""What a whole curation costs: `siftune curate` as a process, from a log of flat rows to the report, everything on.

    python benchmarks/whole.py                              # 100 k and 1 M messages
    python benchmarks/whole.py --rows 100000 1000000 5000000
    python benchmarks/whole.py --rows 1000000 --profile     # where the time of one stage goes, function by function

The corpus is that of judge.py: Chinese and English texts of parts put together at random, 86 % of them distinct, 53
characters on average, in sessions of 4 to 20 messages with times. Nothing is turned off: personal data is masked,
duplicates are searched, query types named, the report written. Printed are wall-clock and processor time of the whole
process, start-up included, the peak memory of the largest process and of all together (memory.py), the processor time
for each message and, stage by stage, wall-clock time as the progress on stderr tells it (a stage ends where its line
appears).
"""

from __future__ import annotations

import argparse
import cProfile
import os
import pstats
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import judge
import numpy as np
import polars as pl
from memory import Watch


class Cost(NamedTuple):
    """What one run took: seconds, MiB, and the seconds of every stage."""

    wall: float
    cpu: float
    peak: float
    tree: float
    stages: dict[str, float]


def log(path: Path, rows: int, seed: int) -> None:
    """Write `rows` messages as JSON lines: sessions of 4 to 20 messages in one language, sides by turns."""
    random = np.random.default_rng(seed)
    lengths = random.integers(4, 21, size=rows // 4 + 1)
    session = np.repeat(np.arange(len(lengths)), lengths)[:rows]
    place = np.arange(rows) - np.searchsorted(session, session)
    said, chinese = judge.texts(rows, seed)
    frame = pl.DataFrame({"session": session, "place": place, "zh": chinese, "text": said.tolist()})
    tongue = pl.col("session").hash(seed=seed) % 2 == 0
    # One language for a session: texts change places with those of the other kind of session.
    order = frame.with_row_index("row")
    slots = order.filter(tongue)["row"].to_list() + order.filter(~tongue)["row"].to_list()
    texts = pl.concat([frame.filter("zh"), frame.filter(~pl.col("zh"))])["text"]
    frame = frame.with_columns(text=pl.Series("text", texts).gather(np.argsort(slots)))
    minutes = pl.lit(28_000_000) + pl.int_range(pl.len()) // 3
    frame.select(
        session_id=pl.format("S{}", pl.col("session").cast(pl.String).str.zfill(8)),
        created_at=(minutes * 60_000_000).cast(pl.Datetime("us")).dt.strftime("%Y-%m-%d %H:%M:%S"),
        role=pl.when(pl.col("place") % 2 == 0).then(pl.lit("customer")).otherwise(pl.lit("agent")),
        text="text",
    ).write_ndjson(path)


def curated(path: Path, out: Path, more: list[str]) -> Cost:
    """Run the command and measure it."""
    command = [sys.executable, "-c", "from curation.cli import main; main()"]
    command += ["curate", str(path), "-o", str(out), "--no-gate", "--force", *more]
    begin = last = time.perf_counter()
    stages: dict[str, float] = {}
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as process:
        assert process.stderr is not None
        watch = Watch(process)
        for line in process.stderr:
            now = time.perf_counter()
            name = line.split(":")[0]
            stages[name] = stages.get(name, 0.0) + now - last
            last = now
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        watch.end()
    if process.returncode:
        sys.exit(f"siftune curate ended with {process.returncode}")
    wall = time.perf_counter() - begin
    stages["report and files"] = wall - (last - begin)
    return Cost(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 2**10, watch.shared, stages)


def profiled(path: Path, out: Path) -> None:
    """Run it in this process under cProfile and print the functions that took longest themselves and with theirs."""
    from curation.cli import app

    watch = cProfile.Profile()
    watch.enable()
    app(args=["curate", str(path), "-o", str(out), "--no-gate", "--force"], standalone_mode=False)
    watch.disable()
    told = pstats.Stats(watch)
    told.sort_stats("tottime").print_stats(25)
    told.sort_stats("cumtime").print_stats(r"curation/", 60)


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--keep", type=Path, help="folder for logs and runs; default: a temporary one")
    parser.add_argument("--set", dest="changes", action="append", default=[], help="passed on to siftune curate")
    options = parser.parse_args()
    folder = options.keep or Path(tempfile.mkdtemp(prefix="siftune-whole-"))
    folder.mkdir(exist_ok=True)
    try:
        first = 0.0
        for rows in options.rows:
            path = folder / f"log-{rows}.jsonl"
            if not path.exists():
                log(path, rows, options.seed)
            if options.profile:
                profiled(path, folder / "run")
                continue
            more = [part for change in options.changes for part in ("--set", change)]
            for _ in range(options.runs):
                cost = curated(path, folder / "run", more)
                each = cost.cpu / rows * 1e6
                first = first or each
                print(
                    f"{rows:,d} messages: {cost.wall:.1f} s by the clock, {cost.cpu:.1f} s of the processor, "
                    f"peak {cost.peak:,.0f} MiB, of all {cost.tree:,.0f} MiB; {each:.1f} µs a message, "
                    f"{each / first:.2f} times the first"
                )
                for name, seconds in cost.stages.items():
                    print(f"    {seconds:7.2f} s  {name}", flush=True)
    finally:
        if not options.keep:
            shutil.rmtree(folder)


if __name__ == "__main__":
    main()
