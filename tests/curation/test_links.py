"""Reply links in a file of their own: who hangs together by them is one conversation."""

import gzip
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from curation import links, shards
from curation.cli import app
from curation.containers import members
from curation.errors import SourceError
from curation.read import read
from curation.recipe import Source
from curation.sessions import sessions
from curation.sniff import sniff

POSTS = """id,author,created,text
p1,mia,2024-05-01 10:00:00,Where is my parcel?
p2,shop,2024-05-01 10:01:00,Which parcel is it?
p3,ben,2024-05-01 10:02:00,How do I return shoes?
p4,mia,2024-05-01 10:03:00,The blue one.
p5,shop,2024-05-01 10:04:00,Print the label and bring them to any shop.
p6,eva,2024-05-01 10:05:00,Hello?
"""
LINKED = "from_id,to_id\np2,p1\np4,p2\np5,p3\n"
PAIRS = [["p1", "p2", "p4"], ["p3", "p5"], ["p6"]]
SOURCE: dict[str, Any] = {
    "shape": "messages",
    "columns": {"id": "id", "role": "author", "text": "text", "time": "created"},
    "roles": {"assistant": ["shop"], "user": ["*"]},
    "replies": {"file": "{name}.links.csv"},
}
CHAT = "[10:00] mia: Where is my parcel?\n[10:00] ben: Do you ship to Malta?\n[10:01] ann: Which parcel?\n"
CHAT += "[10:02] ann: We do ship there.\n[10:03] mia: The blue one.\n"
LINE = "[{time}] {name}: {text}"


def put(folder: Path, **files: str) -> Path:
    for name, content in files.items():
        (folder / name.replace("_", ".")).write_text(content, encoding="utf-8")
    return folder / next(iter(files)).replace("_", ".")


def talks(path: Path, **source: Any) -> list[list[str]]:
    """Return the conversations: the ids of their messages, or where there are none their lines."""
    given = [Source.model_validate({**SOURCE, **source})]
    found, _ = sessions(read([path], given).messages, None, given)
    lines = found.with_columns(line=pl.col("source").str.split(":").list.last())
    return lines.group_by("conversation", maintain_order=True).agg("line")["line"].to_list()


def by_line(pairs: list[list[str]]) -> list[list[str]]:
    return [[str(int(post[1:]) + 1) for post in talk] for talk in pairs]  # p1 stands on line 2


@pytest.mark.parametrize(
    ("written", "columns"),
    [
        (LINKED, [0, 1]),
        (LINKED, ["to_id", "from_id"]),
        (LINKED.replace(",", "\t"), [0, 1]),
        (LINKED.replace(",", " ; "), [0, 1]),
        ("p2 p1 -\np4 p2 -\n\np5 p3 -\n", [0, 1]),
        ("x," + LINKED.replace("\n", "\nx,").rstrip("x,"), [1, 2]),
        ('"p2","p1"\r\n"p4","p2"\r\n"p5","p3"', [0, 1]),
        (
            "".join(json.dumps({"a": a, "b": b}) + "\n" for a, b in (("p1", "p2"), ("p4", "p2"), ("p5", "p3"))),
            ["a", "b"],
        ),
    ],
)
def test_messages_that_hang_together_by_links_are_one_conversation(
    tmp_path: Path, written: str, columns: list[Any]
) -> None:
    log = put(tmp_path, posts_csv=POSTS, posts_links_csv=written)
    assert talks(log, replies={"file": "posts.links.csv", "columns": columns}) == by_line(PAIRS)


def test_links_may_be_numbers_of_lines(tmp_path: Path) -> None:
    log = put(tmp_path, chat_txt=CHAT, chat_links_txt="0 2 -\n1 3 -\n2 4 -\n")
    transcript = {"shape": "transcript", "line": LINE, "columns": {}, "roles": {"assistant": ["ann"], "user": ["*"]}}
    found = talks(log, **transcript, replies={"file": "{name}.links.txt", "lines": 0})
    assert found == [["1", "3", "5"], ["2", "4"]]
    (tmp_path / "chat.links.txt").write_text("a b\n1 3\n2 4\n3 5\n")
    assert talks(log, **transcript, replies={"file": "{name}.links.txt", "lines": 1}) == found


def test_in_a_crowd_who_is_in_no_thread_is_still_sorted_out(tmp_path: Path) -> None:
    log = put(tmp_path, chat_txt=CHAT, chat_links_txt="2 4\n")
    given = {"shape": "transcript", "line": LINE, "columns": {}, "roles": {"assistant": ["ann"], "user": ["*"]}}
    found = talks(log, **given, crowd=True, replies={"file": "chat.links.txt", "lines": 1})
    assert sorted(found) == [["1", "3", "5"], ["2", "4"]]


