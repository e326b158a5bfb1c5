"""Authentication and authorisation: who is asking, for what, and with which limits."""

import asyncio
import hmac
import secrets
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from gateway.auth import keys
from gateway.auth.care_context import SPELLED, CareHeaders
from gateway.auth.keys import KeyFile
from gateway.auth.local_callers import LocalCallers
from gateway.auth.purposes import PurposeTable
from gateway.errors import Forbidden, RequestError, Unauthorized
from gateway.http.exchange import RawHeaders, values_of
from gateway.limits.rate_limiter import LocalRateLimiter, RateLimiter
from gateway.principal import (
    ANYBODY,
    ENGINE_PRIORITIES,
    NO_LIMITS,
    Principal,
    PrincipalLimits,
    Scope,
)
from gateway.runtime.files import FileUnusable
from gateway.settings.gateway import GatewaySettings, SettingsError

if TYPE_CHECKING:
    from gateway.auth.jwt import JwtVerifier

OPEN = "No keys are configured: anyone who can reach this port is served."
PAGES = ("/console/", "/docs/")  # their files hold no secret: every answer requires a key
LONGEST_TOKEN_BYTES = 8192  # servers of this kind issue 1 to 2 KB

Need = Scope | Literal["any"] | None  # a scope, any key, or nothing


@dataclass(frozen=True, slots=True)
class Gate:
    """Access control by API keys and tokens; open, with a warning, when neither is configured."""

    salt_key: bytes
    keys: KeyFile | None = None
    jwt: "JwtVerifier | None" = None
    needs: Mapping[str, Need] = field(default_factory=dict)
    default_limits: PrincipalLimits = NO_LIMITS
    limiter: RateLimiter = field(default_factory=LocalRateLimiter)
    local: LocalCallers = field(default_factory=LocalCallers)
    care: CareHeaders = field(default_factory=lambda: CareHeaders(SPELLED))

    @classmethod
    def of(
        cls,
        settings: GatewaySettings,
        limiter: RateLimiter,
        revoked: Container[str] = frozenset(),
        needs: Mapping[str, Need] = MappingProxyType({}),
    ) -> "Gate":
        """Return the gate for these settings; `revoked` has digests of keys revoked elsewhere,
        `needs` what each declared path requires."""
        key = settings.digest_key
        return cls(
            salt_key=key.get_secret_value().encode() if key else secrets.token_bytes(32),
            keys=KeyFile(settings.keys_file, revoked=revoked) if settings.keys_file else None,
            jwt=build_verifier(settings),
            needs=needs,
            default_limits=default_limits(settings),
            limiter=limiter,
            local=LocalCallers.of(settings.allowed_hosts, settings.cors_origins),
            care=CareHeaders.of(settings),
        )

    async def run(self) -> None:
        """Keep the keys and the JWKS current, for as long as the application lives."""
        async with asyncio.TaskGroup() as tasks:  # a failure of one ends both: they run again
            for source in (self.keys, self.jwt and self.jwt.keys):
                if source:
                    tasks.create_task(source.run())

    @property
    def is_open(self) -> bool:
        return self.keys is None and self.jwt is None

    def warnings(self) -> list[str]:
        if self.is_open:
            return [OPEN]
        sources = (self.keys, self.jwt and self.jwt.keys)
        return [source.problem for source in sources if source and source.problem]

    async def identify(self, path: str, headers: RawHeaders) -> Principal:
        """Return the caller of a path; raise what `authenticate` raises, where it needs a key."""
        return ANYBODY if self.need(path) is None else await self.authenticate(headers)

    def authorise(self, path: str, principal: Principal, headers: RawHeaders) -> Principal:
        """Return the caller with its care context, if it may use a path; raise Forbidden or
        InvalidRequest."""
        need = self.need(path)
        if need is None:
            return principal
        if need != "any" and need not in principal.scopes:
            raise Forbidden(f"This key lacks the scope `{need}`; ask the operator for it.")
        sent = [name for name, _ in headers if name in self.care.spelled]
        return self.care.apply(principal, sent, headers) if sent else principal

    async def authenticate(self, headers: RawHeaders) -> Principal:
        """Return the caller; raise Unauthorized, and without keys what LocalCallers raises."""
        if self.is_open:
            self.local.check(headers)
            return ANYBODY
        token = read_token(headers)
        if self.jwt is not None and token.count(b".") == 2:
            principal = await self.jwt.principal(token)
        else:
            principal = self._key_owner(token)
        if self.default_limits is NO_LIMITS:
            return principal
        return replace(principal, limits=principal.limits.otherwise(self.default_limits))

    def _key_owner(self, token: bytes) -> Principal:
        principal = self.keys.principal(token) if self.keys is not None else None
        if principal is None:
            raise Unauthorized("The key is unknown, expired or revoked; ask the operator for one.")
        return principal

    def still_admits(self, principal: Principal) -> bool:
        """Return whether the caller's key is still valid; for a token, the key that signed it. A
        token that expires does not end an answer that has begun."""
        if principal.kind == "key" and self.keys is not None:
            return self.keys.owner(principal.credential or "") is not None
        if principal.kind == "jwt" and self.jwt is not None:
            return self.jwt.keys.find(principal.credential) is not None
        return True

    def need(self, path: str) -> Need:
        """Return what a path requires of a caller; an undeclared path requires a key."""
        if path in self.needs:
            return self.needs[path]
        if path.startswith(PAGES):
            return None
        return "openai" if path.startswith("/v1/") else "any"

    async def is_authenticated(self, headers: RawHeaders) -> bool:
        """Return whether a caller of an open path has sent a valid key."""
        try:
            await self.authenticate(headers)
        except RequestError:
            return False
        return True

    def engine_fields(
        self, principal: Principal, parsed: Mapping[str, object], *, ranked: bool
    ) -> dict[str, str | int]:
        """Return the fields of an engine request that the caller cannot choose; `ranked` where the
        engine schedules by priority."""
        rank = ENGINE_PRIORITIES[principal.priority] if ranked else 0
        fields: dict[str, str | int] = {}
        if session := self.session_id(principal):
            # With a shared prefix cache, the time to the first token would show a caller what
            # others have asked.
            fields["cache_salt"] = session
        if rank or "priority" in parsed:
            fields["priority"] = rank
        return fields

    def session_id(self, principal: Principal) -> str:
        """Return a keyed hash of the caller for engine and router; empty for an open gateway."""
        return "" if principal.kind == "open" else hash_name(self.salt_key, principal.id)


