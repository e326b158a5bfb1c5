"""Fake NVML, torch.cuda and compiled modules of vLLM: they describe the card in MMHIE_FAKE_CARD.

Python imports this before anything else in every process of the judge, vLLM's own children too.
Nothing of vLLM's own Python is replaced: parser, configuration and checks are the wheel's.
"""

import importlib.machinery
import json
import os
import sys
import types
from typing import Any

COMPILED = (
    "vllm._C",
    "vllm._C_stable_libtorch",
    "vllm._moe_C_stable_libtorch",
    "vllm.vllm_flash_attn._vllm_fa2_C",
    "vllm.vllm_flash_attn._vllm_fa3_C",
)
GIB = 2**30


class Card:
    """The card in force; `use` changes it before vLLM has asked."""

    name = ""
    count = 1
    capability = (8, 0)
    total = 80 * GIB
    processors = 108
    tells_memory = True

    @classmethod
    def use(cls, facts: dict[str, Any]) -> None:
        cls.name, cls.count = facts["name"], facts["count"]
        cls.capability = tuple(facts["capability"])
        cls.total = int(facts["memory_gib"] * GIB)
        cls.processors = facts["processors"]
        cls.tells_memory = facts["tells_memory"]


def stand_in(name: str) -> None:
    module = types.ModuleType(name)
    module.__spec__ = importlib.machinery.ModuleSpec(name, None)
    sys.modules[name] = module


def fake_nvml() -> None:
    import vllm.third_party.pynvml as nvml

    def memory(_: int) -> types.SimpleNamespace:
        if not Card.tells_memory:
            raise nvml.NVMLError_NotSupported  # type: ignore[attr-defined] # made when imported
        return types.SimpleNamespace(total=Card.total, free=Card.total, used=0)

    answers = {
        "nvmlInit": lambda *_: None,
        "nvmlShutdown": lambda: None,
        "nvmlDeviceGetCount": lambda: Card.count,
        "nvmlDeviceGetHandleByIndex": lambda index: index,
        "nvmlDeviceGetCudaComputeCapability": lambda _: Card.capability,
        "nvmlDeviceGetName": lambda _: Card.name,
        "nvmlDeviceGetUUID": lambda index: f"GPU-{index}",
        "nvmlDeviceGetMemoryInfo": memory,
        "nvmlDeviceGetP2PStatus": lambda *_: 0,
    }
    for name, answer in answers.items():
        setattr(nvml, name, answer)


def fake_torch() -> None:
    import torch

    def properties(*_: object, **__: object) -> types.SimpleNamespace:
        major, minor = Card.capability
        return types.SimpleNamespace(
            name=Card.name,
            major=major,
            minor=minor,
            total_memory=Card.total,
            multi_processor_count=Card.processors,
        )

    torch.version.cuda = "13.0"
    torch.cuda.is_available = lambda: True
    torch.cuda.device_count = torch.cuda._device_count_nvml = lambda: Card.count
    torch.cuda.get_device_properties = properties
    torch.cuda.get_device_capability = lambda *_, **__: Card.capability
    torch.cuda.get_device_name = lambda *_, **__: Card.name
    torch.cuda.mem_get_info = lambda *_: (Card.total, Card.total)
    fake_kernels(torch)


def fake_kernels(torch: types.ModuleType) -> None:
    """Fake the CUTLASS kernels of a capability, as csrc/quantization/w8a8/cutlass decides them."""
    library = torch.library.Library("_C", "FRAGMENT")
    supported = {
        "cutlass_scaled_mm_supports_fp8": lambda capability: capability >= 89,
        "cutlass_scaled_mm_supports_block_fp8": lambda capability: capability >= 90,
        "cutlass_group_gemm_supported": lambda capability: 90 <= capability < 110,
        "cutlass_scaled_mm_supports_fp4": lambda capability: capability >= 100,
    }
    for name, answer in supported.items():
        library.define(f"{name}(int capability) -> bool")
        library.impl(name, answer, "CompositeExplicitAutograd")
    sys.modules["mmhie_fake_kernels"] = library  # a library that is collected undefines its kernels


if "MMHIE_FAKE_CARD" in os.environ:
    Card.use(json.loads(os.environ["MMHIE_FAKE_CARD"]))
    for compiled in COMPILED:
        stand_in(compiled)
    fake_nvml()
    fake_torch()
