"""The memory budget: the estimate of a parsed body, leases, and the default."""

from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest

from gateway.limits.memory_budget import default_bytes
from gateway.runtime import memory
from tests.contract.fixtures import Shared, Start, StartEngine
from tests.contract.process import Gateway
from tests.contract.surfaces import CHAT, GENERATE, error_of
from tests.fake_engine.process import FakeEngine
from tests.waiting import until

MIB = 1024 * 1024


@pytest.mark.parametrize(("container", "budget"), [(512, 208), (64, 32), (None, 2048)])
def test_default(container: int | None, budget: int) -> None:
    """In MiB: half of a container without the process, or an eighth of a machine."""
    limit = memory.MemoryLimits(16 * 1024 * MIB, container and container * MIB)

    assert default_bytes(limit) == budget * MIB


@pytest.mark.parametrize(
    ("texts", "limit"),
    [
        (["536870912\n", None], 536870912),  # cgroup v2
        ([None, "268435456\n"], 268435456),  # cgroup v1
        ([None, "9223372036854771712\n"], None),  # none set, as v1 has it
        ([None, None], None),
    ],
)
def test_a_container_s_limit(tmp_path: Path, texts: list[str | None], limit: int | None) -> None:
    """As the kernel writes it; a limit above the machine's memory is none."""
    files = [tmp_path / str(number) for number in range(len(texts))]
    for file, text in zip(files, texts, strict=True):
        if text is not None:
            file.write_text(text)

    assert memory.limits(files).container_bytes == limit


def has(gateway: Gateway, inflight: int) -> bool:
    """Return whether this many requests are at the engine."""
    text = gateway.client.get("/metrics").text
    return f"\nmmhie_inflight_requests {inflight}.0\n" in text


def test_a_full_budget_is_503_until_there_is_room(start: Start, start_engine: StartEngine) -> None:
    """Requests that fit are at the engine; the next one is refused, and served later."""
    engine = start_engine()
    engine.next({"fault": "gated", "times": 3})
    gateway = start(engine.url, MMHIE_MAX_MEMORY="16MiB").wait()
    text = "x" * (2 * MIB - 1024)
    body = {"model": "fake-model", "messages": [{"role": "user", "content": text}]}
    with ExitStack() as streams:
        for number in range(3):
            stream = gateway.client.stream("POST", CHAT, json={**body, "stream": True})
            streams.enter_context(stream)
            until(partial(has, gateway, number + 1))
        refused = gateway.client.post(CHAT, json={**body, "user": "second"})
        assert (refused.status_code, error_of(refused)["code"]) == (503, "too_busy")
        assert refused.headers["retry-after"] == "2"
        assert gateway.client.post(CHAT, json={**body, "messages": []}).status_code != 503

    until(partial(has, gateway, 0))
    assert gateway.client.post(CHAT, json=body).status_code == 200


def test_a_gathered_answer_counts(gateway_with: Shared, engine: FakeEngine) -> None:
    """A JSON answer is stored until its end, and needs room, too; a stream is not stored."""
    engine.next(fault="say", tokens=["x" * 64 * 1024] * 128, times=2)
    gateway = gateway_with(MMHIE_MAX_MEMORY="16MiB")
    stream, gathered = (
        gateway.client.post(GENERATE, json={"prompt": "Why?", "stream": stream})
        for stream in (True, False)
    )

    assert stream.content.endswith(b"[DONE]\n\n")
    assert b'"error"' not in stream.content[-1000:]
    assert gathered.status_code == 503
    assert b'"code":"too_busy"' in gathered.content
    answer = gateway.client.post(GENERATE, json={"prompt": "Why?", "stream": False})
    assert answer.status_code == 200


def test_a_body_that_cannot_fit_is_413(gateway_with: Shared) -> None:
    """Two megabytes of empty lists exceed a budget of sixteen."""
    gateway = gateway_with(MMHIE_MAX_MEMORY="16MiB")
    content = b'{"model":"fake-model","messages":[' + b"[]," * 600_000 + b"[]]}"
    answer = gateway.client.post(CHAT, content=content)

    assert (answer.status_code, error_of(answer)["code"]) == (413, "body_too_large")
    assert "MMHIE_MAX_MEMORY" in error_of(answer)["message"]
