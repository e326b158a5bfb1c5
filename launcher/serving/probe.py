"""HTTP requests of the launcher to a running engine or router."""

import ssl
from pathlib import Path

import httpx2

TIMEOUT = httpx2.Timeout(5.0)
# Over TLS an engine that stops waits half a minute for idle connections, which answer nothing.
NO_IDLE = httpx2.Limits(max_keepalive_connections=0)
# Eight tokens at least, by any tokenizer: on a CPU with AMX a first prompt of fewer ends vLLM
# 0.32.0's worker (SIGILL), and after a longer one they are answered.
PROMPT = "one two three four five six seven eight nine ten"

# A Unix socket's path, or the URL of a port on this machine.
Address = Path | str


class Probe:
    """A client whose answers are None or False when nobody answers."""

    def __init__(self, address: Address, key: str = "", health_path: str = "/health") -> None:
        self._address = address
        self._health_path = health_path
        is_socket = isinstance(address, Path)
        self._client = httpx2.AsyncClient(
            transport=httpx2.AsyncHTTPTransport(
                uds=str(address) if is_socket else None, verify=trust_any(), limits=NO_IDLE
            ),
            base_url="http://engine" if is_socket else str(address),
            headers={"authorization": f"Bearer {key}"} if key else {},
            timeout=TIMEOUT,
        )

    def remove_stale_socket(self) -> None:
        """Remove a dead engine's socket file: vLLM does not start where one lies."""
        if isinstance(self._address, Path):
            self._address.unlink(missing_ok=True)

    async def close(self) -> None:
        await self._client.aclose()

    async def is_healthy(self) -> bool:
        """Return whether the health path answers 200."""
        return await self._get(self._health_path) is not None

    async def metrics(self) -> str | None:
        """Return the engine's metrics, in Prometheus' text format."""
        return await self._get("/metrics")

    async def generates(self, timeout_s: float) -> bool:
        """Ask for one token, and return whether an answer came in time, be it a refusal."""
        try:
            question = {"prompt": PROMPT, "max_tokens": 1}
            await self._client.post("/v1/completions", json=question, timeout=timeout_s)
        except httpx2.HTTPError:
            return False
        return True

    async def _get(self, path: str) -> str | None:
        try:
            response = await self._client.get(path)
        except httpx2.HTTPError:
            return None
        return response.text if response.status_code == 200 else None


def trust_any() -> ssl.SSLContext:
    """Return TLS without verification: no certificate names this machine's own address. Gateways
    verify the certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
