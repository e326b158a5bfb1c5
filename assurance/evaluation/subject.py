"""The service that is evaluated, as it describes itself: what a report is tied to."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from launcher.errors import LauncherError
from launcher.json_types import JsonView

CARD: Final = "/v1/mmhie/model-card"
Get = Callable[[str], JsonView]


@dataclass(frozen=True, slots=True)
class Subject:
    """Model, engine and gateway; the names are those of an answer's provenance."""

    model: str
    revision: str | None
    base: str | None
    base_revision: str | None
    adapter: str | None
    adapter_digest: str | None
    quantization: str | None
    engine: str
    engine_version: str | None
    gateway_version: str
    settings: JsonView  # that shape an answer, the system prompt as its digest


def facts(served: JsonView) -> JsonView:
    """Return what a report says of its subject, each setting under its own name."""
    flat = {**served, **served.get("settings", {})}
    return {name: value for name, value in flat.items() if name != "settings"}


def ask(get: Get) -> tuple[Subject, str]:
    """Return the subject and the text of its disclaimer. Raises LauncherError."""
    card = get(CARD)
    try:
        known = {**card["model"], "settings": card["answering"]}
        told = {name: known[name] for name in Subject.__slots__}
        return Subject(**told), str(card["disclaimer"]["text"])
    except (KeyError, TypeError):
        raise LauncherError(
            "The model card does not name model and engine: the service is of another version."
        ) from None
