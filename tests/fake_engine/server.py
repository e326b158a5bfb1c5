"""Routes, state and faults of the fake engine."""

import asyncio
import dataclasses
import json
import os
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from tests.fake_engine import chat, completion, messages, responses
from tests.fake_engine.chat import DONE, Frame, Head, compact
from tests.fake_engine.connection import Connection, Request
from tests.fake_engine.faults import (
    DELIVERIES,
    GENERATION,
    PLANS,
    Delivery,
    Entry,
    Fault,
    Queue,
    entry_of,
)
from tests.fake_engine.metrics import Counts, render
from tests.fake_engine.options import Options
from tests.fake_engine.plan import Plan, plan_for
from tests.fake_engine.prompt import count_tokens, words
from tests.fake_engine.recorded import recorded
from tests.fake_engine.refusals import (
    NO_TEMPLATE,
    Refusal,
    as_message,
    check,
    check_model,
    parsed,
    refusal,
)
from tests.fake_engine.sending import Sender, send_whole
from tests.fake_engine.wires import WIRES, Wire

KEPT = 500
VERSION = "0.32.0"


Page = Callable[["Engine", Connection, Request, Entry], Awaitable[None]]
Instead = Callable[[Connection, Fault], Awaitable[None]]


class Engine:
    """Everything one fake engine knows."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.counts = Counts()
        self.queue = Queue()
        self.seen: list[dict[str, Any]] = []
        self.permits = asyncio.Semaphore(0)
        self.fingerprint = f"vllm-{VERSION}-c2bdcd3f"
        self.vocabulary: dict[str, int] = {}
        for entry in options.faults:
            self.queue.add(entry)

    def connection(self) -> Connection:
        """A protocol for one accepted socket."""
        return Connection(self.respond)

    async def respond(self, connection: Connection, request: Request) -> None:
        """Answer one request."""
        if not request.path.startswith("/_fake/"):
            self.remember(request)
        try:
            await self.route(connection, request)
        except Refusal as error:
            await connection.answer(error.status, compact(error.body).encode())

    def remember(self, request: Request) -> None:
        """Count the request and keep what came, for `/_fake/requests`."""
        self.counts.saw(request.path)
        self.seen = self.seen[-KEPT:]
        self.seen.append(
            {
                "method": request.method,
                "path": request.path,
                "headers": dict(request.headers),
                "body": request.body.decode("utf-8", "replace"),
                "reused": request.reused,
            }
        )

    async def route(self, connection: Connection, request: Request) -> None:
        """Find the page; vLLM asks for its key under /v1 only."""
        self.authorize(request)
        entry = self.queue.take(request.path, reused=request.reused)
        for fault in entry:
            if fault.fault in INSTEAD:
                await INSTEAD[fault.fault](connection, fault)
                return
        route = ROUTES.get(request.path)
        if route is None:
            raise Refusal(404, {"detail": "Not Found"})
        method, page = route
        if request.method != method:
            raise Refusal(405, {"detail": "Method Not Allowed"})
        try:
            await page(self, connection, request, entry)
        except (AttributeError, KeyError, IndexError, TypeError, ValueError):
            if request.path not in TOKENIZERS:
                raise
            raise refusal(400) from None  # a field of another type, an unknown token

    def authorize(self, request: Request) -> None:
        """Raise 401 when a key is wanted and not given."""
        wanted = self.options.api_key
        given = request.headers.get("authorization", "")
        if wanted and request.path.startswith("/v1") and given != f"Bearer {wanted}":
            raise Refusal(401, {"error": "Unauthorized"})

    @asynccontextmanager
    async def generation(self, prompt_tokens: int) -> AsyncIterator[None]:
        """Count a request as running until it ends; the client leaving is an abort."""
        self.counts.running += 1
        self.counts.prompt_tokens += prompt_tokens
        try:
            yield
            self.counts.finished += 1
        except asyncio.CancelledError:
            self.counts.aborted += 1
            self.counts.running += self.options.ignores_aborts
            raise
        finally:
            self.counts.running -= 1

    def token_id(self, word: str) -> int:
        """The id of a word, given out in the order words are first seen."""
        return self.vocabulary.setdefault(word, len(self.vocabulary))

    def spend(self, tokens: int) -> None:
        """Count generated tokens."""
        self.counts.generated_tokens += tokens


def delivery_for(options: Options, entry: Entry) -> Delivery:
    """Return this answer's delivery: the engine's own pace, bent by the request's faults."""
    delivery = Delivery(options.first_token_delay, options.token_delay)
    for fault in entry:
        if fault.fault in DELIVERIES:
            delivery = DELIVERIES[fault.fault](delivery, fault)
    return delivery


def plans_for(engine: Engine, body: dict[str, Any], entry: Entry) -> list[Plan]:
    """Return the plan of each choice, bent by the engine's kind and the request's faults."""
    options = engine.options
    kind = (Fault("reasoning"),) if options.reasoning else ()
    called = (Fault("tool_call", body='{"drug": "aspirin"}'),) if calls_a_tool(body) else ()
    plan = partial(plan_for, body, length=options.length, vocabulary=options.vocabulary)
    return [
        bent(plan(index=index), (*kind, *called, *entry))
        for index in range(int(body.get("n") or 1))
    ]


