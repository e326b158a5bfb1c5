"""A marker in the patient's text, sent through every outcome, is found nowhere it must not be."""

import base64
import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.contract.fixtures import Start, StartEngine
from tests.contract.process import Gateway
from tests.contract.surfaces import GENERATE, STREAMS, SURFACES, Surface, events
from tests.fake_engine.process import FakeEngine
from tests.gateway.auth.conftest import add_key, bearer
from tests.gateway.observability.collector import Collector
from tests.gateway.server.wire import dialled
from tests.waiting import PATIENCE_S, until

CANARY = "zebrafish7731"
AUDIT_KEY = "k" * 32
ECHO = json.dumps({"error": {"message": f"You said {CANARY}", "type": "x", "code": 400}})
FAULTS: tuple[dict[str, Any], ...] = (
    *({"fault": "status", "status": status, "body": ECHO} for status in (400, 422, 429, 500, 503)),
    *({"fault": name} for name in ("reset", "reset_midstream", "cut", "clean_cut", "html")),
    *({"fault": name} for name in ("empty", "error_midstream", "chunk_garbage", "wrong_json")),
    *({"fault": name} for name in ("null_content", "reasoning_only", "harmony", "tool_call")),
    {"fault": "raw", "body": f"HTTP/1.1 200 {CANARY}\r\n{CANARY}\r\n\r\n{CANARY}"},
    {"fault": "raw", "body": f"{CANARY}"},
    *({"fault": name} for name in ("hang_before_headers", "hang_midstream")),
    {"fault": "tool_call", "body": json.dumps({"drug": CANARY})},
    {"fault": "say", "tokens": [CANARY]},
    {"fault": "say", "tokens": ["<|channel|>", CANARY, "<|message|>", CANARY]},
)
TOOL = {"type": "function", "function": {"name": CANARY, "parameters": {"title": CANARY}}}
ASKED: tuple[dict[str, Any], ...] = (
    {},
    {"temperature": CANARY},
    {"temperature": -1},
    {"model": CANARY},
    {CANARY: CANARY},
    {"stop": [CANARY], "user": CANARY, "metadata": {CANARY: CANARY}},
    {"tools": [TOOL], "tool_choice": {"type": "function", "function": {"name": CANARY}}},
    {"response_format": {"type": "json_schema", "json_schema": {"name": CANARY, "schema": {}}}},
    {"messages": [{"role": CANARY, "content": CANARY}]},
    {"messages": [{"role": "user", "content": [{"type": CANARY, "text": CANARY}]}]},
    {"reasoning_effort": CANARY, "cache_salt": CANARY, "stream_options": CANARY},
)
BROKEN = (
    b'{"prompt": "%b',
    b"%b",
    b'["%b"]',
    b'{"prompt": "%b\xff"}',
    b'{"prompt": ' + b"[" * 2000 + b'"%b"' + b"]" * 2000 + b"}",
    b'{"a": "%b", "prompt": "' + b"x" * 3_000_000 + b'"}',
)
HEADERS = {
    **{name: CANARY for name in ("user-agent", "referer", "cookie", "x-patient", "accept")},
    "baggage": f"a={CANARY}",
    "tracestate": f"a={CANARY}",
    "traceparent": CANARY,
    "x-request-id": f"{CANARY} with a space",
    "x-forwarded-for": CANARY,
    "origin": CANARY,
}
FORWARDED = "x-openwebui-user-email"
PATIENT = f"Patient/{CANARY}".encode()
PERSONS = {
    "x-mmhie-patient": CANARY,
    **dict.fromkeys(("x-mmhie-user", FORWARDED), f"Patient/{CANARY}"),
    "x-openwebui-user-name": CANARY,  # as Open WebUI sends it along, and nothing reads it
    "x-mmhie-purpose": "TREAT",
}
STRANGERS: tuple[dict[str, str], ...] = (
    bearer(f"mmhie_{CANARY}"),
    bearer(f"{CANARY}.{CANARY}.{CANARY}"),
    {"x-api-key": CANARY},
    {"authorization": f"Basic {CANARY}"},
    {"authorization": f"Bearer {CANARY}", "x-api-key": f"other-{CANARY}"},
)


