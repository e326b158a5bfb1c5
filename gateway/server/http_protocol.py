"""One caller's connection: uvicorn's protocol with time limits, size limits and our own words.

uvicorn answers what it cannot parse in plain text, waits for ever for a head or a body, takes
heads of any size, and forgets the request in progress when a second one has come in behind it.
All that is mended here; how a request is read and a response written stays uvicorn's.
"""

import asyncio
from collections.abc import Iterator
from typing import Any, Literal, cast

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from gateway.errors import (
    BodyTooLarge,
    GatewayError,
    HeadersTooLarge,
    InvalidRequest,
    TooManyConnections,
)
from gateway.server.limits import ServerConfig, body_timeout, header_timeout, headers_too_large
from gateway.server.request_head import MALFORMED, WATCHED, fault, is_plain, size
from gateway.server.response_cycle import ResponseCycle, unchunked

FRAMING = (b"content-length", b"transfer-encoding")
MOST_HEADERS = 128
MOST_PIPELINED = 16
LARGEST_PIPELINED_BYTES = 64 * 1024
LINGER_S = 2.0  # a caller who is still sending reads our answer only when we do not hang up on it
LARGEST_LEFTOVER_BYTES = 16 * 1024 * 1024
FULL = "All connections are taken (MMHIE_MAX_CONNECTIONS); try again."


# What the parser is in the middle of; looked at for every header.
Reading = Literal["nothing", "head", "body"]


class Refused(Exception):
    """Raised inside the parser to stop it."""

    def __init__(self, error: GatewayError) -> None:
        super().__init__(error.message)
        self.error = error


