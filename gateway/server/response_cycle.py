"""uvicorn's request-response cycle, with a callback for callers who hang up."""

from collections.abc import Callable
from typing import Any

from uvicorn.protocols.http.httptools_impl import RequestResponseCycle


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
