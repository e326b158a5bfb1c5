"""httpx2: clients, requests, and the one table that translates its exceptions."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from mmhie._errors import (
    ConfigError,
    ConnectionFailedError,
    IncompleteAnswerError,
    MMHIEError,
    ServiceTimeoutError,
    UnavailableError,
)
from mmhie._request import Request
from mmhie._version import __version__

if TYPE_CHECKING:
    import httpx2  # imported in the functions below: it costs 70 ms and most importers never call

CONNECT_SECONDS = 5.0
LEAST_SECONDS = 0.001  # 0 would make the socket non-blocking
# uvicorn closes idle connections after 5 s: let go first, or a request meets a closing socket.
KEEPALIVE_SECONDS = 2.0
SOCKET_HOST = "mmhie"
UNREACHABLE = "{server} cannot be reached: {cause}"
LOST = "The connection was lost before the answer came; the server may have done the work."
TIMED_OUT = "The server did not answer in time; raise MMHIE_TIMEOUT_SECONDS."
NO_CERTIFICATES = "SSL_CERT_FILE or SSL_CERT_DIR cannot be read ({cause})."
NO_SOCKS = (
    "The proxy of the environment speaks SOCKS: install httpx2[socks], or name the server of "
    "MMHIE_URL in NO_PROXY."
)
CUT = "The stream stopped before its end; what arrived is not a complete answer. Ask again."
UNREADABLE = "The response is not this service's; check that MMHIE_URL points at it."


@dataclass(frozen=True, slots=True)
class Address:
    """The server's address: a base URL or a Unix socket."""

    base_url: str
    socket_path: str | None = None

    @classmethod
    def of(cls, url: str) -> "Address":
        """Parse `http://host:port`, `https://...` or `unix:/path`."""
        if url.startswith("unix:"):
            path = "/" + url.removeprefix("unix:").lstrip("/")
            return cls(f"http://{SOCKET_HOST}", path)
        return cls(url.rstrip("/"))

    @property
    def is_on_this_machine(self) -> bool:
        """True if a proxy of HTTP_PROXY must not see the text."""
        host = urlsplit(self.base_url).hostname or ""
        return self.socket_path is not None or _is_this_machine(host)


def _is_this_machine(host: str) -> bool:
    """Return whether a host's name or address is this machine's own, however it is written."""
    from ipaddress import ip_address

    try:
        address = ip_address(host)
    except ValueError:
        return f".{host.rstrip('.')}".endswith(".localhost")
    address = getattr(address, "ipv4_mapped", None) or address
    return address.is_loopback or address.is_unspecified  # a client of 0.0.0.0 stays here, too


def open_client(address: Address) -> "httpx2.Client":
    """Return a thread-safe client, without a connection limit: admission is the server's."""
    import httpx2

    with _translate_setup():
        return httpx2.Client(**_options(address, httpx2.HTTPTransport))


def open_async_client(address: Address) -> "httpx2.AsyncClient":
    """Return the same for asyncio; it belongs to the event loop that first uses it."""
    import httpx2

    with _translate_setup():
        return httpx2.AsyncClient(**_options(address, httpx2.AsyncHTTPTransport))


@contextmanager
def _translate_setup() -> Iterator[None]:
    """Translate errors about certificates and proxies of the environment."""
    try:
        yield
    except OSError as error:
        raise ConfigError(NO_CERTIFICATES.format(cause=error.strerror or error)) from error
    except ImportError as error:
        raise ConfigError(NO_SOCKS) from error


def _options(address: Address, transport_of: Callable[..., object]) -> dict[str, Any]:
    import httpx2

    limits = httpx2.Limits(max_keepalive_connections=20, keepalive_expiry=KEEPALIVE_SECONDS)
    headers = {"user-agent": f"mmhie/{__version__}"}
    options = {"base_url": address.base_url, "headers": headers, "limits": limits}
    if address.is_on_this_machine:  # httpx2's own has the proxies of the environment
        uds, is_tls = address.socket_path, address.base_url.startswith("https:")
        # of the environment, a transport reads the certificates only
        options["transport"] = transport_of(uds=uds, limits=limits, trust_env=is_tls)
    return options


def build_request(
    client: "httpx2.Client | httpx2.AsyncClient",
    request: Request,
    key: str | None,
    idle_seconds: float,
) -> "httpx2.Request":
    """Return httpx2's request; the timeout is between two arrivals of bytes, not over all."""
    import httpx2

    idle_seconds = max(idle_seconds, LEAST_SECONDS)
    connect = min(CONNECT_SECONDS, idle_seconds)
    timeout = httpx2.Timeout(connect=connect, read=idle_seconds, write=idle_seconds, pool=None)
    return client.build_request(
        request.method,
        request.path,
        content=request.body,
        headers=request.headers(key),
        timeout=timeout,
    )


def wait_at_most(sent: "httpx2.Request", idle_seconds: float) -> None:
    """Limit the pauses of a response's body; httpx2 reads the timeout again when it begins."""
    sent.extensions["timeout"]["read"] = idle_seconds


def server_of(error: "httpx2.ConnectError | httpx2.ConnectTimeout") -> str:
    """Name the server in a sentence: its address without path and password."""
    try:
        url = error.request.url
    except RuntimeError:  # raised before there was a request
        return "The server"
    if url.host == SOCKET_HOST:
        return "The server at its socket"
    host = f"[{url.host}]" if ":" in url.host else url.host
    return f"The server at {url.scheme}://{host}{f':{url.port}' if url.port else ''}"


@contextmanager
def translate_errors(*, in_stream: bool = False) -> Iterator[None]:
    """Translate httpx2's exceptions to those of this package."""
    import httpx2

    try:
        yield
    except (httpx2.ConnectError, httpx2.ConnectTimeout) as error:
        from mmhie._connection_cause import cause_of  # lazily: it imports sockets and TLS

        message = UNREACHABLE.format(server=server_of(error), cause=cause_of(error))
        raise ConnectionFailedError(message, code="unreachable") from error
    except httpx2.TimeoutException as error:
        raise timed_out() from error
    except httpx2.SSEError as error:
        raise UnavailableError(UNREADABLE, code="bad_answer") from error
    except httpx2.TransportError as error:
        raise (stream_cut() if in_stream else connection_lost()) from error
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        raise UnavailableError(UNREADABLE, code="bad_answer") from error


def timed_out() -> MMHIEError:
    """Return the error of a call whose time is over."""
    return ServiceTimeoutError(TIMED_OUT, code="client_timeout")


def stream_cut() -> MMHIEError:
    """Return the error of a stream that stopped before its end."""
    return IncompleteAnswerError(CUT, code="stream_cut")


def connection_lost() -> MMHIEError:
    """Return the error of a connection that was lost before the answer."""
    return ConnectionFailedError(LOST, code="connection_lost")


def event_source(response: "httpx2.Response") -> "httpx2.EventSource":
    """Return the response's server-sent events, which are UTF-8 whatever its charset says."""
    import httpx2

    response.encoding = "utf-8"
    return httpx2.EventSource(response)
