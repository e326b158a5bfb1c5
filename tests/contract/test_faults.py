"""Engine faults on every surface: a status or an in-band error, in bounded time."""

import gzip
import json
import time
from typing import Any

import httpx2
import pytest

from tests.contract.fixtures import Shared, Start, StartEngine
from tests.contract.process import Gateway, free_port
from tests.contract.surfaces import (
    CHAT_JSON,
    CHAT_SSE,
    MESSAGES,
    ON_V1,
    RESPONSES,
    STREAMS,
    SURFACES,
    WHOLES,
    Surface,
    checked,
    error_of,
    events,
    name_of,
    refusal_of,
)
from tests.contract.test_disclaimer import NOTE, TEXT
from tests.fake_engine.process import FakeEngine

UNAVAILABLE, GARBLED, REJECTED = "engine_unavailable", "engine_garbled", "engine_rejected"
CUT, TIMEOUT = "engine_cut", "engine_timeout"


def raw(body: str) -> dict[str, Any]:
    """These bytes in the place of an answer."""
    return {"fault": "raw", "body": body}


# Bounded, and not unpacked.
LONG = "HTTP/1.1 {} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\n{}\r\n"
ENDLESS = '{"error": {"message": "' + "x" * 2_000_000
PACKED = gzip.compress(b"0" * 1_000_000).decode("latin-1")
GZIP = LONG.format(200, len(PACKED), "content-encoding: gzip\r\n")

# Before the first byte: the same status and code on every surface.
EARLY: dict[str, tuple[dict[str, Any], int, set[str]]] = {
    "500": ({"fault": "status", "status": 500}, 502, {REJECTED}),
    "500 with html": (
        {"fault": "status", "status": 500, "body": "<h1>", "content_type": "text/html"},
        502,
        {REJECTED},
    ),
    "503": ({"fault": "status", "status": 503}, 503, {UNAVAILABLE}),
    "401": ({"fault": "status", "status": 401, "body": '{"error":"x"}'}, 502, {REJECTED}),
    "302": ({"fault": "status", "status": 302}, 502, {GARBLED}),
    "reset twice": ({"fault": "reset", "times": 2}, 503, {UNAVAILABLE}),
    "html": ({"fault": "html"}, 502, {GARBLED}),
    "empty body": ({"fault": "empty"}, 502, {GARBLED, CUT}),
    "a 400 without end": (raw(LONG.format(400, 10**12, "") + ENDLESS), 502, {GARBLED}),
    "a 500 without end": (raw(LONG.format(500, 10**12, "") + ENDLESS), 502, {GARBLED}),
    "compressed": (raw(GZIP + PACKED), 502, {GARBLED}),
    "no HTTP": (raw("SSH-2.0-OpenSSH_9.9\r\n\r\n"), 502, {GARBLED}),
    "half a head": (raw("HTTP/1.1 200 OK\r\nconte"), 502, {GARBLED, CUT}),
}

# In mid-answer: what a stream says in band.
LATE: dict[str, tuple[dict[str, Any], set[str]]] = {
    "cut": ({"fault": "cut"}, {CUT}),
    "reset": ({"fault": "reset_midstream"}, {CUT, UNAVAILABLE}),
    "clean end without an end": ({"fault": "clean_cut"}, {CUT}),
    "garbled chunk": ({"fault": "chunk_garbage"}, {GARBLED}),
    "chunk too short": ({"fault": "wrong_length"}, {CUT, GARBLED}),
    "the engine's own error": ({"fault": "error_midstream"}, {REJECTED}),
}
# In the middle of a whole answer, and at its end.
BROKEN = {"cut": CUT, "reset_midstream": CUT, "wrong_length": CUT, "wrong_json": GARBLED}


def in_band(surface: Surface, answer: httpx2.Response) -> str:
    """The code of a stream's in-band error; how it has to look is checked on the way."""
    assert answer.status_code == 200
    if surface.form == "text":
        return interrupted(answer.text)
    told = events(answer.content)
    assert surface.path in (RESPONSES, MESSAGES) or told[-1] == "[DONE]", told[-3:]
    assert sum("error" in event for event in told) == 1, told
    last = [event for event in told if event != "[DONE]"][-1]
    assert "error" in last, last
    return str(checked(last["error"])["code"])


