"""JSON Web Tokens: signature, issuer, audience and times are verified once, then cached."""

import hashlib
import time
from dataclasses import replace
from typing import Self

import jwt

from gateway.auth.care_context import CareClaims, read_context
from gateway.auth.jwks import ALGORITHMS, Jwks
from gateway.errors import Unauthorized
from gateway.principal import PRIORITIES, SCOPES, Principal, is_name
from gateway.runtime.json_types import Json
from gateway.settings.access import AccessSettings

LARGEST_CACHE = 10_000
LEEWAY_S = 30.0  # by which the clocks of issuer and gateway may differ
REQUIRED = ["exp", "iss", "aud", "sub"]


class JwtVerifier:
    """Verifies tokens. Verified ones are cached until they expire or the signing keys change."""

    def __init__(self, keys: Jwks, issuer: str, audience: str, care: CareClaims) -> None:
        self.keys = keys
        self._issuer = issuer
        self._audience = audience
        self._care = care
        self._cache: dict[bytes, Principal] = {}
        self._generation = 0

    @classmethod
    def of(cls, settings: AccessSettings) -> Self:
        issuer, audience = settings.jwt_issuer or "", settings.jwt_audience or ""  # required
        return cls(Jwks.of(settings), issuer, audience, CareClaims.of(settings))

    async def principal(self, token: bytes) -> Principal:
        """Return the subject of a token; raise Unauthorized with what is wrong with it."""
        digest = hashlib.sha256(token).digest()
        known = self._cached(digest)
        if known is None:
            known = self._cache[digest] = await self._verify(token.decode("ascii"))
        return known

    def _cached(self, digest: bytes) -> Principal | None:
        generation = self.keys.generation
        if self._generation != generation or len(self._cache) > LARGEST_CACHE:
            self._generation = generation
            self._cache.clear()
        known = self._cache.get(digest)
        if known is not None and known.is_expired(time.time()):
            del self._cache[digest]
            return None
        return known

    async def _verify(self, token: str) -> Principal:
        try:
            key = await self._key(jwt.get_unverified_header(token))
            principal = build_principal(self._claims(token, key), self._care)
        except jwt.PyJWTError as error:
            raise Unauthorized(explain(error)) from None
        except (TypeError, ValueError, ArithmeticError, RecursionError):
            # Tokens contain JSON of any type and depth.
            raise Unauthorized(MALFORMED) from None
        return replace(principal, credential=key.key_id)  # the token may lack a `kid`

    async def _key(self, header: Json) -> jwt.PyJWK:
        """Return the key that a token names. The algorithm is never taken from the token alone: a
        key is for one algorithm, and a token that names another fails against it."""
        if header.get("alg") not in ALGORITHMS:
            raise Unauthorized(f"Tokens must be signed with {' or '.join(ALGORITHMS)}.")
        kid = header.get("kid")
        key = self.keys.find(kid)
        if key is None:
            await self.keys.refresh()
            key = self.keys.find(kid)
        if key is None:
            raise Unauthorized("The token is signed with an unknown key; get a new one.")
        return key

    def _claims(self, token: str, key: jwt.PyJWK) -> Json:
        return jwt.decode(
            token,
            key,
            algorithms=list(ALGORITHMS),
            issuer=self._issuer,
            audience=self._audience,
            leeway=LEEWAY_S,
            options={"require": REQUIRED},
        )


def build_principal(claims: Json, care: CareClaims) -> Principal:
    """Return the principal that verified claims describe; raise Unauthorized."""
    subject = claims["sub"]
    if not is_name(subject):
        raise Unauthorized("The token's `sub` claim must be 1 to 255 printable characters.")
    priority = claims.get("mmhie_priority")
    return Principal(
        name=subject,
        kind="jwt",
        scopes=read_scopes(claims),
        priority=priority if priority in PRIORITIES else "routine",
        expires=float(claims["exp"]) + LEEWAY_S,
        care=read_context(claims, care),
    )


def read_scopes(claims: Json) -> frozenset[str]:
    """Return the known scopes in `scope` (RFC 8693: a string) or `scp` (Microsoft: or a list)."""
    granted = claims.get("scope") or claims.get("scp") or ""
    names = granted.split() if isinstance(granted, str) else granted
    known = names if isinstance(names, list) else []
    return frozenset(name for name in SCOPES if name in known)


def explain(error: jwt.PyJWTError) -> str:
    """Return what is wrong with a token, without quoting it."""
    return next((text for kind, text in FAULTS if isinstance(error, kind)), MALFORMED)


MALFORMED = "The bearer token is malformed; send a JSON Web Token as its issuer returned it."
FAULTS: tuple[tuple[type[jwt.PyJWTError], str], ...] = (
    (jwt.ExpiredSignatureError, "The token has expired; get a new one."),
    (jwt.ImmatureSignatureError, "The token is not valid yet; check both clocks."),
    (jwt.InvalidIssuerError, "The token is not from MMHIE_JWT_ISSUER; get one there."),
    (jwt.InvalidAudienceError, "The token is not for MMHIE_JWT_AUDIENCE; ask for one that is."),
    (jwt.MissingRequiredClaimError, f"The token must have the claims {', '.join(REQUIRED)}."),
    (jwt.InvalidSignatureError, "The token's signature is invalid; get a new token."),
)
