"""/healthz, /readyz and the phases, with a launcher's status file and without one."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from tests.contract.fixtures import Shared, Start, StartEngine
from tests.contract.process import Gateway, free_port
from tests.contract.surfaces import SURFACES, error_of
from tests.fake_engine.process import FakeEngine
from tests.waiting import until

MODEL = {
    "id": "fake-model",
    "base": "some/base",
    "adapter": None,
    "revision": "abc",
    "quantization": "none",
    "dtype": "bfloat16",
    "max_model_len": 8192,
    "chat_template": True,
    "reasoning": False,
    "device": "cpu",
    "test_override": False,
}


def write(path: Path, phase: str, **more: Any) -> None:
    """Write as the launcher does: replaced in one step."""
    told = {
        "phase": phase,
        "progress": None,
        "detail": f"The phase is {phase}.",
        "engine": {"name": "vllm", "version": "0.32.0"},
        "model": MODEL,
        "warnings": [],
        "updated": time.time(),
        **more,
    }
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(told))
    fresh.replace(path)


def until_phase(gateway: Gateway, phase: str) -> dict[str, Any]:
    """Wait until /healthz tells a phase; its body then."""
    body: dict[str, Any] = {}

    def is_told() -> bool:
        answer = gateway.client.get("/healthz")
        assert answer.status_code == 200
        body.update(answer.json())
        return bool(body["phase"] == phase)

    until(is_told)
    return body


def test_ready_without_a_phase_file(gateway: Gateway) -> None:
    """The engine is asked itself."""
    body = gateway.client.get("/healthz").json()

    told = {"status": "ok", "phase": "ready", "progress": 1.0, "model": "fake-model"}
    assert told.items() <= body.items()
    assert body["detail"]
    assert gateway.client.get("/readyz").status_code == 200


def test_ready_follows_the_engine(start: Start, start_engine: StartEngine) -> None:
    """A slow start, then ready; an unhealthy engine, then down; and ready again."""
    port = str(free_port())
    gateway = start(f"http://127.0.0.1:{port}").wait("/healthz")
    assert gateway.client.get("/readyz").status_code == 503

    engine = start_engine("--port", port, "--start-delay", "0.5")
    until_phase(gateway, "ready")
    assert gateway.client.get("/readyz").status_code == 200
    engine.options(unhealthy=True)
    until_phase(gateway, "engine_down")
    assert gateway.client.get("/readyz").status_code == 503
    engine.options(unhealthy=False)
    until_phase(gateway, "ready")


@pytest.fixture(scope="module")
def phase_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Path at which a launcher would write."""
    return tmp_path_factory.mktemp("launcher") / "phase.json"


@pytest.fixture(scope="module")
def told(the_gateways: Shared, phase_file: Path) -> Gateway:
    """A gateway that is told its phase by a file."""
    write(phase_file, "ready")
    return the_gateways(MMHIE_PHASE_FILE=str(phase_file))


@pytest.mark.parametrize("phase", ["loading", "draining", "stalled"])
def test_the_phase_file_decides(
    told: Gateway, engine: FakeEngine, phase_file: Path, phase: str
) -> None:
    """Every phase but ready: /healthz tells it, /readyz and the model routes answer 503."""
    write(phase_file, phase, progress=0.4 if phase == "loading" else None)

    body = until_phase(told, phase)
    assert body["status"] == "ok"
    assert body["detail"] == f"The phase is {phase}."
    assert phase != "loading" or body["progress"] == 0.4
    assert told.client.get("/readyz").status_code == 503
    for surface in SURFACES:
        answer = surface.ask(told.client)
        assert answer.status_code == 503
        error_of(answer)
    assert engine.stats["generations"] == 0
    write(phase_file, "ready")
    assert until_phase(told, "ready")["served"]["base"] == "some/base"


def test_health_does_not_wait_for_a_hanging_engine(start: Start, start_engine: StartEngine) -> None:
    """A probe of the gateway is answered at once, whatever the engine does."""
    engine = start_engine()
    gateway = start(engine.url).wait()
    engine.next(fault="hang_before_headers", path="/health", times=-1)
    until(lambda: "/health" in [request["path"] for request in engine.seen()])

    for _ in range(3):
        assert gateway.client.get("/healthz").status_code == 200


def test_openapi_says_what_comes(gateway: Gateway) -> None:
    """The status that is sent, and the media type of the metrics."""
    paths = gateway.client.get("/openapi.json").json()["paths"]

    assert "200" not in paths["/v1/embeddings"]["post"]["responses"]
    assert "422" not in paths["/v1/models/{model_id}"]["get"]["responses"]
    assert "503" in paths["/readyz"]["get"]["responses"]
    assert list(paths["/metrics"]["get"]["responses"]["200"]["content"]) == ["text/plain"]
