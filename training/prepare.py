"""From a run and general sources to what is trained on and measured by: encode, leave out, hold out, mix.

In two steps, for the base model may have to answer general questions in between: `plan` needs a tokenizer only,
`mixed` the answers. Both are pure, so that every process of a training on several devices comes to the same mixture.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from random import Random
from typing import TYPE_CHECKING, Any

from training.config import TrainConfig
from training.data import Record, Run
from training.encode import THOUGHT, Encoded, Encoding, Manner, encode, knows_thinking
from training.errors import RunError
from training.mix import Mixture, apportion, hold_out, mix, wanted
from training.overlap import copies, overlapping
from training.sources import Pool, answered

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from training.own import Own

POOL = 4  # general records encoded for each one wanted, so that a huge file costs no more than it must
POOL_LEAST = 2000


@dataclass(frozen=True, slots=True)
class Gathered:
    """What became of one general source before it was mixed. Numbers are records."""

    name: str
    own: bool  # the base model gives the answers
    weight: float | None  # as asked; None: by size
    given: int
    looked_at: int  # drawn from `given` by the seed: of a huge file no more than is needed
    overlapping: int  # left out: the domain asks the same
    copies: int  # left out: said before, in this source or an earlier one
    held_out: int
    usable: int  # questions that the model may answer, or records that may be mixed in


@dataclass(frozen=True, slots=True)
class Plan:
    """All that can be known without the model."""

    train: Encoding
    val: Encoding
    general: Encoding  # what the sources answer themselves
    kept: tuple[Encoded, ...]  # of `general`, to mix in
    held: tuple[Encoded, ...]  # of `general`, to measure forgetting by
    questions: Mapping[str, tuple[Record, ...]]  # by source: for the base model to answer
    counts: Mapping[str, int]  # by source: how many of its answers are wanted
    gathered: tuple[Gathered, ...]
    weights: Mapping[str, float]  # by source; empty: all are one pool
    manner: Manner

    @property
    def languages(self) -> Counter[str]:
        """How many domain records there are of each language."""
        return Counter(record.language for record in self.train.records)

    @property
    def at_hand(self) -> int:
        """General records and questions that the mixture can take."""
        return sum(one.usable for one in self.gathered)


@dataclass(frozen=True, slots=True)
class Prepared:
    """What is trained on and measured by."""

    encodings: Mapping[str, Encoding]  # train, val, general
    mixture: Mixture
    held_out: Mapping[str, Sequence[Encoded]]  # domain, general
    sources: tuple[dict[str, Any], ...]  # the general ones: Gathered, what the model answered, what was mixed in


def plan(
    run: Run, pools: Sequence[Pool], config: TrainConfig, tokenizer: PreTrainedTokenizerBase, *, max_length: int
) -> Plan:
    """Encode the run, and choose from the general sources what may be mixed in or held out.

    Raises RunError where no record of the run fits into `max_length` tokens.
    """
    manner = manner_of(config, run, tokenizer, max_length=max_length)
    train, val = encode(run.train, tokenizer, manner), encode(run.val, tokenizer, manner)
    if not train.records:
        raise RunError(f"{run.folder}: all {len(run.train)} records exceed {max_length} tokens; raise max_length")
    total = wanted(len(train.records), config.general_share)
    chosen, faults = _choose(run, pools, config, most=max(POOL_LEAST, POOL * total))
    general = encode([r for records in chosen.values() for r in answered(records)], tokenizer, manner)
    asked = {
        record.id
        for records in chosen.values()
        for record in records
        if any(prompt in message.text for prompt in config.general_prompts for message in record.messages)
    }
    kept, held = hold_out(general.records, share=config.general_holdout, seed=config.seed, asked=sorted(asked))
    aside = {record.origin for record in held} | asked
    questions = {
        pool.name: tuple(record for record in chosen[pool.name] if record.id not in aside) for pool in pools if pool.own
    }
    mixed_in = {pool.name for pool in pools if not pool.own and not pool.held_only}
    kept = [record for record in kept if record.source in mixed_in]
    usable = Counter(record.source for record in kept) + Counter({name: len(q) for name, q in questions.items()})
    weights = _weights(pools, usable)
    counts = apportion(total, weights, {name: config.max_repeats * usable[name] for name in sorted(usable)})
    return Plan(
        train=train,
        val=val,
        general=general,
        kept=tuple(kept),
        held=tuple(held),
        questions={name: records for name, records in questions.items() if records},
        counts={name: min(counts.get(name, 0), len(records)) for name, records in questions.items()},
        gathered=tuple(_gathered(pool, faults[pool.name], held, usable) for pool in pools),
        weights=weights,
        manner=manner,
    )


def mixed(made: Plan, config: TrainConfig, tokenizer: PreTrainedTokenizerBase, own: Mapping[str, Own]) -> Prepared:
    """Mix; `own` are the base model's answers by source."""
    answers = encode([record for one in own.values() for record in one.records], tokenizer, made.manner)
    mixture = mix(
        made.train.records,
        [*made.kept, *answers.records],
        share=config.general_share,
        seed=config.seed,
        max_repeats=config.max_repeats,
        weights=made.weights,
    )
    sources = []
    for one in made.gathered:
        said = own.get(one.name)
        told = {"asked": said.asked, "answered": len(said.records), "left_out": dict(said.left_out)} if said else {}
        portion = mixture.portions.get(one.name)
        sources.append(asdict(one) | told | {"mixed_in": asdict(portion) if portion else None})
    return Prepared(
        encodings={"train": made.train, "val": made.val, "general": made.general},
        mixture=mixture,
        held_out={"domain": made.val.records, "general": made.held},
        sources=tuple(sources),
    )


