"""The dashboard: every metric it names exists, and a real Prometheus answers its questions."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.contract.process import Gateway
from tests.contract.surfaces import SURFACES
from tests.fake_engine.process import FakeEngine
from tests.observability import engine_metrics, queries
from tests.observability.prometheus import Prometheus
from tests.waiting import until

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
RED_FLAG = "I have crushing chest pain right now."
TOO_LONG = 3_000_000
# Prometheus' own: whether the scrape worked.
ITS_OWN = {"up"}


CHAT = next(surface for surface in SURFACES if surface.name == "chat-json")


@pytest.fixture(scope="module")
def engine() -> Iterator[FakeEngine]:
    engine = FakeEngine().wait()
    yield engine
    engine.stop()


@pytest.fixture(scope="module")
def gateway(engine: FakeEngine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("gateway")
    settings = {"MMHIE_FEEDBACK_FILE": str(folder / "feedback.db"), "MMHIE_AUDIT_KEY": "k" * 32}
    gateway = Gateway(folder, engine.url, **settings)
    try:
        yield gateway.wait()
    finally:
        gateway.stop()


def trouble(gateway: Gateway, engine: FakeEngine) -> float:
    """One request of each kind that a panel shows: a red flag, a cut, a leak, a refusal. Return how
    many requests the gateway has counted then, all of these among them."""
    before = total(gateway)
    for surface in SURFACES:
        surface.ask(gateway.client)
    CHAT.ask(gateway.client, RED_FLAG)
    CHAT.ask(gateway.client, **CHAT.limit(1))
    CHAT.ask(gateway.client, "x" * TOO_LONG)
    engine.next(fault="harmony")
    CHAT.ask(gateway.client)
    expected = before + len(SURFACES) + 4
    until(lambda: total(gateway) == expected)  # each is counted once its answer was sent
    return expected


def exposed(gateway: Gateway) -> set[str]:
    """The series of the gateway's own families, those without a sample yet too."""
    text = gateway.client.get("/metrics").text
    families = [
        family for family in text_string_to_metric_families(text) if "vllm:" not in family.name
    ]
    return {
        name
        for family in families
        if family.type in engine_metrics.SAMPLES  # nobody asks the HTTP layer's summaries
        for name in engine_metrics.samples(family.name, family.type)
    }


def test_every_metric_exists(gateway: Gateway) -> None:
    """Metrics in panels and alerts are on the gateway's page or registered by vLLM; none is about
    a constant alone."""
    known = exposed(gateway) | engine_metrics.series() | ITS_OWN
    for where, expression in queries.questions():
        assert queries.metrics(expression), where
        assert queries.metrics(expression) <= known, where


def test_a_real_prometheus_shows_every_panel_of_the_gateway(
    gateway: Gateway, engine: FakeEngine, tmp_path: Path
) -> None:
    """Scraped with the project's configuration: all rules are healthy, no such panel is empty."""
    prometheus = Prometheus(tmp_path, gateway.url.removeprefix("http://"))
    try:
        prometheus.until('mmhie_phase{phase="ready"} == 1')
        trouble(gateway, engine)
        # A counter that begins at one has risen by nothing: every series of the first trouble has
        # to be seen before the second one, and then seen again.
        prometheus.until(f"sum(mmhie_requests_total) == {trouble(gateway, engine)}")
        prometheus.until(f"sum(mmhie_requests_total) == {trouble(gateway, engine)}")
        for title, expressions in queries.panels().items():
            for expression in expressions:
                if "vllm:" not in expression:
                    prometheus.until(expression, f"the panel {title}")
        prometheus.until_rules_are_healthy(queries.alerts())
    finally:
        prometheus.stop()


def total(gateway: Gateway) -> float:
    """The requests that the gateway has counted."""
    text = gateway.client.get("/metrics").text
    families = {family.name: family.samples for family in text_string_to_metric_families(text)}
    return sum(request.value for request in families["mmhie_requests"])
