"""Optional tracing; OpenTelemetry is imported only if an endpoint is configured."""

from importlib.util import find_spec
from typing import Protocol

from gateway.http.exchange import Exchange
from gateway.record import RequestRecord, Trace
from gateway.settings.gateway import GatewaySettings, SettingsError

NEEDED = ("opentelemetry.sdk.trace", "opentelemetry.exporter.otlp.proto.http")


class Tracing(Protocol):
    """Begins a trace for each request; `stop` sends the remaining spans, within seconds."""

    def begin(self, exchange: Exchange) -> Trace: ...
    def observe(self, record: RequestRecord) -> None: ...
    def stop(self) -> None: ...


def check(settings: GatewaySettings) -> None:
    """Raise SettingsError if tracing is configured and OpenTelemetry is missing."""
    if settings.traces_endpoint and not is_installed():
        raise SettingsError(
            "MMHIE_TRACES_ENDPOINT needs OpenTelemetry, which is not installed; run "
            "pip install 'mmhie-server[tracing]'."
        )


def is_installed() -> bool:
    try:
        return all(find_spec(name) for name in NEEDED)
    except ModuleNotFoundError:  # the parent package is missing
        return False


def open_tracing(settings: GatewaySettings) -> Tracing | None:
    """Return the tracing for these settings; None without an endpoint."""
    if settings.traces_endpoint is None:
        return None
    from gateway.observability.spans import SpanTracing

    return SpanTracing(settings.traces_endpoint, engine_url=settings.engine_url)
