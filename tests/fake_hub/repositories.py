"""Contents of real repositories: names and sizes of their files, and what describes the model.

Sizes of gpt-oss-20b are to the byte; the others are in GB of three digits, as the hub's pages show
them.
"""

import json
from typing import Any, Final, NamedTuple

from launcher.models.families import ADAPTERS, CONFIGS, GPT_OSS_20B
from tests.gpu_engine.models import MODELS

GB: Final = 10**9
DEFAULT: Final = "dousery/medical-reasoning-gpt-oss-20b"


class Repository(NamedTuple):
    """A configuration, sizes of large files, and those that the engine reads."""

    config: dict[str, Any]
    sizes: dict[str, int]
    wanted: tuple[str, ...] = ()
    description: str = "config.json"

    @property
    def weight_bytes(self) -> int:
        return sum(self.sizes[name] for name in self.wanted)

    def files(self) -> dict[str, bytes]:
        """The small files, with an index where there are shards."""
        written = {self.description: json.dumps(self.config).encode()} if self.config else {}
        if len(self.wanted) > 1:
            shards = {f"layer.{number}": name for number, name in enumerate(self.wanted)}
            index = {"metadata": {"total_size": self.weight_bytes}, "weight_map": shards}
            written["model.safetensors.index.json"] = json.dumps(index).encode()
        return written


OSS_20B: Final = {
    "model-00000-of-00002.safetensors": 4_792_272_488,
    "model-00001-of-00002.safetensors": 4_798_702_184,
    "model-00002-of-00002.safetensors": 4_170_342_232,
}
MISTRAL_7B: Final = {
    "model-00001-of-00003.safetensors": 4_950_000_000,
    "model-00002-of-00003.safetensors": 5 * GB,
    "model-00003-of-00003.safetensors": 4_550_000_000,
}
OPT: Final = dict.fromkeys(
    ("pytorch_model.bin", "flax_model.msgpack", "tf_model.h5"), 2_631_000_000
)

REPOSITORIES: Final = {
    # the same weights three times
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
    "mistralai/Mistral-7B-Instruct-v0.3": Repository(
        MODELS["mistral-7b"],
        {**MISTRAL_7B, "consolidated.safetensors": 14_496_078_512},
        tuple(MISTRAL_7B),
    ),
    "meta-llama/Llama-3.1-8B-Instruct": Repository(
        MODELS["llama-8b"],
        {"model.safetensors": 16_070_000_000, "original/consolidated.00.pth": 16_100_000_000},
        ("model.safetensors",),
    ),
    "facebook/opt-1.3b": Repository(
        dict(CONFIGS["facebook/opt-1.3b"]), OPT, ("pytorch_model.bin",)
    ),
    DEFAULT: Repository(
        dict(ADAPTERS[DEFAULT]),
        {"adapter_model.safetensors": 7_990_000, "tokenizer.json": 27_868_174},
        description="adapter_config.json",
    ),
    "Qwen/Qwen2.5-7B-Instruct-GGUF": Repository(
        {}, {"qwen2.5-7b-instruct-q4_0-00001-of-00002.gguf": 3_990_000_000}
    ),
}
