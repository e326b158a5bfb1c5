"""Public keys that verify tokens: a JWKS from a file or a URL, cached and rotated."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Protocol

import httpx2
import jwt

from gateway.runtime.files import FileUnusable, WatchedFile, parse_json
from gateway.runtime.json_types import Json
from gateway.runtime.log import log

ALGORITHMS = ("RS256", "ES256")
SMALLEST_RSA_BITS = 2048
LARGEST_JWKS_BYTES = 1024 * 1024
FETCH_TIMEOUT_S = 5.0  # of each step
LONGEST_FETCH_S = 10.0  # of all of them: a provider that drips would never be asked again
FETCH_EVERY_S = 300.0  # issuers publish a new key long before they sign with it
COOL_DOWN_S = 10.0  # between fetches for unknown key ids: anybody can invent those

Keys = Mapping[str | None, jwt.PyJWK]
Fetch = Callable[[], Awaitable[bytes]]


class Jwks(Protocol):
    """A key set; `generation` grows when its keys change."""

    @property
    def problem(self) -> str | None: ...
    @property
    def generation(self) -> int: ...
    def find(self, kid: str | None) -> jwt.PyJWK | None: ...
    async def refresh(self) -> None: ...
    async def run(self) -> None: ...


class FileJwks:
    """A JWKS file, checked for changes once a second."""

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._file = WatchedFile[Keys](
            path, read=lambda: read(path), initial={}, name="MMHIE_JWKS_FILE", clock=clock
        )

    @property
    def problem(self) -> str | None:
        return self._file.problem

    @property
    def generation(self) -> int:
        """The number of the keys now in the file."""
        self._file.current()
        return self._file.generation

    def find(self, kid: str | None) -> jwt.PyJWK | None:
        return key_of(self._file.current(), kid)

    async def refresh(self) -> None:
        """Do nothing: the file is always current."""

    async def run(self) -> None:
        """Do nothing: there is no work in the background."""


class UrlJwks:
    """A JWKS at a URL, fetched in the background and when a token has an unknown key id."""

    def __init__(
        self,
        fetch: Fetch,
        *,
        every_s: float = FETCH_EVERY_S,
        longest_s: float = LONGEST_FETCH_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.problem: str | None = "MMHIE_JWKS_URL has not been fetched yet; no token is valid."
        self.generation = 0
        self._fetch = fetch
        self._every_s = every_s
        self._longest_s = longest_s
        self._clock = clock
        self._next_fetch = float("-inf")
        self._fetching: asyncio.Task[None] | None = None
        self._document = b""
        self._keys: Keys = {}

    def find(self, kid: str | None) -> jwt.PyJWK | None:
        return key_of(self._keys, kid)

    async def refresh(self) -> None:
        """Wait for one fetch, shared by all waiting requests; none begins within the cool-down."""
        if self._fetching is None and self._clock() >= self._next_fetch:
            self._next_fetch = self._clock() + COOL_DOWN_S
            self._fetching = asyncio.create_task(self._update())
        if self._fetching is not None:
            await asyncio.shield(self._fetching)

    async def run(self) -> None:
        """Fetch at intervals, sooner after a failure."""
        try:
            while True:
                await self.refresh()
                await asyncio.sleep(
                    min(COOL_DOWN_S, self._every_s) if self.problem else self._every_s
                )
        finally:
            await self._cancel()

    async def _cancel(self) -> None:
        if self._fetching is not None:
            self._fetching.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._fetching

    async def _update(self) -> None:
        try:
            async with asyncio.timeout(self._longest_s):
                document = await self._fetch()
            keys = parse(document)
        except (FileUnusable, httpx2.HTTPError, OSError):
            self.problem = (
                "MMHIE_JWKS_URL cannot be fetched or used; the keys before stay in force."
            )
            log.error("MMHIE_JWKS_URL cannot be fetched or used; the keys before stay in force")
        else:
            self.generation += document != self._document
            self._document, self._keys, self.problem = document, keys, None
        finally:
            self._fetching = None


def key_of(keys: Keys, kid: str | None) -> jwt.PyJWK | None:
    """Return the key with an id; a token without one is checked against the only key."""
    if kid is None and len(keys) == 1:
        return next(iter(keys.values()))
    return keys.get(kid)


def read(path: Path) -> Keys:
    """Return the keys in a file; raise FileUnusable."""
    try:
        return parse(path.read_bytes())
    except OSError as error:
        raise FileUnusable(f"it cannot be read ({error.strerror})") from None


def parse(document: bytes) -> Keys:
    """Return the usable keys of a JWKS; raise FileUnusable when it has none."""
    try:
        rows = parse_json(document)["keys"]
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
        return None  # RFC 7517, section 5: what is not understood is no reason against the others
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


def fetcher(url: str) -> Fetch:
    """Return a fetch of a URL; redirects are not followed, the size is bounded."""

    async def fetch() -> bytes:
        async with (
            httpx2.AsyncClient(timeout=FETCH_TIMEOUT_S) as client,
            client.stream("GET", url) as response,
        ):
            response.raise_for_status()
            body = b""
            async for part in response.aiter_bytes():
                body += part
                if len(body) > LARGEST_JWKS_BYTES:
                    raise FileUnusable("it is too large")
            return body

    return fetch
