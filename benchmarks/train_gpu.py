"""What training costs beside a plain TRL script, and whether the libraries' traps are shut on this device.

    python benchmarks/train_gpu.py                     # on a GPU: a random Qwen2 of 1.5B parameters
    python benchmarks/train_gpu.py --tiny              # anywhere: the same parts on a model of a few hundred thousand
    python benchmarks/train_gpu.py --sets-from LOG… --sets sets.json    # needs the curation half; then, on the GPU:
    python benchmarks/train_gpu.py --parts compare --sets sets.json

Needs torch, transformers, peft, trl, bitsandbytes, datasets, accelerate and the base dependencies of `training`
(pydantic, datasketch, rapidfuzz, scipy, rich, pyyaml); siftune itself need not be installed. Nothing is downloaded:
weights are random, the tokenizer is trained on made-up sentences, for speed and memory do not ask what a weight is.

Every timed run is a process of its own, plain and ours in turn, so that they meet the same machine; time is that of
`Trainer.train()`, memory the device's peak (on a CPU the process's; there processor time is what to read). Ratios are
medians over `--repeat` pairs.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

PARTS = ("speed", "packing", "gradients", "compare")
RATIOS = ("tokens_a_second", "tokens_a_cpu_second", "peak")  # on a busy CPU the second is what to read
WORDS = [
    "退货",
    "发货",
    "订单",
    "保修",
    "颜色",
    "尺码",
    "地址",
    "发票",
    "优惠",
    "快递",
    "客服",
    "时间",
    "order",
    "parcel",
    "return",
    "refund",
    "colour",
    "size",
    "invoice",
]
SIZES: dict[str, dict[str, Any]] = {
    "full": {
        "shape": {"hidden_size": 1536, "intermediate_size": 8960, "num_hidden_layers": 28, "num_attention_heads": 12,
                  "num_key_value_heads": 2, "vocab_size": 151_936},
        "records": 640, "words": (60, 220), "batch": 4, "effective": 16, "steps": 40, "rank": 64, "length": 1024,
        "compare": {"hidden_size": 512, "intermediate_size": 1536, "num_hidden_layers": 8, "num_attention_heads": 8,
                    "num_key_value_heads": 4},
        "pretrain": 3000, "compare_steps": 300, "questions": 60,
    },
    "tiny": {
        "shape": {"hidden_size": 128, "intermediate_size": 384, "num_hidden_layers": 2, "num_attention_heads": 4,
                  "num_key_value_heads": 2, "vocab_size": 2000},
        "records": 96, "words": (10, 40), "batch": 4, "effective": 8, "steps": 20, "rank": 8, "length": 512,
        "compare": {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 2,
                    "num_key_value_heads": 1},
        "pretrain": 20, "compare_steps": 2, "questions": 3,
    },
}  # fmt: skip


def sentences(count: int, words: tuple[int, int], seed: int) -> list[list[str]]:
    """Made-up questions and answers."""
    rng = random.Random(seed)
    say = lambda low, high: " ".join(rng.choice(WORDS) + str(rng.randint(0, 99)) for _ in range(rng.randint(low, high)))  # noqa: E731
    return [[say(words[0] // 2, words[1] // 2), say(*words)] for _ in range(count)]


def prepare(place: Path, size: dict[str, Any]) -> None:
    """Write a run folder, a general file and a random model with its tokenizer."""
    import torch
    from transformers import Qwen2Config, Qwen2ForCausalLM

    from training.tiny import tiny_tokenizer

    run = place / "run"
    run.mkdir(parents=True)
    talks = sentences(size["records"] + 40, size["words"], 1)
    rows = [
        {"id": f"r{n}", "conversations": [{"from": "human", "value": q}, {"from": "gpt", "value": a}]}
        for n, (q, a) in enumerate(talks)
    ]
    for name, part in (("train", rows[:-40]), ("val", rows[-40:])):
        (run / f"{name}.sharegpt.jsonl").write_text("".join(json.dumps(r) + "\n" for r in part), encoding="utf-8")
    (run / "manifest.json").write_text("{}", encoding="utf-8")
    general = sentences(400, size["words"], 2)
    lines = [json.dumps({"instruction": f"general {n} {q}", "output": a}) for n, (q, a) in enumerate(general)]
    (place / "general.jsonl").write_text("\n".join(lines), encoding="utf-8")
    tokenizer = tiny_tokenizer([text for talk in talks for text in talk], vocabulary=2000)
    shape = Qwen2Config(
        **size["shape"], max_position_embeddings=4096, tie_word_embeddings=True, bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id,
    )  # fmt: skip
    torch.manual_seed(0)
    with torch.device("cuda" if torch.cuda.is_available() else "cpu"):
        model = Qwen2ForCausalLM(shape)
    model.to(torch.bfloat16).save_pretrained(place / "model")
    tokenizer.save_pretrained(place / "model")


def watch() -> dict[str, float]:
    """Time every Trainer.train() from here on; returns the dict that it is written to."""
    import torch
    from transformers import Trainer

    told: dict[str, float] = {}
    train = Trainer.train

    def timed(self: Any, *args: Any, **more: Any) -> Any:  # noqa: ANN401
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        started, used = time.monotonic(), time.process_time()
        done = train(self, *args, **more)
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        told["seconds"], told["cpu_seconds"] = time.monotonic() - started, time.process_time() - used
        told["steps"] = self.state.global_step
        return done

    Trainer.train = timed
    return told


def peak() -> float:
    """Peak memory in MiB: the device's, on a CPU the process's."""
    import torch

    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated() / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def ours(place: Path, size: dict[str, Any], *, packing: bool, looks: bool) -> dict[str, float]:
    """Train by our command; with `looks` as it is by default: validation, general data, samples."""
    from training.cli import train_run
    from training.config import TrainConfig

    told = watch()
    settings: dict[str, Any] = {
        "batch_size": size["batch"], "effective_batch_size": size["effective"], "max_steps": size["steps"],
        "epochs": 50.0, "accept": ["many-epochs", "memory"], "rank": size["rank"], "alpha": 16,
        "max_length": size["length"], "patience": 0, "evaluations": 4, "logging_steps": 10, "warmup": 0.03,
        "sample_tokens": 32,
    }  # fmt: skip
    if "packing" in TrainConfig.model_fields:
        settings["packing"] = packing
    general = [str(place / "general.jsonl")]
    if not looks:
        settings |= {"general_share": 0.0, "general_holdout": 0.0, "samples": 0, "general_prompts": []}
        (place / "run" / "val.sharegpt.jsonl").rename(place / "run" / "val.aside")
    try:
        result = train_run(
            place / "run", model=str(place / "model"), out=place / f"out-{os.getpid()}", general=general,
            overrides=settings, force=False, progress=False,
        )  # fmt: skip
    finally:
        if not looks:
            (place / "run" / "val.aside").rename(place / "run" / "val.sharegpt.jsonl")
    tokens = sum(one["tokens"] for one in result["mixture"]["portions"].values())
    records = sum(one["records"] for one in result["mixture"]["portions"].values())
    return told | {"tokens_a_record": tokens / records, "peak": peak()}


def plain(place: Path, size: dict[str, Any], *, packing: bool) -> dict[str, float]:
    """Train by a TRL script such as its documentation has: prompt and completion, the same settings."""
    import torch
    from datasets import Dataset
    from peft import LoraConfig
    from transformers import AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig
    from trl import SFTConfig, SFTTrainer

    told = watch()
    gpu = torch.cuda.is_available()
    dtype = torch.bfloat16 if gpu else torch.float32
    tokenizer = AutoTokenizer.from_pretrained(place / "model")
    lines = (place / "run" / "train.sharegpt.jsonl").read_text(encoding="utf-8").splitlines()
    talks = [json.loads(line)["conversations"] for line in lines]
    data = Dataset.from_list(
        [
            {
                "prompt": [{"role": "user", "content": talk[0]["value"]}],
                "completion": [{"role": "assistant", "content": talk[1]["value"]}],
            }
            for talk in talks
        ]
    )
    model = AutoModelForCausalLM.from_pretrained(
        place / "model", dtype=dtype, device_map={"": 0 if gpu else "cpu"},
        quantization_config=BitsAndBytesConfig(
            load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True, bnb_4bit_compute_dtype=dtype
        ),
    )  # fmt: skip
    arguments = SFTConfig(
        output_dir=str(place / f"trl-{os.getpid()}"), max_steps=size["steps"],
        per_device_train_batch_size=size["batch"], gradient_accumulation_steps=size["effective"] // size["batch"],
        learning_rate=2e-4, lr_scheduler_type="cosine", warmup_steps=0.03, max_length=size["length"], packing=packing,
        bf16=gpu, use_cpu=not gpu, logging_steps=10, save_strategy="no", report_to="none", disable_tqdm=True, seed=42,
    )  # fmt: skip
    targets = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
    lora = LoraConfig(r=size["rank"], lora_alpha=16, lora_dropout=0.05, target_modules=targets, task_type="CAUSAL_LM")
    trainer = SFTTrainer(model=model, args=arguments, train_dataset=data, processing_class=tokenizer, peft_config=lora)
    trainer.train()
    rows = trainer.train_dataset
    tokens = sum(len(row) for row in rows["input_ids"]) / len(rows)
    return told | {"tokens_a_record": tokens, "peak": peak()}


def measured(what: str, place: Path, size: str) -> dict[str, float]:
    """Run one training in a process of its own and add its tokens a second."""
    done = subprocess.run(
        [sys.executable, __file__, "--child", what, "--place", str(place), *(["--tiny"] if size == "tiny" else [])],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        sys.exit(f"{what} failed:\n{done.stderr[-3000:]}")
    told: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    tokens = told["steps"] * SIZES[size]["effective"] * told["tokens_a_record"]
    told["tokens_a_second"], told["tokens_a_cpu_second"] = tokens / told["seconds"], tokens / told["cpu_seconds"]
    return told


def speed(place: Path, size: str, repeat: int) -> dict[str, Any]:
    """Ours against plain TRL, without and with packing, and what looking at the model costs."""
    from training.config import TrainConfig

    kinds = ["plain", "ours", "looks"]
    if "packing" in TrainConfig.model_fields:
        kinds += ["plain-packed", "ours-packed"]
    runs: dict[str, list[dict[str, float]]] = {kind: [] for kind in kinds}
    for _ in range(repeat):
        for kind in kinds:
            runs[kind].append(measured(kind, place, size))
    told: dict[str, Any] = {
        kind: {key: statistics.median(one[key] for one in of) for key in of[0]} for kind, of in runs.items()
    }

    def ratio(mine: str, other: str, key: str) -> float:
        return statistics.median(a[key] / b[key] for a, b in zip(runs[mine], runs[other], strict=True))

    for mine, other in (("ours", "plain"), ("ours-packed", "plain-packed")):
        if mine in runs:
            told[f"{mine} / {other}"] = {key: ratio(mine, other, key) for key in RATIOS}
    told["looks - ours, seconds"] = statistics.median(
        a["seconds"] - b["seconds"] for a, b in zip(runs["looks"], runs["ours"], strict=True)
    )
    return told


def packed_logits(place: Path) -> dict[str, float]:
    """Two documents in one row against each alone, in the device's precision; and two rows of one batch, for scale."""
    import torch
    from transformers import AutoModelForCausalLM

    gpu = torch.cuda.is_available()
    model = AutoModelForCausalLM.from_pretrained(
        place / "model", dtype=torch.bfloat16, device_map={"": 0 if gpu else "cpu"}
    ).eval()
    torch.manual_seed(1)
    first, second = (torch.randint(5, 500, (1, n), device=model.device) for n in (90, 60))
    with torch.no_grad():
        alone = model(input_ids=second, use_cache=False).logits[0].float()
        places = torch.cat([torch.arange(90), torch.arange(60)])[None].to(model.device)
        row = torch.cat([first, second], dim=1)
        packed = model(input_ids=row, position_ids=places, use_cache=False).logits[0, 90:].float()
        mixed = model(input_ids=row, use_cache=False).logits[0, 90:].float()
        twice = model(input_ids=torch.cat([second, second]), use_cache=False).logits[0].float()
    return {
        "packed - alone": float((packed - alone).abs().max()),
        "in a batch of two - alone": float((twice - alone).abs().max()),
        "one behind the other, seen - alone": float((mixed - alone).abs().max()),
        "largest logit": float(alone.abs().max()),
    }


