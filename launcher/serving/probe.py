"""The few questions the launcher asks a running engine or router, where it listens."""

from __future__ import annotations

from pathlib import Path

import httpx2

TIMEOUT = httpx2.Timeout(5.0)

# A Unix socket's path, or the URL of a port on this machine.
Where = Path | str


class Probe:
    """Answers are None, or False, when nobody answers."""

    def __init__(self, where: Where, health: str = "/health") -> None:
        self._where = where
        self._health = health
        is_socket = isinstance(where, Path)
        self._client = httpx2.AsyncClient(
            transport=httpx2.AsyncHTTPTransport(uds=str(where) if is_socket else None),
            base_url="http://engine" if is_socket else str(where),
            timeout=TIMEOUT,
        )

    def clear_way(self) -> None:
        """vLLM does not start where a dead engine's socket file lies."""
        if isinstance(self._where, Path):
            self._where.unlink(missing_ok=True)

    async def close(self) -> None:
        await self._client.aclose()

    async def is_healthy(self) -> bool:
        """Whether it says that it can be used."""
        return await self._get(self._health) is not None

    async def metrics(self) -> str | None:
        """The engine's metrics, in Prometheus' text format."""
        return await self._get("/metrics")

    async def can_answer(self, key: str, patience_s: float) -> bool:
        """Whether one token comes, or a reason why none can: only silence is no answer."""
        try:
            await self._client.post(
                "/v1/completions",
                json={"prompt": "a", "max_tokens": 1},
                headers={"authorization": f"Bearer {key}"} if key else {},
                timeout=patience_s,
            )
        except httpx2.HTTPError:
            return False
        return True

    async def _get(self, path: str) -> str | None:
        try:
            answer = await self._client.get(path)
        except httpx2.HTTPError:
            return None
        return answer.text if answer.status_code == 200 else None