def given_up(engine: FakeEngine) -> None:
    """Wait until the engine's work is aborted, where the time was enough to give it any."""
    engine.until(lambda stats: not stats["running"] and stats["aborted"] == stats["generations"])


def interrupted(text: str) -> str:
    """The text form: an [interrupted: …] paragraph, then the disclaimer; codes are not shown."""
    *_, notice, last = text.rstrip("\n").split("\n\n")
    assert notice.startswith("[interrupted: "), text
    assert last == f"{TEXT}\n{NOTE}"
    return notice


@pytest.mark.parametrize("surface", SURFACES, ids=name_of)
@pytest.mark.parametrize("name", EARLY)
def test_before_the_first_byte(
    gateway: Gateway, engine: FakeEngine, surface: Surface, name: str
) -> None:
    """A status and an error object with our headers, whatever form was asked for."""
    fault, status, codes = EARLY[name]
    engine.next(**fault)
    answer = surface.ask(gateway.client)

    error = error_of(answer)
    assert answer.status_code == status, error
    assert error["code"] in codes
    assert answer.headers["x-request-id"]
    assert answer.headers["x-mmhie-disclaimer-version"]
    assert "x-mmhie-ai-generated" not in answer.headers
    if status == 503:
        assert int(answer.headers["retry-after"]) >= 1


@pytest.mark.parametrize("surface", STREAMS, ids=name_of)
@pytest.mark.parametrize("name", LATE)
def test_in_mid_stream(gateway: Gateway, engine: FakeEngine, surface: Surface, name: str) -> None:
    """Never a silent end: what came stays, and an error says that it is not all."""
    fault, codes = LATE[name]
    engine.next(**fault)
    answer = surface.ask(gateway.client)

    code = in_band(surface, answer)
    assert surface.form == "text" or code in codes, code
    assert b'finish_reason":"stop' not in answer.content


@pytest.mark.parametrize("surface", WHOLES, ids=name_of)
@pytest.mark.parametrize("fault", BROKEN)
def test_in_the_middle_of_a_whole_answer(
    gateway: Gateway, engine: FakeEngine, surface: Surface, fault: str
) -> None:
    """Half a JSON document is not handed on, nor one of the right length that is none."""
    engine.next(fault=fault)
    answer = surface.ask(gateway.client)

    assert refusal_of(answer) == (502, BROKEN[fault])


@pytest.mark.parametrize("fault", ["stale", "reset"])
@pytest.mark.parametrize("surface", SURFACES, ids=name_of)
def test_one_lost_connection_is_not_noticed(
    gateway: Gateway, engine: FakeEngine, surface: Surface, fault: str
) -> None:
    """A kept connection that died under us, or a reset before any byte: sent once more."""
    surface.ask(gateway.client)
    engine.next(fault=fault)

    assert surface.ask(gateway.client).status_code == 200


def test_idle_connections_that_the_engine_closes_are_no_trouble(
    start: Start, start_engine: StartEngine
) -> None:
    """An engine that closes after half a second, and a caller who comes back just then."""
    engine = start_engine("--keep-alive", "0.5")
    gateway = start(engine.url).wait()

    for pause in (0.49, 0.5, 0.505, 0.51, 0.6):
        assert STREAMS[0].ask(gateway.client).status_code == 200
        time.sleep(pause)
        assert WHOLES[0].ask(gateway.client).status_code == 200


@pytest.mark.parametrize("surface", SURFACES, ids=name_of)
def test_no_answer_in_time_is_504(hasty: Gateway, engine: FakeEngine, surface: Surface) -> None:
    """No byte within MMHIE_TIMEOUT_SECONDS: JSON, whatever form was asked for; work aborted."""
    engine.next(fault="hang_before_headers")
    started = time.monotonic()
    answer = surface.ask(hasty.client)

    assert refusal_of(answer) == (504, TIMEOUT)
    assert time.monotonic() - started > 0.25
    given_up(engine)


