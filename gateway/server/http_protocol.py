"""The HTTP/1.1 protocol of one connection: uvicorn's, with a defence against each attack below.

| attack | defence |
|---|---|
| heads and bodies that never end, callers who never read | `check_timeouts` |
| heads without end, 10,000 headers | `on_header`, `_check_head`, `_check_size` |
| one message that two servers read as two (smuggling) | `_check_head` |
| bodies in chunks of a byte, endless chunk extensions and trailers | `on_body`, `_check_size` |
| requests pipelined behind one in progress, to fill memory | `on_message_begin` |
| an upgrade, and a second protocol behind it | `_decline_upgrade` |
| more connections than there are file descriptors | `connection_made` |
| callers who disconnect while the engine works | `connection_lost` |
| floods of refused callers, to fill memory between two garbage collections | `_break_references` |

Errors have the API's format, where uvicorn would send plain text. Parsing a request and writing a
response are uvicorn's (docs/decisions.md).
"""

import asyncio
import re
from collections.abc import Callable
from typing import Any, Literal, cast

import httptools
from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from gateway.errors import GatewayError, HeadersTooLarge, InvalidRequest
from gateway.http.exchange import RawHeaders, too_large
from gateway.server.limits import (
    ServerConfig,
    body_timeout,
    header_timeout,
    headers_too_large,
)
from gateway.server.request_head import (
    MALFORMED,
    error_in_head,
    head_size,
    is_of_another_protocol,
)

FRAMING = (b"content-length", b"transfer-encoding")
# The headers that decide where a request ends, and how its body is encoded. Some proxies turn an
# underscore into a hyphen.
FRAMING_HEADERS = frozenset(
    {
        *(b"host", b"transfer-encoding", b"content-encoding", b"expect"),
        *(b"transfer_encoding", b"content_length"),
    }
)
PLAIN_TARGET = re.compile(rb"/[^%#?]*")
MAX_HEADERS = 128
MOST_CHUNKS = 12_288  # of a body in one read of 256 KB; each costs 2 us
LINGER_S = 2.0  # a caller who is still sending could not read the response after a close
LAST_READ_S = 0.1  # for requests that have arrived when the server stops
MAX_LEFTOVER_BYTES = 16 * 1024 * 1024
PIPELINED = "A request must wait for the answer to the one before it."
TOO_SMALL_CHUNKS = "The body comes in chunks of a few bytes; send larger ones."

ParserState = Literal["idle", "head", "body"]


class RequestRefused(Exception):
    """Raised in the parser's callbacks to stop it."""

    def __init__(self, error: GatewayError) -> None:
        super().__init__(error.message)
        self.error = error