class HttpProtocol(HttpToolsProtocol):
    """A connection that is looked at twice a second by `check` instead of having timers."""

    config: ServerConfig

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.limits = self.config.limits
        self.reading: Reading = "nothing"
        self.since = self.loop.time()  # of what is being read, or of the silence
        self.is_fresh = True
        self.is_deaf = False  # whatever comes now is thrown away
        self.running: RequestResponseCycle | None = None
        self.watched: list[tuple[bytes, bytes]] = []
        self.fed = 0  # bytes of this request after the first read
        self.last_read = 0
        self.stalled_since: float | None = None
        self.left_since: float | None = None

    # What asyncio calls.

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # uvicorn's own
        super().connection_made(transport)
        if len(self.connections) > self.limits.connections:
            self.refuse(TooManyConnections(FULL, retry_after_s=5))

    def connection_lost(self, exc: Exception | None) -> None:
        """uvicorn tells the request that came last; the one being answered may be another."""
        for cycle in self._unanswered():
            cycle.disconnected = True
            cycle.message_event.set()
        super().connection_lost(exc)
        if self.is_deaf and self.cycle is not None:
            self._untie()

    def _untie(self) -> None:
        """A refusal ties the connection to itself, by its error's frames and by its transport:
        the collector, which comes rarely, would find it after thousands more."""
        self.cycle.scope.pop("refusal", None)  # type: ignore[typeddict-item] # see refuse
        self.cycle.transport = self.transport

    def data_received(self, data: bytes) -> None:
        self.last_read = len(data)
        self.fed += len(data)
        if self.is_deaf:
            if self.fed > LARGEST_LEFTOVER_BYTES:
                self.transport.abort()
            return
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as offer:
            self._decline(data[offer.args[0] :])
        except httptools.HttpParserError as error:
            self.refuse(reason(error))
        else:
            self._check_size()

    def _decline(self, rest: bytes) -> None:
        """An upgrade is an offer, and not taken: the request is an ordinary one, the last of its
        connection. The parser takes what follows for another protocol, and it may be the body
        (Java's own client offers h2c with every first request)."""
        self.cycle.keep_alive = False
        framing = [one for one in self.headers if one[0] in FRAMING]
        if not framing:
            self.is_deaf = True
            return
        self.cycle.more_body = True
        self.reading = "body"
        self.parser = httptools.HttpRequestParser(LastBody(self))
        lines = b"".join(b"%b: %b\r\n" % pair for pair in framing)
        self.parser.feed_data(b"POST / HTTP/1.1\r\n" + lines + b"\r\n")
        if rest:
            self.data_received(rest)

    def pause_writing(self) -> None:
        self.stalled_since = self.loop.time()
        super().pause_writing()

    def resume_writing(self) -> None:
        self.stalled_since = None
        super().resume_writing()

    # What httptools calls.

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.reading = "head"
        self.is_fresh = False
        self.since = self.loop.time()
        self.fed = 0
        self.watched = []

    def on_header(self, name: bytes, value: bytes) -> None:
        if self.reading != "head":
            return  # trailers are no headers
        name = name.lower()
        if name in WATCHED:
            self.watched.append((name, value))
            self.expect_100_continue |= name == b"expect" and value.lower() == b"100-continue"
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        self._check_head()
        super().on_headers_complete()
        self.reading = "body"
        self.since = self.loop.time()
        if self.expect_100_continue:
            self.cycle.keep_alive = False  # whether its body comes at all depends on our answer
        if self.pipeline:
            self._check_pipeline()

    def _check_head(self) -> None:
        """Raises Refused."""
        limit = self.limits.header_bytes
        if self.fed + self.last_read > limit and size(self.url, self.headers) > limit:
            raise Refused(headers_too_large(limit))
        if len(self.headers) > MOST_HEADERS:
            raise Refused(HeadersTooLarge(f"At most {MOST_HEADERS} headers are taken."))
        version = self.parser.get_http_version()
        if not is_plain(version, self.url, self.watched):
            found = fault(self.parser.get_method(), self.url, version, self.watched)
            if found is not None:
                raise Refused(found)

    def _check_pipeline(self) -> None:
        """Raises Refused. Reading goes on, where uvicorn would pause it: a connection that is not
        read is one whose end goes unnoticed, and the engine would work for nobody."""
        self.flow.resume_reading()
        if len(self.pipeline) > MOST_PIPELINED:
            raise Refused(InvalidRequest("Too many requests were sent ahead of their answers."))

    def on_body(self, body: bytes) -> None:
        super().on_body(body)
        if self.pipeline and len(self.cycle.body) > LARGEST_PIPELINED_BYTES:
            self.flow.resume_reading()
            raise Refused(InvalidRequest("Too much was sent ahead of an earlier answer."))

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self.reading = "nothing"
        self.since = self.loop.time()

    def _check_size(self) -> None:
        """After a read: the parser keeps what it has not got whole, and does not count."""
        if self.reading == "head" and self.fed > self.limits.header_bytes:
            self.refuse(headers_too_large(self.limits.header_bytes))
        elif self.reading == "body" and self.fed > self._most_of_a_body():
            self.refuse(BodyTooLarge(f"The request is far over {self.limits.body_bytes} bytes."))

    def _most_of_a_body(self) -> int:
        """In bytes on the wire: extensions and trailers of chunks are no part of the body."""
        if self.cycle.response_complete:
            return LARGEST_LEFTOVER_BYTES
        return 2 * self.limits.body_bytes + self.limits.header_bytes

    # How requests begin and end.

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        cycle.__class__ = ResponseCycle  # uvicorn names its own where it makes one
        self.running = cycle
        if cycle.scope["http_version"] == "1.0":
            app = unchunked(cycle, app)
        super()._start_asgi_task(cycle, app)

    def on_response_complete(self) -> None:
        """uvicorn's, less a timer for each response."""
        self.server_state.total_requests += 1
        self.running = None
        self.since = self.loop.time()
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())

    def _unanswered(self) -> Iterator[RequestResponseCycle]:
        if self.running is not None:
            yield self.running
        for cycle, _ in self.pipeline:
            yield cycle

    # How a connection ends before its time.

    def refuse(self, error: GatewayError) -> None:
        """Answer what is being read with an error, after all that came before it, and hang up."""
        self.is_deaf = True
        self.fed = 0
        if self.reading != "body":
            self._add_cycle()
        if self.cycle.response_complete:
            self.transport.close()
            return
        self.cycle.keep_alive = False
        if not self.cycle.response_started:
            self.cycle.scope["refusal"] = error  # type: ignore[typeddict-unknown-key] # see Exchange
            self.cycle.more_body = False
            self.cycle.transport = cast(asyncio.Transport, Parting(self))
            self.cycle.message_event.set()

    def _add_cycle(self) -> None:
        """A request for what never became one, so that its answer has its place in the order."""
        if self.reading == "nothing":
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
        if self.running is None:
            self._start_asgi_task(self.cycle, self.app)
        else:
            self.pipeline.appendleft((self.cycle, self.app))

    def linger(self) -> None:
        """Say that this was all, and listen on for a moment, to nothing: closing a socket that
        still has something to read would take our last words from the caller."""
        self.left_since = self.loop.time()
        if self.transport.can_write_eof():
            self.transport.write_eof()
        else:
            self.transport.close()

    def check(self, now: float) -> None:
        """Whether this connection has run out of time."""
        if self.transport.is_closing() or self.left_since is not None:
            self._check_parting(now)
        elif self.stalled_since is not None:
            if now - self.stalled_since > self.limits.send_s:
                self.transport.abort()
        elif self.reading == "body" or self.running is None:
            self._check_reading(now - self.since)

    def _check_reading(self, waited: float) -> None:
        limits = self.limits
        if self.reading == "body":
            if waited > limits.body_s:
                self.refuse(body_timeout(limits.body_s))
        elif self.reading == "head":
            if waited > limits.header_s:
                self.refuse(header_timeout(limits.header_s))
        elif waited > (limits.header_s if self.is_fresh else limits.keep_alive_s):
            self.transport.close()

    def _check_parting(self, now: float) -> None:
        if self.left_since is None:
            self.left_since = now
        waited = now - self.left_since
        if waited > self.limits.send_s:
            self.transport.abort()
        elif waited > LINGER_S and not self.transport.is_closing():
            self.transport.close()


def reason(stopped: httptools.HttpParserError) -> GatewayError:
    """Why the parser stopped. A new error each time: one that is raised again keeps every frame
    that it has passed."""
    cause = stopped.__context__
    return cause.error if isinstance(cause, Refused) else InvalidRequest(MALFORMED)


class LastBody:
    """What hears of a body and of nothing else; behind it nothing is heard any more."""

    def __init__(self, connection: HttpProtocol) -> None:
        self._connection = connection
        self.on_body = connection.on_body

    def on_message_complete(self) -> None:
        self._connection.on_message_complete()
        self._connection.is_deaf = True


class Parting:
    """A transport whose closing is a lingering one."""

    def __init__(self, connection: HttpProtocol) -> None:
        self._connection = connection
        self.write = connection.transport.write
        self.is_closing = connection.transport.is_closing

    def close(self) -> None:
        self._connection.linger()
