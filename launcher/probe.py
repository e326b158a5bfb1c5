"""The few questions the launcher asks a running engine, over its Unix socket."""

from __future__ import annotations

from pathlib import Path

import httpx2

TIMEOUT = httpx2.Timeout(5.0)


class Probe:
    """Answers are None, or False, when the engine does not answer."""

    def __init__(self, socket: Path) -> None:
        transport = httpx2.AsyncHTTPTransport(uds=str(socket))
        self._client = httpx2.AsyncClient(
            transport=transport, base_url="http://engine", timeout=TIMEOUT
        )

    async def close(self) -> None:
        await self._client.aclose()

    async def is_healthy(self) -> bool:
        """Whether /health says the engine can be used."""
        return await self._get("/health") is not None

    async def metrics(self) -> str | None:
        """The engine's metrics, in Prometheus' text format."""
        return await self._get("/metrics")

    async def _get(self, path: str) -> str | None:
        try:
            answer = await self._client.get(path)
        except httpx2.HTTPError:
            return None
        return answer.text if answer.status_code == 200 else None
