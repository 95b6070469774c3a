"""Fixtures: a hand-made run, a tiny model, and one whole training that many tests look at."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

os.environ.setdefault("HF_HUB_OFFLINE", "1")  # before anything imports huggingface_hub: no test reaches the network
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")


def _beside(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


shop = _beside("logs")


@pytest.fixture(scope="session")
def logs() -> ModuleType:
    """The hand-written data."""
    return shop


@pytest.fixture(scope="session")
def families() -> ModuleType:
    """Tiny models of the families that the method names."""
    return _beside("families")


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """One whole training in 4 bits on the tiny model; `folder` is the adapter's."""
    pytest.importorskip("trl")
    from training.cli import train_run

    place = tmp_path_factory.mktemp("trained")
    run = shop.make_run(place / "run", training={"epochs": 8, "evaluations": 4, "sample_tokens": 24})
    general = shop.make_general(place / "daily.jsonl")
    result = train_run(run, model="tiny", out=None, general=[general], overrides={}, force=False, progress=False)
    return {"result": result, "folder": run / "adapter", "run": run}


@pytest.fixture(scope="session")
def tokenizer() -> Any:
    """A ChatML tokenizer trained on the hand-written data."""
    pytest.importorskip("transformers")
    from training.quiet import quiet

    with quiet():
        from training.tiny import tiny_tokenizer

        return tiny_tokenizer([text for pair in shop.pairs() for text in pair], vocabulary=600)
