"""The adapter card: README.md with YAML front matter, from what training.json says and nothing else."""

from __future__ import annotations

from typing import Any

import yaml


def card(result: dict[str, Any]) -> str:
    """Return the card of one training; `result` is the dict of training.json."""
    base, local = result["model"]["base"], result["model"]["local"]
    full = result["config"]["method"] == "full"
    front: dict[str, Any] = {
        "library_name": "transformers" if full else "peft",
        "pipeline_tag": "text-generation",
        "tags": [*([] if full else ["lora"]), "sft", "siftune", "customer-service"],
        "language": [name for name in result["mixture"]["domain_languages"] if name != "other"],
    }
    if not local:  # the Hub takes Hub names only
        front["base_model"] = base
    parts = [
        "---\n" + yaml.safe_dump(front, sort_keys=False, allow_unicode=True) + "---",
        f"# {_plain(result['name'])}: {'fine-tuned model' if full else 'LoRA adapter'}",
        f"{'All weights of' if full else 'A LoRA adapter for'} `{base}`, trained by siftune on curated "
        "customer-service records.",
        "![loss curve](loss.svg)",
        "## Losses\n\n" + _losses(result),
        "## Data\n\n" + _data(result),
        "## Settings\n\n" + _settings(result),
        "## Loading\n\n" + _loading(result),
        "## To know before use\n\n"
        + "\n".join(f"* {_plain(note)}" for note in result["notes"] or ["Nothing was out of the ordinary."]),
        "## What it says\n\n"
        + _samples(result)
        + "Questions of the domain, base beside tuned: [samples.md](samples.md). "
        "All numbers: [training.json](training.json).",
    ]
    return "\n\n".join(parts) + "\n"


def _losses(result: dict[str, Any]) -> str:
    losses = result["losses"]
    rows = ["| held-out set | base | adapter | change |", "|---|---:|---:|---:|"]
    for name, words in (("domain", "validation"), ("general", "general (what may be forgotten)")):
        if name in losses:
            before, after = losses[name]["base"], losses[name]["adapter"]
            rows.append(
                f"| {words}, {losses[name]['records']} records | {before:.3f} | {after:.3f} | {after - before:+.3f} |"
            )
    if len(rows) == 2:
        return "No records were held out, so no loss outside the training set is known."
    saved = f"The adapter is the one of step {result['steps']['saved']} of {result['steps']['planned']}"
    return "\n".join(rows) + f"\n\nMean loss per answer token, in nats. {saved}; {result['stop_reason']}."


def _data(result: dict[str, Any]) -> str:
    mixture, encoding = result["mixture"], result["encoding"]["train"]
    lines = [
        f"* {mixture['domain']} domain records and {mixture['general']} general ones "
        f"({mixture['general_unique']} different)",
        f"* general share: {mixture['share_records']:.1%} of the records, {mixture['share_tokens']:.1%} of "
        f"the tokens, {mixture['share_trained_tokens']:.1%} of the trained tokens "
        f"(asked for: {mixture['share_wanted']:.1%})",
        *(_source(one) for one in mixture["general_sources"]),
        f"* median length: {encoding['median_prompt']:g} prompt, {encoding['median_answer']:g} answer tokens; "
        f"too long and left out: {encoding['too_long']}, split: {encoding['split']}, "
        f"without some answers: {encoding['cut']}",
        "* " + _learned(result),
        *(f"* `{name}`: sha256 `{digest}`" for name, digest in result["data"].items()),
    ]
    return "\n".join(lines)


def _source(one: dict[str, Any]) -> str:
    """One general source: what of it is in the mixture, and whose answers they are."""
    portion = one["mixed_in"]
    whose = ", answered by the base model itself" if one["own"] else ""
    if portion is None:
        return f"* general source {_plain(one['name'])}{whose}: {one['held_out']} records held out, none mixed in"
    repeats = f" of {portion['unique']} different" if portion["most_repeats"] > 1 else ""
    return (
        f"* general source {_plain(one['name'])}{whose}: {portion['records']} records{repeats}, "
        f"{portion['share_records']:.1%} of all records, {portion['share_tokens']:.1%} of all tokens"
    )


