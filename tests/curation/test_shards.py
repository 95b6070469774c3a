"""Logs parted by conversation: nothing lost, nothing twice, and each shard as if it stood alone."""

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from curation import shards
from curation.errors import SourceError
from curation.read import read
from curation.recipe import Source
from curation.sessions import sessions


def write(folder: Path, files: dict[str, str], size: int = 200, **source: Any) -> tuple[list[Path], shards.Shards]:
    folder.mkdir(exist_ok=True)
    paths = [folder / name for name in files]
    for path in paths:
        path.write_text(files[path.name], encoding="utf-8")
    return paths, shards.write(paths, [Source(**source)], folder / "shards", size=size)


SIDE = st.sampled_from(["customer", "agent"])
MESSAGES = st.lists(st.tuples(st.sampled_from("abcdefg"), SIDE, st.text("xy你", max_size=3)), min_size=1)


@given(logs=st.lists(MESSAGES, min_size=1, max_size=3), size=st.sampled_from([50, 200, 10_000]), span=st.booleans())
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_all_shards_together_are_the_whole(
    tmp_path_factory: pytest.TempPathFactory, logs: list[list[tuple[str, str, str]]], size: int, *, span: bool
) -> None:
    folder = tmp_path_factory.mktemp("logs")
    lines = [
        "".join(json.dumps({"session": c, "role": r, "text": t}) + "\n" for c, r, t in log) + "oops\n" for log in logs
    ]
    paths, made = write(folder, {f"{i}.jsonl": text for i, text in enumerate(lines)}, size, span_files=span)
    whole = read(paths, [Source(span_files=span)])
    loaded = [made.load(shard) for shard in range(made.count)]
    assert pl.concat(loaded).sort("row").equals(whole.messages)
    assert made.unreadable.equals(whole.unreadable)
    assert (made.inputs, made.messages) == (whole.inputs, whole.messages.height)
    # Conversations are the same alone as among the others, and their order is that of their first row.
    apart = [sessions(shard)[0] for shard in loaded if shard.height]
    order = whole.messages.select("source", "row")
    together = (
        pl.concat(apart).join(order, on="source").with_columns(first=pl.col("row").min().over("conversation"))
    ).sort("first", "message")
    assert together.drop("row", "first").equals(sessions(whole.messages)[0])


def test_threads_stay_together_and_so_do_customers(tmp_path: Path) -> None:
    threads = [
        {"id": str(i), "reply_to": str(i - 1) if i % 5 else None, "role": ("agent", "customer")[i % 2], "text": f"t{i}"}
        for i in range(1, 40)
    ]
    buyers = [{"who": f"c{i % 7}", "role": "customer", "text": f"m{i}"} for i in range(40)]
    files = {"t.jsonl": "\n".join(map(json.dumps, threads)), "b.jsonl": "\n".join(map(json.dumps, buyers))}
    paths = [tmp_path / name for name in files]
    for path in paths:
        path.write_text(files[path.name])
    sources = [Source(match="t*"), Source(match="b*", columns={"customer": "who"})]  # type: ignore[arg-type]
    made = shards.write(paths, sources, tmp_path / "shards", size=500)
    assert made.count > 5
    whole = sessions(read(paths, sources).messages)[0]
    apart = pl.concat([sessions(shard)[0] for i in range(made.count) if (shard := made.load(i)).height])
    columns = ["conversation", "message", "source", "raw"]
    assert apart.select(columns).sort("source").equals(whole.select(columns).sort("source"))


def test_a_crowd_is_refused(tmp_path: Path) -> None:
    text = "[10:00] <ann> hi\n[10:01] <bob> hello\n" * 3
    with pytest.raises(SourceError, match=r"log.txt: a crowd cannot be read in shards"):
        write(tmp_path / "x", {"log.txt": text}, crowd=True, roles={"user": "*"})


def test_too_many_unreadable_lines_stop_the_writing_too(tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").write_text('{"session": "a", "role": "user", "text": "x"}\n' * 20 + "oops\n" * 30)
    with pytest.raises(SourceError, match=r"30 of 50 records cannot be read"):
        shards.write([tmp_path / "log.jsonl"], [Source()], tmp_path / "shards", limit=0.01)
