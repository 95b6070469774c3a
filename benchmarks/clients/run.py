# ruff: noqa: E501
"""Load siftune's output with the trainers' own loaders, and compare what they train on with our answers.

    python benchmarks/clients/run.py [WORK] [--only TRAINER]

Makes an environment per trainer under WORK (default: .cache/clients; about 2 GB each), one run from the samples, and
prints the table of docs/formats.md. Exits with 1 where a trainer sees other answers than ours.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent
TORCH = "torch==2.13.0"
AXOLOTL = (
    "transformers==5.16.1 datasets==4.8.4 peft==0.20.0 accelerate==1.13.0 trl==1.9.0 addict fire pydantic==2.12.5 "
    "colorama einops art python-dotenv s3fs zstandard langdetect numba scipy posthog mistral-common schedulefree "
    "bitsandbytes sentencepiece fastcore evaluate optimum==1.16.2 axolotl-contribs-lgpl axolotl-contribs-mit"
)
# Trainer → the environment it needs (None: ours), and the formats it reads.
TRAINERS: dict[str, tuple[str | None, tuple[str, ...]]] = {
    "datasets": (None, ("alpaca", "sharegpt", "messages", "prompt-completion")),
    "trl": (None, ("messages", "prompt-completion")),
    "llamafactory": ("llamafactory", ("alpaca", "sharegpt", "messages")),
    "swift": ("swift", ("alpaca", "sharegpt", "messages")),
    "axolotl": ("axolotl", ("sharegpt", "messages")),
}
NAMES = {
    "datasets": "datasets.load_dataset", "trl": "TRL SFTTrainer", "llamafactory": "LLaMA-Factory 0.9.5",
    "swift": "ms-swift 4.6.0", "axolotl": "Axolotl 0.19.0",
}  # fmt: skip


def environment(work: Path, name: str) -> Path:
    """Return the Python of a trainer's environment, made where it is not there yet."""
    folder = work / name
    python = folder / "bin" / "python"
    if (work / f"{name}.done").exists():
        return python
    subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)

    def pip(*arguments: str) -> None:
        subprocess.run([python, "-m", "pip", *arguments], check=True)

    pip("install", "-q", TORCH)
    if name == "llamafactory":
        pip("install", "-q", "llamafactory==0.9.5", TORCH)
        pip("uninstall", "-q", "-y", "torchvision", "torchaudio")  # built for CUDA; they do not load without it
        (folder / "stubs").mkdir(exist_ok=True)
        (folder / "stubs" / "torchaudio.py").write_text('__version__ = "0"\n', encoding="utf-8")
    elif name == "swift":
        pip("install", "-q", "ms-swift==4.6.0", TORCH)
    else:  # its loader alone; the whole of it brings 150 packages and CUDA
        pip("install", "-q", *AXOLOTL.split(), TORCH)
        pip("install", "-q", "--no-deps", "axolotl==0.19.0")
    (work / f"{name}.done").touch()
    return python


def load(python: Path, work: Path, trainer: str, form: str, folder: Path) -> list[list[str]]:
    stubs = python.parent.parent / "stubs"
    variables = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"} | {"OMP_NUM_THREADS": "1"}
    if stubs.is_dir():
        variables["PYTHONPATH"] = str(stubs)
    command = [python, HERE / "load.py", trainer, form, folder, work / "model"]
    done = subprocess.run(command, capture_output=True, text=True, env=variables, cwd=work)
    if done.returncode:
        raise RuntimeError(f"{trainer} {form}: {done.stderr[-3000:]}")
    found: list[list[str]] = json.loads(done.stdout.strip().splitlines()[-1])["answers"]
    return found


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("work", type=Path, nargs="?", default=HERE.parents[1] / ".cache" / "clients")
    arguments.add_argument("--only", choices=TRAINERS)
    options = arguments.parse_args()
    work = options.work.absolute()
    subprocess.run([sys.executable, HERE / "fixture.py", work], check=True)
    expected = json.loads((work / "expected.json").read_text(encoding="utf-8"))["answers"]
    wrong = 0
    print(
        "| trainer | format | exported | loaded | all answers trained on, and nothing else | seconds |\n|---|---|---|---|---|---|"
    )
    for trainer, (needs, forms) in TRAINERS.items():
        if options.only and trainer != options.only:
            continue
        python = environment(work, needs) if needs else Path(sys.executable)
        for form in forms:
            begun = time.monotonic()
            want = expected["last" if form == "prompt-completion" else "all"]
            try:
                found = [[text.strip() for text in row] for row in load(python, work, trainer, form, work / "run")]
            except RuntimeError as fault:
                print(fault, file=sys.stderr)
                found = []
            filled = [row for row in found if any(row)]
            same = sorted(map(tuple, filled)) == sorted(tuple(text.strip() for text in row) for row in want)
            wrong += not same
            spent = f"{time.monotonic() - begun:.0f}"
            print(
                f"| {NAMES[trainer]} | {form} | {len(want)} | {len(filled)} | {'yes' if same else 'NO'} | {spent} |",
                flush=True,
            )
            if not same and found:
                show(filled, want)
        if trainer == "llamafactory":
            left = load(python, work, trainer, "sharegpt", work / "faulty")
            said = subprocess.run(
                [Path(sys.executable).parent / "siftune", "validate", work / "faulty" / "train.sharegpt.jsonl", "--json"],
                capture_output=True, text=True, check=False,
            )  # fmt: skip
            predicted = json.loads(said.stdout)[0]["losses"].get("LLaMA-Factory drops the record", 0)
            print(
                f"\nOf 4 records, 3 of them faulty, LLaMA-Factory keeps {len(left)}; siftune validate: drops {predicted}\n"
            )
            wrong += len(left) != 4 - predicted
    sys.exit(1 if wrong else 0)


def show(found: list[list[str]], want: list[list[str]]) -> None:
    extra = [row for row in found if row not in want][:2]
    missing = [row for row in want if row not in found][:2]
    print(f"    only there: {extra}\n    only ours: {missing}", file=sys.stderr)


if __name__ == "__main__":
    main()
