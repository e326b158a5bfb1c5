"""Programs of one service, as command lines and environments."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from launcher.planning.hardware import parse, share
from launcher.planning.planner import make_plan
from launcher.process.child import Command
from launcher.serving.engine_supervisor import EngineProgram
from launcher.serving.programs import RunFiles, engine_places, engine_program, programs
from launcher.serving.supervisor import Programs
from tests.launcher.plans import MODEL, settings


class Made(NamedTuple):
    """The engines, and the programs beside them."""

    engines: tuple[EngineProgram, ...]
    parts: Programs


def made(folder: Path, **ours: Any) -> Made:
    """On an imagined machine of 8 cores."""
    chosen = settings(reasoner_model="/models/tiny", **ours)
    whole, count = parse("cpu,ram=32,cpus=8"), chosen.engines or 1
    shares = [] if chosen.engine_urls else [share(whole, count, index) for index in range(count)]
    plans = [make_plan(chosen, part, MODEL) for part in shares]
    environ = {"PATH": "/usr/bin", "MMHIE_ENGINE_API_KEY": "theirs"}
    files = RunFiles(folder, io.StringIO())
    places = engine_places(len(plans), files)
    engines = (engine_program(*pair, environ) for pair in zip(plans, places, strict=True))
    return Made(tuple(engines), programs(chosen, plans, places, environ, files))


def gateway_of(parts: Programs) -> Command:
    """The gateway's command."""
    assert parts.gateway is not None
    return parts.gateway.command


def test_one_engine(tmp_path: Path) -> None:
    """The plan's, on the private socket, with one key that both know and no argument shows, and
    that the next start does not have."""
    engines, parts = made(tmp_path)
    engine, gateway = engines[0].command, gateway_of(parts)

    socket = tmp_path / "engine.sock"
    assert engine.argv[-3:] == ("--uds", str(socket), "--disable-uvicorn-access-log")
    assert engines[0].address == socket
    assert parts.router is None
    assert gateway.argv == (sys.executable, "-m", "gateway")
    assert gateway.env["MMHIE_ENGINE_URL"] == f"unix:{socket}"
    assert gateway.env["MMHIE_PHASE_FILE"] == str(tmp_path / "phase.json")
    assert gateway.env["PATH"] == "/usr/bin"
    key = engine.env["VLLM_API_KEY"]
    assert len(key) >= 32
    assert key == gateway.env["MMHIE_ENGINE_API_KEY"]
    assert not any(key in part for part in (*engine.argv, *gateway.argv))
    assert engine.env["HF_HUB_OFFLINE"] == "1"
    assert made(tmp_path).engines[0].command.env["VLLM_API_KEY"] != key


def test_several_engines(tmp_path: Path) -> None:
    """Each on its own loopback port and cores, the router before them, the gateway before it. The
    router has the engines' key, which it asks of whoever comes, in no command line."""
    engines, parts = made(tmp_path, engines=2)
    argvs = [engine.command.argv for engine in engines]
    cores = [engine.command.env["VLLM_CPU_OMP_THREADS_BIND"] for engine in engines]

    assert parts.router is not None
    router = parts.router.command.argv
    assert all(argv[argv.index("--host") + 1] == "127.0.0.1" for argv in (*argvs, router))
    assert cores == ["0,1,2,3", "4,5,6,7"]
    urls = router[router.index("--worker-urls") + 1 :]
    assert list(urls) == [engine.address for engine in engines]
    assert router[router.index("--policy") + 1] == "cache_aware"
    assert gateway_of(parts).env["MMHIE_ENGINE_URL"] == parts.router_url
    assert parts.router_url.endswith(router[router.index("--port") + 1])
    assert len({*urls, parts.router_url}) == 3
    key = gateway_of(parts).env["MMHIE_ENGINE_API_KEY"]
    assert {engine.command.env["VLLM_API_KEY"] for engine in engines} == {key}
    assert parts.router.command.env["VLLM_API_KEY"] == key
    assert not any(key in part for part in router)


@pytest.mark.parametrize(
    ("ours", "limit"),
    [
        ({"engines": 2}, "512"),  # 256 each
        ({"engines": 2, "max_inflight": 40}, None),
        ({"engine_urls": "http://a:1, http://b:1, http://c:1"}, "768"),
        ({"engine_args": "--max-num-seqs 16"}, "16"),
    ],
)
def test_requests_in_flight_follow_the_engines(
    tmp_path: Path, ours: dict[str, Any], limit: str | None
) -> None:
    """A value set in the environment or in .env is left alone."""
    assert gateway_of(made(tmp_path, **ours).parts).env.get("MMHIE_MAX_INFLIGHT") == limit


@pytest.mark.parametrize(
    ("urls", "has_router", "engine_url"),
    [("http://a:8000", False, "http://a:8000"), ("http://a:8000, http://b:8000", True, "")],
)
def test_engines_elsewhere(urls: str, has_router: bool, engine_url: str, tmp_path: Path) -> None:
    """Several need the router, one is asked directly; their key is the user's."""
    engines, parts = made(tmp_path, engine_urls=urls)
    env = gateway_of(parts).env

    assert engines == ()
    assert (parts.router is not None) is has_router
    assert env["MMHIE_ENGINE_URL"] == (engine_url or parts.router_url)
    assert env["MMHIE_ENGINE_API_KEY"] == "theirs"
    assert parts.router is None or parts.router.command.env["VLLM_API_KEY"] == "theirs"