def calls_a_tool(body: dict[str, Any]) -> bool:
    """The fake model calls a tool whenever it is told to."""
    choice = body.get("tool_choice")
    is_named = isinstance(choice, dict) and choice.get("type") not in ("auto", "none")
    return bool(body.get("tools")) and (choice == "required" or is_named)


def bent(plan: Plan, entry: Entry) -> Plan:
    """A plan with the request's faults of content applied."""
    for fault in entry:
        if fault.fault in PLANS:
            plan = PLANS[fault.fault](plan, fault)
    return plan


def head_for(engine: Engine, request: Request, body: dict[str, Any], prefix: str) -> Head:
    """Identity of an answer; X-Request-Id becomes part of the id, as in vLLM."""
    name = request.headers.get("x-request-id") or secrets.token_hex(8)
    return Head(
        id=f"{prefix}-{name}",
        created=engine.options.created or int(time.time()),
        model=engine.options.answers_as or engine.options.model,
        fingerprint=engine.fingerprint,
        prompt_tokens=count_tokens(body),
        body=body,
    )


# The beginning of ids, the end of streams, and what writes whole answers and frames.
APIS: dict[str, tuple[str, bytes, Any]] = {
    "/v1/chat/completions": ("chatcmpl", DONE, chat),
    "/v1/completions": ("cmpl", DONE, completion),
    "/v1/responses": ("resp", b"", responses),
    "/v1/messages": ("chatcmpl", b"", messages),
}
# Last events of a stream in which generation fails.
FAILURES = {"/v1/messages": messages.failure()}


async def generate(engine: Engine, connection: Connection, request: Request, entry: Entry) -> None:
    """Any of the four generation routes."""
    engine.counts.generations += 1
    options = engine.options
    if options.crash_after and engine.counts.generations >= options.crash_after:
        os._exit(1)
    body = parsed(request.body)
    try:
        check(request.path, body, options)
        async with engine.generation(count_tokens(body)):
            await produce(engine, connection, request, body, entry)
    except (AttributeError, KeyError, TypeError, ValueError):  # a field of another type
        raise refusal(400) from None
    except Refusal as error:
        raise (as_message(error) if request.path == "/v1/messages" else error) from None


async def produce(
    engine: Engine, connection: Connection, request: Request, body: dict[str, Any], entry: Entry
) -> None:
    """Send the answer in the form the request asks for."""
    prefix, terminator, api = APIS[request.path]
    plans = plans_for(engine, body, entry)
    told = body if engine.options.usage else {**body, "stream_options": None}
    head = head_for(engine, request, told, prefix)
    whole, frames = api.whole(head, plans), api.frames(head, plans)
    delivery = delivery_for(engine.options, entry)
    wired = [WIRES[fault.fault] for fault in entry if fault.fault in WIRES]
    if wired:
        await wired[0](wire_of(connection, body, whole, frames, terminator))
        return
    if body.get("stream"):
        sender = Sender(connection, delivery, engine.spend, engine.permits)
        sender.failure = FAILURES.get(request.path, sender.failure)
        await sender.stream(frames, terminator=terminator)
        return
    await thinking(delivery, plans)
    if delivery.gated:
        await engine.permits.acquire()
    engine.spend(sum(plan.completion_tokens for plan in plans))
    await send_whole(connection, delivery, compact(whole).encode())


def wire_of(
    connection: Connection,
    body: dict[str, Any],
    whole: dict[str, Any],
    frames: Iterator[Frame],
    terminator: bytes,
) -> Wire:
    """A good answer, for a fault to spoil."""
    if not body.get("stream"):
        return Wire(connection, (compact(whole).encode(),), is_stream=False)
    events = (*(frame.data for frame in frames), terminator)
    return Wire(connection, events, is_stream=True)


async def thinking(delivery: Delivery, plans: list[Plan]) -> None:
    """The time a whole answer takes to generate."""
    tokens = sum(plan.completion_tokens for plan in plans)
    endless = any(plan.endless for plan in plans)
    await asyncio.sleep(3600 if endless else delivery.token_delay * tokens)


async def health(engine: Engine, connection: Connection, _: Request, __: Entry) -> None:
    """200 with nothing, or 503."""
    await connection.answer(503 if engine.options.unhealthy else 200, b"", "")


async def metrics(engine: Engine, connection: Connection, _: Request, __: Entry) -> None:
    """Prometheus text."""
    page = render(engine.counts, engine.options.model).encode()
    await connection.answer(200, page, "text/plain; version=1.0.0; charset=utf-8")


def document(describe: Callable[[Engine, bytes], Any]) -> Page:
    """A page that answers with JSON, which is made of the engine and of the request's body."""

    async def page(engine: Engine, connection: Connection, request: Request, _: Entry) -> None:
        answer = describe(engine, request.body)
        await connection.answer(200, compact(answer).encode())

    return page


def version(_: Engine, __: bytes) -> Any:
    """The engine's version."""
    return {"version": VERSION}


