"""The outcome of one request, in the words of the table."""

import re
from dataclasses import dataclass
from typing import Any

import httpx2

from tests.contract.process import Gateway
from tests.contract.surfaces import (
    MESSAGES,
    RESPONSES,
    Surface,
    checked,
    error_of,
    events,
    mmhie_of,
    readable,
)
from tests.contract.test_disclaimer import NOTE, TEXT
from tests.waiting import until

PLENTY_BYTES = 512 * 1024


@dataclass(frozen=True, slots=True)
class Observed:
    """The outcome in the words of the table, the text, and whether a chunk says "stop"."""

    outcome: str
    text: str
    has_stop: bool = False


def observe(gateway: Gateway, surface: Surface) -> Observed:
    """Ask once; every part of the answer's form is checked on the way."""
    with surface.stream(gateway.client, **surface.limit(64)) as answer:
        content = b""
        for part in answer.iter_raw():
            content += part
            if len(content) > PLENTY_BYTES:
                return Observed("continues", "")
    whole = httpx2.Response(
        answer.status_code, headers=answer.headers, content=content.replace(b"\r\n", b"\n")
    )
    text = readable(whole) if whole.status_code == 200 else ""
    has_stop = b'finish_reason":"stop' in whole.content
    return Observed(describe(gateway, surface, whole), text, has_stop)


def describe(gateway: Gateway, surface: Surface, answer: httpx2.Response) -> str:
    """Return a cell of the table; the gateway's own log has to agree."""
    outcome = logged(gateway, answer.headers["x-request-id"])
    if answer.status_code != 200:
        code = str(error_of(answer)["code"])
        check_headers(answer)
        assert outcome in (code, "invalid_request"), outcome
        return f"{answer.status_code} {code}"
    failure = in_band(surface, answer)
    if failure is None:
        assert outcome == "ok", outcome
        return describe_label(surface, answer)
    assert failure in (outcome, ""), outcome
    return f"in band {outcome}"


def check_headers(refusal: httpx2.Response) -> None:
    """Assert the headers of an error: no model wrote it, and 503 says when to come again."""
    assert refusal.headers["x-mmhie-disclaimer-version"]
    assert "x-mmhie-ai-generated" not in refusal.headers
    assert refusal.status_code != 503 or int(refusal.headers["retry-after"]) >= 1


def describe_label(surface: Surface, answer: httpx2.Response) -> str:
    """Return `complete`, with what the label says of the answer."""
    if surface.form == "text":
        return "complete"
    label = mmhie_of(surface, answer)
    cut = [f"truncated {label['truncated']}"] if label["truncated"] else []
    return ", ".join(["complete", *label["warnings"], *cut])


def in_band(surface: Surface, answer: httpx2.Response) -> str | None:
    """Return the code that a 200 ends with, empty in plain text; None for a whole answer."""
    if surface.form == "json":
        return None
    if surface.form == "text":
        *_, notice, disclaimer = answer.text.rstrip("\n").split("\n\n")
        assert disclaimer == f"{TEXT}\n{NOTE}"
        return "" if notice.startswith("[interrupted: ") else None
    received = events(answer.content)
    assert surface.path in (RESPONSES, MESSAGES) or received[-1] == "[DONE]", received[-3:]
    objects = [event for event in received if event != "[DONE]"]
    if "error" in objects[-1]:
        return str(checked(objects[-1]["error"])["code"])
    assert not any(event.get("error") for event in objects), "an error that is not the end"
    assert any(map(ends, objects)), "a stream without an end"
    return None


def ends(event: dict[str, Any]) -> bool:
    """Return whether an event says why the answer is over."""
    choices = event.get("choices") or ()
    closing = ("message_stop", "response.completed", "response.incomplete")
    return (
        "finish_reason" in event
        or event.get("type") in closing
        or any(choice.get("finish_reason") for choice in choices)
    )


def logged(gateway: Gateway, request_id: str) -> str:
    """Return the outcome of a request in the gateway's own log."""
    wanted = re.compile(f'"request_id":"{request_id}","method".*"outcome":"(\\w+)"')
    until(lambda: wanted.search(gateway.log_file.read_text(errors="replace")))
    (outcome,) = wanted.findall(gateway.log_file.read_text(errors="replace"))
    return str(outcome)
