"""The gateway started as its pod would be, asked by the pod's own probes."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.contract.process import Gateway
from tests.fake_engine.process import FakeEngine
from tests.kubernetes.rendered import Pod, one, pods
from tests.waiting import until

MODEL = "dousery/medical-reasoning-gpt-oss-20b"
SECRET = "a-secret-of-the-engine"
HOLD = (
    '{"reason": "Answers are being reviewed.", "by": "operator", "since": "2026-01-01T00:00:00Z"}'
)
QUESTION = {"prompt": "Hello", "stream": True}

pytestmark = pytest.mark.slow


def pod_of(overlay: str, component: str) -> Pod:
    """The pod template of a component."""
    of_it = (pod for pod in pods(overlay) if pod.labels["app.kubernetes.io/component"] == component)
    return next(of_it)


def probe(pod: Pod, kind: str, url: str) -> int:
    """The status that a probe of this pod gets; 0 where nobody answers."""
    path = pod.container[f"{kind}Probe"]["httpGet"]["path"]
    try:
        return httpx2.get(url + path, trust_env=False, timeout=60).status_code
    except httpx2.TransportError:
        return 0


@pytest.fixture
def engine() -> Iterator[FakeEngine]:
    with FakeEngine("--model", MODEL, "--api-key", SECRET) as engine:
        yield engine.wait()


def settings(folder: Path, overlay: str) -> dict[str, str]:
    """The pod's own settings, but for addresses and where its files lie."""
    given: dict[str, Any] = dict(one(overlay, "ConfigMap", "gateway-settings")["data"])
    for name in ("MMHIE_HOST", "MMHIE_PORT", "MMHIE_ENGINE_URL"):
        given.pop(name)
    model = one(overlay, "ConfigMap", "gateway-model")["data"]["model.json"]
    (folder / "model.json").write_text(model)
    for name in ("MMHIE_KEYS_FILE", "MMHIE_HOLD_FILE", "MMHIE_PHASE_FILE"):
        given[name] = given[name] and str(folder / Path(given[name]).name)
    secrets = {"MMHIE_AUDIT_KEY": "k" * 32, "MMHIE_DIGEST_KEY": "d" * 32}
    trail = {"MMHIE_AUDIT_FILE": str(folder / "audit.jsonl")}
    return given | secrets | trail | {"MMHIE_ENGINE_API_KEY": SECRET}


def new_key(environ: dict[str, str]) -> str:
    """A key as an operator makes one for the secret `mmhie-keys`."""
    mmhie = Path(sys.executable).with_name("mmhie")
    command = [str(mmhie), "keys", "new", "--name", "ward-7"]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)
    return done.stdout.strip().splitlines()[-1]


@contextmanager
def gateway_of(overlay: str, folder: Path, engine_url: str) -> Iterator[Gateway]:
    """The gateway of an overlay, with one key."""
    environ = settings(folder, overlay)
    key = new_key(environ)
    gateway = Gateway(folder, engine_url, **environ)
    gateway.client.headers["authorization"] = f"Bearer {key}"
    try:
        yield gateway.wait()
    finally:
        gateway.stop()


@pytest.fixture
def gateway(tmp_path: Path, engine: FakeEngine) -> Iterator[Gateway]:
    """The gateway of the overlay `one-node` in front of an engine."""
    with gateway_of("one-node", tmp_path, engine.url) as gateway:
        yield gateway


def test_probes_find_a_gateway_well(gateway: Gateway) -> None:
    """Started, alive, ready; and it answers."""
    pod = pod_of("one-node", "gateway")

    assert {probe(pod, kind, gateway.url) for kind in ("startup", "liveness", "readiness")} == {200}
    assert gateway.client.post("/llm/generate", json=QUESTION | {"stream": False}).is_success


def test_a_lost_engine_costs_readiness_not_life(gateway: Gateway, engine: FakeEngine) -> None:
    """A restart of the gateway would bring no engine back."""
    pod = pod_of("one-node", "gateway")
    engine.child.kill()
    until(lambda: probe(pod, "readiness", gateway.url) == 503)

    assert probe(pod, "liveness", gateway.url) == 200


def test_a_hold_comes_by_config_map(gateway: Gateway, tmp_path: Path) -> None:
    """The file appears in the volume, and the model is out of service."""
    pod = pod_of("one-node", "gateway")
    (tmp_path / "hold.json").write_text(HOLD)
    until(lambda: probe(pod, "readiness", gateway.url) == 503)

    assert probe(pod, "liveness", gateway.url) == 200
    assert gateway.client.post("/llm/generate", json=QUESTION).status_code == 503


def test_a_pod_that_is_told_to_stop_ends_its_answers(gateway: Gateway, engine: FakeEngine) -> None:
    """Within what is left of the grace period after the pause; nobody is cut off."""
    pod = pod_of("one-node", "gateway")
    pause = pod.container["lifecycle"]["preStop"]["sleep"]["seconds"]
    left_s = pod.spec["terminationGracePeriodSeconds"] - pause
    engine.next(fault="gated")
    with gateway.client.stream("POST", "/llm/generate", json=QUESTION) as answer:
        parts = answer.iter_bytes()
        body = next(parts)
        gateway.signal()
        until(lambda: probe(pod, "readiness", gateway.url) != 200)
        engine.release(10_000)
        body += b"".join(parts)

    assert body.endswith(b"data: [DONE]\n\n")
    assert b'"error"' not in body
    assert gateway.exit_code(left_s) == 0
