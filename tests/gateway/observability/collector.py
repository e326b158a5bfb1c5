"""An OTLP/HTTP collector as a real process: takes protobuf or JSON, tells what it was sent.

    python -m tests.gateway.observability.collector [--hang]

It prints its address. POST /v1/traces takes spans, GET /spans gives them back as JSON, GET /raw all
bytes it was sent, in hexadecimal.
"""

import gzip
import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

from google.protobuf.json_format import MessageToDict, Parse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.waiting import PATIENCE_S, until

ROOT = Path(__file__).parents[3]
HANG_S = 60.0


def value_of(attribute: dict[str, Any]) -> Any:
    """An attribute's value as Python has it; protobuf's JSON writes integers as strings."""
    ((kind, value),) = attribute["value"].items()
    return int(value) if kind == "intValue" else value


def attributes(holder: dict[str, Any]) -> dict[str, Any]:
    return {attribute["key"]: value_of(attribute) for attribute in holder.get("attributes", ())}


def spans(request: ExportTraceServiceRequest) -> list[dict[str, Any]]:
    """The spans of one export, flat, ids in hexadecimal."""
    spans = []
    for resource in request.resource_spans:
        about = attributes(MessageToDict(resource.resource))
        for scope in resource.scope_spans:
            for span in scope.spans:
                told = MessageToDict(span)
                spans.append(
                    {
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
                        "service": about.get("service.name"),
                    }
                )
    return spans


class Handler(BaseHTTPRequestHandler):
    """One export or one question."""

    received: list[dict[str, Any]] = []  # noqa: RUF012 - the process has one
    raw: list[bytes] = []  # noqa: RUF012
    hangs = False

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.hangs:
            time.sleep(HANG_S)
        if self.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        request = ExportTraceServiceRequest()
        if self.headers["content-type"].startswith("application/json"):
            Parse(body, request)
        else:
            request.ParseFromString(body)
        self.raw.append(body)
        self.received += spans(request)
        self.answer(b"")

    def do_GET(self) -> None:
        raw = b"".join(self.raw).hex().encode()
        self.answer(raw if self.path == "/raw" else json.dumps(self.received).encode())

    def answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


class Collector:
    """A running collector and the handle to it."""

    def __init__(self, *arguments: str) -> None:
        command = [sys.executable, "-m", "tests.gateway.observability.collector", *arguments]
        self.child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
        assert self.child.stdout is not None
        self.url = self.child.stdout.readline().strip()
        assert self.url, "the collector did not start"
        self.endpoint = f"{self.url}/v1/traces"

    def ask(self, path: str) -> bytes:
        with urllib.request.urlopen(self.url + path, timeout=PATIENCE_S) as answer:
            body: bytes = answer.read()
            return body

    @property
    def spans(self) -> list[dict[str, Any]]:
        spans: list[dict[str, Any]] = json.loads(self.ask("/spans"))
        return spans

    @property
    def raw(self) -> bytes:
        """Everything it was sent."""
        return bytes.fromhex(self.ask("/raw").decode())

    def until(
        self, enough: Callable[[list[dict[str, Any]]], bool], seconds: float = PATIENCE_S
    ) -> list[dict[str, Any]]:
        """The spans, once they are enough."""
        until(lambda: enough(self.spans), seconds)
        return self.spans

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.stop()

    def stop(self) -> None:
        self.child.terminate()
        self.child.wait(timeout=PATIENCE_S)
        if self.child.stdout is not None:
            self.child.stdout.close()


def main() -> None:
    Handler.hangs = "--hang" in sys.argv
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    sys.stdout.write(f"http://127.0.0.1:{server.server_port}\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    main()
