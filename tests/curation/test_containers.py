"""What lies where: packed files, archives, folders, globs, standard input, and what is wrong with them."""

import gzip
import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import zstandard

from curation import containers
from curation.errors import SourceError
from curation.read import Reading, find, read
from curation.recipe import Source

LINES = "".join(f'{{"session": "S{i}", "role": "user", "text": "第{i}条"}}\n' for i in range(3))
ARRAY = json.dumps([json.loads(line) for line in LINES.splitlines()])
TABLE = "session,role,text\nT1,agent,hello\n"


def of(path: Path, **source: Any) -> Reading:
    return read(find([path]), [Source(**source)])


def sources(found: Reading) -> list[str]:
    return found.messages["source"].to_list()


def zipped(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


# --- packed -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ending", "pack"),
    [
        (".gz", lambda data: gzip.compress(data[:50]) + gzip.compress(data[50:])),  # two streams in one file
        (".zst", lambda data: zstandard.compress(data[:50]) + zstandard.compress(data[50:])),
    ],
)
def test_a_packed_file_is_read_like_the_plain_one(tmp_path: Path, ending: str, pack: Any) -> None:
    path = tmp_path / f"log.jsonl{ending}"
    path.write_bytes(pack(LINES.encode()))
    found = of(path, match="*.jsonl")  # a recipe need not know that it is packed
    assert sources(found) == [f"log.jsonl{ending}:{line}" for line in (1, 2, 3)]
    assert found.inputs[0].bytes == path.stat().st_size


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("log.jsonl.gz", gzip.compress(LINES.encode() * 500)[:-20]),
        ("log.jsonl.gz", b"no gzip"),
        ("log.jsonl.zst", zstandard.compress(LINES.encode() * 500)[:-5]),
        ("log.jsonl.zst", b"no zstd"),
        ("log.zip", b"no zip"),
        ("log.parquet", b"no parquet"),
        ("log.xlsx", b"no workbook"),
    ],
)
def test_a_damaged_file_is_one_error_that_names_it(tmp_path: Path, name: str, data: bytes) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(SourceError, match=rf"^{name}: .*damaged") as caught:
        of(tmp_path / name)
    assert "\n" not in str(caught.value)


def test_what_unpacks_without_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(containers, "ANY_SIZE", 1 << 16)
    for name, data in (("a.csv.gz", gzip.compress(bytes(1 << 24))), ("a.csv.zst", zstandard.compress(bytes(1 << 24)))):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(SourceError, match="unpacks to more than 200 times its size"):
            of(tmp_path / name)
    with pytest.raises(SourceError, match="unpacks to more than 200 times its size"):
        of(zipped(tmp_path / "a.zip", {"a.csv": bytes(1 << 24)}))


# --- archives ---------------------------------------------------------------------------------------------------


def test_every_member_of_an_archive_is_a_file_of_its_own(tmp_path: Path) -> None:
    members = {
        "b/log.jsonl": LINES.encode(),
        "a.csv": TABLE.encode("utf-16"),
        "c.csv.gz": gzip.compress(TABLE.encode()),
        "read me.md": b"x",
        "__MACOSX/._a.csv": b"x",
        ".hidden.csv": b"x",
    }
    found = of(zipped(tmp_path / "export.zip", members))
    assert [file.name for file in found.inputs] == ["export.zip/a.csv", "export.zip/b/log.jsonl", "export.zip/c.csv.gz"]
    assert sources(found)[:2] == ["export.zip/a.csv:2", "export.zip/b/log.jsonl:1"]
    assert [file.encoding for file in found.inputs] == ["utf-16-le", "utf-8", "utf-8"]


def test_no_name_in_an_archive_leads_out_of_it(tmp_path: Path) -> None:
    inside = tmp_path / "in"
    inside.mkdir()
    found = of(zipped(inside / "x.zip", {"../../evil.csv": TABLE.encode(), "/abs/evil2.csv": TABLE.encode()}))
    assert [file.name for file in found.inputs] == ["x.zip/abs/evil2.csv", "x.zip/evil.csv"]
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["x.zip"]


def test_chinese_names_of_old_archives_are_read(tmp_path: Path) -> None:
    name = "客服记录.csv"
    path = zipped(tmp_path / "x.zip", {"0123456789ab": TABLE.encode()})  # as many bytes as the name in GBK
    data = path.read_bytes().replace(b"0123456789ab", name.encode("gbk"))
    path.write_bytes(data)
    assert of(path).inputs[0].name == f"x.zip/{name}"


