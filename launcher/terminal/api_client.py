"""HTTP client of a running service: JSON documents, and questions with streamed answers."""

import contextlib
import json
import ssl
from collections.abc import Iterator, Mapping, Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, urlsplit

import httpx2

from launcher.errors import LauncherError, SettingsError
from launcher.json_types import Json, JsonView

CHAT: Final = "/v1/chat/completions"
CONNECT_S, READ_S = 5.0, 5.0
UNREACHABLE = "No service answers at {url}: start one with `mmhie serve`, or name it with --url."
UNTRUSTED = (
    "The certificate of {url} is not trusted: name its authority's file in SSL_CERT_FILE, or check "
    "the host in the address."
)
NO_CERTIFICATES = "SSL_CERT_FILE or SSL_CERT_DIR cannot be read ({cause})."
NO_SOCKS = "The proxy of the environment speaks SOCKS, which is not supported: set NO_PROXY."
CUT = "The connection ended before the answer did: it is not complete."


class ServiceError(LauncherError):
    """The service cannot be reached, or refused; `notices` are about the prompt."""

    exit_code = 1

    def __init__(self, message: str, notices: Sequence[Mapping[str, str]] = ()) -> None:
        super().__init__(message)
        self.notices = notices


class ApiClient:
    """One service at `http(s)://host[:port]` or `unix:/path`; raises SettingsError for others."""

    def __init__(self, url: str, key: str | None = None) -> None:
        if key and not (key.isascii() and key.isprintable() and " " not in key):
            raise SettingsError(
                "A key must be plain ASCII without blanks; check MMHIE_API_KEY or --key."
            )
        self.url = url.rstrip("/")
        parts = split_url(self.url)
        is_socket = parts.scheme == "unix"
        if is_socket and not Path(parts.path).exists():
            raise ServiceError(UNREACHABLE.format(url=self.url))
        try:
            self._client = httpx2.Client(
                base_url="http://mmhie" if is_socket else self.url,
                headers={"authorization": f"Bearer {key}"} if key else {},
                timeout=httpx2.Timeout(READ_S, connect=CONNECT_S),
                transport=choose_transport(parts),
            )
        except OSError as error:
            raise SettingsError(NO_CERTIFICATES.format(cause=error.strerror or error)) from None
        except ImportError:
            raise SettingsError(NO_SOCKS) from None

    def close(self) -> None:
        self._client.close()

    def get(self, path: str) -> Json:
        """Return a small JSON document. Raises ServiceError."""
        with self._translated():
            response = self._client.get(path)
            body = parse_object(response.content)
        if response.status_code != 200:
            raise read_refusal(response, body)
        return body

    @contextlib.contextmanager
    def answer(self, question: JsonView, request_id: str) -> Iterator[Iterator[JsonView]]:
        """Yield the chunks of an answer as they come; leaving aborts it at the engine.

        Raises ServiceError, also between the chunks.
        """
        body, headers = {**question, "stream": True}, {"x-request-id": request_id}
        timeout = httpx2.Timeout(None, connect=CONNECT_S)  # the gateway has its own for the rest
        with (
            self._translated(request_id),
            self._client.stream(
                "POST", CHAT, json=body, headers=headers, timeout=timeout
            ) as response,
        ):
            if response.status_code != 200:
                raise read_refusal(response, parse_object(response.read()))
            yield read_chunks(response)

    @contextlib.contextmanager
    def _translated(self, request_id: str | None = None) -> Iterator[None]:
        try:
            yield
        except (httpx2.ConnectError, httpx2.ConnectTimeout) as error:
            template = UNTRUSTED if is_untrusted(error) else UNREACHABLE
            raise ServiceError(template.format(url=self.url)) from None
        except httpx2.TimeoutException:
            late = f"The service at {self.url} does not answer in time."
            raise ServiceError(f"{late}{format_request(request_id)}") from None
        except httpx2.TransportError:
            raise ServiceError(f"{CUT}{format_request(request_id)}") from None
        except (httpx2.HTTPError, httpx2.SSEError, httpx2.InvalidURL, UnicodeError):
            raise ServiceError(f"What answers at {self.url} is not this service.") from None


def choose_transport(parts: SplitResult) -> httpx2.HTTPTransport | None:
    """Return a transport without proxies for an address of this machine, else None."""
    if parts.scheme == "unix":
        return httpx2.HTTPTransport(uds=parts.path, trust_env=False)
    # a transport reads only the certificates from the environment
    is_tls = parts.scheme == "https"
    return httpx2.HTTPTransport(trust_env=is_tls) if is_here(parts.hostname or "") else None


def is_here(host: str) -> bool:
    """Return whether a host name or address is this machine's own."""
    try:
        address = ip_address(host)
    except ValueError:
        return f".{host.rstrip('.')}".endswith(".localhost")
    address = getattr(address, "ipv4_mapped", None) or address
    return address.is_loopback or address.is_unspecified


def is_untrusted(error: BaseException | None) -> bool:
    """Return whether a certificate was the cause."""
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error = error.__cause__ or error.__context__
    return False


def split_url(url: str) -> SplitResult:
    """Split an address into its parts; raises SettingsError."""
    try:
        parts = urlsplit(url)
        is_good = (
            parts.path.startswith("/") and not parts.netloc
            if parts.scheme == "unix"
            else parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        )
    except ValueError:
        is_good = False
    if not is_good:
        raise SettingsError(f"The address {url!r} is not http(s)://host:port or unix:/path.")
    return parts


def read_chunks(response: httpx2.Response) -> Iterator[JsonView]:
    """Read the stream of a chat; raises ServiceError for an error in it, or when it is cut."""
    for event in httpx2.EventSource(response):
        if event.data == "[DONE]":
            return
        chunk = parse_object(event.data)
        if chunk.get("error"):
            raise read_refusal(response, chunk)
        yield chunk
    raise ServiceError(f"{CUT}{format_request(response.headers.get('x-request-id'))}")


def parse_object(body: bytes | str) -> Json:
    """Parse the object in a body; empty when it holds none."""
    try:
        document = json.loads(body)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def format_request(request_id: str | None) -> str:
    """Return the id of a failed request, as a suffix of its error."""
    return f" (request {request_id})" if request_id else ""


def read_refusal(response: httpx2.Response, body: JsonView) -> ServiceError:
    """Return the error of a refused request, in the service's own sentence where there is one."""
    status = response.status_code
    error = body.get("error")
    detail: JsonView = error if isinstance(error, dict) else {}
    message = detail.get("message") or f"The service answered {status} without a reason."
    hint = " Set MMHIE_API_KEY, or use --key." if status == 401 else ""
    request = format_request(response.headers.get("x-request-id"))
    return ServiceError(
        f"{message}{hint}{request}", (detail.get("mmhie") or {}).get("notices") or ()
    )
