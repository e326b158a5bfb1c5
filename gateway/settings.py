"""The gateway's MMHIE_* settings: one constrained, described field each."""

import difflib
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from dotenv import dotenv_values
from pydantic import Field, SecretStr, StringConstraints, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

PREFIX = "MMHIE_"
CREDENTIALS = re.compile(r"//[^/]*@")
Origin = Annotated[str, StringConstraints(pattern=r"^(\*|https?://[^/\s,]+)$")]
A_DAY = 86_400  # in seconds; no timer is meant to run longer
DEFAULT_MODEL = "dousery/medical-reasoning-gpt-oss-20b"

# One environment serves the whole product: these belong to the launcher or the SDK and are no
# misspelling here. A house test holds the list against their own declarations.
ELSEWHERE = frozenset(
    PREFIX + name
    for name in (
        "API_KEY",
        "BACKEND",
        "BASE_MODEL",
        "CACHE_DIR",
        "DATA_PARALLEL",
        "DEVICE",
        "DEVICE_MAP",
        "DISTRIBUTED_BACKEND",
        "DTYPE",
        "ENGINES",
        "ENGINE_ARGS",
        "ENGINE_URLS",
        "GPU_MEMORY_UTILIZATION",
        "HEAD_ADDRESS",
        "KV_CACHE_DTYPE",
        "MAX_MODEL_LEN",
        "NODES",
        "NODE_RANK",
        "PIN_DATE",
        "PIPELINE_PARALLEL",
        "QUANTIZE",
        "QUANTIZE_FALLBACK",
        "REASONER_REVISION",
        "RESTART_LIMIT",
        "ROUTER_POLICY",
        "STALL_SECONDS",
        "START_TIMEOUT_SECONDS",
        "STOP_GRACE_SECONDS",
        "TENSOR_PARALLEL",
        "URL",
    )
)


class SettingsError(Exception):
    """A setting is wrong; the message names the variable and what is allowed."""


