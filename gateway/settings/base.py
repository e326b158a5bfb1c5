"""Settings that gateway and launcher share, and the loader that both use."""

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, ClassVar, Final, Literal, NamedTuple, TypeVar, get_args
from urllib.parse import SplitResult, urlsplit

from dotenv import dotenv_values
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
)
from pydantic_core import ErrorDetails

from gateway.settings import removed

PREFIX: Final = "MMHIE_"
ENV_FILE: Final = Path(".env")
DEFAULT_MODEL: Final = "dousery/medical-reasoning-gpt-oss-20b"
A_DAY: Final = 86_400  # in seconds; no timer is meant to run longer
# Names of other programs, whose nearest name would be another setting.
MEANT: Final = {
    "MMHIE_HF_TOKEN": "HF_TOKEN",
    "MMHIE_MODEL": "MMHIE_REASONER_MODEL",
    "MMHIE_QUANTIZATION": "MMHIE_QUANTIZE",
    "MMHIE_VLLM_ARGS": "MMHIE_ENGINE_ARGS",
}
# pydantic's error types in plain words; other errors show its own or a validator's sentence
REASONS: Final = {
    "int_parsing": "it should be a whole number",
    "int_from_float": "it should be a whole number",
    "float_parsing": "it should be a number",
    "finite_number": "it should be a finite number",
    "bool_parsing": "it should be true or false",
    "byte_size": "it should be a size, such as 16GiB",
    "greater_than": "it should be over {gt:.12g}",
    "greater_than_equal": "it should be at least {ge:.12g}",
    "less_than": "it should be under {lt:.12g}",
    "less_than_equal": "it should be at most {le:.15g}",
    "too_short": "its length should be at least {min_length}",
    "string_too_short": "its length should be at least {min_length}",
    "string_too_long": "its length should be at most {max_length}",
    "string_pattern_mismatch": "it does not fit this description: {description}",
}
CREDENTIALS: Final = re.compile(r"//[^/]*@")


class SettingsError(Exception):
    """A setting is wrong; the message names the variable and what is allowed."""

    exit_code: ClassVar[int] = 2  # of a command


def lower(value: object) -> object:
    """Return a choice as it is declared: MMHIE_DEVICE=CPU means cpu."""
    return value.strip().lower() if isinstance(value, str) else value


def split_list(value: object) -> object:
    """Split a list at commas and spaces."""
    return tuple(value.replace(",", " ").split()) if isinstance(value, str) else value


Lower = BeforeValidator(lower)
CommaSeparated = BeforeValidator(split_list)
UserPath = Annotated[Path, AfterValidator(Path.expanduser)]  # `~` is the user's home


def check_remote_url(url: str) -> str:
    """Return `http[s]://host[:port]`, without a slash at the end."""
    if not re.fullmatch(r"https?://[^/?#@\s]+/?", url) or not names_host(
        url_parts(url), "http", "https"
    ):
        raise ValueError(f"{url} is not of the form http://host:port")
    return url.rstrip("/")


RemoteUrl = Annotated[str, AfterValidator(check_remote_url)]


