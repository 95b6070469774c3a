"""The laws of the imports: data first, one way, and nothing heavy before it is needed."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = sorted(path for package in ("curation", "training") for path in (ROOT / package).rglob("*.py"))
HEAVY = {
    "torch",
    "transformers",
    "peft",
    "trl",
    "datasets",
    "accelerate",
    "bitsandbytes",
    "ray",
    "starlette",
    "uvicorn",
    "fastexcel",
    "py3langid",
    "numba",
    "llvmlite",
    "sklearn",
    "opencc",
}


def imports(path: Path) -> list[tuple[str, int, int]]:
    """Return (module, level, depth) of every import; depth 0 is at the top of the file."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    top = {id(node) for node in tree.body}
    top |= {id(n) for node in tree.body if isinstance(node, ast.Try) for n in ast.walk(node)}
    found = []
    for node in ast.walk(tree):
        depth = 0 if id(node) in top else 1
        if isinstance(node, ast.Import):
            found += [(alias.name, 0, depth) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found.append((node.module or "", node.level, depth))
    return found


def loaded_by(code: str) -> set[str]:
    """Return the top-level modules that are loaded after `code` ran in a process of its own."""
    script = f"import sys\n{code}\nprint(' '.join({{m.split('.')[0] for m in sys.modules}}), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(done.stderr.splitlines()[-1].split())


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_go_one_way(path: Path) -> None:
    package = path.relative_to(ROOT).parts[0]
    other = {"curation": "training", "training": "curation"}[package]
    for module, level, depth in imports(path):
        assert level == 0, "imports are absolute"
        if module.split(".")[0] == other:
            assert path.relative_to(ROOT) == Path("curation/cli.py")
            assert depth == 1, "inside the command that needs it"


def test_the_laws_would_be_seen_broken(tmp_path: Path) -> None:
    (tmp_path / "x.py").write_text("from training import cli\nfrom . import y\ndef f():\n    import curation.read\n")
    assert imports(tmp_path / "x.py") == [("training", 0, 0), ("", 1, 0), ("curation.read", 0, 1)]


def test_the_curation_half_loads_nothing_of_the_extras() -> None:
    modules = [".".join(p.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for p in FILES]
    late = re.compile(r"\.review|\.fast\.\w+$")
    own = [name for name in modules if name.startswith("curation") and not late.search(name)]
    assert len(own) > 30
    loaded = loaded_by("import " + ", ".join(own))
    assert "polars" in loaded
    assert loaded & (HEAVY | {"training"}) == set()


@pytest.mark.parametrize("arguments", [["--help"], ["curate", "--help"], ["version"], ["rules", "--help"]])
def test_help_and_version_load_neither_polars_nor_torch_nor_the_engine(arguments: list[str]) -> None:
    code = (
        f"sys.argv = ['siftune', *{arguments}]\nfrom curation.cli import main\n"
        "try: main()\nexcept SystemExit as end: assert not end.code"
    )
    loaded = loaded_by(code)
    assert "typer" in loaded
    assert loaded & (HEAVY | {"polars", "numpy", "yaml", "jinja2", "training"}) == set()
    if arguments == ["--help"]:  # for a command, typer itself loads pydantic where that is installed
        assert "pydantic" not in loaded
