"""The official openai npm client: the surfaces of the Python one, from JavaScript."""

import hashlib
from textwrap import dedent

import pytest

from tests.clients.conftest import Npm
from tests.clients.node import DRIVERS, FOLDER
from tests.compatibility.driven import Driven
from tests.contract.process import ROOT
from tests.contract.test_disclaimer import TEXT
from tests.fake_engine.process import FakeEngine

pytestmark = pytest.mark.slow


@pytest.fixture
def client(npm: Npm, engine: FakeEngine) -> Driven:
    """The driver of the client, before an engine without faults."""
    return npm("openai")


def test_chat(client: Driven) -> None:
    """Text, the extra key, and the request id the client keeps."""
    outcome = client.result("chat")

    assert outcome["text"]
    assert outcome["mmhie"]["disclaimer"]["text"] == TEXT
    assert outcome["requestId"] == outcome["sentId"]
    assert outcome["version"] == outcome["mmhie"]["disclaimer"]["version"]


def test_stream(client: Driven) -> None:
    """The deltas are the answer; two chunks carry the extra key."""
    outcome = client.result("stream")

    assert outcome["text"] == client.result("chat")["text"]
    assert outcome["finish"] == "stop"
    assert outcome["carriers"] == 2
    assert outcome["label"] == TEXT


def test_usage(client: Driven) -> None:
    """The last chunk, for those who asked."""
    assert client.result("usage")["usage"]["completion_tokens"] == 24


def test_stream_helper(client: Driven) -> None:
    """`.stream()` gathers the answer and the end of the label: which disclaimer, what was cut."""
    outcome = client.result("helper cut off")

    assert outcome["text"]
    assert outcome["text"] == outcome["deltas"]
    assert outcome["closing"] == hashlib.sha256(TEXT.encode()).hexdigest()
    assert outcome["truncated"] == "in_answer"


def test_the_whole_label_from_the_helper(client: Driven) -> None:
    """As docs/api.md says: the parts of two chunks, put together, are what a whole answer has."""
    label = client.result("helper")["whole"]
    whole = client.result("chat")["mmhie"]

    assert label.keys() == whole.keys()
    assert label["provenance"].keys() == whole["provenance"].keys()
    assert label["disclaimer"] == whole["disclaimer"]
    case = (DRIVERS / "openai_npm.mjs").read_text()
    recipe = case[case.index("  const label = {}") : case.index("  const final")]
    assert dedent(recipe) in (ROOT / "docs" / "api.md").read_text()


@pytest.mark.parametrize("case", ["completions", "responses", "responses streamed"])
def test_the_other_apis(client: Driven, case: str) -> None:
    """The older one and the newer one answer with the label, in a stream at both ends."""
    outcome = client.result(case)

    assert outcome["text"]
    assert outcome["label"] == outcome.get("closing", TEXT) == TEXT
    assert outcome.get("last", "response.completed") == "response.completed"


def test_tool(client: Driven) -> None:
    """A tool call is parsed."""
    outcome = client.result("tools")

    assert (outcome["name"], outcome["label"]) == ("dose", TEXT)


def test_models(client: Driven) -> None:
    """The client lists the models and retrieves one."""
    assert client.result("models") == {"ids": ["fake-model"], "retrieved": "fake-model"}


def test_the_lock_names_no_registry() -> None:
    """Whoever installs it uses their own; versions and digests are enough."""
    lock = (FOLDER / "package-lock.json").read_text()

    assert "integrity" in lock
    assert "resolved" not in lock
    assert "http" not in lock
