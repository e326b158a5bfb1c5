"""Answers of one gateway that are known at another, by way of a real Redis."""

from pathlib import Path

from tests.contract.fixtures import Start
from tests.fake_engine.process import FakeEngine
from tests.gateway.auth.conftest import add_key, bearer
from tests.gateway.cluster.server import RedisServer

ASK = {"prompt": "Why?", "max_tokens": 8}


def test_feedback_reaches_any_gateway(
    redis: RedisServer, start: Start, engine: FakeEngine, tmp_path: Path
) -> None:
    """An answer of one is flagged at the other, by either id; not with another key."""
    keys = tmp_path / "keys.json"
    a, b = (bearer(add_key(keys, name, "generate", "feedback")) for name in "ab")
    shared = {"MMHIE_KEYS_FILE": str(keys), "MMHIE_REDIS_URL": redis.url}
    here, there = (
        start(engine.url, MMHIE_FEEDBACK_FILE=str(tmp_path / f"{name}.db"), **shared).wait()
        for name in ("here", "there")
    )

    def flagged(request_id: str, headers: dict[str, str]) -> int:
        body = {"request_id": request_id, "category": "other", "severity": "low"}
        return there.client.post("/v1/mmhie/feedback", json=body, headers=headers).status_code

    asked = here.client.post("/llm/generate", json=ASK, headers=a).json()["request_id"]
    chosen = {**a, "x-request-id": "visit-17"}
    here.client.post("/llm/generate", json=ASK, headers=chosen).raise_for_status()

    assert [flagged(request_id, b) for request_id in (asked, "visit-17")] == [404, 404]
    assert [flagged(request_id, a) for request_id in (asked, "visit-17")] == [200, 200]
