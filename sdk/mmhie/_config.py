"""Configuration from MMHIE_* variables, which are read in this file only."""

import os
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args
from urllib.parse import urlsplit

from mmhie._errors import ConfigError

Backend = Literal["remote", "local"]

DEFAULT_MODEL = "dousery/medical-reasoning-gpt-oss-20b"
DEFAULT_URL = "http://127.0.0.1:8000"
NO_KEY = (
    "MMHIE_API_KEY is no key: it is empty, or has blanks, a line's end or letters that a header "
    "cannot hold; drop the line's end of the file it was read from."
)
YEAR_SECONDS = 366 * 86400  # sockets refuse much longer timeouts
MISSPELT = "{name} is not a setting; the nearest known name is {near}."
BOOLEANS = {
    **dict.fromkeys(("1", "true", "yes", "on"), True),
    **dict.fromkeys(("0", "false", "no", "off"), False),
}


@dataclass(frozen=True, slots=True)
class LLMConfig:
    """Address, key and limits of the client; `from_env` reads them from the environment.

    `api_key` may be a function that returns a fresh token; each attempt calls it.

    The first eight fields are the original ones. With the `remote` backend device, device_map,
    quantize, streaming and max_input_length belong to the server and have no effect here;
    with `local` all of them are passed to the server that is started.
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
        _check("url", self.url, "http://host:port, https://host or unix:/path", _is_url(self.url))
        if urlsplit(self.url).path.rstrip("/").endswith("/v1") and not self.url.startswith("unix:"):
            raise ConfigError("MMHIE_URL ends in /v1, which the client adds itself; drop /v1.")
        if isinstance(self.api_key, str):
            check_key(self.api_key)
        _check("max_tokens", self.max_tokens, "1 or more", self.max_tokens >= 1)
        _check("max_input_length", self.max_input_length, "1 or more", self.max_input_length >= 1)
        for name in ("timeout_seconds", "start_timeout_seconds"):
            check_seconds(VARIABLES[name][0], getattr(self, name))
        _check("backend", self.backend, "remote or local", self.backend in get_args(Backend))

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> "LLMConfig":
        """Read the variables; blank counts as unset. Raises ConfigError naming the variable."""
        given = os.environ if environ is None else environ
        _warn_of_misspelt(given)
        values: dict[str, Any] = {}
        for name, (variable, parse, allowed) in VARIABLES.items():
            if text := given.get(variable, "").strip():
                try:
                    values[name] = parse(text)
                except (ValueError, KeyError):
                    raise _invalid(variable, text, allowed) from None
        if override := given.get(OVERRIDE, "").strip():
            values["model_name"] = override
        return cls(**values)


def _boolean(text: str) -> bool:
    return BOOLEANS[text.lower()]


def _or_null(text: str) -> str | None:
    return None if text.lower() == "null" else text.lower()


# field: variable, parser, what a value must be
VARIABLES: Mapping[str, tuple[str, Callable[[str], object], str]] = {
    "model_name": ("MMHIE_REASONER_MODEL", str, ""),
    "device": ("MMHIE_DEVICE", str.lower, ""),
    "device_map": ("MMHIE_DEVICE_MAP", _or_null, ""),
    "max_tokens": ("MMHIE_MAX_TOKENS", int, "a whole number"),
    "streaming": ("MMHIE_STREAMING", _boolean, f"one of {', '.join(BOOLEANS)}"),
    "quantize": ("MMHIE_QUANTIZE", str.lower, ""),
    "timeout_seconds": ("MMHIE_TIMEOUT_SECONDS", float, "a number of seconds"),
    "max_input_length": ("MMHIE_MAX_INPUT_LENGTH", int, "a whole number"),
    "url": ("MMHIE_URL", str, ""),
    "api_key": ("MMHIE_API_KEY", str, ""),
    "backend": ("MMHIE_BACKEND", str.lower, ""),
    "start_timeout_seconds": ("MMHIE_START_TIMEOUT_SECONDS", float, "a number of seconds"),
}


OVERRIDE = "MMHIE_REASONER_MODEL_TEST_OVERRIDE"
LIKENESS = 0.94  # settings of the server are at most 0.933 like one of these


def _warn_of_misspelt(environ: Mapping[str, str]) -> None:
    """Warn of names that are almost one of these; others are the server's or an application's."""
    from difflib import get_close_matches  # lazily: most importers read no configuration

    known = [OVERRIDE, *(variable for variable, *_ in VARIABLES.values())]
    for name in sorted(set(environ) - set(known)):
        if name.startswith("MMHIE_") and (near := get_close_matches(name, known, 1, LIKENESS)):
            warnings.warn(MISSPELT.format(name=name, near=near[0]), UserWarning, stacklevel=2)


def _check(name: str, value: object, allowed: str, is_allowed: bool) -> None:
    if not is_allowed:
        raise _invalid(VARIABLES[name][0], value, allowed)


def _is_url(url: str) -> bool:
    if url.startswith("unix:"):
        return url.startswith("unix:/") and url.removeprefix("unix:").strip("/") != ""
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").encode("idna")  # as the look-up of its address will
        has_port = parts.port != 0  # it raises ValueError where it is no number
    except ValueError:
        return False
    is_plain = url.isprintable() and not {" ", "?", "#"} & set(url)
    return url.startswith(("http://", "https://")) and host != b"" and has_port and is_plain


def check_key(key: str) -> str:
    """Return the key. Raises ConfigError for what a header cannot carry."""
    if not (key.isascii() and key.isprintable() and key != "" and " " not in key):
        raise ConfigError(NO_KEY)
    return key


def check_seconds(name: str, seconds: object) -> None:
    """Raise ConfigError unless this is a time that a socket accepts."""
    if not (isinstance(seconds, int | float) and 0 < seconds <= YEAR_SECONDS):
        raise _invalid(name, seconds, "over 0 and at most a year")


def _invalid(variable: str, got: object, allowed: str) -> ConfigError:
    return ConfigError(f"{variable} is {got!r}; it must be {allowed}.")
