"""The experiment of the method: the same model, steps and tokens, spent once on raw pairs and once on the curated set.

For every seed two adapters are trained and asked the same held-out questions. The curated set is repeated as often as
its epochs say; the raw pairs, of which there are more, are drawn without repetition while they last, so that the
budget is spent on as many different ones as it can buy. No general data is mixed in and nothing stops early: all that
differs is what is learned from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from training.config import TINY, TrainConfig
from training.contrast import BASE, CURATED, RAW, Figures, Said, contrast, figures, verdict
from training.data import Record, Run
from training.encode import IGNORE, Encoded, Manner, encode, to_chat
from training.errors import RunError
from training.fit import fit, planned_steps
from training.model import Device, find_device, load_model, load_tokenizer, longest_input, resolve
from training.overlap import overlapping
from training.prepare import manner_of
from training.progress import Progress
from training.quiet import versions
from training.sample import answer
from training.tiny import build_tiny

LEAST = 8  # curated records: below, there is nothing to compare
SHOWN = 8  # questions of each set that are shown side by side


def compare(
    sets: Mapping[str, Sequence[Record]],
    conversations: Mapping[str, Mapping[str, str]],
    model: str,
    config: TrainConfig,
    *,
    seeds: Sequence[int],
    questions: int,
    folder: Path,
    target: Path,
    say: Progress,
) -> dict[str, Any]:
    """Train and ask; write the first seed's adapters to `folder`, which will be `target`; return compare.json.

    `sets`: raw, curated, and the held-out ones real and clean; `conversations`: of every set, by record id, the
    conversation it came from. At most `questions` of each held-out set are asked.
    """
    device = find_device(config)
    trained = [*sets[RAW], *sets[CURATED]]
    source = resolve(model) if model != TINY else str(folder / "base")
    stays = source if model != TINY else str(target / "base")
    if model == TINY:
        build_tiny([m.text for record in trained for m in record.messages], folder / "base", seed=config.seed)
    tokenizer = load_tokenizer(source, config)
    longest = min(config.max_length, longest_input(source, config))
    manner = manner_of(config, Run(folder, "", {}, list(sets[CURATED]), []), tokenizer, max_length=longest)
    arms = {arm: encode(sets[arm], tokenizer, manner).records for arm in (RAW, CURATED)}
    for arm, records in arms.items():
        if len(records) < LEAST:
            raise RunError(f"the {arm} set has {len(records)} records, {LEAST} are needed; give more logs")
    asked = {name: _held(sets[name], trained, tokenizer, manner, most=questions, seed=config.seed) for name in _HELD}
    if not asked["real"][0]:
        raise RunError("no question of the held-out conversations can be asked; give more logs")
    steps = planned_steps(len(arms[CURATED]), config)
    settings = _alike(arms, config, steps)
    stops = encode(sets[CURATED], tokenizer, manner).stop_ids
    by_seed: dict[str, list[dict[str, Figures]]] = {name: [] for name in asked}
    base: dict[str, Figures] = {}
    shown: dict[str, dict[str, list[Said]]] = {name: {} for name in asked}
    seen: dict[str, dict[str, int]] = {}
    for seed in seeds:
        for arm in (RAW, CURATED):
            drawn = _drawn(arms[arm], steps * settings[arm].effective_batch_size, seed=seed)
            loaded = load_model(source, config, device)
            if not base:
                base = _ask_all(loaded, tokenizer, asked, manner, config, stops, shown, BASE)
            say.line(f"{arm}, seed {seed}: {len(drawn)} records, {sum(len(r.input_ids) for r in drawn)} tokens")
            tuned = _train(loaded, tokenizer, drawn, settings[arm], seed=seed, device=device, folder=folder, say=say)
            keep = shown if seed == seeds[0] else {name: {} for name in asked}
            told = _ask_all(tuned, tokenizer, asked, manner, config, stops, keep, arm)
            for name, found in told.items():
                if arm == RAW:
                    by_seed[name].append({})
                by_seed[name][-1][arm] = found
            if seed == seeds[0]:
                seen[arm] = _seen(arms[arm], drawn, sets[arm], conversations[arm])
                _save(tuned, tokenizer, folder / "adapters" / arm, base=stays)
            del loaded, tuned
    return {
        "format": 1,
        "model": model,
        "config": config.model_dump(mode="json"),
        "device": {"kind": device.kind, "name": device.name, "precision": device.precision},
        "seeds": list(seeds),
        "steps": steps,
        "sets": {arm: seen[arm] | {"batch": settings[arm].effective_batch_size} for arm in (RAW, CURATED)},
        "held_out": {
            name: _told(records, overlap, conversations[name], by_seed[name], base[name])
            for name, (records, overlap) in asked.items()
            if records
        },
        "samples": [
            {"set": name, "question": one.question, "agent": one.reference}
            | {who: shown[name][who][number].text for who in (BASE, RAW, CURATED)}
            for name in asked
            for number, one in enumerate(shown[name].get(BASE, [])[:SHOWN])
        ],
        "notes": _notes(model, seeds, asked),
        "versions": versions(),
    }


_HELD = ("real", "clean")


def _held(
    records: Sequence[Record],
    trained: Sequence[Record],
    tokenizer: PreTrainedTokenizerBase,
    manner: Manner,
    *,
    most: int,
    seed: int,
) -> tuple[list[Record], int]:
    """Choose at most `most` records to ask; returns them, and how many were left out: a training set asks the same."""
    same = overlapping(records, trained)
    apart = [record for record in records if record.id not in same]
    fitting = {one.origin for one in encode(apart, tokenizer, manner).records}
    able = [record for record in apart if record.id in fitting]
    chosen = sorted(Random(seed).sample(range(len(able)), min(most, len(able))))
    return [able[place] for place in chosen], len(same)


def _alike(arms: Mapping[str, Sequence[Encoded]], config: TrainConfig, steps: int) -> dict[str, TrainConfig]:
    """Return both arms' settings: as many tokens a step in the mean, though their records differ in length."""
    size = {arm: sum(len(r.input_ids) for r in records) / len(records) for arm, records in arms.items()}
    wanted = config.effective_batch_size * size[CURATED] / size[RAW]
    # A number of records that a batch divides: of those within 3 % the one with the largest batch.
    near = range(max(1, round(wanted * 0.97)), max(1, round(wanted * 1.03)) + 1)
    batch = max(near, key=lambda n: (_batch(n, config.batch_size), -abs(n - wanted)))
    same: dict[str, Any] = {"max_steps": steps, "epochs": 1.0, "patience": 0, "general_share": 0.0}
    return {
        RAW: config.model_copy(
            update=same | {"effective_batch_size": batch, "batch_size": _batch(batch, config.batch_size)}
        ),
        CURATED: config.model_copy(update=same),
    }


