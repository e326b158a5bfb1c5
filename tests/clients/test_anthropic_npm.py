"""The official anthropic npm client: the same surface, errors and cancel."""

from typing import Any

import pytest

from tests.clients import node
from tests.contract.process import Gateway
from tests.contract.test_disclaimer import TEXT
from tests.fake_engine.process import FakeEngine

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("npm")]
MODEL, DRIVER = "fake-model", "anthropic.mjs"


def result(gateway: Gateway, case: str) -> dict[str, Any]:
    return node.result(gateway.url, MODEL, case, driver=DRIVER)


def error(gateway: Gateway, case: str) -> dict[str, Any]:
    return node.error(gateway.url, MODEL, case, driver=DRIVER)


def test_whole(gateway: Gateway) -> None:
    """Text, the extra key, and the request id the client keeps."""
    outcome = result(gateway, "whole")

    assert outcome["text"]
    assert outcome["mmhie"]["disclaimer"]["text"] == TEXT
    assert outcome["requestId"] == outcome["mmhie"]["provenance"]["request_id"]


def test_stream(gateway: Gateway) -> None:
    """The deltas are the answer; the first and the closing event carry the extra key."""
    outcome = result(gateway, "stream")

    assert outcome["text"] == result(gateway, "whole")["text"]
    assert outcome["first"]["disclaimer"]["text"] == TEXT
    assert outcome["closing"]["truncated"] == "in_answer"
    assert outcome["last"] == "message_stop"


def test_stream_helper(gateway: Gateway) -> None:
    """`.stream()` gathers the answer and keeps the first part of the label."""
    outcome = result(gateway, "helper")

    assert outcome["text"] == outcome["deltas"]
    assert outcome["mmhie"]["disclaimer"]["text"] == TEXT
    assert outcome["reason"] == "max_tokens"


def test_structured(gateway: Gateway) -> None:
    """A document of the schema's form."""
    assert result(gateway, "structured") == {"answer": 1}


def test_tool(gateway: Gateway) -> None:
    """A call is parsed, whole and streamed."""
    outcome = result(gateway, "tool")

    for content in (outcome["whole"], outcome["streamed"]):
        assert content[0]["name"] == "dose"
        assert content[0]["input"] == {"drug": "aspirin"}
    assert outcome["mmhie"]["disclaimer"]["text"] == TEXT


def test_count(gateway: Gateway) -> None:
    """The client gets the number of tokens of a prompt."""
    assert result(gateway, "count")["tokens"] > 2


@pytest.mark.parametrize(
    ("case", "kind", "status", "name"),
    [
        ("notFound", "NotFoundError", 404, "not_found_error"),
        ("badRequest", "BadRequestError", 400, "invalid_request_error"),
    ],
)
def test_errors(gateway: Gateway, case: str, kind: str, status: int, name: str) -> None:
    """By class, status and type, with the request id."""
    outcome = error(gateway, case)

    assert (outcome["kind"], outcome["status"]) == (kind, status)
    assert outcome["body"]["error"]["type"] == name
    assert outcome["requestId"] == outcome["body"]["request_id"]


@pytest.mark.parametrize(
    ("status", "seen", "kind"),
    [(500, 502, "InternalServerError"), (503, 503, "ServiceUnavailableError")],
)
@pytest.mark.parametrize("case", ["failing", "failingStream", "failingHelper"])
def test_server_errors(
    gateway: Gateway, engine: FakeEngine, case: str, status: int, seen: int, kind: str
) -> None:
    """An engine's failure is an InternalServerError, or one that says to come back."""
    engine.next(fault="status", status=status)
    outcome = error(gateway, case)

    assert (outcome["kind"], outcome["status"]) == (kind, seen)


@pytest.mark.parametrize("fault", ["cut", "clean_cut", "error_midstream", "hang_midstream"])
@pytest.mark.parametrize("case", ["failingStream", "failingHelper"])
def test_a_broken_stream_raises(
    gateway: Gateway, engine: FakeEngine, case: str, fault: str
) -> None:
    """In band, and the client makes an error of it, with our code."""
    engine.next(fault=fault)
    outcome = error(gateway, case)

    assert outcome["kind"] == "APIError"
    assert outcome["body"]["error"]["code"]


def test_leaving_the_loop_aborts_the_engine(gateway: Gateway, engine: FakeEngine) -> None:
    """A `break` out of the loop is enough."""
    engine.next({"fault": "endless"}, {"fault": "slow_tokens", "seconds": 0.01})
    assert result(gateway, "cancel") == {"seen": 4}

    engine.until(lambda stats: stats["aborted"] == 1 and stats["running"] == 0)
