"""Ask the installed vLLM what a model's layers are made of: `python layers.py QUESTIONS ANSWERS`.

QUESTIONS is `{"model": folder, "cards": {name: {...}}, "adapters": [folder, ...]}`. The model is
built on PyTorch's meta device, without weights, once as it is, once with an 8-bit KV cache and once
with buffers for an adapter; each is a fork, since the platform remembers what it asked first, and
looks at the model's class itself (see judge.py). The adapters are read on the first card, as the
engine's worker reads them.
"""

import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from forks import answer_file, on_card  # type: ignore[import-not-found] # of fakes/, on PYTHONPATH
from vllm.engine.arg_utils import EngineArgs
from vllm.model_executor.models import registry

registry._run_in_subprocess = lambda fn: fn()
ADAPTER = {"enable_lora": True, "max_loras": 1, "max_lora_rank": 512}
WISHES: dict[str, dict[str, Any]] = {
    "plain": {},
    "8-bit cache": {"kv_cache_dtype": "fp8"},
    "adapter": ADAPTER,
}


def built(model: str, wish: dict[str, Any]) -> tuple[Any, Any]:
    """The model without weights, and the engine's configuration; not compiled (level 0)."""
    loading: Any = import_module("vllm.model_executor.model_loader.utils")
    distributed: Any = import_module("vllm.distributed")
    config: Any = import_module("vllm.config")
    whole: dict[str, Any] = {"model": model, "optimization_level": 0, **wish}
    made = EngineArgs(**whole).create_engine_config()
    meeting = Path(tempfile.mkdtemp()) / "meeting"
    with config.set_current_vllm_config(made):
        distributed.init_distributed_environment(1, 0, f"file://{meeting}", 0, "gloo")
        distributed.ensure_model_parallel_initialized(1, 1)
        torch.set_default_dtype(torch.bfloat16)
        with torch.device("meta"):
            return loading.initialize_model(vllm_config=made), made


def described(model: Any) -> dict[str, Any]:
    """Attention back ends, cache types, expert kernels and the modules that take an adapter."""
    lora: Any = import_module("vllm.lora.utils")
    layers = [layer for _, layer in model.named_modules()]
    attention = [layer for layer in layers if hasattr(layer, "attn_backend")]
    experts = [layer for layer in layers if type(layer).__name__.endswith("RoutedExperts")]
    packed = model.packed_modules_mapping
    taken = lora.get_supported_lora_modules(model)
    return {
        "refusal": None,
        "attention": sorted({layer.attn_backend.get_name() for layer in attention}),
        "cache": sorted({layer.kv_cache_dtype for layer in attention}),
        "experts": sorted({layer.quant_method.mxfp4_backend.name for layer in experts}),
        "widths": sorted({_widths(layer.moe_config) for layer in experts}),
        "adapter_modules": sorted(
            {module for name in taken for module in packed.get(name, [name])}
        ),
    }


def _widths(experts: Any) -> tuple[int, int]:
    return experts.hidden_dim, experts.intermediate_size_per_partition


def refusal(model: Any, config: Any, folder: str) -> str | None:
    """The engine's words when it loads this adapter (`_load_adapter` in lora/worker_manager.py)."""
    peft: Any = import_module("vllm.lora.peft_helper")
    lora: Any = import_module("vllm.lora.lora_model")
    lora.PIN_MEMORY = False  # there is no accelerator that could pin it
    expected = set(described(model)["adapter_modules"])
    try:
        helper = peft.PEFTHelper.from_local_dir(folder, None)
        helper.validate_legal(config.lora_config)
        lora.LoRAModel.from_local_checkpoint(folder, expected, helper, device="cpu")
    except Exception as error:  # whatever it is, it would have ended the start
        return f"{type(error).__name__}: {error}"
    return None


def answer(model: str, wish: dict[str, Any], adapters: list[str]) -> Any:
    try:
        made, config = built(model, wish)
    except ValueError as error:
        return {"refusal": str(error)}, {}
    return described(made), {adapter: refusal(made, config, adapter) for adapter in adapters}


def main(questions: dict[str, Any]) -> dict[str, Any]:
    answers: dict[str, Any] = {"cards": {name: {} for name in questions["cards"]}}
    for name, card in questions["cards"].items():
        for title, wish in WISHES.items():
            read = questions["adapters"] if wish is ADAPTER and "adapters" not in answers else []
            made, refusals = on_card(card, answer, questions["model"], wish, read)
            answers["cards"][name][title] = made
            if read:
                answers["adapters"] = refusals
    return answers


if __name__ == "__main__":
    answer_file(main)
