"""The way of one request to the engine and back, the same for every handler.

    authorise  key and scope
    screen   red flags in what the caller sent: whatever the outcome, it carries the notices; a long
             text is read in a thread while the next steps go on, up to the first byte
    admit    an audit trail that can be written, the principal's limits, a lower class if it asks
    read     the handler makes a call of the request: the engine's request, the form of the answer;
             what was parsed is dropped then: it takes twenty times the memory of its bytes
    queue    a slot in the admission queue, held until the last byte; a hold may have come meanwhile
    open     the engine's status is known: a failure is still a status of ours
    answer   the handler renders; a failure after the first byte is the stream's last words
    record   what the answer came to, for the observers of the finished record

Screening comes at the same point for all, before anything but a wrong key can refuse the request,
and in the prompt as it was sent, whatever a truncation leaves of it: a notice needs no model.

A handler serves /llm/generate or one path of /v1; it reads and renders, and decides nothing else.
"""

from collections.abc import Sequence
from typing import Protocol

from gateway.engine import openai_json
from gateway.engine.client import LARGEST_ERROR_BYTES, EngineRequest, EngineResponse
from gateway.engine.errors import translate
from gateway.engine.watch import Model
from gateway.errors import (
    EngineGarbled,
    EngineUnavailable,
    InvalidRequest,
    MethodNotAllowed,
)
from gateway.heavy_work import HEAVY_BYTES
from gateway.http import sse
from gateway.http.exchange import AI_GENERATED, Exchange, value_of, values_of
from gateway.json_types import Json
from gateway.limits.json_structure import check_values
from gateway.limits.memory_budget import parsed_bytes
from gateway.principal import NO_LIMITS, PRIORITIES, Priority
from gateway.record import AnswerSummary, Origin, RequestRecord, estimated_tokens
from gateway.safety import refusals
from gateway.safety.prompt_screening import PromptScreening
from gateway.safety.request_text import Turn, turns_of
from gateway.second_reading import SecondReading
from gateway.services import Services

PRIORITY = b"x-mmhie-priority"  # of a request: a lower class than its key's
EVENT_STREAM = (
    (b"content-type", sse.MEDIA_TYPE),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),  # nginx would gather the tokens
    AI_GENERATED,
)


class Answer(Protocol):
    """An answer on its way to the caller; `usage`, `pieces` (tokens seen, at least) and `finals`
    (the closing labels) fill as it goes by. `beginnings` are the first words of its choices, where
    they are known at its end."""

    @property
    def usage(self) -> Json | None: ...

    @property
    def pieces(self) -> int: ...

    @property
    def finals(self) -> list[Json]: ...

    @property
    def beginnings(self) -> Sequence[str]: ...

    def digests(self) -> list[str]:
        """The digests of what there is of an answer that has begun and broken off."""

    async def send(self) -> None:
        """Render what the engine says until its end; raises what goes wrong."""


class Call(Protocol):
    """One request as its handler has read it."""

    @property
    def model(self) -> Model: ...

    @property
    def is_stream(self) -> bool: ...

    @property
    def asks_model(self) -> bool:
        """False for a count of tokens, which no model answers."""

    @property
    def parameters(self) -> Json:
        """The request whose sampling is labelled."""

    @property
    def digested(self) -> bytes:
        """Everything that went in: the request, with what the gateway adds to its text."""

    def pack(self) -> int:
        """Drop what is read once, before a wait that may be long: `parameters`, `digested`. Return
        the bytes that are still held."""

    def sent(self) -> object:
        """Return the request as it went to the engine: no error may quote its text."""

    async def engine_request(self) -> tuple[str, bytes]:
        """Path and body for the engine; raises InputTooLong."""

    def answer(self, response: EngineResponse, label: Json) -> Answer:
        """The answer to send; raises EngineGarbled for a response of the wrong form."""


class Handler(Protocol):
    """Makes a call of a request; raises RequestError, or why no model is available."""

    def read(self, request: Json, body: bytes, exchange: Exchange, services: Services) -> Call:
        """A large request is read in a thread: this may change nothing that others see."""


async def serve(handler: Handler, exchange: Exchange, services: Services) -> None:
    """Answer one exchange on a token path."""
    if exchange.record.method != "POST":
        raise MethodNotAllowed("This path takes POST only; send the request as POST.", allow="POST")
    await authorise(exchange, services)
    screening = PromptScreening(services.screener, exchange.record)
    with services.memory.lease() as exchange.memory:
        try:
            call = await read(handler, exchange, services, screening)
            await answer(call, exchange, services, screening)
        except EngineUnavailable:
            services.watch.recheck()
            raise
        finally:
            await screening.settle()  # a refusal carries the notices, too


async def read(
    handler: Handler, exchange: Exchange, services: Services, screening: PromptScreening
) -> Call:
    """Read the request, screen and admit it, and make a call of it."""
    memory, limit = exchange.memory, services.settings.max_body_bytes
    body = await exchange.body(max_bytes=limit, seen=memory.hold_request)
    memory.hold_request(len(body) + parsed_bytes(body))
    is_heavy = len(body) > HEAVY_BYTES
    path = exchange.scope["path"]
    if is_heavy:
        request, turns = await services.heavy.run(lambda: parsed(body, path))
    else:
        request, turns = parsed(body, path)
    screening.begin(turns)
    await admit(exchange, services)
    services.look()
    if is_heavy:
        return await services.heavy.run(lambda: handler.read(request, body, exchange, services))
    return handler.read(request, body, exchange, services)


