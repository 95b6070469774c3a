"""Times as exports write them; the expected moments were worked out by hand from 2024-05-01 10:02:03 UTC."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.times import parsed, to_the_second

SECOND = 1_000_000
MOMENT = 1_714_557_723  # date -u -d '2024-05-01 10:02:03' +%s


def at(*texts: str | None, day_first: bool = False) -> list[int | None]:
    return parsed(pl.Series(texts, dtype=pl.String), day_first=day_first)["at"].to_list()


@pytest.mark.parametrize(
    "text",
    [
        "2024-05-01 10:02:03", "2024-05-01T10:02:03Z", "2024-05-01T10:02:03.000Z", "2024/5/1 10:02:03",
        "2024.05.01 10:02:03", "2024年5月1日 10:02:03", "2024年5月1日 10时02分03秒", "2024-05-01T18:02:03+08:00",
        "2024-05-01T18:02:03+0800", "2024-05-01 10:02:03 AM", "2024-05-01 上午10:02:03", "05/01/2024 10:02:03",
        "1714557723", "1714557723000", "1714557723000000", "1714557723.0", "20240501100203", "20240501 10:02:03",
        "Wed May 01 10:02:03 +0000 2024", "May 1, 2024 10:02:03 AM", "1 May 2024 10:02:03",
        "Wednesday, May 1, 2024 at 10:02:03 AM", " 2024-05-01 10:02:03 ", "2024-05-01 10:02:03 UTC",
        "45413.4180902778", "2024/05/01 上午10:02:03", "2024年5月1日 週三 10:02:03", "2024년 5월 1일 오전 10:02:03",
        "1/5/24, 10:02:03\u202fa.\u00a0m.", "1.5.2024 klo 10.02.03", "01/05/24 10.02.03", "2024/05/01 午前10:02:03",
    ],
)  # fmt: skip
def test_the_same_moment_in_the_ways_of_many_exports(text: str) -> None:
    assert at(text, day_first=text.startswith(("1", "01/"))) == [MOMENT * SECOND]


@pytest.mark.parametrize(
    ("text", "minutes"),
    [("10:03", 603), ("3:05 PM", 905), ("下午3:05", 905), ("12:30 AM", 30), ("12:30 pm", 750), ("中午12:10", 730),
     ("晚上8点05分", 1205), ("23:59", 1439), ("오후 1:05", 785), ("午後1:05", 785), ("1:05 p. m.", 785), ("9h05", 545)],
)  # fmt: skip
def test_clocks_without_a_date_count_from_midnight_and_say_so(text: str, minutes: int) -> None:
    found = parsed(pl.Series([text]))
    assert found.row(0) == (minutes * 60 * SECOND, False)


@pytest.mark.parametrize(
    "text", ["", "nan", "yesterday", "25:00", "2024-13-01 10:00", "2024-02-30 10:00", "12", "12.50", None]
)
def test_what_is_no_time_is_null(text: str | None) -> None:
    assert at(text) == [None]


def test_a_day_above_twelve_tells_the_order_and_else_the_recipe_does() -> None:
    thirteenth = at("2024-04-13 08:00")
    assert at("13/04/2024 08:00") == at("04/13/2024 08:00") == thirteenth
    assert at("03/04/2024 08:00") == at("2024-03-04 08:00")
    assert at("13/04/2024 à 8h00") == thirteenth
    assert at("03/04/2024 08:00", day_first=True) == at("2024-04-03 08:00")


def test_columns_may_mix_all_of_it() -> None:
    assert at("2024-05-01 10:02:03", None, "x", "1714557724", "10:00") == [
        MOMENT * SECOND, None, None, (MOMENT + 1) * SECOND, 36_000 * SECOND,
    ]  # fmt: skip


def test_which_times_name_their_second() -> None:
    texts = pl.Series("t", ["10:02", "10:02:03", "2024-05-01T10:02:03Z", "1714557723", "2024-05-01", "3:05 PM"])
    found = texts.to_frame().select(to_the_second(pl.col("t")))["t"].to_list()
    assert found == [False, True, True, True, False, False]


PART = st.integers(0, 33).map(str) | st.integers(0, 33).map("{:02d}".format)
WRITTEN = st.builds(
    "{}{}{}{}{}{}{}:{}{}{}".format,
    st.sampled_from(["2024", "1999", "0050"]) | PART, st.sampled_from("-/.年"), PART, st.sampled_from("-/.月"),
    st.sampled_from(["2024", "1999"]) | PART, st.sampled_from([" ", "T", ", ", "日", "日 "]), PART,
    st.integers(0, 61).map("{:02d}".format), st.sampled_from(["", ":07", ":59", ":60", ":09.5", ":09.123456"]),
    st.sampled_from(["", "Z", " AM", " PM"]),
)  # fmt: skip
OTHER = st.sampled_from([None, "", "10:03", "1714557723", "1714557723000", "12345", "１２:30", "٣:30", "x"])


@given(times=st.lists(WRITTEN | OTHER, max_size=8), day_first=st.booleans())
def test_a_column_that_is_read_at_once_says_what_each_of_its_times_says_alone(
    times: list[str | None], *, day_first: bool
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("curation.times.SAMPLE", 0)  # so nothing tells how they are written
        alone = [parsed(pl.Series([time], dtype=pl.String), day_first=day_first).row(0) for time in times]
    together = parsed(pl.Series(times, dtype=pl.String), day_first=day_first).rows()
    assert [at and (at, dated) for at, dated in together] == [at and (at, dated) for at, dated in alone]


def test_digits_of_other_scripts_are_no_time_and_stop_nobody() -> None:
    assert at("１２:30", "12:30", "１７１４５５７７２３") == [None, 750 * 60 * SECOND, None]
