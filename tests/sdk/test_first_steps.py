"""The first things somebody tries, and the words where they do not work."""

import httpx2
import mmhie
import pytest
from mmhie import LLMConfig, MedicalReasoningLLM
from mmhie._http import server_of

from tests.sdk.conftest import Connect, Serve
from tests.sdk.scripted_server import JSON_ANSWER, reply

NOWHERE = "http://127.0.0.1:9"


def test_an_address_is_enough(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the one argument or by its name; the rest is the environment's."""
    monkeypatch.setenv("MMHIE_URL", NOWHERE)
    monkeypatch.setenv("MMHIE_MAX_TOKENS", "7")
    server = serve(reply(JSON_ANSWER), reply(JSON_ANSWER))
    with MedicalReasoningLLM(server.url) as first, MedicalReasoningLLM(url=server.url) as second:
        for client in (first, second):
            assert client.generate("How?") == "Rest and fluids."

    assert [call.json()["max_tokens"] for call in server.calls] == [7, 7]


def test_two_addresses_are_refused() -> None:
    """Nobody could say which is meant."""
    with pytest.raises(mmhie.ConfigError, match="not both"):
        MedicalReasoningLLM(LLMConfig(url=NOWHERE), url=NOWHERE)


def test_an_address_that_is_none() -> None:
    """Named, at the first use."""
    with pytest.raises(mmhie.ConfigError, match="localhost:8000"):
        MedicalReasoningLLM("localhost:8000").generate("How?")


@pytest.mark.parametrize("asked", ["Hi", ["Hi"]])
def test_chat_with_a_text(connect: Connect, asked: object) -> None:
    """A sentence that names the call for a text, in both clients."""
    with pytest.raises(mmhie.RequestError, match="call generate"):
        connect(NOWHERE).chat(asked)


@pytest.mark.parametrize(
    ("url", "named"),
    [
        (NOWHERE, f"The server at {NOWHERE} cannot"),
        ("http://nurse:secret@127.0.0.1:9/path", f"The server at {NOWHERE} cannot"),
        ("http://[::1]:9", "The server at http://[::1]:9 cannot"),
    ],
)
def test_a_server_that_is_away_is_named(url: str, named: str) -> None:
    """By its address, without what is secret in it."""
    with (
        pytest.raises(mmhie.ConnectionFailedError) as failed,
        MedicalReasoningLLM(url, max_retries=0) as client,
    ):
        client.generate("How?")

    assert failed.value.message.startswith(named)


def test_a_socket_is_named_as_one() -> None:
    """Its path may be long, and the host in its address is ours."""
    request = httpx2.Request("GET", "http://mmhie/llm/generate")

    assert server_of(httpx2.ConnectError("", request=request)) == "The server at its socket"
    assert server_of(httpx2.ConnectError("")) == "The server"
