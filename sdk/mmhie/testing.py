"""
Test double of the service, for the tests of an application: a server with scripted answers.

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
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from mmhie import Answer, MMHIEError, Notice, _base_client

DISCLAIMER = (
    "Model outputs are not clinical advice. They must not be used for diagnosis or treatment "
    "decisions without review by a licensed clinician."
)
EMERGENCY_NOTE = (
    "This is not an emergency detector. In an emergency call your local emergency number."
)
MODEL = "mmhie-testing"
DEFAULT_TEXT = "This is a test answer."

STATUS_OF_CODE = {
    "invalid_request": 400,
    "unauthorized": 401,
    "forbidden": 403,
    "model_not_found": 404,
    "input_too_long": 413,
    "too_busy": 429,
    "internal": 500,
    "feedback_not_taken": 501,
    "no_answer": 502,
    "engine_unavailable": 503,
    "held": 503,
    "engine_timeout": 504,
}

Json = dict[str, Any]


class FakeServer:
    """Received requests, and the answers to the next ones; DEFAULT_TEXT if there are none.

    Feedback goes to `feedback`, and uses up no answer.
    """

    def __init__(self) -> None:
        self.url = ""
        self.requests: list[Json] = []
        self.feedback: list[Json] = []
        self._next: deque[Answer | MMHIEError] = deque()

    @property
    def prompts(self) -> list[str]:
        """Every prompt, or the last user turn of every conversation, in the order of arrival."""
        return [prompt_of(request) for request in self.requests]

    def answer(
        self,
        text: str = DEFAULT_TEXT,
        *,
        reasoning: str | None = None,
        notices: Sequence[Notice] = (),
        warnings: Sequence[str] = (),
        truncated: str | None = None,
    ) -> None:
        """Answer the next request that has no answer yet."""
        answer = Answer(text, reasoning, notices=tuple(notices), warnings=tuple(warnings))
        self._next.append(replace(answer, truncated=truncated))

    def fail(
        self, code: str, message: str = "Scripted failure.", *, status: int | None = None
    ) -> None:
        """Refuse the next request with a code of the gateway's: `held`, `no_answer`, ...

        A code that is not in STATUS_OF_CODE needs its status.
        """
        if status is None and code not in STATUS_OF_CODE:
            raise ValueError(f"Give `status`, or use one of {', '.join(STATUS_OF_CODE)}.")
        self._next.append(MMHIEError(message, code=code, status=status or STATUS_OF_CODE[code]))

    def take(self, request: Json) -> Answer | MMHIEError:
        """Record a request and return the answer to it."""
        self.requests.append(request)
        if not self._next:
            self.answer()
        return self._next.popleft()

    def take_feedback(self, feedback: Json) -> Json | MMHIEError:
        """Store feedback and return its receipt, or the failure that is next."""
        if self._next and isinstance(failure := self._next[0], MMHIEError):
            self._next.popleft()
            return failure
        duplicate = feedback in self.feedback
        self.feedback.append(feedback)
        return {
            "id": f"testing-{self.feedback.index(feedback)}",
            "request_id": feedback["request_id"],
            "created": "2026-01-01T00:00:00Z",
            "duplicate": duplicate,
            "audited": True,
        }


def prompt_of(request: Json) -> str:
    """Return the prompt in a body of /llm/generate or of /v1/chat/completions."""
    if "prompt" in request:
        return str(request["prompt"])
    users = [turn for turn in request.get("messages", ()) if turn.get("role") == "user"]
    return str(users[-1].get("content")) if users else ""


def last_event(answer: Answer) -> Json:
    """Return the last event of a stream as the gateway writes it: all but the text."""
    tokens = len(answer.text.split())
    is_cut = answer.truncated in ("in_answer", "in_reasoning")
    labels = {
        "truncated": answer.truncated,
        "warnings": list(answer.warnings),
        "notices": [dict(notice) for notice in answer.notices],
    }
    disclaimer = {"id": "testing", "version": "testing", "sha256": "", "text": DISCLAIMER}
    return {
        "model": MODEL,
        "finish_reason": "length" if is_cut else "stop",
        "usage": {"prompt_tokens": 1, "completion_tokens": tokens, "total_tokens": tokens + 1},
        "disclaimer": DISCLAIMER,
        "request_id": "testing",
        **labels,
        "mmhie": {
            "disclaimer": disclaimer,
            "emergency_note": EMERGENCY_NOTE,
            "ai_generated": True,
            "provenance": {"engine": "mmhie.testing", "model": MODEL, "request_id": "testing"},
            **labels,
        },
    }


def generate_body(answer: Answer) -> Json:
    """Return the JSON of /llm/generate."""
    reasoning = {} if answer.reasoning is None else {"reasoning": answer.reasoning}
    return {"text": answer.text, **last_event(answer), **reasoning}


def generate_stream(answer: Answer) -> bytes:
    """Return the events of /llm/generate, a word each; notices come with the first."""
    events: list[Json] = [{"reasoning_delta": answer.reasoning}] if answer.reasoning else []
    events += [{"delta": word} for word in re.findall(r"\s*\S+|\s+$", answer.text)]
    last = last_event(answer)
    first, *others = [*events, last]
    first = {"notices": last["notices"], **first}
    lines = [*map(json.dumps, [first, *others]), "[DONE]"]
    return "".join(f"data: {line}\n\n" for line in lines).encode()


def chat_body(answer: Answer) -> Json:
    """Return the JSON of /v1/chat/completions."""
    last = last_event(answer)
    message = {"role": "assistant", "content": answer.text, "reasoning": answer.reasoning}
    choice = {"index": 0, "message": message, "finish_reason": answer.finish_reason}
    shared = {"model": MODEL, "usage": last["usage"], "mmhie": last["mmhie"]}
    head = {"id": "chatcmpl-testing", "object": "chat.completion", "created": 0}
    return {**head, **shared, "choices": [choice]}


class FakeHandler(BaseHTTPRequestHandler):
    """HTTP handler that answers for the FakeServer."""

    protocol_version = "HTTP/1.1"

    @property
    def fake(self) -> FakeServer:
        return self.server.fake  # type: ignore[attr-defined, no-any-return] # set in running()

    def do_GET(self) -> None:
        """Answer that the model is ready, or list it."""
        listed = {"object": "list", "data": [{"id": MODEL, "object": "model"}]}
        self._send(200, listed if self.path == "/v1/models" else {"phase": "ready"})

    def do_POST(self) -> None:
        """Send the answer or the failure that is next."""
        body: Json = json.loads(self.rfile.read(int(self.headers["content-length"])))
        is_feedback = self.path == "/v1/mmhie/feedback"
        answer = self.fake.take_feedback(body) if is_feedback else self.fake.take(body)
        if isinstance(answer, MMHIEError):
            error = {"message": answer.message, "type": "error", "param": None, "code": answer.code}
            self._send(answer.status or 500, {"error": error})
        elif isinstance(answer, dict):
            self._send(200, answer)
        elif self.path == "/v1/chat/completions":
            self._send(200, chat_body(answer))
        elif body.get("stream"):
            self._send(200, generate_stream(answer), media="text/event-stream")
        else:
            self._send(200, generate_body(answer))

    def log_message(self, *_: object) -> None:
        """Write no log: the output is the test's."""

    def _send(self, status: int, content: Json | bytes, media: str = "application/json") -> None:
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        self.send_header("content-type", media)
        self.send_header("content-length", str(len(data)))
        self.send_header("x-request-id", "testing")
        self.send_header("x-mmhie-disclaimer-version", "testing")
        self.end_headers()
        self.wfile.write(data)


@contextmanager
def running() -> Iterator[FakeServer]:
    """Run a FakeServer on a free port, without pytest's fixture around it."""
    fake = FakeServer()
    with ThreadingHTTPServer(("127.0.0.1", 0), FakeHandler) as server:
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
    """Run a server for this test; `medical_reasoner` and new clients use it."""
    with running() as fake:
        for name in ("MMHIE_API_KEY", "MMHIE_BACKEND"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("MMHIE_URL", fake.url)
        _base_client.forget()
        try:
            yield fake
        finally:
            _base_client.forget()
