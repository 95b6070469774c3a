# ruff: noqa: E501  tables of bytes
"""Input that was made to break readers, sniffing, recipes, packs and converters: an error of ours, in time, or nothing.

The default suite tries a few of each; `make fuzz` tries thousands, other ones every time.
"""

import gzip
import io
import json
import os
import resource
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from curation import packs, recipe, references
from curation.containers import members
from curation.convert import convert
from curation.errors import CurationError, PackError, RecipeError, SourceError
from curation.read import read
from curation.recipe import Source
from curation.sniff import sniff
from curation.validate import validate

ROOT = Path(__file__).parents[2]
SEEDS = [
    *sorted((ROOT / "samples" / "shapes").iterdir()),
    ROOT / "samples" / "shop_zh.csv",
    ROOT / "samples" / "telecom_en.jsonl",
    ROOT / "samples" / "cot.jsonl",
    ROOT / "samples" / "general" / "zh.jsonl",
]
ENDINGS = (".csv", ".tsv", ".jsonl", ".json", ".txt", ".parquet", ".xlsx", ".zip", ".jsonl.gz", ".csv.zst", "", ".log")
PIECES = st.sampled_from(
    [
        b"", b"\0", b"\xff", b"\xfe\xff", b"\xef\xbb\xbf", b"\r", b"\n", b"\r\n", b'"', b"'", b",", b"\t", b"{", b"}",
        b"[", b"]", b"[[[[", b'{"a":', b"\\", b"\\ud83d", b"\\u0000", b"null", b"1e999", b"-0", b"NaN", b"x^2",
        b"\xd6\xd0", b"\xe4\xb8", b"\xf0\x9f\x99\x82", b"\x1f\x8b", b"PK\x03\x04", b"PAR1", b"\x28\xb5\x2f\xfd", b"!@@@!",
        b"9" * 400, b"2024-05-01 10:00:00", b"user", b"role", b"text", b"messages", b"conversations", b"instruction",
    ]
)  # fmt: skip
EDITS = st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 60), PIECES | st.binary(max_size=6)), max_size=8)
FEW = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
MANY = settings(max_examples=3000, deadline=None, derandomize=False, suppress_health_check=list(HealthCheck))
Use = Callable[[Path], Any]


def damaged(seed: bytes, edits: list[tuple[int, int, bytes]]) -> bytes:
    data = bytearray(seed[:4000])
    for place, cut, put in edits:
        data[place : place + cut] = put
    return bytes(data)


DATA = st.one_of(
    st.builds(damaged, st.sampled_from([path.read_bytes() for path in SEEDS]), EDITS),
    st.binary(max_size=200),
    st.text(max_size=100).map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(
                st.sampled_from(["messages", "role", "content", "text", "from", "value", "id", "x"]), inner
            )
        ),
        max_leaves=12,
    ).map(lambda value: json.dumps(value).encode()),
)


def packed(data: bytes, ending: str) -> bytes:
    if ending.endswith(".gz"):
        return gzip.compress(data)
    if ending.endswith(".zst"):
        return zstandard.compress(data)
    if ending == ".zip":
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("a.jsonl", data)
        return file.getvalue()
    return data


def all_uses(path: Path, work: Path) -> dict[str, Use]:
    def as_set(form: str) -> Use:
        return lambda path: convert([path], work / f"out.{form}.jsonl", form, force=True)  # type: ignore[arg-type]

    return {
        "read": lambda path: read([path], [Source()]),
        "sniff": lambda path: [sniff(file) for file in members(path.name, path)],
        "validate": validate,
        "to alpaca": as_set("alpaca"),
        "to messages": as_set("messages"),
    }


def is_borne(data: bytes, ending: str, work: Path, *, pack: bool) -> None:
    """Use a file in every way; whatever is raised is ours, says the file, and comes before long."""
    path = work / f"log{ending}"
    path.write_bytes(packed(data, ending) if pack else data)
    for name, use in all_uses(path, work).items():
        begun = time.process_time()
        try:
            use(path)
        except CurationError as fault:
            assert "log" in str(fault), (name, str(fault))  # noqa: PT017
            assert "\n" not in str(fault), (name, str(fault))  # noqa: PT017
        assert time.process_time() - begun < 10, name


