"""Run where LangChain is installed: a question a line, and what ChatOpenAI made of it."""

import json
import sys
from typing import Any

import openai
from langchain_openai import ChatOpenAI

Asked = dict[str, Any]


def model(asked: Asked) -> ChatOpenAI:
    return ChatOpenAI(
        model="fake-model",
        base_url=f"{asked['url']}/v1",
        api_key=asked["key"],
        max_retries=0,
        include_response_headers=True,
    )


def answer(asked: Asked) -> Any:
    """The message, or the first part of one that is left after it."""
    if not asked["leaves"]:
        return model(asked).invoke(asked["prompt"], **asked["more"])
    pieces = model(asked).stream(asked["prompt"])
    first = next(pieces)
    pieces.close()
    return first


def held(asked: Asked) -> Asked:
    try:
        return {"value": answer(asked).model_dump(mode="json")}
    except openai.APIStatusError as error:
        headers = dict(error.response.headers)
        told = {"body": error.body, "request_id": error.request_id}
        return {"error": {**told, "response": {"headers": headers}}}


for line in sys.stdin:
    sys.stdout.write(json.dumps(held(json.loads(line)), default=dict) + "\n")
    sys.stdout.flush()
