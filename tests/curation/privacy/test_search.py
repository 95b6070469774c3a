"""What Python is asked after the guards, and where: no less than when it is asked for everything everywhere."""

from __future__ import annotations

import re
from random import Random

import polars as pl
import pytest
import yaml

from curation import resources
from curation.privacy import numbers, search
from curation.privacy.numbers import flat
from curation.privacy.patterns import Finder, Hit, Taken, loose
from curation.privacy.search import FINDERS, Masking, find, scan
from curation.privacy.words import KINDS

PIECES = [
    "订单号",
    "[订单号1]",
    "［订单号12］",
    "order number ",
    "[order number 1]",
    "电话",
    "手机",
    "call me on ",
    "护照",
    "passport no. ",
    "VAT ",
    "税号",
    "IMEI",
    "S/N ",
    "身份证",
    "病历号",
    "NHS number ",
    "案号",
    "（2023）京0105民初12345号",
    "2:21-cv-01234",
    "车架号LSVAU2180C2183294",
    "患者",
    "原告",
    "李强诉",
    "我老公",
    "王芳医生",
    "the defendant ",
    "Mark Hughes",
    "sort code 20-00-00",
    "运单号",
    "tracking ",
    "订单",
    "是",
    "：",
    ":",
    " ",
    "-",
    "+",
    "(",
    ")",
    "is ",
    "7720454",
    "13812345678",
    "138 1234 5678",
    "+44 20 7946 0958",
    "(010) 8888 8888",
    "010-88888888",
    "0800 123 4567",
    "AB",
    "ab-cd-",
    "G12345678",
    "SF1234567890123",
    "1Z999AA10123456784",
    "GB29NWBK60161331926819",
    "123-45-6789",
    "AB123456C",
    "00:1A:2b:3c:4d:5e",
    "6222021234567890123",
    "3782 822463 10005",
    "(202) 555-0143",
    "一三八一二三四五六七八",
    "１３８１２３４５６７８",
    "张伟",
    "张伟 ",
    "姓名",
    "我叫",
    "王先生",
    "您好",
    "[姓名1]",
    "2024-01-02",
    "¥300",
    "元",
    "，",
    "。",
    "\n",
    "a",
    "1",
    "0",
    "[数字x]",
    "<phone>",
    "138****5678",
    "AB-1234567",
    "11010519491231002X",
    "DE123456789",
]


MARKS = [*"！（），：；？～。、（）０８ａ＠．－＋＝＃　", "微信：", "ip：", "：：1", "（at）", "88231", "订单号"]


def units(texts: list[str]) -> pl.DataFrame:
    return pl.DataFrame({"text": texts, "asked": None}, schema_overrides={"asked": pl.String}).with_row_index("row")


def found(texts: list[str]) -> list[list[tuple[int, int, str, str]]]:
    """Return what is found in many texts at once, as `scan` returns it of each."""
    hits: list[list[tuple[int, int, str, str]]] = [[] for _ in texts]
    for row, *hit, _ in find(units(texts), search.EVERYTHING).iter_rows():
        hits[row].append(tuple(hit))
    return hits


@pytest.mark.parametrize("seed", [5, 7])
def test_many_texts_at_once_give_what_each_gives_alone(seed: int) -> None:
    random = Random(seed)
    pieces = [piece for piece in PIECES + MORE + MARKS * 2 if piece != "一三八一二三四五六七八"]
    texts = ["".join(random.choices(pieces, k=random.randint(1, 7))) for _ in range(2500)]
    alone = [scan(text) for text in texts]
    assert found(texts) == alone
    assert len({hit.kind for hits in alone for hit in hits}) >= 15


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("订单号：88231", "order-number"), ("phone（010）8231 4567", "phone"), ("00：1A：2b：3c：4d：5e", "device"),
        ("lin（at）example（dot）com", "email"), ("https：//a.b/？token=abcdef12", "link-token"),
        ("密码：！（abc）？；，～12", "secret"), ("2001：db8：：1", "ip"), ("浙江省文苑，西湖镇青枫路2号", "address"),
        ("12， Oak Street", "address"), ("８.８.４.５", "ip"),
    ],
)  # fmt: skip
def test_full_width_marks_do_not_keep_a_text_from_being_looked_at(text: str, kind: str) -> None:
    assert [hit.kind for hit in scan(text)] == [kind] == [kind for *_, kind, _ in found([text])[0]]


def test_a_finder_finds_the_same_where_it_may_match_as_everywhere() -> None:
    texts = [flat(text) for text in said()]
    lines = pl.DataFrame({"line": texts})
    for finder, *_ in FINDERS:
        spots = lines.select(pl.col("line").str.extract_all(finder.loose)).to_series().to_list()
        for text, its in zip(texts, spots, strict=True):
            assert list(finder(text, its)) == list(finder(text))


