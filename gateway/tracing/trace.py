"""The seam of tracing: OpenTelemetry is installed in few places."""

from typing import Protocol

from gateway.http.exchange import Exchange
from gateway.record import RequestRecord, Trace


class Tracing(Protocol):
    """Begins a trace for each request; `stop` sends what is left, within seconds."""

    def begin(self, exchange: Exchange) -> Trace: ...
    def observe(self, record: RequestRecord) -> None: ...
    def stop(self) -> None: ...
