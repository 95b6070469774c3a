"""Lines of JSON made of whole columns are those that Python's json makes of the same records, one by one."""

import json
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.convert import export
from curation.sets import lines
from curation.sets.formats import FORMATS
from curation.tables import TURN

ODD = "".join(map(chr, range(0x20))) + '"\\/\x7f\x80\x85\xa0\u2028\u2029\ufeff\ufffd\ud7ff\U0001f600中é'
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.text(ODD, max_size=8)
TAGGED = st.builds(
    "{}<{}>{}</{}>{}".format, st.sampled_from(["", " ", "\x1c\n"]), st.sampled_from(["think", "reason"]), TEXT,
    st.sampled_from(["think", "reason"]), TEXT,
)  # fmt: skip
ANSWER = TEXT | TAGGED | st.builds("{}\n#### {}".format, TEXT, TEXT)


@st.composite
def examples(draw: st.DrawFn) -> dict[str, Any]:
    texts = draw(st.lists(st.tuples(TEXT, ANSWER), min_size=1, max_size=4))
    turns = [
        {"role": role, "text": text, "messages": [2 * i]}
        for i, pair in enumerate(texts)
        for role, text in zip(("user", "assistant"), pair, strict=True)
    ]
    cot = draw(st.none() | st.sampled_from(["", " \n", "\x1c", "\u3000"]) | TEXT)
    return {"id": draw(TEXT), "system": draw(st.just("") | TEXT), "cot": cot, "turns": turns}


SCHEMA = {"id": pl.String, "system": pl.String, "cot": pl.String, "turns": pl.List(TURN)}


@pytest.mark.parametrize("policy", ["keep", "think", "field", "drop"])
@given(rows=st.lists(examples(), max_size=4))
@settings(max_examples=60)
def test_records_are_those_of_export_byte_for_byte(policy: Any, rows: list[dict[str, Any]]) -> None:
    made = lines.records(pl.DataFrame(rows, schema=SCHEMA), FORMATS, policy=policy)
    for form in FORMATS:
        wanted = [export(row, form, system=row["system"], policy=policy) for row in rows]
        assert made[form].to_list() == [json.dumps(record, ensure_ascii=False) for record in wanted]


def test_every_character_is_escaped_as_json_does() -> None:
    texts = [chr(code) for code in range(0x3000) if not 0xD800 <= code < 0xE000] + ["", None, ODD, "\U0010ffff"]
    made = pl.DataFrame({"text": texts}).select(lines.quoted(pl.col("text"))).to_series().to_list()
    assert [json.dumps(text, ensure_ascii=False) for text in texts] == [text or "null" for text in made]


def test_rows_are_written_with_lists_structs_numbers_names_and_nothing() -> None:
    frame = pl.DataFrame(
        {
            "n": [1, None],
            "kind": ["a", None],
            "names": [["x", 'y"'], None],
            "turns": [
                [{"role": "user", "text": "\n", "messages": [0, 12]}, {"role": None, "text": "", "messages": []}],
                [],
            ],
        },
        schema={"n": pl.UInt32, "kind": pl.Enum(["a"]), "names": pl.List(pl.String), "turns": pl.List(TURN)},
    )  # fmt: skip
    assert lines.rows(frame, what="it").to_list() == [
        json.dumps({"what": "it", **row}, ensure_ascii=False) for row in frame.iter_rows(named=True)
    ]