def test_archives_that_cannot_be_read_say_why(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"x.zip: no file in it that can be read"):
        of(zipped(tmp_path / "x.zip", {"photo.png": b"x"}))
    path = zipped(tmp_path / "y.zip", {"a.csv": TABLE.encode()})
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1  # the flag of a password
    path.write_bytes(data)
    with pytest.raises(SourceError, match=r"y.zip: is protected by a password"):
        of(path)


# --- Parquet and Excel --------------------------------------------------------------------------------------------


def test_parquet_is_read_with_its_rows_as_lines_nested_or_flat(tmp_path: Path) -> None:
    flat = pl.DataFrame({"session": [1, 1, 2], "role": ["user", "agent", None], "text": ["a", "b", "c"]})
    flat.write_parquet(tmp_path / "flat.parquet")
    found = of(tmp_path / "flat.parquet")
    assert found.messages.select("source", "conversation", "role", "raw").rows() == [
        ("flat.parquet:1", "1", "user", "a"),
        ("flat.parquet:2", "1", "assistant", "b"),
    ]
    assert found.unreadable.select("line", "why").rows() == [(3, "no role")]
    turns = [[{"from": "human", "value": "hi"}, {"from": "gpt", "value": "yo"}]]
    pl.DataFrame({"id": ["C"], "conversations": turns}).write_parquet(tmp_path / "nested.parquet")
    packed = zipped(tmp_path / "p.zip", {"nested.parquet": (tmp_path / "nested.parquet").read_bytes()})
    for path in (tmp_path / "nested.parquet", packed):
        assert of(path).messages.select("conversation", "raw").rows() == [("C", "hi"), ("C", "yo")]


def workbook(sheets: dict[str, list[list[str | float | None]]]) -> bytes:
    """Make the smallest workbook that spreadsheet programs open."""
    space = "http://schemas.openxmlformats.org"
    kinds = f"{space}/package/2006/content-types", "application/vnd.openxmlformats-officedocument.spreadsheetml"
    numbers = range(1, len(sheets) + 1)
    files = {
        "[Content_Types].xml": f'<Types xmlns="{kinds[0]}"><Default Extension="rels" ContentType="application/'
        'vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{kinds[1]}.sheet.main+xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{space}/package/2006/relationships"><Relationship Id="rId1" '
        f'Type="{space}/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{space}/spreadsheetml/2006/main" xmlns:r="{space}/officeDocument/2006/'
        'relationships"><sheets>'
        + "".join(f'<sheet name="{n}" sheetId="{i}" r:id="rId{i}"/>' for i, n in zip(numbers, sheets, strict=True))
        + "</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{space}/package/2006/relationships">'
        + "".join(
            f'<Relationship Id="rId{i}" Type="{space}/officeDocument/2006/relationships/worksheet" '
            f'Target="worksheets/sheet{i}.xml"/>'
            for i in numbers
        )
        + "</Relationships>",
    }
    for number, rows in zip(numbers, sheets.values(), strict=True):
        body = ""
        for row, cells in enumerate(rows, 1):
            body += f'<row r="{row}">'
            for column, cell in zip("ABCDEFG", cells, strict=False):
                if isinstance(cell, str):
                    body += f'<c r="{column}{row}" t="inlineStr"><is><t xml:space="preserve">{cell}</t></is></c>'
                elif cell is not None:
                    body += f'<c r="{column}{row}"><v>{cell}</v></c>'
            body += "</row>"
        files[f"xl/worksheets/sheet{number}.xml"] = (
            f'<worksheet xmlns="{space}/spreadsheetml/2006/main"><sheetData>{body}</sheetData></worksheet>'
        )
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, f'<?xml version="1.0" encoding="UTF-8"?>{text}')
    return made.getvalue()


HEAD: list[str | float | None] = ["会话ID", "发送方", "内容"]


def test_a_sheet_is_read_with_the_row_numbers_that_the_program_shows(tmp_path: Path) -> None:
    rows = [[], HEAD, [12345678901, "客户", "怎么退\n款"], [], ["S2", "巫师", "x"], ["S2", "客服", 3.5]]
    (tmp_path / "log.xlsx").write_bytes(workbook({"一": rows, "空": []}))
    found = of(tmp_path / "log.xlsx")
    assert found.messages.select("source", "conversation", "raw").rows() == [
        ("log.xlsx:3", "12345678901", "怎么退\n款"),
        ("log.xlsx:6", "S2", "3.5"),
    ]
    assert found.unreadable.select("line", "why").rows() == [(5, "unknown role '巫师'")]


