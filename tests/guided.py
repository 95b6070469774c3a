"""A coverage-guided search for input that breaks us, by atheris: `make guided`, or this file.

    python tests/guided.py {files,recipe,toml,pack} [-max_total_time=600] [other options of libFuzzer]

What is asked of an input is what tests/curation/test_hostile.py asks; here its bytes are chosen by which lines of ours
they reach. For `files` the first byte says which ending the file has. Inputs that reached something new are kept in
.cache/guided/NAME and are where the next run begins; one that breaks us is written beside them, as crash-….
"""

from __future__ import annotations

import importlib.util
import sys
import tempfile
from pathlib import Path
from types import ModuleType

import atheris

ROOT = Path(__file__).parents[1]
LIMITS = ["-max_total_time=600", "-timeout=30", "-rss_limit_mb=6000", "-max_len=6000"]


def hostile() -> ModuleType:
    """Load the properties, and with them all of our code, watched."""
    sys.path.insert(0, str(ROOT))
    spec = importlib.util.spec_from_file_location("hostile", ROOT / "tests" / "curation" / "test_hostile.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with atheris.instrument_imports(include=["curation"]):
        spec.loader.exec_module(module)
    return module


def main() -> None:
    """Run it."""
    name, *options = sys.argv[1:] or ["files"]
    ask = hostile()
    work = Path(tempfile.mkdtemp(prefix="siftune-guided-"))
    begin = ROOT / ".cache" / "guided" / name
    begin.mkdir(parents=True, exist_ok=True)
    endings = [(ending, pack) for ending in ask.ENDINGS for pack in (False, True)]

    if name == "files":
        for number, seed in enumerate(ask.SEEDS):
            at = next((at for at, (ending, _) in enumerate(endings) if seed.name.endswith(ending)), 0)
            (begin / f"seed-{number}").write_bytes(bytes([at]) + seed.read_bytes()[:5000])

        def once(data: bytes) -> None:
            if data:
                ending, pack = endings[data[0] % len(endings)]
                ask.is_borne(data[1:], ending, work, pack=pack)
    else:
        text, use, suffix = ask.KINDS[name]
        (begin / "seed").write_bytes(text)

        def once(data: bytes) -> None:
            ask.is_told(data, [], work, use, suffix)

    atheris.Setup([sys.argv[0], *LIMITS, f"-artifact_prefix={begin}/", *options, str(begin)], once)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
