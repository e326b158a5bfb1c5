"""From settings to a gate; what is wrong is found before anything listens."""

import secrets
from collections.abc import Container
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.auth import keys
from gateway.auth.gate import Gate
from gateway.auth.key_file import KeyFile
from gateway.limits.rate_limiter import RateLimiter
from gateway.principal import NO_LIMITS, Limits
from gateway.proxy.request_policy import RequestPolicy
from gateway.settings import GatewaySettings, SettingsError

if TYPE_CHECKING:
    from gateway.auth.jwks import Jwks
    from gateway.auth.jwt import JwtVerifier


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
    settings: GatewaySettings, limiter: RateLimiter, revoked: Container[str] = frozenset()
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
    from gateway.auth import jwks

    try:
        jwks.read(file)
    except jwks.JwksUnreadable as problem:
        raise SettingsError(f"MMHIE_JWKS_FILE got {file}: {problem}.") from None


def tokens_of(settings: GatewaySettings) -> "JwtVerifier | None":
    if settings.jwks_file is None and settings.jwks_url is None:
        return None
    from gateway.auth import jwt

    if settings.jwt_issuer is None or settings.jwt_audience is None:
        return None
    terms = jwt.Terms(settings.jwt_issuer, settings.jwt_audience, settings.jwt_leeway_seconds)
    return jwt.JwtVerifier(signing_keys_of(settings), terms)


def signing_keys_of(settings: GatewaySettings) -> "Jwks":
    from gateway.auth import jwks

    if settings.jwks_file is not None:
        return jwks.FileJwks(settings.jwks_file)
    fetch = jwks.fetcher(str(settings.jwks_url))
    return jwks.UrlJwks(fetch, every_s=settings.jwks_refresh_seconds)


def default_limits(settings: GatewaySettings) -> Limits:
    limits = Limits(
        settings.client_concurrency,
        settings.client_requests_per_minute,
        settings.client_tokens_per_minute,
    )
    return NO_LIMITS if limits == NO_LIMITS else limits


def caps_of(settings: GatewaySettings) -> RequestPolicy:
    """What one request on /v1 may ask for."""
    return RequestPolicy(
        choices=settings.max_choices,
        messages=settings.max_messages,
        tools=settings.max_tools,
        logprobs=settings.max_logprobs,
        depth=settings.max_json_depth,
        tokens=settings.max_v1_tokens,
    )