def test_what_is_not_looked_into_where_it_would_not_count_has_no_other_hits_than_its_matches() -> None:
    texts, seen = [flat(text) for text in said()], set()
    for finder in (its.finder for its in FINDERS if its.finder.whole):
        for text in texts:
            spans = [match.span() for match in finder.pattern.finditer(text)]
            found = [(hit.start, hit.end) for hit in finder(text)]
            assert set(found) <= set(spans)
            seen |= {hit.kind for hit in finder(text)}
            spots = pl.Series([text]).str.extract_all(finder.loose)[0].to_list()
            for start, end in ((0, 4), (3, 30)):
                left = [its for its in found if its[0] >= end or its[1] <= start]
                for where in (None, spots):
                    hits = finder(text, where, Taken([(start, end)]))
                    assert [(hit.start, hit.end) for hit in hits] == left
    assert len(seen) >= 7
    assert "" not in seen


@pytest.mark.parametrize("link", ["", " ", "\n", "号", "号码是：", " is ", "-", "IS"])
def test_a_number_that_a_word_calls_something_else_is_told_by_what_stands_right_before_it(link: str) -> None:
    words = (resources.shipped("rules") / "personal_data.yaml").read_text(encoding="utf-8")
    listed = yaml.safe_load(words)["not_personal"].split()
    for word in [*listed, "$", "￥", "RMB", "usd", "HK$"]:
        for said in (word, word.upper(), word.title(), word.replace("s", "ſ")):
            text = f"a {said}{link}7720454"
            money = word in ("$", "￥", "RMB", "usd", "HK$") and link not in ("", " ", "\n")
            assert numbers._quantity(text, len(text) - 7, len(text)) is not money, text
    assert not numbers._quantity("我的7720454", 2, 9)


def test_spots_that_overlap_with_what_matches_lose_nothing() -> None:
    finder = Finder(re.compile(r"(?<!x)ab(?=c)"), lambda match: [Hit(*match.span(), "name", match.group())])
    text = "xabc abc ab abcabc"
    spots = re.findall("abc", text)
    assert [hit.start for hit in finder(text, spots)] == [5, 12, 15] == [hit.start for hit in finder(text)]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        (r"(?<![A-Z(])\bab\s[\s[x](?=c(?!d)$)", r"ab[\s\x1c-\x1f][\s\x1c-\x1f\[x](?:c)"),
        (r"(?=[)\]])\(a|^b(?:c(?<=\))d)", r"\(a|b(?:cd)"),
        (r"[^]x]\\(?P<v>[\]a])", r"[^]x]\\(?P<v>[\]a])"),
    ],
)
def test_what_stands_around_a_match_is_left_out_for_polars(pattern: str, expected: str) -> None:
    assert loose(re.compile(pattern)) == expected


def test_without_case_polars_is_told_of_the_letters_that_python_takes_for_an_i() -> None:
    assert loose(re.compile("[a-z]x[^i]", re.IGNORECASE)) == "(?i)(?:[a-z]|[İı])x[^i]"


def test_a_number_beside_a_placeholder_is_found_and_one_inside_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "_FEW", 0)
    texts = ["[订单号1] 订单号7720454", "订单号[订单号1]", "我叫张伟[姓名1]"]
    assert [[kind for *_, kind, _ in hits] for hits in found(texts)] == [["order-number"], [], ["name"]]


MORE = [
    "lin@example.com ", "http://a.b/x?token=abcdefg12&mail=a@b.com ", "www.x.com/1?key=sk-abcdefghijklmnopqrst",
    "密码是abc12345", "微信 ab1234567 ", "QQ:12345678 ", "京A12345", "93.184.216.34 ", "文三路12号3单元201室",
    "12 Oak Street", "my name is Bob Ross. ", "born on 3 May 1982", "1990年1月2日出生", "lin at example dot com ",
    "保单号7720454 ", "policy number 77204518 ", "客服小王，", "我是小赵。", "姓名：阿力木，", "订单号7720，",
    "order number 7720 ",
]  # fmt: skip


def said() -> list[str]:
    random = Random(6)
    return ["".join(random.choices(PIECES + MORE, k=random.randint(1, 7))) for _ in range(1500)]


def test_finders_find_the_kinds_that_they_say_and_no_others() -> None:
    texts, found = [flat(text) for text in said()], set()
    for finder, _, kinds, _ in FINDERS:
        mine = {hit.kind for text in texts for hit in finder(text)} - {""}
        assert mine <= kinds <= set(KINDS)
        found |= mine
    assert found == set(KINDS)


@pytest.mark.parametrize("seed", range(6))
def test_of_some_kinds_the_same_is_found_as_when_all_finders_are_asked(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    random = Random(seed)
    some = [["email"], ["link-token", "secret"], ["name"], ["mobile", "ip"]]
    wanted = Masking(frozenset(some[seed] if seed < len(some) else random.sample(sorted(KINDS), 9)))
    texts = said()
    asked = [random.choice([None, None, "order-number", "phone name", "address chat-account"]) for _ in texts]
    rows = units(texts).with_columns(asked=pl.Series(asked, dtype=pl.String))
    mine = find(rows, wanted).rows()
    monkeypatch.setattr(search, "_needed", lambda _: (FINDERS, search._EVERYTHING, True))
    assert mine == find(rows, wanted).rows()
    assert mine


def test_four_numbers_with_leading_zeros_are_no_address_and_stop_nothing() -> None:
    text = "固件01.02.03.04的设备08.8.4.4，公网93.184.216.34"
    assert [(text[hit.start : hit.end], hit.kind) for hit in scan(text)] == [("93.184.216.34", "ip")]
