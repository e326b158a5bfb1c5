"""Sealing by HPKE (RFC 9180: X25519, HKDF-SHA256, AES-256-GCM): a public key closes, only the
private one opens.

A sealed file is FORM, the beginning of the public key's SHA-256, and what HPKE makes. Both and the
file's name are bound to it: no file can take the place of another. `cryptography` is imported where
it is used: a gateway without a vault does not wait for it.
"""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
    from cryptography.hazmat.primitives.hpke import Suite

FORM = b"mmhie answer vault 1\n"
KEY_ID_BYTES = 8
NOT_PUBLIC = "is no public key of X25519 in PEM; `openssl pkey -in KEY -pubout` writes one"
NOT_PRIVATE = "is no private key of X25519 in PEM, or its passphrase is another"
IS_PRIVATE = (
    "holds a private key, which the gateway must not have; keep it elsewhere, and name its public "
    "half (`openssl pkey -in KEY -pubout`)"
)


class KeyUnusable(Exception):
    """A file is not the key that is needed; the message continues a sentence that names it."""


class SealUnopened(Exception):
    """A file cannot be opened with this key; the message continues a sentence that names it."""


class Sealer:
    """Seals with a public key."""

    def __init__(self, path: Path) -> None:
        """Read the key; raise KeyUnusable."""
        self._key = read_public(path)
        self._head = head_of(self._key)
        self._suite = suite()
        try:
            self.seal(b"", "")
        except ValueError:  # a point of low order, with which nothing would be secret
            raise KeyUnusable(NOT_PUBLIC) from None

    def seal(self, content: bytes, name: str) -> bytes:
        """Return the file of this name."""
        info = self._head + name.encode()
        return self._head + self._suite.encrypt(content, self._key, info)


class Opener:
    """Opens with the private key; `passphrase` is called where the key has one."""

    def __init__(self, path: Path, passphrase: Callable[[], str]) -> None:
        """Read the key; raise KeyUnusable."""
        self._key = read_private(path, passphrase)
        self._head = head_of(self._key.public_key())
        self._suite = suite()

    def unseal(self, sealed: bytes, name: str) -> bytes:
        """Return what was sealed under this name; raise SealUnopened."""
        from cryptography.exceptions import InvalidTag

        if not sealed.startswith(FORM):
            raise SealUnopened("is no file of an answer vault")
        if not sealed.startswith(self._head):
            raise SealUnopened("was sealed to another key; name the private half of that one")
        info, secret = self._head + name.encode(), sealed[len(self._head) :]
        try:
            return self._suite.decrypt(secret, self._key, info)
        except InvalidTag:
            raise SealUnopened("was damaged, or stands under another's name") from None


def suite() -> "Suite":
    from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

    return Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)


def head_of(key: "X25519PublicKey") -> bytes:
    """Return the beginning of every file that is sealed to a key."""
    return FORM + hashlib.sha256(key.public_bytes_raw()).digest()[:KEY_ID_BYTES]


def read_public(path: Path) -> "X25519PublicKey":
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    pem = read_pem(path)
    if b"PRIVATE KEY" in pem:
        raise KeyUnusable(IS_PRIVATE)
    key = parse_key(lambda: load_pem_public_key(pem))
    if not isinstance(key, X25519PublicKey):
        raise KeyUnusable(NOT_PUBLIC)
    return key


def read_private(path: Path, passphrase: Callable[[], str]) -> "X25519PrivateKey":
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    pem = read_pem(path)
    secret = passphrase().encode() if b"ENCRYPTED" in pem else None
    key = parse_key(lambda: load_pem_private_key(pem, secret))
    if not isinstance(key, X25519PrivateKey):
        raise KeyUnusable(NOT_PRIVATE)
    return key


def read_pem(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as problem:
        raise KeyUnusable(f"cannot be read ({problem.strerror})") from None


def parse_key(load: Callable[[], object]) -> object:
    """Return a key; None where there is none that can be read."""
    from cryptography.exceptions import UnsupportedAlgorithm

    try:
        return load()
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None
