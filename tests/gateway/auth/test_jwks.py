"""A JWKS at a URL: fetched, cached, rotated, and not a way to harm its server or us."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.auth.jwks import COOL_DOWN_S, LARGEST_JWKS_BYTES, Jwks, fetch_url, parse, read_file
from gateway.runtime.files import FileUnusable
from tests.gateway.auth.conftest import Signer, jwks
from tests.gateway.clock import Clock
from tests.gateway.peer import Line, Peer


class Provider(Peer):
    """Publishes a document; counts who asks."""

    def __init__(self, document: bytes) -> None:
        super().__init__(self.publish)
        self.document, self.status = document, 200

    async def publish(self, line: Line) -> None:
        while True:
            await line.request()
            head = b"HTTP/1.1 %d X\r\nlocation: /elsewhere\r\ncontent-length: %d\r\n\r\n"
            line.say(head % (self.status, len(self.document)) + self.document)

    @property
    def asked(self) -> int:
        return len(self.requests)


@pytest.fixture
async def provider(rsa_signer: Signer) -> AsyncIterator[Provider]:
    async with Provider(jwks(rsa_signer)) as server:
        yield server


def published(url: str, clock: Clock) -> Jwks:
    """The keys at a URL."""
    return Jwks(lambda: fetch_url(url), "MMHIE_JWKS_URL", clock=clock)


async def test_rotation(provider: Provider, rsa_signer: Signer, ec_signer: Signer) -> None:
    """A new key id has the document fetched, once for all who wait for it."""
    clock = Clock()
    keys = published(provider.url, clock)
    await keys.refresh()
    provider.document = jwks(rsa_signer, ec_signer)
    assert keys.find("e1") is None

    clock.now += COOL_DOWN_S
    before = keys.generation
    await asyncio.gather(*(keys.refresh() for _ in range(20)))

    assert keys.find("e1") is not None
    assert provider.asked == 2
    assert keys.generation == before + 1


async def test_invented_key_ids_do_not_hammer_the_provider(provider: Provider) -> None:
    """Anybody can invent them: one fetch within the cool-down."""
    clock = Clock()
    keys = published(provider.url, clock)
    for _ in range(50):
        await keys.refresh()
        clock.now += 0.1

    assert provider.asked == 1


async def test_a_provider_that_fails_changes_nothing(provider: Provider) -> None:
    """Errors, redirects, nonsense and floods: the keys that are known stay, and it is told."""
    clock = Clock()
    keys = published(provider.url, clock)
    await keys.refresh()
    good = provider.document
    for status, document in (
        (500, good),
        (302, good),
        (200, b"<html>"),
        (200, b'{"keys": []}'),
        (200, good + b" " * LARGEST_JWKS_BYTES),
    ):
        provider.status, provider.document = status, document
        clock.now += COOL_DOWN_S
        await keys.refresh()

        assert "cannot be fetched or used" in str(keys.problem)
        assert keys.find("r1") is not None
    provider.status, provider.document = 200, good
    clock.now += COOL_DOWN_S
    await keys.refresh()
    assert keys.problem is None


NESTED = b'{"keys": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"


async def test_a_nested_answer_ends_no_refresh(rsa_signer: Signer) -> None:
    """The keys before stay, the problem is told, and the next good answer counts."""
    documents = [jwks(rsa_signer), NESTED, jwks(rsa_signer)]
    clock = Clock()

    async def fetch() -> bytes:
        return documents.pop(0)

    keys = Jwks(fetch, "MMHIE_JWKS_URL", clock=clock)
    told = []
    while documents:
        await keys.refresh()
        told.append(keys.problem is None)
        clock.now += COOL_DOWN_S
    assert told == [True, False, True]
    assert keys.find(None) is not None


async def test_a_large_set_is_parsed_in_a_thread(
    ec_signer: Signer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As many keys as fit take longer than other requests may wait."""
    row = ec_signer.public()
    rows = [row | {"kid": str(number)} for number in range(LARGEST_JWKS_BYTES // 200)]
    threads = []

    def noted(document: bytes) -> object:
        threads.append(threading.current_thread())
        return parse(document)

    async def fetch() -> bytes:
        return json.dumps({"keys": rows}).encode()

    monkeypatch.setattr("gateway.auth.jwks.parse", noted)
    keys = Jwks(fetch, "MMHIE_JWKS_URL")
    await keys.refresh()

    assert keys.problem is None
    assert keys.find("7") is not None
    assert threads != [threading.current_thread()]


def test_a_file_is_read_to_its_bound(tmp_path: Path, rsa_signer: Signer) -> None:
    """A larger one is refused, and never read whole."""
    path = tmp_path / "jwks.json"
    path.write_bytes(jwks(rsa_signer) + b" " * LARGEST_JWKS_BYTES)
    with path.open("ab") as file:
        file.truncate(1 << 40)
    with pytest.raises(FileUnusable, match="larger than"):
        parse(read_file(path))