class Hospital:
    """A gateway with everything on that writes anything down, and all that it has said."""

    def __init__(
        self, folder: Path, engine: FakeEngine, collector: Collector, start: Start
    ) -> None:
        self.engine, self.collector = engine, collector
        self.trail = folder / "audit.jsonl"
        scopes = ("generate", "openai", "metrics")
        secret = add_key(folder / "keys.json", "ward-7", *scopes, "on_behalf")
        self.key = {**bearer(secret), **PERSONS}
        self.plain = {**bearer(add_key(folder / "keys.json", "plain", *scopes)), **PERSONS}
        self.gateway = start(
            engine.url,
            MMHIE_LOG_LEVEL="debug",
            MMHIE_TIMEOUT_SECONDS="0.3",
            MMHIE_KEYS_FILE=str(folder / "keys.json"),
            MMHIE_AUDIT_FILE=str(self.trail),
            MMHIE_AUDIT_KEY=AUDIT_KEY,
            MMHIE_USER_HEADERS=FORWARDED,
            MMHIE_TRACES_ENDPOINT=collector.endpoint,
            OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT="true",
            PYTHONASYNCIODEBUG="1",
            PYTHONFAULTHANDLER="1",
        ).wait()
        self.refusals: list[str] = []

    def ask(
        self,
        surface: Surface,
        *,
        said: str = CANARY,
        headers: dict[str, str] | None = None,
        **more: Any,
    ) -> None:
        """A question with the marker in it; what is said of a failure is kept."""
        body = json.dumps(surface.body(said, **more)).encode()
        self.send(surface, body, {**surface.headers, **(headers or self.key)})

    def send(self, surface: Surface, body: bytes, headers: dict[str, str]) -> None:
        try:
            answer = self.gateway.client.post(surface.path, content=body, headers=headers)
        except httpx2.RemoteProtocolError:
            return
        self.keep(answer)

    def keep(self, answer: httpx2.Response) -> None:
        """Keep all that came besides answers: the body of a refusal, the errors in a stream."""
        self.refusals.append(str(answer.headers))
        if answer.status_code >= 400:
            self.refusals.append(answer.text)
        elif answer.headers["content-type"].startswith("text/event-stream"):
            told = (event for event in events(answer.content) if isinstance(event, dict))
            self.refusals += [str(event["error"]) for event in told if event.get("error")]
        elif answer.headers["content-type"].startswith("text/plain"):
            self.refusals += re.findall(r"\[interrupted\].*", answer.text)

    def leaks(self) -> list[str]:
        """Return the places in which the marker is found."""
        client = self.gateway.client
        pages = {
            path: client.get(path, headers=self.key).text
            for path in ("/metrics", "/healthz", "/readyz", "/v1/mmhie/load", "/v1/models")
        }
        self.gateway.stop()
        places = {
            **pages,
            "log": self.gateway.log,
            "audit": self.trail.read_text(),
            "traces": self.collector.raw.decode(errors="replace"),
            "refusals": "\n".join(self.refusals),
        }
        assert all(places[name] for name in ("log", "audit", "traces", "refusals")), places.keys()
        return [name for name, text in places.items() if CANARY in text.lower()]


@pytest.fixture
def hospital(tmp_path: Path, start_engine: StartEngine, start: Start) -> Iterator[Hospital]:
    """With an engine of its own: it is going to die."""
    with Collector() as collector:
        yield Hospital(tmp_path, start_engine(), collector, start)


def every_way_to_ask(at: Hospital, surface: Surface) -> None:
    """Understood or not, of known callers and of strangers."""
    for more in ASKED:
        at.ask(surface, **more)
    at.ask(surface, said=f"{CANARY} " * 5000)
    for broken in BROKEN:
        body = broken.replace(b"%b", CANARY.encode())
        at.send(surface, body, {**at.key, "content-type": "application/json"})
    at.ask(surface, headers={**at.key, **HEADERS})
    for stranger in (*STRANGERS, at.plain, {**at.key, "x-mmhie-purpose": f"for {CANARY}"}):
        at.ask(surface, headers=stranger)
    for person in (CANARY * 1000, f"{CANARY}\t{CANARY}"):
        at.ask(surface, headers={**at.key, "x-mmhie-user": person})
        at.ask(surface, headers={**at.key, FORWARDED: person})
    key = {"authorization": at.key["authorization"]}
    at.ask(surface, headers={**key, FORWARDED: f"b64:{base64.b64encode(PATIENT).decode()}"})
    path, asked = f"{surface.path}?q={CANARY}", surface.body(CANARY)
    at.keep(at.gateway.client.post(path, json=asked, headers=at.key))


def every_way_to_fail(at: Hospital, surface: Surface) -> None:
    """Of the engine, in the middle of an answer to the marker."""
    for fault in FAULTS:
        at.engine.next(**fault)
        at.ask(surface)
    at.engine.reset()


