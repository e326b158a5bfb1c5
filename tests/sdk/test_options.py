"""Options of one call: who asks and why, its id, its timeout, and a key that changes."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mmhie
import pytest

from tests.contract.fixtures import Start
from tests.fake_engine.process import FakeEngine
from tests.gateway.auth.conftest import add_key
from tests.sdk.conftest import Connect, Serve
from tests.sdk.scripted_server import CHAT_ANSWER, JSON_ANSWER, answer_stream, hang, reply

TURNS = [{"role": "user", "content": "Say hello."}]
CARE: dict[str, Any] = {
    "user": "Dr. Müller",
    "patient": "Patient/canary-7f3a",
    "purpose": "TREAT",
    "priority": "batch",
    "request_id": "ward-7.0001",
}
SENT = {
    "x-mmhie-user": "Dr. Müller",
    "x-mmhie-patient": "Patient/canary-7f3a",
    "x-mmhie-purpose": "TREAT",
    "x-mmhie-priority": "batch",
    "x-request-id": "ward-7.0001",
}


def ask_all(client: Any, **options: Any) -> None:
    """Ask in each of the three ways."""
    client.generate("How?", **options)
    client.chat(TURNS, **options)
    list(client.stream_generate("How?", **options))


def test_options_of_a_call_are_headers(serve: Serve, connect_both: Connect) -> None:
    """Of this call only, in UTF-8 and in no body; None is an option that is not given."""
    answers = (reply(JSON_ANSWER), reply(CHAT_ANSWER), answer_stream("Rest."))
    server = serve(*answers, reply(JSON_ANSWER))
    client = connect_both(server.url)

    ask_all(client, **CARE, reasoning_effort=None)

    for call in server.calls:
        assert {name: call.headers[name] for name in SENT} == SENT
        assert not {*CARE, "timeout", "reasoning_effort"} & call.json().keys()
    client.generate("How?", **dict.fromkeys(CARE))
    assert not SENT.keys() & server.calls[-1].headers.keys()


def test_a_request_shows_no_patient() -> None:
    """A log line of a request gives nobody away."""
    options = mmhie._options.read_options(CARE, mmhie._options.GenerateOptions)
    request = mmhie._request.generate_request("canary-7f3a", 1, 0.0, options, stream=False)

    assert "canary" not in repr(request) + repr(options)


@pytest.mark.parametrize("method", ["generate", "chat", "stream"])
@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        ({"temprature": 1}, TypeError, "no option 'temprature', did you mean 'temperature'"),
        ({"top_k": 5}, TypeError, "no option 'top_k'"),
        ({"user": "Dr.\r\nX-MMHIE-Patient: 7"}, mmhie.RequestError, "user must be"),
        ({"patient": ""}, mmhie.RequestError, "patient must be"),
        ({"user": "x" * 256}, mmhie.RequestError, "255"),
        ({"request_id": "two words"}, mmhie.RequestError, "request_id must be"),
        ({"timeout": 0}, mmhie.ConfigError, "timeout is 0"),
        ({"timeout": "soon"}, mmhie.ConfigError, "timeout is 'soon'"),
    ],
)
def test_what_no_call_takes(
    connect: Connect, method: str, options: dict[str, Any], kind: type[Exception], message: str
) -> None:
    """Refused before anything is sent, with the name and without the value of a person."""
    client = connect("http://127.0.0.1:9")

    with pytest.raises(kind, match=message) as caught:
        getattr(client, method)(TURNS if method == "chat" else "How?", **options)
    assert "Dr." not in str(caught.value)


def test_the_timeout_of_a_call(serve: Serve, connect_both: Connect) -> None:
    """It replaces the client's, for whole answers and for a stream that does not open."""
    client = connect_both(serve(hang()).url, timeout_seconds=600)

    with pytest.raises(mmhie.ServiceTimeoutError):
        client.generate("How?", timeout=0.05)
    with pytest.raises(mmhie.ServiceTimeoutError):
        list(client.events("How?", timeout=0.05))


def tokens() -> Iterator[str]:
    for number in range(99):
        yield f"token-{number}"


def test_a_key_may_be_a_function(serve: Serve, connect_both: Connect) -> None:
    """Each attempt calls it, so that an expired token is replaced; the retry has the next one."""
    server = serve(reply({}, 503, retry_after="0"), reply(JSON_ANSWER))
    client = connect_both(server.url, api_key=tokens().__next__)

    client.generate("How?")

    sent = [call.headers["authorization"] for call in server.calls]
    assert sent == ["Bearer token-0", "Bearer token-1"]


def test_a_function_that_returns_no_key(serve: Serve, connect_both: Connect) -> None:
    """A sentence instead of a header that ends early; an exception of its own arrives as it is."""
    url = serve(reply(JSON_ANSWER)).url

    with pytest.raises(mmhie.ConfigError, match="is no key"):
        connect_both(url, api_key=lambda: "token\n").generate("How?")
    with pytest.raises(ZeroDivisionError):
        connect_both(url, api_key=lambda: str(1 // 0)).generate("How?")


def test_the_trail_has_who_asked(
    tmp_path: Path, start: Start, engine: FakeEngine, connect: Connect
) -> None:
    """A gateway that needs a person: refused without, answered with; the trail names them."""
    trail, keys = tmp_path / "audit.jsonl", tmp_path / "keys.json"
    secret = add_key(keys, "backend", "generate", "openai", "on_behalf")
    gateway = start(
        engine.url,
        MMHIE_KEYS_FILE=str(keys),
        MMHIE_AUDIT_FILE=str(trail),
        MMHIE_AUDIT_KEY="0123456789abcdef0123456789abcdef",
        MMHIE_REQUIRED_CONTEXT="user,purpose",
    ).wait()
    client = connect(gateway.url, api_key=secret)

    with pytest.raises(mmhie.RequestError, match="needs the person who asks"):
        client.generate("How?")
    ask_all(client, **CARE)
    answer = client.generate_detailed("How?", **CARE)

    assert answer.request_id == CARE["request_id"]
    assert answer.provenance.keys() <= mmhie.Provenance.__annotations__.keys()
    gateway.stop()
    lines = [json.loads(line) for line in trail.read_text().splitlines()]
    asked = [line for line in lines if line.get("user") == CARE["user"]]
    assert len(asked) == 4
    assert "canary-7f3a" not in trail.read_text()
