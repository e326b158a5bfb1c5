"""From settings to a gate; what is wrong is found before anything listens."""

import secrets
from pathlib import Path

from gateway.access import keys, signing_keys
from gateway.access.caps import Caps
from gateway.access.gate import Gate
from gateway.access.key_file import KeyFile
from gateway.access.limiting import Limiting
from gateway.access.signing_keys import FileKeys, SigningKeys, UrlKeys
from gateway.access.tokens import Terms, Tokens
from gateway.settings import GatewaySettings, SettingsError
from gateway.wire.client import NO_LIMITS, Limits


def check(settings: GatewaySettings) -> None:
    """Raises SettingsError when the keys file or the JWKS file cannot be used now."""
    try:
        if settings.keys_file is not None:
            keys.read(settings.keys_file)
    except keys.KeysUnreadable as problem:
        raise SettingsError(f"MMHIE_KEYS_FILE got {settings.keys_file}: {problem}.") from None
    try:
        if settings.jwks_file is not None:
            signing_keys.read(settings.jwks_file)
    except signing_keys.JwksUnreadable as problem:
        raise SettingsError(f"MMHIE_JWKS_FILE got {settings.jwks_file}: {problem}.") from None


def gate_of(settings: GatewaySettings, limiter: Limiting) -> Gate:
    """The gate these settings mean."""
    key = settings.digest_key
    return Gate(
        salt_key=key.get_secret_value().encode() if key else secrets.token_bytes(32),
        keys=KeyFile(settings.keys_file) if settings.keys_file else None,
        tokens=tokens_of(settings),
        protect_metrics=settings.protect_metrics,
        default_limits=default_limits(settings),
        limiter=limiter,
    )


def tokens_of(settings: GatewaySettings) -> Tokens | None:
    source = signing_keys_of(settings.jwks_file, settings.jwks_url, settings.jwks_refresh_seconds)
    if source is None or settings.jwt_issuer is None or settings.jwt_audience is None:
        return None
    terms = Terms(settings.jwt_issuer, settings.jwt_audience, settings.jwt_leeway_seconds)
    return Tokens(source, terms)


def signing_keys_of(file: Path | None, url: str | None, every_s: float) -> SigningKeys | None:
    if file is not None:
        return FileKeys(file)
    return None if url is None else UrlKeys(signing_keys.fetcher(url), every_s=every_s)


def default_limits(settings: GatewaySettings) -> Limits:
    limits = Limits(
        settings.client_concurrency,
        settings.client_requests_per_minute,
        settings.client_tokens_per_minute,
    )
    return NO_LIMITS if limits == NO_LIMITS else limits


def caps_of(settings: GatewaySettings) -> Caps:
    """What one request on /v1 may ask for."""
    return Caps(
        choices=settings.max_choices,
        messages=settings.max_messages,
        tools=settings.max_tools,
        logprobs=settings.max_logprobs,
        depth=settings.max_json_depth,
        tokens=settings.max_v1_tokens,
    )
