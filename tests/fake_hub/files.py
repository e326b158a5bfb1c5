"""Small repositories as the hub has them: a sharded model, and an adapter on it."""

import json
import struct
from collections.abc import Mapping

CONFIG = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "num_hidden_layers": 2,
    "hidden_size": 64,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "intermediate_size": 128,
    "vocab_size": 1000,
    "max_position_embeddings": 8192,
    "torch_dtype": "bfloat16",
}
SHARDS = tuple(f"model-0000{number}-of-00003.safetensors" for number in (1, 2, 3))
INDEX = "model.safetensors.index.json"
WEIGHTS = "model.safetensors"


def tensors(shapes: Mapping[str, tuple[int, ...]], fill: int = 0) -> bytes:
    """A safetensors file of bfloat16 tensors."""
    header, end = {}, 0
    for name, shape in shapes.items():
        size = 2
        for length in shape:
            size *= length
        header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [end, end + size]}
        end += size
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + bytes([fill]) * end


def model(fill: int = 1) -> dict[str, bytes]:
    """Three shards, the index that names them, and copies that nobody needs."""
    names = {shard: f"layer.{number}" for number, shard in enumerate(SHARDS)}
    weights = {
        shard: tensors({name: (512, 256)}, fill + number)
        for number, (shard, name) in enumerate(names.items())
    }
    index = {"weight_map": {name: shard for shard, name in names.items()}}
    copies = {"original/model.bin": b"a copy", "pytorch_model.bin": b"another"}
    small = {"config.json": json.dumps(CONFIG).encode(), "tokenizer.json": b"{}"}
    return {**small, INDEX: json.dumps(index).encode(), **weights, **copies}


def adapter(base: str = "a/b", width: int = 64) -> dict[str, bytes]:
    """A LoRA adapter of rank 8 on the first layer's queries."""
    config = {
        "base_model_name_or_path": base,
        "r": 8,
        "lora_alpha": 16,
        "target_modules": ["q_proj"],
        "peft_type": "LORA",
    }
    module = "base_model.model.model.layers.0.self_attn.q_proj"
    weights = tensors({f"{module}.lora_A.weight": (8, width), f"{module}.lora_B.weight": (64, 8)})
    return {
        "adapter_config.json": json.dumps(config).encode(),
        "adapter_model.safetensors": weights,
    }
