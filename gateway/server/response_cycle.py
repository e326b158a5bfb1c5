"""One request and its response on a connection: uvicorn's cycle, with faster writes."""

from collections.abc import Callable
from typing import Any

from starlette.types import Message
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from gateway.http.exchange import value_of

CONTROL = bytes([*range(9), *range(10, 32), 127])  # of ASCII, but for the tab


class ResponseCycle(RequestResponseCycle):
    """A cycle with a shorter way out for the common response.

    uvicorn searches each header's name and value for control characters: here the head of a
    response to a POST is searched once. Parts of a stream are written in one go, and so are the
    head and body of a response that is not streamed.
    """

    head = b""  # waits for its body
    left: Callable[[], None] | None = None  # called once the caller has

    async def send(self, message: Any) -> None:
        if self.flow.write_paused and not self.disconnected:
            await self.flow.drain()
        if self.disconnected:
            return
        if self.head and self._send_with_head(message):
            return
        body = message.get("body")
        if body and self.chunked_encoding and message.get("more_body") and not self._is_over:
            self.transport.write(b"%x\r\n%b\r\n" % (len(body), body))
        elif self._is_common_head(message):
            self._begin(message["status"], message["headers"])
        else:
            if self.scope["http_version"] == "1.0" and message["type"] == "http.response.body":
                self.expected_content_length = len(body or b"")  # no chunks: as long as it comes
            await super().send(message)

    def write_framed(self, chunk: bytes) -> bool:
        """Write a chunk that has its framing; False where `send` may have to wait, or sends no
        chunks."""
        if self.flow.write_paused or self.disconnected or not self.chunked_encoding:
            return False
        if self.response_complete:
            return False
        self.transport.write(chunk)
        return True

    def on_disconnect(self, callback: Callable[[], None] | None) -> None:
        """Call back once the caller is gone, at once where it is."""
        self.flow.resume_reading()  # the end of a connection that is not read goes unnoticed
        self.left = callback
        if self.disconnected:
            self.disconnect()

    def disconnect(self) -> None:
        """Note that the caller is gone."""
        self.disconnected = True
        self.message_event.set()
        if self.left is not None:
            self.left()

    @property
    def _is_over(self) -> bool:
        return self.response_complete or self.scope["method"] == "HEAD"

    def _is_common_head(self, message: Message) -> bool:
        """Tell whether this is the head of a 200 on a connection that goes on."""
        return (
            message["type"] == "http.response.start"
            and message["status"] == 200
            and self.scope["method"] == "POST"
            and self.keep_alive
            and not self.response_started
            and self.chunked_encoding is None
        )

    def _begin(self, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        """Write the head, or keep it for the body; RuntimeError where a header would break it."""
        lines = [b": ".join(header) for header in (*self.default_headers, *headers)]
        written = b"".join(lines)
        if written.translate(None, CONTROL) != written:
            raise RuntimeError("a header of this response holds a control character")
        length = value_of(headers, b"content-length")
        if not length:
            lines.append(b"transfer-encoding: chunked")
        self.chunked_encoding = not length
        self.expected_content_length = int(length or 0)
        self.response_started = True
        self.waiting_for_100_continue = False
        head = STATUS_LINE[status] + b"\r\n".join((*lines, b"\r\n"))
        if self.chunked_encoding or not self.expected_content_length:
            self.transport.write(head)
        else:
            self.head = head

    def _send_with_head(self, message: Message) -> bool:
        """Write the head, and with it a complete body, which ends the response; False without."""
        head, self.head = self.head, b""
        body = message.get("body", b"")
        if message.get("more_body") or len(body) != self.expected_content_length:
            self.transport.write(head)
            return False
        self.transport.write(head + body)
        self._end()
        return True

    def _end(self) -> None:
        """End the response, as uvicorn does."""
        self.response_complete = True
        self.message_event.set()
        if not self.keep_alive:
            self.transport.close()
        self.on_response()


def adopt(cycle: Any) -> ResponseCycle:
    """Make a cycle of uvicorn's one of ours: uvicorn names its own class where it makes one."""
    cycle.__class__ = ResponseCycle
    ours: ResponseCycle = cycle
    scope: Any = ours.scope  # see Exchange
    scope |= {"write_framed": ours.write_framed, "on_disconnect": ours.on_disconnect}
    if scope["http_version"] == "1.0":
        ours.chunked_encoding = False
    return ours
