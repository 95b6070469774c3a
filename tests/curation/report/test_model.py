import json
from pathlib import Path

import jsonschema
import pytest
from pydantic import ValidationError

from curation.report.model import Histogram, Ledger, Report, json_schema

SCHEMA = Path(__file__).parents[3] / "schemas" / "report.schema.json"


def test_the_schema_on_disk_is_the_schema_of_the_model():
    """Write it anew with: siftune schema report > schemas/report.schema.json."""
    assert json.loads(SCHEMA.read_text(encoding="utf-8")) == json_schema()


def test_the_schema_is_a_json_schema_of_2020_12_and_every_field_is_explained():
    jsonschema.Draft202012Validator.check_schema(json_schema())
    assert json_schema()["$schema"].endswith("2020-12/schema")
    for part in json_schema()["$defs"].values():
        assert part["description"]
        assert part["additionalProperties"] is False


@pytest.mark.parametrize("name", ["report", "empty_report"])
def test_what_is_written_is_what_the_schema_allows_and_what_is_read_back(name, request):
    report = request.getfixturevalue(name)
    written = report.model_dump_json(indent=2)
    jsonschema.validate(json.loads(written), json_schema())
    assert Report.model_validate_json(written) == report
    assert list(json.loads(written))[:5] == ["schema_version", "name", "gate", "ledger", "counts"]


def test_an_unknown_key_and_a_missing_key_are_errors_and_nothing_changes_later(report):
    data = report.model_dump()
    with pytest.raises(ValidationError, match="extra"):
        Report.model_validate(data | {"extra": 1})
    with pytest.raises(ValidationError, match="funnel"):
        Report.model_validate({key: value for key, value in data.items() if key != "funnel"})
    with pytest.raises(ValidationError, match="frozen"):
        report.name = "other"


def test_a_ledger_that_does_not_add_up_cannot_be_called_balanced():
    wrong = {"lines": 9, "unreadable": 0, "messages": 9, "example": 5, "held": 1, "dropped": 2}
    assert not Ledger(**wrong, balanced=False).balanced
    with pytest.raises(ValidationError, match="8 fates stand for 9 messages"):
        Ledger(**wrong, balanced=True)


@pytest.mark.parametrize("edges", [[0, 10], [0, 10, 20, 30], [0, 20, 10], [0, 10, 10]])
def test_edges_of_a_histogram_stand_around_its_bins_and_rise(edges):
    with pytest.raises(ValidationError):
        Histogram(edges=edges, before=[1, 2], after=[3, 4])


def test_shares_are_rounded_so_that_the_last_bit_of_a_float_does_not_matter(report):
    data = report.model_dump()
    data["diversity"]["evenness"] = 1.0000000000000002
    assert Report.model_validate(data).diversity.evenness == 1.0
    data["diversity"]["evenness"] = float("nan")
    with pytest.raises(ValidationError):
        Report.model_validate(data)
