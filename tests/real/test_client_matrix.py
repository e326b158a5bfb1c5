"""The clients people use, each in its own environment, on real vLLM: right answers, their own
errors, and a cancelled stream that frees the engine (docs/compatibility.md).

What only a broken engine shows is asked of the fake one.
"""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from typing import Any

import httpx2
import pytest

from tests.compatibility.clients import CLIENTS, RAISING, SPEAKING, Client
from tests.compatibility.driven import Driven
from tests.compatibility.drivers import ASKED
from tests.contract.process import Gateway
from tests.contract.test_disclaimer import TEXT
from tests.fake_engine.process import FakeEngine
from tests.real.stack import Stack
from tests.real.work import until_running

# With the environments still to be made it takes over two minutes.
pytestmark = pytest.mark.slow

FAULTS: dict[str, dict[str, Any]] = {
    "failing": {"fault": "status", "status": 500},
    "broken stream": {"fault": "cut"},
}
STATUSES = {"not found": 404, "bad request": 400, "failing": 502, "broken stream": None}
VALUE = {"drug": "ibuprofen"}
Drivers = Callable[[Client], Driven]


def pairs(cases: tuple[str, ...]) -> list[tuple[Client, str]]:
    return [(client, case) for client in CLIENTS for case in cases if case in client.cases]


def pair_id(value: Client | str) -> str:
    """For pytest."""
    return value if isinstance(value, str) else value.title


@pytest.fixture(scope="module")
def truth(direct: httpx2.Client, model: str) -> dict[str, str]:
    """The engine's own answers, asked past the gateway."""
    chat = direct.post("/v1/chat/completions", json={"model": model, **ASKED["chat"]}).json()
    other = direct.post("/v1/responses", json={"model": model, **ASKED["responses"]}).json()
    said = chat["choices"][0]["message"]["content"]
    return {
        **dict.fromkeys(("chat", "stream", "helper"), said),
        "responses": other["output"][0]["content"][0]["text"],
    }


@pytest.fixture(scope="module")
def real(stack: Stack, model: str) -> Iterator[Drivers]:
    """Every client's driver on the real stack, started when first asked for."""
    yield from drivers(stack.base_url, model)


@pytest.fixture(scope="module")
def faulty(the_gateway: Gateway) -> Iterator[Drivers]:
    """Every client's driver on a gateway before an engine that breaks when told to."""
    yield from drivers(the_gateway.url, "fake-model")


def drivers(url: str, model: str) -> Iterator[Drivers]:
    with ExitStack() as running:

        @cache
        def driver(client: Client) -> Driven:
            if not client.is_here():
                pytest.skip(f"{client.name} is not on this machine")
            started = Driven(client.command(), url, model)
            running.callback(started.stop)
            return started

        yield driver


@pytest.mark.parametrize(("client", "case"), pairs(SPEAKING), ids=pair_id)
def test_it_speaks(real: Drivers, truth: dict[str, str], client: Client, case: str) -> None:
    """The engine's own answer comes out; the extra key is readable or harmless."""
    outcome = real(client).result(case)
    if case in truth:
        assert outcome["text"] == truth[case]
    else:
        assert outcome.get("value", outcome.get("arguments")) == VALUE
        assert outcome.get("name", "dose") == "dose"
    check_label(client, case, outcome)


def check_label(client: Client, case: str, outcome: dict[str, Any]) -> None:
    """Assert how much of the extra key the client lets through."""
    if client.shows != "readable":
        assert outcome.get("header", "any")
    elif case in client.keeps_the_last:
        assert outcome["label"] is None
        assert outcome["closing"] == hashlib.sha256(TEXT.encode()).hexdigest()
    else:
        assert outcome["label"] == TEXT


@pytest.mark.parametrize(("client", "case"), pairs(RAISING), ids=pair_id)
def test_it_raises_its_own(
    real: Drivers, faulty: Drivers, engine: FakeEngine, client: Client, case: str
) -> None:
    """An error of the class that people catch, with the status; half an answer is not one."""
    failure = told(real, faulty, engine, client, case)
    assert client.errors[case] in failure["kinds"], failure
    assert STATUSES[case] is None or failure["status"] == STATUSES[case], failure
    assert failure["message"]


def told(
    real: Drivers, faulty: Drivers, engine: FakeEngine, client: Client, case: str
) -> dict[str, Any]:
    if case not in FAULTS:
        return real(client).error(case)
    engine.next(**FAULTS[case])
    return faulty(client).error(case)


@pytest.mark.parametrize("client", CLIENTS, ids=pair_id)
def test_cancelling_frees_the_engine(stack: Stack, real: Drivers, client: Client) -> None:
    """The client closes its stream and lives on; the engine has nothing to do a moment later."""
    with stack.client() as looking:
        assert real(client).result("cancel")["seen"] == 4
        until_running(looking, 0)
