"""An OTLP/HTTP collector in a thread: it accepts protobuf or JSON, and stores the exports."""

import gzip
from collections.abc import Callable
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any, Self

from google.protobuf.json_format import MessageToDict, Parse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.waiting import PATIENCE_S, until


def value_of(attribute: dict[str, Any]) -> Any:
    """Return an attribute's value; protobuf's JSON has integers as strings."""
    ((kind, value),) = attribute["value"].items()
    return int(value) if kind == "intValue" else value


def attributes(holder: dict[str, Any]) -> dict[str, Any]:
    return {attribute["key"]: value_of(attribute) for attribute in holder.get("attributes", ())}


def flat(span: Span, service: str | None) -> dict[str, Any]:
    """Return a span with its service, and ids in hexadecimal."""
    told = MessageToDict(span)
    return {
        "name": span.name,
        "kind": told.get("kind"),
        "trace": span.trace_id.hex(),
        "id": span.span_id.hex(),
        "parent": span.parent_span_id.hex(),
        "start": span.start_time_unix_nano,
        "end": span.end_time_unix_nano,
        "status": told.get("status", {}),
        "events": told.get("events", []),
        "attributes": attributes(told),
        "service": service,
    }


class Handler(BaseHTTPRequestHandler):
    """Handles one export."""

    def __init__(self, collector: "Collector", *given: Any) -> None:
        self.collector = collector
        super().__init__(*given)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.collector.hangs:
            self.collector.over.wait()
            return
        is_packed = self.headers.get("content-encoding") == "gzip"
        is_json = self.headers["content-type"].startswith("application/json")
        self.collector.take(gzip.decompress(body) if is_packed else body, is_json=is_json)
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing."""


class Collector:
    """A collector with its spans and bytes; one that hangs never answers."""

    def __init__(self, *, hangs: bool = False) -> None:
        self.spans: list[dict[str, Any]] = []
        self.raw = b""
        self.hangs, self.over = hangs, Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, self))
        self.endpoint = f"http://127.0.0.1:{self._server.server_port}/v1/traces"
        Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def take(self, body: bytes, *, is_json: bool) -> None:
        """Store one export."""
        export = ExportTraceServiceRequest()
        if is_json:
            Parse(body, export)
        else:
            export.ParseFromString(body)
        self.raw += body
        for resource in export.resource_spans:
            service = attributes(MessageToDict(resource.resource)).get("service.name")
            spans = [span for scope in resource.scope_spans for span in scope.spans]
            self.spans += [flat(span, service) for span in spans]

    def until(
        self, enough: Callable[[list[dict[str, Any]]], bool], seconds: float = PATIENCE_S
    ) -> list[dict[str, Any]]:
        """Wait for a number of spans, and return them."""
        until(lambda: enough(self.spans), seconds)
        return self.spans

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Close the collector."""
        self.over.set()
        self._server.shutdown()
        self._server.server_close()
