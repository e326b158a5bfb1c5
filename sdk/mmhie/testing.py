"""
For the tests of an application that asks the model: a server that answers as it is told.

    # conftest.py
    pytest_plugins = ["mmhie.testing"]

    def test_the_summary_is_shown(mmhie_server):
        mmhie_server.answer("Rest and fluids.")
        assert my_application.summary() == "Rest and fluids."
        assert "fever" in mmhie_server.prompts[0]

It is a real HTTP server on this machine; MMHIE_URL points at it while the test runs.
"""

import json
import re
import threading
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from mmhie import _caller
from mmhie._errors import BY_CODE, GatewayError

DISCLAIMER = (
    "Model outputs are not clinical advice. They must not be used for diagnosis or treatment "
    "decisions without review by a licensed clinician."
)
MODEL = "mmhie-testing"
DEFAULT_TEXT = "This is a test answer."

Json = dict[str, Any]


class FakeServer:
    """What it was asked, and what it will answer; an answer that was not told is DEFAULT_TEXT."""

    def __init__(self) -> None:
        self.url = ""
        self.requests: list[Json] = []
        self._next: deque[Json | GatewayError] = deque()

    @property
    def prompts(self) -> list[str]:
        """Every prompt, or the last user turn of every conversation, in the order they came."""
        return [prompt_of(request) for request in self.requests]

    def answer(
        self,
        text: str = DEFAULT_TEXT,
        *,
        reasoning: str | None = None,
        notices: Sequence[Mapping[str, str]] = (),
        warnings: Sequence[str] = (),
        truncated: str | None = None,
    ) -> None:
        """Give this answer to the next question that has none yet."""
        finish = "length" if truncated in ("in_answer", "in_reasoning") else "stop"
        self._next.append(
            {
                "text": text,
                "reasoning": reasoning,
                "notices": [dict(notice) for notice in notices],
                "warnings": list(warnings),
                "truncated": truncated,
                "finish_reason": finish,
            }
        )

    def fail(self, code: str, message: str = "Told to fail.") -> None:
        """Refuse the next question with one of the gateway's codes: `held`, `no_answer`, ..."""
        if code not in BY_CODE:
            raise ValueError(f"{code} is no code of the gateway; known: {', '.join(BY_CODE)}.")
        self._next.append(BY_CODE[code](message))

    def take(self, request: Json) -> Json | GatewayError:
        """Note a question; what is said to it."""
        self.requests.append(request)
        if not self._next:
            self.answer()
        return self._next.popleft()


def prompt_of(request: Mapping[str, Any]) -> str:
    """The prompt in a body of /llm/generate or of /v1/chat/completions."""
    if "prompt" in request:
        return str(request["prompt"])
    users = [turn for turn in request.get("messages", ()) if turn.get("role") == "user"]
    return str(users[-1].get("content")) if users else ""


def closing(said: Json) -> Json:
    """What belongs to an answer beside its text, as the gateway writes it."""
    spent = len(re.findall(r"\S+", said["text"]))
    usage = {"prompt_tokens": 1, "completion_tokens": spent, "total_tokens": spent + 1}
    told = {name: said[name] for name in ("truncated", "warnings", "notices")}
    label = {"id": "testing", "version": "testing", "sha256": "", "text": DISCLAIMER}
    return {
        "model": MODEL,
        "finish_reason": said["finish_reason"],
        "usage": usage,
        "disclaimer": DISCLAIMER,
        **told,
        "request_id": "testing",
        "mmhie": {
            "disclaimer": label,
            "ai_generated": True,
            "provenance": {"engine": "mmhie.testing", "model": MODEL, "request_id": "testing"},
            **told,
        },
    }


def generated(said: Json) -> Json:
    """The JSON answer of /llm/generate."""
    reasoning = {} if said["reasoning"] is None else {"reasoning": said["reasoning"]}
    return {"text": said["text"], **closing(said), **reasoning}


def streamed(said: Json) -> bytes:
    """The events of /llm/generate, a word each."""
    events: list[Json] = []
    if said["reasoning"]:
        events.append({"reasoning_delta": said["reasoning"]})
    events += [{"delta": word} for word in re.findall(r"\s*\S+|\s+$", said["text"])]
    events.append(closing(said))
    return b"".join(b"data: %b\n\n" % json.dumps(one).encode() for one in events) + (
        b"data: [DONE]\n\n"
    )


def chatted(said: Json) -> Json:
    """The answer of /v1/chat/completions."""
    last = closing(said)
    message = {"role": "assistant", "content": said["text"], "reasoning": said["reasoning"]}
    choice = {"index": 0, "message": message, "finish_reason": said["finish_reason"]}
    return {
        "id": "chatcmpl-testing",
        "object": "chat.completion",
        "created": 0,
        "model": MODEL,
        "choices": [choice],
        "usage": last["usage"],
        "mmhie": last["mmhie"],
    }


class Handler(BaseHTTPRequestHandler):
    """Answers for the FakeServer of its HTTP server."""

    protocol_version = "HTTP/1.1"

    @property
    def fake(self) -> FakeServer:
        return self.server.fake  # type: ignore[attr-defined, no-any-return] # set in running()

    def do_GET(self) -> None:
        """Ready, with one model."""
        listed = {"object": "list", "data": [{"id": MODEL, "object": "model"}]}
        self._send(200, listed if self.path == "/v1/models" else {"phase": "ready"})

    def do_POST(self) -> None:
        """The answer or the failure that is next."""
        body: Json = json.loads(self.rfile.read(int(self.headers["content-length"])))
        said = self.fake.take(body)
        if isinstance(said, GatewayError):
            error = {"message": said.message, "type": "error", "param": None, "code": said.code}
            self._send(said.status, {"error": error})
        elif self.path == "/v1/chat/completions":
            self._send(200, chatted(said))
        elif body.get("stream"):
            self._send(200, streamed(said), media="text/event-stream")
        else:
            self._send(200, generated(said))

    def log_message(self, *_: object) -> None:
        """Say nothing: the output is the test's."""

    def _send(self, status: int, content: Json | bytes, media: str = "application/json") -> None:
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        self.send_header("content-type", media)
        self.send_header("content-length", str(len(data)))
        self.send_header("x-request-id", "testing")
        self.end_headers()
        self.wfile.write(data)


@contextmanager
def running() -> Iterator[FakeServer]:
    """A FakeServer on a free port, without pytest's fixture around it."""
    fake = FakeServer()
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        server.fake = fake  # type: ignore[attr-defined] # the handler's way to it
        fake.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield fake
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def mmhie_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeServer]:
    """A server for this test; `medical_reasoner` and new clients ask it."""
    with running() as fake:
        for name in ("MMHIE_API_KEY", "MMHIE_BACKEND"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("MMHIE_URL", fake.url)
        _caller.forget()
        try:
            yield fake
        finally:
            _caller.forget()