def _batch(records: int, most: int) -> int:
    """Return the largest batch up to `most` that divides `records`."""
    return next(size for size in range(min(most, records), 0, -1) if records % size == 0)


def _drawn(records: Sequence[Encoded], count: int, *, seed: int) -> list[Encoded]:
    """Draw `count` records: all of them in a random order, then all again in another, until there are enough."""
    random = Random(seed)
    drawn: list[Encoded] = []
    while len(drawn) < count:
        drawn += random.sample(list(records), len(records))
    return drawn[:count]


def _train(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    records: Sequence[Encoded],
    config: TrainConfig,
    *,
    seed: int,
    device: Device,
    folder: Path,
    say: Progress,
) -> Any:  # noqa: ANN401  a peft model
    seeded = config.model_copy(update={"seed": seed})
    torch.manual_seed(seed)
    work = folder / "unfinished"
    work.mkdir(exist_ok=True)
    try:
        return fit(model, tokenizer, records, {}, seeded, device=device, work=work, say=say, checkpoints=False).model
    finally:
        for path in sorted(work.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
        work.rmdir()


def _ask_all(
    model: Any,  # noqa: ANN401  a plain or a peft model
    tokenizer: PreTrainedTokenizerBase,
    asked: Mapping[str, tuple[list[Record], int]],
    manner: Manner,
    config: TrainConfig,
    stops: frozenset[int],
    shown: dict[str, dict[str, list[Said]]],
    who: str,
) -> dict[str, Figures]:
    """Ask every held-out question, greedily; answers go to `shown`, the figures of each set are returned."""
    found: dict[str, Figures] = {}
    for name, (records, _) in asked.items():
        if not records:
            continue
        chats = [to_chat(r.messages[:-1], system_prompt=manner.system_prompt) for r in records]
        said = answer(
            model, tokenizer, chats, stop_ids=stops, most_tokens=config.sample_tokens, thinking=manner.thinking
        )
        answers = [
            Said(record.messages[-2].text, record.messages[-1].text, one.text, one.tokens, one.stopped)
            for record, one in zip(records, said, strict=True)
        ]
        shown[name][who] = answers
        found[name] = figures(answers, answer_losses(model, encode(records, tokenizer, manner).records))
    return found


def answer_losses(model: Any, records: Sequence[Encoded]) -> list[float]:  # noqa: ANN401  a plain or a peft model
    """Return for each record the mean loss over its learned tokens, in nats."""
    was_training, losses = model.training, []
    model.eval()
    with torch.no_grad():
        for record in records:
            ids = torch.tensor([record.input_ids], device=model.device)
            labels = torch.tensor(record.labels[1:], device=model.device)
            logits = model(input_ids=ids, attention_mask=torch.ones_like(ids), use_cache=False).logits[0, :-1].float()
            losses.append(float(torch.nn.functional.cross_entropy(logits, labels, ignore_index=IGNORE)))
    model.train(was_training)
    return losses


def _seen(
    pool: Sequence[Encoded], drawn: Sequence[Encoded], records: Sequence[Record], conversations: Mapping[str, str]
) -> dict[str, int]:
    return {
        "records": len(pool),
        "conversations": len({conversations[record.id] for record in records}),
        "seen": len(drawn),
        "different": len({record.id for record in drawn}),
        "tokens": sum(len(record.input_ids) for record in drawn),
        "learned": sum(record.trained for record in drawn),
    }


def _told(
    records: Sequence[Record],
    overlap: int,
    conversations: Mapping[str, str],
    by_seed: Sequence[Mapping[str, Figures]],
    base: Figures,
) -> dict[str, Any]:
    measures = contrast(by_seed, base)
    return {
        "questions": len(records),
        "conversations": len({conversations[record.id] for record in records}),
        "overlapping": overlap,
        "measures": measures,
        "verdict": verdict(measures),
    }


def _save(model: Any, tokenizer: PreTrainedTokenizerBase, folder: Path, *, base: str) -> None:  # noqa: ANN401
    settings = model.peft_config["default"]
    settings.base_model_name_or_path = base
    model.save_pretrained(folder, save_embedding_layers=False)
    tokenizer.save_pretrained(folder)


def _notes(model: str, seeds: Sequence[int], asked: Mapping[str, tuple[list[Record], int]]) -> list[str]:
    notes = ["ROUGE-L and chrF say how like an answer is to one agent's, not whether it is right: read the samples."]
    if model == TINY:
        notes.append("The built-in tiny model speaks no language: this shows that the comparison runs, nothing else.")
    if len(seeds) < 2:
        notes.append("One seed gives no interval; give three or more with --seeds.")
    few = [name for name, (records, _) in asked.items() if 0 < len(records) < 30]
    if few:
        notes.append(f"Few questions ({', '.join(few)}): single answers move the means.")
    return notes
