"""The texts of feedback at rest: Fernet, AES-128-CBC under an HMAC-SHA256, by `cryptography`."""

import hashlib
import hmac
from typing import TYPE_CHECKING

from gateway.settings.gateway import GatewaySettings, SettingsError

if TYPE_CHECKING:
    from cryptography.fernet import MultiFernet

WRONG_KEY = (
    "MMHIE_FEEDBACK_KEY is not valid: it should be 32 random bytes in base64; "
    "`openssl rand -base64 32` makes one."
)


class TextUnreadable(Exception):
    """A text was encrypted under a key that is not set, or was changed since."""


class TextCipher:
    """Encrypts with the first key and decrypts with any; raises SettingsError for a wrong one."""

    def __init__(self, keys: str) -> None:
        self._keys = keys
        self._fernet = multi_fernet(keys)

    @classmethod
    def of(cls, settings: GatewaySettings) -> "TextCipher | None":
        """Return the cipher of these settings; None where no key is set."""
        key = settings.feedback_key
        return cls(key.get_secret_value()) if key is not None else None

    def encrypt(self, text: str | None) -> bytes | None:
        return None if text is None else self._fernet.encrypt(text.encode())

    def decrypt(self, content: bytes | None) -> str | None:
        """Return the text; raise TextUnreadable."""
        from cryptography.fernet import InvalidToken

        if content is None:
            return None
        try:
            return self._fernet.decrypt(content).decode()
        except InvalidToken:
            raise TextUnreadable from None

    def fingerprint(self, content: bytes) -> str:
        """Return a keyed digest: a plain one of a short text could be guessed."""
        return hmac.digest(self._keys.encode(), content, "sha256").hex()


def fingerprint_without_key(content: bytes) -> str:
    """Return the digest of what holds no text."""
    return hashlib.sha256(content).hexdigest()


def multi_fernet(keys: str) -> "MultiFernet":
    # 20 ms and 3 MB: for gateways that keep texts only.
    from cryptography.fernet import Fernet, MultiFernet

    try:
        return MultiFernet([Fernet(key) for key in keys.replace(",", " ").split()])
    except ValueError:
        raise SettingsError(WRONG_KEY) from None
