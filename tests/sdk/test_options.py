"""Options of one call: who asks and why, its id, its timeout, and a key that changes."""

from collections.abc import Iterator
from typing import Any

import mmhie
import pytest

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


@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        ({"temprature": 1}, TypeError, "no option 'temprature'"),
        ({"user": "Dr.\r\nX-MMHIE-Patient: 7"}, mmhie.RequestError, "user must be"),
    ],
)
def test_what_no_call_takes(
    connect: Connect, options: dict[str, Any], kind: type[Exception], message: str
) -> None:
    """Refused before anything is sent, with the name and without the value of a person."""
    with pytest.raises(kind, match=message) as caught:
        connect("http://127.0.0.1:9").generate("How?", **options)
    assert "Dr." not in str(caught.value)


def test_the_timeout_of_a_call(serve: Serve, connect_both: Connect) -> None:
    """It replaces the client's, for whole answers and for a stream that does not open."""
    client = connect_both(serve(hang).url, timeout_seconds=600)

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
