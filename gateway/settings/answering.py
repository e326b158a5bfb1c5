"""The settings that shape an answer of /llm/generate; evaluations and the model card list them."""

import hashlib
from collections.abc import Mapping
from typing import Final

from gateway.settings.gateway import GatewaySettings

NAMES: Final = (
    *("audience", "disclaimer_language", "disclaimer_in_text", "notice_threshold"),
    *("max_tokens", "max_reasoning_tokens", "max_input_length", "truncate"),
)


def answering(settings: GatewaySettings) -> Mapping[str, object]:
    """Return these settings by name; texts and files as their SHA-256."""
    file = settings.wording_file
    return {
        "system_prompt": hashlib.sha256(settings.system_prompt.encode()).hexdigest(),
        "wording_file": hashlib.sha256(file.read_bytes()).hexdigest() if file else None,
        **{name: getattr(settings, name) for name in NAMES},
    }
