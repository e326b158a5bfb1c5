"""Frameworks with an OpenAI-compatible client inside, each in an environment of its own: whole,
streamed, structured, a tool call, errors, cancel."""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.compatibility.clients import CLIENTS, FRAMEWORKS, Client
from tests.compatibility.driven import Driven
from tests.contract.process import Gateway
from tests.contract.test_disclaimer import TEXT
from tests.fake_engine.process import FakeEngine

pytestmark = pytest.mark.slow  # their environments have to be installed once

DRUG = '{"drug": "ibuprofen"}'
ALL = (
    *FRAMEWORKS,
    *(client for client in CLIENTS if client.name in ("langchain-openai", "litellm")),
)
EACH = pytest.mark.parametrize("client", ALL, ids=lambda client: client.name)
FAULTS: dict[str, dict[str, Any]] = {
    "failing": {"fault": "status", "status": 500},
    "broken stream": {"fault": "cut"},
}
STATUSES = {"not found": 404, "bad request": 400, "failing": 502}


@pytest.fixture(scope="module")
def drivers() -> Iterator[dict[str, Driven]]:
    """Running drivers by the name of their client; they live on between cases."""
    started: dict[str, Driven] = {}
    with ExitStack() as ends:
        yield started
        for driver in started.values():
            ends.callback(driver.stop)


@pytest.fixture
def driven(gateway: Gateway, drivers: dict[str, Driven], client: Client) -> Driven:
    """The client's driver, before the gateway."""
    if not client.is_here():
        pytest.skip(f"{client.name} is not on this machine")
    if client.name not in drivers:
        drivers[client.name] = Driven(client, gateway.url, "fake-model")
    return drivers[client.name]


@EACH
def test_it_is_the_client_we_mean(driven: Driven, client: Client) -> None:
    """The version that is pinned."""
    assert driven.result("version")["version"].startswith(client.version)


@EACH
def test_whole_and_streamed_say_the_same(driven: Driven, client: Client) -> None:
    """The engine's words; the extra key is readable or does no harm."""
    whole, streamed = driven.result("chat"), driven.result("stream")

    assert whole["text"] == streamed["text"]
    assert len(whole["text"].split()) > 10
    if client.shows == "readable":
        assert whole["label"] == streamed["label"] == TEXT
    if "headers" in client.shows:
        assert whole["header"]


@EACH
def test_a_tool_call(driven: Driven, engine: FakeEngine, client: Client) -> None:
    """Its name and its arguments."""
    engine.next(fault="tool_call", body=DRUG)
    found = driven.result("tools")

    assert found["name"] == "dose"
    assert found["arguments"] == {"drug": "ibuprofen"}


@EACH
def test_a_structured_answer(driven: Driven, engine: FakeEngine, client: Client) -> None:
    """A document of the schema."""
    engine.next(fault="say", tokens=[DRUG[:8], DRUG[8:]])

    assert driven.result("structured output")["value"] == {"drug": "ibuprofen"}


@EACH
@pytest.mark.parametrize("case", [*STATUSES, "broken stream"])
def test_an_error(driven: Driven, engine: FakeEngine, client: Client, case: str) -> None:
    """Of the class that people catch; half an answer is not one."""
    if case in FAULTS:
        engine.next(**FAULTS[case])
    found = driven.error(case)

    assert client.errors[case] in found["kinds"], found
    assert case not in STATUSES or found["status"] == STATUSES[case]
    assert found["message"]


@EACH
def test_leaving_a_stream_aborts_the_engine(
    driven: Driven, engine: FakeEngine, client: Client
) -> None:
    """The client lives on, the engine's work ends."""
    engine.next({"fault": "endless"}, {"fault": "slow_tokens", "seconds": 0.01})
    assert driven.result("cancel")["seen"] == 4

    engine.until(lambda stats: stats["aborted"] == 1 and stats["running"] == 0)
