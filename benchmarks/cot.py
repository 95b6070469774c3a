"""How well the rules for reasoning tell right chains from wrong ones; figures stand in docs/formats.md.

    python benchmarks/cot.py FOLDER

FOLDER holds three files that siftune does not ship (GSM8K and TAL-SCQ, both MIT):
en_gsm8k_500.jsonl (question, answer with <<…>> and ####), en_gsm8k_model_solutions_300.jsonl (four model chains per
problem, labelled right or wrong), zh_tal_500.jsonl (problem, answer_analysis, answer_value).

A chain is caught when any rule of rules/common/cot.yaml says review or drop. The reference solution is not shown to
the rules: a model's chain is judged with its own final answer.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import time
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

import polars as pl

from curation import packs, tables
from curation.judge import judge


class Record(NamedTuple):
    question: str
    cot: str
    answer: str


class Judged(NamedTuple):
    """What the rules say, per record: rule → action."""

    findings: list[dict[str, str]]

    def share(self, *actions: str) -> float:
        """Return the percentage of records with a finding of one of `actions`."""
        return 100 * sum(any(a in actions for a in f.values()) for f in self.findings) / max(1, len(self.findings))

    def rules(self, *actions: str) -> str:
        counted = Counter(r for f in self.findings for r, a in f.items() if a in actions)
        return ", ".join(f"{name.removeprefix('common/')} {n}" for name, n in counted.most_common())


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("--show", metavar="RULE", help="print what this rule caught among right chains")
    options = arguments.parse_args()
    folder = options.folder
    rules = [r for r in packs.load(["common"]).rules if r.name in cot_rules()]

    gold = [split_final(q["question"], q["answer"]) for q in lines(folder / "en_gsm8k_500.jsonl")]
    report("500 right chains (GSM8K)", look(gold, rules, options.show))
    right, wrong = [], []
    for problem in lines(folder / "en_gsm8k_model_solutions_300.jsonl"):
        for solution in problem.values():
            if isinstance(solution, dict):
                (right if solution["is_correct"] else wrong).append(
                    split_final(problem["question"], solution["solution"])
                )
    report("model chains labelled right", look(right, rules, options.show))
    report("model chains labelled wrong", look(wrong, rules, None))
    for name, corrupt in CORRUPTIONS.items():
        chance = random.Random(1)
        broken = [r for r in (corrupt(record, chance) for record in gold) if r is not None]
        report(f"right chains with {name}", look(broken, rules, None))
    chinese(list(lines(folder / "zh_tal_500.jsonl")), rules, options.show)


def cot_rules() -> set[str]:
    import yaml

    from curation.resources import shipped

    return {
        f"common/{name}" for name in yaml.safe_load((shipped("rules") / "common" / "cot.yaml").read_text())["rules"]
    }


def lines(path: Path) -> Iterable[dict]:
    return (json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip())


def split_final(question: str, solution: str) -> Record:
    """Part a solution from its final answer: "#### 72" or "A: 72"."""
    match = re.search(r"\n?(?:####|A:)\s*([^\n]*)\s*$", solution)
    if not match:
        return Record(question, solution, "")
    return Record(question, solution[: match.start()], match.group(1).strip())


def look(records: list[Record], rules: list, show: str | None) -> tuple[Judged, float]:
    rows = [
        {"id": str(i), "conversation": str(i), "kind": "pair", "question": r.question, "answer": r.answer, "cot": r.cot,
         "record": True, "earlier": 0, "turns": []}
        for i, r in enumerate(records)
    ]  # fmt: skip
    begun = time.perf_counter()
    found = judge(pl.DataFrame(rows, schema=tables.EXAMPLES), rules, on="example")
    spent = time.perf_counter() - begun
    findings: list[dict[str, str]] = [{} for _ in records]
    for row in found.iter_rows(named=True):
        findings[int(row["example"])][row["rule"]] = row["action"]
        if show and row["rule"].endswith(show):
            print(f"    {row['rule']}: {row['evidence']!r}\n      {records[int(row['example'])]}")
    return Judged(findings), len(records) / spent


def report(name: str, seen: tuple[Judged, float]) -> None:
    judged, speed = seen
    print(f"{name}: {len(judged.findings)}, {speed:,.0f}/s")
    print(f"  drop {judged.share('drop'):.1f} %   review or drop {judged.share('drop', 'review'):.1f} %")
    print(f"  drop:   {judged.rules('drop')}\n  review: {judged.rules('review')}")


def chinese(problems: list[dict], rules: list, show: str | None) -> None:
    records = [Record(p["problem"], "\n".join(p["answer_analysis"]), p["answer_value"]) for p in problems]
    seen = look(records, rules, show)
    report("Chinese analyses (TAL)", seen)
    placeholder = re.compile(r"无|略|暂无|同上|推理题目|不要搜题|答案请写在答题卡上|N/A")
    junk = [
        i for i, r in enumerate(records) if len(r.cot.strip()) < 10 or placeholder.fullmatch(r.cot.strip(" \n．。"))
    ]
    last = [re.findall(r"(?:故选|答案)\W*(?:\\text\{)?\s*([A-F])", r.cot) for r in records]
    other = [i for i, (r, letters) in enumerate(zip(records, last, strict=True)) if letters and letters[-1] != r.answer]
    for name, places in (("junk", junk), ("another letter", other)):
        found = [i for i in places if any(a == "drop" for a in seen[0].findings[i].values())]
        print(f"  {name}: {len(found)} of {len(places)} dropped; missed {sorted(set(places) - set(found))}")


# --- corruptions of right chains -----------------------------------------------------------------------------------

NUMBER = re.compile(r"(?<![\d.,])\d+(?:\.\d+)?(?![\d.,]*\d)")


def one_number(record: Record, chance: random.Random) -> Record | None:
    """Change one number of one step, wherever it stands, by a digit."""
    found = list(NUMBER.finditer(record.cot))
    if not found:
        return None
    hit = chance.choice(found)
    return record._replace(cot=record.cot[: hit.start()] + other(hit.group(), chance) + record.cot[hit.end() :])


def other(number: str, chance: random.Random) -> str:
    places = [i for i, c in enumerate(number) if c.isdigit()]
    place = chance.choice(places)
    digit = chance.choice([d for d in "123456789" if d != number[place]])
    return number[:place] + digit + number[place + 1 :]


def final_answer(record: Record, chance: random.Random) -> Record | None:
    found = list(NUMBER.finditer(record.answer))
    if not found:
        return None
    hit = found[0]
    return record._replace(
        answer=record.answer[: hit.start()] + other(hit.group(), chance) + record.answer[hit.end() :]
    )


def cut(record: Record, chance: random.Random) -> Record:  # noqa: ARG001
    return record._replace(cot=record.cot[: len(record.cot) * 2 // 3])


def tags(record: Record, chance: random.Random) -> Record:
    whole = f"<think>\n{record.cot}\n</think>\n\n{record.answer}"
    broken = chance.choice(
        [
            whole.replace("</think>", ""),
            whole.replace("<think>", ""),
            whole.replace("</think>", "<think>"),
            whole.replace("<think>", "<think><think>"),
            whole.replace("</think>", "</thnk>"),
            whole.replace("</think>", "</think"),
        ]
    )
    return record._replace(cot=None, answer=broken)  # type: ignore[arg-type]


CORRUPTIONS: dict[str, Callable[[Record, random.Random], Record | None]] = {
    "one number of one step changed": one_number,
    "the final answer changed": final_answer,
    "the last third cut off": cut,
    "think tags broken": tags,
}

if __name__ == "__main__":
    main()
