"""Deduplication against its peers: speed, memory, and what each takes away. `make bench-dedup`, or this file with options.

    python benchmarks/dedup.py [--texts 100000] [--runs 5] [--only siftune,datasketch] [--peers FOLDER] [--grow]

Every program runs in a process of its own on the same corpus (corpus.py), one after the other, round by round, so that
a busy machine is busy for all; the figures are medians of the rounds. Programs that are libraries are timed from texts
in memory to the answer, imports aside; the others as a whole process, and siftune then too. Peers have environments of
their own below FOLDER (default: .cache/peers): NAME/bin/python. What is not there is left out, and said.

    datasketch: pip install datasketch==2.0.0 xxhash          rensa: pip install rensa==0.5.0
    datatrove:  pip install 'datatrove[processing,io]==0.10.1' orjson xxhash spacy
    text-dedup: pip install text-dedup==0.4.0                 data-juicer: pip install py-data-juicer==1.6.1 aiohttp

With --grow it measures instead how siftune grows from a tenth of the texts to all, on the natural corpus and on four
that were made to be hard (benchmarks/corpus.py).
"""

from __future__ import annotations

import argparse
import compileall
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
ROOT = HERE.parent
sys.path.insert(0, str(HERE))

PEERS = {  # name: (environment, program, arguments, whole process?)
    "siftune": ("", "siftune_.py", ["plain"], False),
    "siftune[fast]": ("", "siftune_.py", [], False),
    "datasketch": ("datasketch", "datasketch_.py", [], False),
    "rensa": ("rensa", "rensa_.py", [], False),
    "siftune, process": ("", "siftune_.py", ["process", "plain"], True),
    "siftune[fast], process": ("", "siftune_.py", ["process"], True),
    "datatrove": ("datatrove", "datatrove_.py", [], True),
    "text-dedup": ("text-dedup", "text_dedup_.py", [], True),
    "data-juicer": ("data-juicer", "data_juicer_.py", [], True),
}
BARS = [  # ours, theirs, how many times as fast
    ("siftune", "datasketch", 12), ("siftune[fast]", "datasketch", 30), ("siftune[fast]", "rensa", 5),
    ("siftune, process", "datatrove", 10), ("siftune, process", "text-dedup", 20),
    ("siftune, process", "data-juicer", 60), ("siftune[fast], process", "data-juicer", 60),
]  # fmt: skip


def python_of(environment: str, peers: Path) -> Path:
    return peers.absolute() / environment / "bin" / "python" if environment else Path(sys.executable)


def run(name: str, source: Path, target: Path, peers: Path) -> tuple[float, float, float]:
    """Run a program once; returns its seconds, its CPU seconds and its peak memory in MiB (of the largest process)."""
    environment, program, arguments, whole = PEERS[name]
    command = [str(python_of(environment, peers)), str(HERE / "peers" / program), str(source), str(target), *arguments]
    more = {"OMP_NUM_THREADS": "2", "TOKENIZERS_PARALLELISM": "false"}
    more |= {} if environment else {"PYTHONPATH": str(ROOT)}
    script = (
        "import json, resource, subprocess, sys, time\n"
        "start = time.perf_counter()\n"
        "done = subprocess.run(sys.argv[1:], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)\n"
        "took = time.perf_counter() - start\n"
        "usage = resource.getrusage(resource.RUSAGE_CHILDREN)\n"
        "cpu, peak = usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024\n"
        "print(json.dumps([took, cpu, peak, done.returncode, done.stdout[-2000:], done.stderr[-2000:]]))\n"
    )
    env = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"} | more
    shell = [sys.executable, "-c", script, *command]  # datatrove leaves its logs where it runs
    done = subprocess.run(shell, env=env, cwd=target.parent, capture_output=True, text=True, check=True)
    took, cpu, peak, code, out, err = json.loads(done.stdout)
    if code:
        raise SystemExit(f"{name} failed:\n{err}")
    told = {"seconds": took, "cpu": cpu} if whole else json.loads(out.splitlines()[-1])
    return told["seconds"], told["cpu"], peak


def quality(kept: list[int], pairs: np.ndarray, planted: np.ndarray) -> str:
    """Say what was left and what was taken, by the exact truth."""
    stays = np.zeros(len(planted), dtype=np.bool_)
    stays[kept] = True
    partner = np.zeros(len(planted), dtype=np.bool_)
    partner[pairs.ravel()] = True
    both = int((stays[pairs[:, 0]] & stays[pairs[:, 1]]).sum())
    wrong = ~stays & ~partner
    gone = int((~stays).sum())
    return (
        f"{gone:>8,}{100 * both / len(pairs):>10.3f}{100 * (1 - wrong.sum() / max(gone, 1)):>10.2f}"
        f"{int(wrong.sum()):>9,}{int((wrong & ~planted).sum()):>9,}"
    )


def surviving(kept: list[int], pairs: np.ndarray, count: int) -> tuple[int, int]:
    """Count the texts with a partner that stay beside a partner they are not apart from: clusters with two that stay."""
    root = list(range(count))

    def find(i: int) -> int:
        while root[i] != i:
            root[i] = root[root[i]]
            i = root[i]
        return i

    for one, other in pairs.tolist():
        a, b = sorted((find(one), find(other)))
        root[b] = a
    stays = set(kept)
    left: dict[int, int] = {}
    for text in np.unique(pairs).tolist():
        if text in stays:
            left[find(text)] = left.get(find(text), 0) + 1
    return sum(n - 1 for n in left.values()), len(np.unique(pairs))


