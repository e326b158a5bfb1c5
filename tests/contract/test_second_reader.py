"""The second reader: the served model is asked what the classifier is not sure of."""

import json
import math
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import pytest

from gateway.api.request_text import Turn
from gateway.safety.red_flags.screening import raised
from gateway.safety.second_reader import LONGEST, QUESTION
from tests.contract.fixtures import Refusal, Shared, Start, StartEngine
from tests.contract.process import Gateway
from tests.contract.surfaces import (
    CHAT,
    CHAT_JSON,
    STREAMS,
    SURFACES,
    Surface,
    carrier,
    events,
    mmhie_of,
    name_of,
)
from tests.fake_engine.process import FakeEngine
from tests.gateway.auth.conftest import add_key, bearer
from tests.gateway.counts import counted
from tests.waiting import until

DOUBTFUL = "Since this morning my chest feels a little odd."
SURE = "Which vaccines does a child of two need?"
NOTICE = "Red flag in the prompt: it may describe an emergency."
A_MOMENT_S = 0.1  # for what has arrived to be taken in; no assertion depends on it


def threshold(above: float) -> str:
    """A threshold that is so far above the log-odds of the doubtful text."""
    odds = raised([Turn("user", DOUBTFUL)], math.inf).odds + above
    return str(1 / (1 + math.exp(-odds)))


ON = {"MMHIE_NOTICE_READER": "model", "MMHIE_NOTICE_THRESHOLD": threshold(0.5)}
JUST_OVER = {**ON, "MMHIE_NOTICE_THRESHOLD": threshold(-0.5)}


@pytest.fixture
def reading(gateway_with: Shared) -> Gateway:
    """A gateway that asks."""
    return gateway_with(**ON)


@pytest.fixture(autouse=True)
def answers_yes(engine: FakeEngine) -> Iterator[None]:
    """The model sees an emergency at once, unless a test says otherwise."""
    engine.options(choice="yes")
    yield
    engine.options(choice="")


def questions(engine: FakeEngine) -> list[dict[str, Any]]:
    """The questions that the model was asked."""
    bodies = [json.loads(seen["body"]) for seen in engine.seen() if seen["method"] == "POST"]
    return [body for body in bodies if QUESTION in json.dumps(body)]


def outcomes(gateway: Gateway, outcome: str) -> float:
    return counted(gateway, f'mmhie_notice_reader_total{{outcome="{outcome}"}}')


def expect(gateway: Gateway, outcome: str, before: float) -> None:
    """Wait until one more outcome of this kind is counted."""
    until(lambda: outcomes(gateway, outcome) == before + 1)


def asked_first(gateway: Gateway, engine: FakeEngine, surface: Surface) -> httpx2.Response:
    """An answer that goes on once the question was answered, or given up."""
    engine.next(fault="gated")
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(surface.ask, gateway.client, DOUBTFUL)
        settle(engine)
        return answer.result()


def settle(engine: FakeEngine) -> None:
    """Let a gated answer go on once the question beside it has ended."""
    engine.until(lambda stats: stats["generations"] == 2 and stats["running"] == 1)
    time.sleep(A_MOMENT_S)
    engine.release(1000)


@pytest.mark.parametrize("surface", SURFACES, ids=name_of)
def test_an_emergency_that_it_sees_gets_a_notice(
    reading: Gateway, engine: FakeEngine, surface: Surface
) -> None:
    """The general one, marked as the model's, with the answer to it in provenance, counted."""
    before = outcomes(reading, "emergency")
    answer = asked_first(reading, engine, surface)

    expect(reading, "emergency", before)
    assert len(questions(engine)) == 1
    if surface.form == "json":  # its first byte is sent at its end
        assert answer.headers["x-mmhie-notices"] == "MED100"
    if surface.form == "text":
        assert answer.text.count(NOTICE) == 1
        return
    mmhie = mmhie_of(surface, answer)
    (notice,) = mmhie["notices"]
    assert (notice["id"], notice["reader"]) == ("MED100", "model")
    assert notice["message"].startswith(NOTICE)
    assert mmhie["provenance"]["notice_reader"] == {"outcome": "emergency"}


