"""Metrics: our own with closed sets of labels, and HTTP metrics with common names."""

import re
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from gateway.api.request_text import LANGUAGES
from gateway.limits.admission import AdmissionQueue
from gateway.observability.metrics import HttpMetrics, Metrics
from gateway.record import AnswerSummary, RequestRecord, token_count

FINAL = {
    "truncated": "in_answer",
    "warnings": ["empty_answer"],
    "provenance": {"output_digest": "hmac-sha256:0", "system_fingerprint": None},
}


def finished(answer: AnswerSummary | None = None, **fields: Any) -> RequestRecord:
    record = RequestRecord("x", "POST", **{"is_token_path": True, **fields}, answer=answer)
    record.finish("/llm/generate")
    return record


def test_an_answer_is_counted() -> None:
    """Tokens, notices, truncations, warnings, and the request by path and outcome."""
    metrics = Metrics()
    metrics.observe(finished(is_token_path=False))
    answer = AnswerSummary.of({"prompt_tokens": 3, "completion_tokens": 2}, [FINAL, FINAL])
    metrics.observe(finished(answer, notices=[{"id": "MED101"}], resolved=["MED102"]))
    lines = generate_latest(metrics.registry).decode().splitlines()
    assert {
        'mmhie_requests_total{outcome="ok",route="/llm/generate"} 1.0',
        "mmhie_prompt_tokens_total 3.0",
        "mmhie_completion_tokens_total 2.0",
        'mmhie_notices_total{rule="MED101"} 1.0',
        'mmhie_notices_resolved_total{rule="MED102"} 1.0',
        'mmhie_truncated_total{where="in_answer"} 2.0',
        'mmhie_warnings_total{kind="empty_answer"} 2.0',
    } <= set(lines)


def test_languages_and_refusals_are_counted() -> None:
    """Each series begins at zero; a request without a prompt has no language."""
    metrics = Metrics()
    metrics.observe(finished(AnswerSummary.of({}, [], beginnings=["refusal"]), language="de"))
    metrics.observe(finished())
    text = generate_latest(metrics.registry).decode()
    for language in LANGUAGES:
        count = float(language == "de")
        assert f'mmhie_prompts_total{{language="{language}"}} {count}' in text
    assert 'mmhie_answer_beginnings_total{kind="refusal"} 1.0' in text
    assert 'mmhie_answer_beginnings_total{kind="answer"} 0.0' in text


@pytest.mark.parametrize(
    ("usage", "count"),
    [
        ({"prompt_tokens": 3}, 3),
        ({"input_tokens": 4}, 4),
        ({"prompt_tokens": None, "input_tokens": 4}, 4),
        ({"prompt_tokens": "3"}, 0),
        ({"prompt_tokens": -3}, 0),
        ({"prompt_tokens": []}, 0),
        ({}, 0),
    ],
)
def test_whatever_the_engine_counts(usage: dict[str, Any], count: int) -> None:
    """Either of OpenAI's names; an invalid count is zero, and ends no answer."""
    assert token_count(usage, "prompt_tokens", "input_tokens") == count
    assert AnswerSummary.of(usage, []).prompt_tokens == count


def test_children_are_kept_apart() -> None:
    """Two counters with the same labels count separately."""
    metrics = Metrics()
    metrics.count(metrics.warnings, "x")
    metrics.count(metrics.truncated, "x")
    metrics.count(metrics.truncated, "x")
    text = generate_latest(metrics.registry).decode()
    assert 'mmhie_warnings_total{kind="x"} 1.0' in text
    assert 'mmhie_truncated_total{where="x"} 2.0' in text


def test_the_first_token_is_timed() -> None:
    """A request without a token is not."""
    metrics, exchange = Metrics(), finished()
    metrics.observe(exchange)
    exchange.ttft_ms = 3.0
    metrics.observe(exchange)
    assert b"mmhie_ttft_seconds_count 1.0" in generate_latest(metrics.registry)


def test_what_is_read_off_at_a_scrape() -> None:
    """Slots and queue with their limits; the current phase is 1, the others are 0."""
    metrics = Metrics()
    metrics.at_scrape("held", AdmissionQueue(max_inflight=3, max_queue=5, timeout_s=1))
    text = generate_latest(metrics.registry).decode()
    assert "mmhie_inflight_limit 3.0" in text
    assert "mmhie_queue_limit 5.0" in text
    assert "mmhie_engine_ready 0.0" in text
    assert 'mmhie_phase{phase="held"} 1.0' in text
    assert 'mmhie_phase{phase="ready"} 0.0' in text


def test_every_family_is_ours() -> None:
    """Its name begins with mmhie_ unless it is a library's, and it has a description."""
    for family in Metrics().registry.collect():
        if family.name.startswith(("http_", "process_", "python_")):
            continue
        assert family.name.startswith("mmhie_")
        assert family.documentation.endswith(".")


@pytest.mark.parametrize("several", [False, True])
def test_the_process_is_measured_where_it_is_the_only_one(several: bool, tmp_path: Path) -> None:
    """With several workers a scrape would show one of them at random."""
    metrics = Metrics(tmp_path if several else None)
    text = metrics.exposition().decode()
    sizes = ("process_resident_memory_bytes ", "process_cpu_seconds_total ")
    for name in (*sizes, "python_gc_", "python_info"):
        assert (f"\n{name}" in text) is not several


def counted(registry: CollectorRegistry) -> set[str]:
    """Return an exposition without the times."""
    lines = generate_latest(registry).decode().splitlines()
    return {line for line in lines if not re.search("duration_[a-z_]*sum|_bucket|_created", line)}


def test_http_metrics_have_the_names_that_dashboards_know() -> None:
    """Those of prometheus-fastapi-instrumentator, with its labels."""
    registry, record = CollectorRegistry(), RequestRecord("r", "POST", declared_bytes=5, status=200)
    record.finish("/echo")
    HttpMetrics(registry).observe(record)

    assert counted(registry) >= {
        'http_requests_total{handler="/echo",method="POST",status="2xx"} 1.0',
        'http_request_size_bytes_count{handler="/echo"} 1.0',
        'http_request_size_bytes_sum{handler="/echo"} 5.0',
        'http_response_size_bytes_count{handler="/echo"} 1.0',
        'http_response_size_bytes_sum{handler="/echo"} 0.0',
        "http_request_duration_highr_seconds_count 1.0",
        'http_request_duration_seconds_count{handler="/echo",method="POST"} 1.0',
    }


def test_durations_are_observed() -> None:
    """In both histograms, for quantiles. A request whose caller left before the status counts as
    4xx."""
    registry = CollectorRegistry()
    record = RequestRecord("r", "GET", status=503, route="/x", ms=200.0)
    HttpMetrics(registry).observe(record)
    text = generate_latest(registry).decode()

    assert 'http_request_duration_seconds_bucket{handler="/x",le="0.5",method="GET"} 1.0' in text
    assert 'http_request_duration_highr_seconds_bucket{le="0.25"} 1.0' in text
    assert 'http_requests_total{handler="/x",method="GET",status="5xx"} 1.0' in text
    HttpMetrics(left := CollectorRegistry()).observe(RequestRecord("r", "POST", route="/x"))
    assert 'status="4xx"} 1.0' in generate_latest(left).decode()
