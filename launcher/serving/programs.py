"""What one service runs: engines on private addresses, a router before several, the gateway."""

from __future__ import annotations

import secrets
import socket
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from launcher.errors import GatewayFailed, RouterFailed
from launcher.planning.plan import EnginePlan
from launcher.process import log
from launcher.process.child import Command, Listener
from launcher.serving import environment, router
from launcher.serving.engine_supervisor import Engine
from launcher.serving.probe import Where
from launcher.serving.service_supervisor import Program
from launcher.serving.supervisor import Programs
from launcher.settings import LauncherSettings

QUIET = "--disable-uvicorn-access-log"


@dataclass(frozen=True, slots=True)
class Place:
    """Where one run keeps its sockets and the phase file, and where its programs' lines go."""

    folder: Path
    log: TextIO

    @property
    def phase_file(self) -> Path:
        """What the launcher tells the gateway."""
        return self.folder / "phase.json"


def programs(
    chosen: LauncherSettings, plans: Sequence[EnginePlan], environ: Mapping[str, str], place: Place
) -> Programs:
    """The commands; engines of ours have a key that only they and the gateway know."""
    key = secrets.token_urlsafe(32) if plans else None
    where = addresses(len(plans), place.folder)
    engines = tuple(
        engine(plan, environ, at, key or "", log.prefixed(name, place.log))
        for plan, at, name in zip(plans, where, names(len(plans)), strict=True)
    )
    urls = [url_of(at) for at in where] or list(chosen.engine_urls)
    if len(urls) == 1:
        return Programs(engines, gateway(chosen, environ, urls[0], key, place))
    url, balancer = routing(chosen, urls, environ, place)
    behind = {
        **environ,
        "MMHIE_ENGINE_HEALTH_PATH": router.HEALTH,
        "MMHIE_ENGINE_METRICS_URLS": ",".join(urls),
    }
    return Programs(engines, gateway(chosen, behind, url, key, place), balancer, url)


def routing(
    chosen: LauncherSettings, urls: Sequence[str], environ: Mapping[str, str], place: Place
) -> tuple[str, Program]:
    """The router's URL and command."""
    port, metrics_port = free_ports(2)
    argv = router.argv(urls, chosen.router_policy, port=port, metrics_port=metrics_port)
    command = Command(argv, environment.for_router(environ))
    program = Program("router", command, log.prefixed("router", place.log), RouterFailed)
    return f"http://127.0.0.1:{port}", program


def names(count: int) -> list[str]:
    """How the engines are called in the log."""
    return ["engine"] if count == 1 else [f"engine {number}" for number in range(1, count + 1)]


def addresses(count: int, folder: Path) -> list[Where]:
    """A Unix socket for one engine; loopback ports for several, since the router knows only TCP."""
    if count == 1:
        return [folder / "engine.sock"]
    return [f"http://127.0.0.1:{port}" for port in free_ports(count)]


def url_of(where: Where) -> str:
    """As MMHIE_ENGINE_URL writes it."""
    return f"unix:{where}" if isinstance(where, Path) else where


def free_ports(count: int) -> list[int]:
    """Ports of this machine nobody listens on now."""
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]
    finally:
        for probe in probes:
            probe.close()


def planned_anew(
    engines: Sequence[Engine], plans: Sequence[EnginePlan], environ: Mapping[str, str]
) -> tuple[Engine, ...]:
    """The same engines at the same addresses, by other plans: their checkpoint is made now."""
    return tuple(
        engine(plan, environ, old.where, old.command.env[environment.KEY], old.log)
        for old, plan in zip(engines, plans, strict=True)
    )


def engine(
    plan: EnginePlan, environ: Mapping[str, str], where: Where, key: str, listener: Listener
) -> Engine:
    """One engine, listening where only this machine's user or this machine can reach it."""
    env = environment.for_engine(environ, plan.env, key)
    return Engine(Command((*plan.argv, *listening(where), QUIET), env), where, listener)


def listening(where: Where) -> tuple[str, ...]:
    """The flags that make vLLM listen there."""
    if isinstance(where, Path):
        return ("--uds", str(where))
    return ("--host", "127.0.0.1", "--port", where.rsplit(":", 1)[1])


def gateway(
    chosen: LauncherSettings,
    environ: Mapping[str, str],
    engine_url: str,
    key: str | None,
    place: Place,
) -> Program:
    """The gateway, which is told where the engine or the router is."""
    env = environment.for_gateway(
        environ,
        engine_url=engine_url,
        key=key,
        phase_file=place.phase_file,
        model=chosen.reasoner_model,
    )
    command = Command((sys.executable, "-m", "gateway"), env)
    return Program("gateway", command, log.prefixed("gateway", place.log), GatewayFailed)
