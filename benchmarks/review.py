"""How long the review app takes to open, to show a record and to save a decision, on a run of many examples.

    python benchmarks/review.py [EXAMPLES]      default 100,000; prints milliseconds: median and worst

The run is made up: numbered sentences, two examples of three kept, the rest dropped by three rules, one message of ten
dropped by a fourth. Opening is the whole process: Python, imports, queues, until the first page has been served.
"""

from __future__ import annotations

import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import httpx2
import polars as pl

from curation import decisions, tables

ROOT = Path(__file__).parents[1]
CURATE = "会话ID,时间,发送方,内容\na,9:00,客户,退款多久能到账？\na,9:01,客服,审核通过后一到三个工作日原路退回。\n"


def made_up(folder: Path, n: int) -> Path:
    """Write a run with `n` examples and 4 n messages: a real one for its papers, with frames of ours."""
    (folder / "a.csv").write_text(CURATE, encoding="utf-8")
    run = folder / "run"
    command = ["curate", str(folder / "a.csv"), "-o", str(run), "--quiet", "--no-gate"]
    subprocess.run([sys.executable, "-c", "from curation.cli import main; main()", *command], check=True)
    number = pl.int_range(n).cast(pl.String)
    asked = pl.lit("第") + number + pl.lit("个订单的退款多久能到账？我急着用钱。")
    answered = pl.lit("审核通过后一到三个工作日原路退回，编号") + number + pl.lit("，请留意短信。")
    turn = lambda role, text, first: pl.struct(role=pl.lit(role), text=text, messages=pl.concat_list(first))  # noqa: E731
    rules = ["bench/short", "bench/odd", "bench/twice"]
    place = pl.int_range(n) % 9
    rule = pl.when(place < 3).then(place.cast(pl.String).replace_strict(dict(enumerate_(rules)), default=None))
    examples = pl.select(id=pl.int_range(n), rule=rule).select(
        id=pl.Series([decisions.digest(f"bench {i}") for i in range(n)]),
        conversation=pl.lit("c") + (pl.int_range(n) // 2).cast(pl.String),
        kind=pl.lit("pair").cast(tables.KIND),
        verdict=pl.when(pl.col("rule").is_null()).then(pl.lit("keep")).otherwise(pl.lit("drop")).cast(tables.VERDICT),
        rules=pl.concat_list("rule").list.drop_nulls(),
        query_type=pl.lit("other"),
        cluster=pl.lit(None, dtype=pl.String),
        split=pl.lit("train").cast(tables.SPLIT),
        score=pl.lit(0.5, dtype=pl.Float32),
        cot=pl.lit(None, dtype=pl.String),
        turns=pl.concat_list(
            turn("user", asked, pl.lit(0, dtype=pl.UInt32)),
            turn("assistant", answered, pl.lit(1, dtype=pl.UInt32)),
        ),
    )  # fmt: skip
    examples = examples.with_columns(decisions.content(examples))
    examples.write_parquet(run / "examples.parquet")
    at = pl.int_range(4 * n)
    text = pl.lit("第") + at.cast(pl.String) + pl.lit("条消息，说的是退款和发票，电话13800138000。")
    pl.select(
        conversation=pl.lit("c") + (at // 8).cast(pl.String),
        message=(at % 8).cast(pl.UInt32),
        role=pl.when(at % 2 == 0).then(pl.lit("user")).otherwise(pl.lit("assistant")).cast(tables.ROLE),
        source=pl.lit("a.csv:") + at.cast(pl.String), time=pl.lit(""), raw=text, text=text,
        fate=pl.lit("example").cast(tables.FATE), rules=pl.lit([], dtype=pl.List(pl.String)),
    ).write_parquet(run / "messages.parquet")  # fmt: skip
    on_example = examples.filter(pl.col("verdict") == "drop").select(
        "conversation", example="id", rule=pl.col("rules").list.first(), action=pl.lit("drop"), evidence=pl.lit("退款")
    )
    on_message = pl.select(
        conversation=pl.lit("c") + (at // 8).cast(pl.String), message=(at % 8).cast(pl.UInt32), at=at
    )
    on_message = (
        on_message.filter(pl.col("at") % 10 == 0)
        .drop("at")
        .with_columns(rule=pl.lit("bench/filler"), action=pl.lit("drop"), evidence=pl.lit("消息"))
    )
    pl.concat([tables.findings(on_example), tables.findings(on_message)]).write_parquet(run / "findings.parquet")
    return run


def enumerate_(names: list[str]) -> list[tuple[str, str]]:
    return [(str(number), name) for number, name in enumerate(names)]


def timed(client: httpx2.Client, method: str, url: str, **more: object) -> tuple[float, httpx2.Response]:
    start = time.perf_counter()
    answer = client.request(method, url, **more)
    took = (time.perf_counter() - start) * 1000
    assert answer.status_code == 200, answer.text
    return took, answer


def said(name: str, times: list[float]) -> None:
    print(f"{name:34} median {median(times):7.1f} ms   worst {max(times):7.1f} ms   n {len(times)}")


def main() -> None:
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    with tempfile.TemporaryDirectory() as folder:
        run = made_up(Path(folder), n)
        command = [sys.executable, "-c", "from curation.cli import main; main()", "review", str(run), "--no-browser"]
        opened: list[float] = []
        spent: list[resource.struct_rusage] = []
        for _ in range(5):
            start = time.perf_counter()
            process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
            address = re.search(r"http://\S+", process.stdout.readline()).group()
            origin = address.split("/?")[0]
            client = httpx2.Client(base_url=origin, headers={"Origin": origin})
            client.get(address)
            timed(client, "GET", "/?queue=sample&i=1")
            opened.append((time.perf_counter() - start) * 1000)
            if len(opened) < 5:
                process.terminate()
                spent.append(os.wait4(process.pid, 0)[2])
                process.returncode = 0
        said(f"open, first page ({n:,} examples)", opened)
        said("  processor time of that", [1000 * (used.ru_utime + used.ru_stime) for used in spent])
        print(f"  memory of that: {max(used.ru_maxrss for used in spent) / 1024:.0f} MiB at most")
        measure(client)
        process.terminate()
        process.wait()
        lines = decisions.lines(decisions.load(run)).count("\n")
        print(json.dumps({"events": lines, "examples": n}))


def measure(client: httpx2.Client) -> None:
    pages, saved, undone = [], [], []
    for index in range(60):
        took, page = timed(client, "GET", f"/?queue=sample&i={index + 1}")
        pages.append(took)
        item, content = re.search(r'data-item="(\w+)" data-content="(\w+)"', page.text).groups()
        body = {"queue": "sample", "index": index, "item": item, "content": content, "decision": "drop"}
        saved.append(timed(client, "POST", "/decide", json=body)[0])
    for _ in range(20):
        undone.append(timed(client, "POST", "/undo", json={})[0])
    said("show a record", pages)
    said("save a decision", saved)
    said("undo", undone)
    found = [timed(client, "GET", f"/?queue=search&q={word}")[0] for word in ("退款", "999", "编号12", "nothing")]
    said("search, first time", found)
    said("search, next record", [timed(client, "GET", "/?queue=search&q=退款&i=77")[0] for _ in range(5)])
    took, page = timed(client, "GET", "/bulk?queue=rule:bench/short")
    n = int(re.search(r'data-n="(\d+)"', page.text).group(1))
    said(f"bulk: count {n:,} and show 10", [took])
    body = {"queue": "rule:bench/short", "index": 0, "text": "", "decision": "drop", "n": n}
    said(f"bulk: decide {n:,}", [timed(client, "POST", "/bulk", json=body)[0]])
    said("save after that", [timed(client, "POST", "/undo", json={})[0]])


if __name__ == "__main__":
    main()
