"""Answers and checkpoints that prove their origin, to anybody who has the public key."""

import base64
import json
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jwt
import pytest

from gateway.audit import checkpoint
from gateway.safety.signatures import PublicKeys
from tests.contract.fixtures import Folders, Refusal, Shared, Start
from tests.contract.surfaces import (
    CHAT_JSON,
    CHAT_SSE,
    JSON,
    SSE,
    SURFACES,
    TEXT,
    Surface,
    mmhie_of,
    name_of,
)
from tests.fake_engine.process import FakeEngine
from tests.gateway.audit.conftest import Desk, requests_in, trail_settings
from tests.waiting import until

SIGNED = tuple(surface for surface in SURFACES if surface is not TEXT)


class Pair(NamedTuple):
    private: Path
    public: Path


def make_pair(folder: Path, name: str) -> Pair:
    """Let openssl make keys, as an operator does."""
    pair = Pair(folder / f"{name}.pem", folder / f"{name}-public.pem")
    for command in (
        ["openssl", "genpkey", "-algorithm", "ed25519", "-out", str(pair.private)],
        ["openssl", "pkey", "-in", str(pair.private), "-pubout", "-out", str(pair.public)],
    ):
        subprocess.run(command, check=True, capture_output=True)
    return pair


@pytest.fixture(scope="module")
def pair(tmp_path_factory: Folders) -> Pair:
    return make_pair(tmp_path_factory.mktemp("keys"), "ours")


@pytest.fixture
def signing(gateway_with: Shared, pair: Pair) -> Any:
    return gateway_with(MMHIE_SIGNING_KEY_FILE=str(pair.private))


@pytest.fixture
def stored(signing: Any, tmp_path: Path) -> Callable[[Surface], Path]:
    """Store an answer of a surface as it came."""

    def store(surface: Surface, **more: Any) -> Path:
        file = tmp_path / f"{surface.name}.txt"
        file.write_bytes(surface.ask(signing.client, **more).content)
        return file

    return store


@pytest.mark.parametrize("surface", SIGNED, ids=name_of)
def test_every_label_is_signed(
    desk: Desk, stored: Callable[..., Path], pair: Pair, surface: Surface
) -> None:
    """Whole or streamed, the command proves it without any setting of the gateway."""
    out, _ = desk.run("audit", "check", str(stored(surface)), "--key", str(pair.public))

    assert {"fake-model", "ai_generated"} <= set(out.split())


def test_another_library_verifies(signing: Any) -> None:
    """The payload is rebuilt from the label as the documents say, the key comes from the
    gateway."""
    label = mmhie_of(CHAT_JSON, CHAT_JSON.ask(signing.client))
    names = ("model", "revision", "time", "request_id", "output_digest", "output_sha256")
    facts = {name: label["provenance"].get(name) for name in names}
    text = json.dumps(facts | {"ai_generated": True}, sort_keys=True, separators=(",", ":"))
    payload = base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()
    head, tail = label["signature"].split("..")
    (key,) = jwt.PyJWKSet.from_dict(signing.client.get("/v1/mmhie/signing-key").json()).keys

    assert json.loads(jwt.PyJWS().decode(f"{head}.{payload}.{tail}", key, ["EdDSA"])) == facts | {
        "ai_generated": True
    }
    assert jwt.get_unverified_header(f"{head}.{payload}.{tail}")["kid"] == key.key_id


CHANGED = {
    "request_id": "r-2",
    "time": "2026-12-01T00:00:00.000Z",
    "model": "another-model",
    "revision": "main",
    "output_digest": "hmac-sha256:00",
    "output_sha256": "sha256:00",
    "ai_generated": False,
}


@pytest.mark.parametrize("surface", [JSON, SSE, CHAT_JSON, CHAT_SSE], ids=name_of)
def test_each_part_is_covered(
    desk: Desk, stored: Callable[..., Path], pair: Pair, surface: Surface
) -> None:
    """Of a text, a time, a model or another fact that was changed nothing is proved."""
    file = stored(surface)
    whole = file.read_text()
    for name, value in CHANGED.items():
        file.write_text(rewrite(whole, partial(with_value, name=name, other=value)))
        _, err = desk.run("audit", "check", str(file), "--key", str(pair.public), exit_code=1)
        assert "its label was changed" in err, name
    text = {JSON: "text", SSE: "delta"}.get(surface, "content")
    file.write_text(rewrite(whole, lambda event: with_value(event, text, "No.")))
    _, err = desk.run("audit", "check", str(file), "--key", str(pair.public), exit_code=1)
    assert "another text" in err


def test_no_text_hides_behind_a_signed_one(
    desk: Desk, stored: Callable[..., Path], pair: Pair
) -> None:
    """Each choice is proved, and what stands around an answer is told."""
    file = stored(CHAT_JSON)
    answer = json.loads(file.read_text())
    (choice,) = answer["choices"]
    forged = {"index": 1, "message": {"content": "Give ten times the dose.\n\n"}}
    for choices in ([choice, forged], [{**forged, "index": -1}, choice]):
        file.write_text(json.dumps({**answer, "choices": choices}))
        _, err = desk.run("audit", "check", str(file), "--key", str(pair.public), exit_code=1)
        assert "another text" in err
    choice["message"]["content"] += "\n\nGive ten times the dose."
    file.write_text(json.dumps(answer))
    _, err = desk.run("audit", "check", str(file), "--key", str(pair.public))
    assert "other paragraphs before or after it" in err


