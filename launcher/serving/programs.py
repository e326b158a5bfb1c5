"""Commands of one service: engines on private addresses, a router before several, the gateway."""

import secrets
import socket
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
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


def programs(
    settings: LauncherSettings,
    plans: Sequence[EnginePlan],
    environ: Mapping[str, str],
    files: RunFiles,
) -> Programs:
    """Return every command; engines started here share a random key with the gateway alone."""
    key = secrets.token_urlsafe(32) if plans else None
    addresses = engine_addresses(len(plans), files.folder)
    engines = tuple(
        engine_program(
            plan,
            engine_command(plan, environ, address, key or ""),
            address,
            prefixed(name, files.log),
        )
        for plan, address, name in zip(plans, addresses, engine_names(len(plans)), strict=True)
    )
    urls = [url_of(address) for address in addresses] or list(settings.engine_urls)
    counted = {**environ, **in_flight(settings, plans, len(urls))}
    if len(urls) == 1:
        alone = {**counted, "MMHIE_ENGINE_URLS": ""}  # of the launcher: there is no router
        return Programs(engines, gateway(settings, alone, urls[0], key, files))
    known = key or settings_base.variables(environ, ENV_FILE).get(ENGINE_KEY, "")
    url, before = routing(urls, environ, known, files)
    routed = {**counted, "MMHIE_ENGINE_URLS": ",".join(urls)}
    return Programs(engines, gateway(settings, routed, url, key, files), before, url)


def engine_program(
    plan: EnginePlan, command: Command, address: Address, log: Listener
) -> EngineProgram:
    """Return the supervised engine of a plan; before a restart its GPUs are checked again."""
    program = EngineProgram(command, address, log, lighter=remedies.suggest_lighter(plan))
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


def engine_names(count: int) -> list[str]:
    """Return the engines' names in the log."""
    return ["engine"] if count == 1 else [f"engine {number}" for number in range(1, count + 1)]


def engine_addresses(count: int, folder: Path) -> list[Address]:
    """Return a Unix socket for one engine; ports for several, since the router knows only TCP."""
    if count == 1:
        return [folder / "engine.sock"]
    return [f"http://127.0.0.1:{port}" for port in free_ports(count)]


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


def engine_command(
    plan: EnginePlan, environ: Mapping[str, str], address: Address, key: str
) -> Command:
    """Return the command of an engine that listens at this address."""
    listen = listen_flags(address, plan.settings)
    argv = (*plan.argv, *listen, "--disable-uvicorn-access-log")
    return Command(argv, environment.for_engine(environ, plan.env, key))


def listen_flags(address: Address, settings: LauncherSettings) -> tuple[str, ...]:
    """Return vLLM's flags to listen at an address; with https it reloads changed files."""
    if isinstance(address, Path):
        return ("--uds", str(address))
    parts = urlsplit(address)
    listen = ("--host", str(parts.hostname), "--port", str(parts.port))
    if parts.scheme == "http":
        return listen
    file = str(settings.engine_server_certificate)
    files = ("--ssl-certfile", file, "--ssl-keyfile", file)
    return (*listen, *files, "--enable-ssl-refresh")


def replan_engines(
    engines: Sequence[EngineProgram], plans: Sequence[EnginePlan], environ: Mapping[str, str]
) -> tuple[EngineProgram, ...]:
    """Return the engines with other plans, at the same addresses and with the same keys."""
    return tuple(
        engine_program(
            plan,
            engine_command(plan, environ, engine.address, engine.command.env[environment.KEY]),
            engine.address,
            engine.log,
        )
        for engine, plan in zip(engines, plans, strict=True)
    )


def routing(
    urls: Sequence[str], environ: Mapping[str, str], key: str, files: RunFiles
) -> tuple[str, Program]:
    """Return the router's URL and its command."""
    port, metrics_port = free_ports(2)
    argv = router.argv(urls, port=port, metrics_port=metrics_port)
    command = Command(argv, environment.for_router(environ, key))
    program = Program("router", command, prefixed("router", files.log))
    return f"http://127.0.0.1:{port}", program


def gateway(
    settings: LauncherSettings,
    environ: Mapping[str, str],
    engine_url: str,
    key: str | None,
    files: RunFiles,
) -> Program:
    """Return the gateway's command, with the address of the engine or the router."""
    env = environment.for_gateway(
        environ,
        engine_url=engine_url,
        key=key,
        status_file=files.status_file,
        model=settings.reasoner_model,
    )
    command = Command((sys.executable, "-m", "gateway"), env)
    return Program("gateway", command, prefixed("gateway", files.log))