class HttpProtocol(HttpToolsProtocol):
    """One connection. `check_timeouts` is called twice a second, so that it needs no timers."""

    config: ServerConfig

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.limits = self.config.limits
        self.max_body_bytes = self.config.settings.max_body_bytes
        self.keep_alive_s = self.limits.keep_alive_s
        self.parsing: ParserState = "idle"
        self.phase_since = self.loop.time()  # start of the head, body or idle time
        self.is_unused = True
        self.is_last = False  # close after the next request, as the server stops
        self.ignores_input = False
        self.active: ResponseCycle | None = None
        self.framing_headers: list[tuple[bytes, bytes]] = []
        self.received = 0  # bytes of this request after the first read
        self.last_read_bytes = 0
        self.chunks_read = 0  # in the last read
        self.head_read = b""  # bytes since the head began
        self.write_paused_since: float | None = None
        self.closing_since: float | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # uvicorn's own
        super().connection_made(transport)
        cap = self.config.cap
        cap.handshakes.discard(self)
        if not cap.admits(len(self.connections)):
            self.connections.discard(self)
            self.ignores_input = True
            self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel the request in progress at once, so that the engine stops."""
        if self.active is not None:
            self.active.disconnect()
        super().connection_lost(exc)
        if self.cycle is not None:
            self._break_references(self.cycle)

    def _break_references(self, cycle: RequestResponseCycle) -> None:
        """Break the reference cycles through the transport and the error's frames: the garbage
        collector runs rarely, and would free the connection only after thousands more."""
        cycle.scope.pop("refusal", None)  # type: ignore[typeddict-item] # see refuse
        cycle.transport = self.transport

    def data_received(self, data: bytes) -> None:
        self.last_read_bytes = len(data)
        self.chunks_read = 0
        self.received += len(data)
        self.head_read = self.head_read + data if self.parsing == "head" else data
        if self.ignores_input:
            if self.received > MAX_LEFTOVER_BYTES:
                self.transport.abort()
            return
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as offer:
            self._decline_upgrade(data[offer.args[0] :])
        except httptools.HttpParserError as error:
            self.refuse(parser_error(error))
        else:
            self._check_size()

    def _decline_upgrade(self, rest: bytes) -> None:
        """Serve a request that offers an upgrade as an ordinary one, the connection's last.

        The parser stops after the head, but a body may follow: Java's HttpClient offers h2c with
        each first request.
        """
        self.cycle.keep_alive = False
        framing = [header for header in self.headers if header[0] in FRAMING]
        if not framing:
            self.ignores_input = True
            return
        self.cycle.more_body = True
        self.parsing = "body"
        self.parser = httptools.HttpRequestParser(FinalBodyCallbacks(self))
        lines = b"".join(b"%b: %b\r\n" % pair for pair in framing)
        self.parser.feed_data(b"POST / HTTP/1.1\r\n" + lines + b"\r\n")
        if rest:
            self.data_received(rest)

    def pause_writing(self) -> None:
        self.write_paused_since = self.loop.time()
        super().pause_writing()

    def resume_writing(self) -> None:
        self.write_paused_since = None
        super().resume_writing()

    def on_message_begin(self) -> None:
        """Begin a request. One that is pipelined behind another is not read: the connection closes
        after the response in progress, and the client sends the rest again."""
        if self.active is not None:
            raise RequestRefused(InvalidRequest(PIPELINED))
        super().on_message_begin()
        self.parsing = "head"
        self.is_unused = False
        self.phase_since = self.loop.time()
        self.received = 0
        self.framing_headers = []

    def on_header(self, name: bytes, value: bytes) -> None:
        if self.parsing != "head":
            return  # a trailer
        name = name.lower()
        if name in FRAMING_HEADERS:
            self.framing_headers.append((name, value))
            self.expect_100_continue |= name == b"expect" and value.lower() == b"100-continue"
        self.headers.append((name, value))
        if len(self.headers) > MAX_HEADERS:
            raise RequestRefused(HeadersTooLarge(f"More than {MAX_HEADERS} headers; send fewer."))

    def on_headers_complete(self) -> None:
        self._check_head()
        super().on_headers_complete()
        self.parsing = "body"
        self.phase_since = self.loop.time()
        if self.is_last:
            self.cycle.keep_alive = False
        if self.expect_100_continue:
            self.cycle.keep_alive = False  # whether its body comes depends on the response

    def _check_head(self) -> None:
        """Raise RequestRefused for a head that is too large or ambiguous."""
        limit, received = self.limits.header_bytes, self.received + self.last_read_bytes
        if received > limit and head_size(self.url, self.headers) > limit:
            raise RequestRefused(headers_too_large(limit))
        version = self.parser.get_http_version()
        if is_plain(version, self.url, self.framing_headers, self.head_read):
            return
        if is_of_another_protocol(self.head_read, self.url):
            raise RequestRefused(InvalidRequest(MALFORMED))
        error = error_in_head(self.parser.get_method(), self.url, version, self.framing_headers)
        if error is not None:
            raise RequestRefused(error)

    def on_body(self, body: bytes) -> None:
        super().on_body(body)
        self.chunks_read += 1
        if self.chunks_read > MOST_CHUNKS:
            raise RequestRefused(InvalidRequest(TOO_SMALL_CHUNKS))

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self.parsing = "idle"
        self.phase_since = self.loop.time()

    def _check_size(self) -> None:
        """Refuse partial headers and chunks that grow too large inside the parser."""
        limit = self.limits.header_bytes
        if self.parsing == "head" and self.received > limit:
            self.refuse(headers_too_large(limit))
        elif self.parsing == "body" and self.received > self._max_body_wire_bytes():
            self.refuse(too_large(self.max_body_bytes))

    def _max_body_wire_bytes(self) -> int:
        """Return the limit for a body as it is sent, with chunk extensions and trailers."""
        if self.cycle.response_complete:
            return MAX_LEFTOVER_BYTES
        return 2 * self.max_body_bytes + self.limits.header_bytes

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self.active = adopt(cycle)
        cycle.transport = cast(asyncio.Transport, LingeringTransport(self))
        super()._start_asgi_task(cycle, app)

    def on_response_complete(self) -> None:
        """Begin the idle time. uvicorn's own timer would be cancelled by a blank line."""
        self.server_state.total_requests += 1
        self.active = None
        self.phase_since = self.loop.time()
        if not self.transport.is_closing():
            self.flow.resume_reading()

    def refuse(self, error: GatewayError) -> None:
        """Answer the request that is being parsed with an error, and close.

        If an earlier request is in progress, close after its response instead.
        """
        self.ignores_input = True
        self.received = 0
        if self.parsing != "body":
            if self.active is not None:
                self.active.keep_alive = False
                return
            self._start_placeholder_cycle()
        if self.cycle.response_complete:
            self.transport.close()
            return
        self.cycle.keep_alive = False
        if not self.cycle.response_started:
            self.cycle.scope["refusal"] = error  # type: ignore[typeddict-unknown-key] # see Exchange
            self.cycle.more_body = False
            self.cycle.message_event.set()

    def _start_placeholder_cycle(self) -> None:
        """Start a request without a path, which is answered with the error."""
        if self.parsing == "idle":
            super().on_message_begin()
        unknown = {"method": "-", "path": "", "raw_path": b"", "query_string": b""}
        self.scope.update(unknown)  # type: ignore[typeddict-item] # strings and bytes as ASGI wants
        self.cycle = RequestResponseCycle(
            scope=self.scope,
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=False,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=False,
            keep_alive=False,
            on_response=self.on_response_complete,
        )
        self._start_asgi_task(self.cycle, self.app)

    def shutdown(self) -> None:
        """Close when no request is in progress; one that has already arrived is answered first."""
        if self.active is None and self.parsing != "body":
            self.is_last = True
            self.loop.call_later(LAST_READ_S, self._close_unused)
        else:
            super().shutdown()

    def _close_unused(self) -> None:
        if self.active is None and self.parsing != "body":
            self.transport.close()

    def close_after_response(self) -> None:
        """Close. While the caller is still sending, only stop writing: closing a socket with unread
        input would reset it, and the caller would lose the response."""
        is_sending = self.ignores_input or self.parsing != "idle"
        if not is_sending or not self.transport.can_write_eof():
            self.transport.close()
            return
        self.ignores_input = True
        self.closing_since = self.loop.time()
        self.transport.write_eof()

    def check_timeouts(self, now: float) -> None:
        """Refuse or close the connection when it has run out of time."""
        if self.transport.is_closing() or self.closing_since is not None:
            self._check_closing(now)
        elif self.write_paused_since is not None:
            if now - self.write_paused_since > self.limits.send_s:
                self.transport.abort()
        elif self.parsing == "body" or self.active is None:
            self._check_waiting(now - self.phase_since)

    def _check_waiting(self, waited: float) -> None:
        header_s, body_s = self.limits.header_s, self.limits.body_s
        if self.parsing == "body":
            if waited > body_s:
                self.refuse(body_timeout(body_s))
        elif self.parsing == "head":
            if waited > header_s:
                self.refuse(header_timeout(header_s))
        elif waited > (header_s if self.is_unused else self.keep_alive_s):
            self.transport.close()

    def _check_closing(self, now: float) -> None:
        if self.closing_since is None:
            self.closing_since = now
        waited = now - self.closing_since
        if waited > self.limits.send_s:
            self.transport.abort()
        elif waited > LINGER_S and not self.transport.is_closing():
            self.transport.close()


