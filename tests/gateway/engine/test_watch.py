"""The engine's state, from the launcher's file or from probes; the watch never ends."""

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.app import create_app
from gateway.engine.watch import EngineState, EngineWatch, parse_models, read_status_file
from gateway.errors import EngineUnavailable
from gateway.settings.gateway import GatewaySettings
from tests.gateway.peer import Line, Peer, meeting

MODEL = {"id": "public", "max_model_len": 100, "reasoning": True, "base": "b", "adapter": "a"}
TOLD = {
    "phase": "loading",
    "progress": 0.5,
    "detail": "Half.",
    "engine": {"name": "vllm", "version": "0.32.0"},
    "model": MODEL,
    "warnings": ["w"],
}


SILENT = object()


class Engine:
    """Answers by path; an unknown path is 404, and SILENT means no answer."""

    def __init__(self, **answers: Any) -> None:
        self.answers = {
            "/health": "",
            "/v1/models": {"data": [{"id": "m", "max_model_len": 64}]},
            "/version": {"version": "9.9"},
            "/tokenize": {"count": 7},
            **{f"/{name}": answer for name, answer in answers.items()},
        }
        self.asked: list[str] = []
        self.chats = True  # whether it has a chat template to count messages with

    async def play(self, line: Line) -> None:
        while True:
            request = await line.request()
            path = request.split(b" ")[1].decode()
            self.asked.append(path)
            if self.answers.get(path) is SILENT:
                return await line.hung_up()
            refused = not self.chats and b"messages" in request
            answer = None if refused else self.answers.get(path)
            status = b"404 No" if answer is None else b"200 OK"
            body = answer.encode() if isinstance(answer, str) else json.dumps(answer).encode()
            line.say(b"HTTP/1.1 %b\r\ncontent-length: %d\r\n\r\n%b" % (status, len(body), body))


def phase_file(folder: Path, **changed: Any) -> Path:
    """Write the launcher's file with these changes."""
    file = folder / "phase.json"
    file.write_text(json.dumps(TOLD | changed))
    return file


async def look(engine: Engine, phase_file: Path | None = None) -> EngineState:
    async with meeting(engine.play) as (client, _):
        return await EngineWatch(client, phase_file).probe()


async def test_an_engine_without_a_launcher() -> None:
    """Its own model list, version, template and tokenizer count."""
    state = await look(Engine())
    assert (state.phase, state.progress, state.engine_version) == ("ready", 1.0, "9.9")
    model = state.model
    assert model is not None
    assert (model.id, model.ids, model.max_model_len) == ("m", ("m",), 64)
    assert (model.counts_tokens, model.template_tokens, model.has_chat_template) == (True, 7, True)


async def test_an_engine_other_than_vllm() -> None:
    """Without /health, /version or /tokenize it is ready all the same."""
    engine = Engine(health=None, version=None, tokenize=None)
    state = await look(engine)
    assert state.phase == "ready"
    assert state.model is not None
    assert not state.model.counts_tokens
    assert state.model.has_chat_template


async def test_the_launcher_knows_better(tmp_path: Path) -> None:
    """Only the public id is served, with the launcher's facts."""
    state = await look(Engine(), phase_file(tmp_path, phase="ready"))
    assert state.model is not None
    assert state.model.ids == ("public",)
    assert (state.model.max_model_len, state.model.reasons, state.model.base) == (100, True, "b")
    assert (state.engine_version, state.warnings) == ("0.32.0", ("w",))


async def test_that_a_model_reasons_may_be_learned() -> None:
    """From its answers, unless the launcher has published it."""
    async with meeting(Engine().play) as (client, _):
        watch = EngineWatch(client, None)
        watch.state = await watch.probe()
        known = watch.state.model
        assert known is not None
        watch.mark_reasoning(known)

        assert watch.state.model == replace(known, reasons=True)
        published = replace(known, reasons=False)
        watch.state = replace(watch.state, model=published)
        watch.mark_reasoning(published)
        assert watch.state.model is published


