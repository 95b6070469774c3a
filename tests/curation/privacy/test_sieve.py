"""With compiled kernels patterns are asked of fewer texts, and none that matches is missed."""

from __future__ import annotations

from random import Random
from types import ModuleType

import polars as pl
import pytest

from curation import fast
from curation.checks import letters
from curation.privacy import search, sieve
from curation.privacy.guards import GUARDS, WIDE, looks
from curation.privacy.search import find
from tests.curation.privacy.test_search import MARKS, MORE, PIECES, units

pytestmark = pytest.mark.usefixtures("unloaded_kernels")
ODD = [
    "ſ",
    "\u212a",
    "İ",
    "ı",
    "é",
    "🙂",
    "号",
    "0",
    "12",
    "a1",
    "1Z999AA1",
    "AA:BB:CC:DD:EE:FF",
    "gh",
    "路",
    "区",
    "Q",
    "x" * 25,
]
ODD += [
    "密码",
    "password is ",
    "code: ",
    "birthday ",
    "Dr. ",
    "Dear ",
    "thanks ",
    "my name is ",
    "plate ",
    "京A",
    "wxid_",
    "1:21-cv-",
]
ODD += [
    "on behalf of ",
    "Oak Road ",
    "Flat 2",
    "SW1A 1AA",
    "p.o. box 12",
    "zip ",
    "浙江省",
    "3号楼",
    "单元201",
    "花园",
    "第1号",
    "民初",
    "１",
]


@pytest.fixture
def kernels(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    compiled = fast._compiled()
    if compiled is None:
        pytest.skip("without the extra fast")
    monkeypatch.setattr(search, "accelerator", lambda _: compiled)
    return compiled


def said(seed: int, count: int = 4000) -> list[str]:
    draw = Random(seed)
    pieces = PIECES + MORE + MARKS * 2 + ODD * 2
    texts = ["".join(draw.choices(pieces, k=draw.randint(0, 7))) for _ in range(count)]
    return [draw.choice((str, str.upper, str.lower))(text) for text in texts]


@pytest.mark.parametrize(
    ("bit", "pattern"),
    [
        (sieve.NUMBER, GUARDS["number"]),
        (sieve.SIX, GUARDS["number"].replace("{6}", "{5}")),
        (sieve.LONG, "[A-Za-z0-9+/_ſ\u212aİı-]{24}"),
        (sieve.BESIDE, "[A-Za-zſ\u212aİı][0-9]|[0-9][A-Za-zſ\u212aİı]"),
        (sieve.MARKS, "(?:[:：-][^:：-]*){5}"),
        (sieve.SOME, "[0-9零〇一二三四五六七八九幺]"),
        (sieve.FULL_WIDTH, {names[0]: pattern for names, pattern in looks([])}[WIDE]),
    ],
)
def test_the_kernel_sees_what_a_pattern_does(bit: int, pattern: str, kernels: ModuleType) -> None:
    draw = Random(3)
    chars = "0123456789零一九幺 ,，、()（）./·–—-:：aZ_+é🙂号～＂＇＊＋－９＜＞＠］　！，"
    texts = [
        *said(1),
        *("".join(draw.choices(chars, k=draw.randint(0, 30))) for _ in range(4000)),
        "1" + " " * 3 + "1" * 6,
    ]
    texts += ["1" + " " * 4 + "1" * 6, "x" * 23, "x" * 24, "", "1" * 300, "-" * 300]
    told = kernels.shapes(letters.flat(pl.Series(texts)), sieve._kinds()) & bit != 0
    assert told.tolist() == pl.Series(texts).str.contains(pattern).to_list()
    assert 0.01 < told.mean() < 0.99


@pytest.mark.parametrize("names", [tuple(GUARDS), ("email",), ("email", "link", "chat"), ("plate", "secret")])
def test_no_guard_is_kept_from_a_text_that_it_matches(names: tuple[str, ...], kernels: ModuleType) -> None:
    texts = pl.Series([*said(2), "ｍａｉｌ＠ｘ"])
    guards = search._guards_sieve(names).may(texts, kernels)
    asked = {name: GUARDS[name] for name in names} | {WIDE: {names[0]: it for names, it in looks([])}[WIDE]}
    for may, (name, guard) in zip(guards, asked.items(), strict=True):
        matches = texts.str.contains(guard)
        assert matches.any(), name
        assert may is not None, name
        assert not (matches.to_numpy() & ~may).any(), name
    seldom = pl.Series(["我上周买的空气炸锅，发票抬头写错了怎么改？", "Can the router be fixed?"])
    assert not any(may is None or may.any() for may in search._guards_sieve(names).may(seldom, kernels))


@pytest.mark.parametrize("seed", [8, 9])
def test_with_kernels_the_same_is_found(seed: int, kernels: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    draw = Random(seed)
    texts = [*said(seed, 3000), "张伟", "7720454", "一三八一二三四五六七八"]
    asked = [draw.choice([None, None, "order-number", "phone name", "address chat-account"]) for _ in texts]
    rows = units(texts).with_columns(asked=pl.Series(asked, dtype=pl.String))
    mine = find(rows, search.EVERYTHING)
    monkeypatch.setattr(search, "accelerator", lambda _: None)
    assert mine.equals(find(rows, search.EVERYTHING))
    assert mine["kind"].n_unique() >= 15
