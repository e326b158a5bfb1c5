"""A stream that was cut, in trail and vault: exactly what the caller has received."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import httpx2
import pytest

from gateway.hold.hold import Hold, write
from gateway.safety.labels import keyed_digest
from tests.contract.process import Gateway
from tests.contract.surfaces import STREAMS, Surface, events, name_of, strings
from tests.fake_engine.process import FakeEngine
from tests.gateway.audit.conftest import line_where, trail_settings
from tests.gateway.vault.conftest import Holder, key_pair

DIGEST_KEY = "d" * 32
TOKENS: Final = ["Rest ", "and ", "sleep ", "well, ", "then ", "drink ", "much."]
SAID: Final = "".join(TOKENS[:4])
SAY = {"fault": "say", "tokens": TOKENS}
CLOSING = r"\n\n(?:\[interrupted:|\[cut off:|Model outputs)"


class Trail:
    """A gateway with a trail, a vault and a hold file."""

    def __init__(self, folder: Path, engine_url: str) -> None:
        self.file, self.hold_file = folder / "audit.jsonl", folder / "hold.json"
        self.holder = Holder(folder / "vault", key_pair(folder))
        more = {"MMHIE_DIGEST_KEY": DIGEST_KEY, "MMHIE_HOLD_FILE": str(self.hold_file)}
        settings = trail_settings(self.file) | self.holder.settings | more
        self.gateway = Gateway(folder, engine_url, **settings).wait()

    def line(self, request_id: str) -> dict[str, Any]:
        """The line of a request, once it is there."""
        return line_where(self.file, request_id=request_id)

    def assert_has(self, request_id: str, text: str) -> None:
        """Assert that trail and vault have this as an answer that broke off."""
        digest = keyed_digest(DIGEST_KEY.encode(), text)
        kept = self.holder.answer(request_id)
        assert self.line(request_id)["output_digests"] == [digest]
        assert (kept["is_whole"], kept["answers"][0]["text"]) == (False, text)


@pytest.fixture(scope="module")
def trail(the_engine: FakeEngine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trail]:
    """One for all streams."""
    trail = Trail(tmp_path_factory.mktemp("trail"), the_engine.url)
    yield trail
    trail.gateway.stop()


def text_in(surface: Surface, body: bytes) -> str:
    """The answer in what was received so far: without paragraphs of ours."""
    if surface.form == "text":
        return re.split(CLOSING, body.decode())[0]
    whole = body[: body.rfind(b"\n\n") + 2]
    return "".join(strings(events(whole)))


class Reader:
    """A caller who keeps every byte."""

    def __init__(self, surface: Surface, answer: httpx2.Response) -> None:
        self.request_id = answer.headers["x-request-id"]
        self.body = b""
        self._surface = surface
        self._bytes = answer.iter_bytes()

    def until(self, text: str) -> None:
        """Read until this is the answer so far."""
        while self.text != text:
            self.body += next(self._bytes)

    def to_the_end(self) -> None:
        self.body += b"".join(self._bytes)

    @property
    def text(self) -> str:
        return text_in(self._surface, self.body)


def leave(trail: Trail, reader: Reader) -> str:
    """Go after four tokens."""
    reader.until(SAID)
    return "client_gone"


def hold_now(trail: Trail, reader: Reader) -> str:
    """Let an operator end what runs."""
    reader.until(SAID)
    write(trail.hold_file, Hold("drift", "ops", "2026-01-01T00:00:00Z", now=True))
    reader.to_the_end()
    trail.hold_file.unlink()
    trail.gateway.wait()
    return "held"


@pytest.mark.parametrize("surface", STREAMS, ids=name_of)
@pytest.mark.parametrize("end", [leave, hold_now])
def test_a_stream_that_is_ended(
    trail: Trail, engine: FakeEngine, surface: Surface, end: Callable[[Trail, Reader], str]
) -> None:
    """Four tokens have been received, and the fifth was never let go."""
    engine.next(SAY, {"fault": "gated"})
    with trail.gateway.client.stream(
        "POST", surface.path, json=surface.body(), headers=surface.headers
    ) as answer:
        engine.release(3)  # the first comes by itself
        reader = Reader(surface, answer)
        outcome = end(trail, reader)
    line = trail.line(reader.request_id)

    assert reader.text == SAID
    assert line["outcome"] == outcome
    trail.assert_has(reader.request_id, SAID)
    assert line["prompt_digest"].startswith("hmac-sha256:")


BREAKS = {"reset_midstream": "engine_cut", "error_midstream": "engine_rejected"}


@pytest.mark.parametrize("surface", STREAMS, ids=name_of)
@pytest.mark.parametrize("fault", BREAKS)
def test_an_engine_that_dies(
    trail: Trail, engine: FakeEngine, surface: Surface, fault: str
) -> None:
    """However much of its text was still on the way."""
    engine.next(SAY, {"fault": fault, "after": 4})
    answer = surface.ask(trail.gateway.client)
    request_id, text = answer.headers["x-request-id"], text_in(surface, answer.content)

    assert text.startswith(TOKENS[0])
    assert len(text) < len("".join(TOKENS))
    assert trail.line(request_id)["outcome"] == BREAKS[fault]
    trail.assert_has(request_id, text)
