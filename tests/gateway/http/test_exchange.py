"""One exchange: the body that comes in, the headers that go out, and a caller who may leave."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from starlette.types import Message

from gateway.errors import BodyTooLarge, ClientGone, Held, InternalError, MethodNotAllowed, TooBusy
from gateway.http.exchange import CancelOnDisconnect, Exchange, content_length

COMMON = ((b"x-request-id", b"id-1"),)


class Caller:
    """The ASGI server's side: says what it is told to say, keeps what it hears."""

    def __init__(self, *messages: Message, headers: tuple[tuple[bytes, bytes], ...] = ()) -> None:
        self.sent: list[Message] = []
        self._messages: asyncio.Queue[Message] = asyncio.Queue()
        for message in messages:
            self._messages.put_nowait(message)
        self.left: Callable[[], None] | None = None
        self._is_gone = False
        scope: dict[str, Any] = {"type": "http", "method": "POST", "headers": list(headers)}
        scope["on_disconnect"] = self.on_disconnect
        receive = self._messages.get
        self.exchange = Exchange(scope, receive, self.send, request_id="id-1", common=COMMON)

    async def send(self, message: Message) -> None:
        self.sent.append(message)

    def on_disconnect(self, callback: Callable[[], None] | None) -> None:
        self.left = callback
        if self._is_gone and callback is not None:
            callback()

    def leave(self) -> None:
        self._messages.put_nowait({"type": "http.disconnect"})
        self._is_gone = True
        if self.left is not None:
            self.left()


def part(body: bytes, *, more: bool) -> Message:
    return {"type": "http.request", "body": body, "more_body": more}


async def test_a_body_in_parts() -> None:
    """The parts of a body are joined in order."""
    caller = Caller(part(b"a", more=True), part(b"", more=True), part(b"b", more=False))
    assert await caller.exchange.body(max_bytes=2) == b"ab"


@pytest.mark.parametrize(
    ("headers", "parts"),
    [
        (((b"content-length", b"3"),), ()),
        ((), (part(b"ab", more=True), part(b"c", more=True))),
        (((b"content-length", b"1"),), (part(b"abc", more=False),)),
    ],
)
async def test_too_large_a_body(
    headers: tuple[tuple[bytes, bytes], ...], parts: tuple[Message, ...]
) -> None:
    """Refused by what it declares, unread, or as soon as it has grown too large."""
    with pytest.raises(BodyTooLarge) as raised:
        await Caller(*parts, headers=headers).exchange.body(max_bytes=2)
    assert "MMHIE_MAX_BODY_BYTES" in raised.value.message


async def test_leaving_while_the_body_is_read() -> None:
    """Half a question is no question."""
    caller = Caller(part(b"a", more=True))
    caller.leave()
    with pytest.raises(ClientGone):
        await caller.exchange.body(max_bytes=9)


async def test_every_response_carries_the_common_headers() -> None:
    """Every way to respond adds the common headers."""
    caller = Caller()
    await caller.exchange.respond(200, b"{}", headers=[(b"a", b"b")])
    start, body = caller.sent
    assert start["status"] == caller.exchange.record.status == 200
    own = [(b"content-type", b"application/json"), (b"content-length", b"2"), (b"a", b"b")]
    assert start["headers"] == [*own, *COMMON]
    assert body == {"type": "http.response.body", "body": b"{}", "more_body": False}
    assert caller.exchange.complete


@pytest.mark.parametrize(
    ("error", "header"),
    [
        (TooBusy("Full.", retry_after_s=3), (b"retry-after", b"3")),
        (MethodNotAllowed("No.", allow="POST"), (b"allow", b"POST")),
    ],
)
async def test_an_error_is_a_response(error: Any, header: tuple[bytes, bytes]) -> None:
    """Status, shape and headers of the error; its code is the outcome."""
    caller = Caller()
    await caller.exchange.refuse(error)
    start, body = caller.sent
    assert start["status"] == error.status
    assert header in start["headers"]
    assert body["body"] == error.body()
    assert caller.exchange.record.outcome == error.code


async def test_an_error_after_the_first_byte_adds_none() -> None:
    """A second head would be part of the first body."""
    caller = Caller()
    await caller.exchange.start(200, [])
    await caller.exchange.refuse(InternalError("Oh."))
    assert len(caller.sent) == 1
    assert caller.exchange.record.outcome == "internal"
    assert not caller.exchange.complete


