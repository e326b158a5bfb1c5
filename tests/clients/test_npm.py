"""The official npm clients: what the matrix of clients (tests/real) does not ask of them."""

from textwrap import dedent
from typing import Any

import pytest

from tests.clients.conftest import Drivers
from tests.clients.node import DRIVERS, FOLDER
from tests.compatibility.driven import Driven
from tests.contract.process import ROOT
from tests.contract.test_disclaimer import TEXT
from tests.fake_engine.process import FakeEngine

pytestmark = pytest.mark.slow

MODELS = {"ids": ["fake-model"], "retrieved": "fake-model"}


@pytest.fixture
def openai(drivers: Drivers, engine: FakeEngine) -> Driven:
    """The driver of openai's client, before an engine without faults."""
    return drivers("openai npm")


@pytest.fixture
def anthropic(drivers: Drivers, engine: FakeEngine) -> Driven:
    """The driver of anthropic's client, before an engine without faults."""
    return drivers("anthropic npm")


@pytest.mark.parametrize(
    ("client", "case", "result"),
    [
        ("openai", "models", MODELS),
        ("anthropic", "structured", {"answer": 1}),
    ],
)
@pytest.mark.usefixtures("engine")
def test_a_result_is_parsed(drivers: Drivers, client: str, case: str, result: Any) -> None:
    """The list of models and one of them, a document of the schema's form."""
    assert drivers(f"{client} npm").result(case) == result


def test_the_whole_label_from_the_helper(openai: Driven) -> None:
    """As docs/api.md says: the parts of two chunks, put together, are what a whole answer has."""
    label = openai.result("helper")["whole"]
    whole = openai.result("chat")["mmhie"]

    assert label.keys() == whole.keys()
    assert label["provenance"].keys() == whole["provenance"].keys()
    assert label["disclaimer"] == whole["disclaimer"]
    case = (DRIVERS / "openai_npm.mjs").read_text()
    recipe = case[case.index("  const label = {}") : case.index("  const final")]
    assert dedent(recipe) in (ROOT / "docs" / "api.md").read_text()


@pytest.mark.parametrize("case", ["completions", "responses streamed"])
def test_the_other_apis(openai: Driven, case: str) -> None:
    """The older one and the newer one answer with the label, in a stream at both ends."""
    outcome = openai.result(case)

    assert outcome["text"]
    assert outcome["label"] == outcome.get("closing", TEXT) == TEXT
    assert outcome.get("last", "response.completed") == "response.completed"


def test_a_message(anthropic: Driven) -> None:
    """Text, the extra key, and the request id the client keeps; its tokens can be counted."""
    outcome = anthropic.result("whole")

    assert outcome["text"]
    assert outcome["mmhie"]["disclaimer"]["text"] == TEXT
    assert outcome["requestId"] == outcome["mmhie"]["provenance"]["request_id"]
    assert anthropic.result("count")["tokens"] > 2


def test_a_stream_of_a_message(anthropic: Driven) -> None:
    """The deltas are the answer; the first and the closing event carry the extra key."""
    outcome = anthropic.result("stream")

    assert outcome["text"] == anthropic.result("whole")["text"]
    assert outcome["first"]["disclaimer"]["text"] == TEXT
    assert outcome["closing"]["truncated"] == "in_answer"
    assert outcome["last"] == "message_stop"


def test_the_helper_of_a_message(anthropic: Driven) -> None:
    """`.stream()` gathers the answer and keeps the first part of the label."""
    outcome = anthropic.result("helper")

    assert outcome["text"] == outcome["deltas"]
    assert outcome["mmhie"]["disclaimer"]["text"] == TEXT
    assert outcome["reason"] == "max_tokens"


def test_a_tool_of_a_message(anthropic: Driven) -> None:
    """A call is parsed, whole and streamed."""
    outcome = anthropic.result("tool")

    for content in (outcome["whole"], outcome["streamed"]):
        assert (content[0]["name"], content[0]["input"]) == ("dose", {"drug": "aspirin"})
    assert outcome["mmhie"]["disclaimer"]["text"] == TEXT


def test_the_lock_names_no_registry() -> None:
    """Whoever installs it uses their own; versions and digests are enough."""
    lock = (FOLDER / "package-lock.json").read_text()

    assert "integrity" in lock
    assert "resolved" not in lock
    assert "http" not in lock
