"""Taking out of the gateway's bytes what it may add, and nothing else."""

import json
import re
from collections.abc import Sequence
from typing import Any

import orjson

Label = dict[str, Any]
WITHHELD = "[...]"


def unlabelled(document: bytes) -> tuple[bytes, Label | None]:
    """A JSON object without the `mmhie` that was appended to it; the rest keeps its bytes."""
    label = json.loads(document).get("mmhie")
    if label is None:
        return document, None
    tail = b',"mmhie":' + orjson.dumps(label) + b"}"
    assert document.endswith(tail), document[-200:]
    return document.removesuffix(tail) + b"}", label


def unlabelled_chunk(event: bytes) -> tuple[bytes, Label | None]:
    """A data-only event without its label."""
    content = event.removeprefix(b"data: ").removesuffix(b"\n\n")
    if not content.startswith(b"{"):
        return event, None
    rest, label = unlabelled(content)
    return b"data: " + rest + b"\n\n", label


def unlabelled_event(event: bytes) -> tuple[bytes, Label | None]:
    """A Responses API event without the label in front of its `response`."""
    content = event.partition(b"data: ")[2]
    label = (json.loads(content).get("response") or {}).get("mmhie")
    if label is None:
        return event, None
    part = b'"mmhie":' + orjson.dumps(label) + b","
    assert event.count(part) == 1, event[:200]
    return event.replace(part, b""), label


def told(event: bytes) -> dict[str, Any]:
    """Parse an event or a document; nothing of one that is not JSON."""
    content = event if event.startswith(b"{") else event.partition(b"data: ")[2]
    return json.loads(content) if content.startswith(b"{") else {}


def message_of(choice: dict[str, Any]) -> dict[str, Any]:
    message: dict[str, Any] = choice.get("delta") or choice.get("message") or {}
    return message


def text_of(events: Sequence[bytes]) -> str:
    """The answer's text over all events, or in the one document."""
    said = [told(event) for event in events]
    choices = [choice for event in said for choice in event.get("choices") or ()]
    texts = [message_of(choice).get("content") or "" for choice in choices]
    texts += [event["delta"] for event in said if event.get("type") == "response.output_text.delta"]
    texts += [part["text"] for event in said for part in parts_of(event) if "type" not in event]
    return "".join(texts)


def said_again(events: Sequence[bytes]) -> set[str]:
    """Return the whole text that the events of a response repeat."""
    done = [event for event in map(told, events) if not str(event.get("type")).endswith("added")]
    return {part["text"] for event in done for part in parts_of(event)}


def parts_of(said: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what holds the answer's text in an event or an object of the Responses API."""
    response = said.get("response") or said
    items = [*(response.get("output") or ()), said.get("item") or {}]
    messages = [item for item in items if item.get("type") == "message"]
    parts = [part for item in messages for part in item["content"]]
    parts += [said["part"]] if (said.get("part") or {}).get("type") == "output_text" else []
    return [*parts, *([said] if said.get("type") == "response.output_text.done" else [])]


def without_text(events: Sequence[bytes]) -> list[dict[str, Any]]:
    """Everything but the answer's text and the label."""
    rest = []
    for event in events:
        said = {name: value for name, value in told(event).items() if name != "mmhie"}
        (said.get("response") or {}).pop("mmhie", None)
        for choice in said.get("choices") or ():
            message_of(choice).pop("content", None)
        for part in parts_of(said):
            part.pop("text")
        if said.get("type") == "response.output_text.delta":
            said.pop("delta")
        rest.append(said)
    return rest


def finishes(event: bytes) -> bool:
    """Return whether the engine's event is the last of one of its choices, or of a response."""
    said = told(event)
    closing = ("response.completed", "response.incomplete", "response.failed")
    choices = said.get("choices") or ()
    return any(choice.get("finish_reason") for choice in choices) or said.get("type") in closing


def labelled_places(events: Sequence[bytes]) -> list[int]:
    """Return the events of the engine's stream that get labels: the first, and every finishing
    one."""
    return [at for at, event in enumerate(events) if at == 0 or finishes(event)]


def by_choice(events: Sequence[bytes]) -> list[bytes]:
    """Events with those of one choice together: several choices come as they happen to."""
    return sorted(events, key=choice_of)


def choice_of(event: bytes) -> int:
    match = re.search(rb'"choices":\[\{"index":(\d+)', event)
    return int(match[1]) if match else 99


def says_no_more(told: str, said: str) -> bool:
    """Return whether a message is another one with parts left out or withheld, words in order."""
    words = iter(re.findall(r"\w+", said))
    return all(word in words for word in re.findall(r"\w+", told.replace(WITHHELD, " ")))
