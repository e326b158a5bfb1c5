"""Sealing by HPKE (RFC 9180: X25519, HKDF-SHA256, AES-256-GCM): a public key closes, only the
private one opens.

A sealed file is FORM, the beginning of the public key's SHA-256, and what HPKE makes. Both and the
file's name are bound to it: no file can take the place of another. Importing this costs 30 ms: it
is for gateways with a vault only.
"""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from cryptography.exceptions import InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

FORM = b"mmhie answer vault 1\n"
KEY_ID_BYTES = 8
SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
NOT_PUBLIC = "is no public key of X25519 in PEM; `openssl pkey -in KEY -pubout` writes one"
NOT_PRIVATE = "is no private key of X25519 in PEM, or its passphrase is another"
IS_PRIVATE = (
    "holds a private key, which the gateway must not have; keep it elsewhere, and name its public "
    "half (`openssl pkey -in KEY -pubout`)"
)
Key = TypeVar("Key", X25519PrivateKey, X25519PublicKey)


class KeyUnusable(Exception):
    """A file is not the key that is needed; the message continues a sentence that names it."""


class SealUnopened(Exception):
    """A file cannot be opened with this key; the message continues a sentence that names it."""


class Sealer:
    """Seals with a public key."""

    def __init__(self, path: Path) -> None:
        """Read the key; raise KeyUnusable."""
        kind = X25519PublicKey
        self._key = read_key(path, kind, parse_public, NOT_PUBLIC)  # type: ignore[type-abstract] # to ask for
        self._head = head_of(self._key)
        try:
            self.seal(b"", "")
        except ValueError:  # a point of low order, with which nothing would be secret
            raise KeyUnusable(NOT_PUBLIC) from None

    def seal(self, content: bytes, name: str) -> bytes:
        """Return the file of this name."""
        return self._head + SUITE.encrypt(content, self._key, self._head + name.encode())


class Opener:
    """Opens with the private key; `passphrase` is called where the key has one."""

    def __init__(self, path: Path, passphrase: Callable[[], str]) -> None:
        """Read the key; raise KeyUnusable."""

        def parse(pem: bytes) -> object:
            secret = passphrase().encode() if b"ENCRYPTED" in pem else None
            return load_pem_private_key(pem, secret)

        kind = X25519PrivateKey
        self._key = read_key(path, kind, parse, NOT_PRIVATE)  # type: ignore[type-abstract] # to ask for
        self._head = head_of(self._key.public_key())

    def unseal(self, sealed: bytes, name: str) -> bytes:
        """Return what was sealed under this name; raise SealUnopened."""
        if not sealed.startswith(FORM):
            raise SealUnopened("was not sealed with a key of an answer vault")
        if not sealed.startswith(self._head):
            raise SealUnopened("was sealed to another key; name the private half of that one")
        secret, info = sealed[len(self._head) :], self._head + name.encode()
        try:
            return SUITE.decrypt(secret, self._key, info)
        except InvalidTag:
            raise SealUnopened("was damaged, or stands under another's name") from None


def head_of(key: X25519PublicKey) -> bytes:
    """Return the beginning of every file that is sealed to a key."""
    return FORM + hashlib.sha256(key.public_bytes_raw()).digest()[:KEY_ID_BYTES]


def parse_public(pem: bytes) -> object:
    """Return a public key; raise KeyUnusable where a private one is, too."""
    if b"PRIVATE KEY" in pem:
        raise KeyUnusable(IS_PRIVATE)
    return load_pem_public_key(pem)


def read_key(path: Path, kind: type[Key], parse: Callable[[bytes], object], wrong: str) -> Key:
    """Return the key in a file; raise KeyUnusable, `wrong` for anything else."""
    try:
        key = parse(path.read_bytes())
    except OSError as problem:
        raise KeyUnusable(f"cannot be read ({problem.strerror})") from None
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, kind):
        raise KeyUnusable(wrong)
    return key