def strange_paths(at: Hospital) -> None:
    """The marker where a path, a method or a protocol should be."""
    for path in (f"/{CANARY}?q={CANARY}", f"/v1/models/{CANARY}", f"/v1/{CANARY}", f"//{CANARY}"):
        at.keep(at.gateway.client.get(path, headers=at.key))
        at.keep(at.gateway.client.post(path, content=CANARY.encode()))
    for head in (
        f"POST {GENERATE} HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{CANARY}",  # leaves
        f"{CANARY.upper()} / HTTP/1.1\r\nhost: {CANARY}\r\n\r\n",
        f"GET http://{CANARY}/ HTTP/1.1\r\nhost: {CANARY}\r\n\r\n",
        f"GET / HTTP/1.1\r\n{CANARY}\r\n\r\n",
        f"{CANARY}\r\n\r\n",
        f"GET /{CANARY}%41 HTTP/1.1\r\nhost: a\r\n\r\n",
    ):
        with dialled(at.gateway) as plug:
            plug.sendall(head.encode())
            if head.endswith("\r\n\r\n"):
                at.refusals.append(plug.recv(65536).decode(errors="replace"))


def leave_in_the_middle(at: Hospital, surface: Surface) -> None:
    """A caller that hangs up while the marker is being said."""
    at.engine.next(
        {"fault": "say", "tokens": [CANARY] * 500}, {"fault": "slow_tokens", "seconds": 0.01}
    )
    with at.gateway.client.stream(
        "POST", surface.path, json=surface.body(CANARY), headers={**surface.headers, **at.key}
    ) as answer:
        parts = answer.iter_raw()  # held: a dropped iterator closes the response
        next(parts)
    at.engine.until(lambda stats: stats["running"] == 0)


def test_the_marker_is_found_nowhere(hospital: Hospital) -> None:
    """Logs at the most talkative level, metrics, health, audit, traces, errors: after every way to
    ask, to fail and to leave, an engine that dies in the middle, and a stop with answers open."""
    for surface in SURFACES:
        every_way_to_ask(hospital, surface)
        assert CANARY not in str([seen["headers"] for seen in hospital.engine.seen()])
        every_way_to_fail(hospital, surface)
    for surface in STREAMS:
        leave_in_the_middle(hospital, surface)
    strange_paths(hospital)
    hospital.engine.next(fault="crash_midstream")
    hospital.ask(SURFACES[1])
    hospital.ask(SURFACES[4])
    leaks = hospital.leaks()

    assert leaks == []
    assert '"patient":"patient:' in hospital.trail.read_text()
    assert len(hospital.refusals) > 400
    assert "Traceback" not in hospital.gateway.log
    assert '"event":"fault"' not in hospital.gateway.log


def test_the_places_are_looked_at_rightly(hospital: Hospital) -> None:
    """A marker that is in the log, the trail, the traces and an error is found in each: a request
    id is the caller's to choose, and told everywhere."""
    hospital.ask(SURFACES[0], headers={**hospital.key, "x-request-id": CANARY}, temperature=-1)

    assert set(hospital.leaks()) == {"log", "audit", "traces", "refusals"}


def test_an_overloaded_gateway_says_nothing(start: Start, engine: FakeEngine) -> None:
    """429, a queue that took too long, and a stop that cuts answers off."""
    gateway = start(
        engine.url,
        MMHIE_LOG_LEVEL="debug",
        MMHIE_MAX_INFLIGHT="1",
        MMHIE_MAX_QUEUE="1",
        MMHIE_QUEUE_TIMEOUT_SECONDS="2",
        MMHIE_DRAIN_SECONDS="0.5",
    ).wait()
    engine.next(fault="hang_midstream", after=2, seconds=20, times=-1)
    surfaces = (SURFACES[1], *SURFACES[3:])
    with ThreadPoolExecutor(len(surfaces)) as pool:
        asked = [pool.submit(ask_and_look, gateway, surface) for surface in surfaces]
        engine.until(lambda stats: stats["running"] == 1)
        until(lambda: sum(each.done() for each in asked) >= len(asked) - 1)
        assert gateway.child.poll() is None
        gateway.stop()

    assert {429, 503} <= {each.result() for each in asked}
    assert CANARY not in gateway.log.lower()


def ask_and_look(gateway: Gateway, surface: Surface) -> int:
    """The status of an answer, which quotes nothing; 0 where the connection broke."""
    with httpx2.Client(trust_env=False, timeout=PATIENCE_S) as client:
        try:
            answer = client.post(gateway.url + surface.path, json=surface.body(CANARY))
        except httpx2.HTTPError:
            return 0
        assert answer.status_code == 200 or CANARY not in answer.text
        return answer.status_code


def test_a_start_that_fails_repeats_no_secret(start: Start, tmp_path: Path) -> None:
    """Settings are told with their value, keys are not."""
    for setting in ("MMHIE_AUDIT_KEY", "MMHIE_DIGEST_KEY", "MMHIE_ENGINE_API_KEY"):
        others = {"MMHIE_MAX_QUEUE": "wrong", setting: CANARY}
        gateway = start("http://127.0.0.1:1", **others)
        assert gateway.exit_code() == 2
        assert CANARY not in gateway.log
