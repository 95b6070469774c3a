"""How much of the input may be unreadable, and what the error says."""

from pathlib import Path

import pytest

from curation.errors import SourceError
from curation.read import bearable, read
from curation.recipe import Recipe, Source

LIMIT = Recipe().reading.max_unreadable
GOOD = '{"session": "a", "role": "user", "text": "my number is 13800138000"}\n'


def held(folder: Path, *files: str) -> None:
    for number, text in enumerate(files):
        (folder / f"{number}.jsonl").write_text(text)
    found = read(sorted(folder.iterdir()), [Source()])
    bearable(found.inputs, found.unreadable, LIMIT)


def test_the_limit_is_one_in_a_hundred(tmp_path: Path) -> None:
    held(tmp_path, GOOD * 1980 + "oops\n" * 20)
    with pytest.raises(SourceError):
        held(tmp_path, GOOD * 1979 + "oops\n" * 21)


def test_ten_bad_lines_do_not_stop_a_short_log_unless_they_are_half_of_it(tmp_path: Path) -> None:
    held(tmp_path, GOOD * 11 + "oops\n" * 10)
    with pytest.raises(SourceError):
        held(tmp_path, GOOD * 10 + "oops\n" * 10)


def test_one_bad_file_among_good_ones_stops_the_run_and_so_do_many_with_a_little(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"^1.jsonl: 11 of 111 records"):
        held(tmp_path, GOOD * 5000, GOOD * 100 + "oops\n" * 11)
    with pytest.raises(SourceError, match=r"^all files: 20 of 240 records"):
        held(tmp_path, GOOD * 110 + "oops\n" * 10, GOOD * 110 + "oops\n" * 10)


def test_the_error_is_one_line_with_five_places_and_the_cure_and_no_text_of_a_record(tmp_path: Path) -> None:
    with pytest.raises(SourceError) as caught:
        held(tmp_path, (GOOD + GOOD[:-2] + "\n") * 20)
    said = str(caught.value)
    assert "\n" not in said
    assert said.startswith("0.jsonl: 20 of 40 records cannot be read, more than 1.00%: 0.jsonl:2: not JSON")
    assert said.count("0.jsonl:") == 6
    assert said.endswith("or raise reading.max_unreadable in the recipe to go on without them")
    assert "13800138000" not in said


def test_text_in_another_encoding_is_said_to_be_that(tmp_path: Path) -> None:
    rows = "session,role,text\n" + "a,user,hi\n" * 3 + "a,user,где?\n" * 40
    (tmp_path / "log.csv").write_bytes(rows.encode("cp1251"))
    found = read([tmp_path / "log.csv"], [Source()])
    with pytest.raises(SourceError, match=r"40 of 43 .*recipe, e\.g\. sources: \[{match: 'log\.csv', encoding: "):
        bearable(found.inputs, found.unreadable, LIMIT)
    assert found.unreadable["base64"][0] == "YSx1c2VyLOPk5T8="


def test_unknown_roles_are_all_named_in_one_error_with_counts_and_the_cure(tmp_path: Path) -> None:
    roles = ["elf"] * 30 + ["dwarf"] * 20 + ["user"] * 5
    with pytest.raises(SourceError) as caught:
        held(tmp_path, "".join(GOOD.replace("user", role) for role in roles))
    assert str(caught.value) == (
        "0.jsonl: nobody knows who speaks as 'elf' (30), 'dwarf' (20); say it in the recipe, "
        "e.g. sources: [{roles: {user: ['elf'], assistant: […], bot: […], system: […]}}]"
    )
