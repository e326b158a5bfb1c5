"""Callers who hang up at every stage of a request, and patient ones beside them."""

import asyncio
import contextlib
import random
import socket
import struct
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import takewhile

import orjson

from tests.contract.surfaces import SURFACES, Surface
from tests.gateway.auth.conftest import bearer
from tests.gateway.server.wire import request

REFUSED: Mapping[str, bytes] = {
    "not JSON": b"{",
    "unknown field": b'{"prompt":"Why?","model":"fake-model","temperature":9,"messages":9}',
    "unknown model": b'{"prompt":"Why?","model":"other","messages":[]}',
    "too large": b"x" * 70_000,
}
BLANK = b"\r\n\r\n"
WHOLE = "patient: whole"


@dataclass(slots=True)
class Leavers:
    """A crowd at one gateway; `outcomes` counts stages, and the outcomes of those who stay."""

    port: int
    keys: Sequence[str]
    patient_key: str
    chance: random.Random
    outcomes: Counter[str] = field(default_factory=Counter)

    async def run(self, times: int, *, served: int, at_once: int = 24, patient: int = 3) -> None:
        """Let at least so many hang up, some at once, until the patient beside them were served.

        Where the patient never are, it ends at ten times as many.
        """
        left = takewhile(
            lambda number: number < times or self.outcomes[WHOLE] < served, range(10 * times)
        )
        leaving = [asyncio.create_task(self._leave_all(left)) for _ in range(at_once)]
        staying = [asyncio.create_task(self._stay(number)) for number in range(patient)]
        await asyncio.gather(*leaving)
        for task in staying:
            task.cancel()
        await asyncio.gather(*staying, return_exceptions=True)

    async def _leave_all(self, left: Iterator[int]) -> None:
        for _ in left:
            await self._leave()

    async def _leave(self) -> None:
        stage = self.chance.choice(STAGES)
        asked = self._request(stage)
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                await STAGE_ACTS[stage](Caller(self.chance, asked, reader, writer))
        finally:
            hang_up(writer, with_reset=self.chance.random() < 0.5)
        self.outcomes[stage] += 1

    def _request(self, stage: str) -> bytes:
        """A whole request whose outcome fits the stage."""
        key = self.chance.choice(self.keys)
        surface = self.chance.choice(SURFACES)
        if stage == "refused":
            kind = self.chance.choice(("wrong key", *REFUSED))
            return request_of(surface, "wrong" if kind == "wrong key" else key, REFUSED.get(kind))
        return request_of(surface, key)

    async def _stay(self, number: int) -> None:
        """Ask until told to stop: every answer is whole, or a refusal for being one too many."""
        surface = SURFACES[(3 * number + 1) % len(SURFACES)]
        while True:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            try:
                writer.write(request_of(surface, self.patient_key, close=True))
                answer = await reader.read()
            finally:
                writer.close()
            self.outcomes[outcome_of(surface, answer)] += 1


def outcome_of(surface: Surface, answer: bytes) -> str:
    """Tell a whole answer from a refusal, and both from anything else."""
    head, _, body = answer.partition(BLANK)
    status = head[9:12]
    if status in (b"429", b"503") and body.endswith(b"}"):
        return "patient: refused"
    ends = {"json": b"}", "sse": b"0\r\n\r\n", "text": b"0\r\n\r\n"}
    if status == b"200" and body.endswith(ends[surface.form]) and b'"error"' not in body:
        return WHOLE
    return f"patient: broken {answer[:80]!r} … {answer[-200:]!r}"


def request_of(
    surface: Surface, key: str, body: bytes | None = None, *, close: bool = False
) -> bytes:
    """Return the bytes of a request."""
    content = orjson.dumps(surface.body(**surface.limit(12))) if body is None else body
    lines = [f"{name}: {value}" for name, value in {**surface.headers, **bearer(key)}.items()]
    lines.append("content-type: application/json")
    return request(surface.path, *lines, method="POST", body=content, close=close)


def hang_up(writer: asyncio.StreamWriter, *, with_reset: bool) -> None:
    """Close the connection, in order or not."""
    if with_reset:
        plug = writer.get_extra_info("socket")
        plug.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()
    else:
        writer.close()


@dataclass(frozen=True, slots=True)
class Caller:
    """One who leaves: their request, and their connection."""

    chance: random.Random
    request: bytes
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter


async def before_the_end_of_the_head(caller: Caller) -> None:
    caller.writer.write(caller.request[: caller.chance.randrange(caller.request.index(BLANK))])
    await caller.writer.drain()


async def before_the_end_of_the_body(caller: Caller) -> None:
    start = caller.request.index(BLANK) + len(BLANK)
    caller.writer.write(
        caller.request[: caller.chance.randrange(start, max(len(caller.request), start + 1))]
    )
    await caller.writer.drain()
    await asyncio.sleep(caller.chance.random() * 0.005)


async def at_admission(caller: Caller) -> None:
    caller.writer.write(caller.request)
    await caller.writer.drain()


async def a_moment_later(caller: Caller) -> None:
    caller.writer.write(caller.request)
    await asyncio.sleep(caller.chance.random() * 0.03)


async def in_the_answer(caller: Caller) -> None:
    caller.writer.write(caller.request)
    await caller.reader.read(caller.chance.choice((1, 100, 2000)))


async def after_the_end(caller: Caller) -> None:
    caller.writer.write(caller.request)
    head = (await caller.reader.readuntil(BLANK)).lower()
    if b"content-length: " in head:
        await caller.reader.readexactly(int(head.split(b"content-length: ")[1].split(b"\r\n")[0]))
    else:
        await caller.reader.readuntil(b"\r\n0\r\n\r\n")


STAGE_ACTS = {
    "head": before_the_end_of_the_head,
    "body": before_the_end_of_the_body,
    "admission": at_admission,
    "queue": a_moment_later,
    "refused": at_admission,
    "answer": in_the_answer,
    "end": after_the_end,
}
STAGES = tuple(STAGE_ACTS)
