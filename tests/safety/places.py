"""Places in which each surface has what belongs to an answer or a refusal: a table in docs.

A place is a path into what a client holds: the `header`, the JSON `body`, the `first` and the
`last` labelled event of a stream, the `text`, what a client library returned (`value`) or raised
(`error`); the `card` of an answer in the console, its `page` and the `drawer` with its origin, the
`screen` of a terminal and what was `saved`.
"""

from typing import Final, NamedTuple

from scripts.render.page import table

OUTCOMES: Final = (
    *("answered", "cut", "stopped", "refused", "held", "engine dead", "queue full", "rate-limited"),
)
ANSWERED: Final = ("answered", "cut")
ITEMS: Final = (
    *("disclaimer", "emergency note", "notices", "truncation", "provenance", "request id"),
)


class Places(NamedTuple):
    """The place of each item; empty where there can be none."""

    disclaimer: str
    emergency_note: str
    notices: str
    truncation: str
    provenance: str
    request_id: str


ID = "header.x-request-id"
VERSION = "header.x-mmhie-disclaimer-version"
REFUSED = Places(VERSION, "", "body.error.mmhie.notices", "", "", ID)


def under(object_: str) -> Places:
    """All of them in one object, by the names that they have everywhere."""
    names = ("disclaimer", "emergency_note", "notices", "truncated", "provenance", "request_id")
    return Places(*(f"{object_}.{name}" for name in names))


def labelled(object_: str) -> Places:
    """An answer with its labels in one object, and its id in the header."""
    return under(object_)._replace(disclaimer=f"{object_}.disclaimer.text", request_id=ID)


def stream(first: str, last: str) -> Places:
    """A stream: what is known before the first token comes with it."""
    return labelled(f"first.{first}")._replace(truncation=f"last.{last}.truncated")


NONE = Places("", "", "", "", "", "")
WHOLE = labelled("body.mmhie")
GENERATE = WHOLE._replace(disclaimer="body.disclaimer")
GENERATE_SSE = labelled("last.mmhie")._replace(
    disclaimer="last.disclaimer", notices="first.notices", truncation="last.truncated"
)
PLAIN = Places("text", "text", "text", "text", "", ID)
SDK = under("value")
OPENAI = labelled("value.mmhie")._replace(request_id="value._request_id")
OPENAI_ERROR = NONE._replace(
    disclaimer="error.response.headers.x-mmhie-disclaimer-version",
    notices="error.body.mmhie.notices",
    request_id="error.request_id",
)
SDK_LEFT = NONE._replace(notices=SDK.notices, request_id=SDK.request_id)
SDK_ERROR = NONE._replace(notices="error.notices", request_id="error.request_id")
CONSOLE = Places(
    *("card.disclaimer", "page.note", "card.notice", "card.remark", "drawer", "drawer.Request")
)
CONSOLE_ENDED = Places("card.disclaimer", "page.note", "card.notice", "", "", "card.remark")
TERMINAL = Places(
    *("screen.last", "screen.last", "screen.notice"),
    *("screen.warning", "screen.origin", "screen.origin"),
)
CHUNKS = stream("mmhie", "mmhie")
RESPONSE = stream("response.mmhie", "response.mmhie")
MESSAGE = stream("message.mmhie", "mmhie")


def early(answered: Places) -> Places:
    """Places for a caller who left early: all but what only the end knows."""
    return answered._replace(truncation="")


# The answers of a surface; what who left early holds; its refusals.
SURFACES: Final[dict[str, tuple[Places, Places, Places]]] = {
    "generate-json": (GENERATE, NONE, REFUSED),
    "generate-sse": (GENERATE_SSE, Places(VERSION, "", "first.notices", "", "", ID), REFUSED),
    "generate-text": (PLAIN, Places(VERSION, "", "header.x-mmhie-notices", "", "", ID), REFUSED),
    "chat-json": (WHOLE, NONE, REFUSED),
    "chat-sse": (CHUNKS, early(CHUNKS), REFUSED),
    "completions-json": (WHOLE, NONE, REFUSED),
    "completions-sse": (CHUNKS, early(CHUNKS), REFUSED),
    "responses-json": (WHOLE, NONE, REFUSED),
    "responses-sse": (RESPONSE, early(RESPONSE), REFUSED),
    "messages-json": (WHOLE, NONE, REFUSED),
    "messages-sse": (MESSAGE, early(MESSAGE), REFUSED),
    "SDK generate": (SDK, NONE, SDK_ERROR),
    "SDK stream_generate": (SDK, SDK_LEFT, SDK_ERROR),
    "SDK chat": (SDK, NONE, SDK_ERROR),
    "openai client": (OPENAI, NONE, OPENAI_ERROR),
    "console": (CONSOLE, CONSOLE_ENDED, CONSOLE_ENDED),
    "mmhie chat": (
        TERMINAL,
        Places("screen.last", "screen.last", "screen.notice", "", "", "screen.warning"),
        Places("screen.greeting", "", "screen.notice", "", "", "screen.last"),
    ),
}
# Programs with a process, a browser or a terminal of their own.
PROGRAMS: Final = ("console", "mmhie chat")


def places(surface: str, outcome: str) -> Places:
    """One row of the table."""
    answered, stopped, refused = SURFACES[surface]
    if outcome in ANSWERED:
        return answered
    return stopped if outcome == "stopped" else refused


def page() -> str:
    """Render the table as Markdown: surfaces with the same places together."""
    surfaces: dict[tuple[str, ...], list[str]] = {}
    for surface in SURFACES:
        for title, outcome in ROWS.items():
            named = zip(ITEMS, places(surface, outcome), strict=True)
            labels = "; ".join(f"{item} `{place}`" for item, place in named if place)
            if labels:
                surfaces.setdefault((title, labels), []).append(surface)
    rows = [[", ".join(names), *cells] for cells, names in surfaces.items()]
    return table(["surfaces", "outcome", "places"], rows)


# Refusals look alike, whatever refused.
ROWS: Final = {
    "answered, cut": "answered",
    "stopped by the caller": "stopped",
    "not answered": "refused",
}
