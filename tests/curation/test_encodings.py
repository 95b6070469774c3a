"""Bytes → lines: which encoding it is, whatever the size of the windows, and what a broken line costs."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation import encodings
from curation.encodings import Bad, Blocks

CHAT = (
    "会话ID,时间,发送方,内容\r\nS1,8:00,客户,我的订单到哪里了？\n\nS1,8:01,客服,您好，已经发货了，请耐心等待。\n上漊\n"
    * 40
)
CHINESE = "您好请问我的订单到哪里了\n好的已经发货了\n" * 50
UPPER = (("utf-8-sig", "utf-8"), ("utf-16", "utf-16-le"), ("utf-32", "utf-32-le"), ("gbk", "gb18030"))
SAME = ("utf-8", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be", "gb18030")


def lines(data: bytes, encoding: str = "auto", window: int = 1 << 20) -> tuple[list[str], dict[int, Bad], str]:
    blocks, found, bad = Blocks(io.BytesIO(data), encoding, window), list[str](), dict[int, Bad]()
    for block in blocks:
        some, faults = block.lines()
        assert block.first == len(found) + 1
        bad |= {len(found) + index: fault for index, fault in faults.items()}
        found += some.to_list()
    return found, bad, blocks.encoding


@pytest.mark.parametrize(("encoding", "name"), [*UPPER, *zip(SAME, SAME, strict=True)])
@pytest.mark.parametrize("window", [4, 1000, 1 << 20])
def test_the_encoding_is_found_out_and_no_window_cuts_a_line(
    encoding: str, name: str, window: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encodings, "HEAD", 64)
    expected = [line.removesuffix("\r") for line in CHAT.split("\n")[:-1]]
    assert lines(CHAT.encode(encoding), window=window) == (expected, {}, name)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16-be", "gb18030"])
def test_text_that_is_all_chinese_is_told_too(encoding: str) -> None:
    assert lines(CHINESE.encode(encoding))[2] == encoding


@pytest.mark.parametrize("window", [4, 1 << 20])
def test_what_comes_late_decides_as_well(window: int) -> None:
    data = b"a,b\n" * 2000 + ("退款多久到账，谢谢\n" * 3).encode("gbk")
    found, bad, encoding = lines(data, window=window)
    assert (found[-1], bad, encoding) == ("退款多久到账，谢谢", {}, "gb18030")


@pytest.mark.parametrize("text", ["café crème à la carte", "Größe über Maß", "I didn’t – “really”", "« Où ? »\xa0: ½"])
@pytest.mark.parametrize("window", [4, 1 << 20])
def test_western_text_as_windows_writes_it_is_told_by_its_letters_among_ascii(text: str, window: int) -> None:
    assert lines(f"a,b\n{text}\n".encode("cp1252") * 30, window=window) == (["a,b", text] * 30, {}, "cp1252")


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("ÀÉÎÕÜ", "cp1252"),  # nothing but such letters: any encoding
        ("Zażółć gęślą jaźń", "cp1250"),
        ("Příliš žluťoučký kůň", "cp1250"),
        ("Siparişim nerede kaldı acaba", "cp1254"),
        ("Где мой заказ?", "cp1251"),
        ("注文は1つ", "shift-jis"),
    ],
)
def test_letters_of_other_encodings_are_not_taken_for_western_ones(text: str, encoding: str) -> None:
    _, bad, found = lines(f"{text}\n".encode(encoding) * 30)
    assert (found, len(bad)) == ("utf-8", 30)


def test_one_broken_byte_is_no_encoding() -> None:
    assert lines(b"a\ncaf\xe9\nb\n")[1:] == ({1: Bad("not UTF-8: invalid byte at position 4", b"caf\xe9")}, "utf-8")


def test_an_encoding_that_the_recipe_names_wins() -> None:
    assert lines("退款".encode("gbk") * 9, "utf-8")[2] == "utf-8"
    assert lines("退款\n".encode("big5"), "big5")[0] == ["退款"]


def test_a_few_lines_in_another_encoding_cost_only_themselves() -> None:
    data = "你好\n".encode() * 9 + "退款\n".encode("gbk") + b"end"
    found, bad, encoding = lines(data)
    assert (found[9], found[10], encoding) == ("\\xcd\u02ff\\xee", "end", "utf-8")
    assert bad == {9: Bad("not UTF-8: invalid byte at position 1", "退款".encode("gbk"))}


def test_half_a_surrogate_pair_in_utf_16_costs_its_line() -> None:
    data = "a\n\ud83d\nb\n".encode("utf-16-le", "surrogatepass")
    found, bad, _ = lines(data, "utf-16-le")
    assert (found[0], found[2], list(bad)) == ("a", "b", [1])


@pytest.mark.parametrize("window", [4, 8, 24])
def test_a_line_that_is_too_long_costs_itself_and_counts_as_one(window: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encodings, "LONGEST_LINE", 40)
    monkeypatch.setattr(encodings, "HEAD", 4)
    monkeypatch.setattr(encodings, "SHOWN", 10)
    data = b"a\n" + b"x" * 100 + b"\nb\nc\n" + b"y" * 40 + b"\nd"
    found, bad, _ = lines(data, window=window)
    assert found == ["a", "x" * 10, "b", "c", "y" * 10, "d"]  # not blank: blank lines are passed over
    assert {index: fault.raw[:4] for index, fault in bad.items()} == {1: b"xxxx", 4: b"yyyy"}


@given(st.binary(max_size=80), st.sampled_from([4, 16, 1 << 20]))
def test_any_bytes_make_the_same_lines_in_any_window(data: bytes, window: int) -> None:
    assert lines(data, "utf-8", window) == lines(data, "utf-8")
    found, bad, _ = lines(data, "utf-8")
    ending = (
        b"\n" if b"\n" in data or b"\r" not in data[:-1] else b"\r"
    )  # what all lines end with where there is no line feed
    whole = data.removeprefix(b"\xef\xbb\xbf").split(ending)
    assert len(found) == len(whole) - (not whole[-1])
    assert all(
        bad[i].raw == whole[i] if i in bad else found[i] == whole[i].decode().removesuffix("\r")
        for i in range(len(found))
    )


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("會話,內容\n1,請問這個訂單什麼時候可以發貨呢？\n1,您好，我們今天下午就會為您寄出，請放心。\n", "big5"),
        ("會話,內容\n1,可以改送貨地址嗎，我下星期不在家\n1,可以的，請您提供新的地址給我\n", "big5"),
        ("会话,内容\n1,请问这个订单什么时候可以发货呢？\n1,您好，我们今天下午就会为您寄出，请放心。\n", "gb18030"),
        ("會話,內容\n1,請問這個訂單什麼時候可以發貨呢？\n1,您好，我們今天下午就會為您寄出，請放心。\n", "gb18030"),
        ("名称,数量\n" + "电冰箱,洗衣机,微波炉,空调机\n" * 9, "gb18030"),
    ],
)
@pytest.mark.parametrize("times", [1, 200])
def test_big5_and_gb18030_are_told_by_which_gives_common_characters(text: str, encoding: str, times: int) -> None:
    data = (text * times).encode(encoding)
    blocks = Blocks(io.BytesIO(data))
    found = [line for block in blocks for line in block.lines()[0].to_list()]
    assert blocks.encoding == encoding
    assert found == (text * times).splitlines()


def test_western_letters_are_not_taken_for_big5() -> None:
    data = ("Où est ma commande passée à Orléans ? Elle a été expédiée hier, très bien emballée.\n" * 20).encode(
        "cp1252"
    )
    blocks = Blocks(io.BytesIO(data))
    list(blocks)
    assert blocks.encoding == "cp1252"
