"""The dataset card is what hubs parse, and says what a stranger must know before using the set."""

import json
from pathlib import Path

import pytest
import yaml


def test_the_hub_parses_the_card_and_finds_every_file(run: Path) -> None:
    hub = pytest.importorskip("huggingface_hub", reason="it comes with the train extra")
    card = hub.DatasetCard.load(run / "README.md")
    data = card.data.to_dict()
    assert data["license"] == "unknown"
    assert sorted(data["language"]) == ["en", "zh"]
    files = [(c["config_name"], f["split"], f["path"]) for c in data["configs"] for f in c["data_files"]]
    assert files
    for form, split, path in files:
        assert path == f"{ {'train': 'train', 'validation': 'val'}[split] }.{form}.jsonl"
        assert (run / path).read_text(encoding="utf-8").strip(), "an empty file cannot be loaded"
    report = json.loads((run / "report.json").read_text(encoding="utf-8"))
    assert {path for *_, path in files} == {f["name"] for f in report["files"] if f["records"]}


def test_the_card_has_all_its_parts(run: Path) -> None:
    text = (run / "README.md").read_text(encoding="utf-8")
    front = yaml.safe_load(text.split("---")[1])
    assert front["task_categories"] == ["text-generation"]
    for part in ("Files and splits", "Source and licence", "Rules", "Personal data", "Limitations"):
        assert f"\n## {part}\n" in text
    assert "common/" in text or "zh/" in text
    assert "mobile 2" in text, "two different numbers are in the log"
    assert "13800138000" not in text
