"""Work for a real engine, and how much of it there is by the engine's own count."""

import re
from typing import Any

import httpx2

from tests.contract.surfaces import GENERATE, Surface
from tests.waiting import until

QUESTION = "Describe the human heart in detail."


def body_of(surface: Surface, model: str, prompt: str = QUESTION, **more: Any) -> dict[str, Any]:
    """A request for the served model."""
    named = {} if surface.path == GENERATE else {"model": model}
    return surface.body(prompt, **named, **more)


def counted(client: httpx2.Client, name: str) -> float:
    """Sum of a vLLM metric, as the gateway's /metrics shows it."""
    page = client.get("/metrics").text
    counts = re.findall(rf"^vllm:{name}\{{.*\}} (\S+)$", page, re.MULTILINE)
    assert counts, name
    return sum(map(float, counts))


def generated(client: httpx2.Client) -> float:
    """Tokens that the engine has generated in its life."""
    return counted(client, "generation_tokens_total")


def until_running(client: httpx2.Client, wanted: float) -> None:
    """Wait until the engine counts so many requests at work."""
    until(lambda: counted(client, "num_requests_running") == wanted)
