"""Optional tracing; OpenTelemetry is imported only if an endpoint is configured."""

from importlib.util import find_spec
from typing import TYPE_CHECKING

from gateway.settings.gateway import GatewaySettings, SettingsError

if TYPE_CHECKING:
    from gateway.observability.spans import SpanTracing

NEEDED = ("opentelemetry.sdk.trace", "opentelemetry.exporter.otlp.proto.http")


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


def open_tracing(settings: GatewaySettings) -> "SpanTracing | None":
    if settings.traces_endpoint is None:
        return None
    from gateway.observability.spans import SpanTracing

    return SpanTracing(settings.traces_endpoint, engine_url=settings.engine_url)