def is_plain(version: str, url: bytes, framing_headers: RawHeaders, read: bytes) -> bool:
    """Return True if the head needs no further check, as in nearly every request: its framing is
    unambiguous."""
    return (
        version == "1.1"
        and len(framing_headers) == 1
        and framing_headers[0][0] == b"host"
        and PLAIN_TARGET.fullmatch(url) is not None
        and b"RTSP/" not in read
        and b"ICE/" not in read
    )


def parser_error(stopped: httptools.HttpParserError) -> GatewayError:
    """Return the error that stopped the parser. It is a new object each time, since a shared one
    would collect the frames of every raise."""
    cause = stopped.__context__
    return cause.error if isinstance(cause, RequestRefused) else InvalidRequest(MALFORMED)


class FinalBodyCallbacks:
    """Parser callbacks for the body that follows a declined upgrade, the connection's last."""

    def __init__(self, connection: HttpProtocol) -> None:
        self._connection = connection
        self.on_body = connection.on_body

    def on_message_complete(self) -> None:
        self._connection.on_message_complete()
        self._connection.ignores_input = True


class LingeringTransport:
    """A transport whose `close` lets the caller finish sending."""

    def __init__(self, connection: HttpProtocol) -> None:
        self._connection = connection
        self.write = connection.transport.write
        self.is_closing = connection.transport.is_closing

    def close(self) -> None:
        self._connection.close_after_response()


class ResponseCycle(RequestResponseCycle):
    """A cycle that reports a disconnect at once, and can write a chunk without awaiting."""

    left: Callable[[], None] | None = None  # called when the caller hangs up

    async def send(self, message: Any) -> None:
        """Send as uvicorn does. In HTTP/1.0, a body without a length ends with the connection."""
        if self.scope["http_version"] == "1.0" and message["type"] == "http.response.body":
            self.expected_content_length = len(message.get("body", b""))
        await super().send(message)

    def write_framed(self, chunk: bytes) -> bool:
        """Write a framed chunk; returns False if `send` must be used: the buffer is full, or the
        response has no chunked encoding."""
        if self.flow.write_paused or self.disconnected or not self.chunked_encoding:
            return False
        if self.response_complete:
            return False
        self.transport.write(chunk)
        return True

    def on_disconnect(self, callback: Callable[[], None] | None) -> None:
        """Register the callback; call it at once if the caller has already hung up."""
        self.flow.resume_reading()  # a disconnect is noticed only while reading
        self.left = callback
        if self.disconnected:
            self.disconnect()

    def disconnect(self) -> None:
        """Mark the caller as gone, and call the callback."""
        self.disconnected = True
        self.message_event.set()
        if self.left is not None:
            self.left()


def adopt(cycle: Any) -> ResponseCycle:
    """Turn uvicorn's cycle into ours: uvicorn has no setting for the class."""
    cycle.__class__ = ResponseCycle
    ours: ResponseCycle = cycle
    scope: Any = ours.scope  # see Exchange
    scope |= {"write_framed": ours.write_framed, "on_disconnect": ours.on_disconnect}
    if scope["http_version"] == "1.0":
        ours.chunked_encoding = False
    return ours
