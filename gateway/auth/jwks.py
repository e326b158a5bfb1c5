"""Public keys that verify tokens: a JWKS from a file or a URL."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Self

import httpx2
import jwt
import orjson

from gateway.runtime.files import FileUnusable, read_bounded
from gateway.runtime.json_types import Json
from gateway.runtime.log import log
from gateway.settings.access import AccessSettings

ALGORITHMS = ("RS256", "ES256")
SMALLEST_RSA_BITS = 2048
LARGEST_JWKS_BYTES = 256 * 1024  # 25 ms of a thread; providers publish 10 KB
FETCH_TIMEOUT_S = 5.0  # of each step
LONGEST_FETCH_S = 10.0  # of all of them: a provider that drips would never be asked again
FETCH_EVERY_S = 300.0  # issuers publish a new key long before they sign with it
READ_EVERY_S = 1.0  # of a file
COOL_DOWN_S = 10.0  # between fetches for unknown key ids: anybody can invent those

Keys = Mapping[str | None, jwt.PyJWK]
Fetch = Callable[[], Awaitable[bytes]]


class Jwks:
    """The keys of a file or a URL: fetched in the background, and at once for an unknown key id.

    `generation` grows when the keys change. `name` is the setting's.
    """

    def __init__(
        self,
        fetch: Fetch,
        name: str,
        *,
        every_s: float = FETCH_EVERY_S,
        longest_s: float = LONGEST_FETCH_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.problem: str | None = f"{name} has not been read yet; no token is valid."
        self.generation = 0
        self._fetch = fetch
        self._name = name
        self._every_s = every_s
        self._cool_down_s = min(COOL_DOWN_S, every_s)
        self._longest_s = longest_s
        self._clock = clock
        self._next_fetch = float("-inf")
        self._lock = asyncio.Lock()
        self._document = b""
        self._keys: Keys = {}

    @classmethod
    def of(cls, settings: AccessSettings) -> Self:
        if settings.jwks_file is not None:
            return cls.of_file(settings.jwks_file)
        return cls(partial(fetch_url, str(settings.jwks_url)), "MMHIE_JWKS_URL")

    @classmethod
    def of_file(cls, path: Path, *, clock: Callable[[], float] = time.monotonic) -> Self:
        """Return the keys of a file, which is read once a second."""
        read = partial(asyncio.to_thread, read_file, path)
        return cls(read, "MMHIE_JWKS_FILE", every_s=READ_EVERY_S, clock=clock)

    def find(self, kid: str | None) -> jwt.PyJWK | None:
        """Return the key with an id; a token without one is checked against the only key."""
        if kid is None and len(self._keys) == 1:
            return next(iter(self._keys.values()))
        return self._keys.get(kid)

    async def refresh(self) -> None:
        """Fetch the keys, unless a fetch has begun within the cool-down; who comes meanwhile waits
        for it. It goes on if its caller leaves."""
        async with self._lock:
            if self._clock() >= self._next_fetch:
                self._next_fetch = self._clock() + self._cool_down_s
                await asyncio.shield(self._update())

    async def run(self) -> None:
        """Fetch at intervals, sooner after a failure."""
        while True:
            await self.refresh()
            await asyncio.sleep(self._cool_down_s if self.problem else self._every_s)

    async def _update(self) -> None:
        try:
            async with asyncio.timeout(self._longest_s):
                document = await self._fetch()
            if document != self._document:
                self._keys = await asyncio.to_thread(parse, document)
                self._document = document
                self.generation += 1
            self.problem = None
        except (FileUnusable, httpx2.HTTPError, OSError):
            problem = f"{self._name} cannot be fetched or used; the keys before stay in force."
            if problem != self.problem:
                log.error("%s cannot be fetched or used; the keys before stay in force", self._name)
            self.problem = problem


def parse(document: bytes) -> Keys:
    """Return the usable keys of a JWKS; raise FileUnusable when it has none, or is too large."""
    if len(document) > LARGEST_JWKS_BYTES:
        raise FileUnusable(f"it is larger than {LARGEST_JWKS_BYTES} bytes")
    try:
        rows = orjson.loads(document)["keys"]
        keys = {row.get("kid"): key for row in rows if (key := usable(row))}
    except (ValueError, KeyError, TypeError, AttributeError):
        raise FileUnusable("it is not a JSON Web Key Set") from None
    if not keys:
        raise FileUnusable("it holds no public RS256 or ES256 key")
    return keys


def usable(row: Json) -> jwt.PyJWK | None:
    """Return a public key for one of our algorithms, or None. Symmetric keys are never accepted:
    a token signed with the published bytes would verify."""
    if not isinstance(row, dict) or not isinstance(row.get("kid"), str | None):
        return None  # RFC 7517, section 5: keys that are not understood are ignored
    algorithm = {"RSA": "RS256", "EC": "ES256"}.get(str(row.get("kty")))
    if algorithm is None or row.get("alg", algorithm) != algorithm or row.get("use") == "enc":
        return None
    if "d" in row or (algorithm == "ES256" and row.get("crv") != "P-256"):
        return None
    try:
        key = jwt.PyJWK(dict(row), algorithm)
    except jwt.PyJWTError:
        return None
    small = algorithm == "RS256" and key.key.key_size < SMALLEST_RSA_BITS
    return None if small else key


def read_file(path: Path) -> bytes:
    """Return a file, of a larger one the beginning; raise FileUnusable."""
    try:
        return read_bounded(path, LARGEST_JWKS_BYTES + 1)
    except OSError as error:
        raise FileUnusable(f"it cannot be read ({error.strerror})") from None


async def fetch_url(url: str) -> bytes:
    """Return the document at a URL, of a larger one the beginning; redirects are not followed."""
    async with (
        httpx2.AsyncClient(timeout=FETCH_TIMEOUT_S) as client,
        client.stream("GET", url) as response,
    ):
        response.raise_for_status()
        body = b""
        async for part in response.aiter_bytes():
            body += part
            if len(body) > LARGEST_JWKS_BYTES:
                break
        return body
