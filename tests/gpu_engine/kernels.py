"""Ask the installed vLLM what its kernels can do on a card: `python kernels.py QUESTIONS ANSWERS`.

These are checks behind its configuration, which it makes when layers are built. QUESTIONS is
`{"cards": {name: {...}}, "shapes": {name: [width, expert width]}, "caches": {name: {...}}}`; each
card is a fork, since the platform remembers what it asked first.
"""

from importlib import import_module
from math import ceil
from types import SimpleNamespace
from typing import Any, get_args

from forks import answer_file, on_card  # type: ignore[import-not-found] # of fakes/, on PYTHONPATH


def experts() -> dict[str, list[str]]:
    """MXFP4 back ends for gpt-oss with kernels on this card, all and those that take an adapter."""
    from vllm.model_executor.layers.fused_moe.oracle import mxfp4

    able = [
        (backend.name, any(kernel.supports_lora() for kernel in kernels))
        for backend in mxfp4._get_priority_backends_for_gpt_oss()
        for kernels in [mxfp4.backend_to_kernel_cls(backend)]
        if any(kernel._supports_current_device() for kernel in kernels)
    ]
    return {
        "all": [name for name, _ in able],
        "with_adapter": [name for name, lora in able if lora],
    }


def padded(shape: tuple[int, int]) -> tuple[int, int]:
    from vllm.model_executor.layers.fused_moe.oracle import mxfp4

    marlin = mxfp4.Mxfp4MoeBackend.MARLIN
    width, expert = mxfp4.mxfp4_round_up_hidden_size_and_intermediate_size(marlin, *shape)
    return width, expert


def longest_bytes(cache: dict[str, Any]) -> int:
    """KV bytes of a request that fills the context, from the wheel's own specs and groups."""
    import torch

    specs: Any = import_module("vllm.v1.kv_cache_interface")
    planning: Any = import_module("vllm.v1.core.kv_cache_utils")
    common: dict[str, Any] = {"block_size": 16, "dtype": torch.bfloat16}
    if latent := cache["latent"]:
        made = specs.MLAAttentionSpec(num_kv_heads=1, head_size=latent, **common)
        layers = {f"full.{index}": made for index in range(cache["full"])}
    else:
        common |= {"num_kv_heads": cache["kv_heads"], "head_size": cache["head_dim"]}
        full = specs.FullAttentionSpec(**common)
        layers = {f"full.{index}": full for index in range(cache["full"])}
        if cache["sliding"]:
            window = specs.SlidingWindowSpec(sliding_window=cache["window"], **common)
            layers |= {f"window.{index}": window for index in range(cache["sliding"])}
    groups = planning._get_kv_cache_groups_uniform_page_size(layers)
    config = SimpleNamespace(
        max_in_flight_tokens=cache["in_flight"],
        model_config=SimpleNamespace(max_model_len=cache["tokens"]),
        parallel_config=SimpleNamespace(decode_context_parallel_size=1),
    )
    size = max(len(group.layer_names) for group in groups)
    page = groups[0].kv_cache_spec.page_size_bytes
    needed = [group.kv_cache_spec.max_memory_usage_bytes(config) for group in groups]
    blocks = sum(ceil(length / page) for length in needed)
    return int(blocks * page * size)


def registries() -> dict[str, Any]:
    """Names a command line may use, and the oldest capability of each quantization."""
    from vllm.config.lora import MaxLoRARanks
    from vllm.model_executor.layers.quantization import get_quantization_config
    from vllm.reasoning import _REASONING_PARSERS_TO_REGISTER
    from vllm.tool_parsers import _TOOL_PARSERS_TO_REGISTER

    return {
        "tool_parsers": list(_TOOL_PARSERS_TO_REGISTER),
        "reasoning_parsers": list(_REASONING_PARSERS_TO_REGISTER),
        "lora_ranks": list(get_args(MaxLoRARanks)),
        "mxfp4_capability": get_quantization_config("mxfp4").get_min_capability(),
        "chat": chat_classes(),
    }


def chat_classes() -> list[str]:
    """Classes that the wheel generates text with."""
    from vllm.model_executor.models import registry

    return sorted({*registry._TEXT_GENERATION_MODELS, *registry._MULTIMODAL_MODELS})


def names() -> dict[str, Any]:
    """Entries that limit the context."""
    from vllm.transformers_utils.model_arch_config_convertor import ModelArchConfigConvertorBase

    constants = ModelArchConfigConvertorBase.derive_max_model_len_and_key.__code__.co_consts
    return {"contexts": next(entry for entry in constants if isinstance(entry, tuple))}


def without_workspace() -> None:
    """Have what a module allocates on the GPU when it is imported (cutlass_mla.py) be nowhere."""
    import torch

    allocate = torch.empty

    def empty(*shape: Any, **options: Any) -> torch.Tensor:
        is_on_gpu = "cuda" in str(options.get("device"))
        return allocate(*shape, **options | ({"device": "meta"} if is_on_gpu else {}))

    torch.empty = empty


def answer(card: dict[str, Any], questions: dict[str, Any]) -> dict[str, Any]:
    without_workspace()
    return {
        "experts": experts(),
        "padded": {name: padded(shape) for name, shape in questions["shapes"].items()},
        "caches": {name: longest_bytes(lengths) for name, lengths in questions["caches"].items()},
        **registries(),
        **names(),
    }


def main(questions: dict[str, Any]) -> dict[str, Any]:
    import_module("vllm.config")  # not at the top: transformers takes this file for its `kernels`
    cards = questions["cards"].items()
    return {name: on_card(card, answer, card, questions) for name, card in cards}


if __name__ == "__main__":
    answer_file(main)
