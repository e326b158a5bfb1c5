"""httpx2: clients, requests, and the one table that translates its exceptions."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx2

from mmhie._errors import (
    ConfigError,
    ConnectionFailedError,
    IncompleteAnswerError,
    ServiceTimeoutError,
    UnavailableError,
)
from mmhie._request import Request
from mmhie._version import __version__

CONNECT_SECONDS = 5.0
# uvicorn closes idle connections after 5 s: let go first, or a request meets a closing socket.
LIMITS = httpx2.Limits(max_keepalive_connections=20, keepalive_expiry=2.0)
HEADERS = {
    "accept": "application/json",
    "accept-encoding": "identity",  # a compressing proxy would hold tokens back
    "content-type": "application/json",
    "user-agent": f"mmhie/{__version__}",
}
UNREACHABLE = (
    "The server at {server} cannot be reached ({cause}). Check that it runs, MMHIE_URL and, for "
    "HTTPS, that SSL_CERT_FILE names the authority of its certificate."
)
LOST = "The connection was lost before the answer came; the server may have done the work."
TIMED_OUT = "The server did not answer in time; raise MMHIE_TIMEOUT_SECONDS."
CUT = "The stream stopped before its end; what arrived is not a complete answer. Ask again."
UNREADABLE = "The response is not this service's; check that MMHIE_URL points at it."


def base_url(url: str) -> str:
    """Return the address that paths are appended to; clients of OpenAI write it with /v1."""
    return "http://mmhie" if url.startswith("unix:") else url.rstrip("/").removesuffix("/v1")


def client_options(url: str, transport: Callable[..., object]) -> dict[str, Any]:
    """Return the options of a client of `http(s)://host:port` or `unix:/path`.

    A proxy of HTTP_PROXY must not see what is sent to this machine.
    """
    socket_path = url.removeprefix("unix:") if url.startswith("unix:") else None
    host = urlsplit(url).hostname or ""
    is_here = host in ("localhost", "::1", "0.0.0.0") or host.startswith("127.")  # noqa: S104 # as a client's address it is this machine
    options: dict[str, Any] = {"headers": HEADERS, "limits": LIMITS}
    if socket_path or is_here:
        options["transport"] = transport(uds=socket_path, limits=LIMITS)
    return options


def to_httpx(request: Request, url: str, key: str | None, seconds: float) -> dict[str, Any]:
    """Return the arguments of httpx2's `build_request`; each pause may last `seconds`."""
    headers = {**request.headers, **({"authorization": f"Bearer {key}"} if key else {})}
    return {
        "method": "GET" if request.body is None else "POST",
        "url": base_url(url) + request.path,
        "content": request.body,
        "headers": {name: value.encode() for name, value in headers.items()},
        "timeout": httpx2.Timeout(seconds, connect=min(CONNECT_SECONDS, seconds), pool=None),
    }


def event_source(response: httpx2.Response) -> httpx2.EventSource:
    """Return the response's server-sent events, which are UTF-8 whatever its charset says."""
    response.encoding = "utf-8"
    return httpx2.EventSource(response)


@contextmanager
def translate_errors(*, in_stream: bool = False) -> Iterator[None]:
    """Translate httpx2's exceptions to those of this package."""
    try:
        yield
    except (httpx2.ConnectError, httpx2.ConnectTimeout) as error:
        url = error.request.url
        server = f"{url.scheme}://{url.netloc.decode()}"
        message = UNREACHABLE.format(server=server, cause=str(error) or "no response")
        raise ConnectionFailedError(message, code="unreachable") from error
    except httpx2.TimeoutException as error:
        raise ServiceTimeoutError(TIMED_OUT, code="client_timeout") from error
    except (httpx2.SSEError, httpx2.DecodingError) as error:
        raise UnavailableError(UNREADABLE, code="bad_answer") from error
    except httpx2.TransportError as error:
        if in_stream:
            raise stream_cut() from error
        raise ConnectionFailedError(LOST, code="connection_lost") from error
    except httpx2.InvalidURL as error:
        raise ConfigError(f"MMHIE_URL is invalid: {error}.") from error


def stream_cut() -> IncompleteAnswerError:
    """Return the error of a stream that stopped before its end."""
    return IncompleteAnswerError(CUT, code="stream_cut")
