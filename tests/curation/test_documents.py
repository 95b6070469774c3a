"""Files that people write by hand: every fault with its file, its line and, where one is near, its cure."""

from pathlib import Path

import pytest

from curation import documents, recipe
from curation.errors import RecipeError, did_you_mean


def fault_of(tmp_path: Path, name: str, content: str | bytes) -> str:
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(RecipeError) as caught:
        recipe.load(path)
    text = str(caught.value)
    assert "\n" not in text
    assert text.startswith(str(path))
    return text.removeprefix(str(path))


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ("seed: 1\ndedup:\n  treshold: 1\n", ":3: there is no setting 'dedup.treshold'; did you mean 'threshold'?"),
        ("sources:\n- match: a\n- shap: b\n", ":3: there is no setting 'sources.1.shap'; did you mean 'shape'?"),
        ("sources:\n- columns:\n    text: [1]\n", ":3: 'sources.0.columns.text': input should be a valid string"),
        (
            "sources:\n- roles:\n    agent: x\n",
            ":3: 'sources.0.roles.agent': input should be 'user', 'assistant', 'bot' or 'system'",
        ),
        ("sources:\n- preset: zendsk\n", ":2: 'sources.0.preset': there is no 'zendsk'; did you mean 'zendesk'?"),
        (
            "output: {cot: thnk}\n",
            ":1: 'output.cot': there is no 'thnk'; did you mean 'think'? It may be 'think', 'field' or 'drop'",
        ),
        (
            "packs: zh\n",
            ":1: 'packs': expected a list: put [ ] around it, or each item on a line of its own behind '- '",
        ),
        (
            "sources:\n- match: '*'\n\tformat: csv\n",
            ":3: not YAML: found character that cannot start any token (a tab; YAML is indented by spaces)",
        ),
        ("seed: 1\nseed: 2\n", ":2: not YAML: 'seed' is given twice"),
        ("dedup:\n  ngram: 3\n\n  ngram: 4\n", ":4: not YAML: 'ngram' is given twice"),
        ("a: b: c\n", ":1: not YAML: mapping values are not allowed in this context"),
        ("name: 2024-13-45\n", ": not YAML: month must be in 1..12"),
        ("? [a]\n: 1\n", ":1: not YAML: a key must be a word"),
        ("- a\n", ": expected a mapping of settings, found list"),
        (
            "sources:\n- match: a\n  cut_at: 9223372036854775808\n",
            ":3: 'sources.0.cut_at': no number may be larger than 9223372036854775807; quote what is text",
        ),
        ("name: x\n---\nname: y\n", ":2: not YAML: but found another document"),
    ],
)
def test_a_fault_in_yaml_has_its_line(tmp_path: Path, content: str, fault: str) -> None:
    assert fault_of(tmp_path, "r.yaml", content) == fault


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (
            'name = "x"\n[dedup]\n\ntreshold = 1\n',
            ":4: there is no setting 'dedup.treshold'; did you mean 'threshold'?",
        ),
        (
            "name = 'x'\n\n[dedup]\nngram = -9223372036854775808\n",
            ":4: 'dedup.ngram': no number may be larger than 9223372036854775807; quote what is text",
        ),
        ("dedup.ngram = 0\n", ":1: 'dedup.ngram': must be 'auto' or a number of characters from 1 to 16"),
        (
            '[[sources]]\nmatch = "a"\n[[sources]]\nshap = "b"\n',
            ":4: there is no setting 'sources.1.shap'; did you mean 'shape'?",
        ),
        (
            '[rules."zh/a.b"]\naction = "keep"\n',
            ":2: 'rules.zh/a.b.action': input should be 'note', 'review', 'drop' or 'off'",
        ),
        ('name = """\n[dedup]\n"""\nsed = 1\n', ":4: there is no setting 'sed'; did you mean 'seed'?"),
        ("\na = \n", ":2: not TOML: Invalid value"),
    ],
)
def test_a_fault_in_toml_has_its_line(tmp_path: Path, content: str, fault: str) -> None:
    assert fault_of(tmp_path, "r.toml", content) == fault


@pytest.mark.parametrize(
    ("content", "fault"),
    [(b"name: \xff\n", ": not UTF-8 (byte 6); save it as UTF-8"),
     (b'name: "\0"\n', ": not YAML: unacceptable character"),
     (b"[" * 5000, "not YAML")],
)  # fmt: skip
def test_a_file_that_is_no_text_is_refused_in_one_line(tmp_path: Path, content: bytes, fault: str) -> None:
    assert fault in fault_of(tmp_path, "r.yaml", content)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"x\.yaml: there is no such file"):
        recipe.load(tmp_path / "x.yaml")
    with pytest.raises(RecipeError, match="cannot be read: Is a directory"):
        recipe.load(tmp_path)


def test_the_line_is_that_of_the_deepest_part_that_exists(tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_text("a:\n  b:\n  - c: 1\n    d: 2\n")
    _, node = documents.load(tmp_path / "r.yaml", RecipeError)
    places = [("a",), ("a", "b", 0), ("a", "b", 0, "d"), ("a", "b", 9), ("a", "x"), ()]
    assert [documents.line_of(node, place) for place in places] == [1, 3, 4, 2, 1, 1]
    assert documents.line_of(None, ("a",)) is None


def test_a_near_word_is_offered_and_otherwise_all_known_ones() -> None:
    assert did_you_mean("filler-olny", ["filler-only", "x"]) == "; did you mean 'filler-only'?"
    assert did_you_mean("zzz", ["b", "a"]) == "; known: a, b"
