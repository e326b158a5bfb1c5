"""The official openai package, either major line."""

import json
from typing import Any

import openai
from protocol import ASKED, FORMAT, MODEL, NAMED, TOOL, URL, called, label, leave, serve

client = openai.OpenAI(base_url=f"{URL}/v1", api_key="any", max_retries=0)
create = client.chat.completions.create
chatting: dict[str, Any] = {"model": MODEL, **ASKED["chat"]}


def chat() -> dict[str, Any]:
    answer = create(**chatting)
    return {"text": answer.choices[0].message.content, "label": label(answer)}


def stream() -> dict[str, Any]:
    chunks = list(create(**chatting, stream=True))
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    return {"text": text, "label": label(chunks[0])}


def helper() -> dict[str, Any]:
    with client.chat.completions.stream(**chatting) as opened:
        answer = opened.get_final_completion()
    return {"text": answer.choices[0].message.content, "label": label(answer)}


def tools() -> Any:
    answer = create(**chatting, tools=[TOOL], tool_choice=NAMED)
    return called(answer.choices[0].message.tool_calls[0].function, answer)


def tools_streamed() -> dict[str, Any]:
    chunks = list(create(**chatting, tools=[TOOL], tool_choice=NAMED, stream=True))
    deltas = [call for chunk in chunks for call in chunk.choices[0].delta.tool_calls or ()]
    name = "".join(call.function.name or "" for call in deltas)
    written = "".join(call.function.arguments or "" for call in deltas)
    return {"name": name, "arguments": json.loads(written), "label": label(chunks[0])}


def structured_output() -> dict[str, Any]:
    answer = create(**chatting, response_format=FORMAT)
    return {"value": json.loads(answer.choices[0].message.content), "label": label(answer)}


def responses() -> dict[str, Any]:
    answer = client.responses.create(
        model=MODEL, input="Say hi.", temperature=0, max_output_tokens=60
    )
    return {"text": answer.output_text, "label": label(answer)}


def not_found() -> dict[str, Any]:
    create(**{**chatting, "model": "nope"})
    return {}


def bad_request() -> dict[str, Any]:
    create(**{**chatting, "temperature": -1})
    return {}


def broken_stream() -> dict[str, Any]:
    return {"chunks": len(list(create(**chatting, stream=True)))}


def cancel() -> Any:
    opened = create(model=MODEL, **ASKED["endless"], stream=True, extra_body={"ignore_eos": True})
    return leave(opened)


serve(vars(), "openai")
