"""A caller who leaves while the gateway reads, or is told to stop."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from starlette.types import Message

from gateway.errors import ClientGone
from gateway.http.exchange import Exchange


class Caller:
    """The ASGI server's side of one exchange, with a caller who may leave."""

    def __init__(self) -> None:
        self.left: Callable[[], None] | None = None
        self._messages: asyncio.Queue[Message] = asyncio.Queue()
        scope: dict[str, Any] = {"type": "http", "method": "POST", "headers": []}
        scope["on_disconnect"] = self.on_disconnect
        receive = self._messages.get
        self.exchange = Exchange(scope, receive, self.send, request_id="id-1", common=())

    async def send(self, message: Message) -> None:
        """Hear nothing."""

    def on_disconnect(self, callback: Callable[[], None] | None) -> None:
        self.left = callback

    def leave(self) -> None:
        self._messages.put_nowait({"type": "http.disconnect"})
        if self.left is not None:
            self.left()


async def test_leaving_while_the_body_is_read() -> None:
    """Half a question is no question."""
    caller = Caller()
    caller.leave()
    with pytest.raises(ClientGone):
        await caller.exchange.body(max_bytes=9)


@pytest.mark.parametrize("first", ["caller", "drain"])
async def test_cancelled_from_outside_as_the_caller_leaves(first: str) -> None:
    """Both at once: the outer wish to stop is not lost."""
    caller = Caller()

    async def work() -> None:
        with caller.exchange.watched(set()):
            try:
                await asyncio.sleep(5)
            finally:
                caller.leave()
                if first == "caller":
                    asyncio.get_running_loop().call_soon(task.cancel)
                await asyncio.sleep(0.01)

    task = asyncio.create_task(work())
    await asyncio.sleep(0.01)
    if first == "caller":
        caller.leave()
    else:
        task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
