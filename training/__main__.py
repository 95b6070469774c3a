"""`python -m training RUN --model M`: for launchers that start a module in every process, one for each device.

    torchrun --nproc_per_node 2 -m training run --model M
    accelerate launch --num_processes 2 -m training run --model M

The same training as `siftune train`, which adds its section to the run's report; here `siftune report RUN` does.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import Any

import yaml

from training.errors import ConfigError, DeviceError, TrainingError
from training.together import first

# Seconds. The first process finds the same and says it; then the launcher ends the others. Were one of these the first
# to end, the launcher would end the first before it has spoken. Who is still here afterwards is alone with its error.
LET_SPEAK = 30.0


def main(arguments: list[str] | None = None) -> int:
    """Train; return the exit code."""
    asked = _parser().parse_args(arguments)
    from training.cli import train_run

    try:
        settings = dict(_assignment(change) for change in asked.train)
        if asked.share is not None:
            settings["general_share"] = asked.share
        train_run(
            asked.run,
            model=asked.model,
            out=asked.out,
            general=asked.general,
            overrides=settings,
            force=asked.force,
            progress=not asked.quiet,
            resume=asked.resume,
        )
    except TrainingError as error:
        if not (first() or isinstance(error, DeviceError)):
            time.sleep(LET_SPEAK)
        sys.stderr.write(f"error: {error}\n")
        return error.exit_code
    except KeyboardInterrupt:
        if first():
            sys.stderr.write("interrupted\n")
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training", description="Train an adapter on a curated run.")
    parser.add_argument("run", type=Path, help="a run folder made by `siftune curate`")
    parser.add_argument("--model", required=True, help="base model: a folder, a Hub id, or `tiny`")
    parser.add_argument("-o", "--out", type=Path, help="the adapter's folder; default RUN/adapter")
    parser.add_argument("--general", action="append", default=[], help="general data to mix in")
    parser.add_argument("--share", type=float, help="share of general data in the whole mixture")
    parser.add_argument("--train", action="append", default=[], metavar="KEY=VALUE", help="change a training setting")
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint")
    parser.add_argument("--force", action="store_true", help="replace an existing adapter")
    parser.add_argument("-q", "--quiet", action="store_true", help="print errors only")
    return parser


def _assignment(change: str) -> tuple[str, Any]:
    key, sign, value = change.partition("=")
    if not sign or not key:
        raise ConfigError(f"--train {change}: this is no KEY=VALUE; write for example --train epochs=2")
    try:
        return key, yaml.safe_load(value)
    except yaml.YAMLError:
        raise ConfigError(f"--train {change}: the value cannot be read; put it in quotes") from None


if __name__ == "__main__":
    sys.exit(main())
