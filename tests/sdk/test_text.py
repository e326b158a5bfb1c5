"""MedicalText: a str that keeps what has to be shown with it."""

import copy
import pickle
import warnings
from collections.abc import Iterator
from typing import Any

import mmhie
import pytest
from mmhie import MedicalText, MedicalTextWarning

from tests.sdk.conftest import Connect, Serve
from tests.sdk.scripted_server import (
    CHAT_ANSWER,
    DISCLAIMER,
    JSON_ANSWER,
    LAST,
    NOTES,
    event,
    reply,
    stream,
)

NOTICE = {"id": "MED101", "message": "Call 112."}
NOTE = "In an emergency call 112."
LABELS = {**NOTES, "truncated": "in_answer", "notices": [NOTICE], "emergency_note": NOTE}
CUT_ANSWER = {**JSON_ANSWER, "mmhie": LABELS}
PLAIN_ANSWER = {**JSON_ANSWER, "mmhie": {**NOTES, "notices": []}}
DONE = b"data: [DONE]\n\n"


@pytest.fixture
def text(serve: Serve, connect: Connect) -> MedicalText:
    """A text that was cut off and came with a notice."""
    answer = connect(serve(reply(CUT_ANSWER)).url).generate("How?")
    assert isinstance(answer, MedicalText)
    return answer


@pytest.mark.parametrize(
    ("method", "asked", "body"),
    [("generate", "How?", JSON_ANSWER), ("chat", [{"role": "user", "content": "?"}], CHAT_ANSWER)],
)
def test_the_text_has_the_answer(
    serve: Serve, connect: Connect, method: str, asked: object, body: dict[str, Any]
) -> None:
    """As a str it is the text; its attributes are those of the detailed answer."""
    client = connect(serve(reply(body)).url)
    text = getattr(client, method)(asked)
    detailed = getattr(client, f"{method}_detailed")(asked)

    assert text == detailed.text
    assert text.answer == detailed
    for name in ("disclaimer", "notices", "warnings", "provenance", "truncated", "request_id"):
        assert getattr(text, name) == getattr(detailed, name)


def test_labelled_text_says_all(text: MedicalText) -> None:
    """Notices first, then the text, that it was cut off, disclaimer and emergency note last."""
    closing = f"[cut off: token limit]\n\n{DISCLAIMER}\n{NOTE}"
    expected = f"Call 112.\n\nRest and fluids.\n\n{closing}"

    assert text.labelled() == expected


def test_copies_keep_the_answer(text: MedicalText) -> None:
    """Pickled, as for a task queue, and copied."""
    for made in (pickle.loads(pickle.dumps(text)), copy.copy(text), copy.deepcopy(text)):
        assert made == text
        assert made.answer == text.answer


def test_one_warning_at_the_callers_line(serve: Serve, connect_both: Connect) -> None:
    """It names what to look at and quotes nothing."""
    client = connect_both(serve(reply(CUT_ANSWER)).url)

    with pytest.warns(MedicalTextWarning) as caught:
        client.generate("canary-7f3a")

    (warning,) = caught
    assert "sdk/mmhie" not in warning.filename
    assert str(warning.message) == (
        "The answer is incomplete (`truncated`) and has `notices`: show that wherever you show "
        "the text."
    )


def test_an_answer_with_nothing_to_add_warns_of_nothing(serve: Serve, connect: Connect) -> None:
    """A warning that always comes teaches to ignore it."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        connect(serve(reply(PLAIN_ANSWER)).url).generate("How?")


def test_pieces_know_the_notices_and_the_last_knows_all(serve: Serve, connect: Connect) -> None:
    """The last piece is empty: `"".join` gives the text, `last.truncated` what was cut."""
    early = event({"delta": "Rest", "notices": [NOTICE]})
    last = event({**LAST, "mmhie": LABELS})
    server = serve(stream(early, event({"delta": "."}), last, DONE))

    pieces: Iterator[Any] = connect(server.url).stream_generate("How?")
    first, second, end = pieces

    assert [first, second, end] == ["Rest", ".", ""]
    assert first.notices == second.notices == end.notices == (NOTICE,)
    assert (first.truncated, end.truncated) == (None, "in_answer")
    assert (first.disclaimer, end.disclaimer) == ("", DISCLAIMER)
    assert end.answer.text == "Rest."


@pytest.mark.parametrize(("code", "status"), [("held", 503), (400, 400)])
def test_errors_carry_the_notices(
    serve: Serve, connect: Connect, code: str | int, status: int
) -> None:
    """The emergency stays one when no model answers; the gateway adds it to the engine's codes."""
    refused = {"message": "On hold.", "code": code, "mmhie": {"notices": [NOTICE]}}
    client = connect(serve(reply({"error": refused}, status)).url, max_retries=0)

    with pytest.raises(mmhie.MMHIEError) as caught:
        client.generate("How?")
    assert caught.value.notices == (NOTICE,)


@pytest.mark.parametrize("end", [b"", event({"error": {"code": "engine_cut"}})])
def test_a_broken_stream_carries_the_notices(serve: Serve, connect: Connect, end: bytes) -> None:
    """Cut by the connection or by the engine, with the notices that had come."""
    early = event({"delta": "Rest", "notices": [NOTICE]})
    broken = connect(serve(stream(early, end)).url)

    with pytest.raises(mmhie.MMHIEError) as caught:
        list(broken.stream_generate("How?"))

    assert caught.value.notices == (NOTICE,)
