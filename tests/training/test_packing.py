"""Packing: records do not see each other, a step keeps its size, and a model that cannot do it is refused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from training.cli import train_run
from training.config import configure
from training.encode import IGNORE, Encoded
from training.errors import ModelError
from training.quiet import quiet

torch = pytest.importorskip("torch")
pytest.importorskip("trl")


@pytest.fixture(autouse=True)
def hush() -> Iterator[None]:
    with quiet():
        yield


def record(number: int, tokens: int) -> Encoded:
    ids = tuple(3 + (number * 13 + n) % 200 for n in range(tokens))
    return Encoded(f"r{number}", f"r{number}", "domain", "zh", ids, (IGNORE, IGNORE, *ids[2:]))


def collator() -> Any:
    from trl.trainer.sft_trainer import DataCollatorForLanguageModeling

    return DataCollatorForLanguageModeling(pad_token_id=0, padding_free=True)


def small(family: str, attention: str) -> Any:
    from transformers import LlamaConfig, LlamaForCausalLM, Qwen2Config, Qwen2ForCausalLM

    config, model = {"qwen": (Qwen2Config, Qwen2ForCausalLM), "llama": (LlamaConfig, LlamaForCausalLM)}[family]
    torch.manual_seed(0)
    shape = config(
        vocab_size=256, hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, initializer_range=0.2, attn_implementation=attention,
    )  # fmt: skip
    return model(shape).eval()


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("family", ["qwen", "llama"])
def test_a_packed_record_gets_the_logits_it_gets_alone(family: str, attention: str) -> None:
    """Measured: at most 1e-5 apart, in logits of a range of about 10; behind a record that it sees, more than 1."""
    from training.packing import contamination, keep_apart

    model, records = small(family, attention), [record(1, 17), record(2, 9), record(3, 23)]
    row = {
        "input_ids": [token for one in records for token in one.input_ids],
        "labels": [label for one in records for label in one.labels],
        "seq_lengths": [17, 9, 23],
    }
    batch = collator()([row])
    kept = batch.pop("labels")
    assert kept[0].tolist() == row["labels"]  # nothing that is learned is lost: a record begins with its prompt
    with torch.no_grad():
        packed = model(**batch, use_cache=False).logits[0]
        start = 0
        for one in records:
            alone = model(input_ids=torch.tensor([one.input_ids])).logits[0]
            assert float((packed[start : start + len(one.input_ids)] - alone).abs().max()) < 1e-4
            start += len(one.input_ids)
        mixed = model(input_ids=batch["input_ids"]).logits[0]
    assert float((mixed[17:] - packed[17:]).abs().max()) > 1
    assert contamination(model, collator()) == 0.0
    keep_apart(model, collator())


def test_a_model_whose_records_see_each_other_is_refused_with_a_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    """The library is made to forget where a record begins, as an attention of a model's own might."""
    from training.packing import keep_apart

    monkeypatch.setattr("transformers.masking_utils.find_packed_sequence_indices", lambda ids: torch.zeros_like(ids))
    with pytest.raises(ModelError, match=r"\(sdpa\) a record sees the one before it .* set packing=false"):
        keep_apart(small("qwen", "sdpa"), collator())


@pytest.mark.parametrize("processes", [1, 2])
@pytest.mark.parametrize(("effective", "tokens"), [(16, 100), (32, 30), (4, 10)])
def test_a_step_holds_about_as_many_records_as_without_packing(effective: int, tokens: int, processes: int) -> None:
    from training.packing import arrange

    settings = {"packing": True, "effective_batch_size": effective, "batch_size": 4, "max_length": 512}
    records = [record(n, tokens - 5 + n % 10) for n in range(400)]
    rows, layout = arrange(records, configure(settings), processes=processes)
    told = layout.described()
    assert told is not None
    assert 0.6 * effective <= told["records_per_step"] <= 1.5 * effective
    assert layout.batch <= 4
    assert told["filled"] > 0.7
    assert layout.length is not None
    assert max(len(row["input_ids"]) for row in rows) <= layout.length <= 512
    everything = sorted(token for one in records for token in one.input_ids)
    assert sorted(token for row in rows for token in row["input_ids"]) == everything  # none is cut


def test_one_record_longer_than_a_step_s_share_is_not_cut() -> None:
    from training.packing import arrange

    records = [record(0, 300), *(record(n, 10) for n in range(1, 9))]
    settings = {"packing": True, "effective_batch_size": 2, "batch_size": 2, "max_length": 512}
    rows, layout = arrange(records, configure(settings), processes=1)
    assert layout.length == 300
    assert max(len(row["input_ids"]) for row in rows) == 300


def test_a_packed_training_learns_and_is_measured_on_single_records(tmp_path: Path, logs: ModuleType) -> None:
    """The base model's loss on the held-out sets is the same with packing and without: they are not packed."""
    results = {}
    for packing in (False, True):
        overrides = {
            "packing": packing, "max_steps": 6, "evaluations": 1, "samples": 0, "general_prompts": [], "rank": 8,
            "quantize": False, "effective_batch_size": 8, "max_length": 256,
        }  # fmt: skip
        run = logs.make_run(tmp_path / str(packing) / "run")
        general = logs.make_general(tmp_path / "daily.jsonl")
        results[packing] = train_run(
            run, model="tiny", out=None, general=[general], overrides=overrides, force=False, progress=False
        )
    packed, plain = results[True], results[False]
    assert plain["packing"] is None
    assert packed["packing"]["rows"] < 45
    assert packed["losses"]["domain"]["base"] == pytest.approx(plain["losses"]["domain"]["base"], abs=1e-4)
    assert packed["losses"]["domain"]["adapter"] < packed["losses"]["domain"]["base"] - 0.3
    assert packed["encoding"] == plain["encoding"]
    card = (tmp_path / "True" / "run" / "adapter" / "README.md").read_text(encoding="utf-8")
    assert "packed: " in card
