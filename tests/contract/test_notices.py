"""Notices come with every outcome: they are about the prompt and need no answer."""

from typing import Any

import httpx2
import pytest

from tests.contract.fixtures import Shared
from tests.contract.process import Gateway
from tests.contract.surfaces import (
    CHAT,
    GENERATE,
    JSON,
    RESPONSES,
    STREAMS,
    SURFACES,
    TEXT,
    Surface,
    events,
    mmhie_of,
    name_of,
)
from tests.fake_engine.process import FakeEngine
from tests.gateway.counts import counted

EMERGENCY = "I have crushing chest pain."
ID = "MED101"
QUESTION = {"role": "user", "content": "?"}
OUTPUT = {"type": "function_call_output", "call_id": "1"}


@pytest.mark.parametrize("surface", SURFACES, ids=name_of)
def test_an_answer_has_them_in_header_and_label(gateway: Gateway, surface: Surface) -> None:
    """Known before the first byte, so a header; in plain text also the opening paragraph."""
    answer = surface.ask(gateway.client, EMERGENCY)

    assert answer.headers["x-mmhie-notices"] == ID
    assert "x-mmhie-notices" not in surface.ask(gateway.client).headers
    if surface.form == "text":
        assert answer.text.startswith("Red flag in the prompt: chest pain")
    else:
        assert [notice["id"] for notice in mmhie_of(surface, answer)["notices"]] == [ID]


def refusal(answer: httpx2.Response) -> tuple[str | int, str, list[str]]:
    """Code, header and the ids in the error object."""
    error = answer.json()["error"]
    ids = [notice["id"] for notice in error["mmhie"]["notices"]]
    return error["code"], answer.headers["x-mmhie-notices"], ids


@pytest.mark.parametrize(("status", "code"), [(500, "engine_rejected"), (400, 400)])
@pytest.mark.parametrize("surface", SURFACES, ids=name_of)
def test_they_outlive_a_failing_engine(
    gateway: Gateway, engine: FakeEngine, surface: Surface, status: int, code: str | int
) -> None:
    """Before the first byte the error object has them; also that of the engine's own refusal."""
    engine.next(fault="status", status=status)

    assert refusal(surface.ask(gateway.client, EMERGENCY)) == (code, ID, [ID])


@pytest.mark.parametrize("fault", ["cut", "clean_cut"])
@pytest.mark.parametrize("surface", [s for s in STREAMS if s is not TEXT], ids=name_of)
def test_a_stream_that_breaks_says_them_again(
    gateway: Gateway, engine: FakeEngine, surface: Surface, fault: str
) -> None:
    """A stream that breaks off, or ends in order too early, has them in its error object."""
    engine.next(fault=fault)

    said = events(surface.ask(gateway.client, EMERGENCY).content)
    (error,) = [event["error"] for event in said if event != "[DONE]" and "error" in event]
    assert [notice["id"] for notice in error["mmhie"]["notices"]] == [ID]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (RESPONSES, {"input": "And now?", "metadata": {}, "prompt": EMERGENCY}),
        (RESPONSES, {"input": [{**OUTPUT, "output": EMERGENCY}]}),
        (CHAT, {"messages": [{"role": "tool", "tool_call_id": "1", "content": EMERGENCY}]}),
        (GENERATE, {"prompt": "And now?", "history": [{"role": "user", "content": EMERGENCY}]}),
    ],
)
def test_all_that_the_caller_says_is_screened(
    gateway: Gateway, path: str, body: dict[str, Any]
) -> None:
    """Turns of every role are screened, not only the user's."""
    assert gateway.client.post(path, json=body).headers["x-mmhie-notices"] == ID


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (RESPONSES, {"input": "And now?", "instructions": EMERGENCY}),
        (GENERATE, {"prompt": "And now?", "system": EMERGENCY}),
        (CHAT, {"messages": [{"role": "system", "content": EMERGENCY}, QUESTION]}),
    ],
)
def test_what_an_application_always_says_is_counted_only(
    gateway: Gateway, path: str, body: dict[str, Any]
) -> None:
    """A notice on every request of an application would be read by nobody."""
    answer = gateway.client.post(path, json=body)

    assert "x-mmhie-notices" not in answer.headers
    assert counted(gateway, f'mmhie_notices_in_setting_total{{rule="{ID}"}}')


def test_token_ids_are_said_to_be_unscreened(gateway: Gateway) -> None:
    """The gateway has no tokenizer."""
    answer = gateway.client.post("/v1/completions", json={"prompt": [1, 2, 3], "max_tokens": 3})

    assert "input_not_screened" in answer.json()["mmhie"]["warnings"]


def test_languages_may_be_mixed(gateway_with: Shared) -> None:
    """Each sentence is read in its own language; the notice has one language."""
    gateway = gateway_with(MMHIE_DISCLAIMER_LANGUAGE="es")

    mixed = "Hola. Mein Vater hat gerade starke Brustschmerzen. What now?"
    answer = JSON.ask(gateway.client, mixed)

    (notice,) = answer.json()["notices"]
    assert notice["message"].startswith("Alerta en la pregunta")
