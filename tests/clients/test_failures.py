"""The official clients' own errors for a refusal and for an engine that fails."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.clients.conftest import Drivers
from tests.fake_engine.process import FakeEngine

CLIENTS = {
    "openai": ("failing", "broken stream", "broken helper", "broken responses"),
    "anthropic": ("failing", "broken stream", "broken helper"),
    "openai npm": ("failing", "broken stream", "broken responses"),
    "anthropic npm": ("failing", "broken stream", "broken helper"),
}
Outcome = dict[str, Any]
Run = Callable[[str, str], Outcome]


def params(client: str, *cases: str) -> Any:
    """Return a parameter of a client and its case; npm's clients are slow to start."""
    return pytest.param(client, *cases, marks=[pytest.mark.slow] if client.endswith("npm") else [])


EACH = [params(client) for client in CLIENTS]
WAYS = [params(client, case) for client, cases in CLIENTS.items() for case in cases]
STREAMS = [params(client, case) for client, cases in CLIENTS.items() for case in cases[1:]]


@pytest.fixture
def run(drivers: Drivers, engine: FakeEngine) -> Run:
    """Run a case of a client before an engine without faults; return its result, or what was
    raised."""

    def run_case(client: str, case: str) -> Outcome:
        outcome = drivers(client).run(case)
        return dict(outcome.get("error") or outcome)

    return run_case


def is_kind(outcome: Outcome, kind: str) -> bool:
    return kind in [name.rpartition(".")[2] for name in outcome["kinds"]]


@pytest.mark.parametrize("client", EACH)
def test_not_found(run: Run, client: str) -> None:
    """An unknown model raises NotFoundError with our code and the request id."""
    outcome = run(client, "not found")

    assert is_kind(outcome, "NotFoundError")
    assert (outcome["status"], outcome["code"]) == (404, "model_not_found")
    assert outcome["requestId"]


@pytest.mark.parametrize(
    ("client", "case"),
    [
        *(params(client, "bad request") for client in CLIENTS),
        ("openai", "bad stream"),
        ("anthropic", "bad stream"),
    ],
)
def test_bad_request(run: Run, client: str, case: str) -> None:
    """The engine's own refusal keeps its class and its words."""
    outcome = run(client, case)

    assert is_kind(outcome, "BadRequestError")
    assert outcome["status"] == 400
    assert "temperature must be non-negative" in outcome["message"]


@pytest.mark.parametrize("client", [params("anthropic"), params("anthropic npm")])
@pytest.mark.parametrize(
    ("case", "kind"), [("not found", "not_found_error"), ("bad request", "invalid_request_error")]
)
def test_an_error_of_messages_is_told_in_its_form(
    run: Run, client: str, case: str, kind: str
) -> None:
    """Its type is one of Anthropic's, and the client's request id is that of the body."""
    outcome = run(client, case)

    assert outcome["body"]["error"]["type"] == kind
    assert outcome["requestId"] == outcome["body"]["request_id"]


@pytest.mark.parametrize(("client", "case"), WAYS)
def test_a_failing_engine(run: Run, engine: FakeEngine, client: str, case: str) -> None:
    """An engine's failure is an InternalServerError with a status, never a parse error."""
    engine.next(fault="status", status=503)
    outcome = run(client, case)

    assert is_kind(outcome, "InternalServerError")
    assert outcome["status"] == 503
    assert outcome["code"]


@pytest.mark.parametrize(("client", "case"), STREAMS)
def test_a_broken_stream_raises(run: Run, engine: FakeEngine, client: str, case: str) -> None:
    """Half an answer never looks whole, in events or in the helper."""
    engine.next(fault="cut")
    outcome = run(client, case)

    assert is_kind(outcome, "APIStatusError" if client == "anthropic" else "APIError")
    assert outcome["code"]


@pytest.mark.parametrize("client", EACH)
def test_leaving_a_stream_aborts_the_engine(run: Run, engine: FakeEngine, client: str) -> None:
    """`close()`, or a `break` out of the loop, on the client's side ends the work on the other."""
    engine.next({"fault": "endless"}, {"fault": "slow_tokens", "seconds": 0.01})
    assert "result" in run(client, "cancel")

    engine.until(lambda stats: stats["aborted"] == 1 and stats["running"] == 0)


@pytest.mark.parametrize("client", [params("openai"), params("openai npm")])
def test_retries_are_the_clients_own(run: Run, engine: FakeEngine, client: str) -> None:
    """With its default of two retries the client gets over a 503 by itself."""
    engine.next(fault="status", status=503)
    assert "result" in run(client, "retried")
