"""/metrics: the gateway's own, the HTTP layer's and the engine's, in one page that parses."""

from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from tests.contract.process import Gateway
from tests.contract.surfaces import CHAT_SSE, SURFACES
from tests.fake_engine.process import FakeEngine

CANARY = "zebrafish7731"


def scraped(gateway: Gateway) -> dict[str, Metric]:
    """The families of one scrape; none appears twice."""
    answer = gateway.client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")
    families = list(text_string_to_metric_families(answer.text))
    names = [family.name for family in families]
    assert len(names) == len(set(names)), sorted(names)
    return {family.name: family for family in families}


def total(metric: Metric) -> float:
    """The sum of a family's samples, creation times left out."""
    return sum(sample.value for sample in metric.samples if not sample.name.endswith("_created"))


def test_three_kinds_in_one_page(gateway: Gateway) -> None:
    """One page has `mmhie_*`, `http_*` and `vllm:*`."""
    for surface in SURFACES:
        surface.ask(gateway.client)

    names = scraped(gateway).keys()
    for prefix in ("mmhie_", "http_", "vllm:"):
        assert any(name.startswith(prefix) for name in names), prefix


def test_http_counts_are_the_gateways(gateway: Gateway, engine: FakeEngine) -> None:
    """The engine's web stack has a family of the same name; it must not be summed in."""
    before = total(scraped(gateway)["http_requests"])
    for _ in range(5):
        SURFACES[0].ask(gateway.client)
    after = total(scraped(gateway)["http_requests"])

    assert 5 <= after - before <= 7


def test_the_engines_gauges_are_live(gateway: Gateway, engine: FakeEngine) -> None:
    """A request that runs there is seen here."""
    engine.next({"fault": "endless"}, {"fault": "slow_tokens", "seconds": 0.01})
    with CHAT_SSE.stream(gateway.client) as answer:
        parts = answer.iter_raw()  # held: a dropped iterator closes the response
        next(parts)
        assert total(scraped(gateway)["vllm:num_requests_running"]) == 1
    engine.until(lambda stats: stats["running"] == 0)
    assert total(scraped(gateway)["vllm:num_requests_running"]) == 0


def test_no_engine_no_trouble(deserted: Gateway) -> None:
    """The gateway's own numbers are there while the engine is away."""
    SURFACES[0].ask(deserted.client)
    assert any(name.startswith("mmhie_") for name in scraped(deserted))


PROMPT_LIKE = ('x"} 1\nmmhie_evil 1\n', "a\\", "\u2028", "é" * 50, f"{CANARY}" * 20)
METHODS = ("PUT", "DELETE", "PATCH", "OPTIONS", CANARY.upper())


def test_labels_come_from_closed_sets(gateway: Gateway) -> None:
    """Models, paths, queries, methods, keys, hosts and ids of a caller's own making: what is
    counted stays what it was, and the page can still be read."""

    def ask(number: int) -> None:
        client, name = gateway.client, f"{CANARY}-{number}"
        client.get(f"/{name}?q={name}")
        client.get(f"/v1/models/{name}")
        client.post("/v1/chat/completions", json={"model": name, "messages": []})
        client.post("/v1/completions", json={"model": name, "prompt": PROMPT_LIKE[number % 5]})
        client.post("/llm/generate", json={"prompt": "x", name: name, "temperature": name})
        names = ("x-api-key", "host", "accept", "user-agent", "x-request-id")
        client.request(METHODS[number % 5], "/healthz", headers=dict.fromkeys(names, name))

    for number in range(8):
        ask(number)
    before = series(gateway)
    for number in range(8, 200):
        ask(number)

    assert series(gateway) == before
    assert CANARY not in gateway.client.get("/metrics").text.lower()


def series(gateway: Gateway) -> set[tuple[str, tuple[tuple[str, str], ...]]]:
    """Every series of ours by name and labels; the engine's come and go with what it does."""
    return {
        (sample.name, tuple(sorted(sample.labels.items())))
        for family in scraped(gateway).values()
        for sample in family.samples
        if not sample.name.startswith("vllm:")
    }
