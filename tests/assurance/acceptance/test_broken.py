"""A service that misbehaves turns the report red: real checks, a real gateway, the fake engine."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx2
import psutil
import pytest

from assurance.acceptance.check import Check, Finding
from assurance.acceptance.checks import (
    abort,
    adapter,
    disclaimer,
    memory,
    reasoning,
    recovery,
    repeat,
    structure,
    tools,
)
from tests.assurance.acceptance.targets import target
from tests.contract.fixtures import Start, StartEngine
from tests.contract.process import Gateway
from tests.fake_engine.process import FakeEngine

pytestmark = pytest.mark.slow

COMPLETIONS = "/v1/completions"
ALWAYS = {"times": -1}


@pytest.fixture
def thinking(start: Start, start_engine: StartEngine) -> tuple[FakeEngine, Gateway]:
    """A gateway before an engine that reasons."""
    engine = start_engine("--reasoning")
    return engine, start(engine.url).wait()


async def found(
    check: Check[Any, Any], engine: FakeEngine, gateway: Gateway | str, folder: Path, **facts: Any
) -> Finding:
    """Return the findings of the check."""
    async with target(engine, gateway, folder, **facts) as service:
        finding, measured = await check.run(service)
        assert (measured is None) == (not finding.measured)
    return finding


@pytest.mark.parametrize(
    "check", [disclaimer.CHECK, tools.CHECK, structure.CHECK, repeat.CHECK, abort.CHECK]
)
async def test_a_good_service_passes(
    gateway: Gateway, engine: FakeEngine, tmp_path: Path, check: Check[Any, Any]
) -> None:
    """Or no failure below would say anything."""
    engine.next(fault="slow_tokens", seconds=0.2, **ALWAYS) if check is abort.CHECK else None
    finding = await found(check, engine, gateway, tmp_path)

    assert finding.outcome == "passed", finding


async def test_reasoning_beside_the_answer_passes(
    thinking: tuple[FakeEngine, Gateway], tmp_path: Path
) -> None:
    """A model that reasons passes; to others the check does not apply."""
    finding = await found(reasoning.CHECK, *thinking, tmp_path, is_reasoning=True)
    other = await found(reasoning.CHECK, *thinking, tmp_path)

    assert finding.outcome == "passed", finding
    assert other.outcome == "not applicable"
    assert "does not reason" in other.sentence


@pytest.mark.parametrize(
    "fault",
    [
        {"fault": "harmony"},
        {"fault": "say", "tokens": ["<think>", "It is", "</think>", "Yes."]},
        {"fault": "say", "tokens": ["Well. The question is about symptoms; answer briefly."]},
    ],
)
async def test_a_leak_of_reasoning(
    thinking: tuple[FakeEngine, Gateway], tmp_path: Path, fault: dict[str, Any]
) -> None:
    """Markers, or the reasoning's own words, in an answer."""
    thinking[0].next(**fault, **ALWAYS)
    finding = await found(reasoning.CHECK, *thinking, tmp_path, is_reasoning=True)

    assert finding.outcome == "failed", finding


async def test_reasoning_that_nobody_splits_off(
    gateway: Gateway, engine: FakeEngine, tmp_path: Path
) -> None:
    """The engine was started without its parser."""
    finding = await found(reasoning.CHECK, engine, gateway, tmp_path, is_reasoning=True)

    assert finding.outcome == "failed"
    assert "parser" in finding.sentence


@pytest.mark.parametrize("swapped_from", [1, 2])
async def test_answers_of_others(
    gateway: Gateway, engine: FakeEngine, tmp_path: Path, swapped_from: int
) -> None:
    """Another answer when repeated, or only with neighbours."""
    engine.next(fault="together", path=COMPLETIONS, times=swapped_from)
    engine.next(fault="say", tokens=["Somebody", " else's"], path=COMPLETIONS, times=-1)
    finding = await found(repeat.CHECK, engine, gateway, tmp_path)

    assert finding.outcome == "failed"
    assert ("repeated" in finding.sentence) == (swapped_from == 1)


async def test_an_engine_that_ignores_aborts(
    start: Start, start_engine: StartEngine, tmp_path: Path
) -> None:
    """It works on for a client that has left."""
    engine = start_engine("--ignores-aborts", "--token-delay", "0.2")
    finding = await found(abort.CHECK, engine, start(engine.url).wait(), tmp_path)

    assert finding.outcome == "failed"
    assert "left" in finding.sentence


