"""litellm as a library, with the gateway as an OpenAI-compatible endpoint."""

from functools import partial
from typing import Any

import litellm
from protocol import ASKED, MODEL, NAMED, TOOL, URL, called, completions, label, serve

endpoint: dict[str, Any] = {"api_base": f"{URL}/v1", "api_key": "any", "max_retries": 0}
served: dict[str, Any] = {"model": f"openai/{MODEL}", **endpoint}
create = partial(litellm.completion, **served, **ASKED["chat"])


def tools_streamed() -> Any:
    chunks = list(create(tools=[TOOL], tool_choice=NAMED, stream=True))
    message = litellm.stream_chunk_builder(chunks).choices[0].message
    return called(message.tool_calls[0].function, chunks[0])


def responses() -> dict[str, Any]:
    answer = litellm.responses(**served, **ASKED["responses"])
    return {"text": answer.output_text, "label": label(answer)}


def not_found() -> None:
    create(model="openai/nope")


serve({**completions(create), **vars()}, "litellm")
