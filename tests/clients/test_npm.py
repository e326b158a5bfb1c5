"""The official npm clients, and the Vercel AI SDK: answers, errors of their own, and leaving."""

from collections.abc import Iterator
from contextlib import contextmanager
from textwrap import dedent
from typing import Any

import pytest

from requirements import programs
from tests.clients import node
from tests.compatibility.driven import Driven
from tests.contract.process import ROOT, Gateway
from tests.contract.test_disclaimer import TEXT
from tests.fake_engine.process import FakeEngine

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not node.is_here(), reason=programs.reason("node", "npm")),
]


@contextmanager
def driver(gateway: Gateway, name: str) -> Iterator[Driven]:
    """A client behind its driver, installed where it is missing."""
    node.install()
    started = Driven(["node", f"{node.DRIVERS}/{name}.mjs"], gateway.url, "fake-model")
    yield started
    started.stop()


DRUG = {"drug": "aspirin"}
STATUSES = {"not found": 404, "bad request": 400, "failing": 502, "broken stream": None}
FAULTS: dict[str, dict[str, Any]] = {
    "failing": {"fault": "status", "status": 500},
    "broken stream": {"fault": "cut"},
}
OPENAI = ("openai.NotFoundError", "openai.BadRequestError", "openai.InternalServerError")
SDK = ("ai.AI_APICallError",) * 3
CLIENTS = {
    "openai_npm": (*OPENAI, "openai.APIError"),
    "ai_sdk": (*SDK, "ai.AI_StreamProviderError"),
}


@pytest.mark.parametrize("name", CLIENTS)
def test_answers_errors_and_leaving(gateway: Gateway, engine: FakeEngine, name: str) -> None:
    """Text and tool calls come out; a failure is the class that people catch, half an answer too;
    a closed stream frees the engine."""
    with driver(gateway, name) as client:
        assert client.result("stream")["text"] == client.result("chat")["text"]
        assert client.result("tools")["arguments"] == DRUG
        assert client.result("structured output")["value"] == {"answer": 1}
        for (case, status), kind in zip(STATUSES.items(), CLIENTS[name], strict=True):
            if case in FAULTS:
                engine.next(**FAULTS[case])
            failure = client.error(case)
            assert kind in failure["kinds"], failure
            assert status in (None, failure["status"])
        engine.next({"fault": "endless"}, {"fault": "slow_tokens", "seconds": 0.01})
        assert client.result("cancel") == {"seen": 4}
        engine.until(lambda stats: stats["running"] == 0)


def test_openai(gateway: Gateway) -> None:
    """Models, the older API, and the whole label by docs/api.md's way: the parts of two chunks, put
    together, are what a whole answer has."""
    with driver(gateway, "openai_npm") as client:
        assert client.result("models") == {"ids": ["fake-model"], "retrieved": "fake-model"}
        assert client.result("completions")["label"] == TEXT
        label, whole = client.result("helper")["whole"], client.result("chat")["mmhie"]

    assert label.keys() == whole.keys()
    assert label["provenance"].keys() == whole["provenance"].keys()
    assert label["disclaimer"] == whole["disclaimer"]
    case = (node.DRIVERS / "openai_npm.mjs").read_text()
    recipe = case[case.index("  const label = {}") : case.index("  const final")]
    assert dedent(recipe) in (ROOT / "docs" / "api.md").read_text()


def test_anthropic(gateway: Gateway, engine: FakeEngine) -> None:
    """A message whole, in events, by the helper, structured and with a tool; half of one raises."""
    with driver(gateway, "anthropic_npm") as client:
        whole, events = client.result("whole"), client.result("stream")
        helped, called = client.result("helper"), client.result("tool")
        assert client.result("structured") == {"answer": 1}
        engine.next(fault="cut")
        failure = client.error("broken helper")

    assert whole["text"] == events["text"] == helped["text"] == helped["deltas"]
    assert whole["requestId"] == whole["mmhie"]["provenance"]["request_id"]
    assert (events["closing"]["truncated"], events["last"]) == ("in_answer", "message_stop")
    for label in (whole["mmhie"], events["first"], helped["mmhie"], called["mmhie"]):
        assert label["disclaimer"]["text"] == TEXT
    for content in (called["whole"], called["streamed"]):
        assert (content[0]["name"], content[0]["input"]) == ("dose", {"drug": "aspirin"})
    assert failure["code"]


def test_the_lock_names_no_registry() -> None:
    """Whoever installs it uses their own; versions and digests are enough."""
    lock = (node.FOLDER / "package-lock.json").read_text()

    assert "integrity" in lock
    assert "resolved" not in lock
    assert "http" not in lock
