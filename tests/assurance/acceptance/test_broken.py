"""A service that misbehaves fails its check: real checks, a real gateway, the fake engine."""

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx2
import pytest

from requirements import programs
from tests.assurance.acceptance.targets import finding_of
from tests.contract.fixtures import Start, StartEngine
from tests.contract.process import Gateway, free_port
from tests.fake_engine.process import FakeEngine
from tests.faults import balancer
from tests.gateway.auth.conftest import add_key
from tests.gateway.server.certificates import Authority

pytestmark = pytest.mark.slow

COMPLETIONS = "/v1/completions"
PRODUCTION = {"MMHIE_ENV": "production", "MMHIE_WITHOUT_AUDIT": "true"}
ALWAYS: dict[str, Any] = {"times": -1}
SLOW: dict[str, Any] = {"fault": "slow_tokens", "seconds": 0.02, **ALWAYS}


@pytest.fixture
def thinking(start: Start, start_engine: StartEngine) -> tuple[FakeEngine, Gateway]:
    """A gateway before an engine that reasons."""
    engine = start_engine("--reasoning")
    return engine, start(engine.url).wait()


@pytest.mark.parametrize("is_slow", [False, True])
async def test_a_good_service_passes(gateway: Gateway, engine: FakeEngine, is_slow: bool) -> None:
    """Or no failure below would mean anything; time is measured of an engine that takes some."""
    timed = ("streaming", "abort", "load")
    plain = ("health", "disclaimer", "notice", "limits", "tools", "structured output")
    if is_slow:
        engine.next(**SLOW)
    for name in timed if is_slow else (*plain, "greedy answers"):
        finding = await finding_of(name, gateway.url)
        assert finding.outcome == "passed", finding


@pytest.mark.parametrize(
    "fault",
    [
        {"fault": "harmony"},
        {"fault": "say", "tokens": ["Well. The question is about symptoms; answer briefly."]},
    ],
)
async def test_a_leak_of_reasoning(
    thinking: tuple[FakeEngine, Gateway], fault: dict[str, Any]
) -> None:
    """Markers, or the reasoning's own words, in an answer."""
    engine, gateway = thinking
    engine.next(**fault, **ALWAYS)
    finding = await finding_of("reasoning", gateway.url, is_reasoning=True)

    assert finding.outcome == "failed", finding


@pytest.mark.parametrize("swapped_from", [1, 2])
async def test_answers_of_others(gateway: Gateway, engine: FakeEngine, swapped_from: int) -> None:
    """Another answer when repeated, or only with neighbours."""
    engine.next(fault="together", path=COMPLETIONS, times=swapped_from)
    engine.next(fault="say", tokens=["Somebody", " else's"], path=COMPLETIONS, times=-1)
    finding = await finding_of("greedy answers", gateway.url)

    assert finding.outcome == "failed"
    assert ("repeated" in finding.sentence) == (swapped_from == 1)


async def test_an_engine_that_ignores_aborts(start: Start, start_engine: StartEngine) -> None:
    """It works on for a client that has left."""
    engine = start_engine("--ignores-aborts", "--token-delay", "0.2")
    finding = await finding_of("abort", start(engine.url).wait().url)

    assert finding.outcome == "failed"
    assert "left" in finding.sentence


@pytest.mark.parametrize(
    ("check", "fault"),
    [
        ("tools", {"fault": "tool_call", "body": '{"drug": '}),
        ("structured output", {"fault": "status", "status": 500}),
        ("greedy answers", {"fault": "status", "status": 500}),
        ("load", {"fault": "cut", "after": 3}),
    ],
)
async def test_wrong_answers(
    gateway: Gateway, engine: FakeEngine, check: str, fault: dict[str, Any]
) -> None:
    """Arguments, structured output, streams that end early, refusals where an answer should be."""
    engine.next(**fault, **ALWAYS)
    finding = await finding_of(check, gateway.url)

    assert finding.outcome == "failed", finding


async def test_a_site_that_has_switched_off_the_notices(start: Start, engine: FakeEngine) -> None:
    """Whoever it is for: clinicians need them."""
    gateway = start(engine.url, MMHIE_AUDIENCE="off").wait("/v1/models")
    finding = await finding_of("notice", gateway.url)

    assert finding.outcome == "failed"
    assert "raises no notice" in finding.sentence


async def test_a_service_that_is_not_ready(deserted: Gateway) -> None:
    """It is up, and has no engine."""
    finding = await finding_of("health", deserted.url)

    assert finding.outcome == "failed"
    assert "not ready" in finding.sentence


async def test_access(start: Start, engine: FakeEngine, gateway: Gateway, tmp_path: Path) -> None:
    """Strangers are refused where there are keys; an open gateway fails, once it has to have
    them."""
    key = add_key(tmp_path / "keys.json", "ward", "generate", "openai")
    closed = start(engine.url, MMHIE_KEYS_FILE=str(tmp_path / "keys.json")).wait()

    assert (await finding_of("access", closed.url, key)).outcome == "passed"
    assert (await finding_of("access", gateway.url)).outcome == "not applicable"
    open_to_all = await finding_of("access", gateway.url, "any-key")
    assert open_to_all.outcome == "failed"
    assert "Answered without a key: /llm/generate" in open_to_all.sentence