@pytest.mark.parametrize("surface", SURFACES, ids=name_of)
def test_headers_and_then_nothing(hasty: Gateway, engine: FakeEngine, surface: Surface) -> None:
    """The first token has the same time, whether or not the head has come."""
    engine.next(fault="hang_after_headers")
    answer = surface.ask(hasty.client)

    if answer.status_code == 200:
        code = in_band(surface, answer)
        assert surface.form == "text" or code == TIMEOUT
    else:
        assert refusal_of(answer) == (504, TIMEOUT)
    given_up(engine)


@pytest.mark.parametrize("surface", WHOLES, ids=name_of)
def test_a_whole_answer_has_a_total(hasty: Gateway, engine: FakeEngine, surface: Surface) -> None:
    """Not streamed: the limit is on all of it, and the engine's work is aborted."""
    engine.next({"fault": "endless"}, {"fault": "slow_tokens", "seconds": 0.02})
    answer = surface.ask(hasty.client)

    assert refusal_of(answer) == (504, TIMEOUT)
    given_up(engine)


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


def test_no_time_at_all_is_504_at_once(gateway_with: Shared, engine: FakeEngine) -> None:
    """With MMHIE_TIMEOUT_SECONDS=0 every request is 504."""
    answer = WHOLES[0].ask(gateway_with(MMHIE_TIMEOUT_SECONDS="0").client)
    assert answer.status_code == 504
    assert engine.stats["generations"] == 0


def test_no_engine_at_all_is_503(deserted: Gateway) -> None:
    """On every surface; fast, with Retry-After; the gateway is up all the while."""
    for surface in SURFACES:
        answer = surface.ask(deserted.client)
        assert refusal_of(answer) == (503, UNAVAILABLE)
        assert int(answer.headers["retry-after"]) >= 1


@pytest.mark.parametrize("status", [400, 404, 422])
@pytest.mark.parametrize("surface", ON_V1, ids=name_of)
def test_the_callers_own_mistakes_stay_theirs(
    gateway: Gateway, engine: FakeEngine, surface: Surface, status: int
) -> None:
    """A 4xx of the engine keeps its status and its sentence."""
    engine.next(fault="status", status=status)
    answer = surface.ask(gateway.client)

    assert answer.status_code == status
    assert error_of(answer)["message"]


def test_the_engines_sentence_keeps_its_own_words(gateway: Gateway, engine: FakeEngine) -> None:
    """The caller's words are withheld from it, the words of the API are not."""
    said = '"auto" tool choice requires --enable-auto-tool-choice, not zebrafish7731'
    error = {"message": said, "type": "BadRequestError", "param": None, "code": 400}
    engine.next(fault="status", status=400, body=json.dumps({"error": error}))
    answer = CHAT_JSON.ask(gateway.client, "zebrafish7731", tool_choice="auto")

    assert error_of(answer)["message"] == said.replace("zebrafish7731", "[...]")


def test_an_engine_that_wants_a_key_gets_it(start: Start, start_engine: StartEngine) -> None:
    """MMHIE_ENGINE_API_KEY, and the caller needs to know nothing of it."""
    engine = start_engine("--api-key", "engine-secret")
    gateway = start(engine.url, MMHIE_ENGINE_API_KEY="engine-secret").wait()

    for surface in SURFACES:
        assert surface.ask(gateway.client).status_code == 200
    assert "engine-secret" not in gateway.log


def test_a_crash_of_the_engine_is_told_and_a_new_one_is_found(
    start: Start, start_engine: StartEngine
) -> None:
    """In band for the stream that was open, 503 for those who come next, then all is well."""
    port = str(free_port())
    engine = start_engine("--port", port, "--crash-after", "2")
    gateway = start(engine.url).wait()

    assert CHAT_SSE.ask(gateway.client).status_code == 200
    assert CHAT_SSE.ask(gateway.client).status_code == 503
    start_engine("--port", port)
    gateway.wait()
    assert CHAT_SSE.ask(gateway.client).status_code == 200