class GatewaySettings(BaseSettings):
    """Everything the gateway can be told, read once at start."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file=".env",
        env_ignore_empty=True,  # compose files pass `${X:-}`: blank means unset
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
    )

    env: Literal["development", "production"] = Field(
        "development", description="`production` refuses unsafe settings at start."
    )
    host: str = Field("127.0.0.1", min_length=1, description="Address the gateway listens on.")
    port: int = Field(8000, ge=1, le=65535, description="Port the gateway listens on.")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Minimum severity that is logged. No level logs patient text."
    )

    console: bool = Field(True, description="Serve the web console at `/`.")

    engine_url: str = Field(
        "http://127.0.0.1:8001",
        description="Address of the engine, or of the router in front of it: `http://host:port` "
        "or `unix:/path`.",
    )
    engine_api_key: SecretStr | None = Field(
        None, description="Bearer key the engine expects. The launcher generates a random one."
    )
    engine_health_path: str = Field(
        "/health",
        pattern=r"^/[\w./-]*$",
        description="Path that returns 200 while the upstream can serve; vLLM's router has "
        "`/readiness`.",
    )
    engine_metrics_urls: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Engines behind a router, comma-separated; /metrics then includes their "
        "metrics.",
    )
    phase_file: Path | None = Field(
        None,
        description="Status file in which the launcher publishes the engine's phase. Set by "
        "`mmhie serve`.",
    )

    keys_file: Path | None = Field(
        None, description="Access keys, as written by `mmhie keys`. Unset: no keys."
    )
    jwks_file: Path | None = Field(
        None, description="JSON Web Key Set (JWKS) that verifies JSON Web Tokens (RS256, ES256)."
    )
    jwks_url: str | None = Field(
        None,
        pattern=r"^https://|^http://(localhost|127\.0\.0\.1|\[::1\])[:/]",
        description="https URL of a JWKS; fetched in the background and when a token has an "
        "unknown `kid`.",
    )
    jwks_refresh_seconds: float = Field(
        300, ge=10, description="Interval between fetches of MMHIE_JWKS_URL."
    )
    jwt_issuer: str | None = Field(
        None, min_length=1, description="Required `iss` claim of a token; needed with a JWKS."
    )
    jwt_audience: str | None = Field(
        None, min_length=1, description="Required `aud` claim of a token; needed with a JWKS."
    )
    jwt_leeway_seconds: float = Field(
        30, ge=0, le=300, description="Tolerated clock skew for `exp` and `nbf`."
    )
    protect_metrics: bool = Field(
        False, description="Require a key with the scope `metrics` on /metrics and /v1/mmhie/load."
    )
    protect_health: bool = Field(
        False, description="Require the same key on /healthz and /readyz too."
    )
    cors_origins: Annotated[tuple[Origin, ...], NoDecode] = Field(
        (),
        description="Origins of web pages that may call the API from a browser, `https://host`; "
        "or `*`.",
    )
    tls_certificate: Path | None = Field(
        None, description="Certificate chain in PEM; enables HTTPS. Unset: plain HTTP."
    )
    tls_key: Path | None = Field(
        None, description="Private key of the certificate in PEM, without a password."
    )
    tls_client_ca: Path | None = Field(
        None,
        description="CA (PEM) that must have signed the client's certificate; enables mutual TLS.",
    )
    client_concurrency: int | None = Field(
        None, ge=1, description="Concurrent requests per client, unless its key sets a limit."
    )
    client_requests_per_minute: int | None = Field(
        None, ge=1, description="Requests per minute per client, unless its key sets a limit."
    )
    client_tokens_per_minute: int | None = Field(
        None,
        ge=1,
        description="Tokens (prompt and answer) per minute per client, unless its key sets a "
        "limit.",
    )

    redis_url: SecretStr | None = Field(
        None,
        description="Redis through which several gateways share limits, holds and revoked keys: "
        "`redis://[user:password@]host[:port][/db]`, `rediss://` for TLS, `unix:/path`.",
    )
    redis_ca: Path | None = Field(
        None, description="CA of the Redis server's certificate (PEM). Unset: the system's CAs."
    )
    redis_prefix: str = Field(
        "mmhie",
        pattern=r"^[\w.:-]{1,64}$",
        description="Prefix of every key in Redis; must differ between services that share one "
        "Redis.",
    )
    redis_timeout_seconds: float = Field(
        0.2, gt=0, le=5, description="Longest time a request waits for Redis."
    )
    redis_on_failure: Literal["refuse", "serve"] = Field(
        "serve",
        description="While Redis is unavailable: refuse clients that have limits with 503, or "
        "serve with limits counted per gateway and raise an alarm.",
    )

    audit_file: Path | None = Field(
        None, description="Audit trail, one JSON line per request. Unset: no audit trail."
    )
    audit_key: SecretStr | None = Field(
        None,
        min_length=32,
        description="Key of the audit trail's HMAC chain, at least 32 characters; needed with "
        "MMHIE_AUDIT_FILE.",
    )
    audit_fsync: Literal["always", "interval", "never"] = Field(
        "interval",
        description="When lines are flushed to disk: with every batch (0.1 s), once a second, or "
        "never.",
    )
    audit_rotate_bytes: int = Field(
        100 * 1024 * 1024, ge=4096, description="Size at which the audit file is rotated."
    )
    audit_checkpoint_seconds: float = Field(
        60, gt=0, description="Interval between audit checkpoints on standard output."
    )
    audit_on_failure: Literal["refuse", "serve"] = Field(
        "refuse",
        description="While the audit trail cannot be written: refuse requests with 503, or serve "
        "and raise an alarm.",
    )

    traces_endpoint: str | None = Field(
        None,
        pattern=r"^https?://[^/?#@\s]+/[^?#\s]+$",
        description="OTLP/HTTP endpoint for traces, path included: "
        "`http://collector:4318/v1/traces`. Traces contain no text.",
    )

    reasoner_model: str = Field(
        DEFAULT_MODEL,
        min_length=1,
        description="Hub id, local folder, `.gguf` file, adapter, or `embedded`.",
    )
    reasoner_model_test_override: str | None = Field(
        None,
        description="Takes precedence over MMHIE_REASONER_MODEL; refused when "
        "MMHIE_ENV=production.",
    )
    max_tokens: int = Field(
        512,
        ge=1,
        description="Default and maximum length of an answer on /llm/generate, in tokens.",
    )
    max_reasoning_tokens: int = Field(
        1536,
        ge=0,
        description="Reasoning budget of a reasoning model on /llm/generate, in tokens, besides "
        "the answer's.",
    )
    max_input_length: int = Field(
        4096,
        ge=1,
        description="Maximum prompt length on /llm/generate, in tokens, chat template included.",
    )
    truncate: Literal["none", "left", "right"] = Field(
        "none",
        description="How a prompt that is too long is handled: refused (none), or truncated on "
        "that side.",
    )
    streaming: bool = Field(
        False, description="Whether /llm/generate streams when the request has no `stream` field."
    )
    timeout_seconds: float = Field(
        30,
        ge=0,
        le=A_DAY,
        description="Timeout of a whole answer; of a stream: time to the first token, then idle "
        "time.",
    )
    system_prompt: str = Field(
        "You are a medical reasoning assistant",
        description="System message of /llm/generate when the request has no `system` field.",
    )

    header_timeout_seconds: float = Field(
        10,
        gt=0,
        le=A_DAY,
        description="Time within which a request's headers must arrive, else 408.",
    )
    body_timeout_seconds: float = Field(
        30,
        gt=0,
        le=A_DAY,
        description="Time within which a request's whole body must arrive, else 408.",
    )
    keep_alive_seconds: float = Field(
        75, gt=0, le=A_DAY, description="How long an idle connection is kept open between requests."
    )
    send_timeout_seconds: float = Field(
        60,
        gt=0,
        le=A_DAY,
        description="How long a client may leave an answer unread before its connection is closed.",
    )
    max_header_bytes: int = Field(
        32 * 1024,
        ge=1024,
        description="Maximum size of the request line and headers, in bytes, else 431.",
    )
    max_connections: int = Field(
        4096, ge=1, description="Maximum open connections per process; further ones get 503."
    )

    max_inflight: int = Field(256, ge=1, description="Slots: requests at the engine at once.")
    max_queue: int = Field(
        256, ge=0, description="Requests that may wait for a slot at the engine."
    )
    queue_timeout_seconds: float = Field(
        10, gt=0, le=A_DAY, description="Longest wait for a slot at the engine before 503."
    )
    max_body_bytes: int = Field(
        2 * 1024 * 1024, ge=1024, description="Maximum size of a request body, in bytes."
    )
    max_v1_tokens: int | None = Field(
        None,
        ge=1,
        description="Default and maximum length of an answer on /v1, in tokens. Unset: the "
        "model's context.",
    )
    max_choices: int = Field(
        16, ge=1, description="Maximum choices of one /v1 request: `n` times the number of prompts."
    )
    max_messages: int = Field(
        1024, ge=1, description="Maximum messages or input items of one /v1 request."
    )
    max_tools: int = Field(128, ge=0, description="Maximum tools of one /v1 request.")
    max_logprobs: int = Field(
        20, ge=0, description="Maximum log-probabilities per token of one /v1 request."
    )
    max_json_depth: int = Field(
        64, ge=8, le=512, description="Maximum nesting depth of a /v1 request body."
    )
    workers: int = Field(
        1, ge=1, le=64, description="Gateway processes that share the port and all limits."
    )
    settle_seconds: float = Field(
        0,
        ge=0,
        le=A_DAY,
        description="After SIGTERM, how long to keep serving while /readyz already returns 503.",
    )
    drain_seconds: float = Field(
        20,
        ge=0,
        le=A_DAY,
        description="After SIGTERM, how long requests in flight may take to finish.",
    )

    disclaimer_text: str | None = Field(
        None, min_length=1, description="Replaces the default disclaimer."
    )
    disclaimer_contact: str | None = Field(
        None, min_length=1, description="Line after the disclaimer with a contact."
    )
    disclaimer_language: str = Field(
        "en", pattern="^[a-z]{2}(-[A-Z]{2})?$", description="Language tag of the disclaimer."
    )
    digest_key: SecretStr | None = Field(
        None,
        description="HMAC key of the prompt and output digests in provenance. Unset: a new one at "
        "each start.",
    )
    hold_file: Path = Field(
        Path("~/.local/state/mmhie/hold.json"),
        description="File in which `mmhie hold` records that the model is out of service.",
    )
    notice_languages: Annotated[tuple[Literal["en", "de", "es"], ...], NoDecode] = Field(
        ("en",), description="Languages of the red-flag rules, comma-separated: `en,de,es`."
    )
    reasoning: Literal["pass", "hide", "scope"] = Field(
        "pass",
        description="Who may see reasoning: everybody, nobody, or keys with the scope `reasoning`.",
    )
    reasoning_field: Literal["reasoning", "reasoning_content", "both"] = Field(
        "reasoning",
        description="Name of the reasoning field on /v1; older clients expect `reasoning_content`.",
    )
    disclaimer_in_text: Literal["off", "prefix", "suffix", "both"] = Field(
        "off", description="Add the disclaimer to the answer's text on /llm/generate as well."
    )
    disclaimer_in_v1_text: Literal["off", "prefix", "suffix", "both"] = Field(
        "off",
        description="The same on /v1; never with tools or structured output.",
    )
    emergency_contact: str = Field(
        "your local emergency number",
        min_length=1,
        description="Emergency contact named in red-flag notices.",
    )

    @field_validator("notice_languages", "engine_metrics_urls", "cors_origins", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(value.replace(",", " ").split()) if isinstance(value, str) else value

    @field_validator(
        "hold_file",
        "keys_file",
        "jwks_file",
        "redis_ca",
        "audit_file",
        "tls_certificate",
        "tls_key",
        "tls_client_ca",
    )
    @classmethod
    def _expand_home(cls, path: Path | None) -> Path | None:
        return path and path.expanduser()

    @field_validator("engine_metrics_urls")
    @classmethod
    def _known_schemes(cls, urls: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(map(cls._known_scheme, urls))

    @field_validator("redis_url")
    @classmethod
    def _names_redis(cls, url: SecretStr | None) -> SecretStr | None:
        if url is not None and not names_a_redis(url.get_secret_value()):
            raise ValueError("must be redis://[user:password@]host[:port][/db], rediss:// or unix:")
        return url

    @field_validator("engine_url")
    @classmethod
    def _known_scheme(cls, url: str) -> str:
        if not names_an_engine(url):
            raise ValueError("must be http://host:port or unix:/path")
        return url


def names_an_engine(url: str) -> bool:
    """`http://host[:port]` or `unix:/path`, and nothing that would be ignored."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:  # no such port, brackets without an end
        return False
    if parts.query or parts.fragment or "@" in parts.netloc:
        return False
    if parts.scheme == "unix":
        return parts.path.startswith("/") and not parts.netloc
    return parts.scheme == "http" and bool(parts.hostname) and port != 0 and parts.path in ("", "/")


