"""Sealing: only the private key opens, and only what stands under its own name."""

import subprocess
from pathlib import Path

import pytest

from gateway.vault.sealing import FORM, KeyUnusable, Sealer, SealUnopened
from tests.gateway.vault.conftest import KeyPair, key_pair

NAME, TEXT = "a" * 32, b"75 micrograms."


def test_openssl_makes_the_keys(tmp_path: Path) -> None:
    """The commands that the documentation names."""
    pair = KeyPair(tmp_path / "public.pem", tmp_path / "private.pem")
    make = ["openssl", "genpkey", "-algorithm", "X25519", "-out", str(pair.private)]
    subprocess.run(make, check=True)
    half = ["openssl", "pkey", "-in", str(pair.private), "-pubout", "-out", str(pair.public)]
    subprocess.run(half, check=True)

    assert pair.opener().unseal(Sealer(pair.public).seal(TEXT, NAME), NAME) == TEXT


def test_another_name_another_key_and_any_changed_byte_are_noticed(
    keys: KeyPair, tmp_path: Path
) -> None:
    """Each with its own sentence, wherever the change is."""
    opener, sealed = keys.opener(), Sealer(keys.public).seal(TEXT, NAME)
    (tmp_path / "other").mkdir()
    stranger = key_pair(tmp_path / "other").opener()

    with pytest.raises(SealUnopened, match="another's name"):
        opener.unseal(sealed, "b" * 32)
    with pytest.raises(SealUnopened, match="another key"):
        stranger.unseal(sealed, NAME)
    for place in range(len(sealed)):
        changed = bytearray(sealed)
        changed[place] ^= 1
        with pytest.raises(SealUnopened):
            opener.unseal(bytes(changed), NAME)
    for size in range(len(sealed)):
        with pytest.raises(SealUnopened, match=r"damaged|was not sealed|another key"):
            opener.unseal(sealed[:size], NAME)
    with pytest.raises(SealUnopened, match="was not sealed"):
        opener.unseal(b"%PDF" + FORM, NAME)


@pytest.mark.parametrize("key", [None, "", "AAAA", "MCowBQYDK2VuAyEA" + "A" * 42 + "="])
def test_a_wrong_public_key_is_refused(tmp_path: Path, key: str | None) -> None:
    """Also a point of low order, with which everybody could open."""
    path = tmp_path / "key.pem"
    pem = f"-----BEGIN PUBLIC KEY-----\n{key}\n-----END PUBLIC KEY-----\n"
    path.write_text("ssh-ed25519 AAAA me" if key is None else key and pem)

    with pytest.raises(KeyUnusable, match="no public key of X25519"):
        Sealer(path)


def test_the_gateway_takes_no_private_key(keys: KeyPair, tmp_path: Path) -> None:
    """Neither alone nor behind the public one, and no key of another curve."""
    both = tmp_path / "both.pem"
    both.write_bytes(keys.public.read_bytes() + keys.private.read_bytes())
    curve = tmp_path / "ed25519.pem"
    command = "openssl genpkey -algorithm ed25519 | openssl pkey -pubout"
    curve.write_bytes(subprocess.run(command, shell=True, capture_output=True, check=True).stdout)

    for path in (keys.private, both):
        with pytest.raises(KeyUnusable, match="holds a private key"):
            Sealer(path)
    with pytest.raises(KeyUnusable, match="no public key of X25519"):
        Sealer(curve)
    with pytest.raises(KeyUnusable, match="No such file"):
        Sealer(tmp_path / "none.pem")
