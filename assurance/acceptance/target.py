"""The service under test: its facts, and its API."""

import json
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, Self

import httpx2

from launcher.json_types import Json, JsonView
from launcher.terminal.api_client import is_here, split_url

CHAT: Final = "/v1/chat/completions"
COMPLETIONS: Final = "/v1/completions"
GENERATE: Final = "/llm/generate"
PATIENCE_S: Final = 600.0
REASONING_TOKENS: Final = 512


class CheckFailed(Exception):
    """The service does not answer as it should; the message is a sentence without its stop."""


class Refused(CheckFailed):
    """The service answered with another status than 200."""

    def __init__(self, path: str, answer: httpx2.Response) -> None:
        super().__init__(f"{path} answered {answer.status_code}: {message_of(answer)}")
        self.status = answer.status_code


class CheckRequest(NamedTuple):
    """A request of a check, and the status that its answer should have; a text is sent as it is."""

    name: str
    path: str
    body: JsonView | str | None = None
    status: int = 200
    method: str = "POST"
    accept: str = "*/*"


@dataclass(frozen=True, slots=True)
class ServiceFacts:
    """Facts that the service reports about itself; None where it does not."""

    model: str
    max_model_len: int | None
    is_reasoning: bool | None
    has_chat_template: bool

    @classmethod
    def of(cls, health: JsonView, models: JsonView) -> Self:
        """Read the answers of /healthz and /v1/models."""
        served = health.get("served") or {}
        listed: JsonView = next(iter(models.get("data") or ()), {})
        return cls(
            model=str(listed.get("id") or health.get("model")),
            max_model_len=served.get("max_model_len") or listed.get("max_model_len"),
            is_reasoning=served.get("reasoning"),
            has_chat_template=bool(served.get("chat_template", True)),
        )


class Target:
    """The API of the service; raises CheckFailed where it does not answer."""

    def __init__(self, url: str, key: str | None, facts: ServiceFacts, direct: str = "") -> None:
        self.url, self.key, self.facts = url, key, facts
        self.direct = Target(direct, key, facts) if direct else None  # past a proxy
        parts = split_url(url)
        is_socket = parts.scheme == "unix"
        self.is_local = is_socket or is_here(parts.hostname or "")
        self._client = httpx2.AsyncClient(
            base_url="http://mmhie" if is_socket else url,
            headers={"authorization": f"Bearer {key}"} if key else {},
            timeout=httpx2.Timeout(PATIENCE_S, connect=5.0),
            transport=httpx2.AsyncHTTPTransport(uds=parts.path) if is_socket else None,
            # the environment names certificates, and proxies for what is not on this machine
            trust_env=parts.scheme == "https" or not self.is_local,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self._client.aclose()

    async def send(self, request: CheckRequest) -> httpx2.Response:
        """Return any answer, including a refusal."""
        _, path, body, _, method, accept = request
        content = body if isinstance(body, str | None) else json.dumps(body)
        headers = {"content-type": "application/json", "accept": accept}
        try:
            return await self._client.request(method, path, content=content, headers=headers)
        except httpx2.HTTPError as error:
            raise CheckFailed(f"{path} did not answer ({type(error).__name__})") from None

    async def get(self, path: str) -> httpx2.Response:
        """Return any answer to a GET."""
        return await self.send(CheckRequest(path, path, method="GET"))

    async def post(self, path: str, body: JsonView) -> Json:
        """Return the JSON object of an answer with status 200."""
        answer = await self.send(CheckRequest(path, path, body))
        if answer.status_code != 200:
            raise Refused(path, answer)
        return dict(answer.json())

    @asynccontextmanager
    async def stream(self, prompt: str, tokens: int) -> AsyncIterator[AsyncIterator[bytes]]:
        """Yield the reads of a streamed completion; leaving closes the connection."""
        body = {**self.completion(prompt, tokens), "stream": True}
        try:
            async with self._client.stream("POST", COMPLETIONS, json=body) as answer:
                if answer.status_code != 200:
                    await answer.aread()
                    raise Refused(COMPLETIONS, answer)
                yield answer.aiter_raw()
        except httpx2.HTTPError as error:
            raise CheckFailed(f"{COMPLETIONS} was cut off ({type(error).__name__})") from None

    async def time_stream(self, prompt: str, tokens: int) -> list[tuple[float, bytes]]:
        """Stream a completion to its end; return each read with the seconds until it came."""
        began = time.monotonic()
        async with self.stream(prompt, tokens) as pieces:
            return [(time.monotonic() - began, piece) async for piece in pieces]

    def completion(self, prompt: str, tokens: int, **more: Any) -> Mapping[str, Any]:
        """Return the body of a greedy text completion of exactly this many tokens."""
        body = {"model": self.facts.model, "prompt": prompt, "max_tokens": tokens}
        return {**body, "temperature": 0, "ignore_eos": True, **more}

    async def chat(self, prompt: str, tokens: int, **more: Any) -> tuple[Json, str]:
        """Return message and finish reason of a greedy chat, reasoning not counted in tokens."""
        most = tokens + REASONING_TOKENS * (self.facts.is_reasoning is not False)
        body = {"model": self.facts.model, "messages": [{"role": "user", "content": prompt}]}
        answer = await self.post(CHAT, {**body, "temperature": 0, "max_tokens": most, **more})
        choice = answer["choices"][0]
        return choice["message"], str(choice.get("finish_reason"))


def message_of(answer: httpx2.Response) -> str:
    """Return the sentence of an error object without its full stop; empty without one."""
    try:
        return str(json.loads(answer.text)["error"]["message"]).rstrip(".")
    except (ValueError, KeyError, TypeError):
        return ""
