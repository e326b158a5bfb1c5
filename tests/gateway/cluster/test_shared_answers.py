"""Answers of one gateway that are known at another, by way of a real Redis."""

from contextlib import ExitStack
from pathlib import Path

from tests.contract.process import Gateway
from tests.fake_engine.process import FakeEngine
from tests.gateway.auth.conftest import add_key, bearer
from tests.gateway.cluster.server import RedisServer

ASK = {"prompt": "Why?", "max_tokens": 8}


def test_feedback_reaches_any_gateway(
    redis: RedisServer, engine: FakeEngine, tmp_path: Path
) -> None:
    """An answer of one is flagged at the other, by either id; not with another key."""
    secrets = {
        name: add_key(tmp_path / "keys.json", name, "generate", "feedback") for name in ("a", "b")
    }
    with ExitStack() as stack:
        here, there = (
            stack.enter_context(
                Gateway(
                    tmp_path,
                    engine.url,
                    MMHIE_KEYS_FILE=str(tmp_path / "keys.json"),
                    MMHIE_REDIS_URL=redis.url,
                    MMHIE_FEEDBACK_FILE=str(tmp_path / f"{name}.db"),
                )
            )
            for name in ("here", "there")
        )
        for gateway in (here, there):
            gateway.wait()

        def flagged(request_id: str, who: str) -> int:
            body = {"request_id": request_id, "category": "other", "severity": "low"}
            headers = bearer(secrets[who])
            return there.client.post("/v1/mmhie/feedback", json=body, headers=headers).status_code

        asked = here.client.post("/llm/generate", json=ASK, headers=bearer(secrets["a"]))
        chosen = bearer(secrets["a"]) | {"x-request-id": "visit-17"}
        here.client.post("/llm/generate", json=ASK, headers=chosen).raise_for_status()

        assert flagged(asked.json()["request_id"], "b") == 404
        assert flagged("visit-17", "b") == 404
        assert flagged(asked.json()["request_id"], "a") == 200
        assert flagged("visit-17", "a") == 200
