"""The path of one request to the engine and back: ten steps, the same for every handler.

    authorise  check key and scope, and the headers with person, patient and purpose
               (`middleware.py`)
    receive    read and parse the body, and pick the texts to screen
    screen     search the texts for red flags; every outcome carries the notices. A long text is
               read in parts while the next steps run, until the first byte of the answer
    admit      check the required person and purpose, the audit trail and the principal's limits;
               lower the priority class on request
    read       let the handler check the request and prepare the engine's; the parsed body, which
               takes twenty times the memory of its bytes, is dropped then
    label      collect the facts known before the answer: disclaimer and provenance
    queue      wait for a slot, which is released after the last byte
    open       send the request and wait for the engine's status: a failure is still a status
    answer     let the handler render; a failure after the first byte is an event in the stream
    observe    limits, metrics, traces, audit and log read the finished record (`middleware.py`)

All but the first and the last are methods of `Pipeline`, in this order. A request passes through
three immutable stages: `Incoming`, `Prepared`, `Opened`.

Only a bad key, a bad header of the first step, or a body that is not JSON can refuse a request
before it is screened. The whole prompt is screened, even if it is truncated later.

A handler serves /llm/generate or one path of /v1. It reads requests and renders answers only.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, Self

from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.api.json_structure import check_values
from gateway.api.request_text import Turn, turns_of
from gateway.auth.care_context import check_context
from gateway.auth.key_guard import withdrawn
from gateway.engine import openai_json
from gateway.engine.client import EngineRequest, EngineResponse
from gateway.engine.errors import MOST_BYTES, translate
from gateway.engine.watch import ServedModel
from gateway.errors import (
    EngineGarbled,
    EngineUnavailable,
    GatewayError,
    InvalidRequest,
)
from gateway.http import sse
from gateway.http.exchange import AI_GENERATED, Exchange, RawHeaders, value_of, values_of
from gateway.limits.admission import Slot
from gateway.limits.memory_budget import MemoryLease, parsed_bytes
from gateway.principal import NO_LIMITS, PRIORITIES, Priority
from gateway.record import AnswerSummary, AnswerTally, Origin, estimated_tokens
from gateway.runtime.heavy_work import HEAVY_BYTES
from gateway.runtime.json_types import Json
from gateway.runtime.turns import CALLER
from gateway.safety.labels import RequestFacts
from gateway.safety.red_flags.screening import PromptScreening
from gateway.safety.transcript import Transcript
from gateway.services import Services

PRIORITY = b"x-mmhie-priority"  # lowers the class of one request
EVENT_STREAM = (
    (b"content-type", sse.MEDIA_TYPE),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),  # nginx would buffer the tokens
)


class Incoming(NamedTuple):
    """A request as the caller sent it; `turns` are the texts to screen."""

    body: bytes
    request: Json
    turns: Sequence[Turn]

    @classmethod
    def of(cls, body: bytes, path: str) -> "Incoming":
        """Parse a body of at most MMHIE_MAX_BODY_BYTES, in linear time; raise InvalidRequest."""
        if len(body) > HEAVY_BYTES:  # a smaller one cannot have too many values
            check_values(body)
        request = openai_json.parse_request(body)
        return cls(body, request, turns_of(path, request))


class OutgoingAnswer(Protocol):
    """An answer on its way to the caller."""

    @property
    def tally(self) -> AnswerTally: ...

    async def send(self) -> None:
        """Render the engine's answer until its end; raise any failure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared(ABC):
    """A request that its handler has checked, without its parsed body.

    `path` and `body` are the engine's, the body only after `fit`. `held_bytes` is the memory that
    the request takes.
    """

    model: ServedModel
    facts: RequestFacts
    path: str
    is_stream: bool
    held_bytes: int
    body: bytes = b""

    async def fit(self, _: Services) -> Self:
        """Return the request to send, shortened if allowed and necessary; raise InputTooLong."""
        return self

    @abstractmethod
    def answer(self, opened: "Opened", services: Services) -> OutgoingAnswer:
        """Return the answer to send; raise EngineGarbled for a response of the wrong form."""


class Opened(NamedTuple):
    """The engine's response to a request, and the context for rendering the answer."""

    request: Prepared
    response: EngineResponse
    label: Json
    exchange: Exchange
    memory: MemoryLease
    transcript: Transcript | None = None  # collects the texts of the answer for the vault


