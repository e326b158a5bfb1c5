"""The limits of connections, and the errors for what exceeds them."""

import resource
from dataclasses import dataclass

import uvicorn

from gateway.errors import BodyTimeout, HeadersTooLarge, HeaderTimeout
from gateway.runtime.log import log
from gateway.settings.gateway import GatewaySettings

# For files, sockets to the engine and Redis, and accepted connections that are about to be closed.
RESERVED_FILES = 192


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """Limits of connections: how many, waiting times in seconds, and the size of a head."""

    connections: int = 4096  # open at once; others are closed
    header_s: float = 10  # for all headers of a request, else 408
    body_s: float = 30  # for its whole body, else 408
    keep_alive_s: float = 75  # between two requests
    send_s: float = 60  # for a response that the caller does not read
    header_bytes: int = 32 * 1024  # request line included, else 431


LIMITS = ConnectionLimits()


class ConnectionCap:
    """Counts the connections of a process, so that a flood cannot take the file descriptors that
    are needed to reach the engine: beyond `maximum` they are closed without a response."""

    def __init__(self, maximum: int) -> None:
        self.maximum = maximum
        self.handshakes: set[object] = set()  # connections whose TLS handshake is not complete
        self.closed = 0  # since the log last said so

    def admits(self, connections: int) -> bool:
        """Return True if the newest of these connections is served; counts it if it is not."""
        is_served = connections + len(self.handshakes) <= self.maximum
        self.closed += not is_served
        return is_served

    def report(self) -> None:
        """Log how many connections were closed since the last call."""
        if self.closed:
            log.warning("connections over the maximum were closed", extra={"count": self.closed})
            self.closed = 0


class ServerConfig(uvicorn.Config):
    """uvicorn's configuration with ours."""

    settings: GatewaySettings
    limits: ConnectionLimits
    cap: ConnectionCap


def affordable_connections(connections: int, inflight: int) -> int:
    """Return how many connections the file descriptors allow, at most `connections`.

    Raises the soft limit of the process as far as needed and permitted. Without this bound, callers
    could take the last descriptor, and the gateway could no longer reach its engine.
    """
    needed = connections + inflight + RESERVED_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if is_less(soft, needed):
        soft = needed if not is_less(hard, needed) else hard
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    if not is_less(soft, needed):
        return connections
    log.warning("fewer connections than usual: the limit of open files (ulimit -n) is low")
    return max(1, soft - inflight - RESERVED_FILES)


def is_less(limit: int, needed: int) -> bool:
    return limit != resource.RLIM_INFINITY and limit < needed


def headers_too_large(limit: int) -> HeadersTooLarge:
    return HeadersTooLarge(f"The headers are over {limit} bytes; send fewer or shorter ones.")


def header_timeout(limit_s: float) -> HeaderTimeout:
    return HeaderTimeout(f"The request's headers took over {limit_s:g} s.")


def body_timeout(limit_s: float) -> BodyTimeout:
    return BodyTimeout(f"The request's body took over {limit_s:g} s.")
