"""The JSON Schemas on disk are current, and what a run writes is what they allow."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from curation.schemas import SCHEMAS

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_schema_on_disk_is_current(name: str) -> None:
    """Write it anew with: siftune schema NAME > schemas/NAME.schema.json."""
    written = json.loads((ROOT / "schemas" / f"{name}.schema.json").read_text(encoding="utf-8"))
    assert written == SCHEMAS[name]()
    jsonschema.Draft202012Validator.check_schema(written)


def test_every_schema_on_disk_can_be_printed() -> None:
    assert {path.name.removesuffix(".schema.json") for path in (ROOT / "schemas").glob("*.json")} == set(SCHEMAS)


@pytest.mark.parametrize("path", sorted((ROOT / "rules").glob("*/*.yaml")), ids=lambda path: path.stem)
def test_every_shipped_pack_is_what_the_schema_allows(path: Path) -> None:
    kind = "query-types" if path.parent.name == "query_types" else "pack"
    jsonschema.validate(yaml.safe_load(path.read_text(encoding="utf-8")), SCHEMAS[kind]())


def test_an_empty_recipe_and_a_full_one_are_what_the_schema_allows() -> None:
    jsonschema.validate({}, SCHEMAS["recipe"]())
    full = {
        "sources": [{"columns": {"text": 2, "role": "who"}, "roles": {"user": ["c"], "system": 0}}],
        "dedup": {"threshold": 0.9},
    }
    jsonschema.validate(full, SCHEMAS["recipe"]())


@pytest.mark.parametrize(("what", "files"), [("manifest", ["manifest.json"]), ("report", ["report.json"])])
def test_what_a_run_says_of_itself_is_what_the_schema_allows(run: Path, what: str, files: list[str]) -> None:
    for file in files:
        jsonschema.validate(json.loads((run / file).read_text(encoding="utf-8")), SCHEMAS[what]())


@pytest.mark.parametrize("name", ["alpaca", "sharegpt", "messages"])
def test_every_record_that_leaves_us_is_what_the_schema_allows(run: Path, name: str) -> None:
    lines = [
        json.loads(line)
        for split in ("train", "val")
        for line in (run / f"{split}.{name}.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    assert lines
    for line in lines:
        jsonschema.validate(line, SCHEMAS[name]())


@pytest.mark.parametrize(
    ("name", "record"),
    [
        ("alpaca", {"id": "0" * 16, "instruction": "a", "input": "", "output": "", "system": "", "history": []}),
        ("sharegpt", {"id": "0" * 16, "conversations": [{"from": "user", "value": "a"}] * 2, "system": ""}),
        ("messages", {"id": "x", "messages": [{"role": "user", "content": "a"}] * 2}),
        ("manifest", {}),
        ("recipe", {"dedup": {"treshold": 1}}),
    ],
)
def test_a_schema_refuses_what_is_wrong(name: str, record: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(record, SCHEMAS[name]())
