"""Paths: what is listed can be reached as it is written, and nothing else in any spelling."""

import pytest

from tests.contract.process import Gateway
from tests.contract.surfaces import CHAT
from tests.fake_engine.process import FakeEngine
from tests.gateway.server.wire import CHAT_BODY, chat, exchange, request

# Spellings of paths that exist here or at the engine; none may be one.
TRICKS = (
    *("/v1%2fchat/completions", "/%76%31/chat/completions", "/v1/chat/completions%00"),
    *("/v1/chat/completions/", "//v1/chat/completions", "/x/%2e%2e/v1/chat/completions"),
    *("/V1/chat/completions", "/v1/chat/completions;a=b", "/v1/chat\\completions"),
    *("/v1/chat/completions#x", "/v1/chat/completions\0", "/v1/chat/completions%c0%af"),
    *("http://engine:8001/tokenize", "v1/chat/completions", "*", "?/v1/chat/completions"),
    *("/tokenizer_info?/v1/chat/completions", "/v1/chat/completions/../../../tokenize"),
)


@pytest.mark.parametrize("path", TRICKS)
def test_a_trick_reaches_nothing(gateway: Gateway, engine: FakeEngine, path: str) -> None:
    """4xx in our shape, and the engine gets no request for it."""
    before = engine.stats["requests"]
    (answer,) = exchange(gateway, request(path, method="POST", body=CHAT_BODY))

    assert answer.status in (400, 404, 405), answer
    answer.error(answer.status, ANY[answer.status])
    extra = {name for name in engine.stats["requests"] if name not in before} - {"/health"}
    assert not extra


ANY = {400: "invalid_request", 404: "not_found", 405: "method_not_allowed"}


@pytest.mark.parametrize("path", ["/healthz/", "/docs/"])
def test_no_redirects(gateway: Gateway, path: str) -> None:
    """One would send the caller wherever its Host header says."""
    (answer,) = exchange(gateway, request(path).replace(b"host: x", b"host: evil"))
    assert answer.status == 404
    assert "evil" not in str(answer)


def test_a_model_may_be_asked_for_with_its_slash_encoded(gateway: Gateway) -> None:
    """As OpenAI's clients do; what is not served is 404 in any spelling."""
    (plain,) = exchange(gateway, request("/v1/models/fake%2Dmodel"))
    assert plain.status == 200


def test_a_query_is_no_path(gateway: Gateway, engine: FakeEngine) -> None:
    """It is ignored, and does not reach the engine."""
    asked = chat().replace(b"completions ", b"completions?api-version=1 ", 1)
    (answer,) = exchange(gateway, asked)

    assert answer.status == 200
    assert [request["path"] for request in engine.seen() if request["body"]] == [CHAT]
