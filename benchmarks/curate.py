"""A curation beside its peers: nearest recipes, same corpus, whole processes. `make bench-curate`, or this file.

    python benchmarks/curate.py [--texts 100000] [--rounds 5] [--only siftune,floor] [--peers FOLDER]

100,000 chat texts (corpus.py, "natural": Chinese and English, one of five an edit of another) go in as JSON lines, the
curated set comes out as JSON lines. Everybody repairs Unicode, masks e-mail addresses, keeps texts of 20 to 300
characters without much repetition and removes near-duplicates (five characters, 128 permutations, similarity 0.8).
siftune is `siftune curate` as users run it: findings, ledger, report and manifest included; as it curates pairs, every
text is question and answer of one, so that it looks at each twice. As the others do, it holds nothing back for
validation; it writes Alpaca and ShareGPT, which are always written, but no third format. The floor is Polars reading
and writing the file and nothing else.

Each program is a process of its own, start-up included. They take turns, round by round, so that a busy machine is busy
for all; slow ones sit out later rounds (ROUNDS). Printed are medians, peak memory of the whole tree of processes
(memory.py; "summed" counts shared pages once for each process), and ratios, each the median of the ratios within
rounds. Peers have environments of their own below FOLDER (default: .cache/peers), as benchmarks/dedup.py says; what is
not there is left out, and said.
"""

from __future__ import annotations

import argparse
import compileall
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from memory import Watch

HERE = Path(__file__).parent
ROOT = HERE.parent
sys.path.insert(0, str(HERE))

ROUNDS = {"data-juicer": 2, "datatrove": 3}  # of the slow ones
BARS = {"data-juicer": 45.0, "datatrove": 18.0, "floor": 30.0}  # times as fast; of the floor: times as slow at most

RECIPE = """
sources: [{shape: records, columns: {question: text, answer: text}}]
packs: [PACK]
query_types: [general]
examples: {kinds: [pair]}
privacy: {keep: KEEP}
dedup: {example: drop, answer: "off", threshold: 0.8, ngram: 5, same_question: 1.0}
output: {formats: []}
split: {val_share: 0, val_least: 0}
reading: {max_unreadable: 1.0}
"""
PACK = """
about: The nearest to what the others are told
rules:
  length:
    check: answer_says
    params: {patterns: ['^(?s:.{0,19})$', '^(?s:.{301,})$']}
    action: drop
    why: Shorter than 20 or longer than 300 characters.
    fires: [{asks: a, answers: b}]
    silent: [{asks: a, answers: this one is long enough to stay}]
  repetition:
    check: repetition
    params: {least: 4, shortest: 10}
    action: drop
    why: The same is said again and again.
    fires: [{asks: a, answers: the same again, times: 8}]
    silent: [{asks: a, answers: this one is long enough to stay}]
"""
FLOOR = "import polars as pl, sys; pl.read_ndjson(sys.argv[1]).write_ndjson(sys.argv[2])"


class Cost(NamedTuple):
    """What one run took, and how many texts came out."""

    seconds: float
    mib: float
    resident: float
    kept: int


def programs(source: Path, work: Path, peers: Path) -> dict[str, tuple[list[str], Path]]:
    """Return the command of every program that is there, and the file or folder that it writes."""
    (work / "pack.yaml").write_text(PACK)
    from curation.privacy import KINDS

    keep = json.dumps(sorted(set(KINDS) - {"email"}))
    (work / "recipe.yaml").write_text(RECIPE.replace("PACK", str(work / "pack.yaml")).replace("KEEP", keep))
    run = [sys.executable, "-c", "from curation.cli import main; main()", "curate", str(source), "-q", "--no-gate"]
    found = {
        "floor": ([sys.executable, "-c", FLOOR, str(source), str(work / "floor.jsonl")], work / "floor.jsonl"),
        "siftune": ([*run, "--force", "-c", str(work / "recipe.yaml"), "-o", str(work / "run")], work / "run"),
    }
    for name, program in (("datatrove", "curate_datatrove_.py"), ("data-juicer", "curate_data_juicer_.py")):
        python, out = peers / name / "bin" / "python", work / f"{name}.jsonl"
        if python.exists():
            found[name] = ([str(python), str(HERE / "peers" / program), str(source), str(out)], out)
        else:
            print(f"{name}: left out, there is no {python}")
    return found


def measured(command: list[str], out: Path) -> Cost:
    """Run a program once."""
    env = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    env |= {"TOKENIZERS_PARALLELISM": "false", "OMP_NUM_THREADS": "2"}
    env |= {"PYTHONPATH": str(ROOT)} if command[0] == sys.executable else {}
    begun = time.perf_counter()
    with tempfile.TemporaryFile() as told:
        process = subprocess.Popen(command, env=env, stdout=told, stderr=told, cwd=out.parent)  # some write logs there
        watch = Watch(process)
        process.wait()
        took = time.perf_counter() - begun
        watch.end()
        if process.returncode:
            told.seek(0)
            sys.exit(f"{command[0]} ended with {process.returncode}:\n{told.read()[-2000:].decode(errors='replace')}")
    files = sorted(out.glob("*.alpaca.jsonl")) if out.is_dir() else [out]
    return Cost(took, watch.shared, watch.resident, sum(file.read_bytes().count(b"\n") for file in files))


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--texts", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="")
    parser.add_argument("--peers", type=Path, default=ROOT / ".cache" / "peers")
    options = parser.parse_args()
    from corpus import corpus

    compileall.compile_dir(ROOT / "curation", quiet=1)  # as pip does with all that is installed, the peers too
    with tempfile.TemporaryDirectory(prefix="siftune-curate-") as folder:
        work = Path(folder)
        source = work / "texts.jsonl"
        texts, _ = corpus("natural", options.texts)
        rows = (json.dumps({"id": str(i), "text": text}, ensure_ascii=False) for i, text in enumerate(texts))
        source.write_text("".join(f"{row}\n" for row in rows), encoding="utf-8")
        there = programs(source, work, options.peers)
        names = [name for name in there if not options.only or name in options.only.split(",")]
        costs: dict[str, list[Cost]] = {name: [] for name in names}
        for turn in range(options.rounds):
            for name in names:
                if turn < ROUNDS.get(name, options.rounds):
                    costs[name].append(measured(*there[name]))
                    print(f"round {turn + 1} {name}: {costs[name][-1].seconds:.2f} s", file=sys.stderr, flush=True)
    print(f"{options.texts} texts, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}\n")
    print("| program | median s | from … to | peak MiB | summed | kept | siftune is | aim |")
    print("|---|---|---|---|---|---|---|---|")
    for name in names:
        times = [cost.seconds for cost in costs[name]]
        ratio = aim = ""
        if name in BARS and "siftune" in costs:
            pairs = zip(costs["siftune"], costs[name], strict=False)
            ratios = [a.seconds / b.seconds if name == "floor" else b.seconds / a.seconds for a, b in pairs]
            ratio = f"{statistics.median(ratios):.1f}x " + ("slower" if name == "floor" else "faster")
            aim = f"{'≤' if name == 'floor' else '≥'} {BARS[name]:g}x"
        spread = f"{min(times):.2f} … {max(times):.2f} (n {len(times)})"
        peak, summed = (max(sizes) for sizes in zip(*((cost.mib, cost.resident) for cost in costs[name]), strict=True))
        row = [name, f"{statistics.median(times):.2f}", spread, f"{peak:.0f}", f"{summed:.0f}", costs[name][-1].kept]
        print("|", " | ".join(map(str, [*row, ratio, aim])), "|")


if __name__ == "__main__":
    main()