def write(texts: list[str], path: Path) -> None:
    with path.open("w", encoding="utf-8") as file:
        for number, text in enumerate(texts):
            file.write(json.dumps({"id": str(number), "text": text}, ensure_ascii=False) + "\n")


def compare(arguments: argparse.Namespace, folder: Path) -> None:
    from corpus import corpus, similar_pairs

    texts, planted = corpus("natural", arguments.texts)
    write(texts, folder / "in.jsonl")
    pairs = similar_pairs(texts)
    short = sum(len(text) <= 10 for text in texts) / len(texts)
    print(
        f"{len(texts):,} texts, {sum(map(len, texts)) / len(texts):.0f} characters on average, {short:.1%} of 2 to 10; "
        f"{len(pairs):,} pairs of Jaccard 0.8 or more (exact), {int(np.unique(pairs).size):,} texts in them"
    )
    names = [name for name in PEERS if not arguments.only or name.split(",")[0].split("[")[0] in arguments.only]
    for name in list(names):
        if not python_of(PEERS[name][0], arguments.peers).exists():
            print(f"left out: {name} (no environment in {arguments.peers / PEERS[name][0]})")
            names.remove(name)
    took: dict[str, list[tuple[float, float, float]]] = {name: [] for name in names}
    run("siftune[fast]", folder / "in.jsonl", folder / "warm.json", arguments.peers)  # compiled before it is timed
    for turn in range(arguments.runs):
        for name in names:
            if turn < (arguments.slow_runs if PEERS[name][0] in ("datatrove", "text-dedup", "data-juicer") else 99):
                took[name].append(run(name, folder / "in.jsonl", folder / f"{name}.json", arguments.peers))
    print(
        f"\n{'program':<24}{'seconds':>8}{'CPU s':>8}{'MiB':>7}{'removed':>8}{'left %':>10}{'right %':>10}{'wrong':>9}{'natural':>9}"
    )
    medians = {}
    for name in names:
        medians[name] = [statistics.median(times) for times in list(zip(*took[name], strict=True))[:2]]
        kept = json.loads((folder / f"{name}.json").read_text())
        peak = max(peak for _, _, peak in took[name])
        line = quality(kept, pairs, np.array(planted))
        survive, partners = surviving(kept, pairs, len(texts))
        note = f"  of {len(took[name])} runs" if len(took[name]) != 5 else ""
        print(
            f"{name:<24}{medians[name][0]:>8.2f}{medians[name][1]:>8.2f}{peak:>7.0f}{line}  {survive:,} of {partners:,} survive{note}"
        )
    print(
        "\nleft %: pairs that both stay; right %: removed texts that have a partner; wrong: removed without a partner;"
    )
    print("natural: those of them that were not planted; survive: texts in a cluster that already has one that stays")
    for ours, theirs, bar in BARS:
        if ours in medians and theirs in medians:
            ratio, cpu = (other / own for other, own in zip(medians[theirs], medians[ours], strict=True))
            verdict = "ok  " if ratio >= bar else "MISS"
            print(f"{verdict} {ours} is {ratio:.1f} times as fast as {theirs} (bar: {bar}; by CPU time {cpu:.1f})")


def grow(arguments: argparse.Namespace, folder: Path) -> None:
    """Measure siftune on a tenth of the texts and on all, for each corpus."""
    from corpus import corpus

    for kind in ("plain", "fast"):
        for name in ("natural", "copies", "variants", "notices", "canned"):
            each = []
            for count in (arguments.texts // 10, arguments.texts):
                path = folder / f"{name}{count}.jsonl"
                if not path.exists():
                    write(corpus(name, count)[0], path)
                best = []
                for _ in range(arguments.runs if count < arguments.texts else arguments.slow_runs):
                    best.append(
                        run("siftune" if kind == "plain" else "siftune[fast]", path, folder / "kept.json", Path())
                    )
                wall, cpu, _ = (statistics.median(values) / count * 1e6 for values in zip(*best, strict=True))
                each.append((wall, cpu, max(peak for _, _, peak in best)))
            (small, small_cpu, _), (large, large_cpu, peak) = each
            print(
                f"{kind:<6}{name:<10}{small:>7.2f} µs a text at {arguments.texts // 10:,}, {large:.2f} at "
                f"{arguments.texts:,}: {large / small:.2f} times (CPU: {small_cpu:.2f}, {large_cpu:.2f}: "
                f"{large_cpu / small_cpu:.2f} times); peak {peak:.0f} MiB",
                flush=True,
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--texts", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--slow-runs", type=int, default=5, help="rounds of datatrove, text-dedup, Data-Juicer")
    parser.add_argument("--only", type=lambda names: set(names.split(",")), default=set())
    parser.add_argument("--peers", type=Path, default=ROOT / ".cache" / "peers")
    parser.add_argument("--grow", action="store_true")
    arguments = parser.parse_args()
    compileall.compile_dir(ROOT / "curation", quiet=1)  # as pip does with all that is installed, the peers too
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        (grow if arguments.grow else compare)(arguments, Path(folder))
    print(
        f"\n{os.cpu_count()} cores, {time.perf_counter() - start:.0f} s in all, own peak "
        f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB"
    )


if __name__ == "__main__":
    main()
