"""pydantic-ai, with the gateway as an OpenAI-compatible endpoint."""

import asyncio
from typing import Any, Literal

from openai import AsyncOpenAI
from protocol import ASKED, MODEL, URL, serve
from pydantic import BaseModel
from pydantic_ai import Agent, NativeOutput, ToolOutput
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider

SAID = ASKED["chat"]["messages"][0]["content"]
BUDGET = {"temperature": 0, "max_tokens": ASKED["chat"]["max_tokens"]}
provider = OpenAIProvider(
    openai_client=AsyncOpenAI(base_url=f"{URL}/v1", api_key="any", max_retries=0)
)
model = OpenAIChatModel(MODEL, provider=provider)
loop = asyncio.new_event_loop()
asyncio.set_event_loop(loop)


class Answer(BaseModel):
    """The drug that is asked about."""

    drug: Literal["ibuprofen"]


def agent(served: Any = model, output: Any = str, **more: Any) -> Agent[None, Any]:
    return Agent(served, output_type=output, model_settings={**BUDGET, **more}, retries=0)


def chat() -> dict[str, Any]:
    return {"text": agent().run_sync(SAID).output}


def stream() -> dict[str, Any]:
    async def read() -> str:
        async with agent().run_stream(SAID) as answer:
            return "".join([piece async for piece in answer.stream_text(delta=True)])

    return {"text": loop.run_until_complete(read())}


def tools() -> dict[str, Any]:
    answer = agent(output=ToolOutput(Answer, name="dose", strict=True)).run_sync(SAID)
    return {"name": "dose", "arguments": answer.output.model_dump()}


def structured_output() -> dict[str, Any]:
    return {"value": agent(output=NativeOutput(Answer)).run_sync(SAID).output.model_dump()}


def not_found() -> dict[str, Any]:
    return {"text": agent(OpenAIChatModel("nope", provider=provider)).run_sync(SAID).output}


def bad_request() -> dict[str, Any]:
    return {"text": agent(temperature=-1).run_sync(SAID).output}


def cancel() -> dict[str, Any]:
    endless = {"max_tokens": ASKED["endless"]["max_tokens"], "extra_body": {"ignore_eos": True}}

    async def leave() -> int:
        seen = 0
        async with agent(**endless).run_stream(SAID) as answer:
            async for _ in answer.stream_text(delta=True, debounce_by=None):
                seen += 1
                if seen == 4:
                    break
        return seen

    return {"seen": loop.run_until_complete(leave())}


serve(vars(), "pydantic-ai-slim")
