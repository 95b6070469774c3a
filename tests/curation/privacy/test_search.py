"""What Python is asked after the guards and the closer look: no less than when it is asked for everything."""

from __future__ import annotations

from random import Random

import polars as pl
import pytest

from curation.privacy import search
from curation.privacy.numbers import flat
from curation.privacy.search import FINDERS, Masking, _closer, find, scan
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


def test_what_the_closer_look_leaves_out_has_nothing_for_its_finder() -> None:
    random = Random(5)
    texts = ["".join(random.choices(PIECES, k=random.randint(1, 7))) for _ in range(2500)]
    looks = _closer(pl.Series(texts))
    found = [scan(text, close=look) for text, look in zip(texts, looks, strict=True)]
    assert found == [scan(text) for text in texts]
    assert {hit.kind for hits in found for hit in hits} >= {
        "mobile", "phone", "order-number", "tracking-number", "passport", "iban", "identity-card", "bank-card", "name",
        "device", "tax-number",
    }  # fmt: skip


def test_a_number_beside_a_placeholder_is_found_and_one_inside_is_not() -> None:
    texts = ["[订单号1] 订单号7720454", "订单号[订单号1]", "我叫张伟[姓名1]"]
    looks = _closer(pl.Series(texts))
    kinds = [[hit.kind for hit in scan(text, close=look)] for text, look in zip(texts, looks, strict=True)]
    assert kinds == [["order-number"], [], ["name"]]


MORE = [
    "lin@example.com ", "http://a.b/x?token=abcdefg12&mail=a@b.com ", "www.x.com/1?key=sk-abcdefghijklmnopqrst",
    "密码是abc12345", "微信 ab1234567 ", "QQ:12345678 ", "京A12345", "93.184.216.34 ", "文三路12号3单元201室",
    "12 Oak Street", "my name is Bob Ross. ", "lin at example dot com ",
]  # fmt: skip


def said() -> list[str]:
    random = Random(6)
    return ["".join(random.choices(PIECES + MORE, k=random.randint(1, 7))) for _ in range(1500)]


def test_finders_find_the_kinds_that_they_say_and_no_others() -> None:
    texts, found = [flat(text) for text in said()], set()
    for finder, _, _, kinds in FINDERS:
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
    units = pl.DataFrame({"text": texts, "asked": asked}, schema_overrides={"asked": pl.String}).with_row_index("row")
    mine = find(units, wanted).rows()
    monkeypatch.setattr(search, "_needed", lambda _: (FINDERS, search._EVERYTHING, True))
    assert mine == find(units, wanted).rows()
    assert mine


def test_four_numbers_with_leading_zeros_are_no_address_and_stop_nothing() -> None:
    text = "固件01.02.03.04的设备08.8.4.4，公网93.184.216.34"
    assert [(text[hit.start : hit.end], hit.kind) for hit in scan(text)] == [("93.184.216.34", "ip")]
