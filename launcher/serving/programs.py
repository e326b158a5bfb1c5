"""Commands of one service: engines on private addresses, a router before several, the gateway."""

import secrets
import socket
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Final, TextIO
from urllib.parse import urlsplit

from gateway.settings import base as settings_base
from gateway.settings.base import ENV_FILE
from launcher.planning import hardware, remedies
from launcher.planning.plan import EnginePlan
from launcher.process.child import Command, Listener, prefixed
from launcher.serving import environment, gpu_shares, router
from launcher.serving.engine_supervisor import EngineProgram
from launcher.serving.probe import Address
from launcher.serving.service_supervisor import Program
from launcher.serving.supervisor import Programs
from launcher.settings import LauncherSettings

SHARE: Final = "--gpu-memory-utilization"
ENGINE_KEY: Final = "MMHIE_ENGINE_API_KEY"  # of engines elsewhere


@dataclass(frozen=True, slots=True)
class RunFiles:
    """Files of one run: a private folder for sockets and the status file, and the log."""

    folder: Path
    log: TextIO

    @property
    def status_file(self) -> Path:
        return self.folder / "phase.json"


@dataclass(frozen=True, slots=True)
class EnginePlace:
    """Address and key of an engine, and the listener to its lines; `host` is the interface of a
    port."""

    address: Address
    key: str = field(repr=False)
    log: Listener
    host: str = "127.0.0.1"


def engine_places(count: int, files: RunFiles) -> tuple[EnginePlace, ...]:
    """Return a Unix socket for one engine; ports for several, since the router knows only TCP. They
    share a random key with router and gateway alone."""
    key = secrets.token_urlsafe(32)
    if count == 1:
        return (EnginePlace(files.folder / "engine.sock", key, prefixed("engine", files.log)),)
    return tuple(
        EnginePlace(f"http://127.0.0.1:{port}", key, prefixed(f"engine {number}", files.log))
        for number, port in enumerate(free_ports(count), 1)
    )


def programs(
    settings: LauncherSettings,
    plans: Sequence[EnginePlan],
    places: Sequence[EnginePlace],
    environ: Mapping[str, str],
    files: RunFiles,
) -> Programs:
    """Return the gateway, and the router if there are several engines, here or elsewhere."""
    urls = [url_of(place.address) for place in places] or list(settings.engine_urls)
    theirs = settings_base.variables(environ, ENV_FILE).get(ENGINE_KEY, "")
    key = places[0].key if places else theirs
    given = {**environ, **in_flight(settings, plans, len(urls))}
    if len(urls) == 1:
        alone = {**given, "MMHIE_ENGINE_URLS": ""}  # of the launcher: there is no router
        return Programs(gateway(settings, alone, urls[0], key, files))
    port, metrics_port = free_ports(2)
    argv = router.argv(urls, port=port, metrics_port=metrics_port)
    command = Command(argv, environment.for_router(environ, key))
    routed, url = {**given, "MMHIE_ENGINE_URLS": ",".join(urls)}, f"http://127.0.0.1:{port}"
    before = Program("router", command, prefixed("router", files.log))
    return Programs(gateway(settings, routed, url, key, files), before, url)


def engine_program(
    plan: EnginePlan, place: EnginePlace, environ: Mapping[str, str]
) -> EngineProgram:
    """Return the supervised engine of a plan; before a restart its GPUs are checked again."""
    argv = (*plan.argv, *listen_flags(place, plan.settings), "--disable-uvicorn-access-log")
    command = Command(argv, environment.for_engine(environ, plan.env, place.key))
    lighter = remedies.suggest_lighter(plan)
    program = EngineProgram(command, place.address, place.log, lighter=lighter)
    if plan.device == "cpu":
        return program
    program = replace(program, recheck=partial(hardware.recheck, plan.hardware))
    if share := gpu_shares.recall(plan):
        return with_share(program, plan, share)
    share = remedies.smaller_share(plan)
    return replace(program, smaller=with_share(program, plan, share)) if share else program


def with_share(program: EngineProgram, plan: EnginePlan, share: float) -> EngineProgram:
    """Return the program with a smaller share of each GPU than the plan's, which was too large."""
    argv = list(program.command.argv)
    argv[argv.index(SHARE) + 1] = f"{share:g}"
    note = (
        f"It has MMHIE_GPU_MEMORY_UTILIZATION={share:g}, as it ran out of GPU memory with "
        f"{plan.gpu_fraction:g}."
    )
    command = replace(program.command, argv=tuple(argv))
    remember = partial(gpu_shares.remember, plan, share)
    return replace(program, command=command, note=note, on_ready=remember)


def in_flight(
    settings: LauncherSettings, plans: Sequence[EnginePlan], engines: int
) -> dict[str, str]:
    """Return MMHIE_MAX_INFLIGHT, unless it is set: as many requests as the engines batch."""
    if "max_inflight" in settings.model_fields_set:
        return {}
    batches = [plan.workload.sequences for plan in plans]
    return {"MMHIE_MAX_INFLIGHT": str(sum(batches) or settings.max_inflight * engines)}


def url_of(address: Address) -> str:
    """Return an address as MMHIE_ENGINE_URL has it."""
    return f"unix:{address}" if isinstance(address, Path) else address


def free_ports(count: int) -> list[int]:
    """Return ports of this machine on which nobody listens now."""
    with ExitStack() as opened:
        sockets = [opened.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [int(each.getsockname()[1]) for each in sockets]


def listen_flags(place: EnginePlace, settings: LauncherSettings) -> tuple[str, ...]:
    """Return vLLM's flags to listen at an address; with https it reloads changed files."""
    if isinstance(place.address, Path):
        return ("--uds", str(place.address))
    parts = urlsplit(place.address)
    listen = ("--host", place.host, "--port", str(parts.port))
    if parts.scheme == "http":
        return listen
    file = str(settings.engine_server_certificate)
    files = ("--ssl-certfile", file, "--ssl-keyfile", file)
    return (*listen, *files, "--enable-ssl-refresh")


def gateway(
    settings: LauncherSettings,
    environ: Mapping[str, str],
    engine_url: str,
    key: str,
    files: RunFiles,
) -> Program:
    """Return the gateway's command, with the address of the engine or the router."""
    ours = {
        "MMHIE_ENGINE_URL": engine_url,
        "MMHIE_PHASE_FILE": str(files.status_file),
        "MMHIE_REASONER_MODEL": settings.reasoner_model,
        "PYTHONUNBUFFERED": "1",
    }
    env = {**environ, **ours, **({ENGINE_KEY: key} if key else {})}
    command = Command((sys.executable, "-m", "gateway"), env)
    return Program("gateway", command, prefixed("gateway", files.log))
