"""A hold while requests wait and run: at the gateway, and as the operator's command reports it."""

import json
import subprocess
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import pytest

from gateway.hold.hold import Hold, write
from tests.contract.fixtures import Shared, Start
from tests.contract.process import ROOT, Gateway
from tests.contract.surfaces import (
    JSON,
    STREAMS,
    SURFACES,
    Surface,
    error_of,
    events,
    name_of,
    refusal_of,
)
from tests.contract.test_notices import EMERGENCY, ID
from tests.fake_engine.process import FakeEngine
from tests.waiting import until

HOLD = Hold("answers drifted", "ops", "2026-01-01T00:00:00Z")
NOW = Hold(HOLD.reason, HOLD.by, HOLD.since, now=True)
ENDLESS = ({"fault": "endless"}, {"fault": "slow_tokens", "seconds": 0.02})


class Switch:
    """A gateway with one slot, and its hold file."""

    def __init__(self, gateway: Gateway, file: Path) -> None:
        self.gateway = gateway
        self.file = file

    def is_held(self) -> bool:
        return bool(self.gateway.client.get("/healthz").json()["phase"] == "held")

    def operate(self, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """Run a command of `mmhie` beside the gateway."""
        return subprocess.run(
            [Path(sys.executable).with_name("mmhie"), *words],
            env={
                "MMHIE_HOLD_FILE": str(self.file),
                "MMHIE_PORT": str(self.gateway.port),
                "PATH": "/usr/bin:/bin",
                "PYTHONPATH": str(ROOT),
                "USER": "operator",
                **environ,
            },
            cwd=self.file.parent,
            capture_output=True,
            text=True,
        )


@pytest.fixture(scope="module")
def the_switch(the_gateways: Shared, tmp_path_factory: pytest.TempPathFactory) -> Switch:
    file = tmp_path_factory.mktemp("switch") / "hold.json"
    return Switch(the_gateways(MMHIE_HOLD_FILE=str(file), MMHIE_MAX_INFLIGHT="1"), file)


@pytest.fixture
def switch(the_switch: Switch, engine: FakeEngine) -> Switch:
    """In service."""
    the_switch.file.unlink(missing_ok=True)
    until(lambda: not the_switch.is_held())
    return the_switch


def ask(switch: Switch, surface: Surface, **more: Any) -> Future[httpx2.Response]:
    """A question put in the background."""
    return ThreadPoolExecutor(1).submit(surface.ask, switch.gateway.client, **more)


def running(
    switch: Switch, engine: FakeEngine, surface: Surface, **more: Any
) -> Future[httpx2.Response]:
    """A question whose answer has no end, once the engine works on it."""
    engine.next(*ENDLESS)
    asked = ask(switch, surface, **more)
    tokens = 3 if surface.form != "json" else 0  # of a whole answer none leaves before its end
    engine.until(lambda stats: stats["running"] == 1 and stats["generated_tokens"] >= tokens)
    return asked


@pytest.mark.parametrize("surface", SURFACES, ids=name_of)
def test_now_ends_what_runs(switch: Switch, engine: FakeEngine, surface: Surface) -> None:
    """Last words that name the hold, or 503; the notices are there; the engine stops working."""
    asked = running(switch, engine, surface, prompt=EMERGENCY)
    write(switch.file, NOW)
    answer = asked.result()

    if surface.form == "text":
        assert f"[interrupted: The clinical model was taken out of service on {HOLD.since}" in (
            answer.text
        )
    else:
        told = [answer.json()] if surface.form == "json" else events(answer.content)
        error = next(event["error"] for event in told if "error" in event)
        assert (error["code"], HOLD.reason in error["message"]) == ("held", True)
        assert [notice["id"] for notice in error["mmhie"]["notices"]] == [ID]
    assert answer.status_code == (503 if surface.form == "json" else 200)
    engine.until(lambda stats: stats["aborted"] == 1 and stats["running"] == 0)


def waiting(switch: Switch) -> Future[httpx2.Response]:
    """A question that waits for the slot."""
    asked = ask(switch, JSON)
    until(lambda: "\nmmhie_queued_requests 1.0" in switch.gateway.client.get("/metrics").text)
    return asked


def test_now_ends_who_waits(switch: Switch, engine: FakeEngine) -> None:
    """The engine is not asked."""
    first = running(switch, engine, STREAMS[0])
    second = waiting(switch)
    write(switch.file, NOW)

    assert error_of(second.result())["code"] == "held"
    assert first.result().status_code == 200
    assert len(engine.seen("/v1/chat/completions")) == 1


def test_a_turn_that_comes_under_a_hold(switch: Switch, engine: FakeEngine) -> None:
    """The slot is given when the answer before has ended by itself."""
    engine.next({"fault": "gated"})
    first = ask(switch, STREAMS[0])
    engine.until(lambda stats: stats["running"] == 1)
    second = waiting(switch)
    write(switch.file, HOLD)
    until(switch.is_held)
    engine.release(1000)

    assert events(first.result().content)[-1] == "[DONE]"
    assert "error" not in first.result().text
    assert error_of(second.result())["code"] == "held"
    assert len(engine.seen("/v1/chat/completions")) == 1


def test_the_command_names_the_gateway_that_confirms(switch: Switch) -> None:
    """And the file; a second one takes the place of the first; the release says whose it was."""
    held = switch.operate("hold", "--reason", "answers drifted", "--by", "dr.x")
    again = switch.operate("hold", "--reason", "another", "--by", "dr.y", "--now")
    told = switch.operate("hold", "--reason", "another", "--json")
    refused = error_of(JSON.ask(switch.gateway.client))["message"]
    released = switch.operate("release")

    assert held.returncode == again.returncode == 0, held.stderr + again.stderr
    assert held.stdout.startswith(f"The hold is in {switch.file}: ")
    assert f"{switch.gateway.url} is held" in held.stdout
    assert "another" in refused
    document = json.loads(told.stdout)
    assert {"reason": "another", "by": "operator"}.items() <= document.items()
    assert document["gateways"] == {switch.gateway.url: ["held"]}
    assert f"The hold is ended: held by operator since {document['since']}" in released.stdout
    assert released.returncode == 0
    assert not switch.is_held()


def test_a_hold_from_another_home_is_not_confirmed(switch: Switch, tmp_path: Path) -> None:
    """It stops nothing, and must not say that it does."""
    other = {"MMHIE_HOLD_FILE": "", "HOME": str(tmp_path)}
    done = switch.operate("hold", "--reason", "answers drifted", **other)

    assert done.returncode == 1
    assert "out of service" not in done.stdout
    assert f"not confirmed: {switch.gateway.url} is ready" in done.stderr
    assert f"{tmp_path}/.local/state/mmhie/hold.json" in done.stdout
    write(switch.file, HOLD)
    until(switch.is_held)
    done = switch.operate("release", **other)
    assert done.returncode == 1
    assert "still out of service" in done.stderr


def test_where_no_gateway_answers(switch: Switch) -> None:
    """The hold is written, and the command says that nobody confirmed it."""
    done = switch.operate("hold", "--reason", "x", "--url", "http://127.0.0.1:9", "--url", "x")

    assert done.returncode == 1
    assert "http://127.0.0.1:9 is not reachable, x is not reachable" in done.stderr
    assert switch.file.exists()


def test_a_hold_is_in_force_until_released(
    start: Start, engine: FakeEngine, tmp_path: Path
) -> None:
    """It survives a restart, and ends with `mmhie release`. The models are listed, or a chat page
    would not show its message."""
    file = tmp_path / "held" / "hold.json"
    switch = Switch(start(engine.url, MMHIE_HOLD_FILE=str(file)).wait(), file)
    file.parent.mkdir()
    assert switch.operate("hold", "--reason", "answers drifted").returncode == 0
    again = start(engine.url, MMHIE_HOLD_FILE=str(file)).wait("/healthz")

    for held in (switch.gateway, again):
        refused = JSON.ask(held.client)
        assert refusal_of(refused) == (503, "held")
        assert "answers drifted" in error_of(refused)["message"]
        assert held.client.get("/readyz").status_code == 503
        assert held.client.get("/v1/models").json()["data"]
    assert switch.operate("release").returncode == 0

    assert JSON.ask(switch.gateway.client).status_code == 200
