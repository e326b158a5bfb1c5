"""The short suite with a real engine that `make test` runs: one start, every surface, and its end.

Nothing here depends on what the model says; the tests that do are slow.
"""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator

import httpx2
import pytest

from tests.contract.surfaces import (
    CHAT,
    COMPLETIONS,
    GENERATE,
    SURFACES,
    Surface,
    error_of,
    events,
    mmhie_of,
    name_of,
)
from tests.contract.test_disclaimer import NOTE, TEXT
from tests.real.stack import Stack, alive, running
from tests.real.work import body_of, generated, until_running

pytestmark = pytest.mark.engine

ENDLESS = 4000  # tokens, which take the engine longer than any test
LEAVING = tuple(s for s in SURFACES if s.path in (CHAT, COMPLETIONS) and s.form == "sse")


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """`mmhie serve` with the embedded model; the last test ends it."""
    with running(tmp_path_factory.mktemp("smoke")) as stack:
        yield stack


@pytest.mark.parametrize("surface", SURFACES, ids=name_of)
def test_every_surface_answers_with_its_label(
    client: httpx2.Client, model: str, surface: Surface
) -> None:
    """An answer has words of the model, its disclaimer, its provenance and the headers."""
    body = body_of(surface, model, **surface.limit(8))
    answer = client.post(surface.path, json=body, headers=surface.headers)

    assert answer.status_code == 200, answer.text
    assert answer.headers["x-mmhie-ai-generated"] == "true"
    if surface.form == "text":
        assert answer.text.endswith(f"\n\n{TEXT}\n{NOTE}\n")
        assert len(answer.text) > len(TEXT) + 4
    else:
        mmhie = mmhie_of(surface, answer)
        assert mmhie["disclaimer"]["text"] == TEXT
        assert mmhie["provenance"]["engine_version"]


@pytest.mark.parametrize("surface", LEAVING, ids=name_of)
def test_a_hang_up_ends_the_engines_work(
    client: httpx2.Client, model: str, surface: Surface
) -> None:
    """The engine stops long before it has generated what the caller who left had asked for."""
    before = generated(client)
    body = body_of(surface, model, **surface.limit(ENDLESS), **surface.lasting)
    with client.stream("POST", surface.path, json=body) as answer:
        assert next(answer.iter_raw())

    until_running(client, 0)
    assert generated(client) - before < ENDLESS


def test_a_refusal_is_the_gateways_own(client: httpx2.Client) -> None:
    """A prompt beyond the context is 413 with the engine's own count, and nothing is generated."""
    before = generated(client)
    answer = client.post(GENERATE, json={"prompt": "word " * 9000})
    error = error_of(answer)

    assert (answer.status_code, error["code"]) == (413, "input_too_long")
    assert re.search(r"9\d{3}", error["message"]), error
    assert generated(client) == before


def test_the_engine_dies_in_mid_stream(client: httpx2.Client, model: str, stack: Stack) -> None:
    """SIGKILL to the engine ends a stream with an error, and health says that it is down."""
    surface = LEAVING[0]
    body = body_of(surface, model, **surface.limit(ENDLESS), **surface.lasting)
    with client.stream("POST", surface.path, json=body) as answer:
        parts = answer.iter_raw()
        begun = next(parts)
        stack.find("api_server").kill()
        *_, error, done = events(begun + b"".join(parts))

    assert error["error"]["code"] in ("engine_cut", "engine_unavailable")
    assert done == "[DONE]"
    stack.until("engine_down")


def test_a_stop_leaves_nothing_behind(stack: Stack) -> None:
    """SIGTERM ends launcher, gateway and engine in order, with exit code 0."""
    processes, folder = stack.processes(), stack.engine_socket.parent
    code = stack.stop(signal.SIGTERM)

    assert code == 0
    assert alive(processes) == []
    assert not folder.exists()
