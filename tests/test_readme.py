"""The READMEs say what is true: their recipe is valid, their commands exist, both languages show the same."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from curation import recipe
from curation.errors import RecipeError
from curation.packs import load

ROOT = Path(__file__).parent.parent
READMES = ["README.md", "README.zh-CN.md"]


def blocks(name: str, language: str = "") -> list[str]:
    fenced = (ROOT / name).read_text(encoding="utf-8").split("```")[1::2]
    return [block.removeprefix(f"{language}\n") for block in fenced if block.startswith(f"{language}\n")]


@pytest.mark.parametrize("name", READMES)
def test_the_recipe_in_the_readme_is_valid_and_its_rules_exist(name, tmp_path):
    path = tmp_path / "recipe.yaml"
    path.write_text(blocks(name, "yaml")[0], encoding="utf-8")
    settings = recipe.load(path)
    assert settings.sources[0].columns.text == 6
    assert load(settings.packs, settings.rules).rules


@pytest.mark.parametrize("name", READMES)
def test_every_command_in_the_readme_exists(name):
    commands = set(re.findall(r"^siftune ([a-z]+(?: list| show| test)?)", "\n".join(blocks(name)), re.MULTILINE))
    assert {"curate", "train", "run", "rules list", "rules show", "rules test"} <= commands
    for command in sorted(commands):
        code = "from curation.cli import main; main()"
        shown = subprocess.run(
            [sys.executable, "-c", code, *command.split(), "--help"], capture_output=True, check=False
        )
        assert shown.returncode == 0, command


def test_both_languages_show_the_same_output():
    shown = [[b for b in blocks(name) if "error: " in b or "messages read" in b] for name in READMES]
    assert len(shown[0]) == 2
    assert shown[0] == shown[1]


@pytest.mark.parametrize("name", READMES)
def test_a_typo_in_the_recipe_of_the_readme_is_told_as_it_shows(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("recipe.yaml").write_text(blocks(name, "yaml")[0].replace("columns:", "columms:"), encoding="utf-8")
    (shown,) = [block for block in blocks(name) if block.startswith("error: ")]
    with pytest.raises(RecipeError) as caught:
        recipe.load(Path("recipe.yaml"))
    assert shown.strip() == f"error: {caught.value}"


def test_the_readme_names_every_make_target_that_it_needs():
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    used = {target for name in READMES for target in re.findall(r"`?make ([a-z]+)", (ROOT / name).read_text("utf-8"))}
    assert {"demo", "test"} <= used <= set(targets)
