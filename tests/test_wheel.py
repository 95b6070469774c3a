"""What a user gets from `pip install siftune`: the wheel, in an environment with the base dependencies and no more.

Nothing is downloaded. The environment is a bare venv into which the base dependencies are linked from this one, found
by walking the wheel's own requirements; pip then installs the wheel beside them and checks that nothing is missing.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import zipfile
from email.parser import Parser
from importlib.metadata import Distribution, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

pytestmark = pytest.mark.slow

CHECKOUT = Path(__file__).resolve().parent.parent
DATA = {
    "rules": "curation/_data/rules",
    "schemas": "curation/_data/schemas",
    "samples/general": "training/_data/general",
}
EXTRAS = ("torch", "transformers", "datasets", "pytest", "hatchling")  # a few that must not be seen in a base install
LOG = """\
会话ID,时间,发送方,内容
a,2024-06-16 09:00:00,客户,退款申请提交以后，一般多久能到账？
a,2024-06-16 09:00:20,客服,审核通过后一到三个工作日原路退回，信用卡要等到下一个账单日。
a,2024-06-16 09:00:40,客户,嗯嗯
b,2024-06-16 10:00:00,客户,请问这款空气炸锅的保修期是多久？
b,2024-06-16 10:00:20,客服,整机保修两年，炸篮属于易耗件，保修半年，凭订单即可报修。
"""


def run(*command: str | Path, cwd: Path, code: int = 0) -> subprocess.CompletedProcess[str]:
    """Run a command as from a shell of its own: none of our settings, and no way to our packages."""
    ours = ("PYTHON", "SIFTUNE", "VIRTUAL_ENV", "PIP_CONSTRAINT")
    env = {key: value for key, value in os.environ.items() if not key.startswith(ours)} | {"COLUMNS": "200"}
    done = subprocess.run([str(c) for c in command], cwd=cwd, env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == code, f"{command}\n{done.stdout}\n{done.stderr}"
    return done


def built(what: str, source: Path, out: Path) -> Path:
    """Build the wheel or the sdist of `source` with the hatchling that is installed here."""
    run(sys.executable, "-m", "build", f"--{what}", "--no-isolation", "--outdir", out, source, cwd=out)
    (found,) = out.glob("*.whl" if what == "wheel" else "*.tar.gz")
    return found


def members(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def on_disk(folder: str) -> list[Path]:
    found = sorted(p for p in (CHECKOUT / folder).rglob("*") if p.is_file() and p.parent.name != "__pycache__")
    assert found, f"{folder} is empty"
    return found


def base_dependencies(metadata: str) -> list[Distribution]:
    """Return what the wheel needs without any extra, and what that needs, from the environment the tests run in."""
    wanted = [(text, "") for text in Parser().parsestr(metadata).get_all("Requires-Dist", [])]
    found: dict[str, Distribution] = {}
    seen: set[tuple[str, str]] = set()
    while wanted:
        text, extra = wanted.pop()
        needed = Requirement(text)
        if needed.marker and not needed.marker.evaluate({"extra": extra}):
            continue
        one = found.setdefault(needed.name.lower(), distribution(needed.name))
        for asked in {(needed.name.lower(), extra) for extra in ("", *needed.extras)} - seen:
            seen.add(asked)
            wanted += [(text, asked[1]) for text in one.requires or []]
    return list(found.values())


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built("wheel", CHECKOUT, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def bare(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A venv with the wheel and its base dependencies; returns its bin folder."""
    venv = tmp_path_factory.mktemp("bare") / "venv"
    run(sys.executable, "-m", "venv", "--without-pip", venv, cwd=venv.parent)
    (packages,) = venv.glob("lib/python*/site-packages")
    (metadata,) = (body for name, body in members(wheel).items() if name.endswith(".dist-info/METADATA"))
    for found in base_dependencies(metadata.decode()):
        assert found.files is not None
        for top in {file.parts[0] for file in found.files} - {"..", "__pycache__"}:
            if not (packages / top).exists():
                (packages / top).symlink_to(Path(str(found.locate_file(top))).resolve())
    pip = (sys.executable, "-m", "pip", "--python", venv / "bin" / "python")
    run(*pip, "install", "--quiet", "--no-deps", "--no-index", wheel, cwd=venv.parent)
    run(*pip, "check", cwd=venv.parent)
    return venv / "bin"


