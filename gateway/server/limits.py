"""The limits of connections, and the errors for what exceeds them."""

import resource
from dataclasses import dataclass
from typing import Self

import uvicorn

from gateway.errors import BodyTimeout, HeadersTooLarge, HeaderTimeout
from gateway.logs import log
from gateway.settings import GatewaySettings

RESERVED_FILES = 128  # the engine's metrics, keys, audit, log, Python's own


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """Limits of each connection in seconds and bytes, and the most connections."""

    header_s: float
    body_s: float
    keep_alive_s: float
    send_s: float
    header_bytes: int
    body_bytes: int
    connections: int

    @classmethod
    def of(cls, settings: GatewaySettings) -> Self:
        return cls(
            header_s=settings.header_timeout_seconds,
            body_s=settings.body_timeout_seconds,
            keep_alive_s=settings.keep_alive_seconds,
            send_s=settings.send_timeout_seconds,
            header_bytes=settings.max_header_bytes,
            body_bytes=settings.max_body_bytes,
            connections=affordable_connections(settings.max_connections, settings.max_inflight),
        )


class ServerConfig(uvicorn.Config):
    """uvicorn's configuration with our limits."""

    limits: ConnectionLimits


def affordable_connections(connections: int, inflight: int) -> int:
    """Return how many connections there are file descriptors for, at most those asked for.

    The process's soft limit is raised as far as needed and permitted. Without a bound, callers
    could take the last descriptor, and the gateway could no longer reach its engine.
    """
    needed = connections + inflight + RESERVED_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if is_less(soft, needed):
        soft = needed if not is_less(hard, needed) else hard
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    if not is_less(soft, needed):
        return connections
    log.warning("fewer connections than MMHIE_MAX_CONNECTIONS: the limit of open files is low")
    return max(1, soft - inflight - RESERVED_FILES)


def is_less(limit: int, needed: int) -> bool:
    return limit != resource.RLIM_INFINITY and limit < needed


def headers_too_large(limit: int) -> HeadersTooLarge:
    return HeadersTooLarge(f"The headers are over {limit} bytes (MMHIE_MAX_HEADER_BYTES).")


def header_timeout(limit_s: float) -> HeaderTimeout:
    return HeaderTimeout(
        f"The request's headers took over {limit_s:g} s (MMHIE_HEADER_TIMEOUT_SECONDS)."
    )


def body_timeout(limit_s: float) -> BodyTimeout:
    return BodyTimeout(f"The request's body took over {limit_s:g} s (MMHIE_BODY_TIMEOUT_SECONDS).")