def names_a_redis(url: str) -> bool:
    """A server or a socket, and nothing that would be ignored or switch off TLS' checks."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    if "?" in url or "#" in url:
        return False
    if parts.scheme == "unix":
        return parts.path.startswith("/") and len(parts.path) > 1
    names_host = parts.scheme in ("redis", "rediss") and bool(parts.hostname) and port != 0
    return names_host and re.fullmatch(r"(/\d*)?", parts.path) is not None


def known_names() -> frozenset[str]:
    """Every MMHIE_* name that means something to the gateway or its siblings."""
    return frozenset(PREFIX + name.upper() for name in GatewaySettings.model_fields) | ELSEWHERE


def load() -> GatewaySettings:
    """Read the settings from the environment and `.env`; raises SettingsError with one sentence."""
    try:
        refuse_unknown(dotenv_values(".env").keys() | os.environ.keys())
        settings = GatewaySettings()
    except ValidationError as error:
        raise SettingsError(sentence(error)) from None
    except (OSError, UnicodeDecodeError):
        raise SettingsError("The file .env cannot be read; it must be text in UTF-8.") from None
    refuse_unsafe(settings)
    return settings


def refuse_unknown(names: set[str]) -> None:
    """A misspelt name would be silently ignored (pydantic-settings does not see it)."""
    known = known_names()
    for name in sorted(names):
        if name.startswith(PREFIX) and name not in known:
            near = difflib.get_close_matches(name, known, n=1, cutoff=0.0)[0]
            raise SettingsError(f"{name} is not a setting; the nearest known name is {near}.")


def refuse_unsafe(settings: GatewaySettings) -> None:
    """What contradicts itself, or may be done in development and not in production."""
    for broken, sentence in rules(settings):
        if broken:
            raise SettingsError(sentence)


def rules(settings: GatewaySettings) -> Iterable[tuple[object, str]]:
    """Each combination that is refused, and what is said of it."""
    is_production = settings.env == "production"
    signed = settings.jwks_file or settings.jwks_url
    yield (
        is_production and settings.reasoner_model_test_override,
        "MMHIE_REASONER_MODEL_TEST_OVERRIDE is refused when MMHIE_ENV is production; unset one.",
    )
    yield (
        is_production and not (settings.keys_file or signed),
        "MMHIE_ENV is production and nobody is asked for a key; set MMHIE_KEYS_FILE (`mmhie keys "
        "new` makes one), MMHIE_JWKS_FILE or MMHIE_JWKS_URL.",
    )
    yield (
        is_production and "*" in settings.cors_origins,
        "MMHIE_CORS_ORIGINS is refused with `*` when MMHIE_ENV is production; name the origins.",
    )
    yield (
        bool(settings.tls_certificate) != bool(settings.tls_key),
        "MMHIE_TLS_CERTIFICATE and MMHIE_TLS_KEY go together; set the other one, too.",
    )
    yield (
        settings.tls_client_ca and not settings.tls_certificate,
        "MMHIE_TLS_CLIENT_CA needs MMHIE_TLS_CERTIFICATE and MMHIE_TLS_KEY.",
    )
    yield (
        settings.jwks_file and settings.jwks_url,
        "MMHIE_JWKS_FILE and MMHIE_JWKS_URL are both set; unset one.",
    )
    yield (
        signed and not (settings.jwt_issuer and settings.jwt_audience),
        "MMHIE_JWT_ISSUER and MMHIE_JWT_AUDIENCE must be set with a JWKS, else tokens that were "
        "made for others are taken.",
    )
    uses_tls = settings.redis_url and settings.redis_url.get_secret_value().startswith("rediss:")
    yield (
        settings.redis_ca and not uses_tls,
        "MMHIE_REDIS_CA needs a MMHIE_REDIS_URL that begins with rediss://.",
    )
    yield (
        settings.audit_file and not settings.audit_key,
        "MMHIE_AUDIT_KEY must be set with MMHIE_AUDIT_FILE; `openssl rand -hex 32` makes one.",
    )


def sentence(error: ValidationError) -> str:
    """The first fault as `NAME got 'value': what is allowed`, secrets left out."""
    first = error.errors(include_url=False)[0]
    field = str(first["loc"][0])
    name = PREFIX + field.upper()
    got = os.environ.get(name) or dotenv_values(".env").get(name)
    secret = GatewaySettings.model_fields[field].annotation == SecretStr | None
    shown = "a value" if secret or got is None else repr(CREDENTIALS.sub("//…@", got))
    return f"{name} got {shown}: {first['msg'].removeprefix('Value error, ')}."