@pytest.fixture
def elsewhere(bare: Path, tmp_path: Path) -> Path:
    """A user's folder that has a `curation` and a `training` of its own, which break whoever imports them."""
    for name in ("curation", "training"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise RuntimeError('the decoy was imported')\n")
    trap = run(bare / "python", "-c", "import curation", cwd=tmp_path, code=1)
    assert "the decoy was imported" in trap.stderr  # the trap is set
    return tmp_path


@pytest.fixture
def curated(bare: Path, elsewhere: Path) -> Path:
    (elsewhere / "logs.csv").write_text(LOG, encoding="utf-8")
    run(bare / "siftune", "curate", "logs.csv", "-o", "out", "--no-gate", cwd=elsewhere)
    return elsewhere / "out"


def test_the_wheel_holds_the_two_packages_and_the_shipped_data_and_nothing_else(wheel: Path) -> None:
    inside = members(wheel)
    expected = {str(p.relative_to(CHECKOUT)): p for name in ("curation", "training") for p in on_disk(name)}
    for folder, place in DATA.items():
        expected |= {f"{place}/{p.relative_to(CHECKOUT / folder)}": p for p in on_disk(folder)}
    info = {name for name in inside if name.split("/")[0].endswith(".dist-info")}
    assert inside.keys() - info == expected.keys()
    assert all(inside[name] == path.read_bytes() for name, path in expected.items())


def test_the_wheel_says_its_licence_and_its_command(wheel: Path) -> None:
    info = {name.partition(".dist-info/")[2]: body for name, body in members(wheel).items() if ".dist-info/" in name}
    assert info["licenses/LICENSE"] == (CHECKOUT / "LICENSE").read_bytes()
    assert info["entry_points.txt"].decode().split() == ["[console_scripts]", "siftune", "=", "curation.cli:main"]


def test_the_sdist_makes_the_same_wheel(wheel: Path, tmp_path: Path) -> None:
    with tarfile.open(built("sdist", CHECKOUT, tmp_path)) as archive:
        archive.extractall(tmp_path, filter="data")
    (source,) = (p for p in tmp_path.iterdir() if p.is_dir())
    (tmp_path / "again").mkdir()
    assert members(built("wheel", source, tmp_path / "again")) == members(wheel)


def test_a_base_install_sees_no_extra(bare: Path, tmp_path: Path) -> None:
    code = f"from importlib.util import find_spec; print([n for n in {EXTRAS!r} if find_spec(n)])"
    assert run(bare / "python", "-c", code, cwd=tmp_path).stdout == "[]\n"


def test_the_command_says_its_version_and_the_shipped_rules(wheel: Path, bare: Path, elsewhere: Path) -> None:
    version = wheel.name.split("-")[1]  # from pyproject.toml; the command has it from curation/__init__.py
    assert run(bare / "siftune", "version", cwd=elsewhere).stdout == f"siftune {version}\n"
    assert "zh/filler-only" in run(bare / "siftune", "rules", "list", cwd=elsewhere).stdout


def test_a_base_install_curates(curated: Path) -> None:
    answers = "".join((curated / f"{part}.alpaca.jsonl").read_text(encoding="utf-8") for part in ("train", "val"))
    assert "整机保修两年" in answers
    assert "三个工作日原路退回" in answers
    assert "嗯嗯" not in answers
    assert (curated / "report.html").stat().st_size > 1000


def test_training_without_its_extra_says_in_one_line_how_to_install_it(bare: Path, curated: Path) -> None:
    failed = run(bare / "siftune", "train", curated, "--model", "tiny", cwd=curated.parent, code=4)
    (line,) = failed.stderr.splitlines()
    assert line.startswith("error: training needs torch")
    assert line.endswith('pip install "siftune[train]"')
    assert failed.stdout == ""
