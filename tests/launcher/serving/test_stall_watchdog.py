"""A stall is requests at work and no token counted, or no answer, for long enough."""

from __future__ import annotations

import pytest

from launcher.serving.stall_watchdog import Activity, StallWatchdog, activity

METRICS = """\
# HELP vllm:num_requests_running Number of requests in model execution batches.
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{engine="0",model_name="smol"} 2.0
vllm:num_requests_running{engine="1",model_name="smol"} 1.0
vllm:generation_tokens_total{engine="0",model_name="smol"} 1.5e+03
vllm:iteration_tokens_total_sum{engine="0",model_name="smol"} 40.0
vllm:iteration_tokens_total_bucket{engine="0",le="1.0",model_name="smol"} 9.0
vllm:num_requests_running_by_reason{engine="0",reason="new"} 7.0
vllm:num_requests_waiting{engine="0",model_name="smol"} 7.0
"""
IDLE = Activity(0, 100)


def test_read_sums_over_engines() -> None:
    """Data-parallel engines are one service; no known series means that nothing runs."""
    assert activity(METRICS) == Activity(running=3, tokens=1540)
    assert activity("<html>") == Activity(0, 0)


@pytest.mark.parametrize(
    ("activities", "stalled"),
    [
        ([Activity(1, 100 + n) for n in range(5)], False),
        ([Activity(1, 100)] * 4, True),
        ([Activity(1, 100), Activity(1, 100), IDLE, Activity(1, 100)], False),
        ([IDLE, None, None, None], True),
        ([IDLE, None, IDLE, None], False),
        ([IDLE] * 7, True),
    ],
)
def test_a_stall_needs_work_and_silence(activities: list[Activity | None], stalled: bool) -> None:
    """One reading every 10 s, patience of 30 s."""
    watchdog = StallWatchdog(stall_s=30, now=0)
    verdicts = [
        watchdog.is_stalled(latest, 10.0 * n) for n, latest in enumerate(activities, start=1)
    ]

    assert verdicts[-1] is stalled
    assert not any(verdicts[:-1])


def test_a_silent_engine_is_probed_while_it_looks_idle() -> None:
    """At work, its own requests are the probe."""
    watchdog = StallWatchdog(stall_s=30, now=0)
    probed = [
        watchdog.is_stalled(latest, now) or watchdog.needs_probe(now)
        for now, latest in ((10.0, IDLE), (20.0, IDLE), (40.0, IDLE), (45.0, Activity(1, 100)))
    ]

    assert probed == [False, False, True, False]
