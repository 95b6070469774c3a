"""Many records at once give what they give one by one, on logs made to break it."""

import json
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from curation import delimited
from curation.mapping import Layout
from curation.read import Reading, read
from curation.recipe import Source

HOSTILE = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
TEXT = st.text(max_size=5) | st.sampled_from(
    [
        "",
        " ",
        "hi",
        "退款多久到账？",
        'say "x"',
        '"',
        '""',
        "a,b",
        "a\tb",
        "one\ntwo",
        "\r",
        "x\r\ny",
        "\0",
        "\x1c",
        "a\nb,user,c",
        '"a\n\n"b',
    ]
)
TEXT |= st.sampled_from(
    [
        "\u2028",
        "\x85",
        "\ufeff",
        "\u202eabc\u202c",
        "👩\u200d👧",
        "𠮷",
        "\ud83d",
        "null",
        "1.50",
        "-0",
        "#x",
        "　x　",
        "\\",
    ]
)
ROLE = st.sampled_from(["customer", "agent", " Agent ", "bot", "wizard of oz", "", "系统", "客服-小艾"])
ID = st.sampled_from(["a", " a ", "b", "", "　", "\x1ca", "12", "007"])


def both(folder: Path, content: bytes, name: str, window: int, **source: Any) -> tuple[Reading, Reading]:
    """Read a file many records at a time, and one by one."""
    path = folder / name
    path.write_bytes(content)
    at_once = read([path], [Source(**source)], window=window)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Layout, "plain", property(lambda _: False))
        one_by_one = read([path], [Source(**source)])
    return at_once, one_by_one


def are_the_same(at_once: Reading, one_by_one: Reading) -> None:
    assert at_once.messages.to_dicts() == one_by_one.messages.to_dicts()
    assert at_once.unreadable.to_dicts() == one_by_one.unreadable.to_dicts()
    assert at_once.inputs == one_by_one.inputs


def field(text: str, style: int) -> str:
    """Write a field of a table: quoted as it should be, always, or not at all."""
    if style == 0 and not set(text) & set('",\r\n'):
        return text
    return '"' + text.replace('"', '""') + '"' if style < 2 else text


TIME = st.sampled_from(["", "8:00", " 8:01 "])
NAME = st.sampled_from(["", "艾", "Support Bot", " "])
ROWS = st.lists(
    st.tuples(ID, ROLE, TEXT, TIME, NAME, st.integers(0, 4))
    | st.sampled_from(["", "  ", "a,user", "a,user,x,,,,", '"', 'a,user,"open', ",,,,", "\ufeffa,user,x,,"]),
    max_size=14,
)


@given(rows=ROWS, end=st.sampled_from(["\n", "\r\n"]), window=st.sampled_from([4, 64, 1 << 20]), noise=st.booleans())
@HOSTILE
def test_a_hostile_table_reads_the_same_at_once_and_one_by_one(
    tmp_path: Path, rows: list[Any], end: str, window: int, *, noise: bool
) -> None:
    lines = [
        row if isinstance(row, str) else ",".join(field(cell, row[-1]) for cell in row[:-1]) for row in rows
    ]  # fmt: skip
    text = end.join(["session_id,role,text,time,nickname", "a,agent,hello,,", *lines, "z,user,last,,"])
    content = text.encode("utf-8", "surrogatepass") + (b"\na,user,\xff\xfe,,\n" if noise else b"")
    are_the_same(*both(tmp_path, content, "log.csv", window))
    are_the_same(*both(tmp_path, content.replace(b",", b"\t"), "log.tsv", window))


VALUE = (
    TEXT | st.none() | st.booleans() | st.integers() | st.floats() | st.lists(TEXT, max_size=2) | st.just({"a": ["b"]})
)
OBJECT = st.fixed_dictionaries(
    {"ticket": ID | VALUE, "from": ROLE | VALUE, "body": TEXT | VALUE},
    optional={"ts": TEXT | VALUE, "extra": VALUE, "author_name": TEXT, "cot": TEXT},
)


BROKEN = [
    "",
    "{",
    "[]",
    '{"ticket": "a", "ticket": "b", "from": "user", "body": "x", "extra": 1}',
    '{"ticket":"a","from":"user","body":"x\\ud83d"}',
    '{"ticket":"a","from":"user","body":"x"} {}',
    '\ufeff{"ticket":"a","from":"user","body":"x"}',
    '{"ticket":"a","from":"user","body":"a\tb"}',
    '{"ticket":"a","from":"user","body":12345678901234567890}',
    '{"ticket":-0,"from":"user","body":1E5}',
]


@given(
    objects=st.lists(
        st.tuples(OBJECT, st.booleans(), st.sampled_from(["", " ", "\t"]))
        | st.sampled_from(BROKEN),
        max_size=14,
    ),
    window=st.sampled_from([4, 64, 1 << 20]),
    end=st.sampled_from(["\n", "\r\n"]),
)  # fmt: skip
@HOSTILE
def test_hostile_json_lines_read_the_same_at_once_and_one_by_one(
    tmp_path: Path, objects: list[Any], window: int, end: str
) -> None:
    first = '{"ticket": "a", "from": "agent", "body": "hello", "extra": []}'
    lines = [o if isinstance(o, str) else o[2] + json.dumps(o[0], ensure_ascii=o[1]) + o[2] for o in objects]
    content = end.join([first, *lines, first]).encode("utf-8", "surrogatepass")
    are_the_same(*both(tmp_path, content, "log.jsonl", window))


