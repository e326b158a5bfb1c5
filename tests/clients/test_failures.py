"""The official clients' own errors for a refusal and for an engine that fails.

Python's clients are asked in this process, npm's by their drivers, which have the same cases.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import openai
import pytest

from tests.contract.process import Gateway
from tests.fake_engine.process import FakeEngine
from tests.lazy import Lazy

if TYPE_CHECKING:
    import anthropic
else:
    anthropic = Lazy("anthropic")

TURNS: Any = [{"role": "user", "content": "Say hi."}]
ASKED: dict[str, Any] = {"model": "fake-model", "messages": TURNS}
RESPONDED: dict[str, Any] = {"model": "fake-model", "input": "Say hi.", "stream": True}
DEFAULT = openai.DEFAULT_MAX_RETRIES
# The client has no such parameter any more; vLLM does.
HOT = {"extra_body": {"temperature": -1}}
CLIENTS = {
    "openai": ("failing", "broken stream", "broken helper", "broken responses"),
    "anthropic": ("failing", "broken stream", "broken helper"),
    "openai npm": ("failing", "broken stream", "broken responses"),
    "anthropic npm": ("failing", "broken stream", "broken helper"),
}
Told = dict[str, Any]
Run = Callable[[str, str], Told]


def params(client: str, *cases: str) -> Any:
    """Return a parameter of a client and its case; npm's clients are slow to start."""
    return pytest.param(client, *cases, marks=[pytest.mark.slow] if client.endswith("npm") else [])


EACH = [params(client) for client in CLIENTS]
WAYS = [params(client, case) for client, cases in CLIENTS.items() for case in cases]
STREAMS = [params(client, case) for client, cases in CLIENTS.items() for case in cases[1:]]


def openai_cases(client: openai.OpenAI) -> dict[str, Callable[[], object]]:
    """Return the cases of the Python client by name."""
    create: Any = client.chat.completions.create
    helper: Any = client.chat.completions.stream
    return {
        "not found": lambda: create(**{**ASKED, "model": "nope"}),
        "bad request": lambda: create(**ASKED, temperature=-1),
        "bad stream": lambda: create(**ASKED, temperature=-1, stream=True),
        "failing": lambda: create(**ASKED),
        "broken stream": lambda: read(create(**ASKED, stream=True)),
        "broken helper": lambda: final(helper(**ASKED), "get_final_completion"),
        "broken responses": lambda: read(client.responses.create(**RESPONDED)),
        "cancel": lambda: leave(create(**ASKED, stream=True)),
        "retried": lambda: client.with_options(max_retries=DEFAULT).chat.completions.create(
            **ASKED
        ),
    }


def anthropic_cases(client: anthropic.Anthropic) -> dict[str, Callable[[], object]]:
    """Return the cases of the Python client by name."""
    asked = {**ASKED, "max_tokens": 100}
    create: Any = client.messages.create
    return {
        "not found": lambda: create(**{**asked, "model": "nope"}),
        "bad request": lambda: create(**asked, **HOT),
        "bad stream": lambda: create(**asked, **HOT, stream=True),
        "failing": lambda: create(**asked),
        "broken stream": lambda: read(create(**asked, stream=True)),
        "broken helper": lambda: final(client.messages.stream(**asked), "get_final_message"),
        "cancel": lambda: leave(create(**asked, stream=True)),
    }


def read(stream: Iterable[object]) -> None:
    """Read a stream, of which more than its head has come when it breaks."""
    seen: list[object] = []
    try:
        seen.extend(stream)
    finally:
        assert len(seen) >= 3


def final(helper: Any, method: str) -> None:
    """Have a client's helper gather the answer."""
    with helper as stream:
        getattr(stream, method)()


def leave(stream: Any) -> None:
    """Close a stream after its first event."""
    next(iter(stream))
    stream.close()


def describe(error: Any) -> Told:
    """Return what a Python client puts on its error, as the drivers of npm's do."""
    body = error.body if isinstance(error.body, dict) else {}
    return {
        "kinds": [kind.__name__ for kind in type(error).mro()],
        "status": getattr(error, "status_code", None),
        "code": body.get("code") or body.get("error", {}).get("code"),
        "body": body,
        "message": str(error),
        "requestId": getattr(error, "request_id", None),
    }


@pytest.fixture
def run(gateway: Gateway, request: pytest.FixtureRequest) -> Run:
    """Run a case of a client; return its result, or what was raised."""

    def outcome(name: str, case: str) -> Told:
        if name.endswith(" npm"):
            told: Told = request.getfixturevalue("npm")(name.removesuffix(" npm")).told(case)
            return told.get("error") or told
        url = f"{gateway.url}/v1" if name == "openai" else gateway.url
        of = openai.OpenAI if name == "openai" else anthropic.Anthropic
        with of(base_url=url, api_key="any", max_retries=0) as client:
            cases: Any = openai_cases if name == "openai" else anthropic_cases
            try:
                return {"result": cases(client)[case]()}
            except (openai.APIError, anthropic.APIError) as error:
                return describe(error)

    return outcome


def is_kind(told: Told, kind: str) -> bool:
    return kind in [name.rpartition(".")[2] for name in told["kinds"]]


@pytest.mark.parametrize("client", EACH)
def test_not_found(run: Run, client: str) -> None:
    """An unknown model raises NotFoundError with our code and the request id."""
    told = run(client, "not found")

    assert is_kind(told, "NotFoundError")
    assert (told["status"], told["code"]) == (404, "model_not_found")
    assert told["requestId"]


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
    told = run(client, case)

    assert is_kind(told, "BadRequestError")
    assert told["status"] == 400
    assert "temperature must be non-negative" in told["message"]


@pytest.mark.parametrize("client", [params("anthropic"), params("anthropic npm")])
@pytest.mark.parametrize(
    ("case", "kind"), [("not found", "not_found_error"), ("bad request", "invalid_request_error")]
)
def test_an_error_of_messages_is_told_in_its_form(
    run: Run, client: str, case: str, kind: str
) -> None:
    """Its type is one of Anthropic's, and the client's request id is that of the body."""
    told = run(client, case)

    assert told["body"]["error"]["type"] == kind
    assert told["requestId"] == told["body"]["request_id"]


FAULTS: list[tuple[dict[str, Any], int]] = [
    ({"fault": "status", "status": 500}, 502),
    ({"fault": "status", "status": 503}, 503),
    ({"fault": "reset", "times": 2}, 503),
    ({"fault": "html"}, 502),
    ({"fault": "hang_before_headers"}, 504),
]


@pytest.mark.parametrize(("fault", "status"), FAULTS)
@pytest.mark.parametrize(("client", "case"), WAYS)
def test_server_errors(
    run: Run, engine: FakeEngine, client: str, case: str, fault: dict[str, Any], status: int
) -> None:
    """An engine's failure is an InternalServerError with a status, never a parse error."""
    engine.next(**fault)
    told = run(client, case)

    assert is_kind(told, "InternalServerError")
    assert told["status"] == status
    assert told["code"]


IN_BAND = ("cut", "clean_cut", "reset_midstream", "error_midstream", "hang_midstream")


@pytest.mark.parametrize("fault", IN_BAND)
@pytest.mark.parametrize(("client", "case"), STREAMS)
def test_a_broken_stream_raises(
    run: Run, engine: FakeEngine, client: str, case: str, fault: str
) -> None:
    """Half an answer never looks whole, in events or in the helper."""
    engine.next(fault=fault)
    told = run(client, case)

    assert is_kind(told, "APIStatusError" if client == "anthropic" else "APIError")
    assert told["code"]


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