@lru_cache(maxsize=1024)
def hash_name(key: bytes, principal_id: str) -> str:
    return hmac.digest(key, principal_id.encode(), "sha256").hex()


def read_token(headers: RawHeaders) -> bytes:
    """Return the key or token in a request's headers; raise Unauthorized for none, for two that
    differ, and for a malformed one."""
    bearers = (v[7:] for v in values_of(headers, b"authorization") if v[:7].lower() == b"bearer ")
    sent = {value.strip() for value in (*values_of(headers, b"x-api-key"), *bearers)} - {b""}
    if not sent:
        raise Unauthorized(
            "A key is required; send `Authorization: Bearer <key>` (or `X-API-Key: <key>`)."
        )
    if len(sent) > 1:
        raise Unauthorized("The request has two different keys; send one.")
    token = sent.pop()
    if len(token) > LONGEST_TOKEN_BYTES or not token.isascii():
        raise Unauthorized("The key is malformed; send it as the operator issued it.")
    return token


def check(settings: GatewaySettings) -> None:
    """Raise SettingsError when a file of keys, of tokens' keys or of purposes cannot be used."""
    readers: dict[str, Callable[[Path], object]] = {
        "keys_file": keys.check,
        "jwks_file": check_jwks,
        "purposes_file": PurposeTable.load,
    }
    for name, read in readers.items():
        if file := getattr(settings, name):
            try:
                read(file)
            except FileUnusable as problem:
                raise SettingsError(f"MMHIE_{name.upper()} is {file}: {problem}.") from None


def default_limits(settings: GatewaySettings) -> PrincipalLimits:
    limits = PrincipalLimits(
        settings.client_concurrency,
        settings.client_requests_per_minute,
        settings.client_tokens_per_minute,
    )
    return NO_LIMITS if limits == NO_LIMITS else limits


# Imported for tokens only: cryptography and httpx2 are a tenth of a start and 7 MB.


def check_jwks(file: Path) -> None:
    from gateway.auth import jwks

    jwks.parse(jwks.read_file(file))


def build_verifier(settings: GatewaySettings) -> "JwtVerifier | None":
    if not settings.jwks_file and not settings.jwks_url:
        return None
    from gateway.auth.jwt import JwtVerifier

    return JwtVerifier.of(settings)
