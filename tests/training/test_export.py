"""Export: the merged model says what base and adapter say, and servers get the words and the ends it was trained on."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from training.cli import export_adapter, train_run
from training.errors import ConfigError, TrainingError
from training.quiet import quiet

torch = pytest.importorskip("torch")
pytest.importorskip("trl")

QWEN_SAYS = "You are Qwen, created by Alibaba Cloud. You are a helpful assistant."
CHAT = [{"role": "user", "content": "Q1"}, {"role": "assistant", "content": "A1"}, {"role": "user", "content": "Q2"}]


@pytest.fixture(autouse=True)
def hush() -> Iterator[None]:
    with quiet():
        yield


@pytest.fixture(scope="module")
def adapters(families: ModuleType, logs: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """An adapter for a tiny Qwen 2.5 and for a tiny Llama 3, trained in 4 bits."""
    place, made = tmp_path_factory.mktemp("adapters"), {}
    texts = [text for pair in logs.pairs() for text in pair]
    general = logs.make_general(place / "daily.jsonl")
    settings = {
        "max_steps": 6, "evaluations": 1, "learning_rate": 5e-3, "rank": 24, "samples": 1, "sample_tokens": 2,
        "sample_often": False, "effective_batch_size": 8,
    }  # fmt: skip
    for name in ("qwen2.5", "llama3"):
        with quiet():
            model = families.FAMILIES[name].save(place / name / "model", texts)
        run = logs.make_run(place / name / "run")
        train_run(
            run, model=str(model), out=None, general=[general], overrides=settings, force=False, progress=False
        )  # fmt: skip
        made[name] = run / "adapter"
    return made


def export(adapter: Path, out: Path, precision: str = "fp32", **more: Any) -> dict[str, Any]:
    asked: dict[str, Any] = {"model": None, "force": False, "progress": False} | more
    return export_adapter(adapter, out=out, precision=precision, **asked)


@pytest.mark.parametrize("name", ["qwen2.5", "llama3"])
def test_the_merged_model_says_what_base_and_adapter_say(name: str, adapters: dict[str, Path], tmp_path: Path) -> None:
    """Measured with plain transformers on other words than those that export compares by."""
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer

    told = export(adapters[name], tmp_path / "merged")
    base = AutoModelForCausalLM.from_pretrained(told["base"], dtype=torch.float32)
    ids = AutoTokenizer.from_pretrained(tmp_path / "merged")(
        "蓝牙耳机坏了怎么办？ Can it be mended?", return_tensors="pt"
    )
    with torch.no_grad():
        untuned = base(**ids).logits
        beside = PeftModel.from_pretrained(base, adapters[name]).eval()(**ids).logits
        merged = AutoModelForCausalLM.from_pretrained(tmp_path / "merged", dtype=torch.float32)(**ids).logits
    assert float((merged - beside).abs().max()) < 1e-3 < 0.03 < float((untuned - beside).abs().max())
    assert told["compared"]["lost"] < 0.001
    assert told["compared"]["same_top"] == 1.0
    assert json.loads((tmp_path / "merged" / "export.json").read_text(encoding="utf-8")) == told
    assert not any(path.name.startswith(".") for path in tmp_path.iterdir())


def test_in_16_bits_little_of_what_was_learned_is_lost(adapters: dict[str, Path], tmp_path: Path) -> None:
    told = export(adapters["qwen2.5"], tmp_path / "merged", "bf16")
    assert 0.0001 < told["compared"]["lost"] < 0.1
    config = json.loads((tmp_path / "merged" / "config.json").read_text(encoding="utf-8"))
    assert config["dtype"] == "bfloat16"
    assert "quantization_config" not in config


def test_a_merge_that_loses_the_adapter_is_refused_and_leaves_nothing(
    adapters: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("peft.PeftModel.merge_and_unload", lambda self, **_: self.unload(), raising=False)
    with pytest.raises(TrainingError, match=r"100% of what the adapter changes is lost .*logits differ by up to"):
        export(adapters["qwen2.5"], tmp_path / "merged")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("name", "end"), [("qwen2.5", "<|im_end|>"), ("llama3", "<|eot_id|>")])
def test_servers_are_told_where_an_answer_ends(name: str, end: str, adapters: dict[str, Path], tmp_path: Path) -> None:
    from transformers import AutoTokenizer, GenerationConfig

    told = export(adapters[name], tmp_path / "merged")
    assert f'PARAMETER stop "{end}"' in (tmp_path / "merged" / "Modelfile").read_text(encoding="utf-8").splitlines()
    stops = GenerationConfig.from_pretrained(tmp_path / "merged").eos_token_id
    assert AutoTokenizer.from_pretrained(tmp_path / "merged").convert_tokens_to_ids(end) in stops
    lines = told["commands"]
    assert lines["vllm"] == f"vllm serve {tmp_path / 'merged'} --served-model-name shop"
    assert f"--max-lora-rank 32 --lora-modules shop={adapters[name].resolve()} " in lines["vllm-lora"]
    assert lines["vllm-lora"].startswith(f"vllm serve {told['base']} --enable-lora ")
    assert lines["gguf"].startswith("python llama.cpp/convert_hf_to_gguf.py ")


def as_ollama_would(modelfile: str, turns: list[dict[str, str]]) -> str:
    """Carry out the part of Go's template language that our templates use."""
    found = re.search(r'^TEMPLATE """(.*?)"""$', modelfile, re.S | re.M)
    assert found is not None
    parts = re.fullmatch(
        r'\{\{- if \.System \}\}(.*?)\{\{ end \}\}\{\{- range \.Messages \}\}\{\{- if ne \.Role "system" \}\}(.*?)'
        r"\{\{ end \}\}\{\{- end \}\}(.*)", found[1], re.S,
    )  # fmt: skip
    assert parts is not None
    system = re.search(r'^SYSTEM """(.*?)"""$', modelfile, re.S | re.M)
    text = parts[1].replace("{{ .System }}", system[1]) if system else ""
    for turn in turns:
        text += parts[2].replace("{{ .Role }}", turn["role"]).replace("{{ .Content }}", turn["content"])
    return text + parts[3]


