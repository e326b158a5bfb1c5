"""The engine's own priority: the class of the key, where the engine goes by it."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.contract.fixtures import Start
from tests.contract.surfaces import CHAT, COMPLETIONS, GENERATE, RESPONSES, SURFACES
from tests.fake_engine.process import FakeEngine
from tests.gateway.auth.conftest import add_key, bearer

RANKS = {"emergency": -1, "routine": None, "batch": 1}
PATHS = (CHAT, COMPLETIONS, RESPONSES, GENERATE)


@pytest.mark.parametrize("ranked", [True, False])
def test_the_engines_own_priority(
    start: Start, engine: FakeEngine, tmp_path: Path, ranked: bool
) -> None:
    """Lower is sooner; an engine that does not go by it would refuse the request, so there it is
    not sent. What the caller says of itself is replaced."""
    phase = tmp_path / "phase.json"
    model = {"id": "fake-model", "chat_template": True, "priority": ranked}
    phase.write_text(json.dumps({"phase": "ready", "model": model}))
    keys = tmp_path / "keys.json"
    secrets = {rank: add_key(keys, rank, "generate", "openai", priority=rank) for rank in RANKS}
    gateway = start(engine.url, MMHIE_PHASE_FILE=str(phase), MMHIE_KEYS_FILE=str(keys)).wait()

    for surface in SURFACES:
        for rank, secret in secrets.items():
            sayings: list[dict[str, Any]] = [
                {},
                {} if surface.path == GENERATE else {"priority": -50},
            ]
            for said in sayings:
                engine.reset()
                answer = gateway.client.post(
                    surface.path,
                    json=surface.body(**said),
                    headers=surface.headers | bearer(secret),
                )
                assert answer.status_code == 200, answer.text
                sent = json.loads([one["body"] for one in engine.seen() if one["body"]][-1])
                wanted = RANKS[rank] if ranked else None
                assert sent.get("priority") == (0 if said and wanted is None else wanted)
