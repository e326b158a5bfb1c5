"""Two spans a request: ours, and within it the engine's work by the GenAI conventions.

Attributes are numbers, names of ours and what is served: no text of a question or an answer, no
path or header as the caller wrote it, no message of an exception. Set from what the request came
to, at its end.
"""

import threading
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from gateway.http.exchange import Exchange
from gateway.safety.labels import GATEWAY_VERSION

SEND_TIMEOUT_S = 5.0
STOP_S = 3.0
OPERATIONS = {"/v1/completions": "text_completion"}  # all others are "chat"
# By the GenAI semantic conventions; the sampling parameters by the names a caller may use.
REQUEST = {
    "max_tokens": "gen_ai.request.max_tokens",
    "max_completion_tokens": "gen_ai.request.max_tokens",
    "max_output_tokens": "gen_ai.request.max_tokens",
    "temperature": "gen_ai.request.temperature",
    "top_p": "gen_ai.request.top_p",
    "top_k": "gen_ai.request.top_k",
    "seed": "gen_ai.request.seed",
    "n": "gen_ai.request.choice.count",
    "presence_penalty": "gen_ai.request.presence_penalty",
    "frequency_penalty": "gen_ai.request.frequency_penalty",
}
FACTS = {
    "stream": "gen_ai.request.stream",
    "prompt_tokens": "gen_ai.usage.input_tokens",
    "completion_tokens": "gen_ai.usage.output_tokens",
    "truncated": "mmhie.truncated",
    "notices": "mmhie.notices",
}
LARGEST_INT = 2**63 - 1  # of an attribute; one that is larger would cost the whole batch
METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH")


class SpanTracing:
    """Spans go out in batches from a thread; when the collector is away they are dropped."""

    def __init__(self, endpoint: str, *, engine_url: str) -> None:
        resource = Resource.create(
            {"service.name": "mmhie-gateway", "service.version": GATEWAY_VERSION}
        )
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        exporter = OTLPSpanExporter(endpoint=endpoint, timeout=SEND_TIMEOUT_S)
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("mmhie.gateway", GATEWAY_VERSION)
        self._engine = address(engine_url)

    def begin(self, exchange: Exchange) -> "RequestSpans":
        """A span that goes on from the caller's traceparent, where that is one."""
        return RequestSpans(self._tracer, exchange, self._engine)

    def stop(self) -> None:
        """Send what is left; a collector that hangs does not hold up the stop."""
        last = threading.Thread(target=self._provider.shutdown, daemon=True)
        last.start()
        last.join(STOP_S)


class RequestSpans:
    """The spans of one request."""

    def __init__(self, tracer: Tracer, exchange: Exchange, engine: Mapping[str, str | int]) -> None:
        self._tracer = tracer
        self._exchange = exchange
        self._address = engine
        self._route = exchange.scope["path"]  # a token path: one of ours
        header = exchange.header(b"traceparent").decode("latin-1")
        parent = TraceContextTextMapPropagator().extract({"traceparent": header})
        method = exchange.scope["method"]
        self._method = method if method in METHODS else "_OTHER"
        name = f"{self._method} {self._route}"
        self._ours = tracer.start_span(name, context=parent, kind=SpanKind.SERVER)
        self._engines: Span | None = None
        context = self._ours.get_span_context()
        if context.trace_flags.sampled:
            exchange.facts["trace_id"] = f"{context.trace_id:032x}"

    def to_engine(self) -> str:
        """Begin the engine's span; its traceparent. vLLM's spans hang below it."""
        self._engines = self._tracer.start_span(
            self._operation, context=set_span_in_context(self._ours), kind=SpanKind.CLIENT
        )
        context = self._engines.get_span_context()
        return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"

    def end(self) -> None:
        """Tell what the request came to and close both spans."""
        if self._engines is not None and self._engines.is_recording():
            self._tell_of_engine(self._engines)
        if self._ours.is_recording():
            self._ours.set_attributes(dict(self._http()))
            self._conclude(self._ours, failed=self._exchange.status >= 500)
        for span in (self._engines, self._ours):
            if span is not None:
                span.end()

    @property
    def _operation(self) -> str:
        return OPERATIONS.get(self._route, "chat")

    def _http(self) -> Iterator[tuple[str, str | int]]:
        exchange = self._exchange
        yield "http.request.method", self._method
        yield "http.route", self._route
        yield "url.scheme", exchange.scope.get("scheme", "http")
        yield "mmhie.request_id", exchange.request_id
        yield "mmhie.outcome", exchange.outcome
        if exchange.status:
            yield "http.response.status_code", exchange.status

    def _tell_of_engine(self, span: Span) -> None:
        facts = self._exchange.facts
        model = facts.get("model")
        span.set_attributes(dict(gen_ai(facts)))
        span.set_attributes({"gen_ai.operation.name": self._operation, **self._address})
        if model:
            span.update_name(f"{self._operation} {model}")
        self._conclude(span, failed=self._exchange.outcome != "ok")

    def _conclude(self, span: Span, *, failed: bool) -> None:
        outcome = self._exchange.outcome
        if outcome != "ok":
            span.set_attribute("error.type", outcome)
        if failed:
            span.set_status(Status(StatusCode.ERROR))


def gen_ai(facts: Mapping[str, Any]) -> Iterator[tuple[str, str | int | float | bool]]:
    """What is known of a call, by the GenAI semantic conventions."""
    yield "gen_ai.provider.name", "vllm"
    if facts.get("model"):
        yield "gen_ai.request.model", facts["model"]
        yield "gen_ai.response.model", facts["model"]
    for name, value in facts.get("sampling", {}).items():
        if name in REQUEST and fits(value):
            yield REQUEST[name], value
    for name, attribute in FACTS.items():
        if fits(facts.get(name)):
            yield attribute, facts[name]
    if "ttft_ms" in facts:
        yield "gen_ai.response.time_to_first_chunk", facts["ttft_ms"] / 1000


def fits(value: object) -> bool:
    """Whether OTLP can carry it."""
    return value is not None and not (isinstance(value, int) and abs(value) > LARGEST_INT)


def address(engine_url: str) -> dict[str, str | int]:
    """Where the engine is, as attributes; for a socket its path, which has no port."""
    parts = urlsplit(engine_url)
    if parts.scheme == "unix":
        return {"server.address": parts.path}
    return {"server.address": parts.hostname or "localhost", "server.port": parts.port or 80}
