"""Contents of real repositories: names and sizes of their files, and what describes the model.

Sizes of gpt-oss-20b are to the byte. The others are from memory, in GB of three digits as the hub's
pages show them, and were not compared with the hub; their sums agree with the models' shapes
(tests/launcher/cli/test_plan.py).
"""

import json
from typing import Any, Final, NamedTuple

from launcher.models.families import ADAPTERS, CONFIGS, GPT_OSS_20B
from tests.gpu_engine.models import AWQ, MODELS, llama, qwen3

GB: Final = 10**9


class Repository(NamedTuple):
    """A configuration, sizes of large files, and those that the engine reads."""

    config: dict[str, Any]
    sizes: dict[str, int]
    wanted: tuple[str, ...]
    description: str = "config.json"

    @property
    def weight_bytes(self) -> int:
        return sum(self.sizes[name] for name in self.wanted)

    def files(self) -> dict[str, bytes]:
        """The small files, with an index where there are shards."""
        written = {self.description: json.dumps(self.config).encode()} if self.config else {}
        if len(self.wanted) > 1 and self.wanted[0].endswith(".safetensors"):
            shards = {f"layer.{number}": name for number, name in enumerate(self.wanted)}
            index = {"metadata": {"total_size": self.weight_bytes}, "weight_map": shards}
            written["model.safetensors.index.json"] = json.dumps(index).encode()
        described = {name: b"{}" for name in self.sizes if name.endswith("params.json")}
        return written | described


def shards(*gigabytes: float, first: int = 1) -> dict[str, int]:
    last = len(gigabytes) - 1 + first
    return {
        f"model-{number:05}-of-{last:05}.safetensors": round(size * GB)
        for number, size in enumerate(gigabytes, first)
    }


OSS_20B: Final = {
    "model-00000-of-00002.safetensors": 4_792_272_488,
    "model-00001-of-00002.safetensors": 4_798_702_184,
    "model-00002-of-00002.safetensors": 4_170_342_232,
}
OSS_120B: Final = shards(*(4.63, 4.12) * 7, 4.07, first=0)
COPIES_120B: Final = shards(*(10.54,) * 5, 9.98, 2.56)
MISTRAL_7B: Final = shards(4.95, 5.0, 4.55)
LLAMA_8B: Final = shards(4.98, 5.0, 4.92, 1.17)
QWEN_AWQ: Final = shards(3.99, 1.58)
GEMMA_27B: Final = shards(*(4.95,) * 10, 4.6, 0.46)
QWEN_VL: Final = shards(3.9, 3.86, 3.86, 3.86, 1.09)
QWEN_7B: Final = qwen3(3584, 28, 28, 4, intermediate_size=18944, vocab_size=152064)
QWEN_AWQ_7B: Final = {**QWEN_7B, "architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2"}
QWEN_VL_7B: Final = {
    **QWEN_7B,
    "architectures": ["Qwen2_5_VLForConditionalGeneration"],
    "model_type": "qwen2_5_vl",
    "vision_config": {"depth": 32, "hidden_size": 1280},
}

REPOSITORIES: Final = {
    GPT_OSS_20B: Repository(
        dict(CONFIGS[GPT_OSS_20B]),
        {
            **OSS_20B,
            "original/model.safetensors": 13_761_300_984,
            "metal/model.bin": 13_750_886_400,
            "tokenizer.json": 27_868_174,
        },
        tuple(OSS_20B),
    ),
    "openai/gpt-oss-120b": Repository(
        MODELS["gpt-oss-120b"],
        {
            **OSS_120B,
            **{f"original/{name}".replace("l-", "l--"): size for name, size in COPIES_120B.items()},
            "metal/model.bin": 65_240_000_000,
            "tokenizer.json": 27_868_174,
        },
        tuple(OSS_120B),
    ),
    "mistralai/Mistral-7B-Instruct-v0.3": Repository(
        MODELS["mistral-7b"],
        {
            **MISTRAL_7B,
            "consolidated.safetensors": 14_496_078_512,
            "params.json": 202,
            "tokenizer.model.v3": 587_404,
        },
        tuple(MISTRAL_7B),
    ),
    "meta-llama/Llama-3.1-8B-Instruct": Repository(
        MODELS["llama-8b"],
        {**LLAMA_8B, "original/consolidated.00.pth": 16_100_000_000, "original/params.json": 199},
        tuple(LLAMA_8B),
    ),
    "Qwen/Qwen2.5-7B-Instruct-AWQ": Repository(
        {**QWEN_AWQ_7B, **AWQ, "torch_dtype": "float16"}, dict(QWEN_AWQ), tuple(QWEN_AWQ)
    ),
    "google/gemma-3-27b-it": Repository(
        MODELS["gemma3-27b"], {**GEMMA_27B, "tokenizer.model": 4_690_000}, tuple(GEMMA_27B)
    ),
    "Qwen/Qwen2.5-VL-7B-Instruct": Repository(QWEN_VL_7B, dict(QWEN_VL), tuple(QWEN_VL)),
    "facebook/opt-1.3b": Repository(
        dict(CONFIGS["facebook/opt-1.3b"]),
        {
            "pytorch_model.bin": 2_631_000_000,
            "flax_model.msgpack": 2_630_000_000,
            "tf_model.h5": 2_630_000_000,
        },
        ("pytorch_model.bin",),
    ),
    "TinyLlama/TinyLlama-1.1B-Chat-v1.0": Repository(
        llama(2048, 22, 32, 5632, num_key_value_heads=4, vocab_size=32000, rope_scaling=None),
        {"model.safetensors": 2_200_119_864, "eval_results.json": 566},
        ("model.safetensors",),
    ),
    "dousery/medical-reasoning-gpt-oss-20b": Repository(
        dict(ADAPTERS["dousery/medical-reasoning-gpt-oss-20b"]),
        {"adapter_model.safetensors": 7_990_000, "tokenizer.json": 27_868_174},
        ("adapter_model.safetensors",),
        "adapter_config.json",
    ),
    "Qwen/Qwen2.5-7B-Instruct-GGUF": Repository(
        {},
        {
            "qwen2.5-7b-instruct-q4_0-00001-of-00002.gguf": 3_990_000_000,
            "qwen2.5-7b-instruct-q8_0-00001-of-00003.gguf": 3_990_000_000,
        },
        (),
    ),
}
