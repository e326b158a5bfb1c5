"""Adapters of gpt-oss as PEFT saves them: what is in adapter_config.json, and names of matrices."""

import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import numpy
from safetensors.numpy import save_file

from launcher.models.adapter_shapes import FILE

BASE: Final = "openai/gpt-oss-20b"
WIDTH: Final = 2880
LAYER: Final = "base_model.model.model.layers.0"
ATTENTION: Final = tuple(f"{LAYER}.self_attn.{side}_proj.lora" for side in "qkvo")
EXPERTS: Final = (f"{LAYER}.mlp.experts.lora", f"{LAYER}.mlp.experts.base_layer.lora")
HEAD: Final = "base_model.model.lm_head.lora"


class Adapter(NamedTuple):
    """Entries of its configuration beside a plain one's (None: without), and its matrices."""

    entries: Mapping[str, Any] = MappingProxyType({})
    pairs: tuple[str, ...] = ATTENTION
    others: tuple[str, ...] = ()

    def write(self, folder: Path) -> None:
        folder.mkdir()
        plain = {"peft_type": "LORA", "r": 8, "lora_alpha": 16, "base_model_name_or_path": BASE}
        config = {**plain, "target_modules": ["q_proj", "k_proj"], **self.entries}
        written = {name: entry for name, entry in config.items() if entry is not None}
        (folder / "adapter_config.json").write_text(json.dumps(written))
        down, up = numpy.zeros((1, WIDTH), numpy.float16), numpy.zeros((WIDTH, 1), numpy.float16)
        pairs = {f"{pair}_A.weight": down for pair in self.pairs}
        pairs |= {f"{pair}_B.weight": up for pair in self.pairs}
        save_file(pairs | dict.fromkeys(self.others, down), str(folder / FILE))


ADAPTERS: Final = {
    "attention": Adapter(),
    "router": Adapter(pairs=(*ATTENTION, f"{LAYER}.mlp.router.lora")),
    "experts": Adapter({"target_parameters": ["mlp.experts.gate_up_proj"]}, EXPERTS),
    "single experts": Adapter(pairs=(f"{LAYER}.mlp.experts.3.down_proj.lora",)),
    "head": Adapter({"target_modules": ["lm_head"]}, (*ATTENTION, HEAD)),
    "embedding": Adapter(
        {"target_modules": ["embed_tokens"]},
        others=tuple(f"base_model.model.model.embed_tokens.lora_embedding_{side}" for side in "AB"),
    ),
    "foreign": Adapter(pairs=(f"{LAYER}.mlp.gate_proj.lora",)),
    "rank 512": Adapter({"rank_pattern": {"q_proj": 512}}),
    "rank 600": Adapter({"r": 600}),
    "rank 600 somewhere": Adapter({"rank_pattern": {"q_proj": 600}}),
    "rank-stabilised": Adapter({"use_rslora": True, "alpha_pattern": {"q_proj": 4}}),
    "dora": Adapter({"use_dora": True}),
    "bias": Adapter({"bias": "all"}),
    "bias of the matrices": Adapter({"lora_bias": True}),
    "saved module": Adapter({"modules_to_save": ["lm_head"]}),
    "pissa": Adapter({"init_lora_weights": "pissa"}),
    "olora": Adapter({"init_lora_weights": "olora"}),
    "gaussian": Adapter({"init_lora_weights": "gaussian"}),
    "activated": Adapter({"alora_invocation_tokens": [1, 2]}),
    "replicated layers": Adapter({"layer_replication": [[0, 4], [2, 5]]}),
    "block-diagonal": Adapter({"use_bdlora": {"nblocks": 2}}),
    "qalora": Adapter({"use_qalora": True}),
    "new tokens": Adapter(
        {"trainable_token_indices": [5]},
        others=("base_model.model.model.embed_tokens.token_adapter.trainable_tokens_delta",),
    ),
    "loha": Adapter(
        {"peft_type": "LOHA", "lora_alpha": None},
        pairs=(),
        others=tuple(f"{LAYER}.self_attn.q_proj.hada_w1_{side}" for side in "ab"),
    ),
    "kasa": Adapter({"kasa_config": {"beta": 0.1}}),
}
