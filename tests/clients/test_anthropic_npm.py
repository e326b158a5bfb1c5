"""The official anthropic npm client: the surface of the Python one, from JavaScript."""

import pytest

from tests.clients.conftest import Npm
from tests.compatibility.driven import Driven
from tests.contract.test_disclaimer import TEXT
from tests.fake_engine.process import FakeEngine

pytestmark = pytest.mark.slow


@pytest.fixture
def client(npm: Npm, engine: FakeEngine) -> Driven:
    """The driver of the client, before an engine without faults."""
    return npm("anthropic")


def test_whole(client: Driven) -> None:
    """Text, the extra key, and the request id the client keeps."""
    outcome = client.result("whole")

    assert outcome["text"]
    assert outcome["mmhie"]["disclaimer"]["text"] == TEXT
    assert outcome["requestId"] == outcome["mmhie"]["provenance"]["request_id"]


def test_stream(client: Driven) -> None:
    """The deltas are the answer; the first and the closing event carry the extra key."""
    outcome = client.result("stream")

    assert outcome["text"] == client.result("whole")["text"]
    assert outcome["first"]["disclaimer"]["text"] == TEXT
    assert outcome["closing"]["truncated"] == "in_answer"
    assert outcome["last"] == "message_stop"


def test_stream_helper(client: Driven) -> None:
    """`.stream()` gathers the answer and keeps the first part of the label."""
    outcome = client.result("helper")

    assert outcome["text"] == outcome["deltas"]
    assert outcome["mmhie"]["disclaimer"]["text"] == TEXT
    assert outcome["reason"] == "max_tokens"


def test_structured(client: Driven) -> None:
    """A document of the schema's form."""
    assert client.result("structured") == {"answer": 1}


def test_tool(client: Driven) -> None:
    """A call is parsed, whole and streamed."""
    outcome = client.result("tool")

    for content in (outcome["whole"], outcome["streamed"]):
        assert content[0]["name"] == "dose"
        assert content[0]["input"] == {"drug": "aspirin"}
    assert outcome["mmhie"]["disclaimer"]["text"] == TEXT


def test_count(client: Driven) -> None:
    """The client gets the number of tokens of a prompt."""
    assert client.result("count")["tokens"] > 2