@pytest.mark.parametrize("surface", SURFACES, ids=name_of)
def test_no_is_no_notice(reading: Gateway, engine: FakeEngine, surface: Surface) -> None:
    """It is in provenance that the model was asked."""
    engine.options(choice="no")
    before = outcomes(reading, "none")
    answer = asked_first(reading, engine, surface)

    expect(reading, "none", before)
    assert "x-mmhie-notices" not in answer.headers
    if surface.form != "text":
        mmhie = mmhie_of(surface, answer)
        assert mmhie["notices"] == []
        assert mmhie["provenance"]["notice_reader"] == {"outcome": "none"}


@pytest.mark.parametrize("surface", STREAMS, ids=name_of)
def test_what_comes_after_the_first_byte_is_in_the_closing_label(
    reading: Gateway, engine: FakeEngine, surface: Surface
) -> None:
    """The header has gone without it; a plain text has it before its last lines."""
    engine.options(choice="wait")
    engine.next(fault="gated")
    engine.release(2)
    with surface.stream(reading.client, DOUBTFUL) as answer:
        parts = answer.iter_bytes()
        begun = next(parts)
        engine.options(choice="yes")
        settle(engine)
        whole = begun + b"".join(parts)

    assert "x-mmhie-notices" not in answer.headers
    assert NOTICE.encode() not in begun
    if surface.form == "text":
        *_, notice, last = whole.decode().split("\n\n")
        assert notice.startswith(NOTICE)
        assert "This is not an emergency detector." in last
        return
    carried = list(filter(None, map(carrier, events(whole))))
    assert [notice["id"] for notice in carried[-1]["notices"]] == ["MED100"]
    assert carried[-1]["provenance"]["notice_reader"] == {"outcome": "emergency"}


@pytest.mark.parametrize("surface", SURFACES, ids=name_of)
def test_no_answer_waits_for_it(reading: Gateway, engine: FakeEngine, surface: Surface) -> None:
    """A question without an answer ends with the answer that it was beside, and the engine's work
    on it with it."""
    engine.options(choice="wait")
    before = outcomes(reading, "late")
    answer = surface.ask(reading.client, DOUBTFUL)

    assert answer.status_code == 200
    expect(reading, "late", before)
    engine.until(lambda stats: stats["running"] == 0 and stats["aborted"] == 1)
    if surface.form != "text":
        mmhie = mmhie_of(surface, answer)
        assert mmhie["notices"] == []
        assert mmhie["provenance"]["notice_reader"] == {"outcome": "pending"}


def test_it_has_its_own_time_limit(gateway_with: Shared, engine: FakeEngine) -> None:
    """A long answer does not keep it alive."""
    gateway = gateway_with(**ON, MMHIE_NOTICE_READER_SECONDS="0.1")
    engine.options(choice="wait")
    answer = asked_first(gateway, engine, CHAT_JSON)

    mmhie = answer.json()["mmhie"]
    assert mmhie["provenance"]["notice_reader"] == {"outcome": "late"}
    assert mmhie["notices"] == []


def test_a_caller_who_leaves_takes_the_question_along(reading: Gateway, engine: FakeEngine) -> None:
    """Nothing runs on for nobody."""
    engine.options(choice="wait")
    engine.next(fault="gated")
    engine.release(2)
    with STREAMS[0].stream(reading.client, DOUBTFUL) as answer:
        next(answer.iter_bytes())

    engine.until(lambda stats: stats["running"] == 0 and stats["aborted"] == 2)


def test_an_answer_that_is_no_word_of_ours_is_a_failure(
    reading: Gateway, engine: FakeEngine
) -> None:
    """An engine that does not constrain it may say anything."""
    engine.options(choice="Perhaps. See a doctor.")
    before = outcomes(reading, "failed")
    answer = asked_first(reading, engine, CHAT_JSON)

    assert answer.json()["mmhie"]["notices"] == []
    expect(reading, "failed", before)


def test_a_refusal_of_the_answer_ends_it(reading: Gateway, engine: FakeEngine) -> None:
    """The engine refuses what was asked; the error is the caller's, as without a reader."""
    engine.next(fault="status", status=400)
    engine.options(choice="wait")
    answer = CHAT_JSON.ask(reading.client, DOUBTFUL)

    assert answer.status_code == 400
    engine.until(lambda stats: stats["running"] == 0)


