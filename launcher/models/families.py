"""Models whose config.json is known here, so that a plan for them needs neither weights nor hub."""

from collections.abc import Mapping
from typing import Any, Final

Config = Mapping[str, Any]

GPT_OSS_20B: Final = "openai/gpt-oss-20b"
EMBEDDED: Final = "embedded"

# What a config.json of this type leaves out where it equals the default of transformers
# (configuration_gemma3.py); every sixth layer of Gemma 3 sees the whole context.
DEFAULTS: Final[Mapping[str, Config]] = {
    "gemma3_text": {
        "vocab_size": 262208,
        "num_attention_heads": 8,
        "num_key_value_heads": 4,
        "head_dim": 256,
        "max_position_embeddings": 131072,
        "sliding_window": 4096,
        "sliding_window_pattern": 6,
    }
}

# Facts of the files these models publish (domain-notes of each: their config.json).
CONFIGS: Final[Mapping[str, Config]] = {
    GPT_OSS_20B: {
        "architectures": ["GptOssForCausalLM"],
        "model_type": "gpt_oss",
        "num_hidden_layers": 24,
        "hidden_size": 2880,
        "num_attention_heads": 64,
        "num_key_value_heads": 8,
        "head_dim": 64,
        "intermediate_size": 2880,
        "num_local_experts": 32,
        "num_experts_per_tok": 4,
        "vocab_size": 201088,
        "max_position_embeddings": 131072,
        "sliding_window": 128,
        "layer_types": ["sliding_attention", "full_attention"] * 12,
        "tie_word_embeddings": False,
        "torch_dtype": "bfloat16",
        "quantization_config": {"quant_method": "mxfp4"},
    },
    "facebook/opt-1.3b": {
        "architectures": ["OPTForCausalLM"],
        "model_type": "opt",
        "num_hidden_layers": 24,
        "hidden_size": 2048,
        "num_attention_heads": 32,
        "ffn_dim": 8192,
        "vocab_size": 50272,
        "max_position_embeddings": 2048,
        "tie_word_embeddings": True,
        "torch_dtype": "float16",
    },
    "sshleifer/tiny-gpt2": {
        "architectures": ["GPT2LMHeadModel"],
        "model_type": "gpt2",
        "n_layer": 2,
        "n_embd": 2,
        "n_head": 2,
        "vocab_size": 50257,
        "n_positions": 1024,
        "tie_word_embeddings": True,
    },
    EMBEDDED: {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "num_hidden_layers": 30,
        "hidden_size": 576,
        "num_attention_heads": 9,
        "num_key_value_heads": 3,
        "intermediate_size": 1536,
        "vocab_size": 49152,
        "max_position_embeddings": 8192,
        "tie_word_embeddings": True,
        "torch_dtype": "bfloat16",
        "chat_template": True,
    },
}

ADAPTERS: Final[Mapping[str, Config]] = {
    "dousery/medical-reasoning-gpt-oss-20b": {
        "base_model_name_or_path": GPT_OSS_20B,
        "r": 8,
        "lora_alpha": 16,
        "target_modules": ["q_proj", "k_proj", "v_proj", "o_proj"],
    },
}

# Re-packed copies of a base that vLLM cannot serve, and the original to use instead.
COPIES: Final[Mapping[str, str]] = {"unsloth/gpt-oss-20b": GPT_OSS_20B}


def original(base: str) -> str:
    """The published model a re-packed copy stands for; the name itself when it is no copy."""
    return next((real for copy, real in COPIES.items() if base.startswith(copy)), base)
