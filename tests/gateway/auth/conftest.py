"""Keys to sign with, made once: an RSA key costs a tenth of a second."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from gateway.auth import keys

ISSUER, AUDIENCE = "https://login.example", "mmhie"
PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
Sign = Callable[..., str]


class Signer:
    """An identity provider: signs tokens, publishes its public key."""

    def __init__(self, kid: str | None, private: PrivateKey) -> None:
        self.kid = kid
        self.private = private
        self.algorithm = "RS256" if isinstance(private, rsa.RSAPrivateKey) else "ES256"

    @classmethod
    def rsa(cls, kid: str | None = "r1", bits: int = 2048) -> "Signer":
        return cls(kid, rsa.generate_private_key(65537, bits))

    @classmethod
    def ec(cls, kid: str | None = "e1") -> "Signer":
        return cls(kid, ec.generate_private_key(ec.SECP256R1()))

    def public(self) -> dict[str, Any]:
        """Its row in a JWKS."""
        library = jwt.get_algorithm_by_name(self.algorithm)
        row = dict(library.to_jwk(self.private.public_key(), as_dict=True))
        return row | ({} if self.kid is None else {"kid": self.kid})

    def sign(self, *, headers: dict[str, Any] | None = None, **claims: Any) -> str:
        """A good token but for what is said; a claim of None is left out."""
        now = int(time.time())
        told = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": "ward-7",
            "exp": now + 600,
            "scope": "generate openai",
            **claims,
        }
        told = {name: value for name, value in told.items() if value is not None}
        named = {} if self.kid is None else {"kid": self.kid}
        return jwt.encode(told, self.private, self.algorithm, headers=named | (headers or {}))

    def raw(self, content: object) -> str:
        """A signed token of any content."""
        headers = {} if self.kid is None else {"kid": self.kid}
        body = json.dumps(content).encode()
        return jwt.PyJWS().encode(body, self.private, self.algorithm, headers=headers)


@pytest.fixture(scope="session")
def rsa_signer() -> Signer:
    """The provider that most tests trust."""
    return Signer.rsa()


@pytest.fixture(scope="session")
def ec_signer() -> Signer:
    """Another, with an elliptic curve."""
    return Signer.ec()


def jwks(*signers: Signer, more: tuple[dict[str, Any], ...] = ()) -> bytes:
    """A key set as providers publish it."""
    return json.dumps({"keys": [*(signer.public() for signer in signers), *more]}).encode()


def jwks_settings(folder: Path, *signers: Signer) -> dict[str, str]:
    """The settings of a gateway that takes tokens of these providers, whose keys it reads there."""
    (folder / "jwks.json").write_bytes(jwks(*signers))
    terms = {"MMHIE_JWT_ISSUER": ISSUER, "MMHIE_JWT_AUDIENCE": AUDIENCE}
    return {"MMHIE_JWKS_FILE": str(folder / "jwks.json"), **terms}


def add_key(path: Path, name: str, *scopes: str, **more: Any) -> str:
    """A key of that name in the file; its secret."""
    secret = keys.new_secret()
    known = keys.read(path) if path.exists() else ()
    key = keys.Key(name, keys.sha256(secret.encode()), scopes, time.time(), **more)
    keys.write(path, [*known, key])
    return secret


def bearer(secret: str) -> dict[str, str]:
    return {"authorization": f"Bearer {secret}"}
