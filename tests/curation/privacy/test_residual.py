"""The second look at what leaves us: its cheap looks lose nothing that its patterns find."""

from __future__ import annotations

from random import Random

import polars as pl
import pytest

from curation.privacy import residual

PIECES = [
    "13812345678",
    "138 1234 5678",
    "１３８１２３４５６７８",
    "138-1234-5678",
    "2.3.4.5",
    "2001:db8:0:0:1",
    "::1",
    "1:2:3:4:5:6:7:8",
    "GB29NWBK60161331926819",
    "x@y.com",
    "SF1234567890123",
    "AB123456789CD",
    "京A12345",
    "我叫张伟",
    "name is Bob Ross",
    "文三路12号",
    "12 Oak Street",
    "3单元201",
    "QQ:12345678",
    "微信 ab1234567",
    "护照号:E12345678",
    "订单号：1234567",
    "020 7946 0958",
    "+1 202-555-0143",
    "6222021234567890123",
    "11010519491231002X",
    "sk-abcdefghijklmnopqrst",
    "a1" * 16,
    "http://a.b/x?token=abcdefg12",
    "www.x.com/138",
    "\x1c",
    "²³½",
    "①",
    "1",
    "8",
    "5",
    "(",
    "-",
    " ",
    "：",
    "v",
    "元",
]


def test_what_the_patterns_find_in_a_text_is_counted_behind_the_cheap_looks() -> None:
    random = Random(4)
    texts = ["".join(random.choices(PIECES, k=random.randint(1, 7))) for _ in range(3000)]
    likely = pl.Series(texts).filter(pl.Series(texts).str.contains(residual._LIKELY))
    counted: dict[str, int] = {}
    for text in likely:
        for kind in residual.kinds(text):
            counted[kind] = counted.get(kind, 0) + 1
    assert residual.count(pl.Series(texts)) == dict(sorted(counted.items()))
    assert len(counted) >= 14


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("请打 138 1234 5678", "mobile"),
        ("mail me at ann@example.com", "email"),
        ("我叫张伟，在吗", "name"),
        ("寄到文三路12号", "address"),
        ("see http://a.b/x?token=abcdefg12", "link-token"),
        ("the host is 93.184.216.34", "ip"),
        ("IBAN GB29NWBK60161331926819", "iban"),
        ("订单号：1234567", "order-number"),
    ],
)
def test_personal_data_that_was_left_is_counted_once_by_its_kind(text: str, kind: str) -> None:
    assert residual.count(pl.Series([text, "您好"])).get(kind) == 1
