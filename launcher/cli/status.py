"""`mmhie status`: how a running service is, once or for as long as somebody watches."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import typer
from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from launcher.cli.chat import URL, Key, Url
from launcher.cli.output import AsJson
from launcher.terminal.api_client import ApiClient, ServiceError
from launcher.terminal.markdown import harmless

EVERY_S = 1.0
STYLES = {"ready": "green", "starting": "cyan", "loading": "cyan", "held": "yellow"}
Once = Annotated[bool, typer.Option("--once", help="Show it once, also on a terminal.")]


class NotReady(ServiceError):
    """No question would be answered now."""


@dataclass(frozen=True, slots=True)
class Moment:
    """What /healthz and /v1/mmhie/load tell, and the rate since the moment before, in tokens/s."""

    health: Mapping[str, Any]
    load: Mapping[str, Any]
    rate: float | None = None

    @property
    def is_ready(self) -> bool:
        return bool(self.health.get("phase") == "ready")

    def as_json(self) -> dict[str, Any]:
        """Everything, for a program; the figures are null where they are not told."""
        return {**self.health, "load": {**self.load, "tokens_per_s": self.rate}}


def status(url: Url = URL, key: Key = None, once: Once = False, as_json: AsJson = False) -> None:
    """Show phase, requests, tokens a second and KV cache use; exit code 1 when it is not ready."""
    console = Console()
    with ApiClient(url, key) as service:
        if as_json or once or not console.is_terminal:
            tell(second_look(service), console, as_json=as_json)
        else:
            watch(service, console)


def tell(moment: Moment, console: Console, *, as_json: bool) -> None:
    """One moment. Raises NotReady."""
    if as_json:
        sys.stdout.write(json.dumps(moment.as_json(), ensure_ascii=False) + "\n")
    else:
        console.print(view(moment))
    if not moment.is_ready:
        said = moment.health.get("detail") or "No question would be answered now."
        raise NotReady(harmless(str(said)))


def watch(service: ApiClient, console: Console) -> None:
    """Until Ctrl-C; a service that goes away is waited for."""
    before: Moment | None = None
    with Live(console=console, auto_refresh=False) as live:
        try:
            while True:
                try:
                    before = look(service, before)
                    live.update(view(before), refresh=True)
                except ServiceError as problem:
                    live.update(Text(str(problem), style="red"), refresh=True)
                time.sleep(EVERY_S)
        except KeyboardInterrupt:
            return


def second_look(service: ApiClient) -> Moment:
    """A rate takes two looks. Raises ServiceError."""
    first = look(service, None)
    if not first.is_ready or first.load.get("generated_tokens") is None:
        return first
    time.sleep(EVERY_S)
    return look(service, first)


def look(service: ApiClient, before: Moment | None) -> Moment:
    """The service now; without the figures when this key may not see them. Raises ServiceError."""
    health = service.look("/healthz")
    try:
        load = service.look("/v1/mmhie/load")
    except ServiceError:
        load = {}
    return Moment(health, load, rate(load, before.load if before else {}))


def rate(now: Mapping[str, Any], before: Mapping[str, Any]) -> float | None:
    """Tokens a second between two looks; None across a restart of the engine."""
    tokens, earlier = now.get("generated_tokens"), before.get("generated_tokens")
    if tokens is None or earlier is None or tokens < earlier or now["time"] <= before["time"]:
        return None
    return float(round((tokens - earlier) / (now["time"] - before["time"]), 1))


def view(moment: Moment) -> Group:
    """The moment for a person."""
    health, load = moment.health, moment.load
    phase = str(health.get("phase"))
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_row("phase", Text(phase, style=f"bold {STYLES.get(phase, 'red')}"))
    if phase in ("starting", "loading"):
        table.add_row("", ProgressBar(total=1.0, completed=health.get("progress") or 0, width=40))
    rows = {
        "": None if phase == "ready" else health.get("detail"),
        "model": health.get("model"),
        "running": count(load.get("running")),
        "waiting": count(load.get("waiting")),
        "queued": count(load.get("queued")),
        "tokens/s": None if moment.rate is None else f"{moment.rate:.1f}",
        "KV cache": share(load.get("kv_cache_usage")),
    }
    for name, value in rows.items():
        if value is not None:
            table.add_row(name, Text(harmless(str(value))))
    warnings = [Text(f"! {harmless(str(one))}", "yellow") for one in health.get("warnings") or ()]
    return Group(table, *warnings)


def count(number: float | None) -> str | None:
    return None if number is None else f"{number:.0f}"


def share(part: float | None) -> str | None:
    return None if part is None else f"{part * 100:.1f} %"