def _learned(result: dict[str, Any]) -> str:
    config = result["config"]
    which = "answers" if config["learn"] == "all" else "the last answer of each record"
    masked = " (reasoning is only read)" if config["cot"] == "mask" and result["encoding"]["train"]["reasoning"] else ""
    return f"the loss falls on {which} and their end-of-turn token only{masked}"


def _settings(result: dict[str, Any]) -> str:
    config, share = result["config"], result["parameters"]
    full, packing = config["method"] == "full", result["packing"]
    kind = "QLoRA: base in 4-bit nf4, double quantisation" if config["quantize"] else "LoRA: base unquantised"
    lora = (
        f"* rank {config['rank']}, alpha {config['alpha']}, dropout {config['dropout']}, "
        f"on {', '.join(config['target_modules'])}"
    )
    together = f", {result['processes']} processes" if result["processes"] > 1 else ""
    resumed = f"; it broke off and went on after step {result['resumed_after']}" if result["resumed_after"] else ""
    lines = [
        f"* {'all weights, trained in 32 bits' if full else kind}; {result['device']['precision']} on "
        f"{result['device']['name']}{together}{resumed}",
        *([] if full else [lora]),
        *([_packing(packing)] if packing else []),
        f"* {share['trainable']:,} of {share['total']:,} parameters trained ({share['share']:.2%})",
        f"* learning rate {config['learning_rate']:g}, {config['scheduler']}, warm-up {config['warmup']:.0%}, "
        f"{config['effective_batch_size']} records a step ({config['batch_size']} at once), "
        f"{result['steps']['done']} steps, seed {config['seed']}",
        f"* {', '.join(f'{name} {number}' for name, number in result['versions'].items() if number[0].isdigit())}",
    ]
    return "\n".join(lines)


def _packing(packing: dict[str, Any]) -> str:
    return (
        f"* packed: {packing['records_per_row']:.1f} records in a row of at most {packing['length']} tokens, rows "
        f"{packing['filled']:.0%} full, about {packing['records_per_step']:.0f} records a step"
    )


def _samples(result: dict[str, Any]) -> str:
    """The general questions only: those of the domain may hold what customers wrote."""
    rows = []
    for one in (sample for sample in result["samples"] if sample["kind"] == "general"):
        rows.append(f"| {_plain(one['question'])} | {_short(one['base']['text'])} | {_short(one['tuned']['text'])} |")
    head = ["| general question | base | tuned |", "|---|---|---|"]
    return "\n".join([*head, *rows, ""]) if rows else ""


def _short(text: str) -> str:
    line = " ".join(text.split())
    return _plain(line[:117] + "…" if len(line) > 118 else line or "(nothing)")


def _loading(result: dict[str, Any]) -> str:
    base = '"base"  # the folder beside this file' if result["model"]["built_in"] else f'"{result["model"]["base"]}"'
    name, _, comment = base.partition("  #")
    if result["config"]["method"] == "full":
        return "\n".join(
            [
                "```python",
                "from transformers import AutoModelForCausalLM, AutoTokenizer",
                "",
                'model = AutoModelForCausalLM.from_pretrained(".")  # this folder',
                'tokenizer = AutoTokenizer.from_pretrained(".")  # brings the chat template used in training',
                "```",
            ]
        )
    return "\n".join(
        [
            "```python",
            "from peft import PeftModel",
            "from transformers import AutoModelForCausalLM, AutoTokenizer",
            "",
            f"base = AutoModelForCausalLM.from_pretrained({name})" + (f"  #{comment}" if comment else ""),
            'model = PeftModel.from_pretrained(base, ".")  # this folder',
            'tokenizer = AutoTokenizer.from_pretrained(".")  # brings the chat template used in training',
            "```",
            "",
            "To serve it without PEFT, `siftune export` merges it into the unquantised base; into 4-bit weights it "
            "would be inexact.",
        ]
    )


def _plain(text: str) -> str:
    """One line that Markdown and HTML read as text."""
    line = " ".join(str(text).split())
    return "".join("\\" + sign if sign in "\\`*_[]<>#|" else sign for sign in line)
