"""The service under test: facts of its plan, and ways to its gateway and past it."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx2
import psutil

from assurance.acceptance.check import Unmeasured
from assurance.acceptance.combination import Combination
from gateway.settings.gateway import GatewaySettings
from launcher.json_types import Json, JsonView

CHAT: Final = "/v1/chat/completions"
COMPLETIONS: Final = "/v1/completions"
GENERATE: Final = "/llm/generate"
PATIENCE_S: Final = 600.0
REASONING_TOKENS: Final = 512


@dataclass(frozen=True, slots=True)
class PlanFacts(Combination):
    """The plan's side: what is started, the estimates (GiB and tokens), the limits."""

    adapter: str | None
    is_adapter_merged: bool
    engine: str
    limit: int  # requests at once
    timeout_s: float
    start_timeout_s: float
    weights_gib: float  # of each device
    memory_gib: float  # of each device; on the CPU of the machine
    kv_tokens: int  # of one engine
    is_reasoning: bool
    has_chat_template: bool
    has_tools: bool
    free_gib: tuple[float, ...] = ()  # of each GPU, before the start
    is_quick: bool = False
    is_batch_invariant: bool = False  # VLLM_BATCH_INVARIANT: the same bits in any batch


class Unreachable(Unmeasured):
    """The service refused, or went away; in a sentence without its full stop."""


class TargetApi:
    """The API of a gateway or of an engine; raises Unreachable."""

    def __init__(self, url: str, key: str = "", tokenizer: str = "") -> None:
        self.url, self.key, self.tokenizer = url, key, tokenizer
        self._client = httpx2.AsyncClient(
            base_url=url,
            headers={"authorization": f"Bearer {key}"} if key else {},
            timeout=httpx2.Timeout(PATIENCE_S, connect=5.0),
            trust_env=False,  # no proxy hears what stays on this machine
        )

    async def close(self) -> None:
        """Close its connections."""
        await self._client.aclose()

    async def request(
        self, method: str, path: str, body: JsonView | None = None, **headers: str
    ) -> httpx2.Response:
        """Return any answer, a refusal too."""
        try:
            return await self._client.request(method, path, json=body, headers=headers)
        except httpx2.HTTPError as error:
            raise Unreachable(f"{path} did not answer ({type(error).__name__})") from None

    async def json(self, path: str, body: JsonView | None = None) -> Json:
        """Return the JSON object of an answer with status 200."""
        answer = await self.request("POST" if body else "GET", path, body)
        if answer.status_code != 200:
            raise Unreachable(f"{path} answered {answer.status_code}: {message_of(answer)}")
        document: Json = answer.json()
        return document

    async def is_ready(self) -> bool:
        """Return whether it says that it is ready."""
        return (await self.request("GET", "/readyz")).status_code == 200

    @asynccontextmanager
    async def lines(self, path: str, body: JsonView) -> AsyncIterator[AsyncIterator[str]]:
        """Yield the lines of a stream; leaving closes the connection."""
        try:
            async with self._client.stream("POST", path, json={**body, "stream": True}) as answer:
                yield answer.aiter_lines()
        except httpx2.HTTPError as error:
            raise Unreachable(f"{path} did not answer ({type(error).__name__})") from None


def message_of(answer: httpx2.Response) -> str:
    """Return the sentence of an error, without its full stop."""
    try:
        return str(json.loads(answer.text)["error"]["message"]).rstrip(".")
    except (ValueError, KeyError, TypeError):
        return "without a reason"


@dataclass(frozen=True, slots=True)
class Target:
    """A running service.

    `engine` is the way past the gateway: the engine, or the router before several.
    `settings` are the gateway's; `operate` runs a command of `mmhie` with them, and returns its
    JSON or raises LauncherError. `on_base` ends this service and returns the engine of the
    adapter's base instead.
    """

    facts: PlanFacts
    gateway: TargetApi
    engine: TargetApi
    settings: GatewaySettings
    operate: Callable[..., Awaitable[Json]]
    log: Path
    processes: Callable[[], list[psutil.Process]]
    on_base: Callable[[], Awaitable[TargetApi]]

    async def chat(self, prompt: str, tokens: int, **more: Any) -> Json:
        """Return a greedy chat completion of so many tokens, besides those of reasoning."""
        most = tokens + REASONING_TOKENS * self.facts.is_reasoning
        body = {"model": self.facts.model, "messages": [{"role": "user", "content": prompt}]}
        return await self.gateway.json(CHAT, {**body, "temperature": 0, "max_tokens": most, **more})
