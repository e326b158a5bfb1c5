"""`mmhie status`: the state of a running service, once or every second."""

import json
import sys
import time
from contextlib import closing
from dataclasses import dataclass
from typing import Annotated

import typer
from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from gateway.cli.command import AsJson
from launcher.json_types import Json, JsonView
from launcher.terminal.address import Key, Url, open_client
from launcher.terminal.api_client import ApiClient, ServiceError
from launcher.terminal.terminal import remove_controls

EVERY_S = 1.0
STYLES = {"ready": "green", "starting": "cyan", "loading": "cyan", "held": "yellow"}
Once = Annotated[bool, typer.Option("--once", help="Print once and exit, even on a terminal.")]


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


def status(url: Url = None, key: Key = None, once: Once = False, as_json: AsJson = False) -> None:
    """Show phase, requests, tokens per second, KV cache; exit code 1 if not ready."""
    console = Console()
    with closing(open_client(url, key)) as service:
        if as_json or once or not console.is_terminal:
            show(snapshot_with_rate(service), console, as_json=as_json)
        else:
            watch(service, console)


def show(snapshot: StatusSnapshot, console: Console, *, as_json: bool) -> None:
    """Print one snapshot. Raises NotReady."""
    if as_json:
        sys.stdout.write(json.dumps(snapshot.as_json(), ensure_ascii=False) + "\n")
    else:
        console.print(lay_out(snapshot))
    if not snapshot.is_ready:
        detail = snapshot.health.get("detail") or "The service is not ready."
        raise NotReady(remove_controls(str(detail)))


def watch(service: ApiClient, console: Console) -> None:
    """Redraw every second until Ctrl-C, also while the service cannot be reached."""
    before: StatusSnapshot | None = None
    with Live(console=console, auto_refresh=False) as live:
        try:
            while True:
                try:
                    before = take_snapshot(service, before)
                    live.update(lay_out(before), refresh=True)
                except ServiceError as error:
                    live.update(Text(str(error), style="red"), refresh=True)
                time.sleep(EVERY_S)
        except KeyboardInterrupt:
            return


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


def lay_out(snapshot: StatusSnapshot) -> Group:
    """Format a snapshot for a terminal."""
    health, load = snapshot.health, snapshot.load
    phase = str(health.get("phase"))
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_row("phase", Text(phase, style=f"bold {STYLES.get(phase, 'red')}"))
    if phase in ("starting", "loading"):
        table.add_row("", ProgressBar(total=1.0, completed=health.get("progress") or 0, width=40))
    rows = {
        "": health.get("detail"),
        "model": health.get("model"),
        "running": format_figure(load.get("running"), "{:.0f}"),
        "waiting": format_figure(load.get("waiting"), "{:.0f}"),
        "queued": format_figure(load.get("queued"), "{:.0f}"),
        "tokens/s": format_figure(snapshot.rate, "{:.1f}"),
        "KV cache": format_figure(load.get("kv_cache_usage"), "{:.1%}").replace("%", " %"),
    }
    for name, value in rows.items():
        if value:
            table.add_row(name, Text(remove_controls(str(value))))
    warnings = (remove_controls(str(warning)) for warning in health.get("warnings") or ())
    return Group(table, *(Text(f"! {warning}", "yellow") for warning in warnings))


def format_figure(figure: float | None, template: str) -> str:
    """Format a figure; an unknown one is empty."""
    return "" if figure is None else template.format(figure)