@pytest.mark.parametrize(
    ("check", "fault"),
    [
        (tools.CHECK, {"fault": "tool_call", "body": '{"dose": 400}'}),
        (tools.CHECK, {"fault": "tool_call", "body": '{"drug": '}),
        (structure.CHECK, {"fault": "say", "tokens": ["About", " 38."]}),
        (structure.CHECK, {"fault": "status", "status": 500}),
        (repeat.CHECK, {"fault": "status", "status": 500}),
    ],
)
async def test_wrong_forms(
    gateway: Gateway,
    engine: FakeEngine,
    tmp_path: Path,
    check: Check[Any, Any],
    fault: dict[str, Any],
) -> None:
    """Arguments, structured output, and refusals where an answer should be."""
    engine.next(**fault, **ALWAYS)
    finding = await found(check, engine, gateway, tmp_path)

    assert finding.outcome == "failed", finding


@contextmanager
def stripping(gateway: Gateway, path: str, *, text: bool) -> Iterator[str]:
    """A proxy before the gateway that takes the disclaimer's text, or its header, off one path."""

    class Handler(BaseHTTPRequestHandler):
        def forward(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            sent = {
                name: self.headers[name]
                for name in ("accept", "content-type")
                if self.headers[name]
            }
            answer = gateway.client.request(
                self.command, self.path, content=self.rfile.read(length), headers=sent
            )
            body, kept = answer.content, dict(answer.headers)
            if self.path == path:
                body = body.replace(b"not clinical advice", b"fine") if text else body
                kept = kept if text else {n: v for n, v in kept.items() if "disclaimer" not in n}
            self.send_response(answer.status_code)
            for name, value in kept.items():
                if name not in (
                    "content-length",
                    "transfer-encoding",
                    "connection",
                    "date",
                    "server",
                ):
                    self.send_header(name, value)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = forward  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Write nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(
    ("path", "text", "name"),
    [
        ("/v1/chat/completions", True, "chat"),
        ("/v1/responses", True, "responses"),
        ("/v1/models", False, "models"),
        ("/no-such-page", False, "no such page"),
    ],
)
async def test_a_gateway_that_drops_the_disclaimer(
    gateway: Gateway, engine: FakeEngine, tmp_path: Path, path: str, text: bool, name: str
) -> None:
    """On one surface, which is named."""
    with stripping(gateway, path, text=text) as url:
        finding = await found(disclaimer.CHECK, engine, url, tmp_path)

    assert finding.outcome == "failed"
    assert name in finding.sentence
    assert "generate" not in finding.sentence


@pytest.mark.parametrize("merged", [False, True])
async def test_an_adapter_that_is_not_applied(
    start_engine: StartEngine, gateway: Gateway, tmp_path: Path, merged: bool
) -> None:
    """The base answers with the very same probabilities."""
    engine = start_engine("--model", "base-without-adapter" if not merged else "fake-model")
    facts = {"adapter": "an/adapter", "model": engine_model(engine), "is_adapter_merged": merged}
    finding = await found(adapter.CHECK, engine, gateway, tmp_path, **facts)
    quick = await found(adapter.CHECK, engine, gateway, tmp_path, **facts, is_quick=True)

    assert finding.outcome == "failed"
    assert "not applied" in finding.sentence
    assert quick.outcome == ("not applicable" if merged else "failed")


def engine_model(engine: FakeEngine) -> str:
    """The name the engine serves."""
    return str(httpx2.get(f"{engine.url}/v1/models").json()["data"][0]["id"])


async def test_an_engine_that_does_not_come_back(
    start: Start, start_engine: StartEngine, tmp_path: Path
) -> None:
    """An engine that nobody restarts fails the check."""
    engine = start_engine()
    gateway = start(engine.url).wait()
    finding = await found(recovery.CHECK, engine, gateway, tmp_path, start_timeout_s=0.5)

    assert finding.outcome == "failed"
    assert "did not come back" in finding.sentence
    assert not psutil.pid_exists(engine.child.pid) or engine.child.poll() is not None


async def test_memory_that_is_not_as_estimated(
    engine: FakeEngine, gateway: Gateway, tmp_path: Path
) -> None:
    """Of the process itself; a log without the KV cache fails too."""
    finding = await found(memory.CHECK, engine, gateway, tmp_path, memory_gib=64.0)
    held = memory.resident_gib([psutil.Process(engine.child.pid)])
    good = await found(memory.CHECK, engine, gateway, tmp_path, memory_gib=held)

    assert finding.outcome == "failed"
    assert "memory -100%" in finding.sentence
    assert good.outcome == "passed", good
