"""Classes and types of models: what the engine serves them as, and the parsers of their output."""

import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from launcher.json_types import JsonView

_TABLE = tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8"))
ENDS: Final[Mapping[str, str]] = _TABLE["ends"]
CLASSES: Final[Mapping[str, str]] = _TABLE["classes"]
SERVED: Final = frozenset(name for names in _TABLE["served"].values() for name in names)
UNSERVED: Final = "a model that vLLM does not serve"
KNOWN_TYPES: Final = frozenset(_TABLE["types"]["known"])
ENCODER_DECODERS: Final = frozenset(_TABLE["types"]["encoder_decoder"])
GGUF: Final = frozenset(_TABLE["gguf"]["chat"])
DRAFTS: Final = re.compile("|".join(_TABLE["drafts"]["names"]), re.IGNORECASE)
ONLY_IN_DRAFTS: Final[Sequence[str]] = _TABLE["drafts"]["entries"]
ALWAYS: Final = frozenset(_TABLE["reasoning"]["always"])
REASONING: Final[Mapping[str, str]] = _TABLE["reasoning"]["parsers"]
TOOLS: Final[Mapping[str, str]] = _TABLE["tools"]["parsers"]
CHAT: Final = "chat"
DRAFT: Final = "a draft model, for speculative decoding with another"
EMBEDDER: Final = "an embedding model"
# Modules of sentence-transformers that make one vector of a text.
POOLING: Final = (".Pooling", ".WordWeights", ".LSTM")
# Words of a chat template in which a model's thoughts have their place.
THOUGHTS: Final = ("think", "THINK", "reasoning", "thought", "channel")


def other_purpose(config: JsonView) -> str | None:
    """Return the kind of a model that cannot chat; None for one that can."""
    names = _names(config)
    if any(map(DRAFTS.search, [*names, _type(config)])) or any(map(config.get, ONLY_IN_DRAFTS)):
        return DRAFT
    kinds = (CLASSES.get(name) or _by_end(name) for name in names)
    found = next((kind for kind in kinds if kind), CHAT)
    if found == CHAT and (config.get("is_encoder_decoder") or _type(config) in ENCODER_DECODERS):
        return "an encoder-decoder, for transcripts or translations"
    if found == CHAT and names and not config.get("auto_map") and SERVED.isdisjoint(names):
        return UNSERVED
    return None if found == CHAT else found


def gguf_purpose(header: JsonView) -> str | None:
    """Return the kind of a GGUF file that holds no model for chats; None for one that does."""
    if (kind := header.get("general.type", "model")) != "model":
        return f"a GGUF file with no model but of type {kind}"
    is_known = header.get("general.architecture") in GGUF
    return None if is_known else "a GGUF file of an architecture that generates no answers"


def eagle(model: str, layers: int) -> str | None:
    """Older Eagle drafts have the class of their large model; vLLM goes by their name, too."""
    return DRAFT if layers == 1 and "eagle" in model.lower() else None


def name(config: JsonView) -> str:
    """The model's class, or its type where it names none."""
    return next(iter(_names(config)), _type(config))


def _names(config: JsonView) -> list[str]:
    names = config.get("architectures")
    return [str(name) for name in names] if isinstance(names, list) else []


def refusal(model: str, purpose: str, architecture: str) -> str:
    """The sentence about a model that cannot chat."""
    return (
        f"{model} is {purpose} ({architecture}) and cannot chat: set MMHIE_REASONER_MODEL to a "
        "model that generates text."
    )


def _by_end(name: str) -> str | None:
    return next((kind for end, kind in ENDS.items() if name.endswith(end)), None)


def embedder(modules: object) -> str | None:
    """The kind of a model by the content of its modules.json, where a text becomes a vector."""
    entries = modules if isinstance(modules, list) else []
    kinds = [str(entry.get("type", "")) for entry in entries if isinstance(entry, dict)]
    return EMBEDDER if any(kind.endswith(POOLING) for kind in kinds) else None


def unknown_type(config: JsonView) -> str | None:
    """Return the type of a model that neither the engine nor its maker's code knows, in words."""
    kind = _type(config)
    if not kind or kind in KNOWN_TYPES or config.get("auto_map"):
        return None
    return f"of a type, {kind}, that the engine does not know"


def _type(config: JsonView) -> str:
    return str(config.get("model_type") or "")


def own_code(config: JsonView) -> str | None:
    """The file with the code that a model brings and the engine's packages do not know."""
    classes = config.get("auto_map")
    if not isinstance(classes, dict) or not classes or _type(config) in KNOWN_TYPES:
        return None
    named = classes.get("AutoModelForCausalLM") or next(iter(classes.values()))
    first = named[0] if isinstance(named, Sequence) and not isinstance(named, str) else named
    return str(first).rpartition("--")[2].partition(".")[0] + ".py"


def reasoning_parser(model_type: str, template: str) -> str | None:
    """vLLM's parser of this family's thoughts, if the model at hand has any."""
    if model_type == "gpt_oss":
        return "openai_gptoss"
    thinks = any(word in template for word in THOUGHTS) if template else model_type in ALWAYS
    return REASONING.get(model_type) if thinks else None


def tool_parser(model_type: str, template: str) -> str | None:
    """vLLM's parser of this family's calls of tools, if its chat template has any."""
    if model_type == "gpt_oss":
        return "openai"
    return TOOLS.get(model_type) if "tool" in template else None