@given(data=DATA, ending=st.sampled_from(ENDINGS), pack=st.booleans())
@FEW
def test_a_damaged_file_is_read_or_refused_in_one_line(data: bytes, ending: str, tmp_path: Path, *, pack: bool) -> None:
    is_borne(data, ending, tmp_path, pack=pack)


@pytest.mark.fuzz
@given(data=DATA, ending=st.sampled_from(ENDINGS), pack=st.booleans())
@MANY
def test_thousands_of_damaged_files_are_read_or_refused(
    data: bytes, ending: str, tmp_path: Path, *, pack: bool
) -> None:
    is_borne(data, ending, tmp_path, pack=pack)


# --- what people write ------------------------------------------------------------------------------------------------

RECIPE = (ROOT / "samples" / "recipe.yaml").read_bytes()
PACK = b"""about: x
language: zh
fragments: {who: "a|b"}
cues: {question: [a]}
scores: {fit: {long: {points: 1, says: [a]}}}
rules:
  thing:
    check: says
    params: {patterns: ["{who}+"], longest: 20}
    action: drop
    why: a long enough reason
    fires: [a]
    silent: [c]
"""
WORDS = st.sampled_from(
    [
        b"&a", b"*a", b"!!python/object/apply:os.system [echo]", b"!!binary x", b"---", b"...", b"? ", b": ", b"- ", b"<<: *a",
        b"{{{{", b"(", b"[", b"(?P<x>", b"(a{1000}){1000}", b"\\p{Foo}", b"(?<=a)", b"score:fit", b"cue:asks", b"{who}", b"1e9",
        b"-1", b".nan", b".inf", b"null", b"~", b"true", b"2024-13-45", b"0x", b"\t", b"\xff", b"\0", b'"', b"'", b"|\n", b">\n",
        b"%YAML 9\n", b"check: answer_scores", b"sources:", b"[a, b]", b"\xe2\x80\xa8",
    ]
)  # fmt: skip
WRITTEN = st.lists(st.tuples(st.integers(0, 900), st.integers(0, 20), WORDS | st.binary(max_size=4)), max_size=5)


def is_told(seed: bytes, edits: list[tuple[int, int, bytes]], work: Path, use: Use, ending: str) -> None:
    path = work / f"written{ending}"
    path.write_bytes(damaged(seed, edits))
    try:
        use(path)
    except (RecipeError, PackError) as fault:
        assert "written" in str(fault), str(fault)  # noqa: PT017
        assert "\n" not in str(fault), str(fault)  # noqa: PT017


KINDS: dict[str, tuple[bytes, Use, str]] = {
    "recipe": (RECIPE, recipe.load, ".yaml"),
    "toml": (b'seed = 1\n[dedup]\nthreshold = 0.9\n[[sources]]\nmatch = "*"\n', recipe.load, ".toml"),
    "pack": (PACK, lambda path: packs.load([str(path)]), ".yaml"),
}


@pytest.mark.parametrize("kind", KINDS)
@given(edits=WRITTEN)
@FEW
def test_a_damaged_recipe_or_pack_is_told_in_one_line(kind: str, edits: list[Any], tmp_path: Path) -> None:
    seed, use, ending = KINDS[kind]
    is_told(seed, edits, tmp_path, use, ending)


@pytest.mark.fuzz
@pytest.mark.parametrize("kind", KINDS)
@given(edits=WRITTEN)
@MANY
def test_thousands_of_damaged_recipes_and_packs_are_told(kind: str, edits: list[Any], tmp_path: Path) -> None:
    seed, use, ending = KINDS[kind]
    is_told(seed, edits, tmp_path, use, ending)


def test_the_pack_that_is_damaged_is_a_good_one(tmp_path: Path) -> None:
    is_told(PACK, [], tmp_path, lambda path: packs.load([str(path)]), ".yaml")
    assert [rule.name for rule in packs.load([str(tmp_path / "written.yaml")]).rules] == ["written/thing"]