def test_every_sheet_is_a_file_of_its_own_and_one_can_be_left_out(tmp_path: Path) -> None:
    book = workbook({"一月": [HEAD, ["a", "客户", "x"]], "二月": [HEAD, ["a", "客服", "y"]], "说明": [["导出于周一"]]})
    (tmp_path / "log.xlsx").write_bytes(book)
    with pytest.raises(SourceError, match=r"^log.xlsx/说明: no column names"):
        of(tmp_path / "log.xlsx")
    found = read([tmp_path / "log.xlsx"], [Source(match="说明", skip=True), Source()])
    assert sources(found) == ["log.xlsx/一月:2", "log.xlsx/二月:2"]


def test_without_the_extra_the_error_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "log.xlsx").write_bytes(workbook({"一": [HEAD]}))
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with pytest.raises(SourceError, match=r'pip install "siftune\[xlsx\]"'):
        of(tmp_path / "log.xlsx")


# --- where ------------------------------------------------------------------------------------------------------


def test_a_folder_is_searched_to_any_depth_but_not_in_hidden_places_and_runs(tmp_path: Path) -> None:
    for name in ("b.csv", "a/z.jsonl", "a/x.csv.gz", ".git/x.csv", ".x.csv", "run/train.jsonl", "notes.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    for name in ("manifest.json", "report.json"):
        (tmp_path / "run" / name).write_text("{}")
    found = [path.relative_to(tmp_path).as_posix() for path in find([tmp_path])]
    assert found == ["a/x.csv.gz", "a/z.jsonl", "b.csv"]


def test_files_by_which_office_programs_lock_a_document_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("session_id,role,text\n1,user,hi\n")
    (tmp_path / "~$book.xlsx").write_bytes(b"\x05me")
    assert find([tmp_path]) == [tmp_path / "a.csv"]
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("in/~$b.xlsx", b"\x05me")
        archive.writestr("in/a.csv", "x")
    assert [file.name for file in containers.members("x.zip", tmp_path / "x.zip")] == ["x.zip/in/a.csv"]


def test_a_glob_that_no_shell_has_resolved_is_resolved(tmp_path: Path) -> None:
    for name in ("b.csv", "a.csv", "c.jsonl", "sub/d.csv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(TABLE)
    assert [path.name for path in find([tmp_path / "*.csv"])] == ["a.csv", "b.csv"]
    assert [path.name for path in find([tmp_path / "**" / "*.csv"])] == ["a.csv", "b.csv", "d.csv"]
    with pytest.raises(SourceError, match="no file has such a name"):
        find([tmp_path / "*.tsv"])


def test_a_wrong_path_says_which_is_near(tmp_path: Path) -> None:
    (tmp_path / "export_2024.csv").write_text(TABLE)
    with pytest.raises(SourceError, match=r"there is no such file; did you mean 'export_2024.csv'\?"):
        find([tmp_path / "export_2042.csv"])
    with pytest.raises(SourceError, match=r"there is no such file$"):  # the ending alone is alike
        find([tmp_path / "nobody.csv"])


def test_a_run_folder_is_no_log(tmp_path: Path) -> None:
    for name in ("manifest.json", "report.json"):
        (tmp_path / name).write_text("{}")
    with pytest.raises(SourceError, match="a run folder that siftune made, and no log"):
        find([tmp_path])


@pytest.mark.parametrize(
    "data",
    [LINES.encode(), gzip.compress(LINES.encode()), zstandard.compress(LINES.encode()), ARRAY.encode()],
    ids=["lines", "gzip", "zstd", "array"],
)
def test_standard_input_is_read_and_its_kind_told_by_what_is_in_it(data: bytes, tmp_path: Path) -> None:
    code = (
        "from pathlib import Path; from curation.read import find, read; from curation.recipe import Source\n"
        "found = read(find([Path('-')]), [Source()]); print(found.inputs[0].name, found.messages['raw'].to_list())"
    )
    done = subprocess.run([sys.executable, "-c", code], input=data, capture_output=True, check=True, timeout=60)
    assert done.stdout.decode() == "stdin ['第0条', '第1条', '第2条']\n"


@pytest.mark.parametrize(
    ("name", "content", "records"),
    [
        ("log.txt", LINES, 3),
        ("export.log", TABLE, 1),
        ("excel.txt", "会话ID\t发送方\t内容\nS\t客户\tx\n", 1),
        ("chat.txt", "[10:00] 客服小王: 您好\n[10:01] 客户: 在吗\n还在吗\n", 2),
        ("noname", LINES, 3),
    ],
)
def test_text_files_are_told_by_what_is_in_them(tmp_path: Path, name: str, content: str, records: int) -> None:
    (tmp_path / name).write_text(content, encoding="utf-8")
    assert of(tmp_path / name).inputs[0].records == records
