"""Formats of quantized weights: one row each, for the settings, the plan and the estimate alike."""

from dataclasses import dataclass
from typing import Final, Literal


@dataclass(frozen=True, slots=True)
class Format:
    """A format's bits a weight, where it runs, what it needs there, and how it is made.

    `flag` is vLLM's for making it of 16-bit weights while they load; `capability` the oldest CUDA
    compute capability with kernels; `aliases` other names under which checkpoints publish it.
    """

    bits: int
    capability: tuple[int, int] = (7, 5)
    on_cpu: Literal["yes", "4 bits", "gpt-oss with AMX", "no"] = "yes"
    is_for_gpt_oss: bool = False  # vLLM has a loader for gpt-oss experts in it
    plugin: str = ""
    install: str = ""
    flag: str | None = None
    aliases: tuple[str, ...] = ()


FORMATS: Final[dict[str, Format]] = {
    "bitsandbytes": Format(
        4,
        plugin="vllm-bnb-plugin",
        install="pip install --no-deps vllm-bnb-plugin==0.0.3 'bitsandbytes>=0.48.1'",
        flag="bitsandbytes",
    ),
    "gptq": Format(4, on_cpu="4 bits", aliases=("auto-gptq", "gptq-marlin", "auto-round", "inc")),
    "awq": Format(4, on_cpu="4 bits", aliases=("auto-awq", "awq-marlin")),
    "gguf": Format(
        8,
        (0, 0),
        on_cpu="no",
        plugin="vllm-gguf-plugin",
        install="pip install --no-deps vllm-gguf-plugin==0.0.5 gguf",
    ),
    "mxfp4": Format(
        4,
        (8, 0),
        on_cpu="gpt-oss with AMX",
        is_for_gpt_oss=True,
        flag="mxfp4",
        aliases=("gpt-oss-mxfp4",),
    ),
    "fp8": Format(
        8,
        on_cpu="no",
        is_for_gpt_oss=True,
        flag="fp8_per_tensor",
        aliases=("fbgemm-fp8",),
    ),
    "compressed-tensors": Format(8, is_for_gpt_oss=True),
}
PLUGINS: Final = tuple(name for name, row in FORMATS.items() if row.plugin)
ALIASES: Final = {alias: name for name, row in FORMATS.items() for alias in row.aliases}
