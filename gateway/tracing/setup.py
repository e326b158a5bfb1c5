"""From settings to traces; OpenTelemetry is imported only where an endpoint is named."""

from importlib.util import find_spec

from gateway.settings import GatewaySettings, SettingsError
from gateway.tracing.trace import Tracing

NEEDED = ("opentelemetry.sdk.trace", "opentelemetry.exporter.otlp.proto.http")


def check(settings: GatewaySettings) -> None:
    """Raises SettingsError when traces are wanted and cannot be made."""
    if settings.traces_endpoint and not is_installed():
        raise SettingsError(
            "MMHIE_TRACES_ENDPOINT needs OpenTelemetry, which is not installed here: "
            "pip install 'mmhie-server[tracing]'."
        )


def is_installed() -> bool:
    try:
        return all(find_spec(name) for name in NEEDED)
    except ModuleNotFoundError:  # not even the package above it
        return False


def tracing_of(settings: GatewaySettings) -> Tracing | None:
    """The traces these settings mean; None, which costs nothing, when there is no endpoint."""
    if settings.traces_endpoint is None:
        return None
    from gateway.tracing.spans import SpanTracing

    return SpanTracing(settings.traces_endpoint, engine_url=settings.engine_url)
