"""The one place that decides who comes in: key or token, scope, limits, cache salt, rank."""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from gateway.auth.credentials import presented
from gateway.auth.key_file import KeyFile
from gateway.auth.scopes import Need, need_of
from gateway.errors import Forbidden, Unauthorized
from gateway.http.headers import RawHeaders
from gateway.limits.rate_limiter import LocalRateLimiter, RateLimiter
from gateway.principal import ANYBODY, ENGINE_PRIORITIES, NO_LIMITS, Limits, Principal

if TYPE_CHECKING:
    from gateway.auth.jwt import JwtVerifier

OPEN = "No keys are configured: anyone who reaches this port may ask."


@dataclass(frozen=True, slots=True)
class Gate:
    """Open when there are neither keys nor tokens to check, and then it says so."""

    salt_key: bytes
    keys: KeyFile | None = None
    tokens: "JwtVerifier | None" = None
    protect_metrics: bool = False
    protect_health: bool = False
    default_limits: Limits = NO_LIMITS
    limiter: RateLimiter = field(default_factory=LocalRateLimiter)

    async def run(self) -> None:
        """What a gate does in the background: signing keys at a URL are fetched now and then."""
        if self.tokens is not None:
            await self.tokens.keys.run()

    @property
    def is_open(self) -> bool:
        return self.keys is None and self.tokens is None

    def warnings(self) -> list[str]:
        """What an operator should see."""
        if self.is_open:
            return [OPEN]
        problems = (
            self.keys.problem if self.keys else None,
            self.tokens.keys.problem if self.tokens else None,
        )
        return [problem for problem in problems if problem]

    async def authenticate(self, headers: RawHeaders) -> Principal:
        """Who is asking; raises Unauthorized."""
        if self.is_open:
            return ANYBODY
        token = presented(headers)
        if self.tokens is not None and token.count(b".") == 2:
            client = await self.tokens.client(token)
        else:
            client = self._of_key(token)
        if self.default_limits is NO_LIMITS:
            return client
        return replace(client, limits=client.limits.otherwise(self.default_limits))

    def _of_key(self, token: bytes) -> Principal:
        client = self.keys.client(token) if self.keys is not None else None
        if client is None:
            raise Unauthorized("That key is not known here, or it has expired or been revoked.")
        return client

    async def admit(self, path: str, headers: RawHeaders) -> Principal:
        """Who is asking for a path, allowed to; raises Unauthorized or Forbidden."""
        need = self.need(path)
        if need is None:
            return ANYBODY
        client = await self.authenticate(headers)
        check(client, need)
        return client

    def need(self, path: str) -> Need:
        """What this gate asks for at a path."""
        return need_of(
            path, protect_metrics=self.protect_metrics, protect_health=self.protect_health
        )

    def requires_key(self, path: str) -> bool:
        """Whether a path is one that callers need a key for, where there are keys."""
        return self.need(path) is not None

    async def is_authenticated(self, headers: RawHeaders) -> bool:
        """Whether a caller of an open path has shown a key that is good."""
        try:
            await self.authenticate(headers)
        except Unauthorized:
            return False
        return True

    def engine_fields(
        self, client: Principal, parsed: Mapping[str, Any], *, ranked: bool
    ) -> dict[str, Any]:
        """What the engine is told of a caller, whatever the request itself says of it; `ranked`
        when the engine goes by priority."""
        rank = ENGINE_PRIORITIES[client.priority] if ranked else 0
        told = {"priority": rank} if rank or "priority" in parsed else {}
        return self.salt(client) | told

    def salt(self, client: Principal) -> dict[str, Any]:
        """What separates a client's prefix cache from the others', as a field of the request.

        Time to the first token tells whether a prefix is cached: without this, a caller could find
        out what another has asked.
        """
        session = self.session_id(client)
        return {"cache_salt": session} if session else {}

    def session_id(self, client: Principal) -> str:
        """A client's name for the engine and the router, which they cannot turn back into a key."""
        if client.kind == "open":
            return ""
        return salt(self.salt_key, client.id)


@lru_cache(maxsize=1024)
def salt(key: bytes, client_id: str) -> str:
    return hmac.digest(key, client_id.encode(), "sha256").hex()


def check(client: Principal, need: Need) -> None:
    """Raises Forbidden, naming the scope that is missing."""
    if need is not None and need != "any" and not client.may(need):
        raise Forbidden(f"This key lacks the scope `{need}`; ask the operator for it.")
