"""The text of an answer, as the engine sends it and as it arrives on each surface."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import orjson

from gateway.safety.placement import GAP
from gateway.settings.gateway import GatewaySettings
from tests.contract.surfaces import (
    CHAT,
    COMPLETIONS,
    GENERATE,
    MESSAGES,
    RESPONSES,
    Surface,
    events,
)
from tests.contract.test_disclaimer import NOTE, TEXT
from tests.fake_engine.plan import plan_for

# Texts that JSON, events, HTML and Harmony's markers are made of, and letters of two to four bytes.
VOCABULARY: Final = (
    'Größe 37,5\N{NO-BREAK SPACE}°C "mg/dl" \\n \\u0041 <| <b> 5µg 血压 🩺 é data: [DONE] {"a":1} '
    "line\nbreak channel|> $x^2$ 0.5 the"
)
ENDS_AT: Final = 40  # tokens, unless its limit is lower
SYSTEM: Final = GatewaySettings.model_fields["system_prompt"].default
DISCLAIMER: Final = f"{GAP}{TEXT}\n{NOTE}\n"
CLOSINGS: Final = (f"{GAP}[cut off: token limit]{DISCLAIMER}", DISCLAIMER)
INTERRUPTED: Final = f"{GAP}[interrupted"
LAST: Final = ("response.completed", "response.incomplete", "message_stop")
WHOLE, CUT = "whole", "cut"


def sent(surface: Surface, prompt: str, tokens: int) -> str:
    """Return the text that the engine answers with."""
    body = surface.body(prompt)
    if surface.path == GENERATE:
        said = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": prompt}]
        body = {"messages": said}
    limit = {**body, "max_tokens": tokens}
    return plan_for(limit, length=ENDS_AT, vocabulary=VOCABULARY).text or ""


def arrived(surface: Surface, content: bytes) -> tuple[str, str]:
    """Return the text of a response or of its beginning, and its end: `whole`, `cut`, or an error's
    code."""
    if surface.form == "text":
        return plain(content.decode(errors="ignore"))
    if surface.form == "json":
        return (IN_ANSWER[surface.path](orjson.loads(content)), WHOLE) if content else ("", CUT)
    received = events(content[: content.rfind(b"\n\n") + 2])
    objects = [event for event in received if isinstance(event, dict)]
    text = "".join(map(IN_EVENT[surface.path], objects))
    repeated = [event["text"] for event in objects if event.get("type") == f"{DELTA}done"]
    if any(other != text for other in repeated):
        text = f"{text} and then {repeated}"
    return text, end_of(received, objects)


def plain(text: str) -> tuple[str, str]:
    """Return the same of plain text, without its closing lines."""
    if INTERRUPTED in text:
        return text[: text.index(INTERRUPTED)], "in band"
    closing = next((closing for closing in CLOSINGS if text.endswith(closing)), None)
    return (text, CUT) if closing is None else (text.removesuffix(closing), WHOLE)


def end_of(received: list[Any], objects: list[dict[str, Any]]) -> str:
    """Return the end of a stream."""
    failed = [event["error"]["code"] for event in objects if event.get("error")]
    if failed:
        return str(failed[0])
    is_whole = received and (received[-1] == "[DONE]" or received[-1].get("type") in LAST)
    return WHOLE if is_whole else CUT


DELTA: Final = "response.output_text."
Read = Callable[[Any], str]
IN_ANSWER: Mapping[str, Read] = {
    GENERATE: lambda answer: answer["text"],
    CHAT: lambda answer: answer["choices"][0]["message"]["content"],
    COMPLETIONS: lambda answer: answer["choices"][0]["text"],
    RESPONSES: lambda answer: answer["output"][0]["content"][0]["text"],
    MESSAGES: lambda answer: answer["content"][0]["text"],
}
IN_EVENT: Mapping[str, Read] = {
    GENERATE: lambda event: event.get("delta", ""),
    CHAT: lambda event: "".join(
        choice["delta"].get("content") or "" for choice in event.get("choices", ())
    ),
    COMPLETIONS: lambda event: "".join(choice["text"] for choice in event.get("choices", ())),
    RESPONSES: lambda event: event["delta"] if event.get("type") == f"{DELTA}delta" else "",
    MESSAGES: lambda event: (
        event["delta"]["text"] if event.get("type") == "content_block_delta" else ""
    ),
}
