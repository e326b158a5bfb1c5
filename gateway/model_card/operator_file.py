"""The operator's own description of the model: one TOML or JSON file, shown as it is."""

import json
import tomllib
from pathlib import Path

from pydantic_core import from_json

from gateway.runtime.files import FileUnusable
from gateway.runtime.json_types import Json
from gateway.settings.gateway import GatewaySettings, SettingsError

LARGEST_FILE_BYTES = 256 * 1024  # every reader of the card receives all of it


def load_operator_file(settings: GatewaySettings) -> Json | None:
    """Return the content of MMHIE_MODEL_CARD, if set; raise SettingsError if it is unusable."""
    if settings.model_card is None:
        return None
    try:
        return read(settings.model_card)
    except FileUnusable as problem:
        raise SettingsError(f"MMHIE_MODEL_CARD is {settings.model_card}: {problem}.") from None


def read(file: Path) -> Json:
    """Return the content of a file; raise FileUnusable."""
    is_json = file.suffix.lower() == ".json"
    try:
        with file.open("rb") as handle:
            text = handle.read(LARGEST_FILE_BYTES + 1)
        if len(text) > LARGEST_FILE_BYTES:
            raise FileUnusable(f"it is larger than {LARGEST_FILE_BYTES // 1024} KiB")
        content = from_json(text if is_json else toml_as_json(text), allow_inf_nan=False)
    except OSError as error:
        raise FileUnusable(f"it cannot be read ({error.strerror})") from None
    except (ValueError, RecursionError) as error:
        raise FileUnusable(f"it is not {'JSON' if is_json else 'TOML'} ({error})") from None
    if not isinstance(content, dict):
        raise FileUnusable("it is not a JSON object")
    return content


def toml_as_json(text: bytes) -> str:
    """Return a TOML document as JSON, dates as text; raise ValueError or RecursionError."""
    return json.dumps(tomllib.loads(text.decode()), default=str)
