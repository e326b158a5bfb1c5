"""`python -m tests.bench.bare`: a relay and nothing else, of libraries alone (uvicorn, aiohttp).

What Python itself costs on a machine: how much slower than C it is differs by half from one
processor to another, so a limit that holds everywhere is one on the ratio to this.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import uvicorn

from tests.bench.targets import ENGINE_PORT, PORT

ENGINE = f"http://127.0.0.1:{ENGINE_PORT}"
PASSED = ("content-type", "content-length")
Send = Callable[[dict[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[dict[str, Any]]]


class Relay:
    """An ASGI application that passes bodies on in both directions."""

    def __init__(self) -> None:
        self.session: aiohttp.ClientSession | None = None

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            body = b"".join([part async for part in parts(receive)])
            async with self.asked(scope, body) as answer:
                await passed(answer, send)

    @asynccontextmanager
    async def asked(
        self, scope: dict[str, Any], body: bytes
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        if self.session is None:
            self.session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
        headers = {"content-type": "application/json"}
        url = ENGINE + scope["path"]
        async with self.session.request(scope["method"], url, data=body, headers=headers) as answer:
            yield answer


async def parts(receive: Receive) -> AsyncIterator[bytes]:
    """The body of a request."""
    while True:
        message = await receive()
        yield message.get("body", b"")
        if not message.get("more_body"):
            return


async def passed(answer: aiohttp.ClientResponse, send: Send) -> None:
    """Send an answer on as it comes."""
    headers = [(n.encode(), answer.headers[n].encode()) for n in PASSED if n in answer.headers]
    start = {"type": "http.response.start", "status": answer.status, "headers": headers}
    await send(start)
    async for data in answer.content.iter_any():
        await send({"type": "http.response.body", "body": data, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


if __name__ == "__main__":
    uvicorn.run(Relay(), port=PORT, loop="uvloop", lifespan="off", log_level="warning")
