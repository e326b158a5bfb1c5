"""Ed25519 signatures of labels and checkpoints: anybody with the public key verifies them.

Both have a JWS with detached content (RFC 7515, appendix F; EdDSA, RFC 8037). Importing this costs
30 ms: only where it is used.
"""

import base64
import hashlib
from pathlib import Path
from typing import NamedTuple, Self

import jwt
import orjson
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from gateway.runtime.json_types import Json
from gateway.settings.gateway import SettingsError

ALGORITHM = "EdDSA"
# What a signature covers, beside `ai_generated`.
SIGNED = ("model", "revision", "time", "request_id", "output_digest", "output_sha256")

UNREADABLE = (
    *(ValueError, KeyError, TypeError, AttributeError),
    UnsupportedAlgorithm,
    jwt.PyJWTError,
)


class PublicKeyUnusable(Exception):
    """A file is not the key that is needed; the message continues a sentence that names it."""


class SignatureInvalid(Exception):
    """A signature does not fit; the message is the end of a sentence."""


class SigningKey:
    """The private key of a gateway."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        jwk = {"crv": "Ed25519", "kty": "OKP", "x": encode(key.public_key().public_bytes_raw())}
        self.jwk = {**jwk, "kid": key_id(key.public_key()), "alg": ALGORITHM, "use": "sig"}
        self._header = encode(orjson.dumps({"alg": ALGORITHM, "kid": self.jwk["kid"]}))

    @classmethod
    def read(cls, path: Path) -> Self:
        """Return the key of MMHIE_SIGNING_KEY_FILE; raise SettingsError."""
        try:
            key = load_pem_private_key(path.read_bytes(), None)
        except OSError as problem:
            reason = f"cannot be read ({problem.strerror})"
        except (ValueError, TypeError, UnsupportedAlgorithm):
            reason = "is no private key in PEM without a password"
        else:
            if isinstance(key, Ed25519PrivateKey):
                return cls(key)
            reason = "is no key of Ed25519; `openssl genpkey -algorithm ed25519` makes one"
        raise SettingsError(f"MMHIE_SIGNING_KEY_FILE: {path} {reason}.")

    def sign(self, payload: bytes) -> str:
        """Return the JWS of a payload, without the payload."""
        signature = self._key.sign(f"{self._header}.{encode(payload)}".encode())
        return f"{self._header}..{encode(signature)}"


class LabelSigner(NamedTuple):
    """Signs the closing labels of one answer, whose first half is `label`."""

    key: SigningKey
    label: Json

    def sign(self, final: Json, sha256: str) -> Json:
        """Return a closing label with the plain digest of the text and the signature."""
        provenance = {**final["provenance"], "output_sha256": f"sha256:{sha256}"}
        known = {**self.label["provenance"], **provenance}
        payload = signed_payload({**self.label, "provenance": known})
        return {**final, "provenance": provenance, "signature": self.key.sign(payload)}


def signed_payload(label: Json) -> bytes:
    """Return what the signature of a whole label covers: JSON with sorted keys, no spaces."""
    facts = {name: label["provenance"].get(name) for name in SIGNED}
    facts["ai_generated"] = label.get("ai_generated")
    return orjson.dumps(facts, option=orjson.OPT_SORT_KEYS)


class PublicKeys:
    """The public keys of one or more gateways, by their ids."""

    def __init__(self, path: Path) -> None:
        """Read a key in PEM, a JWK, or a JWKS; raise PublicKeyUnusable."""
        try:
            content = path.read_bytes()
            keys = jwks_in(content) if b"{" in content else [load_pem_public_key(content)]
        except OSError as problem:
            raise PublicKeyUnusable(f"cannot be read ({problem.strerror})") from None
        except UNREADABLE:
            keys = []
        self._keys = {key_id(key): key for key in keys if isinstance(key, Ed25519PublicKey)}
        if not self._keys:
            raise PublicKeyUnusable("holds no public key of Ed25519, in PEM or as JSON Web Key")

    def verify(self, signature: str, payload: bytes) -> str:
        """Return the id of the key that signed a payload; raise SignatureInvalid."""
        header, _, last = signature.partition("..")
        try:
            token = f"{header}.{encode(payload)}.{last}"
            kid = str(jwt.get_unverified_header(token).get("kid"))
            if kid not in self._keys:
                raise SignatureInvalid(f"it was signed with another key ({kid})")
            jwt.PyJWS().decode(token, self._keys[kid], algorithms=[ALGORITHM])
        except jwt.PyJWTError:
            raise SignatureInvalid("its label was changed, or is of another answer") from None
        return kid


def jwks_in(content: bytes) -> list[object]:
    """Return the keys of a JWK or a JWKS; raise ValueError, KeyError, TypeError or PyJWTError."""
    document = orjson.loads(content)
    rows = document.get("keys", [document])
    return [jwt.PyJWK(row, ALGORITHM).key for row in rows if row.get("crv") == "Ed25519"]


def key_id(key: Ed25519PublicKey) -> str:
    """Return the thumbprint of a key (RFC 7638)."""
    jwk = {"crv": "Ed25519", "kty": "OKP", "x": encode(key.public_bytes_raw())}
    return encode(hashlib.sha256(orjson.dumps(jwk)).digest())


def encode(content: bytes) -> str:
    """Return base64url without padding."""
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
