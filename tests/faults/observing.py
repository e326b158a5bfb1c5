"""What came of one request, in the words of the table."""

import json
import re
import time
from dataclasses import dataclass
from typing import Any

import httpx2

from tests.contract.doors import CHAT, PROMPT, Door, checked, events
from tests.contract.process import Gateway
from tests.contract.test_disclaimer import TEXT

LOG_S = 3.0


@dataclass(frozen=True, slots=True)
class Observed:
    """The outcome, and how long it took in seconds."""

    said: str
    seconds: float


def observe(gateway: Gateway, door: Door) -> Observed:
    """Ask once; every part of the answer's form is checked on the way."""
    started = time.monotonic()
    answer = door.ask(gateway.client, max_tokens=24)
    took = time.monotonic() - started
    return Observed(said_by(gateway, door, answer), took)


def said_by(gateway: Gateway, door: Door, answer: httpx2.Response) -> str:
    """`whole`, `STATUS code`, or `in band code`; the gateway's own log has to agree."""
    outcome = logged(gateway, answer.headers["x-request-id"])
    if answer.status_code != 200:
        code = refusal(answer)
        assert outcome in (code, "invalid_request"), outcome
        return f"{answer.status_code} {code}"
    failure = in_band(door, answer)
    if failure is None:
        assert outcome == "ok", outcome
        assert text_of(door, answer) == EXPECTED[0], "an answer that is not the engine's"
        return "whole"
    assert failure in (outcome, ""), outcome
    return f"in band {outcome}"


EXPECTED: list[str] = []


def refusal(answer: httpx2.Response) -> str:
    """The code of an error object, whose form is checked."""
    assert answer.headers["content-type"] == "application/json", answer.text
    body = answer.json()
    assert set(body) == {"error"}, body
    return str(checked(body["error"])["code"])


def in_band(door: Door, answer: httpx2.Response) -> str | None:
    """The code a 200 ends with, empty where the form shows none; None for a whole answer."""
    if door.form == "json":
        return None
    if door.form == "text":
        *_, notice, disclaimer = answer.text.rstrip("\n").split("\n\n")
        assert disclaimer == TEXT
        return "" if notice.startswith("[interrupted] ") else None
    *_, last, done = events(answer.content)
    assert done == "[DONE]"
    assert "error" in last or ends(door, answer), "a stream that ended without a word"
    return str(checked(last["error"])["code"]) if "error" in last else None


def ends(door: Door, answer: httpx2.Response) -> bool:
    """Whether some event says why the answer is over."""
    told = [one for one in events(answer.content) if isinstance(one, dict)]
    if door.path != CHAT:
        return "finish_reason" in told[-1]
    return any(c.get("finish_reason") for one in told for c in one.get("choices") or ())


def text_of(door: Door, answer: httpx2.Response) -> str:
    """The answer's text, as this form carries it."""
    if door.form == "text":
        return answer.text.removesuffix(f"\n\n{TEXT}\n")
    told: list[Any] = [answer.json()] if door.form == "json" else events(answer.content)
    if door.path != CHAT:
        return "".join(one.get("text", one.get("delta", "")) for one in told if one != "[DONE]")
    choices = [c for one in told if one != "[DONE]" for c in one.get("choices") or ()]
    return "".join((c.get("delta") or c.get("message") or {}).get("content") or "" for c in choices)


def logged(gateway: Gateway, request_id: str) -> str:
    """What the gateway's own log says of a request."""
    deadline = time.monotonic() + LOG_S
    wanted = f'"request_id":"{request_id}","method"'
    while (at := gateway.log.find(wanted)) < 0:
        assert time.monotonic() < deadline, "no line in the log"
        time.sleep(0.01)
    line = gateway.log[at:].split("\n", 1)[0]
    found = re.search(r'"outcome":"(\w+)"', line)
    assert found, line
    return found[1]