class SharedSettings(BaseModel):
    """Fields that gateway and launcher both read; every field is constrained and described."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
        validate_default=True,  # `~` in a default is the user's home, too
        defer_build=True,  # the base classes are never used by themselves
    )

    env: Annotated[Literal["development", "production"], Lower] = Field(
        "development", description="`production` refuses unsafe settings at start."
    )
    host: str = Field("127.0.0.1", min_length=1, description="Address the gateway listens on.")
    port: int = Field(8000, ge=1, le=65535, description="Port the gateway listens on.")
    reasoner_model: str = Field(
        DEFAULT_MODEL,
        min_length=1,
        description="Hub id, local folder, `.gguf` file, adapter, or `embedded`.",
    )
    reasoner_model_test_override: str | None = Field(
        None,
        description="Replaces MMHIE_REASONER_MODEL; refused in production.",
    )
    max_tokens: int = Field(
        512,
        ge=1,
        description="Default and maximum answer on /llm/generate, in tokens.",
    )
    max_reasoning_tokens: int = Field(
        1536,
        ge=0,
        description="Reasoning budget on /llm/generate, in tokens, besides the answer's.",
    )
    max_input_length: int = Field(
        4096,
        ge=1,
        description="Maximum prompt on /llm/generate, in tokens, with the chat template.",
    )
    streaming: bool = Field(
        False, description="Stream on /llm/generate if the request has no `stream` field."
    )
    timeout_seconds: float = Field(
        30,
        gt=0,
        le=A_DAY,
        description="Timeout of a whole answer; for a stream to the first token, then between "
        "tokens. Unset, a whole answer on /v1 has 600.",
    )
    drain_seconds: float = Field(
        20,
        ge=0,
        le=A_DAY,
        description="After SIGTERM, time for requests in flight to finish; the engine has ten "
        "seconds more.",
    )
    traces_endpoint: str | None = Field(
        None,
        pattern=r"^https?://[^/?#@\s]+/[^?#\s]+$",
        description="OTLP/HTTP endpoint for traces, path included: "
        "`http://collector:4318/v1/traces`. Traces contain no text.",
    )
    max_inflight: int = Field(
        256,
        ge=1,
        description="Slots: requests at the engine at once, and its maximum batch size.",
    )
    engine_urls: Annotated[tuple[RemoteUrl, ...], CommaSeparated] = Field(
        (),
        description="Engines elsewhere, comma-separated URLs; vLLM's router balances them, and "
        "`mmhie serve` starts none. Of a gateway alone, MMHIE_ENGINE_URL is the router.",
    )


Settings = TypeVar("Settings", bound=SharedSettings)


def names_of(settings: type[SharedSettings]) -> frozenset[str]:
    """Return the environment variables of a settings class."""
    return frozenset(PREFIX + name.upper() for name in settings.model_fields)


def variables(environ: Mapping[str, str], env_file: Path | None) -> dict[str, str]:
    """Return every MMHIE_* variable, upper-case, the environment's over the file's."""
    named = {**read_env_file(env_file), **environ}
    for name, text in named.items():
        if name.upper().startswith(PREFIX) and text != text.encode(errors="replace").decode():
            raise SettingsError(f"{name} is no text in UTF-8; set it in that encoding.")
    return {name.upper(): text for name, text in named.items() if name.upper().startswith(PREFIX)}


def read_env_file(path: Path | None) -> dict[str, str]:
    """Return the variables in a .env file, if there is one; raise SettingsError."""
    try:
        entries = dotenv_values(path) if path is not None and path.is_file() else {}
    except (OSError, UnicodeDecodeError):
        raise SettingsError(
            f"{path} cannot be read as text in UTF-8; save it in that encoding."
        ) from None
    return {name: text for name, text in entries.items() if text is not None}


def refuse_unknown(names: Iterable[str], known: frozenset[str]) -> None:
    """Raise SettingsError for a removed or misspelt name, which would be ignored otherwise."""
    for name in sorted(set(names) - known):
        if name in removed.SETTINGS:
            raise SettingsError(f"{name} was removed; delete it. {removed.SETTINGS[name]}")
        near = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.0)[0]
        near = MEANT.get(name, near)
        raise SettingsError(f"{name} is not a setting; the nearest known name is {near}.")


def build(settings: type[Settings], values: Mapping[str, str]) -> Settings:
    """Return the settings that variables describe, blank ones unset; raise SettingsError.

    Compose files pass `${X:-}`, which is blank where X is unset.
    """
    known = names_of(settings)
    given = {
        name.removeprefix(PREFIX).lower(): text
        for name, text in values.items()
        if name in known and text.strip()
    }
    try:
        return settings.model_validate(given)
    except ValidationError as error:
        raise SettingsError(sentence(settings, error)) from None


def sentence(settings: type[SharedSettings], error: ValidationError) -> str:
    """Describe the first error as `NAME is 'value': it should be ...`, without secrets."""
    first = error.errors(include_url=False)[0]
    field = str(first["loc"][0])
    hides = is_secret(settings.model_fields[field].annotation)
    shown = "not valid" if hides else repr(CREDENTIALS.sub("//…@", str(first["input"])))
    reason = explain_reason(first, settings.model_fields[field].description or "")
    return f"{PREFIX}{field.upper()} is {shown}: {reason}."


def explain_reason(mistake: ErrorDetails, description: str) -> str:
    """Return what the value should be; for a pattern, the first sentence of the description."""
    if template := REASONS.get(mistake["type"]):
        first = description.partition(". ")[0].rstrip(".")
        return template.format(description=first, **mistake.get("ctx", {}))
    reason = mistake["msg"].removeprefix("Value error, ").replace("Input ", "it ", 1)
    subject = "it " if reason.startswith("must ") else ""
    return f"{subject}{reason[0].lower()}{reason[1:]}"


def is_secret(annotation: object) -> bool:
    """Return whether values of a type must not be shown."""
    return annotation is SecretStr or any(map(is_secret, get_args(annotation)))


def refuse_conflicts(conflicts: Iterable[tuple[object, str]]) -> None:
    """Raise SettingsError for the first combination that is present."""
    for is_present, problem in conflicts:
        if is_present:
            raise SettingsError(problem)


def shared_conflicts(settings: SharedSettings) -> Iterator[tuple[object, str]]:
    """Yield combinations of shared settings that are refused, each with its sentence."""
    yield (
        settings.env == "production" and settings.reasoner_model_test_override,
        "MMHIE_REASONER_MODEL_TEST_OVERRIDE is refused when MMHIE_ENV is production; set "
        "MMHIE_REASONER_MODEL instead.",
    )


def require_together(settings: SharedSettings, *names: str) -> tuple[object, str]:
    """Return the conflict of two settings of which only one is set."""
    values = [getattr(settings, name) for name in names]
    first, last = (PREFIX + name.upper() for name in names)
    sentence = f"{first} and {last} go together; set the other one as well."
    return any(values) and not all(values), sentence


class TlsFiles(NamedTuple):
    """The files of TLS as a client."""

    ca: Path | None = None
    certificate: Path | None = None  # with its key


def url_parts(url: str) -> SplitResult:
    """Return the parts of a URL; empty ones for an invalid port or unclosed brackets."""
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises for an invalid one
    except ValueError:
        return urlsplit("")
    return parts


def names_host(parts: SplitResult, *schemes: str) -> bool:
    """Return whether a URL has one of these schemes and a host."""
    return parts.scheme in schemes and bool(parts.hostname) and parts.port != 0


def local_url(host: str, port: int, *, has_tls: bool = False) -> str:
    """Return the address under which this machine reaches a gateway that listens on `host`."""
    reachable = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, host)  # noqa: S104 - not bound here
    return f"{'https' if has_tls else 'http'}://{reachable}:{port}"
