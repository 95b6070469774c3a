"""Long texts are looked at, and quoted, in pieces: nothing is lost, and what stands in one piece is found as ever."""

import time
from random import Random

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation import pieces, privacy, tables
from curation.privacy import pseudonyms, residual

WORDS = st.lists(
    st.sampled_from(["a", "好", "\n", "。", ". ", " ", "13800138000", "x" * 3000, "，", "🙂"]), max_size=40
)


@given(words=WORDS)
@settings(max_examples=50, deadline=None)
def test_pieces_make_up_the_text(words: list[str]) -> None:
    text = "".join(words)
    cut = list(pieces.chunks(text))
    assert "".join(piece for _, piece in cut) == text
    assert all(text[start : start + len(piece)] == piece for start, piece in cut)
    assert all(len(piece) <= pieces.LONG for _, piece in cut)


def test_a_text_is_cut_behind_a_line_and_never_inside_a_number() -> None:
    text = "退款 13800138000 到了没有。\n" * 400
    assert {piece[-1] for _, piece in pieces.chunks(text)} == {"\n"}
    assert all(piece.startswith("退款") for _, piece in pieces.chunks(text))
    spaced = "138 0013 8000, " * 700
    assert {piece.strip(", ")[:13] for _, piece in pieces.chunks(spaced)} == {"138 0013 8000"}
    assert {piece.strip(", ")[-13:] for _, piece in pieces.chunks(spaced)} == {"138 0013 8000"}


def test_what_is_quoted_of_a_long_text_is_where_it_changes() -> None:
    before = "好的。" * 3000 + "请看<b>这里</b>。" + "好的。" * 3000
    after = before.replace("<b>", "").replace("</b>", "")
    rows = pl.DataFrame({"rule": ["mend/x", "mend/y"], "before": [before, "短"], "after": [after, "知"]})
    found = tables.findings(rows.with_columns(evidence=pl.lit("尾" * 9000)))
    was, now = found.select("before", "after").row(0)
    assert "看<b>这里" in was
    assert "请看" in now
    assert max(len(was), len(now)) <= pieces.LONG
    assert found.select("before", "after").row(1) == ("短", "知")
    assert found["evidence"].to_list() == ["尾" * pieces.LONG] * 2


def long_log(numbers: list[str]) -> str:
    return "".join(f"第{i}单，客户电话{number}，请在今天联系客户并记录结果。\n" for i, number in enumerate(numbers))


def mobiles(count: int) -> list[str]:
    draw = Random(7)
    return [f"13{draw.randrange(10**8, 10**9)}" for _ in range(count)]


@pytest.mark.parametrize("crowded", [0, 10**12])
def test_every_number_of_a_long_text_is_masked_and_known_again_without_its_cue(
    crowded: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pseudonyms, "_CROWDED", crowded)
    numbers = mobiles(300)
    units = pl.DataFrame(
        {"conversation": "c", "text": [long_log(numbers), None, "abc" + numbers[7] + "是我", numbers[8] + "？", ""]},
        schema_overrides={"text": pl.String},
    ).with_columns(asked=pl.lit(None, dtype=pl.String))
    assert len(units["text"][0]) > 2 * pieces.LONG
    texts, hits = privacy.masked(units, privacy.EVERYTHING)
    masked = texts.to_list()
    assert masked[0] == "".join(f"第{i}单，客户电话[电话{i + 1}]，请在今天联系客户并记录结果。\n" for i in range(300))
    assert masked[1:] == [None, f"abc{numbers[7]}是我", "[电话9]？", ""]  # a number behind letters is a code
    first = hits.filter(pl.col("row") == 0)
    assert [units["text"][0][a:b] for a, b in first.select("start", "end").iter_rows()] == numbers


def test_a_value_without_a_cue_is_found_among_very_many(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [
        "我叫王小明",
        "王小明的件",
        "x王小明y",
        "订单号AB-7723901",
        "AB-7723901到了",
        "王小明王小明",
        "zAB-7723901",
    ]
    units = pl.DataFrame({"conversation": "c", "text": texts}).with_columns(asked=pl.lit(None, dtype=pl.String))
    few = privacy.masked(units, privacy.EVERYTHING)[0].to_list()
    monkeypatch.setattr(pseudonyms, "_CROWDED", 0)
    assert privacy.masked(units, privacy.EVERYTHING)[0].to_list() == few
    assert few == [
        "我叫[姓名1]",
        "[姓名1]的件",
        "x[姓名1]y",
        "订单号[订单号1]",
        "[订单号1]到了",
        "[姓名1][姓名1]",
        "zAB-7723901",
    ]


def test_the_second_look_sees_all_pieces_of_a_long_text() -> None:
    assert residual.kinds("好的。" * 5000 + "打13800138000") == {"mobile"}
    assert residual.kinds("好的。" * 5000) == set()


@pytest.mark.parametrize("unit", ["a", "0", "路", "phone", "广东省广州市天河区中山路", "@", "&#1", "[", "_a-"])
def test_masking_takes_time_by_the_length_of_a_text(unit: str) -> None:
    units = pl.DataFrame({"conversation": "c", "text": [(unit * 200_000)[:200_000]]})
    begun = time.process_time()
    privacy.masked(units.with_columns(asked=pl.lit(None, dtype=pl.String)), privacy.EVERYTHING)
    assert time.process_time() - begun < 8  # the square of it would be minutes


def test_a_text_with_ten_thousand_numbers_is_masked_in_seconds() -> None:
    units = pl.DataFrame({"conversation": "c", "text": [long_log(mobiles(10_000))]})
    begun = time.process_time()
    texts, _ = privacy.masked(units.with_columns(asked=pl.lit(None, dtype=pl.String)), privacy.EVERYTHING)
    assert time.process_time() - begun < 20
    assert texts[0].count("[电话") == 10_000
