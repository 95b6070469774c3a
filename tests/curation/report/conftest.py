"""A report as a real run would have it, and one of a run that found nothing."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from curation.report.model import Report

HERE = Path(__file__).parent


@pytest.fixture
def report() -> Report:
    return Report.model_validate_json((HERE / "full.json").read_bytes())


@pytest.fixture
def empty_report() -> Report:
    return Report.model_validate_json((HERE / "empty.json").read_bytes())


@pytest.fixture
def everywhere() -> Callable[[str], Report]:
    """Give a report that has one text wherever a report may have any text."""
    data = json.loads((HERE / "full.json").read_bytes())
    fixed = {"schema_version", "state", "sense", "stage", "on", "action"}

    def put(value: Any, text: str) -> Any:
        if isinstance(value, dict):
            only = fixed if "found" in value else fixed | {"kind"}  # personal data's kind is free
            return {key: part if key in only else put(part, text) for key, part in value.items()}
        if isinstance(value, list):
            return [put(part, text) for part in value]
        return text if isinstance(value, str) else value

    return lambda text: Report.model_validate(put(data, text))