RECORD = st.fixed_dictionaries(
    {"question": TEXT, "answer": TEXT}, optional={"input": TEXT, "cot": TEXT | st.none(), "id": ID, "session": ID}
)


@given(st.lists(RECORD, max_size=10), st.sampled_from([16, 1 << 20]))
@HOSTILE
def test_questions_and_answers_read_the_same_at_once_and_one_by_one(
    tmp_path: Path, records: list[dict[str, Any]], window: int
) -> None:
    content = "\n".join(map(json.dumps, [{"question": "q", "answer": "a"}, *records])).encode()
    are_the_same(*both(tmp_path, content, "log.jsonl", window))


@pytest.mark.parametrize(
    ("name", "content", "records"),
    [
        ("log.csv", "session,role,text\n" + 'a,user,"one, ""two"""\nb,agent,你好\n' * 50, 100),
        ("log.jsonl", '{"session": "a", "role": "user", "text": "x \\u4f60\\n"}\n' * 100, 100),
    ],
)
def test_plain_records_are_indeed_parsed_at_once(
    tmp_path: Path, name: str, content: str, records: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise the tests above compare the exact path with itself."""
    (tmp_path / name).write_text(content, encoding="utf-8")
    monkeypatch.setattr("curation.shapes._message", lambda *_: pytest.fail("read one by one"))
    assert read([tmp_path / name], [Source()]).messages.height == records


LONG_ROWS = (
    'session,role,text\na,user,"one\n\nb,agent,two\n""three"""\nb,agent,"four\nfive"\n'
    'c,"user","six\nc,user,seven"\nc,user,eight\n'
)


def test_rows_of_several_lines_are_parsed_at_once_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "log.csv").write_text(LONG_ROWS, encoding="utf-8")
    monkeypatch.setattr("curation.shapes._message", lambda *_: pytest.fail("read one by one"))
    found = read([tmp_path / "log.csv"], [Source()]).messages
    assert found.select("source", "conversation", "raw").rows() == [
        ("log.csv:2", "a", 'one\n\nb,agent,two\n"three"'),
        ("log.csv:6", "b", "four\nfive"),
        ("log.csv:8", "c", "six\nc,user,seven"),
        ("log.csv:10", "c", "eight"),
    ]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("window", [4, 24, 40, 64, 1 << 20])
@pytest.mark.parametrize("before", ["", 'x,user,"open\n', "x,user\n", 'x,user,"open\n' + "a\n" * 1001])
def test_where_a_row_of_several_lines_begins_is_told_from_the_lines_before_it(
    tmp_path: Path, before: str, window: int, end: str
) -> None:
    """A block may begin inside such a row, and a quote that is left open turns inside and outside round."""
    head, body = LONG_ROWS.split("\n", 1)
    content = f"{head}\n{before}{body}".replace("\n", end)
    at_once, one_by_one = both(tmp_path, content.encode(), "log.csv", window)
    are_the_same(at_once, one_by_one)


@pytest.mark.parametrize("window", [4, 1 << 20])
def test_a_text_that_begins_like_a_packed_one_is_text(tmp_path: Path, window: int) -> None:
    content = "x^2,role,text\nx^3,user,hi\nx\x01,user,hi\nx,user,hi\n"
    at_once, one_by_one = both(tmp_path, content.encode(), "log.csv", window, columns={"conversation": "x^2"})
    are_the_same(at_once, one_by_one)
    assert at_once.messages["conversation"].to_list() == ["x^3", "x\x01", "x"]


@pytest.mark.parametrize("window", [4, 1 << 20])
def test_marks_that_polars_takes_off_are_kept(tmp_path: Path, window: int) -> None:
    content = "session,role,text\na,user,hi\n\ufeffb,user,hi\na,user,x\r\r\na,user,y\n"
    at_once, one_by_one = both(tmp_path, content.encode(), "log.csv", window)
    are_the_same(at_once, one_by_one)
    assert at_once.messages.select("conversation", "raw").rows() == [
        ("a", "hi"),
        ("\ufeffb", "hi"),
        ("a", "x\r"),
        ("a", "y"),
    ]


PIECES = (
    "a,user,hi", 'b,agent,"x, y"', 'c,user,"he said ""ok"""', 'd,agent,"two\nlines"', 'e,user,"a\n\n""b""\n,c"',
    'f,user,"open', 'g,agent,x"y', 'h,user,"bad"x', "session_id,role,text", "合计,,3", "i,user", "j,user,a,b", "", " ",
    "k,user,\x00nul", 'l,agent,"nul\x00"', "\ufeffm,user,hi", 'n,"user",hi\r', '"o","agent","z"', 'p,user,""', '"',
    '""', ",,,", 'q,user,"\r\n"',
)  # fmt: skip


@pytest.mark.parametrize("seed", range(10))
def test_rows_of_a_hostile_table_are_what_they_are_one_by_one(
    tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    random, path = Random(seed), tmp_path / "log.csv"
    rows = ["session_id,role,text", "a,user,first", *random.choices(PIECES, k=random.randint(1, 30))]
    path.write_text("".join(row + random.choice(["\n", "\n", "\n", "\r\n"]) for row in rows), newline="")

    def found(window: int) -> tuple[list[Any], list[Any], int]:
        reading = read([path], [Source()], window=window)
        return reading.messages.rows(), reading.unreadable.sort("line").rows(), reading.inputs[0].records

    together, pieces = found(1 << 20), found(64)
    monkeypatch.setattr(delimited, "WIDEST", 0)  # then no row is parsed with others
    assert together == pieces == found(1 << 20)
