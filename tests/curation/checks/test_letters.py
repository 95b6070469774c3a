"""What compiled kernels say of texts is what Polars says, and where they are missing Polars is asked."""

import re
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import polars as pl
import pytest

from curation import fast
from curation.agreement import plain_of
from curation.checks import letters
from curation.checks.dialogue import echoes_question, repetition
from curation.checks.language import _of_two, _rare, of_both
from curation.checks.wording import _in_common, _units
from curation.diversity import _skeletons
from curation.judge import _line
from curation.split import plain_letters

LETTERS = [
    *"abcAB 12_-.,!?'’“”。，！？[]()（）退款到账多久您好亲的了吗ÀéßſKİΣΑςЖйかなカ한글ไทย🙂\t\n０８ａＡ〇々²½",
    "\U00020000", "\U00020001", "\u0301", "\u200d", "[姓名1]",
]  # fmt: skip
EDGES = [
    "", "[", "]", "[]", "[a]", "[[ab]]", "x[ab]y", "ab[c d]ef]", f"[{'a' * 24}]", f"[{'退' * 24}]", f"[{'a' * 25}]",
    "退" * 3000, "a 退" * 3000,
]  # fmt: skip


pytestmark = pytest.mark.usefixtures("unloaded_kernels")


def texts(seed: int, count: int = 3000, longest: int = 40) -> list[str]:
    draw = Random(seed)
    return ["".join(draw.choices(LETTERS, k=draw.randint(0, longest))) for _ in range(count)]


def near(text: str, draw: Random) -> str:
    """Return a text with up to three letters changed, added or left out."""
    said = list(text)
    for _ in range(draw.randint(0, 3)):
        place = draw.randint(0, len(said))
        said[place : place + draw.randint(0, 1)] = draw.choices(LETTERS, k=draw.randint(0, 1))
    return "".join(said)


@pytest.fixture(params=["kernels", "Polars"])
def kernels(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    compiled = fast._compiled() if request.param == "kernels" else None
    if request.param == "kernels" and compiled is None:
        pytest.skip("without the extra fast")
    monkeypatch.setattr(letters, "accelerator", lambda _texts: compiled)
    return compiled


def both(monkeypatch: pytest.MonkeyPatch, ask: Any) -> tuple[Any, Any]:
    """Return what is told with the kernels, and without."""
    compiled = fast._compiled()
    if compiled is None:
        pytest.skip("without the extra fast")
    told = []
    for one in (compiled, None):
        monkeypatch.setattr(letters, "accelerator", lambda _texts, one=one: one)
        told.append(ask())
    return told[0], told[1]


@pytest.mark.usefixtures("kernels")
@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("退款 App 2.0", 5), ("iPhone15退款", 3), ("", 0), ("，。!", 0), ("订单[订单号 12]到了", 5), ("[]", 0),
        ("[退[款]", 2),
        (f"[{'退' * 24}]", 1), (f"[{'退' * 25}]", 25), ("don't", 2), ("ab[x]cd", 3), ("\U00020000a", 2), (None, None),
    ],
)  # fmt: skip
def test_units_are_han_characters_words_and_masks(text: str | None, count: int | None) -> None:
    assert _units(pl.Series("said", [text, "你好"], dtype=pl.String)).to_list() == [count, 2]


@pytest.mark.usefixtures("kernels")
def test_plain_is_letters_and_digits_in_lower_case() -> None:
    said = ["你好，iPhone 15_Pro！", "ΟΔΟΣ", "İ ẞȺ", "_。!? ", "", None, "a\nB\u0301"]
    assert plain_of(pl.Series("said", said)).to_list() == [
        "你好iphone15pro",
        "οδος",
        "i̇ßⱥ",
        "_。!?",
        "",
        None,
        "ab\u0301",
    ]


def test_kernels_make_texts_plain_as_polars_does(monkeypatch: pytest.MonkeyPatch) -> None:
    said = pl.Series(
        "said", [*texts(15), *EDGES, None, *(chr(code) for code in (*range(0x3000), *range(0xA000, 0xAC00)))]
    )
    for make in (plain_of, plain_letters, _line):
        told, expected = both(monkeypatch, partial(make, said))
        assert told.equals(expected)
        assert told.name == expected.name


@pytest.mark.parametrize(
    ("products", "framing"), [([], ""), (["phone*", "tv", "手机"], "(?i)请问|(?-u:\\b)please(?-u:\\b)")]
)
def test_kernels_make_frames_as_polars_does(monkeypatch: pytest.MonkeyPatch, products: list[str], framing: str) -> None:
    draw, parts = Random(16), [*LETTERS, *FRAMES]
    said = pl.Series("said", [*("".join(draw.choices(parts, k=draw.randint(0, 12))) for _ in range(9000)), *EDGES])
    kept = said.clone()
    told, expected = both(monkeypatch, lambda: _skeletons(said, products=products, framing=framing))
    assert told.equals(expected)
    assert said.equals(kept)


# What a step of skeletons looks for, in parts.
FRAMES = [
    "《", "》", "“x”", "「a」", '"', "http://a.b", "a@b.c", "Sam", " Sam Old", ", Bo", "□", "□", "15", "-3", "3-b", "٣",
    "３", "%", "50%", "3.5", "Please ", "tv", "phones", "手机", "请问", "  ", "⺀", "Ⓐ", "ⅷ",
]  # fmt: skip


def test_kernels_count_units_as_polars_does(monkeypatch: pytest.MonkeyPatch) -> None:
    said = pl.Series([*texts(1), *EDGES, None])
    told, expected = both(monkeypatch, lambda: _units(said))
    assert told.equals(expected)
    assert told.max() > 20