@pytest.mark.parametrize("system", [None, "You are the shop's assistant."])
@pytest.mark.parametrize("name", ["qwen1.5", "qwen2.5", "qwen3", "llama3", "llama3.1"])
def test_ollama_gets_the_very_words_that_the_model_was_trained_on(
    name: str, system: str | None, families: ModuleType, logs: ModuleType, tmp_path: Path
) -> None:
    from training.config import configure
    from training.model import load_tokenizer
    from training.serve import modelfile

    folder = families.FAMILIES[name].save(tmp_path / "m", [text for pair in logs.pairs() for text in pair])
    tokenizer = load_tokenizer(str(folder), configure())
    opening = [{"role": "system", "content": system}] if system else []
    for thinking in (None, False) if name == "qwen3" else (None,):
        text, notes = modelfile(tokenizer, ["<|x|>"], system_prompt=system, thinking=thinking)
        asked = {} if thinking is None else {"enable_thinking": thinking}
        wanted = tokenizer.apply_chat_template([*opening, *CHAT], tokenize=False, add_generation_prompt=True, **asked)
        assert as_ollama_would(text, CHAT) == wanted.removeprefix(tokenizer.bos_token or "")
        assert notes == []


@pytest.mark.parametrize(
    ("template", "family", "system"),
    [
        ("qwen2_5.jinja", "ChatML (Qwen)", QWEN_SAYS),
        ("qwen3.jinja", "ChatML (Qwen)", None),
        ("qwen3_instruct_2507.jinja", "ChatML (Qwen)", None),
        ("llama3.jinja", "Llama 3", None),
        ("llama3_1.jinja", "Llama 3", "Cutting Knowledge Date: December 2023\nToday Date: 26 Jul 2024\n\n"),
    ],
)
def test_the_families_own_templates_as_trl_ships_them_are_known(
    template: str, family: str, system: str | None, tokenizer: Any
) -> None:
    import trl

    from training.serve import family_of

    text = (Path(trl.__file__).parent / "chat_templates" / template).read_text(encoding="utf-8")
    before = tokenizer.chat_template, tokenizer.bos_token
    tokenizer.chat_template, tokenizer.bos_token = text, "<|endoftext|>"
    try:
        found = family_of(tokenizer, None)
    finally:
        tokenizer.chat_template, tokenizer.bos_token = before
    assert found is not None
    assert (found[0].name, found[1]) == (family, system)


def test_a_template_that_no_family_renders_is_left_to_the_user_and_said(
    families: ModuleType, logs: ModuleType, tmp_path: Path
) -> None:
    from training.config import configure
    from training.model import load_tokenizer
    from training.serve import modelfile

    folder = families.FAMILIES["llama2"].save(tmp_path / "m", [text for pair in logs.pairs() for text in pair])
    text, (note,) = modelfile(load_tokenizer(str(folder), configure()), ["</s>"], system_prompt=None)
    assert "TEMPLATE" not in text
    assert "write TEMPLATE in the Modelfile yourself" in note


def test_what_cannot_be_exported_is_named(adapters: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no adapter of siftune is here"):
        export(tmp_path, tmp_path / "merged")
    with pytest.raises(ConfigError, match="there is no such precision; take bf16"):
        export(adapters["llama3"], tmp_path / "merged", "int4")
    with pytest.raises(ConfigError, match="is not there any more; give its folder with --model"):
        export(adapters["llama3"], tmp_path / "merged", model=str(tmp_path / "gone"))
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("years", encoding="utf-8")
    with pytest.raises(ConfigError, match="holds other things and is left alone"):
        export(adapters["llama3"], tmp_path / "full", force=True)
