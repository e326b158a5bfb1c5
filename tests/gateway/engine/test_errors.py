"""The engine's refusals: the right status, and no word of the request."""

import json
import time
from typing import Any

import orjson
import pytest

from gateway.engine.errors import translate, translate_event
from gateway.errors import EngineRejected


def refused(message: object, **more: Any) -> dict[str, Any]:
    """Return the error object that a caller gets for an engine's 400."""
    error = {"message": message, "type": "BadRequestError", "param": None, "code": 400, **more}
    body = json.dumps({"error": error}).encode()
    told: dict[str, Any] = translate(400, body).envelope()["error"]
    return told


def test_a_prompt_over_the_context_of_llama_cpp() -> None:
    """It becomes our 413, with the engine's exact counts."""
    sentence = "request (3141 tokens) exceeds the available context size (1024 tokens)"
    error = {"code": 400, "message": sentence, "type": "exceed_context_size_error", "n_ctx": 1024}
    told = translate(400, orjson.dumps({"error": error}))
    assert (told.status, told.code, told.message) == (413, "input_too_long", sentence)


def test_other_fields_of_the_error_are_ours_to_choose() -> None:
    """Type, param and code stay, redacted; other fields are removed."""
    told = refused("no", param="Ada Lovelace", body={"x": "Ada Lovelace"}, code=["Ada"])
    assert told == {"message": "no", "type": "BadRequestError", "param": "[...]", "code": "[...]"}


@pytest.mark.parametrize(
    ("param", "stays"),
    [
        ("messages.0.content", True),
        ("body.response_format.type", True),
        ("tools.0.Lovelace", False),
        ("messages.Lovelace x", False),
    ],
)
def test_a_param_is_a_field(param: str, stays: bool) -> None:
    """Only the path of a field is shown."""
    assert (refused("no", param=param)["param"] == param) is stays


QUOTING = {
    "2 MB of a logit_bias": repr({f"0{i}" + "1" * 1500: 1 for i in range(10)}) * 130,
    "2 MB of quoted lines": '"A line that is quoted."\n' * 80_000,
}


@pytest.mark.parametrize("quoted", QUOTING)
def test_an_error_that_quotes_the_request_is_read_in_no_time(quoted: str) -> None:
    """Processor time, the best of five; the beginning of the message stays, its status too."""
    message = "1 validation error: " + QUOTING[quoted]
    body = orjson.dumps({"error": {"message": message, "type": "BadRequestError", "code": 400}})
    spent = []
    for _ in range(5):
        started = time.thread_time()
        error = translate(400, body)
        spent.append(time.thread_time() - started)

    assert min(spent) < 0.005
    assert error.status == 400
    assert error.message.startswith("1 validation error: ")


@pytest.mark.parametrize("values", [["text"] * 149_000, [[]] * 29_000])
def test_an_error_event_with_many_values_is_not_parsed(values: list[object]) -> None:
    """A stream's events are read on the event loop."""
    event = orjson.dumps({"error": {"message": values, "code": 400}})
    started = time.thread_time()
    assert isinstance(translate_event(event), EngineRejected)
    assert time.thread_time() - started < 0.005
