"""/metrics: the gateway's own, the HTTP layer's and the engine's, in one page that parses."""

from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from tests.contract.process import Gateway

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
        client.get("/metrics")

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