def gradients(place: Path) -> dict[str, Any]:
    """The adapter's gradients in 4 bits, before and after an evaluation: they must be the same."""
    import torch
    from peft import get_peft_model

    from training.config import configure, lora_config
    from training.model import find_device, load_model

    config = configure({"rank": 8, "alpha": 16, "dropout": 0.0})
    torch.manual_seed(3)
    model = get_peft_model(load_model(str(place / "model"), config, find_device(config)), lora_config(config))
    ids = torch.randint(5, 500, (2, 64), device=model.device)

    def norms() -> list[float]:
        model.train()
        model.zero_grad()
        model(input_ids=ids, labels=ids, use_cache=False).loss.backward()
        return [float(p.grad.norm()) for p in model.parameters() if p.grad is not None]

    before = norms()
    model.eval()
    with torch.no_grad():
        model(input_ids=ids, use_cache=False)
    after = norms()
    apart = max(abs(a - b) / max(a, 1e-12) for a, b in zip(before, after, strict=True))
    return {"tensors": len(before), "largest relative difference": apart, "same": before == after}


def make_sets(logs: list[Path], to: Path) -> None:
    """Curate `logs` and write the experiment's sets, for a machine without the curation half."""
    from curation import experiment, packs, privacy
    from curation.pipeline import curate
    from curation.read import find
    from curation.recipe import Recipe
    from curation.runfolder import write

    recipe = Recipe()
    loaded = packs.load(recipe.packs, recipe.rules, types=recipe.query_types, detector=recipe.language.detector)
    with tempfile.TemporaryDirectory() as work:
        curated = curate(find(logs), recipe, loaded, progress=lambda *_: None)
        write(curated, recipe, loaded, Path(work) / "run", argv=[])
        messages, examples = experiment.read(Path(work) / "run")
    mask = privacy.masking(**recipe.privacy.model_dump())
    sets = experiment.sets(messages, examples, mask, cot=recipe.output.cot, seed=1)
    to.write_text(json.dumps(sets, ensure_ascii=False), encoding="utf-8")


