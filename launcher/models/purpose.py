"""Models that make vectors or scores of a text: vLLM would serve them, and they cannot chat."""

from collections.abc import Sequence
from typing import Final

from launcher.json_types import JsonView

# Parts of a class's name. vLLM itself refuses the others that generate nothing (`--runner`).
PURPOSES: Final = (
    ("Embedding", "an embedding model"),
    ("ForTextEncoding", "an embedding model"),
    ("ForMaskedLM", "an embedding model"),
    ("Classification", "a classifier"),
    ("Reward", "a reward model"),
)
# Modules of sentence-transformers that make one vector of a text.
POOLING: Final = (".Pooling", ".WordWeights", ".LSTM")


def class_name(config: JsonView) -> str:
    """Return the model's class, or its type where it names none."""
    names = config.get("architectures")
    first = names[0] if isinstance(names, list) and names else config.get("model_type")
    return str(first or "")


def other_purpose(config: JsonView) -> str | None:
    """Return the kind of a model that cannot chat; None for one that may."""
    name = class_name(config)
    return next((kind for part, kind in PURPOSES if part in name), None)


def embedder(modules: object) -> str | None:
    """Return the kind of a model by its modules.json, where these make a vector of a text."""
    entries = modules if isinstance(modules, list) else []
    kinds = [str(entry.get("type", "")) for entry in entries if isinstance(entry, dict)]
    return "an embedding model" if any(kind.endswith(POOLING) for kind in kinds) else None


def own_code(config: JsonView) -> str | None:
    """Return the name of the file with the code that a model brings."""
    classes = config.get("auto_map")
    if not isinstance(classes, dict) or not classes:
        return None
    named = classes.get("AutoModelForCausalLM") or next(iter(classes.values()))
    first = named[0] if isinstance(named, Sequence) and not isinstance(named, str) else named
    return str(first).rpartition("--")[2].partition(".")[0] + ".py"


def refusal(model: str, purpose: str, architecture: str) -> str:
    return (
        f"{model} is {purpose} ({architecture}) and cannot chat: set MMHIE_REASONER_MODEL to a "
        "model that generates text."
    )
