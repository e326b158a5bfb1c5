"""The dashboard in front of a real engine: a real Prometheus finds something for every panel."""

import json
import urllib.request
from pathlib import Path

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


def ask(stack: Stack) -> None:
    request = urllib.request.Request(
        f"{stack.base_url}/llm/generate",
        json.dumps(QUESTION).encode(),
        {"content-type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=120) as answer:
        assert answer.read()


def test_every_panel_shows_something(stack: Stack, tmp_path: Path) -> None:
    """No query of the engine's metrics has a misspelt name, label or kind."""
    prometheus = Prometheus(tmp_path, stack.base_url.removeprefix("http://"))
    try:
        prometheus.until("vllm:num_requests_running")
        ask(stack)
        # A rate takes two looks, the first at a counter that is there.
        prometheus.until('mmhie_requests_total{route="/llm/generate",outcome="ok"}')
        ask(stack)
        for title, expressions in queries.panels().items():
            for expression in expressions if title not in QUIET else ():
                prometheus.until(expression, f"the panel {title}")
    finally:
        prometheus.stop()