UNASKED: dict[str, tuple[str, dict[str, Any]]] = {
    "far below": (CHAT, CHAT_JSON.body(SURE)),
    "far above": (CHAT, CHAT_JSON.body("I have crushing chest pain and cannot breathe.")),
    "said by an application every time": (
        CHAT,
        {"messages": [{"role": "system", "content": DOUBTFUL}, *CHAT_JSON.body(SURE)["messages"]]},
    ),
    "a count of tokens": ("/tokenize", {"prompt": DOUBTFUL}),
}


@pytest.mark.parametrize("name", UNASKED)
def test_what_is_not_asked(reading: Gateway, engine: FakeEngine, name: str) -> None:
    """Whatever is sure, and what no notice would come of."""
    path, body = UNASKED[name]
    answer = reading.client.post(path, json=body)

    assert answer.status_code == 200
    assert questions(engine) == []
    assert "notice_reader" not in answer.text


def test_it_is_off_by_default(gateway_with: Shared, engine: FakeEngine) -> None:
    """The same threshold alone asks nobody."""
    gateway = gateway_with(MMHIE_NOTICE_THRESHOLD=ON["MMHIE_NOTICE_THRESHOLD"])
    CHAT_JSON.ask(gateway.client, DOUBTFUL)

    assert questions(engine) == []


def test_a_notice_that_stands_is_not_taken_back(gateway_with: Shared, engine: FakeEngine) -> None:
    """The classifier is just over its threshold, the model says no."""
    engine.options(choice="no")
    answer = asked_first(gateway_with(**JUST_OVER), engine, CHAT_JSON)

    assert len(questions(engine)) == 1
    mmhie = answer.json()["mmhie"]
    assert len(mmhie["notices"]) == 1
    assert "reader" not in mmhie["notices"][0]
    assert mmhie["provenance"]["notice_reader"] == {"outcome": "none"}


def test_the_question_is_fixed_and_small(reading: Gateway, engine: FakeEngine) -> None:
    """One word of two, and of a very long text its end."""
    long = "The weather was fine that day. " * 1_000 + DOUBTFUL
    CHAT_JSON.ask(reading.client, long, max_tokens=3)

    (body,) = questions(engine)
    assert body["structured_outputs"] == {"choice": ["yes", "no"]}
    assert body["temperature"] == 0
    system, user = body["messages"]
    assert system == {"role": "system", "content": QUESTION}
    assert user["content"].endswith(DOUBTFUL)
    assert len(user["content"]) <= LONGEST


def test_the_question_has_the_callers_cache(
    start: Start, engine: FakeEngine, tmp_path: Path
) -> None:
    """Nobody can find out by its speed what somebody else has asked."""
    file = tmp_path / "keys.json"
    secret = add_key(file, "one", "openai")
    gateway = start(engine.url, **ON, MMHIE_KEYS_FILE=str(file)).wait()
    gateway.client.headers.update(bearer(secret))
    CHAT_JSON.ask(gateway.client, DOUBTFUL)

    bodies = [json.loads(seen["body"]) for seen in engine.seen("/v1/chat/completions")]
    assert len(bodies) == 2
    assert len({body["cache_salt"] for body in bodies}) == 1


def test_a_model_without_a_chat_template_is_asked_too(
    start: Start, start_engine: StartEngine
) -> None:
    """As a text to complete."""
    engine = start_engine("--no-chat-template", "--choice", "yes")
    answer = asked_first(start(engine.url, **ON).wait(), engine, SURFACES[0])

    assert answer.json()["notices"][0]["reader"] == "model"
    (body,) = questions(engine)
    assert body["prompt"].startswith(QUESTION)


def test_it_needs_somebody_to_read_its_notices(refusal: Refusal) -> None:
    """Nothing would come of the question where notices are off."""
    told = refusal(MMHIE_NOTICE_READER="model", MMHIE_AUDIENCE="off")

    assert told.startswith("MMHIE_NOTICE_READER=model needs somebody to read its notices")


def test_two_at_once_do_not_mix(reading: Gateway, engine: FakeEngine) -> None:
    """Each answer has the outcome of its own question."""
    with ThreadPoolExecutor(8) as pool:
        texts = [DOUBTFUL, SURE] * 12
        answers = list(pool.map(lambda text: CHAT_JSON.ask(reading.client, text), texts))

    asked = ["notice_reader" in answer.json()["mmhie"]["provenance"] for answer in answers]
    assert asked == [True, False] * 12
    assert len(questions(engine)) == 12
