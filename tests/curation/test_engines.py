"""Every engine gives the bytes of the run in memory: only where the command line stands may differ."""

from pathlib import Path
from typing import Any

import pytest

from curation import pipeline, runfolder
from curation.engines import Disk, Engine
from curation.packs import Packs
from curation.recipe import Recipe

ROOT = Path(__file__).parents[2]
SAMPLES = [ROOT / "samples" / name for name in ("shop_zh.csv", "telecom_en.jsonl", "cot.jsonl")]


def written(files: list[Path], packs: Packs, target: Path, engine: Engine | None, **changes: Any) -> dict[str, bytes]:
    recipe = Recipe(**changes)
    done = pipeline.curate(files, recipe, packs, progress=lambda _stage, _what: None, engine=engine)
    runfolder.write(done, recipe, packs, target, argv=["curate"])
    return {path.name: path.read_bytes() for path in sorted(target.iterdir())}


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
    assert engine.shards.count == count
    assert sum(engine.shards.load(shard).height > 0 for shard in range(count)) == count
    assert [name for name in in_memory.keys() | found.keys() if in_memory.get(name) != found.get(name)] == []
