"""The engine's own priority: the class of the key, or a lower one that the request asks for."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.contract.fixtures import Start
from tests.contract.process import Gateway
from tests.contract.surfaces import GENERATE, SURFACES, Surface, name_of
from tests.fake_engine.process import FakeEngine
from tests.gateway.auth.conftest import add_key, bearer

RANKS = {"emergency": -1, "routine": None, "batch": 1}
HEADER = "X-MMHIE-Priority"


def by_priority(folder: Path, *, ranked: bool = True) -> dict[str, str]:
    """The settings of a gateway whose engine goes by priority, or does not."""
    phase = folder / "phase.json"
    model = {"id": "fake-model", "chat_template": True, "priority": ranked}
    phase.write_text(json.dumps({"phase": "ready", "model": model}))
    settings = {"MMHIE_PHASE_FILE": str(phase)}
    keys = folder / "keys.json"
    return settings | ({"MMHIE_KEYS_FILE": str(keys)} if keys.exists() else {})


def headers_by_rank(keys: Path) -> dict[str, dict[str, str]]:
    """The headers of a key of each class."""
    scopes = ("generate", "openai")
    return {rank: bearer(add_key(keys, rank, *scopes, priority=rank)) for rank in RANKS}


@pytest.mark.parametrize("ranked", [True, False])
def test_the_engines_own_priority(
    start: Start, engine: FakeEngine, tmp_path: Path, ranked: bool
) -> None:
    """Lower is sooner; an engine that does not go by it would refuse the request, so there it is
    not sent. What the caller says of itself is replaced."""
    headers = headers_by_rank(tmp_path / "keys.json")
    gateway = start(engine.url, **by_priority(tmp_path, ranked=ranked)).wait()

    for surface in SURFACES:
        for rank, key in headers.items():
            wanted = RANKS[rank] if ranked else None
            assert rank_sent(gateway, engine, surface, [*key.items()]) == wanted
            if surface.path != GENERATE:
                said = rank_sent(gateway, engine, surface, [*key.items()], priority=-50)
                assert said == (wanted or 0)


def rank_sent(
    gateway: Gateway,
    engine: FakeEngine,
    surface: Surface,
    headers: list[tuple[str, str]],
    **more: Any,
) -> int | None:
    """The priority that the engine gets for a request with these headers."""
    engine.reset()
    sent = [*surface.headers.items(), *headers]
    answer = gateway.client.post(surface.path, json=surface.body(**more), headers=sent)
    assert answer.status_code == 200, answer.text
    rank: int | None = engine.body(surface.engine_path).get("priority")
    return rank


def test_a_request_lowers_its_own_class_and_raises_none(
    start: Start, engine: FakeEngine, tmp_path: Path
) -> None:
    """On every surface; of several headers the lowest class counts."""
    headers_of = headers_by_rank(tmp_path / "keys.json")
    gateway = start(engine.url, **by_priority(tmp_path)).wait()

    for surface in SURFACES:
        for place, (rank, own) in enumerate(headers_of.items()):
            key = list(own.items())
            for said_place, said in enumerate(RANKS):
                wanted = list(RANKS.values())[max(place, said_place)]
                headers = [*key, (HEADER, said)]
                assert rank_sent(gateway, engine, surface, headers) == wanted, (rank, said)
            both = [*key, (HEADER, "batch"), (HEADER, "emergency")]
            assert rank_sent(gateway, engine, surface, both) == RANKS["batch"]


@pytest.mark.parametrize("said", ["", "Batch", "batch, routine"])
@pytest.mark.parametrize("surface", SURFACES, ids=name_of)
def test_an_unknown_class_is_refused(gateway: Gateway, surface: Surface, said: str) -> None:
    """With the classes there are; the notices of the prompt stay."""
    body = surface.body("I have crushing chest pain right now.")
    headers = {**surface.headers, HEADER: said}
    answer = gateway.client.post(surface.path, json=body, headers=headers)

    assert answer.status_code == 400
    assert "emergency, routine, batch" in answer.json()["error"]["message"]
    assert "MED101" in answer.headers["x-mmhie-notices"]
