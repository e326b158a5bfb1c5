"""The format of a checkpoint's weights, as its own description has it."""

from typing import Final

from launcher.formats import ALIASES, FORMATS, READ, REQUIRED
from launcher.models.entries import positive
from launcher.models.families import Config

GPTQ: Final = ("gptq", "auto-gptq", "gptq-marlin")
INSTEAD: Final = (
    "use the 16-bit weights that they were made from, or a copy in gptq, awq, fp8 or "
    "compressed-tensors"
)


def description_of(config: Config) -> Config:
    """Return what a config.json says of it, in any of the places where vLLM looks for it."""
    parts = (config, config.get("text_config") or {})
    names = ("quantization_config", "compression_config")
    own: Config = next((part[name] for part in parts for name in names if part.get(name)), {})
    inner = own.get("quantization")
    own = {**(inner if isinstance(inner, dict) else {}), **own}
    is_nameless = not own.get("quant_method") and "producer" in own
    return {**own, "quant_method": "modelopt"} if is_nameless else own


def unreadable(name: str, bits: int | None, own: Config) -> str | None:
    """The reason vLLM has no loader for weights in this format, on any device."""
    if name not in READ:
        return f"vLLM does not read {name}; {INSTEAD}"
    if READ[name] and bits not in READ[name]:
        *others, last = map(str, READ[name])
        able = " or ".join(filter(None, (", ".join(others), last)))
        return f"vLLM reads {name} with {able} bits, and these have {bits}; {INSTEAD}"
    if name in GPTQ and own.get("sym") is False:
        return "vLLM reads symmetric GPTQ only; use one with sym=true"
    if name in GPTQ and own.get("desc_act") and own.get("group_size") != -1:
        return "vLLM no longer reads GPTQ with activation order; use one with desc_act=false"
    return _refusal(name, own)


def _refusal(name: str, own: Config) -> str | None:
    """The reason vLLM does not take this description of a format that it reads."""
    if (own.get("sparsity_config") or {}).get("targets"):
        return f"vLLM no longer reads sparse weights; {INSTEAD}"
    if own.get("weight_block_size") and own.get("activation_scheme", "dynamic") != "dynamic":
        return f"vLLM reads fp8 in blocks with dynamic activations only; {INSTEAD}"
    needed = (names for names in REQUIRED.get(name, ()) if all(own.get(n) is None for n in names))
    absent = next(needed, None)
    return f"its quantization_config has no {absent[0]}: fetch it again" if absent else None


def is_nvfp4(own: Config) -> bool:
    """4 bits in groups of 16 with a scale of 8, by ModelOpt or compressed-tensors."""
    groups = (own.get("config_groups") or {}).values()
    formats = [own.get("format"), own.get("quant_algo"), *(group.get("format") for group in groups)]
    return any("nvfp4" in str(name).lower() for name in formats)


def has_fp8_cache(own: Config) -> bool:
    """The checkpoint has scales for a KV cache of 8 bits, which vLLM then uses by itself."""
    scheme = own.get("kv_cache_scheme")
    of_8_bits = isinstance(scheme, dict) and (scheme.get("num_bits"), scheme.get("type"))
    return of_8_bits == (8, "float") or str(own.get("kv_cache_quant_algo")).upper() == "FP8"


def bits_of(name: str, own: Config) -> int:
    """Return the bits of a packed weight."""
    if is_nvfp4(own):
        return 4
    groups = own.get("config_groups") or {}
    grouped = [(group.get("weights") or {}).get("num_bits") for group in groups.values()]
    named = [own.get("bits"), own.get("w_bit"), *grouped]
    row = FORMATS.get(ALIASES.get(name, name))
    usual = row.bits if row and not own.get("load_in_8bit") else 8
    return positive("bits", next((bits for bits in named if bits), usual))
