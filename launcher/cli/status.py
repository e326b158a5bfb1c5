"""`mmhie status`: the state of a running service."""

import time
from contextlib import closing
from dataclasses import dataclass

from gateway.cli.command import AsJson, put
from launcher.json_types import Json, JsonView
from launcher.terminal.address import Key, Url, open_client
from launcher.terminal.api_client import ApiClient, ServiceError
from launcher.terminal.terminal import align_rows, remove_controls

EVERY_S = 1.0


class NotReady(ServiceError):
    """The service would not answer a question now."""


@dataclass(frozen=True, slots=True)
class StatusSnapshot:
    """The JSON of /healthz and /v1/mmhie/load, and tokens a second since the snapshot before."""

    health: JsonView
    load: JsonView
    rate: float | None = None

    @property
    def is_ready(self) -> bool:
        return bool(self.health.get("phase") == "ready")

    def as_json(self) -> Json:
        """Return all of it as JSON; unknown figures are null."""
        return {**self.health, "load": {**self.load, "tokens_per_s": self.rate}}


def status(url: Url = None, key: Key = None, as_json: AsJson = False) -> None:
    """Show phase, requests, tokens per second, KV cache; exit code 1 if not ready."""
    with closing(open_client(url, key)) as service:
        snapshot = snapshot_with_rate(service)
    put(lay_out(snapshot), snapshot.as_json(), as_json=as_json)
    if not snapshot.is_ready:
        detail = snapshot.health.get("detail") or "The service is not ready."
        raise NotReady(remove_controls(str(detail)))


def snapshot_with_rate(service: ApiClient) -> StatusSnapshot:
    """Take a snapshot with a rate, which needs two if the service is ready. Raises ServiceError."""
    first = take_snapshot(service, None)
    if not first.is_ready or first.load.get("generated_tokens") is None:
        return first
    time.sleep(EVERY_S)
    return take_snapshot(service, first)


def take_snapshot(service: ApiClient, before: StatusSnapshot | None) -> StatusSnapshot:
    """Ask the service; its load is empty when this key may not see it. Raises ServiceError."""
    health = service.get("/healthz")
    try:
        load = service.get("/v1/mmhie/load")
    except ServiceError:
        load = {}
    return StatusSnapshot(health, load, compute_rate(load, before.load if before else {}))


def compute_rate(now: JsonView, before: JsonView) -> float | None:
    """Return the tokens a second between two loads; None across a restart of the engine."""
    tokens, earlier = now.get("generated_tokens"), before.get("generated_tokens")
    if tokens is None or earlier is None or tokens < earlier or now["time"] <= before["time"]:
        return None
    return float(round((tokens - earlier) / (now["time"] - before["time"]), 1))


def lay_out(snapshot: StatusSnapshot) -> str:
    health, load = snapshot.health, snapshot.load
    progress = health.get("progress") if health.get("phase") in ("starting", "loading") else None
    rows = {
        "phase": f"{health.get('phase')}{format_figure(progress, ', {:.0%}')}",
        "detail": health.get("detail"),
        "model": health.get("model"),
        "running": format_figure(load.get("running"), "{:.0f}"),
        "waiting": format_figure(load.get("waiting"), "{:.0f}"),
        "queued": format_figure(load.get("queued"), "{:.0f}"),
        "tokens/s": format_figure(snapshot.rate, "{:.1f}"),
        "KV cache": format_figure(load.get("kv_cache_usage"), "{:.1%}").replace("%", " %"),
    }
    warnings = (f"! {warning}" for warning in health.get("warnings") or ())
    return remove_controls("\n".join([*align_rows(rows), *warnings]))


def format_figure(figure: float | None, template: str) -> str:
    """Format a figure; an unknown one is empty."""
    return "" if figure is None else template.format(figure)
