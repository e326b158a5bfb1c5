"""Traces of a real gateway at a real collector: conventions, no text, no cost when off."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.contract.fixtures import Refusal, Start
from tests.contract.process import Gateway
from tests.contract.surfaces import CHAT, CHAT_JSON, CHAT_SSE, SURFACES, Surface, name_of
from tests.fake_engine.process import FakeEngine
from tests.gateway.observability.collector import Collector
from tests.waiting import until

CANARY = "zebrafish7731"
TRACE, CALLER = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
TRACEPARENT = {"traceparent": f"00-{TRACE}-{CALLER}-01"}
QUICK = {"OTEL_BSP_SCHEDULE_DELAY": "50"}  # milliseconds between two exports
Spans = list[dict[str, Any]]


@pytest.fixture(scope="module")
def shared() -> Iterator[Collector]:
    with Collector() as running:
        yield running


@pytest.fixture(scope="module")
def traced(
    the_engine: FakeEngine, shared: Collector, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    """A gateway for tests that change nothing."""
    folder = tmp_path_factory.mktemp("traced")
    settings = {"MMHIE_TRACES_ENDPOINT": shared.endpoint, **QUICK}
    with Gateway(folder, the_engine.url, **settings).wait() as gateway:
        yield gateway


def of_request(collector: Collector, request_id: str) -> tuple[dict[str, Any], Spans]:
    """Return the span of a request, and the engine's spans within it."""

    def ours(spans: Spans) -> Spans:
        return [span for span in spans if span["attributes"].get("mmhie.request_id") == request_id]

    spans = collector.until(lambda all_spans: bool(ours(all_spans)))
    (own,) = ours(spans)
    return own, [span for span in spans if span["parent"] == own["id"]]


@pytest.mark.parametrize("surface", SURFACES, ids=name_of)
def test_an_answer_has_two_spans(
    traced: Gateway, engine: FakeEngine, shared: Collector, surface: Surface
) -> None:
    """Ours continues the caller's trace; the engine's has the GenAI names, tokens and times, and
    its id is sent to the engine."""
    body = surface.body(CANARY, temperature=0.5, seed=7, **surface.limit(9))
    answer = traced.client.post(surface.path, json=body, headers={**surface.headers, **TRACEPARENT})
    own, (engines,) = of_request(shared, answer.headers["x-request-id"])

    assert (own["trace"], own["parent"], own["kind"]) == (TRACE, CALLER, "SPAN_KIND_SERVER")
    assert (own["name"], own["service"]) == (f"POST {surface.path}", "mmhie-gateway")
    assert own["attributes"]["http.response.status_code"] == 200
    assert own["attributes"]["mmhie.outcome"] == "ok"
    assert own["start"] <= engines["start"] <= engines["end"] <= own["end"]

    operation = "text_completion" if surface.path == "/v1/completions" else "chat"
    told = engines["attributes"]
    assert (engines["name"], engines["kind"]) == (f"{operation} fake-model", "SPAN_KIND_CLIENT")
    known = {
        "gen_ai.operation.name": operation,
        "gen_ai.provider.name": "vllm",
        "gen_ai.request.model": "fake-model",
        "gen_ai.response.model": "fake-model",
        "gen_ai.request.temperature": 0.5,
        "gen_ai.request.seed": 7,
        "server.address": "127.0.0.1",
        "server.port": int(engine.url.rsplit(":", 1)[1]),
    }
    assert known.items() <= told.items()
    assert told["gen_ai.request.stream"] == (surface.form != "json")
    assert told["gen_ai.usage.input_tokens"] > 0
    assert told["gen_ai.usage.output_tokens"] > 0
    if surface.form != "json" or surface.path == "/llm/generate":
        assert 0 < told["gen_ai.response.time_to_first_chunk"] < 20
    seen = engine.seen(surface.engine_path)[-1]
    assert seen["headers"]["traceparent"] == f"00-{TRACE}-{engines['id']}-01"
    until(lambda: TRACE in traced.log)