@pytest.mark.parametrize(("told", "chats"), [(True, True), (False, False), (None, False)])
async def test_a_template_is_where_the_launcher_says_so(
    told: bool | None, chats: bool, tmp_path: Path
) -> None:
    """Harmony needs no template of the tokenizer; without the launcher's fact /tokenize decides."""
    engine = Engine()
    engine.chats = False
    file = phase_file(tmp_path, phase="ready", model={**MODEL, "chat_template": told})
    state = await look(engine, file)
    assert state.model is not None
    assert state.model.has_chat_template is chats


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner),
)


@given(
    told=st.fixed_dictionaries(
        {"phase": st.just("ready")}, optional={name: JSON for name in TOLD if name != "phase"}
    ),
    listing=st.one_of(JSON, st.fixed_dictionaries({"data": JSON})),
)
def test_any_file_and_any_listing(
    told: dict[str, Any], listing: Any, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The result is a state, None or EngineUnavailable, never another exception."""
    file = tmp_path_factory.getbasetemp() / "any.json"
    file.write_text(json.dumps(told))
    state = read_status_file(file)
    try:
        parse_models(json.dumps(listing).encode(), state.model_facts if state else {})
    except EngineUnavailable as error:
        assert error.retry_after_s is None  # noqa: PT017 - either way is right


def test_what_is_no_file_has_no_state(tmp_path: Path) -> None:
    """A pipe or a device would block every request."""
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero"), tmp_path):
        assert read_status_file(path) is None


@pytest.mark.parametrize("length", ["8192", True, 0, -1, 1.5, [], None])
def test_a_length_that_is_none(length: object) -> None:
    """Of a proxy before the engine, for one: the gateway then checks no length itself."""
    listing = {"data": [{"id": "m", "max_model_len": length}]}

    assert parse_models(json.dumps(listing).encode(), {}).max_model_len is None


async def test_a_busy_engine_is_not_given_up_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests are refused only after three late probes in a row."""
    engine = Engine()
    async with meeting(engine.play) as (client, _):
        watch = EngineWatch(client, None)

        async def phases(answer: object, count: int) -> list[str]:
            """Probe an engine with this health page several times."""
            engine.answers["/health"] = answer
            seen: list[str] = []
            for _ in range(count):
                watch.state = await watch.probe()
                seen.append(watch.phase)
            return seen

        assert await phases("", 1) == ["ready"]
        monkeypatch.setattr("gateway.engine.watch.PROBE_TIMEOUT_S", 0.1)
        assert await phases(SILENT, 4) == ["ready"] * 2 + ["engine_down"] * 2
        monkeypatch.undo()
        assert await phases("", 1) == ["ready"]


async def test_a_gateway_takes_requests_once_it_has_probed_the_engine() -> None:
    """It refuses no request while the engine is ready; an engine that hangs delays it for
    a moment only."""
    async with Peer(Engine().play) as peer:
        app = create_app(GatewaySettings(engine_url=peer.url))
        async with app.router.lifespan_context(app):
            assert app.state.services.available_model().id == "m"
    async with Peer(Line.hung_up) as peer:
        app = create_app(GatewaySettings(engine_url=peer.url))
        async with app.router.lifespan_context(app):
            assert app.state.services.phase() == "starting"


@pytest.mark.parametrize(
    "nonsense", ["<html>", "[]", "7", {"other": 1}, {"version": [1], "count": "x"}]
)
async def test_what_only_adds_may_be_nonsense(nonsense: Any) -> None:
    """With an invalid version or token count the engine is ready."""
    engine = Engine(version=nonsense, tokenize=nonsense)
    state = await look(engine)

    assert (state.phase, state.engine_version) == ("ready", None)
    assert state.model is not None
    assert not state.model.counts_tokens
