"""Keys of a vault, and the person with the private one."""

import json
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from gateway.vault import folder
from gateway.vault.sealing import Opener
from tests.gateway.audit.conftest import Desk
from tests.waiting import until


class KeyPair(NamedTuple):
    """The files of both halves of a key."""

    public: Path
    private: Path

    def opener(self) -> Opener:
        return Opener(self.private, passphrase=lambda: "unasked")


def key_pair(where: Path, passphrase: str | None = None) -> KeyPair:
    """Write a new pair of keys, as openssl does."""
    key = X25519PrivateKey.generate()
    pair = KeyPair(where / "vault.pub.pem", where / "vault.pem")
    lock = BestAvailableEncryption(passphrase.encode()) if passphrase else NoEncryption()
    pair.private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, lock))
    public = key.public_key()
    pair.public.write_bytes(public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return pair


@pytest.fixture
def keys(tmp_path: Path) -> KeyPair:
    return key_pair(tmp_path)


@pytest.fixture
def desk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Desk:
    return Desk(tmp_path / "audit.jsonl", monkeypatch, capsys)


class Holder:
    """The person with the private key of a vault."""

    def __init__(self, vault: Path, pair: KeyPair) -> None:
        self.vault = vault
        self.pair = pair

    @property
    def settings(self) -> dict[str, str]:
        """The gateway's, which has the public half."""
        return {"MMHIE_VAULT_DIR": str(self.vault), "MMHIE_VAULT_PUBLIC_KEY": str(self.pair.public)}

    def answers(self) -> list[dict[str, Any]]:
        """Everything in the vault, opened."""
        opener = self.pair.opener()
        files = [*folder.answers_in(self.vault)] if self.vault.exists() else []
        return [json.loads(opener.unseal(file.read_bytes(), file.stem)) for file in files]

    def answer(self, request_id: str) -> dict[str, Any]:
        """The answer of this id of the gateway's own, once it is there."""
        until(lambda: folder.files_of(self.vault, request_id))
        (file,) = folder.files_of(self.vault, request_id)
        answer: dict[str, Any] = json.loads(self.pair.opener().unseal(file.read_bytes(), file.stem))
        return answer

    def by_caller(self, request_id: str, count: int = 1) -> list[dict[str, Any]]:
        """The answers of a caller's id, once there are so many."""

        def theirs() -> list[dict[str, Any]]:
            return [kept for kept in self.answers() if kept.get("caller_request_id") == request_id]

        until(lambda: len(theirs()) >= count)
        answers = theirs()
        assert len(answers) == count
        return answers
