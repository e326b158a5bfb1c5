"""Facts about a model, known before anything is loaded: shape, format, context, adapter."""

from dataclasses import dataclass
from typing import Final, Literal

# Models whose feed-forward part has two matrices; all others have three (gate, up, down).
PLAIN_FEED_FORWARD: Final = frozenset({"opt", "gpt2"})
WEIGHTS: Final = "its weights (*.safetensors)"  # what a folder without any lacks
DTYPE_BYTES: Final = {"bfloat16": 2, "float16": 2, "float32": 4}


@dataclass(frozen=True, slots=True)
class AdapterFacts:
    """A LoRA adapter as its adapter_config.json tells it; `base` is the model it was trained on.

    `unmergeable` names what cannot be folded into the base exactly, `unservable` what of it vLLM
    does not apply either. `modules` are those its weights change, where they can be seen.
    """

    id: str
    source: str
    base: str
    rank: int
    alpha: float
    targets: tuple[str, ...]
    unmergeable: tuple[str, ...] = ()
    unservable: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    merged: bool = False
    revision: str | None = None
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """The base model's shape and format, and the adapter on it if there is one.

    `id` is what clients call the model, `source` what the engine is given. `weight_bytes` is the
    size of the files where they can be seen; `dequantized` when they were made from a GGUF file.
    `latent` is what a layer caches for one token with multi-head latent attention (MLA).
    `purpose` says what a model that cannot chat is for; `own_code` names the file of code that
    comes with it.
    `missing` names what is not on this machine.
    `reasoning_parser` and `tool_parser` are vLLM's names.
    """

    id: str
    source: str
    architecture: str
    model_type: str
    layers: int
    hidden: int
    heads: int
    kv_heads: int
    head_dim: int
    intermediate: int
    vocab: int
    context: int
    experts: int = 0
    experts_per_token: int = 0
    latent: int = 0
    sliding_layers: int = 0
    sliding_window: int = 0
    dtype: str = "bfloat16"
    tied_embeddings: bool = False
    quantization: str | None = None
    bits: int | None = None
    chat_template: bool = False
    reasoning_parser: str | None = None
    tool_parser: str | None = None
    is_multimodal: bool = False
    weight_bytes: int | None = None
    format: Literal["checkpoint", "gguf"] = "checkpoint"
    purpose: str | None = None
    own_code: str | None = None
    dequantized: bool = False
    local: bool = False
    revision: str | None = None
    adapter: AdapterFacts | None = None
    missing: tuple[str, ...] = ()

    @property
    def lacks(self) -> tuple[str, ...]:
        """Files missing of the base and the adapter."""
        return (*self.missing, *(self.adapter.missing if self.adapter else ()))

    @property
    def is_partial(self) -> bool:
        """A folder has some of its weights, and nothing will fetch the others."""
        return self.local and bool(self.missing) and WEIGHTS not in self.missing

    @property
    def reasoning(self) -> bool:
        """It thinks before it answers."""
        return self.reasoning_parser is not None

    @property
    def is_gpt_oss(self) -> bool:
        """One of the gpt-oss family: MXFP4 experts and Harmony."""
        return self.model_type == "gpt_oss"

    @property
    def full_layers(self) -> int:
        """Layers whose cache grows with every token."""
        return self.layers - self.sliding_layers

    @property
    def expert_parameters(self) -> int:
        """Weights inside experts: what MXFP4 packs to 4.25 bits."""
        return self.layers * self.experts * 3 * self.hidden * self.intermediate

    @property
    def embedding_parameters(self) -> int:
        """Token embedding and output head, which no 4-bit format packs."""
        return self.vocab * self.hidden * (1 if self.tied_embeddings else 2)

    @property
    def linear_parameters(self) -> int:
        """Weights of attention and of the dense feed-forward part."""
        attention = self.head_dim * self.hidden * (2 * self.heads + 2 * self.kv_heads)
        matrices = 2 if self.model_type in PLAIN_FEED_FORWARD else 3
        dense = 0 if self.experts else matrices * self.hidden * self.intermediate
        return self.layers * (attention + dense)

    @property
    def parameters(self) -> int:
        """All weights, counted from the shape, but for the last thousandth (norms, biases)."""
        return self.expert_parameters + self.embedding_parameters + self.linear_parameters
