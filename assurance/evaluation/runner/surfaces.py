"""Every surface besides the one that is evaluated: its request, the disclaimer in its answer."""

import json
from collections.abc import Mapping

import httpx2

from launcher.json_types import Json

TOKENS = 16
Request = tuple[str, Json, dict[str, str]]


def request(surface: str, model: str, turns: list[dict[str, str]]) -> Request:
    """Return path, body and headers."""
    prompt = turns[-1]["content"]
    chat = {"model": model, "messages": turns, "max_tokens": TOKENS}
    requests: Mapping[str, Request] = {
        "chat": ("/v1/chat/completions", chat, {}),
        "stream": ("/v1/chat/completions", {**chat, "stream": True}, {}),
        "completions": (
            "/v1/completions",
            {"model": model, "prompt": prompt, "max_tokens": TOKENS},
            {},
        ),
        "responses": (
            "/v1/responses",
            {"model": model, "input": prompt, "max_output_tokens": TOKENS},
            {},
        ),
        "messages": ("/v1/messages", chat, {"anthropic-version": "2023-06-01"}),
        "text": (
            "/llm/generate",
            {"prompt": prompt, "max_tokens": TOKENS, "stream": True},
            {"accept": "text/plain"},
        ),
    }
    return requests[surface]


async def ask(client: httpx2.AsyncClient, wanted: Request, disclaimer: str) -> Json:
    """Return the reply's body and whether the disclaimer is in it. Raises HTTPError."""
    path, body, headers = wanted
    answer = await client.post(path, json=body, headers=headers)
    answer.raise_for_status()
    written = (
        disclaimer,
        json.dumps(disclaimer, ensure_ascii=False)[1:-1],
        json.dumps(disclaimer)[1:-1],
    )
    has_text = bool(disclaimer) and any(form in answer.text for form in written)
    return {"text": answer.text, "has_disclaimer": has_text}
