"""Compiled kernels count what is left without function words as Polars does, whatever the words are."""

from functools import partial
from random import Random
from types import ModuleType

import polars as pl
import pytest

from curation import fast, packs
from curation.checks import contents, letters, registry
from curation.checks.literals import BORDER, every
from curation.checks.wording import content, in_common, regex, units

pytestmark = pytest.mark.usefixtures("unloaded_kernels")
B = BORDER
PACKS = packs.load(["common", "zh", "en"])
EDGES = [
    "", "[x]", "thank[x]you", "[退款]", f"退[{'退' * 25}]款", "的[的]的", "[a[b]c]", "[", "]", "it's", "don’t the",
    "thé", "THE Router", "ſo", "\u212aing", "İt ΣΑΣ is", "了", "abc ABC abc", "7466 4766", "i18n i i_i", "退\x00款",
]  # fmt: skip


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        (r"(?i)(什么时候|什么|[吗呢]|(?-u:\b)(?:The|an?)(?-u:\b))",
         ["什么时候", "什么", "吗", "呢", f"{B}the{B}", f"{B}an{B}", f"{B}a{B}"]),
        ("(?i)(ab??|c{1})", ["a", "ab", "c"]),
        ("(?i)(a+)", None), ("(?i)(a*)", None), ("(?i)(a{2,3})", None), ("(?i)(^a)", None), (r"(?i)(\d)", None),
        ("(?i)([^a])", None), ("(?i)(é)", None), ("(?i)(a|)", None), (r"(?i)((?-u:\b)。)", None), ("(a)", None),
        ("(?i)([ab]{1}[cd])", ["ac", "ad", "bc", "bd"]),
    ],
)  # fmt: skip
def test_all_that_a_pattern_matches_is_listed_as_an_engine_tries_it(pattern: str, expected: list[str] | None) -> None:
    assert every(pattern) == (expected and tuple(expected))


def pairs(pattern: str) -> pl.DataFrame:
    """Return questions and answers of function words, alone and within others, with what stands beside them."""
    draw, words = Random(3), [one.strip(BORDER) for one in every(pattern) or ()]
    others = [
        "退款",
        "到账",
        "router",
        "App",
        "x",
        "7",
        "2024",
        "[订单号1]",
        "[",
        "]",
        " ",
        "，",
        "_",
        "'",
        "é",
        "🙂",
        *EDGES,
    ]

    def text() -> str:
        said = [
            draw.choice((str, str.upper))(draw.choice(draw.choice((words, others)))) for _ in range(draw.randint(0, 20))
        ]
        return draw.choice(("", " ", "，")).join(said)

    rows = [{"question": text(), "answer": text()} for _ in range(3000)]
    return pl.DataFrame([*rows, *({"question": one, "answer": EDGES[-i]} for i, one in enumerate(EDGES)),
                         {"question": None, "answer": "退款"}])  # fmt: skip


@pytest.mark.parametrize(
    "pattern", [PACKS.cues["function"], r"什么|什么时候|\bto\b|to be|t|an?\b|\be|款到|了。", "thank you|是[,，]"]
)
def test_kernels_count_what_is_left_as_polars_does(pattern: str, monkeypatch: pytest.MonkeyPatch) -> None:
    kernels = fast._compiled()
    if kernels is None:
        pytest.skip("without the extra fast")
    function_words = regex(pattern)
    rows = pairs(function_words)
    with monkeypatch.context() as patch:
        patch.setattr(letters, "accelerator", lambda _: kernels)
        told = contents.counted(function_words)(rows)
    bare = rows.select(content(pl.col(side), function_words) for side in contents.SIDES)
    expected = bare.select(
        *(units(pl.col(side)) for side in contents.SIDES), common=in_common(*map(pl.col, contents.SIDES))
    )
    assert told is not None
    assert told.equals(expected)
    assert told["common"].max() > 2
    assert 0.1 < (told["common"] > 0).mean() < 0.9


@pytest.fixture
def kernels(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Have the kernels used, however few texts there are."""
    compiled = fast._compiled()
    if compiled is None:
        pytest.skip("without the extra fast")
    for module in (contents, letters):
        monkeypatch.setattr(module, "accelerator", lambda _: compiled)
    return compiled


@pytest.mark.parametrize("pattern", [PACKS.cues["function"], r"什么|\bto\b|to be|t|\be|k|s", "款到|了。"])
@pytest.mark.parametrize("least", [1, 2, 5])
@pytest.mark.usefixtures("kernels")
def test_kernels_tell_what_is_said_often_as_polars_does(pattern: str, least: int) -> None:
    words = regex(pattern)
    rows = pairs(words)
    told = contents.often("question", words, least)(rows)
    assert told is not None
    assert told["often"].equals(rows["question"].str.count_matches(words) >= least)
    assert 0 < told["often"].mean() < 1


@pytest.mark.parametrize("said", [[], ["多久到账？"], [None], [""]])
def test_few_rows_or_none_are_counted_once_kernels_are_loaded(said: list[str | None], kernels: ModuleType) -> None:
    rows = pl.DataFrame({"question": said, "answer": said}, schema=dict.fromkeys(contents.SIDES, pl.String))
    words = regex(PACKS.cues["function"])
    for told in (contents.counted(words)(rows), contents.often("answer", words, 2)(rows)):
        assert told is not None
        assert told.height == len(said)
    for read in (letters.told(rows["answer"]), letters.tongues(rows["answer"])):
        assert read is not None
        assert len(read[0]) == len(said)
    for column in (
        letters.han_pairs(rows["question"], rows["answer"]),
        letters.may_echo(rows["question"], rows["answer"], 0.8),
        letters.may_repeat(rows["answer"], 3, 4),
        kernels.shapes(letters.flat(rows["answer"]), letters._KINDS),
    ):
        assert column is not None
        assert len(column) == len(said)


def test_function_words_without_end_are_left_to_polars() -> None:
    assert contents.counted(regex("a+"))(pl.DataFrame({"question": ["a"], "answer": ["b"]})) is None


def test_columns_made_at_once_take_the_place_of_what_only_they_need() -> None:
    asked: list[str] = []

    def noted(name: str, texts: pl.Series) -> pl.Series:
        asked.append(name)
        return texts

    first = registry.shared(pl.col("a").map_batches(partial(noted, "first"), return_dtype=pl.String), "a test's first")
    second = registry.shared(first.map_batches(partial(noted, "second"), return_dtype=pl.String), "a test's second")
    registry.at_once(second, lambda frame: frame.select(b="a") if frame.height > 1 else None, "b")
    for rows, expected in ((["x"], ["first", "second"]), (["x", "y"], [])):
        asked.clear()
        assert registry.answers(pl.DataFrame({"a": rows}), {"said": second})["said"].to_list() == rows
        assert asked == expected
