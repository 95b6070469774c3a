"""What a careful reader of a training's results has to know, one sentence each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from training.encode import Encoding
from training.mix import Mixture
from training.sample import Sample

FEW = 50  # validation records; below, their mean loss moves by chance (docs/log.md)
FLAGGED = {
    "empty": "are empty",
    "echo": "only say the question again",
    "loop": "repeat themselves in a loop",
    "language": "are in another language than the question",
    "code": "are program code that nobody asked for",
}


def on_base(*, built_in: bool) -> Iterator[str]:
    """Notes on the model."""
    if built_in:
        yield "The built-in tiny model proves that all steps work; it knows nothing and is of no other use."


def on_data(encodings: Mapping[str, Encoding], mixture: Mixture, *, validated: int) -> Iterator[str]:
    """Notes on what was trained on; `validated` is the number of validation records."""
    train = encodings["train"]
    if not validated:
        yield "There are no validation records: nothing was held out, and training did not stop early."
    elif validated < FEW:
        yield f"Only {validated} validation records: their loss is a rough measure."
    for name, one in encodings.items():
        if one.too_long or one.cut or one.split:
            yield (
                f"{name}: of {one.given} records {one.split} exceed {one.max_length} tokens and became several, "
                f"{one.cut} lost answers that do not fit, {one.too_long} were left out."
            )
    if train.per_answer:
        yield f"The chat template changes earlier turns: {train.per_answer} records became one per answer."
    if train.median_answer < train.median_prompt:
        yield "The median answer is shorter than its prompt: little of each record is trained on."
    if mixture.general < mixture.general_wanted:
        yield (
            f"Only {mixture.general} general records were there, the share asked for needs {mixture.general_wanted}; "
            "give more general files, or raise max_repeats."
        )
    if mixture.general == 0:
        yield "No general records were mixed in: expect the model to forget what it knew."
    elif abs(mixture.share_tokens - mixture.share_wanted) > mixture.share_wanted / 2:
        yield (
            f"General records differ in length from the domain's: {mixture.share_records:.0%} of the records, "
            f"but {mixture.share_tokens:.0%} of the tokens."
        )


def on_sources(sources: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Notes on where the general records came from; `sources` as in training.json."""
    for one in sources:
        name = one["name"]
        if one["overlapping"] or one["copies"]:
            yield (
                f"general {name}: {one['overlapping']} records were left out since the domain asks the same, "
                f"{one['copies']} since they were there before."
            )
        if one["own"] and "asked" in one:
            lost = ", ".join(f"{count} {fault}" for fault, count in one["left_out"].items())
            yield (
                f"general {name}: the answers are the base model's own ({one['answered']} of {one['asked']} were of use"
                + (f"; left out: {lost})." if lost else ").")
            )
        portion = one["mixed_in"]
        if portion and portion["most_repeats"] > 1:
            yield (
                f"general {name}: {portion['unique']} different records were used up to "
                f"{portion['most_repeats']} times, {portion['records']} in all."
            )


def on_result(
    losses: Mapping[str, Any], forgetting: Mapping[str, Any] | None, samples: Sequence[Sample]
) -> Iterator[str]:
    """Notes on what came out."""
    if "domain" in losses and losses["domain"]["adapter"] >= losses["domain"]["base"]:
        yield "The adapter is no better than the base model on the validation records."
    if forgetting and forgetting["state"] != "kept":
        yield f"{forgetting['words']} Cures, the strongest first: {'; '.join(forgetting['cures'])}."
    for flag, words in FLAGGED.items():
        count = sum(flag in one.tuned.flags for one in samples)
        if count:
            yield f"{count} of {len(samples)} sampled answers of the tuned model {words}."
    endless = sum(not one.tuned.stopped for one in samples)
    if endless:
        yield f"{endless} of {len(samples)} sampled answers of the tuned model did not stop by themselves."
