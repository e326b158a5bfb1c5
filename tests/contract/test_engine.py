"""Gateway and engine at work together; their faults are in tests/faults/test_matrix.py."""

import json

import pytest

from tests.contract.fixtures import Start, StartEngine
from tests.contract.process import Gateway
from tests.contract.surfaces import (
    CHAT_JSON,
    STREAMS,
    SURFACES,
    Surface,
    error_of,
    name_of,
)
from tests.fake_engine.process import FakeEngine


@pytest.mark.parametrize("surface", STREAMS, ids=name_of)
def test_tokens_leave_when_they_come(
    gateway: Gateway, engine: FakeEngine, surface: Surface
) -> None:
    """Each is read before the engine makes the next, which waits for that."""
    words = [f" word{number}" for number in range(10)]
    engine.next({"fault": "gated"}, {"fault": "say", "tokens": words})
    received = b""
    with surface.stream(gateway.client, **surface.limit(10)) as answer:
        parts = answer.iter_raw()
        for word in words:
            while word.strip().encode() not in received:
                received += next(parts)
            engine.release()
        received += b"".join(parts)

    assert surface.form == "text" or b'"error"' not in received


def test_the_engines_sentence_keeps_its_own_words(gateway: Gateway, engine: FakeEngine) -> None:
    """The caller's words are removed from the engine's message, the words of the API are not."""
    message = '"auto" tool choice requires --enable-auto-tool-choice, not zebrafish7731'
    error = {"message": message, "type": "BadRequestError", "param": None, "code": 400}
    engine.next(fault="status", status=400, body=json.dumps({"error": error}))
    answer = CHAT_JSON.ask(gateway.client, "zebrafish7731", tool_choice="auto")

    assert error_of(answer)["message"] == message.replace("zebrafish7731", "[...]")


def test_an_engine_that_wants_a_key_gets_it(start: Start, start_engine: StartEngine) -> None:
    """The gateway sends MMHIE_ENGINE_API_KEY; the caller needs to know nothing of it."""
    engine = start_engine("--api-key", "engine-secret")
    gateway = start(engine.url, MMHIE_ENGINE_API_KEY="engine-secret").wait()

    for surface in SURFACES:
        assert surface.ask(gateway.client).status_code == 200
    assert "engine-secret" not in gateway.log
