"""JSON Web Tokens: signature, issuer, audience and times checked once, then remembered."""

import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jwt

from gateway.auth.jwks import ALGORITHMS, Jwks
from gateway.errors import Unauthorized
from gateway.principal import PRIORITIES, SCOPES, Principal

MOST_REMEMBERED = 10_000
LONGEST_SUBJECT = 255
REQUIRED = ["exp", "iss", "aud", "sub"]


@dataclass(frozen=True, slots=True)
class Terms:
    """Whose tokens are taken, and for whom they must have been made."""

    issuer: str
    audience: str
    leeway_s: float


class JwtVerifier:
    """Turns tokens into clients. A verified token costs one hash and one look-up until it ends;
    new signing keys empty the memory, so that tokens of a withdrawn key end with it."""

    def __init__(self, keys: Jwks, terms: Terms) -> None:
        self.keys = keys
        self.terms = terms
        self._known: dict[bytes, Principal] = {}
        self._generation = 0

    async def client(self, token: bytes) -> Principal:
        """Whose token it is; raises Unauthorized with what is wrong with it."""
        self.keys.look()
        digest = hashlib.sha256(token).digest()
        known = self._remembered(digest)
        if known is None:
            known = self._known[digest] = await self._verified(token.decode("ascii"))
        return known

    def _remembered(self, digest: bytes) -> Principal | None:
        if self._generation != self.keys.generation or len(self._known) > MOST_REMEMBERED:
            self._generation = self.keys.generation
            self._known.clear()
        client = self._known.get(digest)
        if client is not None and client.expires is not None and client.expires <= time.time():
            del self._known[digest]
            return None
        return client

    async def _verified(self, token: str) -> Principal:
        try:
            key = await self._key(jwt.get_unverified_header(token))
            claims = self._claims(token, key)
        except jwt.PyJWTError as error:
            raise Unauthorized(sentence(error)) from None
        return client_of(claims, self.terms.leeway_s)

    async def _key(self, header: Mapping[str, Any]) -> jwt.PyJWK:
        """The key is looked up by our own list of algorithms, never by the token's word alone:
        a key is for one algorithm, and a token that names another fails against it."""
        if header.get("alg") not in ALGORITHMS:
            raise Unauthorized(f"JwtVerifier must be signed with {' or '.join(ALGORITHMS)}.")
        kid = header.get("kid")
        key = self.keys.find(kid)
        if key is None:
            await self.keys.renew()
            key = self.keys.find(kid)
        if key is None:
            raise Unauthorized("The token is signed with a key that is not known here.")
        return key

    def _claims(self, token: str, key: jwt.PyJWK) -> dict[str, Any]:
        return jwt.decode(
            token,
            key,
            algorithms=list(ALGORITHMS),
            issuer=self.terms.issuer,
            audience=self.terms.audience,
            leeway=self.terms.leeway_s,
            options={"require": REQUIRED},
        )


def client_of(claims: Mapping[str, Any], leeway_s: float) -> Principal:
    """The caller that verified claims describe; raises Unauthorized."""
    subject = claims["sub"]
    if not subject or len(subject) > LONGEST_SUBJECT or not subject.isprintable():
        raise Unauthorized("The token's subject is empty, too long or not printable.")
    priority = claims.get("mmhie_priority")
    return Principal(
        name=subject,
        kind="jwt",
        scopes=scopes_of(claims),
        priority=priority if priority in PRIORITIES else "routine",
        expires=claims["exp"] + leeway_s,
    )


def scopes_of(claims: Mapping[str, Any]) -> frozenset[str]:
    """`scope` (RFC 8693: a string) or `scp` (Microsoft's: a string or a list)."""
    granted = claims.get("scope") or claims.get("scp") or ""
    names = granted.split() if isinstance(granted, str) else granted
    known = frozenset(SCOPES)
    return known.intersection(names) if isinstance(names, list) else frozenset()


def sentence(error: jwt.PyJWTError) -> str:
    """What is wrong with a token, in words that quote nothing of it."""
    return next((text for kind, text in FAULTS if isinstance(error, kind)), "That is no token.")


FAULTS: tuple[tuple[type[jwt.PyJWTError], str], ...] = (
    (jwt.ExpiredSignatureError, "The token has expired; get a new one."),
    (jwt.ImmatureSignatureError, "The token is not valid yet; check the clocks."),
    (jwt.InvalidIssuerError, "The token is not from the issuer in MMHIE_JWT_ISSUER."),
    (jwt.InvalidAudienceError, "The token was not made for the audience in MMHIE_JWT_AUDIENCE."),
    (jwt.MissingRequiredClaimError, f"The token must have the claims {', '.join(REQUIRED)}."),
    (jwt.InvalidSignatureError, "The token's signature is wrong."),
)
