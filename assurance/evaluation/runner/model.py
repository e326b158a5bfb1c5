"""The gateway as a model of Inspect: /llm/generate, asked as the site's own users ask it."""

import json
import os
from collections.abc import Iterable
from typing import Any

import httpx2
from inspect_ai.model import (
    ChatMessage,
    ContentReasoning,
    ContentText,
    GenerateConfig,
    ModelAPI,
    ModelOutput,
    modelapi,
)

from launcher.json_types import Json

SERVICE = "mmhie"
PATH = "/llm/generate"
REFUSED = "refused"
REFUSALS = (400, 413, 422)  # too long, say: no retry helps
BATCH = {"X-MMHIE-Priority": "batch"}  # patients come first, whatever the class of the key


class BrokenAnswer(Exception):
    """The service broke an answer off."""


class GatewayAPI(ModelAPI):  # type: ignore[misc]  # Inspect is not installed here
    """Everything that a request does not set is the service's: system prompt, budget, sampling."""

    def __init__(self, model_name: str, effort: str | None = None, **arguments: Any) -> None:
        super().__init__(model_name, arguments.get("base_url"))
        self.effort = effort

    async def generate(
        self, input: list[ChatMessage], tools: Any, tool_choice: Any, config: GenerateConfig
    ) -> ModelOutput:
        """Return the answer; an item that is refused gets none."""
        async with client() as opened:
            body = request(input, self.effort)
            answer = await opened.post(PATH, json=body, headers={"accept": "text/event-stream"})
        if answer.status_code in REFUSALS:
            output = ModelOutput.from_content(self.model_name, "")
            output.choices[0].message.metadata = {REFUSED: answer.status_code}
            return output
        answer.raise_for_status()
        return output_of(self.model_name, events(answer.text.split("\n")))

    def should_retry(self, ex: Exception) -> bool:
        """Retry what a busy service, or one that restarts, cannot answer."""
        return isinstance(ex, httpx2.HTTPError | BrokenAnswer)


def client() -> httpx2.AsyncClient:
    """Return a client of the gateway; each run of a task has an event loop of its own."""
    return httpx2.AsyncClient(
        base_url=os.environ["MMHIE_BASE_URL"],
        headers={"authorization": f"Bearer {os.environ['MMHIE_API_KEY']}", **BATCH},
        timeout=600,
    )


def request(turns: list[ChatMessage], effort: str | None) -> Json:
    """Return the body; it streams, since an answer in one piece has to be there in 30 seconds."""
    system = "\n\n".join(turn.text for turn in turns if turn.role == "system")
    history = [{"role": turn.role, "content": turn.text} for turn in turns if turn.role != "system"]
    chosen = {"system": system, "reasoning_effort": effort, "history": history[:-1]}
    fixed = {"prompt": turns[-1].text, "stream": True, "include_reasoning": True}
    return fixed | {name: value for name, value in chosen.items() if value}


def events(lines: Iterable[str]) -> list[Json]:
    """Return the events of a stream. Raises BrokenAnswer for an error among them."""
    answer = [json.loads(line[6:]) for line in lines if line.startswith("data: {")]
    if not answer or any("error" in event for event in answer):
        raise BrokenAnswer("The service broke its answer off.")
    return answer


def output_of(model: str, found: list[Json]) -> ModelOutput:
    """Return text and reasoning, and what the gateway adds in the message's metadata."""
    reasoning = "".join(event.get("reasoning_delta", "") for event in found)
    text = ContentText(text="".join(event.get("delta", "") for event in found))
    parts = [ContentReasoning(reasoning=reasoning), text] if reasoning else [text]
    output = ModelOutput.from_content(model, parts)
    output.choices[0].message.metadata = {
        "notices": len(found[-1].get("notices") or ()),
        "has_disclaimer": bool(found[-1].get("disclaimer")),
    }
    return output


@modelapi(name=SERVICE)  # type: ignore[untyped-decorator]  # Inspect is not installed here
def gateway() -> type[GatewayAPI]:
    """Register the gateway with Inspect."""
    return GatewayAPI