def parsed(body: bytes, path: str) -> tuple[Json, Sequence[Turn]]:
    """Return a request and the turns of it that are screened; raises InvalidRequest."""
    if len(body) > HEAVY_BYTES:  # a smaller one cannot hold too many values
        check_values(body)
    request = openai_json.parse_request(body)
    return request, turns_of(path, request)


async def authorise(exchange: Exchange, services: Services) -> None:
    """Authorise the caller for this path."""
    scope = exchange.scope
    exchange.record.principal = await services.gate.admit(scope["path"], scope["headers"])


async def admit(exchange: Exchange, services: Services) -> None:
    """Admit the caller within its limits, as long as its request can be recorded; enter the
    request in the journal."""
    record = exchange.record
    if services.trail is not None:
        services.trail.check()
    if record.principal.limits != NO_LIMITS:
        record.release = await services.gate.limiter.acquire(record.principal)
    if services.trail is not None:
        services.trail.open(record, exchange.scope["path"])
    for said in values_of(exchange.scope["headers"], PRIORITY):
        record.principal = record.principal.lowered(priority_of(said))


def priority_of(said: bytes) -> Priority:
    """Return the class that a header names; raises InvalidRequest for no class."""
    for one in PRIORITIES:
        if one.encode() == said:
            return one
    raise InvalidRequest(
        f"X-MMHIE-Priority is no class; send one of {', '.join(PRIORITIES)}, or no such header."
    )


async def answer(
    call: Call, exchange: Exchange, services: Services, screening: PromptScreening
) -> None:
    """Queue, open, answer."""
    exchange.record.stream = call.is_stream
    label = label_of(call, exchange, services)
    is_heavy = len(call.digested) > HEAVY_BYTES
    exchange.memory.hold(await services.heavy.run(call.pack) if is_heavy else call.pack())
    record = exchange.record
    slot = services.admission.slot(record.principal.priority)
    async with exchange.watched(services.hold.running), slot:
        services.look()
        services.check_hold()
        model = call.model if call.asks_model else None
        with SecondReading(model, record, services, label) as reading:
            reading.begin(screening.doubt)
            response = await opened(call, exchange, services)
            try:
                await refuse_failures(response, call, record, services)
                await screening.settle()
                reading.begin(screening.doubt)
                await reading.wait()
                complete(label, record)
                await relay(call.answer(response, label), exchange)
            finally:
                response.close()


def complete(label: Json, record: RequestRecord) -> None:
    """Add to a label what the screening came to; its notices are the record's own, to which the
    second reader may add one until the last part of the label is written."""
    label["notices"] = record.notices
    if record.screening_warnings:
        label["warnings"] = [*record.screening_warnings]


def label_of(call: Call, exchange: Exchange, services: Services) -> Json:
    """The label as it is known before the engine answers: origin, disclaimer."""
    record, labels = exchange.record, services.labels
    label = labels.initial(
        services.serving(call.model),
        labels.facts_of(call.parameters, call.digested),
        request_id=record.request_id,
        notice_rules=record.notice_rules,
    )
    record.origin = Origin(label["provenance"], label["disclaimer"]["version"])
    return label


async def opened(call: Call, exchange: Exchange, services: Services) -> EngineResponse:
    """Send the request; what its prompt costs is estimated until the engine has counted it."""
    request, record = await request_of(call, exchange, services), exchange.record
    record.prompt_estimate = estimated_tokens(len(request.body))
    try:
        return await services.engine.open(request)
    except EngineUnavailable:
        record.prompt_estimate = 0  # it never had the request
        raise


async def request_of(call: Call, exchange: Exchange, services: Services) -> EngineRequest:
    """The engine's request, with what ties it to this one."""
    path, body = await call.engine_request()
    settings = services.settings
    return EngineRequest(
        "POST",
        path,
        body,
        request_id=exchange.record.request_id,
        session=services.gate.session_id(exchange.record.principal),
        traceparent=exchange.traceparent(),
        idle_s=settings.timeout_seconds if call.is_stream else None,
        total_s=None if call.is_stream else settings.whole_answer_s(exchange.scope["path"]),
    )


async def refuse_failures(
    response: EngineResponse, call: Call, record: RequestRecord, services: Services
) -> None:
    """Raise what a status other than 200 means, while it can still be a status."""
    if response.status != 200:
        record.prompt_estimate = 0
        error = await response.read_all(LARGEST_ERROR_BYTES)
        # Its words are looked for in all of the request, which may be large.
        raise await services.heavy.run(lambda: translate(response.status, error, call.sent()))
    if values_of(response.headers, b"content-encoding"):
        raise EngineGarbled("The engine compressed its answer; switch its compression off.")


async def relay(answer: Answer, exchange: Exchange) -> None:
    """Send an answer and record what it came to, also where it failed half-way."""
    is_whole = False
    try:
        await answer.send()
        is_whole = True
    finally:
        digests = answer.digests() if exchange.record.status and not is_whole else []
        if exchange.record.status or answer.finals:
            seen = (exchange.record.prompt_estimate, answer.pieces)
            kinds = [refusals.kind_of(text) for text in answer.beginnings]
            summary = AnswerSummary.of(
                answer.usage, answer.finals, digests, seen=seen, beginnings=kinds
            )
            warnings = [*exchange.record.screening_warnings, *summary.warnings]
            exchange.record.answer = summary._replace(warnings=warnings)


def is_stream(response: EngineResponse) -> bool:
    """True where the engine answers with events: it also takes `"stream": "true"`."""
    return value_of(response.headers, b"content-type").startswith(b"text/event-stream")
