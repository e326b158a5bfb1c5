"""The outcome of one request, in the words of the table."""

import re
from dataclasses import dataclass
from typing import Any

import httpx2

from tests.contract.process import Gateway
from tests.contract.surfaces import Surface, checked, error_of, events, mmhie_of, readable
from tests.contract.test_disclaimer import NOTE, TEXT
from tests.waiting import until

PLENTY_BYTES = 512 * 1024


@dataclass(frozen=True, slots=True)
class Observed:
    """The outcome, and the text that came."""

    said: str
    text: str


def observe(gateway: Gateway, surface: Surface) -> Observed:
    """Ask once; every part of the answer's form is checked on the way."""
    with surface.stream(gateway.client, max_tokens=64) as answer:
        content = b""
        for part in answer.iter_raw():
            content += part
            if len(content) > PLENTY_BYTES:
                return Observed("continues", "")
    told = httpx2.Response(
        answer.status_code, headers=answer.headers, content=content.replace(b"\r\n", b"\n")
    )
    text = readable(told) if told.status_code == 200 else ""
    return Observed(said_by(gateway, surface, told), text)


def said_by(gateway: Gateway, surface: Surface, answer: httpx2.Response) -> str:
    """A cell of the table; the gateway's own log has to agree."""
    outcome = logged(gateway, answer.headers["x-request-id"])
    if answer.status_code != 200:
        code = str(error_of(answer)["code"])
        assert outcome in (code, "invalid_request"), outcome
        return f"{answer.status_code} {code}"
    failure = in_band(surface, answer)
    if failure is None:
        assert outcome == "ok", outcome
        return labelled(surface, answer)
    assert failure in (outcome, ""), outcome
    return f"in band {outcome}"


def labelled(surface: Surface, answer: httpx2.Response) -> str:
    """A 200 without an error, and what its label says of it."""
    if surface.form == "text":
        return "complete"
    label = mmhie_of(surface, answer)
    cut = [f"truncated {label['truncated']}"] if label["truncated"] else []
    return ", ".join(["complete", *label["warnings"], *cut])


def in_band(surface: Surface, answer: httpx2.Response) -> str | None:
    """The code a 200 ends with, empty where the form shows none; None for a whole answer."""
    if surface.form == "json":
        return None
    if surface.form == "text":
        *_, notice, disclaimer = answer.text.rstrip("\n").split("\n\n")
        assert disclaimer == f"{TEXT}\n{NOTE}"
        return "" if notice.startswith("[interrupted: ") else None
    *told, done = events(answer.content)
    assert done == "[DONE]"
    if "error" in told[-1]:
        return str(checked(told[-1]["error"])["code"])
    assert any(map(ends, told)), "a stream that ended without a word"
    return None


def ends(event: dict[str, Any]) -> bool:
    """Return whether an event says why the answer is over."""
    choices = event.get("choices") or ()
    return "finish_reason" in event or any(choice.get("finish_reason") for choice in choices)


def logged(gateway: Gateway, request_id: str) -> str:
    """Return the outcome of a request in the gateway's own log."""
    wanted = re.compile(f'"request_id":"{request_id}","method".*"outcome":"(\\w+)"')
    until(lambda: wanted.search(gateway.log))
    (outcome,) = wanted.findall(gateway.log)
    return str(outcome)
