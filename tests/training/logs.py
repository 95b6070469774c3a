"""A hand-made run folder: what the curation half leaves behind, written here by hand and by no code of ours."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

GOODS = ["蓝牙耳机", "保温杯", "羽绒服", "电饭煲", "儿童书包", "机械键盘", "防晒霜", "行李箱", "台灯", "运动鞋"]
WARES = ["headphones", "thermos", "down jacket", "rice cooker", "backpack", "keyboard", "sunscreen", "suitcase"]
ZH = [
    ("{}可以七天无理由退货吗？", "您好，{}支持七天无理由退货，请保持包装完好，在订单页面点击“申请售后”即可。"),
    ("我买的{}什么时候发货？", "您好，{}在付款后48小时内发货，发货后您会收到短信通知。"),
    ("{}坏了怎么保修？", "您好，{}享受一年质保。请拍照上传故障部位，我们会在一个工作日内为您安排维修。"),
]
EN = [
    ("Can I return the {}?", "Yes. The {} can be returned within 30 days; open the order page and choose Return."),
    (
        "When will my {} ship?",
        "Your {} ships within two working days, and you will get an e-mail with the tracking number.",
    ),
]
GENERAL_ZH = ["怎么煮米饭", "太阳为什么东升西落", "如何学好英语", "什么是光合作用", "怎样整理房间", "唐诗有什么特点"]
GENERAL_EN = ["boil an egg", "read a map", "plant a tree", "write a letter", "learn to swim", "tie a knot"]


def pairs() -> list[tuple[str, str]]:
    """30 Chinese and 16 English question-answer pairs, in a fixed order."""
    zh = [(q.format(g), a.format(g)) for q, a in ZH for g in GOODS]
    en = [(q.format(w), a.format(w)) for q, a in EN for w in WARES]
    return [pair for n in range(30) for pair in (zh[n : n + 1] + en[n : n + 1])]


def sharegpt(number: int, *turns: str, **more: Any) -> dict[str, Any]:
    """One record; turns alternate, human first."""
    said = [{"from": "gpt" if n % 2 else "human", "value": text} for n, text in enumerate(turns)]
    return {"id": f"r{number:04d}", "conversations": said, **more}


def write_jsonl(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def make_run(
    folder: Path,
    *,
    train: list[dict[str, Any]] | None = None,
    val: list[dict[str, Any]] | None = None,
    training: dict[str, Any] | None = None,
) -> Path:
    """Write a finished run: by default 38 records (2 dialogues among them) to train on and 8 to validate by."""
    folder.mkdir(parents=True, exist_ok=True)
    records = [sharegpt(n, *pair) for n, pair in enumerate(pairs())]
    if train is None:
        train = [
            *[record for n, record in enumerate(records) if n % 6][:36],
            sharegpt(900, *pairs()[1], *pairs()[3]),
            sharegpt(901, *pairs()[2], *pairs()[4], system="You are the shop's assistant."),
        ]
    write_jsonl(folder / "train.sharegpt.jsonl", train)
    write_jsonl(folder / "val.sharegpt.jsonl", records[::6] if val is None else val)
    manifest = {"recipe": {"name": "shop", "training": training or {}}}
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    return folder


def make_general(path: Path, *, each: int = 3) -> Path:
    """Write 6 × `each` Chinese and 6 × `each` English Alpaca records."""
    rows = []
    for n in range(each):
        for topic in GENERAL_ZH:
            rows.append(
                {"instruction": f"{topic}？请说第{n + 1}点。", "input": "", "output": f"{topic}，第{n + 1}点是耐心。"}
            )
        for topic in GENERAL_EN:
            rows.append(
                {"instruction": f"How do I {topic}?", "input": f"Step {n + 1}.", "output": f"To {topic}, be calm."}
            )
    return write_jsonl(path, rows)
