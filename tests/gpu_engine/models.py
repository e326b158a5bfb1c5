"""Models by their config.json alone, shaped as their makers published them."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from tokenizers import Tokenizer
from tokenizers.models import WordLevel

from launcher.models.families import CONFIGS, GPT_OSS_20B

Config = dict[str, Any]

BFLOAT16: Final[Config] = {"torch_dtype": "bfloat16", "tie_word_embeddings": False}
GATED: Final[Config] = {**BFLOAT16, "hidden_act": "silu", "rms_norm_eps": 1e-5}


def llama(hidden: int, layers: int, heads: int, intermediate: int, **more: Any) -> Config:
    return {
        **GATED,
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "vocab_size": 128256,
        "hidden_size": hidden,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "num_key_value_heads": 8,
        "intermediate_size": intermediate,
        "max_position_embeddings": 131072,
        "rope_theta": 500000.0,
        "rope_scaling": {
            "rope_type": "llama3",
            "factor": 8.0,
            "low_freq_factor": 1.0,
            "high_freq_factor": 4.0,
            "original_max_position_embeddings": 8192,
        },
        **more,
    }


def quantized(method: str, **how: Any) -> Config:
    return {"quantization_config": {"quant_method": method, **how}}


FP8_CHANNELS: Final = quantized(
    "compressed-tensors",
    format="float-quantized",
    ignore=["lm_head"],
    quantization_status="frozen",
    config_groups={
        "group_0": {
            "targets": ["Linear"],
            "weights": {"num_bits": 8, "type": "float", "strategy": "channel", "symmetric": True},
            "input_activations": {
                "num_bits": 8,
                "type": "float",
                "strategy": "token",
                "dynamic": True,
                "symmetric": True,
            },
        }
    },
)
FP8_BLOCKS: Final = quantized(
    "fp8", activation_scheme="dynamic", fmt="e4m3", weight_block_size=[128, 128]
)
GPTQ: Final = quantized("gptq", bits=4, group_size=128, desc_act=False, sym=True)
AWQ: Final = quantized("awq", bits=4, group_size=128, zero_point=True, version="gemm")


def qwen3(hidden: int, layers: int, heads: int, kv_heads: int, **more: Any) -> Config:
    return {
        **GATED,
        "architectures": ["Qwen3ForCausalLM"],
        "model_type": "qwen3",
        "vocab_size": 151936,
        "hidden_size": hidden,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "num_key_value_heads": kv_heads,
        "head_dim": 128,
        "intermediate_size": 12288,
        "max_position_embeddings": 40960,
        "rope_theta": 1000000.0,
        "attention_bias": False,
        **more,
    }


def qwen3_moe(hidden: int, layers: int, heads: int, expert: int) -> Config:
    return qwen3(
        hidden,
        layers,
        heads,
        4,
        architectures=["Qwen3MoeForCausalLM"],
        model_type="qwen3_moe",
        num_experts=128,
        num_experts_per_tok=8,
        moe_intermediate_size=expert,
        norm_topk_prob=True,
        decoder_sparse_step=1,
        mlp_only_layers=[],
    )


# Text and vision; what equals the library's defaults is not written, as in Google's files.
GEMMA3_27B: Final[Config] = {
    "architectures": ["Gemma3ForConditionalGeneration"],
    "model_type": "gemma3",
    "torch_dtype": "bfloat16",
    "boi_token_index": 255999,
    "eoi_token_index": 256000,
    "image_token_index": 262144,
    "mm_tokens_per_image": 256,
    "eos_token_id": [1, 106],
    "text_config": {
        "model_type": "gemma3_text",
        "sliding_window": 1024,
        "rope_scaling": {"factor": 8.0, "rope_type": "linear"},
        "hidden_size": 5376,
        "intermediate_size": 21504,
        "num_hidden_layers": 62,
        "num_attention_heads": 32,
        "num_key_value_heads": 16,
        "head_dim": 128,
        "query_pre_attn_scalar": 168,
    },
    "vision_config": {
        "model_type": "siglip_vision_model",
        "hidden_size": 1152,
        "image_size": 896,
        "intermediate_size": 4304,
        "num_attention_heads": 16,
        "num_hidden_layers": 27,
        "patch_size": 14,
        "vision_use_head": False,
    },
}

DEEPSEEK_V3: Final[Config] = {
    **GATED,
    **FP8_BLOCKS,
    "architectures": ["DeepseekV3ForCausalLM"],
    "model_type": "deepseek_v3",
    "vocab_size": 129280,
    "hidden_size": 7168,
    "num_hidden_layers": 61,
    "num_attention_heads": 128,
    "num_key_value_heads": 128,
    "intermediate_size": 18432,
    "moe_intermediate_size": 2048,
    "first_k_dense_replace": 3,
    "moe_layer_freq": 1,
    "n_routed_experts": 256,
    "n_shared_experts": 1,
    "n_group": 8,
    "topk_group": 4,
    "topk_method": "noaux_tc",
    "norm_topk_prob": True,
    "num_experts_per_tok": 8,
    "scoring_func": "sigmoid",
    "routed_scaling_factor": 2.5,
    "kv_lora_rank": 512,
    "q_lora_rank": 1536,
    "qk_nope_head_dim": 128,
    "qk_rope_head_dim": 64,
    "v_head_dim": 128,
    "attention_bias": False,
    "max_position_embeddings": 163840,
    "rope_theta": 10000,
    "rope_scaling": {
        "type": "yarn",
        "factor": 40,
        "beta_fast": 32,
        "beta_slow": 1,
        "mscale": 1.0,
        "mscale_all_dim": 1.0,
        "original_max_position_embeddings": 4096,
    },
}

MODELS: Final[dict[str, Config]] = {
    "gpt-oss-20b": dict(CONFIGS[GPT_OSS_20B]),
    "gpt-oss-120b": {
        **CONFIGS[GPT_OSS_20B],
        "num_hidden_layers": 36,
        "num_local_experts": 128,
        "layer_types": ["sliding_attention", "full_attention"] * 18,
    },
    "llama-8b": llama(4096, 32, 32, 14336),
    "llama-70b": llama(8192, 80, 64, 28672),
    "llama-8b-fp8": llama(4096, 32, 32, 14336, **FP8_CHANNELS),
    "llama-70b-awq": llama(8192, 80, 64, 28672, **{**AWQ, "torch_dtype": "float16"}),
    "llama-8b-gptq": llama(4096, 32, 32, 14336, **GPTQ, torch_dtype="float16"),
    "qwen3-8b": qwen3(4096, 36, 32, 8),
    "qwen3-30b-a3b": qwen3_moe(2048, 48, 32, 768),
    "qwen3-235b-a22b": qwen3_moe(4096, 94, 64, 1536),
    "mistral-7b": {
        **GATED,
        "architectures": ["MistralForCausalLM"],
        "model_type": "mistral",
        "vocab_size": 32768,
        "hidden_size": 4096,
        "num_hidden_layers": 32,
        "num_attention_heads": 32,
        "num_key_value_heads": 8,
        "intermediate_size": 14336,
        "max_position_embeddings": 32768,
        "rope_theta": 1000000.0,
    },
    "gemma3-27b": GEMMA3_27B,
    "deepseek-v3": DEEPSEEK_V3,
}


def write(folder: Path, config: Mapping[str, Any]) -> None:
    """A model's folder without weights: config and a vocabulary of Harmony's marks."""
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(config))
    marks = ("<|channel|>", "<|message|>", "<|end|>", "<|start|>", "<|return|>", "<|call|>")
    words = {word: number for number, word in enumerate((*marks, "[UNK]"))}
    Tokenizer(WordLevel(words, unk_token="[UNK]")).save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text('{"tokenizer_class": "PreTrainedTokenizerFast"}')
