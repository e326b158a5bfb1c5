"""Watching over work for a caller who may leave."""

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Any

from starlette.types import Receive

from gateway.errors import ClientGone


class CancelOnDisconnect:
    """Work that is cancelled, as ClientGone, the moment the caller hangs up.

    Nobody reads `receive()` while a handler awaits the engine: without this a disconnect would be
    noticed only when the answer is written. A task for it costs more than most of what a request
    costs here, so `receive` is taken forward by hand: what it waits for is a future, and when that
    is done it goes on.
    """

    __slots__ = ("_is_complete", "_left", "_receive", "_receiving", "_worker")

    def __init__(self, receive: Receive, is_complete: Callable[[], bool]) -> None:
        self._receive = receive
        self._is_complete = is_complete
        self._left = False
        self._receiving: Any = None

    async def __aenter__(self) -> None:
        self._worker: asyncio.Task[object] = asyncio.current_task()  # type: ignore[assignment] # in a task
        self._listen()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        receiving, self._receiving = self._receiving, None
        if receiving is not None:
            receiving.close()
        if kind is asyncio.CancelledError and self._left and self._worker.uncancel() <= 0:
            raise ClientGone from None  # nobody else wants it to stop

    def _listen(self) -> None:
        self._receiving = self._receive()
        self._go_on()

    def _go_on(self, _done: object = None) -> None:
        if self._receiving is None:
            return
        try:
            awaited = self._receiving.send(None)
        except StopIteration as heard:
            self._hear(heard.value["type"])
            return
        if awaited is None:
            asyncio.get_running_loop().call_soon(self._go_on)
        else:
            awaited.add_done_callback(self._go_on)

    def _hear(self, kind: str) -> None:
        if kind != "http.disconnect":
            self._listen()
        elif not self._is_complete():
            self._left = True
            self._worker.cancel()
