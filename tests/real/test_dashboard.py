"""The dashboard in front of a real engine: a real Prometheus finds something for every panel."""

from pathlib import Path

import httpx2
import pytest

from tests.observability import queries
from tests.observability.prometheus import Prometheus
from tests.real.stack import Stack

pytestmark = pytest.mark.slow

# What a healthy engine has nothing to tell about; tests/observability provokes it.
QUIET = {
    *("Refused requests", "Warnings", "Red-flag notices"),
    *("Share refused or failed", "Share with a warning", "Share with a red-flag notice"),
    *("Flags for 1,000 answers", "Sign-offs for 1,000 answers"),
}
QUESTION = {"prompt": "Name two causes of anaemia.", "max_tokens": 8, "stream": True}


def test_every_panel_shows_something(stack: Stack, client: httpx2.Client, tmp_path: Path) -> None:
    """No query of the engine's metrics has a misspelt name, label or kind."""
    prometheus = Prometheus(tmp_path, stack.base_url.removeprefix("http://"))
    try:
        prometheus.until("vllm:num_requests_running")
        client.post("/llm/generate", json=QUESTION).raise_for_status()
        # A rate takes two looks, the first at a counter that is there.
        prometheus.until('mmhie_requests_total{route="/llm/generate",outcome="ok"}')
        client.post("/llm/generate", json=QUESTION).raise_for_status()
        for title, expressions in queries.panels().items():
            for expression in expressions if title not in QUIET else ():
                prometheus.until(expression, f"the panel {title}")
    finally:
        prometheus.stop()
