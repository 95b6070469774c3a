"""Loading: the built-in model, the repair of 4-bit training on CPU, and errors of one line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from training.config import configure, lora_config
from training.errors import DeviceError, ModelError
from training.quiet import quiet

torch = pytest.importorskip("torch")
pytest.importorskip("bitsandbytes")


@pytest.fixture(autouse=True)
def hush() -> Iterator[None]:
    with quiet():
        yield


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory, logs: ModuleType) -> Path:
    with quiet():
        from training.tiny import build_tiny

        folder = tmp_path_factory.mktemp("tiny") / "base"
        build_tiny([text for pair in logs.pairs() for text in pair], folder, seed=7)
    return folder


@pytest.fixture(scope="module")
def unbiased(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Llama-shaped model: no bias, so the bug of bitsandbytes is silent."""
    with quiet():
        from transformers import LlamaConfig, LlamaForCausalLM

        folder = tmp_path_factory.mktemp("llama") / "base"
        torch.manual_seed(0)
        shape = LlamaConfig(
            vocab_size=300,
            hidden_size=64,
            intermediate_size=128,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
        )
        LlamaForCausalLM(shape).save_pretrained(folder)
    return folder


def test_the_same_texts_and_seed_give_the_same_model(tmp_path: Path, tiny: Path, logs: ModuleType) -> None:
    from training.tiny import build_tiny

    texts = [text for pair in logs.pairs() for text in pair]
    build_tiny(texts, tmp_path / "again", seed=7)
    build_tiny(texts, tmp_path / "other", seed=8)
    for name in ("model.safetensors", "tokenizer.json", "config.json", "chat_template.jinja"):
        assert (tmp_path / "again" / name).read_bytes() == (tiny / name).read_bytes(), name
    assert (tmp_path / "other" / "model.safetensors").read_bytes() != (tiny / "model.safetensors").read_bytes()


def test_building_leaves_the_random_state_alone(tmp_path: Path) -> None:
    from training.tiny import build_tiny

    torch.manual_seed(3)
    before = torch.get_rng_state()
    build_tiny(["你好 hello"], tmp_path / "m", seed=1)
    assert torch.equal(before, torch.get_rng_state())


def test_the_tiny_tokenizer_spends_no_more_tokens_than_characters_on_chinese(tokenizer: Any) -> None:
    text = "您好，保温杯支持七天无理由退货，请保持包装完好。"
    assert len(tokenizer(text)["input_ids"]) < len(text)
    assert tokenizer.decode(tokenizer("naïve 你好 🙂 龘")["input_ids"]) == "naïve 你好 🙂 龘"


def gradients(folder: Path, *, look: bool) -> dict[str, Any]:
    """The adapter's gradients of one training step; with `look`, an evaluation comes before it."""
    from peft import get_peft_model

    from training.model import find_device, load_model

    config = configure({"rank": 8, "dropout": 0.0})
    torch.manual_seed(0)
    model = get_peft_model(load_model(str(folder), config, find_device(config)), lora_config(config))
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.05)
    ids = torch.arange(24).reshape(2, 12) + 5
    if look:
        model.eval()
        with torch.no_grad():
            model(input_ids=ids)
    model.train()
    model(input_ids=ids, labels=ids).loss.backward()
    return {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("kind", ["tiny", "unbiased"])
def test_an_evaluation_does_not_change_the_gradients_that_follow(kind: str, request: pytest.FixtureRequest) -> None:
    """On a CPU with AVX512-BF16 this fails without `keep_4bit_trainable`: an error with biases, silence without."""
    folder = request.getfixturevalue(kind)
    plain, after_look = gradients(folder, look=False), gradients(folder, look=True)
    assert len(plain) == 2 * 7 * 2  # layers × projections × (A, B)
    assert all(torch.any(grad != 0) for grad in plain.values())
    assert all(torch.equal(plain[name], after_look[name]) for name in plain)


def test_no_4bit_layer_may_repack_itself_on_any_machine(monkeypatch: pytest.MonkeyPatch, tiny: Path) -> None:
    """The same where the CPU has no AVX512-BF16: bitsandbytes is made to believe that it has."""
    import bitsandbytes as bnb

    from training.model import find_device, load_model

    monkeypatch.setattr(bnb.nn.modules, "has_avx512bf16", lambda: True)
    config = configure()
    model = load_model(str(tiny), config, find_device(config))
    layers = [m for m in model.modules() if isinstance(m, bnb.nn.Linear4bit)]
    assert len(layers) == 14
    assert not any(layer.support_avx512bf16_for_cpu for layer in layers)
    assert {layer.weight.quant_type for layer in layers} == {"nf4"}


def test_without_quantisation_the_weights_are_plain(tiny: Path) -> None:
    from training.model import find_device, load_model

    config = configure({"quantize": False})
    model = load_model(str(tiny), config, find_device(config))
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}


def test_the_pad_token_is_eos_only_where_there_is_none(tmp_path: Path, tiny: Path) -> None:
    from training.model import load_tokenizer

    assert load_tokenizer(str(tiny), configure()).pad_token == "<|endoftext|>"
    tokenizer = load_tokenizer(str(tiny), configure())
    tokenizer.pad_token = None
    tokenizer.save_pretrained(tmp_path)
    assert load_tokenizer(str(tmp_path), configure()).pad_token == "<|im_end|>"


def test_a_tokenizer_without_chat_template_is_refused(tmp_path: Path, tiny: Path) -> None:
    from training.model import load_tokenizer

    tokenizer = load_tokenizer(str(tiny), configure())
    tokenizer.chat_template = None
    tokenizer.save_pretrained(tmp_path)
    with pytest.raises(ModelError, match="no chat template; take the '-Instruct'"):
        load_tokenizer(str(tmp_path), configure())


def test_a_folder_without_a_model_is_named(tmp_path: Path) -> None:
    from training.model import resolve

    with pytest.raises(ModelError, match="there is no model here"):
        resolve(str(tmp_path))
    with pytest.raises(ModelError, match="there is no model here"):
        resolve("./nowhere")


def test_a_broken_model_is_one_line(tmp_path: Path, tiny: Path) -> None:
    from training.model import find_device, load_model

    (tmp_path / "config.json").write_text(json.dumps({"model_type": "qwen9"}), encoding="utf-8")
    with pytest.raises(ModelError) as caught:
        load_model(str(tmp_path), configure(), find_device(configure()))
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


def test_a_model_that_cannot_be_fetched_is_one_line() -> None:
    from training.model import load_tokenizer

    with pytest.raises(ModelError) as caught:
        load_tokenizer("nobody/no-such-model", configure())
    assert str(caught.value).startswith("nobody/no-such-model: ")
    assert "\n" not in str(caught.value)


def test_several_gpus_leave_a_choice_to_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    from training.model import find_device

    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(DeviceError, match=r"CUDA_VISIBLE_DEVICES=0 .* torchrun --nproc_per_node 2"):
        find_device(configure())


def test_half_precision_by_what_the_device_can(monkeypatch: pytest.MonkeyPatch) -> None:
    from training.model import find_device

    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    assert find_device(configure()).precision == "fp32"
    with pytest.raises(DeviceError, match="fp16 training needs a GPU"):
        find_device(configure({"precision": "fp16"}))
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _: "RTX 2080")
    for able, precision in ((True, "bf16"), (False, "fp16")):
        monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda able=able: able)
        assert find_device(configure()).precision == precision