def models(engine: Engine, _: bytes) -> Any:
    """The served model; vLLM 0.32 has no /v1/models/{id}."""
    options = engine.options
    created = options.created or int(time.time())
    (known,) = recorded("models")["data"]
    permission = {**known["permission"][0], "created": created}
    model = {
        **known,
        "id": options.model,
        "created": created,
        "root": f"/models/{options.model}",
        "max_model_len": options.max_model_len,
        "permission": [{**permission, "id": f"modelperm-{secrets.token_hex(8)}"}],
    }
    return {"object": "list", "data": [model]}


def tokenize(engine: Engine, raw: bytes) -> Any:
    """Token ids of a prompt or a conversation; a word is a token."""
    body = parsed(raw)
    if "messages" in body and not engine.options.chat_template:
        raise refusal(400, NO_TEMPLATE)
    tokens = [engine.token_id(word) for word in words(body)]
    limit = engine.options.max_model_len
    return {"count": len(tokens), "max_model_len": limit, "tokens": tokens, "token_strs": None}


def detokenize(engine: Engine, raw: bytes) -> Any:
    """The text of token ids that `/tokenize` gave out."""
    known = list(engine.vocabulary)
    return {"prompt": "".join(known[token] for token in parsed(raw)["tokens"])}


def count_tokens_of(engine: Engine, raw: bytes) -> Any:
    """Prompt tokens of a request to /v1/messages."""
    body = parsed(raw)
    check_model(body, engine.options)
    count = count_tokens(body)
    return {"input_tokens": count, "context_management": {"original_input_tokens": count}}


TOKENIZERS = ("/tokenize", "/detokenize", "/v1/messages/count_tokens")


def next_fault(engine: Engine, raw: bytes) -> Any:
    """Queue a fault, or a list of faults for the same request."""
    try:
        engine.queue.add(entry_of(json.loads(raw)))
    except (ValueError, TypeError) as error:
        raise refusal(400, str(error)) from None
    return {}


def release(engine: Engine, raw: bytes) -> Any:
    """Let so many gated tokens (or whole answers) go."""
    for _ in range(json.loads(raw)["tokens"]):
        engine.permits.release()
    return {}


def options(engine: Engine, raw: bytes) -> Any:
    """Change options of the running engine."""
    engine.options = dataclasses.replace(engine.options, **json.loads(raw))
    return {}


def reset(engine: Engine, _: bytes) -> Any:
    """Forget counts, requests and queued faults; what runs goes on being counted."""
    engine.counts = Counts(running=engine.counts.running)
    engine.queue = Queue()
    engine.permits = asyncio.Semaphore(0)
    engine.seen = []
    return {}


ROUTES: dict[str, tuple[str, Page]] = {
    "/health": ("GET", health),
    "/version": ("GET", document(version)),
    "/v1/models": ("GET", document(models)),
    "/tokenize": ("POST", document(tokenize)),
    "/detokenize": ("POST", document(detokenize)),
    "/v1/messages/count_tokens": ("POST", document(count_tokens_of)),
    "/metrics": ("GET", metrics),
    "/_fake/stats": ("GET", document(lambda engine, _: dataclasses.asdict(engine.counts))),
    "/_fake/requests": ("GET", document(lambda engine, _: engine.seen)),
    "/_fake/next": ("POST", document(next_fault)),
    "/_fake/release": ("POST", document(release)),
    "/_fake/options": ("POST", document(options)),
    "/_fake/reset": ("POST", document(reset)),
    **dict.fromkeys(GENERATION, ("POST", generate)),
}


async def send_status(connection: Connection, fault: Fault) -> None:
    """An error in vLLM's own shape."""
    body = compact(refusal(fault.status).body) if fault.body is None else fault.body
    await connection.answer(fault.status, body.encode(), fault.content_type)


async def send_html(connection: Connection, fault: Fault) -> None:
    """The page of a proxy that stands in between."""
    page = b"<html><body><h1>502 Bad Gateway</h1></body></html>"
    await connection.answer(200 if fault.status == 500 else fault.status, page, "text/html")


def send_body(body: bytes) -> Instead:
    """200 with this body, whose length is right."""
    return lambda connection, _: connection.answer(200, body)


async def send_raw(connection: Connection, fault: Fault) -> None:
    """Exactly the bytes of `body` (latin-1), then the socket closes."""
    await connection.write((fault.body or "").encode("latin-1"))
    connection.close()


def at_once(end: Callable[[Connection], None]) -> Instead:
    """End the connection, or the process, before the first byte."""

    async def send(connection: Connection, _: Fault) -> None:
        end(connection)

    return send


INSTEAD: dict[str, Instead] = {
    "status": send_status,
    "html": send_html,
    "empty": send_body(b""),
    "wrong_json": send_body(b'{"id": "chatcmpl-1", "choices": [{"index": 0, "mess'),
    "raw": send_raw,
    "reset": at_once(Connection.reset),
    "stale": at_once(Connection.close),  # a kept one, as the next request arrives on it
    "crash": at_once(lambda _: os._exit(1)),
}