def test_shards_hold_whole_threads_and_the_file_of_links_is_an_input(tmp_path: Path) -> None:
    log = put(tmp_path, posts_csv=POSTS, posts_links_csv=LINKED)
    given = [Source.model_validate(SOURCE)]
    made = shards.write([log, tmp_path / "posts.links.csv"], given, tmp_path / "shards", size=64)
    assert made.count > 1
    loaded = [made.load(shard) for shard in range(made.count)]
    whole, _ = sessions(read([log], given).messages, None, given)
    parted = pl.concat([sessions(some, None, given)[0] for some in loaded]).sort("begins", maintain_order=True)
    assert parted.equals(whole)
    assert [(one.name, one.records) for one in made.inputs] == [("posts.csv", 6), ("posts.links.csv", 0)]


@pytest.mark.parametrize(
    ("files", "replies", "said"),
    [
        ({}, {"file": "{name}.links.csv"}, "posts.csv: there is no file of links posts.links.csv"),
        ({"posts_linked_csv": LINKED}, {"file": "posts.links.csv"}, "did you mean 'posts.linked.csv'?"),
        ({"posts_links_csv": " \n"}, {}, "posts.links.csv: the file of links is empty"),
        ({"posts_links_csv": "p2,p1\np4\n"}, {}, "posts.links.csv:2: expected two ids"),
        ({"posts_links_csv": "id,to\n2,1\nx,1\n"}, {"lines": 1}, "posts.links.csv:3: expected two line numbers"),
        (
            {"posts_links_csv": LINKED},
            {"columns": ["from", "to_id"]},
            "there is no column 'from'; did you mean 'from_id'?",
        ),
        ({"posts_links_csv": "a,b\n"}, {}, "posts.links.csv: none of its links names a message of posts.csv"),
        ({"posts_links_csv": '{"a": 1}\n'}, {}, "posts.links.csv:1: no link: expected an object with two ids"),
        ({}, {"file": "posts.csv"}, "posts.csv: replies.file names the log itself"),
    ],
)
def test_what_is_wrong_with_links_is_one_line(tmp_path: Path, files: dict[str, str], replies: Any, said: str) -> None:
    log = put(tmp_path, posts_csv=POSTS, **files)
    with pytest.raises(SourceError) as fault:
        talks(log, replies={"file": "{name}.links.csv", **replies})
    assert said in str(fault.value)
    assert "\n" not in str(fault.value)


def test_links_without_ids_in_the_log_are_refused_with_a_cure(tmp_path: Path) -> None:
    log = put(tmp_path, posts_csv=POSTS, posts_links_csv=LINKED)
    with pytest.raises(SourceError, match="the column that holds the id of a message; name it"):
        talks(log, columns={"role": "author", "text": "text"})


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=40))
def test_threads_are_what_hangs_together_whatever_the_order_and_direction(ends: list[tuple[int, int]]) -> None:
    groups: list[set[str]] = []
    for a, b in ends:
        touched = [group for group in groups if {str(a), str(b)} & group]
        groups = [group for group in groups if group not in touched] + [{str(a), str(b)}.union(*touched)]
    pairs = pl.DataFrame([(str(a), str(b)) for a, b in ends], schema={"a": pl.String, "b": pl.String}, orient="row")
    found = links.threads(pairs).group_by("thread").agg("id")["id"].to_list()
    assert sorted(map(sorted, found)) == sorted(map(sorted, groups))


def threads_of(count: int) -> tuple[str, str]:
    """Make posts of many customers at once, four messages to a thread, and the links between them."""
    words = [
        "Where is my parcel {}?",
        "Sorry, which one is it?",
        "The blue one, number {}.",
        "It comes tomorrow, thanks.",
    ]
    posts = [(turn, thread) for block in range(0, count, 5) for turn in range(4) for thread in range(block, block + 5)]
    rows = [
        f"t{turn * 1000 + thread},{('shop_help' if turn % 2 else f'guest{thread}')},"
        f"2024-05-01 10:{i // 60:02}:{i % 60:02},"
        f'"{words[turn].format(thread)}"'
        for i, (turn, thread) in enumerate(posts)
    ]
    linked = [f"t{turn * 1000 + thread},t{turn * 1000 + thread - 1000}" for turn, thread in posts if turn]
    return "\n".join(["post,name,at,words", *rows]), "\n".join(["from_id,to_id", *linked])


