"""Settings of the state that several gateways share: Redis."""

import re
from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr

from gateway.settings.base import SharedSettings, names_host, url_parts
from gateway.settings.engine import is_loopback


def check_redis_url(url: SecretStr) -> SecretStr:
    """Return the address of a server or socket, with nothing ignored or against TLS' checks."""
    text = url.get_secret_value()
    parts = url_parts(text)
    is_socket = parts.scheme == "unix" and re.match("/.", parts.path)
    is_host = names_host(parts, "redis", "rediss") and re.fullmatch(r"(/\d*)?", parts.path)
    if not (is_socket or is_host) or "?" in text or "#" in text:
        raise ValueError("must be redis://[user:password@]host[:port][/db], rediss:// or unix:")
    return url


RedisUrl = Annotated[SecretStr, AfterValidator(check_redis_url)]


class ClusterSettings(SharedSettings):
    redis_url: RedisUrl | None = Field(
        None,
        description="Redis in which several gateways share limits, holds and revoked keys: "
        "`redis://[user:password@]host[:port][/db]`, `rediss://` for TLS, "
        "`unix:/path`.",
    )
    redis_on_failure: Literal["refuse", "serve"] = Field(
        "serve",
        description="While Redis is unavailable: refuse clients that have limits with 503, or "
        "serve with limits per gateway.",
    )


def cluster_conflicts(
    settings: ClusterSettings, *, allows_plain: bool
) -> Iterator[tuple[object, str]]:
    parts = url_parts(settings.redis_url.get_secret_value() if settings.redis_url else "")
    is_plain = parts.scheme == "redis" and not is_loopback(parts.hostname or "")
    yield (
        settings.env == "production" and is_plain and not allows_plain,
        "MMHIE_REDIS_URL is plain redis:// to another host, which is refused when MMHIE_ENV is "
        "production; use rediss://, or set MMHIE_ENGINE_ALLOW_HTTP=true where the network "
        "encrypts.",
    )
