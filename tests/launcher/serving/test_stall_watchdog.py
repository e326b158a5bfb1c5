"""A stall is requests at work and no token counted, or no answer, for long enough."""

from __future__ import annotations

import pytest

from launcher.serving.stall_watchdog import Pulse, Watch, read

METRICS = """\
# HELP vllm:num_requests_running Number of requests in model execution batches.
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{engine="0",model_name="smol"} 2.0
vllm:num_requests_running{engine="1",model_name="smol"} 1.0
vllm:generation_tokens_total{engine="0",model_name="smol"} 1.5e+03
vllm:iteration_tokens_total_sum{engine="0",model_name="smol"} 40.0
vllm:iteration_tokens_total_bucket{engine="0",le="1.0",model_name="smol"} 9.0
vllm:num_requests_waiting{engine="0",model_name="smol"} 7.0
"""
IDLE = Pulse(0, 100)


def test_read_sums_over_engines() -> None:
    """Data-parallel engines are one service."""
    assert read(METRICS) == Pulse(running=3, tokens=1540)


def test_read_of_something_else_is_no_pulse() -> None:
    """No known series means nothing runs."""
    assert read("<html>") == Pulse(0, 0)


@pytest.mark.parametrize(
    ("pulses", "stalled"),
    [
        ([IDLE] * 5, False),
        ([Pulse(1, 100 + n) for n in range(5)], False),
        ([Pulse(1, 100)] * 4, True),
        ([IDLE, Pulse(1, 100), Pulse(1, 100), Pulse(1, 100)], True),
        ([Pulse(1, 100), Pulse(1, 100), IDLE, Pulse(1, 100)], False),
        ([IDLE, None, None, None], True),
        ([IDLE, None, IDLE, None], False),
    ],
)
def test_a_stall_needs_work_and_silence(pulses: list[Pulse | None], stalled: bool) -> None:
    """One pulse every 10 s, patience of 30 s."""
    watch = Watch(stall_s=30, now=0)
    verdicts = [watch.is_stalled(pulse, 10.0 * n) for n, pulse in enumerate(pulses, start=1)]

    assert verdicts[-1] is stalled
    assert not any(verdicts[:-1])


def test_an_idle_engine_has_to_prove_itself() -> None:
    """Nothing running and no token for 30 s: it is asked for one; 30 s later that is a stall."""
    watch = Watch(stall_s=30, now=0)
    verdicts = [(watch.is_stalled(IDLE, now), watch.is_in_doubt(now)) for now in range(0, 61, 10)]

    assert verdicts == [(False, False)] * 3 + [(False, True)] * 3 + [(True, True)]


def test_one_token_is_proof_enough() -> None:
    """Whoever got it."""
    asked, busy = Watch(stall_s=30, now=0), Watch(stall_s=30, now=0)
    for watch in (asked, busy):
        assert not watch.is_stalled(IDLE, 0)
    asked.prove(50)
    assert not busy.is_stalled(Pulse(0, 101), 50)

    for watch in (asked, busy):
        assert not watch.is_in_doubt(79)
        assert not watch.is_stalled(None, 79)