def test_sniff_finds_links_between_ids_beside_the_log(tmp_path: Path) -> None:
    posts, linked = threads_of(60)
    log = put(tmp_path, posts_csv=posts, posts_links_csv=linked)
    guess = sniff(members(log.name, log)[0])
    assert guess.source["replies"] == {"file": "{name}.links.csv"}
    assert guess.source["columns"]["id"] == "post"
    assert "conversation" not in guess.source["columns"]
    given = [Source.model_validate(guess.source)]
    found, _ = sessions(read([log], given).messages, None, given)
    assert found.group_by("conversation").len()["len"].to_list() == [4] * 60


@pytest.mark.parametrize("first", [0, 1])
def test_sniff_tells_from_where_line_numbers_are_counted(tmp_path: Path, first: int) -> None:
    said = [("mia", "my parcel is late"), ("ben", "do you ship to Malta?"), ("ann", "mia: which one?")]
    said += [("ann", "ben: we do"), ("mia", "the blue one"), ("ann", "mia: it comes today")]
    log = put(
        tmp_path,
        chat_txt="".join(f"[10:0{i}] {name}: {text}\n" for i, (name, text) in enumerate(said)),
        chat_links_txt="".join(f"{a + first} {b + first}\n" for a, b in ((0, 2), (1, 3), (4, 5))),
    )
    assert sniff(members(log.name, log)[0]).source["replies"] == {"file": "{name}.links.txt", "lines": first}


def test_a_folder_with_a_log_and_its_links_is_sniffed_and_curated_as_one_log(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    posts, linked = threads_of(60)
    put(tmp_path / "logs", posts_csv=posts, posts_links_csv=linked)
    sniffed = CliRunner().invoke(app, ["sniff", str(tmp_path / "logs"), "-o", str(tmp_path / "r.yaml"), "--json"])
    assert sniffed.exit_code == 0, sniffed.output
    assert [one["file"] for one in json.loads(sniffed.stdout)] == ["posts.csv"]
    run = ["curate", str(tmp_path / "logs"), "-c", str(tmp_path / "r.yaml"), "-o", str(tmp_path / "run"), "--quiet"]
    made = CliRunner().invoke(app, run)
    assert made.exit_code in (0, 1), made.output
    written = pl.read_parquet(tmp_path / "run" / "messages.parquet")
    assert written["conversation"].n_unique() == 60


# --- packed logs, and standard input ------------------------------------------------------------------------------


def zipped(folder: Path, **members: str) -> Path:
    with zipfile.ZipFile(folder / "log.zip", "w") as archive:
        for name, content in members.items():
            archive.writestr(f"may/{name.replace('_', '.')}", content)
    return folder / "log.zip"


def test_links_lie_in_the_archive_of_their_log_and_are_no_log_there(tmp_path: Path) -> None:
    log = zipped(tmp_path, posts_csv=POSTS, posts_links_csv=LINKED)
    assert talks(log) == by_line(PAIRS)
    reading = read([log], [Source.model_validate(SOURCE)])
    assert [(one.name, one.records) for one in reading.inputs] == [
        ("log.zip/may/posts.csv", 6), ("log.zip/may/posts.links.csv", 0),
    ]  # fmt: skip


def test_links_may_lie_beside_the_archive_and_be_packed(tmp_path: Path) -> None:
    (tmp_path / "posts.links.csv.gz").write_bytes(gzip.compress(LINKED.encode()))
    log = zipped(tmp_path, posts_csv=POSTS)
    assert talks(log, replies={"file": "{name}.links.csv.gz"}) == by_line(PAIRS)
    (tmp_path / "posts.csv.gz").write_bytes(gzip.compress(POSTS.encode()))
    assert talks(tmp_path / "posts.csv.gz", replies={"file": "{name}.links.csv.gz"}) == by_line(PAIRS)


def test_links_of_standard_input_lie_in_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(POSTS.encode())))
    with pytest.raises(SourceError, match=r"^stdin: there is no file of links stdin.links.csv in the working folder"):
        talks(Path("-"))
    put(tmp_path, pairs_csv=LINKED)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(POSTS.encode())))
    assert talks(Path("-"), format="csv", replies={"file": "pairs.csv"}) == by_line(PAIRS)


def test_links_in_an_archive_are_found_out(tmp_path: Path) -> None:
    log = zipped(tmp_path, chat_txt=CHAT * 4, chat_links_txt="".join(f"{i} {i + 2}\n" for i in range(1, 18)))
    guess = sniff(next(file for file in members(log.name, log) if file.plain == "chat.txt"))
    assert guess.source["replies"]["file"] == "{name}.links.txt"
