"""The public keys that tokens are signed with: a JWKS from a file or a URL, cached, rotated."""

import asyncio
import contextlib
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import httpx2
import jwt

from gateway.auth.key_file import CHECK_EVERY_S, stamp_of
from gateway.logs import log

ALGORITHMS = ("RS256", "ES256")
SMALLEST_RSA_BITS = 2048
LARGEST_JWKS_BYTES = 1024 * 1024
FETCH_TIMEOUT_S = 5.0
COOL_DOWN_S = 10.0  # between fetches for unknown key ids: anybody can invent those

Keys = Mapping[str | None, jwt.PyJWK]
Fetch = Callable[[], Awaitable[bytes]]


class JwksUnreadable(Exception):
    """The key set cannot be had or used; the message says why."""


class Jwks(Protocol):
    """Finds keys at once, and can be asked to look for new ones."""

    problem: str | None
    generation: int

    def look(self) -> None: ...
    def find(self, kid: str | None) -> jwt.PyJWK | None: ...
    async def renew(self) -> None: ...
    async def run(self) -> None: ...


class FileJwks:
    """A JWKS file, looked at once a second; one that broke while we run changes nothing."""

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.path = path
        self.problem: str | None = None
        self.generation = 0
        self._clock = clock
        self._next_look = float("-inf")
        self._stamp: tuple[int, int, int] | None = None
        self._keys: Keys = {}

    def look(self) -> None:
        """Read the file if a second has passed and it has changed."""
        now = self._clock()
        if now >= self._next_look:
            self._next_look = now + CHECK_EVERY_S
            self._look()

    def find(self, kid: str | None) -> jwt.PyJWK | None:
        self.look()
        return chosen(self._keys, kid)

    def _look(self) -> None:
        stamp = stamp_of(self.path)
        if stamp == self._stamp and not self.problem:
            return
        try:
            self._keys = read(self.path)
        except JwksUnreadable as problem:
            self.problem = f"MMHIE_JWKS_FILE cannot be used: {problem}."
            return
        self._stamp, self.problem = stamp, None
        self.generation += 1

    async def renew(self) -> None:
        """A file is always looked at in time."""

    async def run(self) -> None:
        """There is nothing to do in the background."""


class UrlJwks:
    """A JWKS at a URL, fetched in the background, and soon when a new key id turns up."""

    def __init__(
        self, fetch: Fetch, *, every_s: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.problem: str | None = "MMHIE_JWKS_URL has not been fetched yet."
        self.generation = 0
        self._fetch = fetch
        self._every_s = every_s
        self._clock = clock
        self._next_renewal = float("-inf")
        self._renewing: asyncio.Task[None] | None = None
        self._document = b""
        self._keys: Keys = {}

    def look(self) -> None:
        """Fetching goes on in the background."""

    def find(self, kid: str | None) -> jwt.PyJWK | None:
        return chosen(self._keys, kid)

    async def renew(self) -> None:
        """Wait for a fetch, one for all who wait; none is begun within the cool-down."""
        if self._renewing is None and self._clock() >= self._next_renewal:
            self._next_renewal = self._clock() + COOL_DOWN_S
            self._renewing = asyncio.create_task(self._renew())
        if self._renewing is not None:
            await asyncio.shield(self._renewing)

    async def run(self) -> None:
        """Fetch now and then; soon again after a failure."""
        try:
            while True:
                await self.renew()
                await asyncio.sleep(
                    min(COOL_DOWN_S, self._every_s) if self.problem else self._every_s
                )
        finally:
            await self._abandon()

    async def _abandon(self) -> None:
        if self._renewing is not None:
            self._renewing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._renewing

    async def _renew(self) -> None:
        try:
            document = await self._fetch()
            keys = parse(document)
        except (JwksUnreadable, httpx2.HTTPError, OSError):
            self.problem = "MMHIE_JWKS_URL cannot be fetched or used; the keys known so far stay."
            log.error("jwks cannot be fetched")
        else:
            self.generation += document != self._document
            self._document, self._keys, self.problem = document, keys, None
        finally:
            self._renewing = None


def chosen(keys: Keys, kid: str | None) -> jwt.PyJWK | None:
    """The key of that id; a token without one is checked against the only key there is."""
    if kid is None and len(keys) == 1:
        return next(iter(keys.values()))
    return keys.get(kid)


def read(path: Path) -> Keys:
    """The keys in a file; raises JwksUnreadable."""
    try:
        return parse(path.read_bytes())
    except OSError as error:
        raise JwksUnreadable(f"it cannot be read ({error.strerror})") from None


def parse(document: bytes) -> Keys:
    """The usable keys of a JWKS; raises JwksUnreadable when it has none."""
    try:
        rows = json.loads(document)["keys"]
        keys = {row.get("kid"): key for row in rows if (key := usable(row))}
    except (ValueError, KeyError, TypeError, AttributeError):
        raise JwksUnreadable("it is not a JSON Web Key Set") from None
    if not keys:
        raise JwksUnreadable("it holds no public RS256 or ES256 key")
    return keys


def usable(row: Mapping[str, Any]) -> jwt.PyJWK | None:
    """A public key for one of our algorithms. Symmetric keys never get in: with one in the set, a
    token signed with the published bytes would verify."""
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
    """Gets the document at a URL; redirects are not followed, its size is bounded."""

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
                    raise JwksUnreadable("it is too large")
            return body

    return fetch
