"""Work on ranges of whole conversations gives what work on all of them gives, in order."""

import polars as pl
import pytest

from curation import ranges
from curation.ranges import each_row, side_by_side, together

MESSAGES = pl.DataFrame({"conversation": list("aabcccdde"), "n": range(9)})
OTHERS = pl.DataFrame({"conversation": ["e", None, "c", "a", "c", "zz"], "n": range(6)})


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranges, "LEAST", 2)


def cut(cores: int, monkeypatch: pytest.MonkeyPatch) -> list[ranges.Frames]:
    monkeypatch.setattr(pl, "thread_pool_size", lambda: cores)
    return side_by_side({"messages": MESSAGES, "others": OTHERS}, dict)


@pytest.mark.parametrize(
    ("cores", "expected"),
    [(1, ["aabcccdde"]), (2, ["aabccc", "dde"]), (3, ["aab", "ccc", "dde"]), (9, ["aa", "bccc", "dde"])],
)
def test_each_range_has_whole_conversations_and_what_belongs_to_them(
    cores: int, expected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = cut(cores, monkeypatch)
    assert ["".join(one["messages"]["conversation"]) for one in made] == expected
    strays = [None, "zz"]
    for place, one in enumerate(made):
        mine = set(one["messages"]["conversation"])
        first = strays if place == 0 else []
        assert one["others"]["conversation"].to_list() == [c for c in OTHERS["conversation"] if c in mine or c in first]
    whole = together(made)
    assert whole["messages"].equals(MESSAGES)
    assert whole["others"].sort("n").equals(OTHERS)


def test_one_conversation_is_never_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pl, "thread_pool_size", lambda: 4)
    alone = pl.DataFrame({"conversation": ["a"] * 50})
    assert [one["messages"].height for one in side_by_side({"messages": alone}, dict)] == [50]


def test_a_fault_in_one_range_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pl, "thread_pool_size", lambda: 2)

    def work(frames: ranges.Frames) -> ranges.Frames:
        if "e" in frames["messages"]["conversation"]:
            raise KeyError("e")
        return frames

    with pytest.raises(KeyError):
        side_by_side({"messages": MESSAGES}, work)


@pytest.mark.parametrize("cores", [1, 2, 4, 9])
def test_each_row_is_told_in_its_place(cores: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pl, "thread_pool_size", lambda: cores)
    told = each_row(MESSAGES, (pl.col("n") * 2).alias("twice"))
    assert (told.name, told.to_list()) == ("twice", [0, 2, 4, 6, 8, 10, 12, 14, 16])
    assert each_row(MESSAGES.clear(), pl.col("n") * 2).to_list() == []
