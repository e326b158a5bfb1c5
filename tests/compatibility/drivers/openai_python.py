"""The official openai package."""

import json
from functools import partial
from typing import Any

import openai
from protocol import ASKED, MODEL, NAMED, TOOL, URL, completions, label, serve

client = openai.OpenAI(base_url=f"{URL}/v1", api_key="any", max_retries=0)
create: Any = partial(client.chat.completions.create, model=MODEL, **ASKED["chat"])


def helper() -> dict[str, Any]:
    with client.chat.completions.stream(model=MODEL, **ASKED["chat"]) as opened:
        answer = opened.get_final_completion()
    return {"text": answer.choices[0].message.content, "label": label(answer)}


def tools_streamed() -> dict[str, Any]:
    chunks = list(create(tools=[TOOL], tool_choice=NAMED, stream=True))
    deltas = [call for chunk in chunks for call in chunk.choices[0].delta.tool_calls or ()]
    name = "".join(call.function.name or "" for call in deltas)
    written = "".join(call.function.arguments or "" for call in deltas)
    return {"name": name, "arguments": json.loads(written), "label": label(chunks[0])}


def responses() -> dict[str, Any]:
    answer = client.responses.create(model=MODEL, **ASKED["responses"])
    return {"text": answer.output_text, "label": label(answer)}


serve({**completions(create), **vars()})
