"""Fields of /llm/generate and their limits; errors never quote the body."""

import json
from typing import Any

import pytest

from gateway.engine import openai_json
from gateway.errors import InvalidField
from gateway.generate.request import GenerateRequest, choose_form, parse_fields
from tests.growth import growth

CANARY = "Ada Lovelace"
TURN = {"role": "user", "content": CANARY}
NOT_PERMITTED = "history.0 is not valid: Extra inputs are not permitted."
STOP_RULE = "stop must be text, or a list of up to 16 texts, none of them empty."


def parsed(**fields: Any) -> GenerateRequest:
    return parse_fields(openai_json.parse_request(json.dumps(fields).encode()))


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"temperature": "warm"}, "temperature must be a valid number."),
        ({"top_p": 0}, "top_p must be greater than 0."),
        ({"max_tokens": 1.5}, "max_tokens must be a valid integer."),
        ({"seed": 2**63}, "seed must be less than 9223372036854775808."),
        ({"stream": "yes"}, "stream must be a valid boolean."),
        ({"system": "\u2003\x1c\x1f"}, "system must not be empty."),
        ({"reasoning_effort": CANARY}, "reasoning_effort must be 'low', 'medium' or 'high'."),
        ({"stop": [CANARY] * 17}, STOP_RULE),
        ({"history": CANARY}, "history must be a valid list."),
        ({"history": [{"role": "user"}]}, "history.0 is not valid: Field required."),
        ({"history": [{**TURN, CANARY: 1}]}, NOT_PERMITTED),
    ],
)
def test_a_wrong_field_is_a_plain_sentence(fields: dict[str, Any], sentence: str) -> None:
    """The rule in words that a caller would use."""
    with pytest.raises(InvalidField) as raised:
        parsed(prompt="p", **fields)
    assert raised.value.message == sentence


def test_a_conversation_that_is_too_long() -> None:
    """The error has the limit."""
    turns = 512 * [{"role": "user", "content": CANARY}, {"role": "assistant", "content": CANARY}]
    request = parsed(prompt="p", history=turns)

    assert request.to_prompt(max_tokens=1, system=None).history == tuple(turns)
    with pytest.raises(InvalidField, match="at most 1024") as raised:
        parsed(prompt="p", history=[*turns, turns[0]])
    assert raised.value.param == "history"


@pytest.mark.parametrize(
    ("accept", "stream", "form"),
    [
        (b"", True, "sse"),
        (b"text/plain", True, "text"),
        (b"text/plain, text/event-stream", True, "text"),
        (b"text/plain", False, "json"),
        (b"application/json, text/plain, */*", True, "sse"),
        (b"text/event-stream;q=0.5, text/plain;q=0.9", True, "text"),
        (b"text/plain;q=0", True, "sse"),
        (b"text/plain; charset=utf-8; q=0.2, TEXT/EVENT-STREAM;Q=0.3", True, "sse"),
        (b"text/plainer", True, "sse"),
        (b";,;q=1,", True, "sse"),
    ],
)
def test_the_form_of_the_answer(accept: bytes, stream: bool, form: str) -> None:
    """The preferred form, the first of equals; events without a form of streams; JSON without a
    stream."""
    assert choose_form(accept, stream=stream) == form


def test_a_long_list_of_forms_is_read_to_a_limit() -> None:
    """A head has room for 32,000 media ranges, which take 50 ms."""
    assert growth(lambda size: choose_form(b"," * size, stream=True), 4096, 8) < 2


def test_a_whole_number_in_another_spelling() -> None:
    """JSON has one kind of number: 8.0 is 8, as on /v1."""
    request = parsed(prompt="p", max_tokens=8.0, seed=3.0)
    assert (request.max_tokens, request.seed) == (8, 3)
    for wrong in (8.5, "8", True):
        with pytest.raises(InvalidField):
            parsed(prompt="p", max_tokens=wrong)


def test_null_is_as_good_as_absent() -> None:
    """In every optional field, as clients of OpenAI's API send it."""
    names = set(GenerateRequest.model_fields) - {"prompt"}

    assert parse_fields({"prompt": "p"} | dict.fromkeys(names)) == parse_fields({"prompt": "p"})
    for odd in ({"prompt": None}, {"prompt": "p", "colour": None}, {}):
        with pytest.raises(InvalidField):
            parse_fields(odd)
