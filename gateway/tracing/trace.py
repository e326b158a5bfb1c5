"""What the rest of the house knows of tracing, where there mostly is no OpenTelemetry."""

from typing import Protocol

from gateway.http.exchange import Exchange, Trace


class Tracing(Protocol):
    """Begins a trace for each request; `stop` sends what is left, within seconds."""

    def begin(self, exchange: Exchange) -> Trace: ...
    def stop(self) -> None: ...
