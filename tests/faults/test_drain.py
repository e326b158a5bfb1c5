"""Two gateways behind nginx, restarted one after the other: no request is lost."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import pytest

from requirements import programs
from tests.contract.fixtures import StartEngine
from tests.contract.process import Gateway, free_ports
from tests.contract.surfaces import CHAT, GENERATE, SURFACES, Surface
from tests.fake_engine.process import FakeEngine
from tests.faults.balancer import NGINX, balancing
from tests.waiting import PATIENCE_S, until

pytestmark = pytest.mark.slow

CALLERS = 12
ASKED = tuple(surface for surface in SURFACES if surface.path in (GENERATE, CHAT))


class Crowd:
    """Callers who ask on one connection each, in every form, until they are stopped."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.stopping = threading.Event()
        self.outcomes: list[str] = []

    def ask(self, number: int) -> None:
        with httpx2.Client(base_url=self.url, timeout=PATIENCE_S, trust_env=False) as client:
            while not self.stopping.wait(0.1):
                surface = ASKED[number % len(ASKED)]
                self.outcomes.append(outcome_of(surface, surface.ask(client, max_tokens=12)))
                number += 1

    def until_answered(self) -> None:
        """Wait for two more answers to each caller."""
        enough = len(self.outcomes) + 2 * CALLERS
        until(lambda: len(self.outcomes) >= enough)


def outcome_of(surface: Surface, answer: httpx2.Response) -> str:
    """Return `whole`, or what came instead."""
    is_whole = answer.status_code == 200 and '"error"' not in answer.text
    if surface.form == "text":
        is_whole = is_whole and "[interrupted: " not in answer.text
    if surface.form == "sse":
        is_whole = is_whole and answer.text.endswith("data: [DONE]\n\n")
    return "whole" if is_whole else f"{surface.name} {answer.status_code}: {answer.text[-500:]}"


def begin(folder: Path, engine: FakeEngine, port: int) -> Gateway:
    """A gateway on this port, ready."""
    times = {"MMHIE_SETTLE_SECONDS": "0.5", "MMHIE_DRAIN_SECONDS": "10"}
    return Gateway(folder, engine.url, MMHIE_PORT=str(port), **times).wait()


@pytest.mark.skipif(not NGINX, reason=programs.reason("nginx"))
def test_a_rolling_restart_loses_no_request(tmp_path: Path, start_engine: StartEngine) -> None:
    """Under a steady load every request is answered, whole."""
    engine = start_engine("--token-delay", "0.01")
    ports = free_ports(2)
    gateways = [begin(tmp_path, engine, port) for port in ports]
    try:
        with balancing(tmp_path, ports) as port, ThreadPoolExecutor(CALLERS) as pool:
            crowd = Crowd(port)
            asking = [pool.submit(crowd.ask, number) for number in range(CALLERS)]
            try:
                for place, own in enumerate(ports):
                    crowd.until_answered()
                    assert gateways[place].stop() == 0
                    gateways[place] = begin(tmp_path, engine, own)
                crowd.until_answered()
            finally:
                crowd.stopping.set()
            for each in asking:
                each.result()
    finally:
        for gateway in gateways:
            gateway.stop()

    assert set(crowd.outcomes) == {"whole"}
