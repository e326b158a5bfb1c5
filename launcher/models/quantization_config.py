"""The format of a checkpoint's weights, as its config.json describes it."""

from launcher.formats import ALIASES, FORMATS
from launcher.models.entries import positive
from launcher.models.families import Config


def description(config: Config) -> Config:
    """Return the part of a config.json that describes it, wherever vLLM looks for it."""
    parts = (config, config.get("text_config") or {})
    names = ("quantization_config", "compression_config")
    own: Config = next((part[name] for part in parts for name in names if part.get(name)), {})
    return {"quant_method": "modelopt", **own} if "producer" in own else own


def method(own: Config) -> str | None:
    """Return the format's usual name; None for weights that are not quantized."""
    name = str(own.get("quant_method") or "").replace("_", "-").lower()
    return ALIASES.get(name, name) or None


def bits(own: Config) -> int:
    """Return the bits of a packed weight; 8 where nothing says it."""
    groups = (own.get("config_groups") or {}).values()
    grouped = [(group.get("weights") or {}).get("num_bits") for group in groups]
    named = [own.get("bits"), own.get("w_bit"), *grouped]
    row = None if own.get("load_in_8bit") else FORMATS.get(method(own) or "")
    return positive("bits", next(filter(None, named), row.bits if row else 8))