def rewrite(whole: str, change: Callable[[Any], Any]) -> str:
    """A stored answer or stream with each of its events changed."""
    if not whole.startswith("data:"):
        return json.dumps(change(json.loads(whole)), separators=(",", ":"))
    lines = [
        f"data: {json.dumps(change(json.loads(line[6:])), separators=(',', ':'))}"
        if line.startswith("data: {")
        else line
        for line in whole.split("\n")
    ]
    return "\n".join(lines)


def with_value(value: Any, name: str, other: object) -> Any:
    """JSON with another value wherever there is this name and a value."""
    if isinstance(value, list):
        return [with_value(each, name, other) for each in value]
    if not isinstance(value, dict):
        return value
    is_here = isinstance(value.get(name), str | bool) or (name == "revision" and name in value)
    rest = {key: with_value(each, name, other) for key, each in value.items()}
    return rest | {name: other} if is_here else rest


def test_another_key_and_none(
    desk: Desk, stored: Callable[..., Path], gateway_with: Shared, pair: Pair, tmp_path: Path
) -> None:
    """A foreign key proves nothing, nor does an answer without a signature; a file that is no
    public key is named."""
    theirs, file = make_pair(tmp_path, "theirs"), stored(JSON)
    for key, code, sentence in (
        (theirs.public, 1, "signed with another key"),
        (pair.private, 2, "holds no public key"),
        (tmp_path / "nothing", 2, "cannot be read"),
    ):
        _, err = desk.run("audit", "check", str(file), "--key", str(key), exit_code=code)
        assert sentence in err
    plain = gateway_with()
    assert "signature" not in mmhie_of(JSON, JSON.ask(plain.client))
    file.write_bytes(JSON.ask(plain.client).content)
    _, err = desk.run("audit", "check", str(file), "--key", str(pair.public), exit_code=1)
    assert "has no signature" in err
    assert plain.client.get("/v1/mmhie/signing-key").status_code == 404


def test_the_texts_around_are_no_part(
    desk: Desk, gateway_with: Shared, pair: Pair, tmp_path: Path
) -> None:
    """A disclaimer in the text stands outside of the digest."""
    gateway = gateway_with(
        MMHIE_SIGNING_KEY_FILE=str(pair.private), MMHIE_DISCLAIMER_IN_TEXT="both"
    )
    for surface in (JSON, SSE, CHAT_JSON, CHAT_SSE):
        file = tmp_path / "answer"
        file.write_bytes(surface.ask(gateway.client).content)
        desk.run("audit", "check", str(file), "--key", str(pair.public))


def test_a_key_that_cannot_be_used(refusal: Refusal, pair: Pair, tmp_path: Path) -> None:
    """The start is refused in a sentence; a key that its group may read is taken, as every other
    secret file is: Kubernetes mounts them so."""
    rsa = tmp_path / "x25519.pem"
    command = ["openssl", "genpkey", "-algorithm", "x25519", "-out", str(rsa)]
    subprocess.run(command, check=True, capture_output=True)
    for file, sentence in (
        (tmp_path / "none.pem", "cannot be read (No such file or directory)"),
        (pair.public, "is no private key"),
        (rsa, "is no key of Ed25519"),
    ):
        said = refusal(MMHIE_SIGNING_KEY_FILE=str(file))
        assert "MMHIE_SIGNING_KEY_FILE" in said
        assert sentence in said


def test_checkpoints_are_signed(
    start: Start, engine: FakeEngine, desk: Desk, pair: Pair, path: Path, tmp_path: Path
) -> None:
    """The key of the trail alone signs no other checkpoint."""
    pair.private.chmod(0o640)
    settings = {**trail_settings(path), "MMHIE_SIGNING_KEY_FILE": str(pair.private)}
    gateway = start(engine.url, **settings).wait()
    JSON.ask(gateway.client)
    until(lambda: requests_in(path))
    gateway.stop()
    keys = PublicKeys(pair.public)
    heads = checkpoint.read(str(gateway.log_file), keys)
    signature = json.loads(checkpoint_lines(gateway.log)[-1])["signature"]

    given = ("--checkpoint", str(gateway.log_file), "--key", str(pair.public))
    desk.run("audit", "verify", *given)

    forged = tmp_path / "forged.log"
    for before, after in (
        (f'"seq":{heads[-1].seq}', f'"seq":{heads[-1].seq + 1}'),
        (heads[-1].mac, heads[0].mac),
        (signature[-12:], "AAAAAAAAAAAA"),
    ):
        forged.write_text(gateway.log.replace(before, after))
        _, err = desk.run(
            *("audit", "verify", "--checkpoint", str(forged), "--key", str(pair.public)),
            exit_code=1,
        )
        assert "was changed, or was signed with another key" in err
    forged.write_text(gateway.log.replace(f'"seq":{heads[-1].seq}', f'"seq":{10**20}'))
    desk.run("audit", "verify", "--checkpoint", str(forged), *given[2:])
    theirs = make_pair(tmp_path, "theirs").public
    desk.run("audit", "verify", *given[:3], str(theirs), exit_code=1)
    forged.write_text(
        "".join(line.split(',"signature"')[0] + "}\n" for line in checkpoint_lines(gateway.log))
    )
    assert "signed checkpoint" in desk.refusal(
        "audit", "verify", "--checkpoint", str(forged), "--key", str(pair.public)
    )


def checkpoint_lines(log: str) -> list[str]:
    return [line for line in log.splitlines() if '"audit_checkpoint"' in line]
