"""What one caller's connection may take, and the words for who takes more."""

from dataclasses import dataclass

import uvicorn

from gateway.errors import BodyTimeout, HeadersTooLarge, HeaderTimeout


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """In seconds, bytes and connections."""

    header_s: float = 10.0
    body_s: float = 30.0
    keep_alive_s: float = 75.0
    send_s: float = 60.0
    header_bytes: int = 32 * 1024
    body_bytes: int = 2 * 1024 * 1024
    connections: int = 4096


class ServerConfig(uvicorn.Config):
    """uvicorn's, and our limits on each connection."""

    limits = ConnectionLimits()


def headers_too_large(limit: int) -> HeadersTooLarge:
    return HeadersTooLarge(f"The headers are over {limit} bytes (MMHIE_MAX_HEADER_BYTES).")


def header_timeout(limit_s: float) -> HeaderTimeout:
    return HeaderTimeout(
        f"The request's headers took over {limit_s:g} s (MMHIE_HEADER_TIMEOUT_SECONDS)."
    )


def body_timeout(limit_s: float) -> BodyTimeout:
    return BodyTimeout(f"The request's body took over {limit_s:g} s (MMHIE_BODY_TIMEOUT_SECONDS).")
