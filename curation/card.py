"""The dataset card: README.md of the run folder, with the YAML front matter that data hubs read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import yaml

from curation.recipe import Recipe
from curation.report.model import FileRow, Report

SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
SPLITS = {"train": "train", "val": "validation"}  # ours → the hub's
MOST_RULES = 12  # that are listed


def card(report: Report, names: Sequence[str], recipe: Recipe) -> str:
    """Return the card; `names` are the sets as dataset_info.json calls them."""
    parts = [
        _summary(report),
        _files(report, names),
        _source(report, recipe),
        _rules(report),
        _personal_data(report, recipe),
        _limits(report),
    ]
    front = yaml.safe_dump(_front(report, recipe), allow_unicode=True, sort_keys=False).strip()
    return f"---\n{front}\n---\n\n# {report.name}\n\n" + "\n".join(parts)


def _front(report: Report, recipe: Recipe) -> dict[str, Any]:
    """Return what hubs read: licence, languages, size, and the files of every split (loaders refuse empty ones)."""
    kept = report.counts.exported_train + report.counts.exported_val
    configs: dict[str, list[dict[str, str]]] = {}
    for file in report.files:
        split, _, form = file.name.removesuffix(".jsonl").partition(".")
        if split in SPLITS and file.records:
            configs.setdefault(form, []).append({"split": SPLITS[split], "path": file.name})
    return {
        "pretty_name": report.name,
        "license": recipe.output.license,
        "language": [row.language for row in report.languages if row.after and row.language != "und"],
        "task_categories": ["text-generation"],
        "size_categories": [next((size for limit, size in SIZES if kept < limit), "n>1M")],
        "tags": ["siftune", "sft", "customer-service"],
        "configs": [{"config_name": form, "data_files": files} for form, files in configs.items()],
    }


def _summary(report: Report) -> str:
    counts, ledger = report.counts, report.ledger
    languages = ", ".join(f"{r.language} {r.after}" for r in report.languages if r.after) or "none"
    most = sorted(report.query_types, key=lambda row: -row.after)[:12]
    types = ", ".join(f"{row.en} ({row.after})" for row in most if row.after)
    made = report.provenance
    return f"""An SFT set curated by siftune {made.siftune} from {len(made.inputs)} log file(s):
{ledger.lines} lines, {ledger.unreadable} of them unreadable, {ledger.messages} messages in \
{counts.conversations} conversations.
{counts.pairs.keep} question-answer pairs and {counts.dialogues.keep} dialogues were kept;
{counts.pairs.review + counts.dialogues.review} wait for a person in `examples.parquet` (verdict `review`).
Records with reasoning: {report.cot.kept}. Languages of the records: {languages}.
Most common query types: {types or "none"}.
"""


def _files(report: Report, names: Sequence[str]) -> str:
    rows = "\n".join(_row(file) for file in report.files)
    return f"""## Files and splits

| file | records | bytes |
|---|---|---|
{rows}

The validation split shares no conversation and no cluster of near-duplicates with the training split. All formats
hold the same records. Load them in LLaMA-Factory with `dataset_dir` set to this folder and
`dataset: {names[0] if names else ""}`, elsewhere with `load_dataset(folder, "messages")`.
"""


def _row(file: FileRow) -> str:
    return f"| {file.name} | {file.records} | {file.bytes} |"


def _source(report: Report, recipe: Recipe) -> str:
    inputs = "\n".join(
        f"- `{row.name}`, {row.bytes} bytes, sha256 `{row.sha256[:16]}…`" for row in report.provenance.inputs
    )
    origin = recipe.output.origin.strip() or "Not stated; set `output.origin` in the recipe."
    licence = (
        "not stated; set `output.license` in the recipe"
        if recipe.output.license == "unknown"
        else recipe.output.license
    )
    return f"""## Source and licence

{origin}
Licence: {licence}.

{inputs}

Recipe sha256 `{report.provenance.recipe_sha256[:16]}…`, seed {report.provenance.seed}; `manifest.json` has all that is
needed to make the set again.
"""


def _rules(report: Report) -> str:
    fired = [row for row in report.rules if row.action != "note"]
    rows = "\n".join(f"| {r.rule} | {r.action} | {r.hits} | {(r.why_en or r.why)} |" for r in fired[:MOST_RULES])
    more = f"\nAnd {len(fired) - MOST_RULES} more; `report.html` has all.\n" if len(fired) > MOST_RULES else ""
    return f"""## Rules

Every record was judged by rules with written evidence, by no model. Those that dropped or held something:

| rule | action | hits | why |
|---|---|---|---|
{rows}
{more}
Why each message was kept or dropped stands in `messages.parquet`, `findings.parquet` and `dropped.jsonl`.
"""


def _personal_data(report: Report, recipe: Recipe) -> str:
    found = ", ".join(f"{row.kind} {row.found}" for row in report.personal_data if row.found) or "none"
    left = sum(row.left for row in report.personal_data)
    masked = "was masked" if recipe.privacy.mask else "was NOT masked: the recipe says so"
    kept = f" Left as they are, by the recipe: {', '.join(recipe.privacy.keep)}." if recipe.privacy.keep else ""
    return f"""## Personal data

Personal data with a recognisable form {masked} (found in the input: {found};
still found in the exported text: {left}).{kept}
Names of people and addresses in running text have no such form and may remain: read samples before you share the set.
`messages.parquet` and `unreadable.jsonl` hold the raw log, personal data included: share the train and val files,
not the whole folder.
"""


_GATE = {
    "pass": "passed",
    "fail": "did NOT pass",
    "more": "did not fail, but people have decided too few records to tell how precise every rule is",
    "none": "asks for nothing",
}


def _limits(report: Report) -> str:
    gate = _GATE[report.gate.state]
    return f"""## Limitations

The answers are what agents said, not what is true: prices, terms and policies were those of one company at one time,
and wrong answers that look well-formed are in the set. The rules are made for customer service in Chinese and English;
other languages and subjects are judged less well. The quality gate of the recipe {gate}.
"""
