"""How fast logs become conversations beside Polars' bare parse, and how much memory a large log takes.

    python benchmarks/read.py                        # 1 M messages as JSON lines and as CSV: read + sessions, ratios
    python benchmarks/read.py --memory 4 --bound 1   # a log of 4 GiB into shards, every shard loaded: peak in GiB

The corpus is made here: flat rows, half Chinese and half English, 2 to 20 messages a session; one in six has a quote
or a comma in it, one in a hundred a line break. The two are timed in turns in one process; what counts is the median of
the ratios.
"""

from __future__ import annotations

import argparse
import gc
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl

from curation import shards
from curation.read import read
from curation.recipe import Source
from curation.sessions import sessions

EN = [
    "the",
    "refund",
    "for",
    "your",
    "order",
    "goes",
    "back",
    "to",
    "card",
    "within",
    "five",
    "working",
    "days",
    "please",
    "check",
    "again",
    "later",
    "thanks",
    "shipping",
    "parcel",
    "delivery",
    "address",
    "invoice",
    "broken",
    "screen",
    "warranty",
    "where",
    "is",
    "my",
    "package",
    "it",
    "has",
    "not",
    "moved",
    "since",
    "monday",
]
ZH = (
    "您好请问退款什么时候到账订单已经发货物流显示还没有更新发票可以开公司抬头吗"
    "我们这边帮您查询一下请稍等好的谢谢亲保修三年可以退换"
)
# How a text ends, and how often.
EN_END = {".": 0.3, "?": 0.3, "!": 0.23, ', he said "ok"': 0.08, ", thanks": 0.08, "\n-- \nsent from my phone": 0.01}
ZH_END = {"。": 0.4, "？": 0.3, "，谢谢": 0.21, '，说"好"': 0.08, "\n订单见上": 0.01}


def texts(random: np.random.Generator, count: int) -> list[str]:
    """Make `count` different texts."""
    made = []
    for number in range(count):
        if number % 2:
            text = " ".join(random.choice(EN, size=random.integers(3, 26)))
        else:
            text = "".join(random.choice(list(ZH), size=random.integers(3, 61)))
        ends = EN_END if number % 2 else ZH_END
        end = random.choice(list(ends), p=list(ends.values()))
        made.append(f"{text}{end}")
    return made


def corpus(count: int, *, seed: int, prefix: str = "S") -> pl.DataFrame:
    """Make `count` messages in order of time."""
    random = np.random.default_rng(seed)
    lengths = random.integers(2, 21, size=count)
    session = np.repeat(np.arange(count), lengths)[:count]
    pool = pl.Series(texts(random, 50_000))
    minutes = pl.Series(np.arange(count) // 3 + 28_000_000, dtype=pl.Int64) * 60_000_000
    return pl.DataFrame(
        {
            "session_id": pl.Series(session).cast(pl.String).str.zfill(8).str.replace("^", prefix),
            "created_at": minutes.cast(pl.Datetime("us")).dt.strftime("%Y-%m-%d %H:%M:%S"),
            "role": pl.Series(["customer", "agent"]).gather(random.integers(0, 2, size=count)),
            "text": pool.gather(random.integers(0, len(pool), size=count)),
        }
    )


def speed(folder: Path, count: int, repeats: int) -> None:
    """Time reading and sessions against the bare parse."""
    log = corpus(count, seed=1)
    log.write_ndjson(folder / "log.jsonl")
    log.write_csv(folder / "log.csv")
    del log
    bare: dict[str, Callable[[Path], pl.DataFrame]] = {"log.jsonl": pl.read_ndjson, "log.csv": pl.read_csv}
    print(f"{count} messages, {os.cpu_count()} cores, polars {pl.__version__}; seconds, median of {repeats}")
    print("| file | MiB | bare parse | read | sessions | (read + sessions) / bare |\n|---|---|---|---|---|---|")
    for name, parse in bare.items():
        path, rounds = folder / name, []
        for _ in range(repeats):
            rounds.append((*_timed(lambda p=path, f=parse: f(p)), *_ours(path)))
        times = [statistics.median(r[i] for r in rounds) for i in range(3)]
        ratio = statistics.median((r[1] + r[2]) / r[0] for r in rounds)
        size = path.stat().st_size / 2**20
        print(f"| {name} | {size:.0f} | {times[0]:.2f} | {times[1]:.2f} | {times[2]:.2f} | {ratio:.2f} |")


def _timed(work: Callable[[], object]) -> tuple[float]:
    gc.collect()
    start = time.perf_counter()
    made = work()
    taken = time.perf_counter() - start
    del made
    return (taken,)


def _ours(path: Path) -> tuple[float, float]:
    gc.collect()
    start = time.perf_counter()
    messages = read([path], [Source()]).messages
    between = time.perf_counter()
    sessions(messages)
    return between - start, time.perf_counter() - between


def memory(folder: Path, size: float, bound: float) -> None:
    """Make a log of `size` GiB, part it into shards in a process of its own, and load each."""
    path = folder / "large.jsonl"
    with path.open("wb") as file:
        part = 0
        while file.tell() < size * 2**30:
            corpus(500_000, seed=part, prefix=f"P{part}-").write_ndjson(file)
            part += 1
    print(f"{path.stat().st_size / 2**30:.2f} GiB, bound {bound:g} GiB")
    subprocess.run([sys.executable, __file__, "--parted", str(path)], check=True)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20
    print(f"peak {peak:.2f} GiB: {'within' if peak <= bound else 'ABOVE'} the bound")
    sys.exit(peak > bound)


def parted(path: Path) -> None:
    """Do the work whose memory is measured: part, then load every shard and make conversations of it."""
    start = time.perf_counter()
    made = shards.write([path], [Source()], path.parent / "shards")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    taken = time.perf_counter() - start
    print(f"parted into {made.count} shards, {made.messages} messages: {taken:.0f} s, {peak:.2f} GiB")
    start, found = time.perf_counter(), 0
    for shard in range(made.count):
        found += sessions(made.load(shard))[0].height
    print(f"every shard loaded and in conversations: {time.perf_counter() - start:.0f} s; {found} messages")
    if found != made.messages:
        sys.exit("messages were lost")


def main() -> None:
    """Read the arguments."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--messages", type=int, default=1_000_000)
    options.add_argument("--repeats", type=int, default=5)
    options.add_argument("--memory", type=float, help="GiB of the log that is parted into shards")
    options.add_argument("--bound", type=float, default=1.0, help="GiB of memory that must be enough")
    options.add_argument("--parted", type=Path, help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.parted:
        parted(given.parted)
        return
    folder = Path(tempfile.mkdtemp(prefix="siftune-bench-"))
    try:
        if given.memory:
            memory(folder, given.memory, given.bound)
        else:
            speed(folder, given.messages, given.repeats)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
