"""The recipe: its defaults, its changes from the command line, and what it refuses."""

from pathlib import Path
from typing import Any

import pytest

from curation import recipe
from curation.errors import RecipeError
from curation.recipe import Recipe, changed


def test_yaml_and_toml_say_the_same(tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_text(
        "name: x\nsources:\n- match: '*.csv'\n  roles: {user: 0}\ndedup: {threshold: 0.9}\n"
    )
    (tmp_path / "r.toml").write_text(
        "name = 'x'\n[[sources]]\nmatch = '*.csv'\n[sources.roles]\nuser = 0\n[dedup]\nthreshold = 0.9\n"
    )
    one, other = recipe.load(tmp_path / "r.yaml"), recipe.load(tmp_path / "r.toml")
    assert one == other
    assert one.sources[0].roles == {"user": ["0"]}
    assert one.sha256() == other.sha256()


def test_an_empty_recipe_is_the_default(tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_text("# nothing\n")
    assert recipe.load(tmp_path / "r.yaml") == Recipe()


def test_the_hash_tells_different_recipes_apart() -> None:
    assert Recipe(seed=1).sha256() != Recipe(seed=2).sha256()


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        ({"dedup": {"permutations": 64}}, "bands 25 × rows 5 need 125 permutations, there are 64; raise permutations"),
        ({"dedup": {"bands": 100}}, "need 500 permutations, there are 128"),
        ({"seed": 2**32}, "less than 4294967296"),
        ({"split": {"val_share": 1}}, "less than 1"),
        ({"privacy": {"keep": ["order"]}}, "'order-number'"),
        ({"sources": [{"columns": {"text": True}}]}, "text"),
        ({"sources": [{"columns": {"text": -1}}]}, "text"),
        ({"rules": {"zh/x": {"action": "keep"}}}, "'note', 'review', 'drop' or 'off'"),
    ],
)
def test_impossible_settings_are_refused(data: dict[str, Any], fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        Recipe.model_validate(data)


@pytest.mark.parametrize(
    ("name", "known"),
    [("gbk", "gb18030"), ("GB2312", "gb18030"), ("utf8", "utf-8"), ("utf-8-sig", "utf-8"), ("latin-1", "cp1252"),
     ("windows-1252", "cp1252"), ("utf-16", "auto"), ("big5", "big5"), ("auto", "auto")],
)  # fmt: skip
def test_an_encoding_may_have_the_name_that_it_has_elsewhere(name: str, known: str) -> None:
    assert Recipe.model_validate({"sources": [{"encoding": name}]}).sources[0].encoding == known


@pytest.mark.parametrize("name", ["koi8-r", "klingon", 7])
def test_an_encoding_that_nobody_reads_here_is_refused(name: object) -> None:
    with pytest.raises(ValueError, match="'gb18030'"):
        Recipe.model_validate({"sources": [{"encoding": name}]})


def test_formats_that_are_always_written_may_be_named() -> None:
    assert Recipe.model_validate({"output": {"formats": ["alpaca", "messages"]}}).output.formats == ["messages"]
    assert Recipe.model_validate({"output": {"formats": ["sharegpt"]}}).output.formats == []


def test_set_changes_one_setting_and_leaves_the_others() -> None:
    found = changed(Recipe(seed=7), ["dedup.threshold=0.9", "packs=[zh]", "output.system_prompt='a=b'"], [])
    assert (found.seed, found.dedup.threshold, found.dedup.ngram) == (7, 0.9, "auto")
    assert (found.packs, found.output.system_prompt) == (["zh"], "a=b")


def test_set_reaches_the_one_source_that_a_recipe_without_sources_has() -> None:
    changed_one = changed(Recipe(), ["sources.0.roles={user: [a]}", "sources.0.header=false"], [])
    assert [(s.roles, s.header, s.match) for s in changed_one.sources] == [({"user": ["a"]}, False, "*")]
    with pytest.raises(RecipeError, match=r"sources\.1\.header: '1' has no settings below it"):
        changed(Recipe(), ["sources.1.header=false"], [])


def test_set_reaches_the_settings_of_rules_and_training() -> None:
    found = changed(Recipe(), ["rules.zh/filler-only.action=note", "training.epochs=2"], [])
    assert found.rules["zh/filler-only"].action == "note"
    assert found.training == {"epochs": 2}


def test_ignore_switches_a_rule_off_and_keeps_its_parameters() -> None:
    before = changed(Recipe(), ["rules.zh/x.params.most=3"], [])
    assert changed(before, [], ["zh/x"]).rules["zh/x"].model_dump() == {"action": "off", "params": {"most": 3}}


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ("dedup.treshold=1", "--set: there is no setting 'dedup.treshold'; did you mean 'threshold'?"),
        ("seed", "--set seed: expected KEY=VALUE"),
        ("=3", "--set =3: expected KEY=VALUE"),
        ("seed.x=3", "--set seed.x: 'seed' has no settings below it"),
        ("name=[", "--set name=[: the value is not YAML; put it in quotes"),
        ("name=2024-13-45", "--set name=2024-13-45: the value is not YAML; put it in quotes"),
        ("seed=many", "--set: 'seed': input should be a valid integer, unable to parse string as an integer"),
    ],
)
def test_a_change_that_cannot_be_made_says_why(change: str, fault: str) -> None:
    with pytest.raises(RecipeError) as caught:
        changed(Recipe(seed=1), [change], [])
    assert str(caught.value) == fault
