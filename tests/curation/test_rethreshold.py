"""Deciding anew from what a run folder holds, and against earlier runs: through the real command."""

import json
import shutil
import sys
from pathlib import Path

import polars as pl
import pytest

from curation.cli import main
from curation.dedup import store


def siftune(*arguments: str, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(sys, "argv", ["siftune", *arguments])
    with pytest.raises(SystemExit) as end:
        main()
    return int(end.value.code or 0)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Thirty questions, each with two near-copies: one very near, one not so near."""
    rows = ["会话,角色,内容"]
    for i in range(30):
        word = chr(0x4E00 + 97 * i)
        for j, end in enumerate(("付款账户里面去", "付款账户里面来", "银行卡上面去")):
            rows.append(f"c{i}-{j},用户,请问我{word * 4}退货以后退款一般多久可以到账呢？")
            rows.append(f"c{i}-{j},客服,您好，{word * 5}仓库签收以后三个工作日原路退回到您的{end}。")
    (tmp_path / "log.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return tmp_path / "log.csv"


def kept(run: Path) -> int:
    return pl.read_parquet(run / "examples.parquet").filter(pl.col("verdict") == "keep").height


def files(run: Path) -> dict[str, bytes]:
    """Return all that a run holds; of the manifest what does not depend on the command line."""
    content = {path.name: path.read_bytes() for path in run.iterdir()}
    manifest = json.loads(content["manifest.json"])
    del manifest["argv"], manifest["timings"]
    return content | {"manifest.json": json.dumps(manifest).encode()}


@pytest.mark.parametrize(("threshold", "keep"), [("0.65", "true"), ("0.97", "false"), ("1.0", "true")])
def test_rethreshold_gives_the_run_that_curating_anew_gives_and_signs_nothing_where_signatures_were_kept(
    log: Path, tmp_path: Path, threshold: str, keep: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    curate = ("curate", str(log), "-q", "--no-gate", "--set", f"dedup.keep_signatures={keep}", "-o")
    assert siftune(*curate, str(tmp_path / "a"), monkeypatch=monkeypatch) == 0
    assert siftune(*curate, str(tmp_path / "b"), "--set", f"dedup.threshold={threshold}", monkeypatch=monkeypatch) == 0
    before = files(tmp_path / "a")
    with monkeypatch.context() as patch:
        if keep == "true":
            patch.setattr(store, "signatures", None)  # nothing is signed any more
        again = ("rethreshold", str(tmp_path / "a"), "--threshold", threshold, "-q")
        assert siftune(*again, "-o", str(tmp_path / "c"), monkeypatch=patch) == 0
    assert kept(tmp_path / "c") != kept(tmp_path / "a")
    assert (tmp_path / "a" / "signatures.parquet").exists() == (keep == "true")
    assert files(tmp_path / "c") == files(tmp_path / "b")
    assert files(tmp_path / "a") == before


def test_rethreshold_replaces_the_run_where_no_other_place_is_named(
    log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "run"
    assert siftune("curate", str(log), "-q", "--no-gate", "-o", str(run), monkeypatch=monkeypatch) == 0
    first = kept(run)
    assert siftune("rethreshold", str(run), "--threshold", "1.0", "-q", monkeypatch=monkeypatch) == 0
    assert kept(run) > first
    assert siftune("rethreshold", str(run), "--threshold", "0.8", "-q", monkeypatch=monkeypatch) == 0
    assert kept(run) == first


def test_rethreshold_says_what_is_missing(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert siftune("rethreshold", str(tmp_path), "--threshold", "0.9", monkeypatch=monkeypatch) == 3
    assert siftune("rethreshold", str(run), "--threshold", "0", monkeypatch=monkeypatch) == 2
    shutil.copytree(run, tmp_path / "copy")
    (tmp_path / "copy" / "signatures.parquet").write_bytes(b"PAR1")
    assert siftune("rethreshold", str(tmp_path / "copy"), "--threshold", "0.9", monkeypatch=monkeypatch) == 3
    told = capsys.readouterr().err.splitlines()
    assert [line.split(": ", 2)[0] for line in told] == ["error"] * 3
    assert "signatures cannot be read; curate the logs again" in told[2]


def test_what_an_earlier_set_holds_is_dropped(log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    curate = ("curate", str(log), "-q", "--no-gate", "-o")
    assert siftune(*curate, str(tmp_path / "a"), monkeypatch=monkeypatch) == 0
    held = (tmp_path / "a" / "train.alpaca.jsonl").read_text(encoding="utf-8").splitlines()[:5]
    (tmp_path / "eval.jsonl").write_text("\n".join(held) + "\n", encoding="utf-8")
    for name, against, least in (("b", tmp_path / "a", 90), ("c", tmp_path / "eval.jsonl", 5)):
        target = tmp_path / name
        assert siftune(*curate, str(target), "--dedup-against", str(against), monkeypatch=monkeypatch) == 0
        findings = pl.read_parquet(target / "findings.parquet")
        seen = findings.filter(pl.col("rule") == "dedup/seen-before")
        assert seen.height >= least
        assert seen["action"].unique().to_list() == ["drop"]
        assert all(f" in {against.name} (" in text for text in seen["evidence"])
        report = json.loads((target / "report.json").read_text(encoding="utf-8"))
        assert report["duplicates"]["seen_before"] == seen.height
    assert kept(tmp_path / "b") == 0
    assert 0 < kept(tmp_path / "c") < kept(tmp_path / "a")
    missing = (str(tmp_path / "d"), "--dedup-against", str(tmp_path / "no"))
    assert siftune(*curate, *missing, monkeypatch=monkeypatch) == 3


def test_a_nightly_index_drops_what_earlier_nights_kept(
    log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    nightly = ("-q", "--no-gate", "--index", str(tmp_path / "index.sqlite"), "-o")
    assert siftune("curate", str(log), *nightly, str(tmp_path / "monday"), monkeypatch=monkeypatch) == 0
    monday = kept(tmp_path / "monday")
    again = (*nightly, str(tmp_path / "monday"), "--force")
    assert siftune("curate", str(log), *again, monkeypatch=monkeypatch) == 0
    assert kept(tmp_path / "monday") == monday  # a run is not held against itself
    text = log.read_text(encoding="utf-8")
    log.write_text(text.replace("c1-", "d1-").replace("\nc", "\nt"), encoding="utf-8")
    assert siftune("curate", str(log), *nightly, str(tmp_path / "tuesday"), monkeypatch=monkeypatch) == 0
    assert kept(tmp_path / "tuesday") == 0
    other = (*nightly, str(tmp_path / "wednesday"), "--set", "dedup.ngram=4")
    assert siftune("curate", str(log), *other, monkeypatch=monkeypatch) == 2
    assert "the index was made with ngram auto, the recipe has 4" in capsys.readouterr().err
