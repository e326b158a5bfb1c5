"""Formats of quantized weights that the settings name, or that run on some devices only."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Format:
    """A format's bits a weight, where it runs, what it needs there, and how it is made.

    `scale_bits` are a weight's part of its group's scale and zero point.
    `is_packed` weights of 4 bits are unpacked on a CPU by a kernel for AVX-512.
    `flag` is vLLM's for making it of 16-bit weights while they load; `aliases` are other names
    under which checkpoints publish it.
    """

    bits: int
    scale_bits: float = 20 / 128
    is_on_cpu: bool = True
    is_packed: bool = False
    plugin: str = ""
    install: str = ""
    flag: str | None = None
    aliases: tuple[str, ...] = ()


FORMATS: Final[Mapping[str, Format]] = {
    "bitsandbytes": Format(
        bits=4,
        scale_bits=32 / 64,  # loaded, the scales of the scales are multiplied out
        plugin="vllm-bnb-plugin",
        install="pip install --no-deps vllm-bnb-plugin==0.0.3 'bitsandbytes>=0.48.1'",
        flag="bitsandbytes",
    ),
    "gptq": Format(
        bits=4, is_packed=True, aliases=("auto-gptq", "gptq-marlin", "auto-round", "inc")
    ),
    "awq": Format(bits=4, is_packed=True, aliases=("auto-awq", "awq-marlin")),
    "gguf": Format(
        bits=8,
        is_on_cpu=False,
        plugin="vllm-gguf-plugin",
        install="pip install --no-deps vllm-gguf-plugin==0.0.5 gguf",
    ),
    "mxfp4": Format(bits=4, flag="mxfp4", aliases=("gpt-oss-mxfp4",)),
    "fp8": Format(
        bits=8,
        is_on_cpu=False,
        flag="fp8_per_tensor",
        aliases=("fbgemm-fp8",),
    ),
    "compressed-tensors": Format(bits=8, is_packed=True),
}
PLUGINS: Final = tuple(name for name, row in FORMATS.items() if row.plugin)
ALIASES: Final = {alias: name for name, row in FORMATS.items() for alias in row.aliases}
