"""Routers of others in front of two engines, started as docs/scale.md has it."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx2
import pytest

from launcher.serving.environment import for_router
from launcher.serving.router import argv
from tests.compatibility.environment import python_with
from tests.contract.process import ROOT, Gateway, free_ports
from tests.contract.surfaces import (
    CHAT_JSON,
    CHAT_SSE,
    SURFACES,
    error_of,
    events,
    name_of,
)
from tests.fake_engine.process import FakeEngine
from tests.waiting import PATIENCE_S, until

pytestmark = pytest.mark.slow

SCALE: Final = ROOT / "docs" / "scale.md"
LOCKS: Final = ROOT / "tests" / "compatibility" / "locks"
KEY: Final = "key-of-both-engines"
SERVE: Final = "mmhie serve"  # which starts vllm-router in a way of its own
# The module of each command, and the Python that has it.
PROGRAMS: Final[dict[str, tuple[str, Callable[[], Path]]]] = {
    "vllm-router": ("vllm_router.launch_router", lambda: Path(sys.executable)),
    "smg": ("smg.cli", lambda: python_with(LOCKS / "smg.txt")),
}


@dataclass
class Routed:
    """A gateway, a router, and two engines of which either may be killed and started again."""

    url: str
    router: subprocess.Popen[bytes]
    gateway: Gateway
    engines: list[FakeEngine]

    def seen(self) -> list[FakeEngine]:
        """The engines that have had a chat."""
        return [engine for engine in self.engines if engine.seen(CHAT_JSON.path)]


@pytest.fixture(params=[SERVE, *PROGRAMS])
def routed(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Routed]:
    """Ready, with the router that is asked for, which has the engines' key."""
    with routing(tmp_path, request.param) as routed:
        yield routed


@contextmanager
def routing(folder: Path, name: str) -> Iterator[Routed]:
    """Two engines that want a key, a router before them, and a gateway."""
    engines = [FakeEngine("--token-delay", "0.005", "--api-key", KEY).wait() for _ in range(2)]
    port, metrics_port = free_ports(2)
    if name == SERVE:
        addresses = [engine.url for engine in engines]
        command = [*argv(addresses, port=port, metrics_port=metrics_port)]
    else:
        line = build_command(name, port, engines).replace("--api-key KEY", f"--api-key {KEY}")
        command = [*line.split(), "--prometheus-port", str(metrics_port)]
    with (folder / "router.log").open("wb") as log:
        environ = for_router(os.environ, KEY)
        router = subprocess.Popen(command, env=environ, cwd=ROOT, stdout=log, stderr=log)
    urls = ",".join(engine.url for engine in engines)
    settings = {"MMHIE_ENGINE_URLS": urls, "MMHIE_ENGINE_API_KEY": KEY}
    url = f"http://127.0.0.1:{port}"
    with Gateway(folder, url, **settings) as gateway:
        try:
            yield Routed(url, router, gateway.wait(), engines)
        finally:
            router.kill()
            router.wait(timeout=PATIENCE_S)
            for engine in engines:
                engine.stop()


def build_command(name: str, port: int, engines: list[FakeEngine]) -> str:
    """The command of the document with these addresses, run in the router's environment."""
    match = re.search(rf"^({name} (?:.*\\\n)*.*)$", SCALE.read_text(), re.MULTILINE)
    assert match, f"docs/scale.md has no command of {name}"
    line = match[1].replace("\\\n", " ").replace("--port 8080", f"--port {port}")
    for node, engine in zip(("http://node1:8000", "http://node2:8000"), engines, strict=True):
        assert node in line
        line = line.replace(node, engine.url)
    assert "--api-key KEY" in line
    module, find_python = PROGRAMS[name]
    return f"{find_python()} -m {module} {line.removeprefix(name)}"


def test_every_surface_is_answered(routed: Routed) -> None:
    """Whole and streamed; the metrics are those of both engines."""
    answers = {name_of(surface): surface.ask(routed.gateway.client) for surface in SURFACES}
    spoilt = {
        name: answer.text
        for name, answer in answers.items()
        if answer.status_code != 200 or '"error"' in answer.text
    }

    assert not spoilt
    assert routed.gateway.client.get("/metrics").text.count("vllm:num_requests_running{") == 2


def test_who_hangs_up_stops_the_engine(routed: Routed) -> None:
    """In mid-stream, and while a whole answer is written."""
    for engine in routed.engines:
        engine.next({"fault": "endless", "times": -1})
    with CHAT_SSE.stream(routed.gateway.client, max_tokens=5000) as answer:
        next(answer.iter_raw())
    until(lambda: total(routed, "aborted") == 1 and total(routed, "running") == 0)
    body = CHAT_JSON.body(max_tokens=5000)
    with pytest.raises(httpx2.ReadTimeout):
        routed.gateway.client.post(CHAT_JSON.path, json=body, timeout=1.0)

    until(lambda: total(routed, "aborted") == 2 and total(routed, "running") == 0)


def total(routed: Routed, count: str) -> int:
    return sum(engine.stats[count] for engine in routed.engines)


def test_an_engine_dies(routed: Routed) -> None:
    """Its stream ends with an error in it; all later requests go to the other one, and the gateway
    stays ready."""
    for engine in routed.engines:
        engine.next({"fault": "endless", "times": 1})
    with CHAT_SSE.stream(routed.gateway.client, max_tokens=5000) as answer:
        parts = answer.iter_raw()
        received = next(parts)
        (dying,) = routed.seen()
        dying.child.kill()
        received += b"".join(parts)
    (other,) = [engine for engine in routed.engines if engine is not dying]
    other.reset()
    statuses = [CHAT_JSON.ask(routed.gateway.client).status_code for _ in range(10)]

    assert "error" in events(received)[-2], received[-500:]
    assert statuses == [200] * 10
    assert routed.gateway.client.get("/readyz").status_code == 200


def test_both_engines_die(routed: Routed) -> None:
    """The caller gets a proper refusal, and the gateway is not ready until one is back."""
    for engine in routed.engines:
        engine.child.kill()
    answer = CHAT_JSON.ask(routed.gateway.client)
    until(lambda: routed.gateway.client.get("/readyz").status_code == 503)

    assert answer.status_code in (502, 503), answer.text
    assert error_of(answer)["code"].startswith("engine_")
    port = routed.engines[0].url.rpartition(":")[2]
    with FakeEngine("--port", port, "--api-key", KEY).wait():
        routed.gateway.wait()
        assert CHAT_JSON.ask(routed.gateway.client).status_code == 200


def test_the_router_of_serve_wants_the_key(tmp_path: Path) -> None:
    """Everybody on this machine reaches its port."""
    with routing(tmp_path, SERVE) as routed:
        url = f"{routed.url}{CHAT_JSON.path}"
        keys = ("", "Bearer wrong", f"Bearer {KEY}")
        answers = [
            httpx2.post(url, json=CHAT_JSON.body(), headers={"authorization": key}) for key in keys
        ]

    assert [answer.status_code for answer in answers] == [401, 401, 200]