def test_yaml_runs_no_code(tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text(f"name: !!python/object/apply:os.system ['touch {tmp_path}/ran']\n")
    with pytest.raises(RecipeError, match="not YAML: could not determine a constructor for the tag"):
        recipe.load(path)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("name", ["r.yaml", "r.toml"])
def test_yaml_and_toml_that_nest_without_end_are_told(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_text("training: {a: " + "[" * 50_000 if name == "r.yaml" else "a = " + "[" * 50_000)
    with pytest.raises(RecipeError, match=name):
        recipe.load(path)


def test_aliases_that_grow_without_end_are_refused(tmp_path: Path) -> None:
    lines = ["training:", "  a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"  a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 12)]
    path = tmp_path / "recipe.yaml"
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(RecipeError, match=r"recipe\.yaml: its aliases \(\*name\) stand for more than a million values"):
        recipe.load(path)
    path.write_text("training: {a: &a [1, *a]}\n")
    with pytest.raises(RecipeError, match=r"recipe\.yaml: an alias \(\*name\) stands inside what it names"):
        recipe.load(path)


def test_no_module_unpickles_or_evaluates() -> None:
    words = (
        "import pickle",
        "pickle.load",
        "eval(",
        "exec(",
        "yaml.load(",
        "yaml.unsafe",
        "marshal",
        "shelve",
        "joblib.load",
    )
    found = [
        f"{path.relative_to(ROOT)}: {word}"
        for package in ("curation", "training")
        for path in sorted((ROOT / package).rglob("*.py"))
        for word in words
        for line in path.read_text(encoding="utf-8").splitlines()
        if line.lstrip().startswith(word) or f" {word}" in line or f"({word}" in line
    ]
    assert found == []


# --- bombs: what a file weighs says nothing of what is in it --------------------------------------------------------


READ = """
import resource, sys
from pathlib import Path
from curation.errors import SourceError
from curation.read import parts
from curation.recipe import Source
messages = bad = 0
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    for part, _ in parts([Path(sys.argv[1])], [Source()]):
        messages, bad = messages + part.messages.height, bad + part.unreadable.height
    print(messages, bad)
except SourceError as fault:
    print(fault)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


def told_of(path: Path) -> tuple[str, int]:
    """Read a file in a process that may take a minute; return what it says, and the MiB that reading took."""

    def limits() -> None:
        resource.setrlimit(resource.RLIMIT_CPU, (60, 60))

    env = os.environ | {"POLARS_MAX_THREADS": "2", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", READ, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, preexec_fn=limits, env=env, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    told, mib = done.stdout.splitlines()
    return told, int(mib)


ROW = b'{"session": "a", "role": "user", "text": "hello there"}\n'


@pytest.mark.parametrize("packing", ["gz", "zst"])
def test_a_bomb_is_read_in_little_memory_or_refused(packing: str, tmp_path: Path) -> None:
    path = tmp_path / f"log.jsonl.{packing}"
    block = b" " * (1 << 20) + b"\n"
    with gzip.open(path, "wb", 1) if packing == "gz" else zstandard.open(path, "wb") as file:
        file.write(ROW * 10)
        for _ in range(1100):
            file.write(block)
    assert path.stat().st_size < 12_000_000
    told, mib = told_of(path)
    assert "unpacks to more than 200 times its size" in told
    assert mib < 600


def test_a_line_of_a_gigabyte_is_set_aside_in_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl.zst"
    noise = os.urandom(1 << 14).hex().encode()  # packs badly enough to pass the guard against bombs
    with zstandard.open(path, "wb") as file:
        file.write(ROW * 10 + b'{"session": "b", "role": "user", "text": "')
        for _ in range(1000):
            file.write(noise[:10_000] * 100 + os.urandom(5000).hex().encode())
        file.write(b'"}\n' + ROW * 10)
    told, mib = told_of(path)
    assert told == "20 1"
    assert mib < 600


def test_a_zip_that_says_it_is_small_gives_no_more_than_it_says(tmp_path: Path) -> None:
    path = tmp_path / "log.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("log.jsonl", ROW * 10 + b" " * (1 << 24))
    data = path.read_bytes()
    size = len(ROW * 10) + (1 << 24)
    path.write_bytes(data.replace(size.to_bytes(4, "little"), (5000).to_bytes(4, "little")))
    told, mib = told_of(path)
    assert "damaged" in told
    assert mib < 200


def test_a_workbook_that_unpacks_without_end_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "log.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        archive.writestr("xl/workbook.xml", "<workbook/>")
        with archive.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as sheet:
            for _ in range(1100):
                sheet.write(b"<row/>  " * (1 << 17))
    told, mib = told_of(path)
    assert "unpacks to more than 200 times its size" in told
    assert mib < 200


def of_rows(path: Path, texts: list[str], **more: pl.Series) -> Path:
    n = len(texts)
    table = pl.DataFrame({"session": ["a"] * n, "role": ["user"] * n, "text": texts, **more})
    table.write_parquet(path, row_group_size=n)
    return path


def test_parquet_whose_values_repeat_without_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A value that stands in all rows is written once: a million rows in some kilobytes, or the same text 3,000 times."""
    many = of_rows(tmp_path / "many.parquet", ["hello"] * 1_000_000)
    long = of_rows(tmp_path / "long.parquet", ["hello " * 5000] * 3000)
    assert max(many.stat().st_size, long.stat().st_size) < 40_000
    monkeypatch.setattr("curation.containers.ANY_SIZE", 1 << 24)
    for path in (many, long):
        with pytest.raises(
            SourceError, match=r"\w+\.parquet: unpacks to more than 200 times its size; if you trust it"
        ):
            read([path], [Source()])
    with pytest.raises(SourceError, match=r"many\.parquet: unpacks"):
        sniff(members("many.parquet", many)[0])
    monkeypatch.setattr("curation.containers.ANY_SIZE", 1 << 27)
    monkeypatch.setattr(
        "curation.encodings.LONGEST_LINE", 1 << 20
    )  # read in slices of 32 rows: what is found is the same
    done = read([long], [Source()])
    assert done.messages["source"].to_list() == [f"long.parquet:{n}" for n in range(1, 3001)]


def test_a_row_of_parquet_that_is_too_long_is_set_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("curation.encodings.LONGEST_LINE", 100_000)
    texts = ["x" * 200_000, *[f"hello {n}" for n in range(50)], "x" * 200_000, "bye"]
    path = of_rows(tmp_path / "log.parquet", texts)
    done = read([path], [Source()])
    assert done.messages.height == 51
    assert done.unreadable.select("line", "why").rows() == [(n, "the row is longer than 64 MiB") for n in (1, 52)]
    assert [item.what for item in sniff(members(path.name, path)[0]).items if item.value == "session"] == ["session"]


def test_parquet_with_times_beyond_all_years_is_read_without_them(tmp_path: Path) -> None:
    times = pl.Series([2**62, 1_700_000_000_000], dtype=pl.Int64).cast(pl.Datetime("ms"))
    path = of_rows(tmp_path / "log.parquet", ["one", "two"], time=times)
    assert read([path], [Source()]).messages["time"].to_list()[0] is None
    nested = of_rows(tmp_path / "nested.parquet", ["one", "two"], more=pl.DataFrame({"at": times}).to_struct())
    with pytest.raises(SourceError, match=r"nested\.parquet: a nested column holds a value that cannot be read"):
        read([nested], [Source()])
    for one in (path, nested):
        try:
            sniff(members(one.name, one)[0])
        except SourceError as fault:
            assert "nested.parquet" in str(fault)  # noqa: PT017


def test_parquet_whose_pages_are_overwritten_is_told_in_one_line(tmp_path: Path) -> None:
    good = of_rows(tmp_path / "good.parquet", [f"hello number {n * n}" for n in range(500)]).read_bytes()
    for place in range(4, 600, 7):
        path = tmp_path / "log.parquet"
        path.write_bytes(good[:place] + bytes([good[place] ^ 0xFF, 0xFF]) + good[place + 2 :])
        for use in (lambda path: read([path], [Source()]), lambda path: sniff(members(path.name, path)[0])):
            try:
                use(path)
            except SourceError as fault:
                assert "log.parquet" in str(fault)  # noqa: PT017


@pytest.mark.parametrize("name", ["log.json", "log.jsonl"])
def test_json_that_nests_without_end_is_an_error_of_the_input(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(ROW * 4 + b'{"session": "a", "role": "user", "text": ' + b"[" * 1_000_000 + b"\n")
    with pytest.raises(SourceError, match="log") if name == "log.json" else pytest.MonkeyPatch.context():
        done = read([path], [Source()])
        assert done.unreadable.height == 1
        assert done.messages.height == 4


AROUND = {
    "alone": (".json", b"", b""),
    "lines": (".jsonl", ROW * 4 + b'{"session": "a", "role": "user", "text": "hi", "more": ', b"}\n"),
    "list": (".json", b"[" + (ROW + b",") * 4 + b'{"session": "a", "role": "user", "text": "hi", "more": ', b"}]"),
    "messages": (".json", b'{"messages": [' + (ROW + b",") * 4 + b'{"role": "user", "text": "hi", "more": ', b"}]}"),
}


@pytest.mark.parametrize("deep", [120, 500, 900, 970, 1100])
@pytest.mark.parametrize("where", AROUND)
def test_json_that_nests_deeper_than_any_export_is_told_whatever_python_can_bear(
    where: str, deep: int, tmp_path: Path
) -> None:
    ending, before, after = AROUND[where]
    is_borne(before + b'{"a":' * deep + b"1" + b"}" * deep + after, ending, tmp_path, pack=False)
    with pytest.raises(SourceError, match="log") as told:
        references.read(tmp_path / f"log{ending}")
    assert "\n" not in str(told.value)
    if where == "lines":
        done = read([tmp_path / "log.jsonl"], [Source()])
        assert done.unreadable["why"].to_list() == ["not readable: nested too deep"]
        assert done.messages.height == 4


def test_json_may_nest_as_deep_as_exports_do(tmp_path: Path) -> None:
    more: Any = "x"
    for _ in range(97):
        more = [more]
    (tmp_path / "log.jsonl").write_text(json.dumps({"session": "a", "role": "user", "text": "hi", "more": more}) + "\n")
    done = read([tmp_path / "log.jsonl"], [Source()])
    assert (done.messages.height, done.unreadable.height) == (1, 0)


def test_names_in_an_archive_lead_nowhere(tmp_path: Path) -> None:
    path = tmp_path / "in" / "log.zip"
    path.parent.mkdir()
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("../../out.jsonl", "/etc/out.jsonl", "..\\out2.jsonl", "a/../../b/out3.jsonl"):
            archive.writestr(name, ROW * 3)
        link = zipfile.ZipInfo("link.jsonl")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    before = sorted(tmp_path.rglob("*"))
    done = read([path], [Source()])
    assert {name.removeprefix("log.zip/") for name in done.messages["file"].unique()} == {
        "out.jsonl", "etc/out.jsonl", "out2.jsonl", "a/b/out3.jsonl"
    }  # fmt: skip
    assert done.unreadable["bytes"].to_list() == ["/etc/passwd"]  # the link's own words, not what it leads to
    assert sorted(tmp_path.rglob("*")) == before


LINES = {
    "log.jsonl": (b"", ROW, b'{"session": "b", "role": "user", "text": "%s"}\n'),
    "log.csv": (b"session,role,text\n", b"a,user,hello there\n", b"b,user,%s\n"),
    "log.tsv": (b"session\trole\ttext\n", b"a\tuser\thello there\n", b"b\tuser\t%s\n"),
    "log.txt": (b"", b"2024-05-01 10:00:00 user: hello there\n", b"2024-05-01 10:00:01 user: %s\n"),
}


@pytest.mark.parametrize("name", LINES)
def test_a_line_that_is_too_long_is_set_aside_and_its_neighbours_are_read(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("curation.encodings.LONGEST_LINE", 100_000)
    head, row, long = LINES[name]
    path = tmp_path / name
    path.write_bytes(head + row * 10 + long % (b"x" * 500_000) + row * 10)
    line = "[{time}] {role}: {text}" if name == "log.txt" else None
    source = Source(line=line.replace("[", "").replace("]", "") if line else None)
    done = read([path], [source], window=1 << 14)
    assert done.messages.height == 20
    assert done.unreadable.select("file", "line").rows() == [(name, 11 + bool(head))]
    assert "the line is longer than" in done.unreadable["why"][0]
