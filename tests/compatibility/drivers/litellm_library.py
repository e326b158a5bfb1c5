"""litellm as a library, with the gateway as an OpenAI-compatible endpoint."""

import json
from typing import Any

import litellm
from protocol import ASKED, FORMAT, MODEL, NAMED, TOOL, URL, called, label, leave, serve

endpoint: dict[str, Any] = {"api_base": f"{URL}/v1", "api_key": "any", "max_retries": 0}
chatting: dict[str, Any] = {"model": f"openai/{MODEL}", **ASKED["chat"], **endpoint}


def chat() -> dict[str, Any]:
    answer = litellm.completion(**chatting)
    return {"text": answer.choices[0].message.content, "label": label(answer)}


def stream() -> dict[str, Any]:
    chunks = list(litellm.completion(**chatting, stream=True))
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    return {"text": text, "label": label(chunks[0])}


def tools() -> Any:
    answer = litellm.completion(**chatting, tools=[TOOL], tool_choice=NAMED)
    return called(answer.choices[0].message.tool_calls[0].function, answer)


def tools_streamed() -> Any:
    chunks = list(litellm.completion(**chatting, tools=[TOOL], tool_choice=NAMED, stream=True))
    message = litellm.stream_chunk_builder(chunks).choices[0].message
    return called(message.tool_calls[0].function, chunks[0])


def structured_output() -> dict[str, Any]:
    answer = litellm.completion(**chatting, response_format=FORMAT)
    return {"value": json.loads(answer.choices[0].message.content), "label": label(answer)}


def responses() -> dict[str, Any]:
    answer = litellm.responses(
        model=f"openai/{MODEL}", input="Say hi.", temperature=0, max_output_tokens=60, **endpoint
    )
    return {"text": answer.output_text, "label": label(answer)}


def not_found() -> dict[str, Any]:
    litellm.completion(**{**chatting, "model": "openai/nope"})
    return {}


def bad_request() -> dict[str, Any]:
    litellm.completion(**{**chatting, "temperature": -1})
    return {}


def cancel() -> Any:
    opened = litellm.completion(
        **{**chatting, **ASKED["endless"]}, stream=True, extra_body={"ignore_eos": True}
    )
    return leave(opened)


serve(vars(), "litellm")