@pytest.mark.parametrize(
    ("fault", "status", "outcome"),
    [
        ({"fault": "status", "status": 500}, 502, "engine_rejected"),
        ({"fault": "cut"}, 200, "engine_cut"),
    ],
)
def test_a_failure_is_marked(
    traced: Gateway, engine: FakeEngine, shared: Collector, fault: Any, status: int, outcome: str
) -> None:
    """Both spans have its code; no event has an exception's message."""
    engine.next(**fault)
    answer = CHAT_SSE.ask(traced.client, CANARY)
    own, (engines,) = of_request(shared, answer.headers["x-request-id"])

    assert own["attributes"]["http.response.status_code"] == status
    assert own["attributes"]["error.type"] == engines["attributes"]["error.type"] == outcome
    assert engines["status"]["code"] == "STATUS_CODE_ERROR"
    assert ("code" in own["status"]) == (status >= 500)
    assert own["events"] == engines["events"] == []


@pytest.mark.parametrize(
    "header", [CANARY, f"00-{CANARY}-{CALLER}-01", f"00-{'0' * 32}-{CALLER}-01"]
)
def test_a_traceparent_that_is_none(
    traced: Gateway, engine: FakeEngine, shared: Collector, header: str
) -> None:
    """A new trace begins; the invalid header, tracestate and baggage are dropped."""
    headers = {"traceparent": header, "tracestate": f"a={CANARY}", "baggage": f"a={CANARY}"}
    answer = traced.client.post(CHAT, json=CHAT_JSON.body(), headers=headers)
    own, _ = of_request(shared, answer.headers["x-request-id"])

    assert own["parent"] == ""
    assert CANARY not in str(engine.seen(CHAT)[-1]["headers"])
    assert CANARY.encode() not in shared.raw


def test_no_text_in_any_span(traced: Gateway, engine: FakeEngine, shared: Collector) -> None:
    """Text of question, answer, path, method and headers is in no byte."""
    engine.next(fault="say", tokens=[CANARY])
    CHAT_JSON.ask(traced.client, CANARY, user=CANARY, stop=[CANARY])
    traced.client.post(f"{CHAT}?q={CANARY}", json={"model": CANARY})
    traced.client.request(CANARY.upper(), CHAT, headers={"user-agent": CANARY})
    traced.client.get(f"/{CANARY}")
    answer = CHAT_JSON.ask(traced.client)
    of_request(shared, answer.headers["x-request-id"])

    assert CANARY.encode() not in shared.raw.lower()


@pytest.mark.parametrize("hangs", [True, False])
def test_a_collector_that_is_away(start: Start, engine: FakeEngine, hangs: bool) -> None:
    """It delays neither answers nor the stop, and no text is logged."""
    away = Collector(hangs=hangs)
    if not hangs:
        away.stop()
    gateway = start(engine.url, MMHIE_TRACES_ENDPOINT=away.endpoint, **QUICK).wait()
    for surface in SURFACES:
        assert surface.ask(gateway.client, CANARY).status_code == 200
    assert gateway.stop() == 0
    if hangs:
        away.stop()

    until(lambda: CANARY not in gateway.log)


def test_off_the_engine_hears_nothing_of_traces(start: Start, engine: FakeEngine) -> None:
    """The caller's header is not passed on."""
    gateway = start(engine.url).wait()
    gateway.client.post(CHAT, json=CHAT_JSON.body(), headers=TRACEPARENT)

    assert "traceparent" not in engine.seen(CHAT)[-1]["headers"]


@pytest.mark.parametrize(
    "value", ["collector:4318", "http://collector:4318", "http://me:secret@collector/v1/traces"]
)
def test_an_endpoint_that_is_none(refusal: Refusal, value: str) -> None:
    """It stops the start; a path is part of it, credentials are not."""
    told = refusal(MMHIE_TRACES_ENDPOINT=value)

    assert "MMHIE_TRACES_ENDPOINT" in told
    assert "secret" not in told
