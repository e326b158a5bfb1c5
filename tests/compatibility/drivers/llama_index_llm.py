"""LlamaIndex, with the gateway as an OpenAI-compatible endpoint."""

import gc
import json
from typing import Any

from llama_index.core.llms import ChatMessage
from llama_index.llms.openai_like import OpenAILike
from protocol import ASKED, FORMAT, MODEL, NAMED, TOOL, URL, label, leave, serve

SAID = [ChatMessage(role="user", content=ASKED["chat"]["messages"][0]["content"])]
common: dict[str, Any] = {
    "api_base": f"{URL}/v1",
    "api_key": "any",
    "is_chat_model": True,
    "is_function_calling_model": True,
    "max_retries": 0,
    "temperature": 0,
    "max_tokens": ASKED["chat"]["max_tokens"],
}
llm = OpenAILike(model=MODEL, **common)
missing = OpenAILike(model="nope", **common)
endless = OpenAILike(model=MODEL, **{**common, "max_tokens": ASKED["endless"]["max_tokens"]})


def chat() -> dict[str, Any]:
    answer = llm.chat(SAID)
    return {"text": answer.message.content, "label": label(answer.raw)}


def stream() -> dict[str, Any]:
    chunks = list(llm.stream_chat(SAID))
    return {"text": "".join(chunk.delta or "" for chunk in chunks), "label": label(chunks[0].raw)}


def tools() -> dict[str, Any]:
    answer = llm.chat(SAID, tools=[TOOL], tool_choice=NAMED)
    (call,) = llm.get_tool_calls_from_response(answer)
    return {"name": call.tool_name, "arguments": call.tool_kwargs, "label": label(answer.raw)}


def structured_output() -> dict[str, Any]:
    answer = llm.chat(SAID, response_format=FORMAT)
    return {"value": json.loads(answer.message.content or ""), "label": label(answer.raw)}


def not_found() -> dict[str, Any]:
    return {"text": missing.chat(SAID).message.content}


def bad_request() -> dict[str, Any]:
    return {"text": llm.chat(SAID, temperature=-1).message.content}


def cancel() -> Any:
    opened = endless.stream_chat(SAID, extra_body={"ignore_eos": True})
    left = leave(opened)
    del opened
    gc.collect()  # it leaves the connection to the collector
    return left


serve(vars(), "llama-index-llms-openai-like")
