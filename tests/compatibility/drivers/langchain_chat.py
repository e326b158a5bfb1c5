"""langchain-openai: ChatOpenAI."""

from typing import Any

from langchain_openai import ChatOpenAI
from protocol import ASKED, MODEL, TOOL, URL, leave, serve

QUESTION = ASKED["chat"]["messages"]
VERSION_HEADER = "x-mmhie-disclaimer-version"


def model(name: str = MODEL, **more: Any) -> ChatOpenAI:
    settings = {"temperature": 0, "max_tokens": 60, "max_retries": 0, **more}
    return ChatOpenAI(model=name, base_url=f"{URL}/v1", api_key="any", **settings)


def chat() -> dict[str, Any]:
    answer = model(include_response_headers=True).invoke(QUESTION)
    return {"text": answer.content, "header": answer.response_metadata["headers"][VERSION_HEADER]}


def stream() -> dict[str, Any]:
    pieces = list(model().stream(QUESTION))
    return {"text": "".join(str(piece.content) for piece in pieces)}


def tools() -> dict[str, Any]:
    answer = model().bind_tools([TOOL], tool_choice="dose").invoke(QUESTION)
    return called(answer)


def tools_streamed() -> dict[str, Any]:
    first, *others = model().bind_tools([TOOL], tool_choice="dose").stream(QUESTION)
    whole = first
    for other in others:
        whole = whole + other
    return called(whole)


def called(answer: Any) -> dict[str, Any]:
    (call,) = answer.tool_calls
    return {"name": call["name"], "arguments": call["args"]}


def structured_output() -> dict[str, Any]:
    return {"value": model().with_structured_output(ASKED["schema"]).invoke(QUESTION)}


def responses() -> dict[str, Any]:
    answer = model(use_responses_api=True).invoke(QUESTION)
    return {"text": answer.text}


def not_found() -> dict[str, Any]:
    return {"text": model("nope").invoke(QUESTION).content}


def bad_request() -> dict[str, Any]:
    return {"text": model(temperature=-1).invoke(QUESTION).content}


def cancel() -> Any:
    opened = model(max_tokens=400, extra_body={"ignore_eos": True}).stream(
        ASKED["endless"]["messages"]
    )
    return leave(opened)


serve(vars())
