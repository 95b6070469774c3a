"""JSON Schemas (2020-12) of what siftune reads and writes, exported from the typed models."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydantic import BaseModel

from curation.packs import PackText
from curation.recipe import Recipe
from curation.report.model import json_schema as report_schema


def _of(model: type[BaseModel], name: str) -> Callable[[], dict[str, Any]]:
    return lambda: {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:siftune:schema:{name}:1",
        **model.model_json_schema(),
    }


SCHEMAS: dict[str, Callable[[], dict[str, Any]]] = {
    "recipe": _of(Recipe, "recipe"),
    "pack": _of(PackText, "pack"),
    "report": report_schema,
}
