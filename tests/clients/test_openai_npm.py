"""The official openai npm client: the same surfaces, errors and cancel."""

import hashlib
from textwrap import dedent

import pytest

from tests.clients.node import FOLDER, error, result
from tests.contract.process import ROOT, Gateway
from tests.contract.test_disclaimer import TEXT
from tests.fake_engine.process import FakeEngine

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("npm")]
MODEL = "fake-model"


def test_chat(gateway: Gateway) -> None:
    """Text, the extra key, and the request id the client keeps."""
    outcome = result(gateway.url, MODEL, "chat")

    assert outcome["text"]
    assert outcome["mmhie"]["disclaimer"]["text"] == TEXT
    assert outcome["requestId"] == outcome["header"]
    assert outcome["version"] == outcome["mmhie"]["disclaimer"]["version"]


def test_stream(gateway: Gateway) -> None:
    """The deltas are the answer; two chunks carry the extra key."""
    outcome = result(gateway.url, MODEL, "stream")

    assert outcome["text"] == result(gateway.url, MODEL, "chat")["text"]
    assert outcome["finish"] == "length"
    assert outcome["carriers"] == 2
    assert outcome["first"]["disclaimer"]["text"] == TEXT


def test_usage(gateway: Gateway) -> None:
    """The last chunk, for those who asked."""
    assert result(gateway.url, MODEL, "usage")["usage"]["completion_tokens"] == 8


def test_stream_helper(gateway: Gateway) -> None:
    """`.stream()` gathers the answer and the end of the label: which disclaimer, what was cut."""
    outcome = result(gateway.url, MODEL, "helper")

    assert outcome["text"]
    assert outcome["text"] == outcome["deltas"]
    assert outcome["final"]["disclaimer"]["sha256"] == hashlib.sha256(TEXT.encode()).hexdigest()
    assert outcome["final"]["truncated"] == "in_answer"


def test_the_whole_label_from_the_helper(gateway: Gateway) -> None:
    """As docs/api.md says: the parts of two chunks, put together, are what a whole answer has."""
    label = result(gateway.url, MODEL, "helper")["label"]
    whole = result(gateway.url, MODEL, "chat")["mmhie"]

    assert label.keys() == whole.keys()
    assert label["provenance"].keys() == whole["provenance"].keys()
    assert label["disclaimer"] == whole["disclaimer"]
    case = (FOLDER / "driver.mjs").read_text()
    recipe = case[case.index("    const label = {}") : case.index("    const final")]
    assert dedent(recipe) in (ROOT / "docs" / "api.md").read_text()


def test_completions(gateway: Gateway) -> None:
    """The older API answers with the label."""
    outcome = result(gateway.url, MODEL, "completions")

    assert outcome["text"]
    assert outcome["mmhie"]["disclaimer"]["text"] == TEXT


def test_responses(gateway: Gateway) -> None:
    """The newer API answers in one piece."""
    outcome = result(gateway.url, MODEL, "responses")

    assert outcome["text"]
    assert outcome["mmhie"]["disclaimer"]["text"] == TEXT


def test_responses_stream(gateway: Gateway) -> None:
    """And streamed: created and completed carry the extra key inside."""
    outcome = result(gateway.url, MODEL, "responsesStream")

    assert outcome["text"]
    assert outcome["created"]["disclaimer"]["text"] == TEXT
    assert outcome["completed"]["disclaimer"]["text"] == TEXT
    assert outcome["types"][-1] == "response.completed"


def test_tool(gateway: Gateway) -> None:
    """A tool call is parsed."""
    outcome = result(gateway.url, MODEL, "tool")

    assert outcome["name"] == "dose"
    assert outcome["mmhie"]["disclaimer"]["text"] == TEXT


def test_models(gateway: Gateway) -> None:
    """The client lists the models and retrieves one."""
    assert result(gateway.url, MODEL, "models") == {"ids": [MODEL], "one": MODEL}


def test_not_found(gateway: Gateway) -> None:
    """By class, status and code."""
    outcome = error(gateway.url, MODEL, "notFound")

    assert (outcome["kind"], outcome["status"]) == ("NotFoundError", 404)
    assert outcome["code"] == "model_not_found"
    assert outcome["requestId"]


def test_bad_request(gateway: Gateway) -> None:
    """The engine's own refusal keeps its class."""
    outcome = error(gateway.url, MODEL, "badRequest")

    assert (outcome["kind"], outcome["status"]) == ("BadRequestError", 400)


@pytest.mark.parametrize(("status", "seen"), [(500, 502), (503, 503)])
@pytest.mark.parametrize("case", ["failing", "failingStream"])
def test_server_errors(
    gateway: Gateway, engine: FakeEngine, case: str, status: int, seen: int
) -> None:
    """An engine's failure is an InternalServerError."""
    engine.next(fault="status", status=status)
    outcome = error(gateway.url, MODEL, case)

    assert (outcome["kind"], outcome["status"]) == ("InternalServerError", seen)
    assert outcome["code"]


@pytest.mark.parametrize("fault", ["cut", "clean_cut", "error_midstream", "hang_midstream"])
@pytest.mark.parametrize("case", ["failingStream", "failingResponsesStream"])
def test_a_broken_stream_raises(
    gateway: Gateway, engine: FakeEngine, case: str, fault: str
) -> None:
    """In band, and the client makes an error of it."""
    engine.next(fault=fault)
    outcome = error(gateway.url, MODEL, case)

    assert outcome["kind"] == "APIError"


def test_leaving_the_loop_aborts_the_engine(gateway: Gateway, engine: FakeEngine) -> None:
    """A `break` out of the loop is enough."""
    engine.next({"fault": "endless"}, {"fault": "slow_tokens", "seconds": 0.01})
    assert result(gateway.url, MODEL, "cancel") == {"seen": 4}

    engine.until(lambda stats: stats["aborted"] == 1 and stats["running"] == 0)


def test_retries_are_the_clients_own(gateway: Gateway, engine: FakeEngine) -> None:
    """With its default of two retries the client gets over a 503 by itself."""
    engine.next(fault="status", status=503)
    assert result(gateway.url, MODEL, "retried")["text"]


def test_the_lock_names_no_registry() -> None:
    """Whoever installs it uses their own; versions and digests are enough."""
    lock = (FOLDER / "package-lock.json").read_text()

    assert "integrity" in lock
    assert "resolved" not in lock
    assert "http" not in lock