def manner_of(config: TrainConfig, run: Run, tokenizer: PreTrainedTokenizerBase, *, max_length: int) -> Manner:
    """Return how records are encoded. Thinking is on where a record of the run has reasoning to be learned."""
    reasons = any(THOUGHT in m.text for r in run.train for m in r.messages if m.role == "assistant")
    thinking = {"auto": reasons, "on": True, "off": False}[config.thinking]
    return Manner(
        max_length=max_length,
        system_prompt=config.system_prompt,
        learn=config.learn,
        cot=config.cot,
        long_records=config.long_records,
        thinking=thinking if knows_thinking(tokenizer) else None,
    )


def _choose(
    run: Run, pools: Sequence[Pool], config: TrainConfig, *, most: int
) -> tuple[dict[str, list[Record]], dict[str, Counter[str]]]:
    """Draw at most `most` records of every source, without those that the domain asks too or that were there before."""
    chosen: dict[str, list[Record]] = {}
    faults: dict[str, Counter[str]] = {}
    drawn = {pool.name: Random(config.seed).sample(pool.records, min(most, len(pool.records))) for pool in pools}
    same = overlapping([r for records in drawn.values() for r in records], [*run.train, *run.val]) if drawn else set()
    seen: set[tuple[str, ...]] = set()
    for name, records in drawn.items():
        apart = [record for record in records if record.id not in same]
        chosen[name] = copies(apart, seen)
        faults[name] = Counter(
            looked_at=len(records), overlapping=len(records) - len(apart), copies=len(apart) - len(chosen[name])
        )
    return chosen, faults


def _weights(pools: Sequence[Pool], usable: Mapping[str, int]) -> dict[str, float]:
    """Return the sources' weights: as given, 1 beside such; by size where a source is the model's own; else none."""
    mine = [pool for pool in pools if not pool.held_only]
    if any(pool.weight is not None for pool in mine):
        return {pool.name: 1.0 if pool.weight is None else pool.weight for pool in mine}
    return {pool.name: float(usable.get(pool.name, 0)) for pool in mine} if any(pool.own for pool in mine) else {}


def _gathered(pool: Pool, faults: Counter[str], held: Sequence[Encoded], usable: Mapping[str, int]) -> Gathered:
    return Gathered(
        name=pool.name,
        own=pool.own,
        weight=pool.weight,
        given=len(pool.records),
        looked_at=faults["looked_at"],
        overlapping=faults["overlapping"],
        copies=faults["copies"],
        held_out=len({record.origin for record in held if record.source == pool.name}),
        usable=usable.get(pool.name, 0),
    )
