"""Optional tracing; OpenTelemetry is imported only if an endpoint is configured."""

from importlib import import_module
from typing import TYPE_CHECKING

from gateway.settings.gateway import GatewaySettings, SettingsError

if TYPE_CHECKING:
    from gateway.observability.spans import SpanTracing


def check(settings: GatewaySettings) -> None:
    """Raise SettingsError if tracing is configured and OpenTelemetry is missing."""
    try:
        if settings.traces_endpoint:
            import_module("gateway.observability.spans")
    except ModuleNotFoundError:
        raise SettingsError(
            "MMHIE_TRACES_ENDPOINT needs OpenTelemetry, which is not installed; run "
            "pip install 'mmhie-server[tracing]'."
        ) from None


def open_tracing(settings: GatewaySettings) -> "SpanTracing | None":
    if settings.traces_endpoint is None:
        return None
    from gateway.observability.spans import SpanTracing

    return SpanTracing(settings.traces_endpoint, engine_url=settings.engine_url)