def made_up_sets() -> dict[str, list[dict[str, Any]]]:
    """Sets for the dry run: answers that follow from their questions, the same among noise, and other questions."""
    goods = ["lamp", "chair", "kettle", "phone", "shoe", "desk", "clock", "shirt", "radio", "brush"]
    asked = [
        (f"Can I return the {g} number {n}?", f"Yes, the {g} can be returned within {n} days.")
        for n, g in enumerate(goods * 12)
    ]

    def row(number: int, conversation: int, question: str, answer: str) -> dict[str, Any]:
        turns = [{"from": "human", "value": question}, {"from": "gpt", "value": answer}]
        return {"id": f"s{number}", "conversation": f"c{conversation}", "conversations": turns}

    rows = [row(n, n, *pair) for n, pair in enumerate(asked)]
    noise = [row(1000 + n, n % 100, f"hi {n}", "hm") for n in range(200)]
    held = [row(2000 + n, 200 + n, *pair) for n, pair in enumerate(sentences(20, (8, 20), 3))]
    return {"raw": [*rows, *noise], "curated": rows, "real": held, "clean": held[10:]}


def from_scratch(place: Path, size: dict[str, Any], sets: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """Teach a small model to speak on all that may be seen, then compare raw and curated on it."""
    import torch
    from transformers import AutoModelForCausalLM, Qwen2Config, Qwen2ForCausalLM

    from training.cli import compare_sets
    from training.data import default_general, read_general, sharegpt_records
    from training.encode import Manner, encode
    from training.tiny import tiny_tokenizer

    general = [record for path in default_general() for record in read_general(path)]
    records = [*general, *sharegpt_records(sets["raw"], "raw"), *sharegpt_records(sets["curated"], "curated")]
    tokenizer = tiny_tokenizer([m.text for r in records for m in r.messages], vocabulary=8000)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.manual_seed(0)
    model = Qwen2ForCausalLM(Qwen2Config(
        **size["compare"], vocab_size=len(tokenizer), max_position_embeddings=2048, tie_word_embeddings=True,
        bos_token_id=None, eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id,
    )).to(device)  # fmt: skip
    done = encode(records, tokenizer, Manner(384)).records
    steps = torch.optim.AdamW(model.parameters(), lr=6e-4, weight_decay=0.01)
    rng, loss = random.Random(0), torch.zeros(())
    for _ in range(size["pretrain"]):
        batch = [torch.tensor(one.input_ids) for one in rng.sample(done, 16)]
        ids = torch.nn.utils.rnn.pad_sequence(batch, batch_first=True, padding_value=-100).to(device)
        with torch.autocast(device, torch.bfloat16, enabled=device == "cuda"):
            loss = model(input_ids=ids.clamp(min=0), attention_mask=(ids >= 0).long(), labels=ids).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        steps.step()
        steps.zero_grad()
    folder = place / "speaker"
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    parameters = sum(p.numel() for p in AutoModelForCausalLM.from_pretrained(folder).parameters())
    out = place / "compare"
    out.mkdir()
    result = compare_sets(
        sets, out, target=out, model=str(folder), settings={},
        overrides={"quantize": False, "max_steps": size["compare_steps"], "rank": 16, "alpha": 32,
                   "learning_rate": 1e-3, "sample_tokens": 48 if size["questions"] > 10 else 6},
        seeds=[1, 2, 3] if size["questions"] > 10 else [1, 2], questions=size["questions"], progress=False,
    )  # fmt: skip
    return {
        "parameters": parameters,
        "loss after pre-training": float(loss.detach()),
        **{name: one["measures"] for name, one in result["held_out"].items()},
        "report": str(out / "compare.md"),
    }


def machine() -> dict[str, Any]:
    """Name device and libraries."""
    import torch

    from training.quiet import versions

    gpu = torch.cuda.get_device_name(0) if torch.cuda.is_available() else None
    return {"gpu": gpu, "cores": os.cpu_count(), "load": os.getloadavg()[0], **versions()}


def main() -> None:
    """Run the parts and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tiny", action="store_true", help="a tiny model, for any machine")
    parser.add_argument("--parts", default=",".join(PARTS), help=f"of {', '.join(PARTS)}")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--sets", type=Path, help="the compare part's sets; default: made up")
    parser.add_argument("--sets-from", type=Path, nargs="+", metavar="LOG", help="write --sets from logs, and stop")
    parser.add_argument("--out", type=Path, help="keep the folders here")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    parser.add_argument("--place", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    name = "tiny" if asked.tiny else "full"
    size = SIZES[name]
    if asked.sets_from:
        make_sets(asked.sets_from, asked.sets or Path("sets.json"))
        return
    if asked.child:
        kind, _, more = asked.child.partition("-")
        packing = more == "packed"
        run = plain(asked.place, size, packing=packing) if kind == "plain" else ours(
            asked.place, size, packing=packing, looks=kind == "looks"
        )  # fmt: skip
        print(json.dumps(run))
        return
    parts = asked.parts.split(",")
    if unknown := set(parts) - set(PARTS):
        parser.error(f"there is no part {', '.join(sorted(unknown))}; known: {', '.join(PARTS)}")
    with tempfile.TemporaryDirectory() as work:
        place = asked.out or Path(work) / "bench"
        prepare(place, size)
        told: dict[str, Any] = {"machine": machine(), "size": name}
        if "speed" in parts:
            told["speed"] = speed(place, name, asked.repeat)
        if "packing" in parts:
            told["packing"] = packed_logits(place)
        if "gradients" in parts:
            told["gradients"] = gradients(place)
        if "compare" in parts:
            sets = json.loads(asked.sets.read_text(encoding="utf-8")) if asked.sets else made_up_sets()
            told["compare"] = from_scratch(place, size, sets)
        print(json.dumps(told, indent=1, ensure_ascii=False))


if __name__ == "__main__":
    main()
