"""The stored index: what earlier runs kept is found again, and never with other settings."""

import sqlite3
from pathlib import Path
from typing import Any

import datasketch
import numpy as np
import pytest

from curation import dedup
from curation.dedup import store
from curation.dedup.index import opened
from curation.errors import OutputError, SourceError, UsageError
from curation.recipe import Dedup

AUTO = Dedup()
REFUND = "退款一般多久可以到账\n仓库签收以后1到3个工作日原路退回到您的付款账户"
INVOICE = "发票抬头写错了还能重新开吗\n可以的请在订单详情里申请换开发票填写正确的抬头和税号"


def test_what_was_added_is_found_again_near_copies_too(tmp_path: Path) -> None:
    with opened(tmp_path / "i.sqlite", AUTO, seed=1, create=True) as index:
        assert index.add(["a", "b"], [REFUND, INVOICE]) == 2
    with opened(tmp_path / "i.sqlite", AUTO, seed=1) as index:
        assert len(index) == 2
        found = index.match(["x", "y", "z"], [REFUND + "哦", "我想退掉这个锅\n好的", INVOICE])
    assert [(place, name) for place, name, _ in found] == [(0, "a"), (2, "b")]
    assert 0.8 < found[0][2] < found[1][2] == 1.0


def test_a_text_is_no_duplicate_of_itself_and_is_added_once(tmp_path: Path) -> None:
    with opened(tmp_path / "i.sqlite", AUTO, seed=1, create=True) as index:
        assert index.add(["a"], [REFUND]) == 1
        assert index.match(["a"], [REFUND]) == []
        assert index.add(["a", "b", "c"], [REFUND, REFUND, ""]) == 1
        assert [name for _, name, _ in index.match(["a"], [REFUND])] == ["b"]
        assert index.match(["n"], [""]) == []
        assert index.match([], []) == []


@pytest.mark.parametrize(
    ("change", "seed", "name"),
    [
        ({"ngram": 5}, 1, "ngram auto, the recipe has 5"),
        ({"permutations": 256}, 1, "permutations 128, the recipe has 256"),
        ({"bands": 20}, 1, "bands 25, the recipe has 20"),
        ({"rows": 4}, 1, "rows 5, the recipe has 4"),
        ({}, 2, "seed 1, the recipe has 2"),
    ],
)
def test_an_index_made_with_other_settings_is_refused_in_one_line(
    tmp_path: Path, change: dict[str, Any], seed: int, name: str
) -> None:
    with opened(tmp_path / "i.sqlite", AUTO, seed=1, create=True) as index:
        index.add(["a"], [REFUND])
    with pytest.raises(UsageError) as fault, opened(tmp_path / "i.sqlite", Dedup(**change), seed=seed):
        pass
    assert f"the index was made with {name}; use the recipe it was made with" in str(fault.value)
    assert "\n" not in str(fault.value)


def test_a_version_to_come_is_refused_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with opened(tmp_path / "i.sqlite", AUTO, seed=1, create=True):
        pass
    monkeypatch.setattr("curation.dedup.index.VERSION", 2)
    with (
        pytest.raises(UsageError, match="made with version 1, the recipe has 2"),
        opened(tmp_path / "i.sqlite", AUTO, seed=1),
    ):
        pass


def test_another_threshold_is_no_other_index(tmp_path: Path) -> None:
    with opened(tmp_path / "i.sqlite", AUTO, seed=1, create=True) as index:
        index.add(["a"], [REFUND])
    with opened(tmp_path / "i.sqlite", Dedup(threshold=0.95), seed=1) as index:
        assert index.match(["x", "y"], [REFUND + "哦", REFUND]) == [(1, "a", 1.0)]


def test_other_files_are_no_index(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="there is no index"), opened(tmp_path / "no.sqlite", AUTO, seed=1):
        pass
    (tmp_path / "text").write_text("not a database, but long enough to be read as one" * 20)
    with pytest.raises(OutputError, match="cannot be used"), opened(tmp_path / "text", AUTO, seed=1):
        pass
    with sqlite3.connect(tmp_path / "other.sqlite") as database:
        database.execute("CREATE TABLE mine (x)")
    database.close()
    with pytest.raises(SourceError, match="not an index"), opened(tmp_path / "other.sqlite", AUTO, seed=1):
        pass


def test_no_text_is_in_the_index(tmp_path: Path) -> None:
    with opened(tmp_path / "i.sqlite", AUTO, seed=1, create=True) as index:
        index.add(["a"], [REFUND])
    raw = (tmp_path / "i.sqlite").read_bytes()
    assert not any(REFUND[:4].encode(code) in raw for code in ("utf-8", "utf-16-le", "utf-32-le", "gb18030"))


def test_datasketch_reads_the_signatures(tmp_path: Path) -> None:
    with opened(tmp_path / "i.sqlite", AUTO, seed=1, create=True) as index:
        index.add(["a"], [REFUND])
        ((blob,),) = index._database.execute("SELECT signature FROM texts")
    theirs = datasketch.MinHash(num_perm=128, seed=1, scheme="affine32", hashvalues=np.frombuffer(blob, dtype="<u4"))
    ours = dedup.signatures([REFUND + "哦"], AUTO, seed=1)[0]
    other = datasketch.MinHash(num_perm=128, seed=1, scheme="affine32", hashvalues=ours)
    assert 0.6 < theirs.jaccard(other) < 1


def test_buckets_in_redis_go_through_datasketch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[dict[str, Any]] = []
    shared: list[Any] = []
    real = datasketch.MinHashLSH

    def in_memory(*, storage_config: dict[str, Any], **more: Any) -> Any:
        asked.append(storage_config)
        shared.append(shared[0] if shared else real(**more))
        return shared[0]

    monkeypatch.setattr(datasketch, "MinHashLSH", in_memory)
    settings = Dedup(redis="redis://:secret@cache.example:6380/3")
    with opened(tmp_path / "i.sqlite", settings, seed=1, create=True) as index:
        index.add(["a", "b"], [REFUND, INVOICE])
        assert index._database.execute("SELECT count(*) FROM bands").fetchone() == (0,)
    with opened(tmp_path / "i.sqlite", settings, seed=1) as index:
        assert [(place, name) for place, name, _ in index.match(["x"], [REFUND + "哦"])] == [(0, "a")]
    assert asked[0]["redis"] == {"host": "cache.example", "port": 6380, "db": 3, "password": "secret"}
    with pytest.raises(UsageError, match="made with buckets redis, the recipe has file"):
        opened(tmp_path / "i.sqlite", AUTO, seed=1).__enter__()


def test_signatures_are_made_once_and_read_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known = store.Signatures(128, 1)
    first = known([REFUND, INVOICE], AUTO, seed=1)
    assert first.tolist() == dedup.signatures([REFUND, INVOICE], AUTO, seed=1).tolist()
    known(["ab"], Dedup(ngram=2), seed=1)
    known.frame().write_parquet(tmp_path / "s.parquet")
    back = store.read(tmp_path / "s.parquet", 128, 1)
    monkeypatch.setattr(store, "signatures", None)  # nothing is signed any more
    assert back([INVOICE, REFUND], AUTO, seed=1).tolist() == first[::-1].tolist()
    assert back.frame().equals(known.frame())
    for permutations, seed in ((64, 1), (128, 2)):
        with pytest.raises(SourceError, match="curate the logs again"):
            store.read(tmp_path / "s.parquet", permutations, seed)
    with pytest.raises(SourceError, match="cannot be read"):
        store.read(tmp_path / "no.parquet", 128, 1)
