"""One request and its response on a connection: uvicorn's cycle, and a caller who may leave."""

from collections.abc import Callable
from typing import Any

from uvicorn.protocols.http.httptools_impl import RequestResponseCycle


class ResponseCycle(RequestResponseCycle):
    """A cycle that reports a disconnect at once, and writes a chunk of a stream without waiting."""

    left: Callable[[], None] | None = None  # called once the caller has

    async def send(self, message: Any) -> None:
        """Send as uvicorn does; a body in HTTP/1.0 has no chunks, and is as long as it comes."""
        if self.scope["http_version"] == "1.0" and message["type"] == "http.response.body":
            self.expected_content_length = len(message.get("body", b""))
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


def adopt(cycle: Any) -> ResponseCycle:
    """Make a cycle of uvicorn's one of ours: uvicorn names its own class where it makes one."""
    cycle.__class__ = ResponseCycle
    ours: ResponseCycle = cycle
    scope: Any = ours.scope  # see Exchange
    scope |= {"write_framed": ours.write_framed, "on_disconnect": ours.on_disconnect}
    if scope["http_version"] == "1.0":
        ours.chunked_encoding = False
    return ours
