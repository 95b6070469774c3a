# ruff: noqa: ANN001, ANN201, E501  runs where only the trainer is installed
"""Load one file as one trainer does, in that trainer's own environment, and print what it would be trained on.

    python load.py TRAINER FORMAT FOLDER MODEL

Prints one JSON object: {"answers": [[…], …]}: per record that is left, the decoded texts that have a label, without
the mark at their end. Imports nothing of siftune.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

os.environ |= {
    "HF_HUB_OFFLINE": "1",
    "AXOLOTL_DO_NOT_TRACK": "1",
    "DISABLE_VERSION_CHECK": "1",
    "WANDB_DISABLED": "true",
}
os.environ |= {"TOKENIZERS_PARALLELISM": "false", "CUDA_VISIBLE_DEVICES": ""}


def trained(tokenizer, labels) -> list[str]:
    """Decode the runs of labelled tokens."""
    runs, now = [], []
    for label in [*labels, -100]:
        if label != -100:
            now.append(int(label))
        elif now:
            runs.append(now)
            now = []
    return [
        tokenizer.decode(run, skip_special_tokens=False).removesuffix("\n").removesuffix("<|im_end|>") for run in runs
    ]


def tokenizer_of(model: str):
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(model)


def llamafactory(form: str, folder: Path, model: str) -> list[list[str]]:
    from llamafactory.data import get_dataset, get_template_and_fix_tokenizer
    from llamafactory.hparams import get_train_args
    from llamafactory.model import load_tokenizer

    arguments = get_train_args({
        "model_name_or_path": model, "stage": "sft", "do_train": True, "finetuning_type": "lora",
        "dataset": f"siftune_train_{form}", "dataset_dir": str(folder), "template": "qwen", "cutoff_len": 4096,
        "output_dir": str(folder / "out"), "overwrite_cache": True, "report_to": "none", "use_cpu": True,
    })  # fmt: skip
    model_args, data_args, training_args = arguments[:3]
    loaded = load_tokenizer(model_args)
    template = get_template_and_fix_tokenizer(loaded["tokenizer"], data_args)
    data = get_dataset(template, model_args, data_args, training_args, stage="sft", **loaded)["train_dataset"]
    return [trained(loaded["tokenizer"], row["labels"]) for row in data]


def swift(form: str, folder: Path, model: str) -> list[list[str]]:
    from swift.dataset import load_dataset
    from swift.model import get_processor
    from swift.template import get_template

    data, _ = load_dataset(str(folder / f"train.{form}.jsonl"))
    processor = get_processor(model, model_type="qwen2", task_type="causal_lm")
    template = get_template(processor, template_type="qwen", max_length=4096)
    template.set_mode("train")
    return [trained(template.tokenizer, template.encode(dict(row))["labels"]) for row in data]


def axolotl(form: str, folder: Path, model: str) -> list[list[str]]:
    from axolotl.prompt_strategies import load
    from axolotl.utils.dict import DictDefault
    from datasets import load_dataset

    tokenizer = tokenizer_of(model)
    messages = "conversations" if form == "sharegpt" else "messages"
    keys = {"role": "from", "content": "value"} if form == "sharegpt" else {"role": "role", "content": "content"}
    dataset = DictDefault(
        type="chat_template", field_messages=messages, message_property_mappings=keys, chat_template="tokenizer_default",
        roles_to_train=["assistant"], train_on_eos="turn", field_system="system",
    )  # fmt: skip
    strategy = load("chat_template", tokenizer, DictDefault(sequence_len=4096, train_on_inputs=False), dataset)
    data = load_dataset("json", data_files=str(folder / f"train.{form}.jsonl"), split="train")
    return [trained(tokenizer, strategy.tokenize_prompt(row)["labels"]) for row in data]


def datasets(form: str, folder: Path, model: str) -> list[list[str]]:  # noqa: ARG001
    """Only loads: what is read is returned, since nothing is tokenised."""
    from datasets import load_dataset

    data = load_dataset("json", data_files=str(folder / f"train.{form}.jsonl"), split="train")
    found = []
    for row in data:
        if form == "alpaca":
            found.append([*(answer for _, answer in row["history"]), row["output"]])
        elif form == "sharegpt":
            found.append([t["value"] for t in row["conversations"] if t["from"] == "gpt"])
        elif form == "messages":
            found.append([m["content"] for m in row["messages"] if m["role"] == "assistant"])
        else:
            found.append([row["completion"][0]["content"]])
    return found


def trl(form: str, folder: Path, model: str) -> list[list[str]]:
    from datasets import load_dataset
    from transformers import AutoModelForCausalLM
    from trl import SFTConfig, SFTTrainer

    tokenizer = tokenizer_of(model)
    if form == "messages":  # TRL asks for the marks around what is trained on
        tokenizer.chat_template = tokenizer.chat_template.replace(
            "{{- '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}",
            "{{- '<|im_start|>' + message['role'] + '\\n' }}{%- if message['role'] == 'assistant' %}{%- generation %}"
            "{{- message['content'] + '<|im_end|>' }}{%- endgeneration %}{%- else %}{{- message['content'] + '<|im_end|>' }}"
            "{%- endif %}{{- '\\n' }}",
        )
    data = load_dataset("json", data_files=str(folder / f"train.{form}.jsonl"), split="train")
    data = data.select_columns(["messages"] if form == "messages" else ["prompt", "completion"])
    config = SFTConfig(
        output_dir=str(folder / "out"), max_length=4096, assistant_only_loss=form == "messages", report_to="none",
        use_cpu=True, bf16=False, per_device_train_batch_size=1,
    )  # fmt: skip
    trainer = SFTTrainer(
        model=AutoModelForCausalLM.from_pretrained(model), args=config, train_dataset=data, processing_class=tokenizer
    )
    batches = trainer.data_collator
    return [trained(tokenizer, batches([row])["labels"][0].tolist()) for row in trainer.train_dataset]


if __name__ == "__main__":
    name, form, folder, model = sys.argv[1:5]
    out = sys.stdout
    sys.stdout = sys.stderr  # trainers print; the answer alone goes to stdout
    print(json.dumps({"answers": globals()[name](form, Path(folder), model)}), file=out)
