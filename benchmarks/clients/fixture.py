# ruff: noqa: E501
"""Make what the clients load: a run from the samples, and a Qwen2-shaped model folder with a tokenizer of its own.

    python benchmarks/clients/fixture.py WORK

WORK/run is a run folder (Chinese and English, single and multi-turn, with system prompt and reasoning), WORK/faulty a
folder of records that trainers drop, WORK/model a tokenizer and a tiny random model: nothing is downloaded. Writes
WORK/expected.json: per file the answers of every record, taken from the examples, not from the exported files.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import polars as pl

ROOT = Path(__file__).parents[2]
SYSTEM = "你是店铺客服，回答简短。You are a support agent."
FAULTY = [
    {"conversations": [{"from": "human", "value": "在吗？"}, {"from": "gpt", "value": "在的。"}], "system": ""},
    {"conversations": [{"from": "gpt", "value": "您好。"}, {"from": "human", "value": "在吗？"}], "system": ""},
    {"conversations": [{"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}, {"from": "human", "value": "c"}], "system": ""},
    {"conversations": [{"from": "human", "value": "a"}, {"from": "human", "value": "b"}], "system": ""},
]  # fmt: skip


def main() -> None:
    work = Path(sys.argv[1])
    work.mkdir(parents=True, exist_ok=True)
    samples = [ROOT / "samples" / name for name in ("shop_zh.csv", "telecom_en.jsonl", "cot.jsonl")]
    subprocess.run(
        [Path(sys.executable).parent / "siftune", "curate", *samples, "-c", ROOT / "samples" / "recipe.yaml",
         "--set", f"output.system_prompt={json.dumps(SYSTEM)}", "--set", "output.formats=[messages, prompt-completion]",
         "-o", work / "run", "--force", "--quiet", "--no-gate"],
        check=True,
    )  # fmt: skip
    examples = pl.read_parquet(work / "run" / "examples.parquet").filter(pl.col("split") == "train").to_dicts()
    expected = {"all": [answers(e) for e in examples], "last": [answers(e)[-1:] for e in examples]}
    kinds = {
        "multi": sum(len(e["turns"]) > 2 for e in examples),
        "reasoning": sum(bool((e["cot"] or "").strip()) for e in examples),
        "zh": sum(any("\u4e00" <= c <= "\u9fff" for c in e["turns"][0]["text"]) for e in examples),
    }
    (work / "expected.json").write_text(json.dumps({"answers": expected, "kinds": kinds, "system": SYSTEM}), "utf-8")
    faulty(work / "faulty")
    model(work / "model", [t["text"] for e in examples for t in e["turns"]] + [SYSTEM])
    print(f"{len(examples)} records to train on: {kinds}")


def answers(example: dict) -> list[str]:
    """Return what must be trained on: every answer, the last one behind its reasoning."""
    said = [turn["text"] for turn in example["turns"] if turn["role"] == "assistant"]
    if (example["cot"] or "").strip():
        said[-1] = "<think>\n" + example["cot"] + "\n</think>\n\n" + said[-1]
    return said


def faulty(folder: Path) -> None:
    from curation.convert import dataset_info

    folder.mkdir(exist_ok=True)
    lines = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in FAULTY)
    (folder / "train.sharegpt.jsonl").write_text(lines, encoding="utf-8")
    (folder / "dataset_info.json").write_text(json.dumps(dataset_info(["train.sharegpt.jsonl"])), encoding="utf-8")


def model(folder: Path, texts: list[str]) -> None:
    """Save a Qwen2 tokenizer (special tokens, ChatML template) and a random model with one layer."""
    from transformers import Qwen2Config, Qwen2ForCausalLM

    from training.tiny import tiny_tokenizer

    tokenizer = tiny_tokenizer(texts, vocabulary=3000)
    shape = Qwen2Config(
        vocab_size=len(tokenizer), hidden_size=32, intermediate_size=64, num_hidden_layers=1, num_attention_heads=2,
        num_key_value_heads=1, max_position_embeddings=4096, tie_word_embeddings=True, bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id,
    )  # fmt: skip
    Qwen2ForCausalLM(shape).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    settings = folder / "tokenizer_config.json"
    config = json.loads(settings.read_text(encoding="utf-8"))
    template = (folder / "chat_template.jinja").read_text(encoding="utf-8")
    config |= {"tokenizer_class": "PreTrainedTokenizerFast", "chat_template": template}  # what older releases know
    config["extra_special_tokens"] = {}
    settings.write_text(json.dumps(config, ensure_ascii=False), encoding="utf-8")


if __name__ == "__main__":
    main()
