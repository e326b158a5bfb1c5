"""The official anthropic package."""

from functools import partial
from typing import Any

import anthropic
from protocol import ASKED, MODEL, URL, leave, read, serve

client = anthropic.Anthropic(base_url=URL, api_key="any", max_retries=0)
asked: dict[str, Any] = {"model": MODEL, "messages": ASKED["chat"]["messages"], "max_tokens": 100}
create: Any = partial(client.messages.create, **asked)
# The client has no such parameter any more; vLLM does.
HOT = {"extra_body": {"temperature": -1}}


def whole(**more: Any) -> dict[str, Any]:
    return {"text": create(**more).content[0].text}


def broken_helper() -> dict[str, Any]:
    with client.messages.stream(**asked) as opened:
        return {"reason": opened.get_final_message().stop_reason}


cases = {
    "not_found": lambda: whole(model="nope"),
    "bad_request": lambda: whole(**HOT),
    "bad_stream": lambda: read(create(**HOT, stream=True)),
    "failing": whole,
    "broken_stream": lambda: read(create(stream=True)),
    "broken_helper": broken_helper,
    "cancel": lambda: leave(create(stream=True)),
}
serve(cases, "anthropic")
