"""The dataset card: README.md of the run folder, with the YAML front matter that data hubs read."""

from __future__ import annotations

from collections.abc import Sequence

import yaml

from curation.report.model import Report

SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))


def card(report: Report, names: Sequence[str]) -> str:
    """Return the card; `names` are the sets as dataset_info.json calls them."""
    kept = report.counts.exported_train + report.counts.exported_val
    front = {
        "pretty_name": report.name,
        "language": [row.language for row in report.languages if row.after and row.language != "und"],
        "task_categories": ["text-generation"],
        "size_categories": [next((size for limit, size in SIZES if kept < limit), "n>1M")],
        "tags": ["siftune", "sft", "customer-service"],
        "configs": [
            {
                "config_name": form,
                "data_files": [
                    {"split": "train", "path": f"train.{form}.jsonl"},
                    {"split": "validation", "path": f"val.{form}.jsonl"},
                ],
            }
            for form in dict.fromkeys(name.rsplit("_", 1)[1] for name in names)
        ],
    }
    counts, ledger = report.counts, report.ledger
    types = ", ".join(
        f"{row.en} ({row.after})" for row in sorted(report.query_types, key=lambda r: -r.after)[:12] if row.after
    )
    made = f"siftune {report.provenance.siftune} from {len(report.provenance.inputs)} log file(s)"
    read = f"{ledger.lines} lines, {ledger.unreadable} of them unreadable"
    rows = "\n".join(f"| {f.name} | {f.records} | {f.bytes} |" for f in report.files)
    return f"""---
{yaml.safe_dump(front, allow_unicode=True, sort_keys=False).strip()}
---

# {report.name}

An SFT set curated by {made}:
{read}, {ledger.messages} messages in {counts.conversations} conversations.
{counts.pairs.keep} question-answer pairs and {counts.dialogues.keep} dialogues were kept;
{counts.pairs.review + counts.dialogues.review} wait for a person in `examples.parquet` (verdict `review`).

| file | records | bytes |
|---|---|---|
{rows}

Load it in LLaMA-Factory with `dataset_dir` set to this folder and `dataset: {names[0] if names else ""}`.
Most common query types: {types or "none"}.
Why each message was kept or dropped stands in `messages.parquet`, `findings.parquet` and `dropped.jsonl`;
a summary in `report.html`. `messages.parquet` and `unreadable.jsonl` hold the raw log, personal data included:
share the train and val files, not the whole folder.
"""
