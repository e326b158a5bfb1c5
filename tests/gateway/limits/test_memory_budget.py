"""The memory budget: the estimate of a parsed body, leases, and the default."""

import tracemalloc
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import orjson
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import BodyTooLarge, OutOfMemory
from gateway.limits.memory_budget import PROCESS_BYTES, MemoryBudget, default_bytes, parsed_bytes
from gateway.runtime import memory
from gateway.settings.gateway import GatewaySettings
from tests.contract.fixtures import Shared, Start, StartEngine
from tests.contract.process import ROOT, Gateway
from tests.contract.surfaces import CHAT, GENERATE, error_of
from tests.fake_engine.process import FakeEngine
from tests.waiting import until

MIB = 1024 * 1024
HEAVY = ("[]", "{}", '{"": 0}', '{"":{}}', '"a"', '"é"', '"\N{GRINNING FACE}"', "1.5", "999", "[0]")
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def taken(document: bytes) -> int:
    """Return the memory that a document takes in Python."""
    tracemalloc.start()
    try:
        kept = orjson.loads(document)
        return tracemalloc.get_traced_memory()[0] if kept is not None else 0
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("unit", HEAVY)
def test_heavy_shapes_are_not_underestimated(unit: str) -> None:
    """Nor overestimated fourfold, which would refuse bodies that fit."""
    document = ("[" + ",".join([unit] * 50_000) + "]").encode()
    real = taken(document)

    assert real <= parsed_bytes(document) <= 4 * real


def test_work_that_is_done_at_once() -> None:
    """It needs room, but reserves none."""
    budget = MemoryBudget(100)
    with budget.lease() as lease:
        lease.hold(60)
        lease.require(40)
        with pytest.raises(OutOfMemory):
            lease.require(41)

        assert (lease.held_bytes, budget.held_bytes) == (60, 60)


@settings(deadline=None, max_examples=50)
@given(st.lists(VALUES, min_size=1))
def test_no_document_takes_more(value: list[object]) -> None:
    """Except for the constant cost of one small object."""
    document = orjson.dumps(value)

    assert taken(document) <= parsed_bytes(document) + 1024


def test_clinical_text_costs_its_length() -> None:
    """The estimate for empty lists does not apply to text."""
    text = orjson.dumps({"prompt": "The patient has had a fever since Monday. " * 1000})

    assert parsed_bytes(text) < 1.1 * len(text)


def test_leases_share_the_budget() -> None:
    """Bytes of one lease are not available to another until they are returned."""
    budget = MemoryBudget(100)
    with budget.lease() as first, budget.lease() as second:
        first.hold(60)
        second.hold(40)
        with pytest.raises(OutOfMemory) as refused:
            second.hold(41)
        assert refused.value.status == 503
        assert refused.value.code == "too_busy"
        assert refused.value.headers() == {"retry-after": "2"}
        first.hold(10)
        second.hold(90)
        assert budget.held_bytes == 100
    assert budget.held_bytes == 0


def test_to_hold_less_is_always_allowed() -> None:
    """A refusal leaves the lease unchanged."""
    budget = MemoryBudget(100)
    with budget.lease() as lease:
        lease.hold(100)
        with pytest.raises(OutOfMemory):
            lease.hold(101)
        assert budget.held_bytes == 100
        lease.hold(99)
        assert budget.held_bytes == 99


def test_what_never_fits_is_not_to_be_sent_again() -> None:
    """A client would retry a 503 for ever."""
    with MemoryBudget(100).lease() as lease, pytest.raises(BodyTooLarge):
        lease.hold_request(101)


@pytest.mark.parametrize(
    ("processes", "container", "budget"),
    [(1, 512, 208), (2, 1024, 416), (4, 512, 128), (1, 64, 32), (1, None, 2048), (4, None, 2048)],
)
def test_default(processes: int, container: int | None, budget: int) -> None:
    """In MiB: half of a container without its processes, or an eighth of a machine."""
    limit = memory.MemoryLimits(16 * 1024 * MIB, container and container * MIB)

    assert default_bytes(processes, limit) == budget * MIB


@pytest.mark.parametrize(
    ("texts", "limit"),
    [
        (["536870912\n", None], 536870912),  # cgroup v2
        ([None, "268435456\n"], 268435456),  # cgroup v1
        (["max\n", None], None),
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


def test_the_pod_has_room_for_its_budget() -> None:
    """The shipped limit has room for the process, its budget and half as much for the allocator."""
    pod = yaml.safe_load((ROOT / "docker/kubernetes/gateway/deployment.yaml").read_text())
    (container,) = pod["spec"]["template"]["spec"]["containers"]
    limit = int(container["resources"]["limits"]["memory"].removesuffix("Mi")) * MIB
    budget = default_bytes(1, memory.MemoryLimits(64 * limit, limit))

    assert GatewaySettings().max_body_bytes * 32 < budget
    assert budget + PROCESS_BYTES + budget // 2 <= limit


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


@pytest.mark.parametrize("stream", [False, True])
def test_a_gathered_answer_counts(gateway_with: Shared, engine: FakeEngine, stream: bool) -> None:
    """Answers of /llm/generate are stored until their end, and need room, too."""
    engine.next(fault="say", tokens=["x" * 64 * 1024] * 128)
    gateway = gateway_with(MMHIE_MAX_MEMORY="16MiB")
    answer = gateway.client.post(GENERATE, json={"prompt": "Why?", "stream": stream})

    assert b'"code":"too_busy"' in answer.content[-1000:]
    assert answer.status_code == (200 if stream else 503)
    answer = gateway.client.post(GENERATE, json={"prompt": "Why?", "stream": False})
    assert answer.status_code == 200


@pytest.mark.parametrize(("piece", "status"), [("[],", 503), ("abc", 200)])
def test_a_whole_answer_counts_as_it_is_parsed(
    gateway_with: Shared, engine: FakeEngine, piece: str, status: int
) -> None:
    """A megabyte of empty lists takes thirty."""
    engine.next(fault="say", tokens=[piece * 1000] * 500)
    gateway = gateway_with(MMHIE_MAX_MEMORY="16MiB")
    body = {"model": "fake-model", "messages": [{"role": "user", "content": "Why?"}]}

    assert gateway.client.post(CHAT, json=body).status_code == status


def test_a_body_that_cannot_fit_is_413(gateway_with: Shared) -> None:
    """Two megabytes of empty lists exceed a budget of sixteen."""
    gateway = gateway_with(MMHIE_MAX_MEMORY="16MiB")
    content = b'{"model":"fake-model","messages":[' + b"[]," * 600_000 + b"[]]}"
    answer = gateway.client.post(CHAT, content=content)

    assert (answer.status_code, error_of(answer)["code"]) == (413, "body_too_large")
    assert "MMHIE_MAX_MEMORY" in error_of(answer)["message"]