class Handler(Protocol):
    """Prepares the requests of a path; raises RequestError, or the reason why there is no model."""

    def most_tokens(self, incoming: Incoming, services: Services, most: int) -> int:
        """Return the tokens that prompt and answers may take, for a caller with `most`."""

    def read(self, incoming: Incoming, exchange: Exchange, services: Services) -> Prepared:
        """Check a request and prepare the engine's. A thread may call this for a large request, so
        it must not change shared state."""


class Pipeline:
    """One exchange on a token path; its methods are the steps, in their order."""

    __slots__ = ("exchange", "handler", "memory", "record", "screening", "services", "transcript")

    def __init__(self, handler: Handler, exchange: Exchange, services: Services) -> None:
        self.handler = handler
        self.exchange = exchange
        self.services = services
        self.record = exchange.record
        self.memory = services.memory.lease()
        self.screening = PromptScreening(services.screener, exchange.record)
        self.transcript: Transcript | None = None

    async def run(self) -> None:
        """Take the request through every step; refusals carry the notices, too."""
        CALLER.set(self.record.principal.name)
        with self.memory:
            try:
                await self.respond(await self.take_in())
            except EngineUnavailable:
                self.services.watch.recheck()
                raise
            finally:
                self.store_texts()
                try:
                    await self.screening.settle()
                finally:
                    self.screening.close()

    async def take_in(self) -> Prepared:
        """Receive, screen, admit and read; the parsed body is freed at the end."""
        incoming = await self.receive()
        self.screen(incoming)
        await self.admit(incoming)
        self.transcript = self.services.transcript(incoming.body)
        return await self.read(incoming)

    async def respond(self, prepared: Prepared) -> None:
        """Label, queue, open and answer."""
        self.memory.hold(prepared.held_bytes)
        self.screening.count_unread(self.memory.add)
        label = self.label(prepared)
        with self.exchange.watched(self.services.hold.running):
            async with self.queue():
                opened = await self.open(prepared, label)
                try:
                    await self.answer(opened)
                finally:
                    opened.response.close()

    async def receive(self) -> Incoming:
        """Receive the body and parse it, a large one in a thread."""
        memory, limit = self.memory, self.services.settings.max_body_bytes
        body = await self.exchange.body(max_bytes=limit, seen=memory.hold_request)
        memory.hold_request(len(body) + parsed_bytes(body))
        path = self.exchange.scope["path"]
        return await self.services.heavy.on(len(body), lambda: Incoming.of(body, path))

    def screen(self, incoming: Incoming) -> None:
        """Begin to search for red flags; `respond` and every refusal wait for the result."""
        self.screening.begin(incoming.turns)

    async def admit(self, incoming: Incoming) -> None:
        """Admit the caller within its limits, if its request can be recorded and its answer stored;
        enter the request in the journal."""
        record, trail, headers = self.record, self.services.trail, self.exchange.scope["headers"]
        check_context(record.principal.care, self.services.settings.required_context)
        if trail is not None:
            trail.check()
        if self.services.vault is not None:
            self.services.vault.check()
        if record.principal.limits != NO_LIMITS:
            tokens = self.tokens_to_reserve(incoming)
            record.release = await self.services.gate.limiter.acquire(record.principal, tokens)
        if trail is not None:
            trail.open(record, self.exchange.scope["path"])
        for value in values_of(headers, PRIORITY):
            record.principal = record.principal.lower(parse_priority(value))

    def tokens_to_reserve(self, incoming: Incoming) -> int:
        """Return the tokens that a request may take, if the caller has a token limit; raise
        InvalidRequest if they exceed the whole limit."""
        most = self.services.gate.limiter.tokens_per_minute(self.record.principal)
        if most is None:
            return 0
        tokens = self.handler.most_tokens(incoming, self.services, most)
        if tokens > most:
            raise InvalidRequest(
                f"This request may take {tokens} tokens, and this key has {most} per minute; send "
                "a shorter prompt or a lower max_tokens.",
            )
        return tokens

    async def read(self, incoming: Incoming) -> Prepared:
        """Let the handler check the request and prepare the engine's, a large one in a thread."""
        services = self.services
        services.hold.apply_shared()
        prepared = await services.heavy.on(
            len(incoming.body), lambda: self.handler.read(incoming, self.exchange, services)
        )
        self.record.stream = prepared.is_stream
        return prepared

    def label(self, prepared: Prepared) -> Json:
        """Return the half of the label that is known before the engine answers."""
        record, services = self.record, self.services
        label = services.labels.initial(
            services.serving(prepared.model),
            prepared.facts,
            request_id=record.request_id,
            notice_rules=record.notice_rules,
        )
        record.origin = Origin(label["provenance"], label["disclaimer"]["version"])
        return label

    def queue(self) -> Slot:
        """Return the slot to wait for, which is released after the last byte."""
        return self.services.admission.slot(self.record.principal.priority)

    async def open(self, prepared: Prepared, label: Json) -> Opened:
        """Send the request and wait for the engine's status; raise its failure, Held, or
        Unauthorized if the key was withdrawn meanwhile.

        The prompt's tokens are estimated until the engine has counted them.
        """
        record, services = self.record, self.services
        services.hold.apply_shared()
        services.check_hold()
        if not services.gate.still_admits(record.principal):  # its body may have come slowly
            raise withdrawn()
        request = await prepared.fit(services)
        record.prompt_estimate = estimated_tokens(len(request.body))
        try:
            response = await services.engine.open(self.engine_request(request))
        except EngineUnavailable:
            record.prompt_estimate = 0  # it never received the request
            raise
        if response.status != 200 or values_of(response.headers, b"content-encoding"):
            raise await self.failure(response)
        return Opened(request, response, label, self.exchange, self.memory, self.transcript)

    def engine_request(self, request: Prepared) -> EngineRequest:
        """Return the engine's request with the ids of this one, and its timeout."""
        settings, path = self.services.settings, self.exchange.scope["path"]
        return EngineRequest(
            "POST",
            request.path,
            request.body,
            request_id=self.record.request_id,
            session=self.services.gate.session_id(self.record.principal),
            traceparent=self.record.trace.to_engine() if self.record.trace else "",
            idle_s=settings.timeout_seconds if request.is_stream else None,
            total_s=None if request.is_stream else settings.whole_answer_s(path),
        )

    async def failure(self, response: EngineResponse) -> GatewayError:
        """Return the error for a response that is not an answer, and close it."""
        try:
            if response.status == 200:
                return EngineGarbled(
                    "The engine compressed its answer; switch its compression off."
                )
            self.record.prompt_estimate = 0
            error = await response.read_start(MOST_BYTES)
            return translate(response.status, error, path=self.exchange.scope["path"])
        finally:
            response.close()

    async def answer(self, opened: Opened) -> None:
        """Send the answer with the notices; sum it up for the record, even if it fails half-way."""
        await self.screening.settle()
        self.screening.complete(opened.label)
        answer = opened.request.answer(opened, self.services)
        is_whole = False
        try:
            await answer.send()
            is_whole = True
            if self.transcript is not None:
                self.transcript.is_whole = True
        finally:
            if self.record.status or answer.tally.finals:
                self.record.answer = self.summary(answer.tally, is_whole=is_whole)

    def summary(self, tally: AnswerTally, *, is_whole: bool) -> AnswerSummary:
        """Sum up an answer, or the partial answer after a failure."""
        return AnswerSummary.of(
            tally,
            is_partial=bool(self.record.status) and not is_whole,
            prompt_estimate=self.record.prompt_estimate,
            warnings=self.record.screening_warnings,
        )

    def store_texts(self) -> None:
        """Hand the texts of request and answer to the vault, if there is one."""
        transcript, vault, path = self.transcript, self.services.vault, self.exchange.scope["path"]
        if transcript is not None and not (vault and vault.keep(self.record, path, transcript)):
            transcript.release()


def application(handler: Handler) -> ASGIApp:
    """Return the pipeline of a handler as an ASGI application."""

    async def run(scope: Scope, receive: Receive, send: Send) -> None:
        await Pipeline(handler, scope["exchange"], scope["state"]["services"]).run()

    return run


def origin_headers(label: Json) -> RawHeaders:
    """Return the header of an answer that a model wrote; none for a prompt that is sent back."""
    return [AI_GENERATED] if label.get("ai_generated", True) else []


def parse_priority(value: bytes) -> Priority:
    """Return the priority class in a header; raise InvalidRequest for an unknown one."""
    for priority in PRIORITIES:
        if priority.encode() == value:
            return priority
    raise InvalidRequest(
        f"X-MMHIE-Priority is no class; send one of {', '.join(PRIORITIES)}, or no such header."
    )


def is_stream(response: EngineResponse) -> bool:
    """Return whether the engine answers with events, as it also does for `"stream": "true"`."""
    return value_of(response.headers, b"content-type").startswith(b"text/event-stream")
