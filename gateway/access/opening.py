"""From settings to a gate; what is wrong is found before anything listens."""

import secrets
from collections.abc import Container
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.access import keys
from gateway.access.caps import Caps
from gateway.access.gate import Gate
from gateway.access.key_file import KeyFile
from gateway.access.limiting import Limiting
from gateway.settings import GatewaySettings, SettingsError
from gateway.wire.client import NO_LIMITS, Limits

if TYPE_CHECKING:
    from gateway.access.signing_keys import SigningKeys
    from gateway.access.tokens import Tokens


def check(settings: GatewaySettings) -> None:
    """Raises SettingsError when the keys file or the JWKS file cannot be used now."""
    try:
        if settings.keys_file is not None:
            keys.read(settings.keys_file)
    except keys.KeysUnreadable as problem:
        raise SettingsError(f"MMHIE_KEYS_FILE got {settings.keys_file}: {problem}.") from None
    if settings.jwks_file is not None:
        check_signing_keys(settings.jwks_file)


def gate_of(
    settings: GatewaySettings, limiter: Limiting, revoked: Container[str] = frozenset()
) -> Gate:
    """The gate these settings mean; `revoked` has digests of keys beside those of the file."""
    key = settings.digest_key
    return Gate(
        salt_key=key.get_secret_value().encode() if key else secrets.token_bytes(32),
        keys=KeyFile(settings.keys_file, revoked=revoked) if settings.keys_file else None,
        tokens=tokens_of(settings),
        protect_metrics=settings.protect_metrics,
        protect_health=settings.protect_health,
        default_limits=default_limits(settings),
        limiter=limiter,
    )


# Cryptography and a client for URLs are a tenth of a start and 7 MB: loaded where tokens are taken.


def check_signing_keys(file: Path) -> None:
    from gateway.access import signing_keys

    try:
        signing_keys.read(file)
    except signing_keys.JwksUnreadable as problem:
        raise SettingsError(f"MMHIE_JWKS_FILE got {file}: {problem}.") from None


def tokens_of(settings: GatewaySettings) -> "Tokens | None":
    if settings.jwks_file is None and settings.jwks_url is None:
        return None
    from gateway.access import tokens

    if settings.jwt_issuer is None or settings.jwt_audience is None:
        return None
    terms = tokens.Terms(settings.jwt_issuer, settings.jwt_audience, settings.jwt_leeway_seconds)
    return tokens.Tokens(signing_keys_of(settings), terms)


def signing_keys_of(settings: GatewaySettings) -> "SigningKeys":
    from gateway.access import signing_keys

    if settings.jwks_file is not None:
        return signing_keys.FileKeys(settings.jwks_file)
    fetch = signing_keys.fetcher(str(settings.jwks_url))
    return signing_keys.UrlKeys(fetch, every_s=settings.jwks_refresh_seconds)


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
