"""The second look at what leaves us: its cheap looks lose nothing that its patterns find."""

from __future__ import annotations

import json
from collections.abc import Iterable
from itertools import chain
from pathlib import Path
from random import Random

import polars as pl
import pytest

from curation import fast
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
    likely = pl.Series(texts).filter(pl.Series(texts).str.contains(residual._likely(set())))
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
    others = set(chain(*residual._SIGNS.values())) - {kind}
    assert residual.count(pl.Series([text, "您好"]), skip=others) == {kind: 1}


def left(folder: Path, forms: list[str], **more: Iterable[str]) -> dict[str, int]:
    return residual.worst(residual.exported(folder, forms, **more))


@pytest.fixture(params=[False, True], ids=["plain", "compiled"])
def kernels(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param and not fast._compiled():
        pytest.skip("the extra fast is not here")
    monkeypatch.setattr(residual, "accelerator", lambda _texts: fast._compiled() if request.param else None)


@pytest.mark.usefixtures("kernels")
def test_every_text_of_every_file_is_looked_at_whatever_its_key_and_records_are_counted(tmp_path: Path) -> None:
    bad, link = "我的手机号是13812345678", "see http://a.b/x?token=abcdefg12"
    alpaca = [
        {"id": "13812345678", "instruction": bad, "output": bad, "history": [["您好", "好的"]]},  # ids are ours
        {"id": "b", "instruction": "您好", "output": "好的", "history": [[bad, "好的"], ["x", link]]},
        {"id": "c", "instruction": "138", "output": "12345678", "history": []},  # two texts, no number
        {"id": "d", "instruction": "您好", "output": "好的", "history": [], "new": {"deep": [{"n": 1, "s": link}]}},
    ]
    sharegpt = [{"id": "a", "conversations": [{"from": "human", "value": bad}, {"from": "gpt", "value": "好的"}]}]
    for name, records in (("train.alpaca", alpaca[:2]), ("val.alpaca", alpaca[2:]), ("train.sharegpt", sharegpt)):
        told = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
        (tmp_path / f"{name}.jsonl").write_text(told, encoding="utf-8")
    (tmp_path / "val.sharegpt.jsonl").write_text("")
    forms = ["sharegpt", "alpaca"]
    assert left(tmp_path, forms) == {"link-token": 2, "mobile": 2}
    assert left(tmp_path, forms, skip=["mobile"]) == {"link-token": 2}
    assert left(tmp_path, forms, allow=["13812345678"]) == {"link-token": 2}


@pytest.mark.usefixtures("kernels")
@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("打这个\n13812345678", {"mobile": 1}),  # in the file a letter stands before the number: \\n
        ("打 138\t1234\t5678", {"mobile": 1}),
        ('他说"13812345678"', {"mobile": 1}),
        ("C:\\\\", {}),  # ends with what could escape the quote behind it
        ("好", {}),
        ("打 138转1234转5678", {"mobile": 1, "phone": 1}),  # once 转 is left out
    ],
)
def test_texts_are_looked_at_as_they_are_read(text: str, told: dict[str, int], tmp_path: Path) -> None:
    """Lines are taken apart without a parser of JSON: escapes, quotes and texts that may stand there are no cover."""
    records = [{"id": "a", "x": text, "13812345678": 1}, {"id": "b", "x": "", "y": None}]
    for ascii_only in (False, True):
        written = "".join(json.dumps(record, ensure_ascii=ascii_only) + "\n" for record in records)
        (tmp_path / "train.alpaca.jsonl").write_text(written, encoding="utf-8")
        assert left(tmp_path, ["alpaca"], allow=["转"]) == told


def test_a_recipe_may_keep_all_kinds(tmp_path: Path) -> None:
    (tmp_path / "train.alpaca.jsonl").write_text('{"id": "a", "x": "13812345678"}\n', encoding="utf-8")
    assert left(tmp_path, ["alpaca"], skip=[*residual._BLUNT, *chain(*residual._BEHIND.values())]) == {}


@pytest.mark.usefixtures("kernels")
def test_a_file_is_looked_at_in_blocks_and_counted_alike(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bad = json.dumps({"id": "a", "messages": [{"role": "user", "content": "请打 13812345678"}]}, ensure_ascii=False)
    (tmp_path / "train.messages.jsonl").write_text(f"{bad}\n" * 9, encoding="utf-8")
    for size in (1, 100, 1 << 20):
        monkeypatch.setattr(residual, "BLOCK", size)
        assert left(tmp_path, ["messages"]) == {"mobile": 9}


def test_compiled_kernels_take_lines_of_json_apart_into_their_texts() -> None:
    if not (kernels := fast._compiled()):
        pytest.skip("the extra fast is not here")
    draw, apart, every = Random(3), kernels.Apart(), list[str]()
    pieces = [*PIECES, '"', "\\", "\n", '\\"', ": ", "{", "id", "好", "longer than eight bytes"]
    for _ in range(3):
        lines, told, new = list[str](), list[tuple[int, str]](), list[str]()
        for line in range(2000):  # more texts than the table has places at first
            said = ["".join(draw.choices(pieces, k=draw.randint(0, 5))) for _ in range(5)]
            record = {"id": said[0], "a": said[1], f"{said[2]}k": [[said[3], {"id": said[4]}], None, 1.5, {}]}
            lines.append(json.dumps(record, ensure_ascii=False) + "\n")
            told += [(line, json.dumps(text, ensure_ascii=False)[1:-1]) for text in (said[1], said[3], said[4])]
        new = [text for text in dict.fromkeys(text for _, text in told) if text not in every]
        every += new
        keys, records, fresh, written = apart("".join(lines).encode())
        assert records.tolist() == [line for line, _ in told]
        assert written.decode().split("\n")[:-1] == new
        assert len(fresh) == len(new)
        by_key = dict(zip(keys.tolist(), (text for _, text in told), strict=True))
        assert [by_key[key] for key in keys.tolist()] == [text for _, text in told]
        assert [by_key[key] for key in fresh.tolist()] == new