async def test_an_error_in_a_stream_is_its_last_words() -> None:
    """An open stream ends with it; to a complete one nothing is added."""
    caller = Caller()
    await caller.exchange.start(200, [], last_words=lambda error: error.code.encode())
    await caller.exchange.refuse(InternalError("Oh."))
    await caller.exchange.refuse(InternalError("Again."))
    assert [message.get("body") for message in caller.sent] == [None, b"internal"]
    assert caller.exchange.complete


@pytest.mark.parametrize(("length", "size"), [(b"12", 12), (b"", 0), (b"-1", 0), (b"1e3", 0)])
def test_a_length_is_digits(length: bytes, size: int) -> None:
    """Anything else counts as no length."""
    assert content_length(length) == size


def test_the_first_of_several_headers_counts() -> None:
    """And an absent one is empty."""
    caller = Caller(headers=((b"a", b"1"), (b"a", b"2")))
    assert caller.exchange.header(b"a") == b"1"
    assert caller.exchange.header(b"b") == b""


async def test_leaving_before_the_work_begins() -> None:
    """The work is stopped at its first wait."""
    caller = Caller()
    caller.leave()
    with pytest.raises(ClientGone), caller.exchange.watched(set()):
        await asyncio.sleep(5)


async def test_work_that_is_interrupted() -> None:
    """Ends with the error that was given, the first of two; not once its answer is complete."""
    caller, running = Caller(), set[CancelOnDisconnect]()

    async def work() -> None:
        with caller.exchange.watched(running):
            (interrupted,) = running
            interrupted.interrupt(lambda: Held("Held."))
            interrupted.interrupt(lambda: InternalError("Later."))
            await asyncio.sleep(60)

    with pytest.raises(Held):
        await work()
    assert not running
    with caller.exchange.watched(running):
        await caller.exchange.respond(200, b"{}")
        next(iter(running)).interrupt(lambda: Held("Held."))
        await asyncio.sleep(0)


async def test_leaving_during_the_work() -> None:
    """Cancelled at once; clean-up runs, and the task may go on living."""
    caller, cleaned = Caller(), asyncio.Event()

    async def work() -> None:
        async with asyncio.timeout(60):
            with caller.exchange.watched(set()):
                try:
                    await asyncio.sleep(5)
                finally:
                    cleaned.set()

    asyncio.get_running_loop().call_later(0.02, caller.leave)
    with pytest.raises(ClientGone):
        await work()
    assert cleaned.is_set()
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0
    await asyncio.sleep(0)


async def test_the_end_of_a_response_is_no_leaving() -> None:
    """A server reports a disconnect after the last byte, too."""
    caller = Caller()
    with caller.exchange.watched(set()):
        await caller.exchange.respond(200, b"{}")
        caller.leave()
        await asyncio.sleep(0.02)
    await asyncio.sleep(0.01)
    assert caller.exchange.record.outcome == "ok"


async def test_leaving_after_the_work_is_noticed_by_nobody() -> None:
    """The watch ends with the block, without a response as well."""
    caller = Caller()
    with caller.exchange.watched(set()):
        await asyncio.sleep(0)
    caller.leave()
    await asyncio.sleep(0.01)
    assert caller.left is None


async def test_cancelled_from_outside() -> None:
    """The drain's cancellation stays one."""
    caller = Caller()

    async def work() -> None:
        with caller.exchange.watched(set()):
            await asyncio.sleep(5)

    task = asyncio.create_task(work())
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


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


async def test_an_error_of_the_work_is_its_own() -> None:
    """Nothing is made of it, and the watch ends."""
    caller = Caller()
    with pytest.raises(InternalError), caller.exchange.watched(set()):
        raise InternalError("Oh.")
    assert caller.left is None


async def test_writing_without_waiting() -> None:
    """Sent at once where the server has room; otherwise it can be waited for."""
    caller, framed = Caller(), list[bytes]()
    caller.exchange.write_framed = lambda chunk: not framed and not framed.append(chunk)  # type: ignore[func-returns-value]
    assert caller.exchange.write_now(b"a") is None
    waiting = caller.exchange.write_now(b"b")
    assert waiting is not None
    await waiting

    assert framed == [b"1\r\na\r\n"]
    assert [message["body"] for message in caller.sent] == [b"b"]
    assert caller.exchange.record.sent_bytes == 2
    assert not caller.exchange.complete