@pytest.mark.usefixtures("kernels")
def test_the_language_of_both_sides_is_that_of_one_behind_the_other() -> None:
    edges = ["À", "ÿ", "Ā", "ȿ", "ɀ", "ɏ", "ɐ", "¿", "ʰ", "⺀", "々", "𠀀", "退", "a", "", "退a", "1"]
    pairs = [(one, other) for one in edges for other in edges] + list(zip(texts(8), texts(9), strict=True))
    one, other = (pl.Series(side) for side in zip(*pairs, strict=True))
    told = [text and _plain_language(text) for text in (one + other)]
    assert of_both(one, other).to_list() == [say or "other" for say in told]


def _plain_language(text: str) -> str:
    han = len(re.findall(r"[々〇〡-〩⺀-⻳㐀-鿿\U00020000-\U0002A6DF]", text))
    words = len(re.findall(r"[A-Za-z\u00c0-\u024f]+(?:['’][A-Za-z]+)?", text))
    return "other" if not han and not words else "zh" if han >= words else "en"


def test_kernels_tell_languages_and_rare_letters_as_polars_does(monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = (pl.Series([*texts(seed, longest=4), *EDGES]) for seed in (2, 3))
    languages, expected = both(monkeypatch, lambda: _of_two(pl.concat([one, pl.Series([None], dtype=pl.String)])))
    assert languages.equals(expected)
    assert set(languages) == {"zh", "en", "other"}
    rare, expected = both(monkeypatch, lambda: _rare((one, other), [letters.made_of(side) for side in (one, other)]))
    assert rare.equals(expected)
    assert 0.1 < rare.mean() < 0.9


def test_kernels_count_what_two_texts_have_in_common_as_numpy_does(monkeypatch: pytest.MonkeyPatch) -> None:
    draw, one = Random(4), [*texts(5), *EDGES]
    sides = pl.DataFrame({"one": [*one, None, "退款"], "other": [*(near(text, draw) for text in one), "退款", None]})
    told, expected = both(monkeypatch, lambda: _in_common(sides))
    assert told.equals(expected)
    assert told.max() > 5


@pytest.mark.parametrize("least", [0.5, 0.7, 0.85, 0.95])
def test_no_echo_is_lost_to_the_look_before(monkeypatch: pytest.MonkeyPatch, least: float) -> None:
    draw, asked = Random(6), [*texts(7, longest=70), *texts(8, count=300, longest=300), *EDGES]
    said = [near(text, draw) + draw.choice(["", "", "abcde"]) for text in asked]
    pairs = pl.DataFrame(
        {"question": asked, "answer": said, "cot": [None] * len(said)}, schema_overrides={"cot": pl.String}
    )
    told, expected = both(monkeypatch, lambda: pairs.select(echoes_question(least=least)).to_series())
    assert told.equals(expected)
    assert told.count() > 500


def test_pairs_that_cannot_be_echoes_are_told_without_their_letters_in_common(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = pl.Series(["退款多久到账", "退款多久到账", "退款多久到账", "是", "my router drops the wifi", "ΣΑΣ"])
    said = pl.Series(
        ["一般三到五天的", "您是问退款多久到账吗", "退款多久，到账！", "退款多久到账", "a bill came twice", "退款多久"]
    )
    may, _ = both(monkeypatch, lambda: letters.may_echo(said, asked, 0.85))
    assert may.tolist() == [False, True, True, False, False, True]  # the last is odd in lower case


@pytest.mark.parametrize(("least", "shortest"), [(1, 3), (2, 0), (2, 4), (3, 6)])
def test_no_repetition_is_lost_to_the_look_before(monkeypatch: pytest.MonkeyPatch, least: int, shortest: int) -> None:
    draw = Random(9)
    parts = [
        "请您稍等",
        "退款到账",
        "please wait",
        "ＡＢＣＤＥＦ",
        "Ещё раз",
        "été là-bas",
        "[订单号1]",
        "12345",
        "",
        "好",
        "——",
        "🙂🙂🙂🙂",
    ]
    spaces, marks = (
        ["", "", " ", "\u3000", "\u00a0", "\t", "\u2003"],
        ["。", "！", "!", "？", "?", "\n", ".", ";", "；", "，"],
    )
    said = ["".join(draw.choice(spaces) + draw.choice(parts) + draw.choice(spaces) + draw.choice(marks)
                    for _ in range(draw.randint(0, 6))) for _ in range(3000)]  # fmt: skip
    answers = pl.DataFrame({"answer": [*said, *texts(10, count=500), *EDGES, None]})
    check = repetition(least=least, shortest=shortest)
    told, expected = both(monkeypatch, lambda: answers.select(check).to_series())
    assert told.equals(expected)
    assert told.count() > 20
    may, _ = both(monkeypatch, lambda: letters.may_repeat(answers["answer"], 2, 4))
    assert 0.05 < may.mean() < 0.9


def test_bits_mean_the_same_to_the_kernels() -> None:
    source = (Path(letters.__file__).parents[1] / "fast" / "texts.py").read_text(encoding="utf-8")
    names = ["HAN", "WORD", "PLAIN", "LATIN", "BRACKET", "ODD", "NEW"]
    bits = ", ".join(str(getattr(letters, name)) for name in names)
    assert f"\n{', '.join(names)} = {bits}  #" in source


def test_han_characters_and_words_are_counted_as_patterns_count_them(monkeypatch: pytest.MonkeyPatch) -> None:
    said = pl.Series([*texts(8), *EDGES, None])
    counted, none = both(monkeypatch, lambda: letters.tongues(said))
    assert none is None
    for counts, pattern in zip(counted, (r"\p{Han}", "[A-Za-z]{2,}"), strict=True):
        assert counts.tolist() == said.str.count_matches(pattern).fill_null(0).to_list()
