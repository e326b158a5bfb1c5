"""Facts from the content of an adapter_config.json, in which a maker may write anything."""

from launcher.errors import ModelError
from launcher.models.entries import finite, positive
from launcher.models.facts import AdapterFacts
from launcher.models.families import APPLIED_WHILE_SERVING, BEYOND_LORA, PLAIN_INITS, Config


def from_config(config: Config, *, id: str, source: str) -> AdapterFacts:
    """Facts from the content of an adapter_config.json; ModelError when it describes none."""
    try:
        return _adapter_facts(config, id=id, source=source)
    except (ArithmeticError, AttributeError, TypeError, ValueError) as error:
        raise ModelError(
            f"The adapter_config.json of {source} describes no adapter: {error}."
        ) from error


def _adapter_facts(config: Config, *, id: str, source: str) -> AdapterFacts:
    targets = config.get("target_modules") or ()
    parameters = config.get("target_parameters") or ()
    if odd := [name for name in targets if not isinstance(name, str)]:
        raise ValueError(f"target_modules names {odd[0]!r}")
    beyond = _beyond_lora(config)
    ranks = {"r": config.get("r", 8), **(config.get("rank_pattern") or {})}
    return AdapterFacts(
        id=id,
        source=source,
        base=str(config.get("base_model_name_or_path") or ""),
        rank=max(positive(name, rank) for name, rank in ranks.items()),
        alpha=finite("lora_alpha", config.get("lora_alpha", 8)),
        targets=(targets,) if isinstance(targets, str) else tuple(sorted((*targets, *parameters))),
        unmergeable=beyond,
        unservable=tuple(part for part in beyond if part not in APPLIED_WHILE_SERVING),
    )


def _beyond_lora(config: Config) -> tuple[str, ...]:
    """Parts of this adapter besides plain LoRA matrices, which cannot be folded in exactly."""
    kind = str(config.get("peft_type", "LORA"))
    beyond = [] if kind == "LORA" else [f"peft_type {kind}"]
    beyond += [name for name in BEYOND_LORA if config.get(name)]
    if config.get("bias", "none") != "none":
        beyond.append("bias")
    init = config.get("init_lora_weights", True)
    if isinstance(init, str) and init.lower() not in PLAIN_INITS:
        beyond.append(f"init_lora_weights {init}")
    return tuple(beyond)
