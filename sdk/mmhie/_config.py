"""Configuration from MMHIE_* variables, which are read in this file only."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Self, get_args
from urllib.parse import urlsplit

from mmhie._errors import ConfigError

Backend = Literal["remote", "local"]

DEFAULT_MODEL = "dousery/medical-reasoning-gpt-oss-20b"
DEFAULT_URL = "http://127.0.0.1:8000"
BAD_URL = "MMHIE_URL is {!r}; it must be http://host:port, https://host or unix:/path."
BAD_TIMEOUT = "MMHIE_TIMEOUT_SECONDS is {}; it must be a number of seconds above 0."
BAD_KEY = "MMHIE_API_KEY is no key: it has blanks, line ends or letters that are not ASCII."


@dataclass(frozen=True, slots=True)
class LLMConfig:
    """Address, key and limits of the client; `from_env` reads them from the environment.

    `api_key` may be a function that returns a fresh token; each attempt calls it.

    The first eight fields are the original ones. With the `remote` backend model_name, device,
    device_map, quantize, streaming and max_input_length belong to the server and have no effect
    here; with `local` all of them are passed to the server that is started.
    """

    model_name: str = DEFAULT_MODEL
    device: str = "auto"
    device_map: str | None = "auto"
    max_tokens: int = 512
    streaming: bool = False
    quantize: str = "none"
    timeout_seconds: float = 30
    max_input_length: int = 4096
    url: str = DEFAULT_URL
    api_key: str | Callable[[], str] | None = field(default=None, repr=False)
    backend: Backend = "remote"
    start_timeout_seconds: float = 900

    def __post_init__(self) -> None:
        if not is_address(self.url):
            raise ConfigError(BAD_URL.format(self.url))
        if self.backend not in get_args(Backend):
            raise ConfigError(f"MMHIE_BACKEND is {self.backend!r}; it must be remote or local.")
        if not 0 < self.timeout_seconds < float("inf"):  # NaN would never end
            raise ConfigError(BAD_TIMEOUT.format(self.timeout_seconds))
        if isinstance(self.api_key, str):
            check_key(self.api_key)

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> Self:
        """Read the variables; blank counts as unset. Raises ConfigError naming the variable."""
        given = os.environ if environ is None else environ
        values: dict[str, Any] = {}
        for name, (variable, parse) in VARIABLES.items():
            if text := given.get(variable, "").strip():
                try:
                    values[name] = parse(text)
                except ValueError:
                    raise ConfigError(f"{variable} is {text!r}; it must be a number.") from None
        if override := given.get("MMHIE_REASONER_MODEL_TEST_OVERRIDE", "").strip():
            values["model_name"] = override
        return cls(**values)


def is_address(url: str) -> bool:
    """Return whether the paths of the API can be appended to an address."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https", "unix") and not (parts.query or parts.fragment)


def check_key(key: str) -> str:
    """Return the key. Raises ConfigError for what a header cannot carry."""
    if not (key.isascii() and key.isprintable() and key and " " not in key):
        raise ConfigError(BAD_KEY)
    return key


def _boolean(text: str) -> bool:
    return text.lower() in ("1", "true", "yes", "on")


def _or_null(text: str) -> str | None:
    return None if text.lower() == "null" else text.lower()


# field: variable, parser
VARIABLES: Mapping[str, tuple[str, Callable[[str], object]]] = {
    "model_name": ("MMHIE_REASONER_MODEL", str),
    "device": ("MMHIE_DEVICE", str.lower),
    "device_map": ("MMHIE_DEVICE_MAP", _or_null),
    "max_tokens": ("MMHIE_MAX_TOKENS", int),
    "streaming": ("MMHIE_STREAMING", _boolean),
    "quantize": ("MMHIE_QUANTIZE", str.lower),
    "timeout_seconds": ("MMHIE_TIMEOUT_SECONDS", float),
    "max_input_length": ("MMHIE_MAX_INPUT_LENGTH", int),
    "url": ("MMHIE_URL", str),
    "api_key": ("MMHIE_API_KEY", str),
    "backend": ("MMHIE_BACKEND", str.lower),
    "start_timeout_seconds": ("MMHIE_START_TIMEOUT_SECONDS", float),
}
