"""`mmhie status`: the state of a running service."""

import time
from contextlib import closing

from gateway.cli.command import AsJson, put
from launcher.json_types import Json, JsonView
from launcher.terminal.address import Key, Url, open_client
from launcher.terminal.api_client import ApiClient, ServiceError
from launcher.terminal.terminal import align_rows, remove_controls

EVERY_S = 1.0


def status(url: Url = None, key: Key = None, as_json: AsJson = False) -> None:
    """Show phase, requests, tokens per second, KV cache; exit code 1 if not ready."""
    with closing(open_client(url, key)) as service:
        health = service.get("/healthz")
        is_ready = health.get("phase") == "ready"
        load = measure_load(service, is_ready=is_ready)
    put(lay_out(health, load), {**health, "load": load}, as_json=as_json)
    if not is_ready:
        detail = health.get("detail") or "The service is not ready."
        raise ServiceError(remove_controls(str(detail)))


def measure_load(service: ApiClient, *, is_ready: bool) -> Json:
    """Return the load with tokens a second, for which a ready service is asked twice."""
    load, rate = read_load(service), None
    if is_ready and load.get("generated_tokens") is not None:
        time.sleep(EVERY_S)
        before, load = load, read_load(service)
        rate = compute_rate(load, before)
    return {**load, "tokens_per_s": rate}


def read_load(service: ApiClient) -> Json:
    """Return the load of the service; it is empty if this key may not see it."""
    try:
        return service.get("/v1/mmhie/load")
    except ServiceError:
        return {}


def compute_rate(now: JsonView, before: JsonView) -> float | None:
    """Return the tokens a second between two loads; None across a restart of the engine."""
    tokens, earlier = now.get("generated_tokens"), before.get("generated_tokens")
    if tokens is None or earlier is None or tokens < earlier or now["time"] <= before["time"]:
        return None
    return float(round((tokens - earlier) / (now["time"] - before["time"]), 1))


def lay_out(health: JsonView, load: JsonView) -> str:
    progress = health.get("progress") if health.get("phase") in ("starting", "loading") else None
    rows = {
        "phase": f"{health.get('phase')}{format_figure(progress, ', {:.0%}')}",
        "detail": health.get("detail"),
        "model": health.get("model"),
        "running": format_figure(load.get("running"), "{:.0f}"),
        "waiting": format_figure(load.get("waiting"), "{:.0f}"),
        "queued": format_figure(load.get("queued"), "{:.0f}"),
        "tokens/s": format_figure(load["tokens_per_s"], "{:.1f}"),
        "KV cache": format_figure(load.get("kv_cache_usage"), "{:.1%}").replace("%", " %"),
    }
    warnings = (f"! {warning}" for warning in health.get("warnings") or ())
    return remove_controls("\n".join([*align_rows(rows), *warnings]))


def format_figure(figure: float | None, template: str) -> str:
    """Format a figure; an unknown one is empty."""
    return "" if figure is None else template.format(figure)
