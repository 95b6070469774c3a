"""What `siftune export` prints: how faithful the merged model is, and the commands that serve it."""

from __future__ import annotations

import json as json_module
from typing import Any

_NAMES = {
    "ollama": "Ollama",
    "vllm": "vLLM, this model",
    "vllm-lora": "vLLM, base and adapter",
    "gguf": "GGUF, with llama.cpp",
}


def show(told: dict[str, Any], *, json: bool, quiet: bool) -> None:
    """Print the comparison, the commands and the notes; with `json` as one object."""
    if json:
        print(json_module.dumps(told, ensure_ascii=False, indent=1))
        return
    if quiet:
        return
    compared = told["compared"]
    if compared:
        print(
            f"merged: {told['precision']}; of what the adapter changes {compared['lost']:.2%} is lost; logits differ "
            f"by {compared['largest']:.2g} at most (range {compared['range']:.3g}), the next token is the same at "
            f"{compared['same_top']:.1%} of {compared['tokens']} places"
        )
    for key, line in told["commands"].items():
        print(f"{_NAMES[key]}:\n  {line}")
    for note in told["notes"]:
        print(f"note: {note}")