async def test_encryption(
    start: Start, engine: FakeEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A certificate passes if it is trusted; plain text only where nothing leaves the machine."""
    authority = Authority(tmp_path, "ours")
    pair = authority.issue("gateway")
    files = {"MMHIE_TLS_CERTIFICATE": str(pair.certificate), "MMHIE_TLS_KEY": str(pair.key)}
    gateway = start(engine.url, **files)
    url = gateway.url.replace("http:", "https:")
    trusting = ssl.create_default_context(cafile=str(authority.path))
    gateway.client.close()
    gateway.client = httpx2.Client(base_url=url, verify=trusting, trust_env=False)
    gateway.wait()
    untrusted = await finding_of("encryption", url)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.path))
    trusted = await finding_of("encryption", url)

    assert untrusted.outcome == "failed"
    assert trusted.outcome == "passed", trusted
    assert (await finding_of("encryption", gateway.url)).outcome == "not applicable"
    plain = await finding_of("encryption", "http://service.invalid:8000")
    assert "unencrypted" in plain.sentence


Change = Callable[[str, httpx2.Response], tuple[bytes, dict[str, str]]]


@contextmanager
def changing(gateway: Gateway, change: Change, status: int | None = None) -> Iterator[str]:
    """A proxy before the gateway that collects every answer, and changes body and headers."""

    class Handler(BaseHTTPRequestHandler):
        def forward(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            names = ("accept", "content-type")
            sent = {name: self.headers[name] for name in names if self.headers[name]}
            answer = gateway.client.request(
                self.command, self.path, content=self.rfile.read(length), headers=sent
            )
            body, headers = change(self.path, answer)
            self.send_response(status or answer.status_code)
            for name, value in headers.items():
                if name.startswith(("x-", "content-type")):
                    self.send_header(name, value)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_DELETE = forward  # noqa: N815

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
        ("/v1/messages", True, "messages"),
        ("/no-such-page", False, "no such page"),
    ],
)
async def test_a_proxy_that_drops_the_disclaimer(
    gateway: Gateway, path: str, text: bool, name: str
) -> None:
    """On one surface, which is named: its text, or its header."""

    def change(asked: str, answer: httpx2.Response) -> tuple[bytes, dict[str, str]]:
        body, headers = answer.content, dict(answer.headers)
        if asked == path and text:
            body = body.replace(b"not clinical advice", b"fine")
        if asked == path and not text:
            headers = {n: value for n, value in headers.items() if "disclaimer" not in n}
        return body, headers

    with changing(gateway, change) as url:
        finding = await finding_of("disclaimer", url)

    assert finding.outcome == "failed"
    assert name in finding.sentence
    assert "generate" not in finding.sentence


async def test_a_proxy_that_drops_the_notice(gateway: Gateway) -> None:
    """Its text, while the header is there; the surface is named."""

    def change(asked: str, answer: httpx2.Response) -> tuple[bytes, dict[str, str]]:
        body = answer.content
        if asked == COMPLETIONS:
            body = body.replace(b"Red flag in the prompt", b"All well")
        return body, dict(answer.headers)

    with changing(gateway, change) as url:
        finding = await finding_of("notice", url)

    assert finding.outcome == "failed"
    assert "no notice" in finding.sentence
    assert "generate" not in finding.sentence


async def test_a_proxys_own_page(gateway: Gateway) -> None:
    """Not JSON, in place of the health."""
    with changing(gateway, lambda _, answer: (b"<html>", dict(answer.headers)), status=502) as url:
        finding = await finding_of("health", url)

    assert (finding.outcome, finding.sentence) == ("failed", "/healthz answered 502.")


@pytest.mark.skipif(not balancer.NGINX, reason=programs.reason("nginx"))
@pytest.mark.parametrize("ignored", ["", "proxy_ignore_headers X-Accel-Buffering;"])
async def test_a_proxy_that_buffers(
    gateway: Gateway, engine: FakeEngine, tmp_path: Path, ignored: str
) -> None:
    """nginx as it comes does not, since the gateway's header asks it; one that ignores it does."""
    engine.next(**SLOW)
    port = free_port()
    place = f"location / {{ proxy_pass {gateway.url}; {ignored} }}"
    with balancer.running(tmp_path, port, f"server {{ listen 127.0.0.1:{port}; {place} }}"):
        finding = await finding_of("streaming", f"http://127.0.0.1:{port}", direct=gateway.url)

    assert finding.outcome == ("failed" if ignored else "passed"), finding
    assert ("switch off its buffering" in finding.sentence) == bool(ignored)
    assert "directly after" in finding.sentence
