"""Two spans per request: the gateway's, and in it the engine's by the GenAI conventions.

Attributes are numbers, declared names and the served model. They never contain text of a prompt or
an answer, a path or header of the caller, or an exception message.
"""

import threading
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from gateway.api.paths import COMPLETIONS
from gateway.http.exchange import Exchange
from gateway.record import RequestRecord
from gateway.safety.labels import GATEWAY_VERSION

SEND_TIMEOUT_S = 5.0
STOP_S = 3.0
OPERATIONS = {COMPLETIONS: "text_completion"}  # all others are "chat"
# Sampling parameters with another name, or without one, in the GenAI semantic conventions.
ANSWER_BUDGETS = ("max_completion_tokens", "max_output_tokens")
RENAMED = {"n": "choice.count", **dict.fromkeys(ANSWER_BUDGETS, "max_tokens")}
UNNAMED = frozenset({"min_p", "repetition_penalty"})
Attribute = str | int | float | bool
LARGEST_INT = 2**63 - 1  # of an attribute; a larger one would drop the whole batch
METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH")


class SpanTracing:
    """Exports spans in batches from a thread; drops them while the collector is unavailable."""

    def __init__(self, endpoint: str, *, engine_url: str) -> None:
        resource = Resource.create(
            {"service.name": "mmhie-gateway", "service.version": GATEWAY_VERSION}
        )
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        exporter = OTLPSpanExporter(endpoint=endpoint, timeout=SEND_TIMEOUT_S)
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("mmhie.gateway", GATEWAY_VERSION)
        self._engine = describe_address(engine_url)

    def begin(self, exchange: Exchange) -> "RequestSpans":
        """Begin a span that continues a valid traceparent of the caller."""
        return RequestSpans(self._tracer, exchange, self._engine)

    def observe(self, record: RequestRecord) -> None:
        if record.trace is not None:
            record.trace.end(record)

    def stop(self) -> None:
        """Send the remaining spans; wait for the collector a few seconds at most."""
        last = threading.Thread(target=self._provider.shutdown, daemon=True)
        last.start()
        last.join(STOP_S)


class RequestSpans:
    """The spans of one request."""

    def __init__(self, tracer: Tracer, exchange: Exchange, engine: Mapping[str, str | int]) -> None:
        self._tracer = tracer
        self._engine_address = engine
        self._route = exchange.scope["path"]  # a token path, which is declared
        header = exchange.header(b"traceparent").decode("latin-1")
        parent = TraceContextTextMapPropagator().extract({"traceparent": header})
        method = exchange.record.method
        self._method = method if method in METHODS else "_OTHER"
        self._scheme = exchange.scope.get("scheme", "http")
        name = f"{self._method} {self._route}"
        self._server_span = tracer.start_span(name, context=parent, kind=SpanKind.SERVER)
        self._engine_span: Span | None = None
        context = self._server_span.get_span_context()
        self.id = f"{context.trace_id:032x}" if context.trace_flags.sampled else None

    def to_engine(self) -> str:
        """Begin the engine's span and return its traceparent, the parent of vLLM's spans."""
        self._engine_span = self._tracer.start_span(
            self._operation, context=set_span_in_context(self._server_span), kind=SpanKind.CLIENT
        )
        context = self._engine_span.get_span_context()
        return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"

    def end(self, record: RequestRecord) -> None:
        if self._engine_span is not None and self._engine_span.is_recording():
            self._describe_call(self._engine_span, record)
        if self._server_span.is_recording():
            self._server_span.set_attributes(dict(self._http(record)))
            set_outcome(self._server_span, record, failed=record.status >= 500)
        for span in (self._engine_span, self._server_span):
            if span is not None:
                span.end()

    @property
    def _operation(self) -> str:
        return OPERATIONS.get(self._route, "chat")

    def _http(self, record: RequestRecord) -> Iterator[tuple[str, str | int]]:
        yield "http.request.method", self._method
        yield "http.route", self._route
        yield "url.scheme", self._scheme
        yield "mmhie.request_id", record.request_id
        yield "mmhie.outcome", record.outcome
        if record.status:
            yield "http.response.status_code", record.status

    def _describe_call(self, span: Span, record: RequestRecord) -> None:
        span.set_attributes({name: value for name, value in gen_ai(record) if fits(value)})
        span.set_attributes({"gen_ai.operation.name": self._operation, **self._engine_address})
        if record.origin is not None:
            span.update_name(f"{self._operation} {record.origin.provenance['model']}")
        set_outcome(span, record, failed=record.outcome != "ok")


def set_outcome(span: Span, record: RequestRecord, *, failed: bool) -> None:
    if record.outcome != "ok":
        span.set_attribute("error.type", record.outcome)
    if failed:
        span.set_status(Status(StatusCode.ERROR))


def gen_ai(record: RequestRecord) -> Iterator[tuple[str, Attribute]]:
    """Yield the attributes of a call by the GenAI semantic conventions."""
    yield "gen_ai.provider.name", "vllm"
    if record.origin is not None:
        origin = record.origin.provenance
        yield "gen_ai.request.model", origin["model"]
        yield "gen_ai.response.model", origin["model"]
        for name, value in origin["sampling"].items():
            if name not in UNNAMED:
                yield f"gen_ai.request.{RENAMED.get(name, name)}", value
    if record.stream is not None:
        yield "gen_ai.request.stream", record.stream
    if record.answer is not None:
        yield "gen_ai.usage.input_tokens", record.answer.prompt_tokens
        yield "gen_ai.usage.output_tokens", record.answer.completion_tokens
        yield "mmhie.notices", len(record.notices)
        if record.answer.truncated:
            yield "mmhie.truncated", record.answer.truncated[-1]
    if record.ttft_ms is not None:
        yield "gen_ai.response.time_to_first_chunk", record.ttft_ms / 1000


def fits(value: Attribute) -> bool:
    """Return whether OTLP can carry a value."""
    return not (isinstance(value, int) and abs(value) > LARGEST_INT)


def describe_address(engine_url: str) -> dict[str, str | int]:
    """Return the engine's address as attributes; a socket has a path and no port."""
    parts = urlsplit(engine_url)
    if parts.scheme == "unix":
        return {"server.address": parts.path}
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return {"server.address": parts.hostname or "localhost", "server.port": port}
