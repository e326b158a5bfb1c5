"""The fake engine as a child process of a test, and the handle to it."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from tests.waiting import PATIENCE_S

ROOT = Path(__file__).parents[2]


class FakeEngine:
    """A running fake engine: its address, its counts, and what it shall do wrong next."""

    def __init__(self, *arguments: str) -> None:
        command = [sys.executable, "-m", "tests.fake_engine", *arguments]
        self.child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.stop()

    def wait(self) -> Self:
        """Return once it listens; it says where on its first line."""
        assert self.child.stdout is not None
        self.url = self.child.stdout.readline().strip()
        assert self.url, "the fake engine did not start"
        return self

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """One control request."""
        connection = HTTPConnection(urlsplit(self.url).netloc, timeout=PATIENCE_S)
        try:
            connection.request(method, path, None if body is None else json.dumps(body))
            reply = connection.getresponse()
            answer = json.loads(reply.read())
        finally:
            connection.close()
        assert reply.status == 200, answer
        return answer

    def next(self, *faults: Mapping[str, Any], **fault: Any) -> None:
        """Let the next request go wrong: one fault by keywords, or several on the same request."""
        self.ask("POST", "/_fake/next", list(faults) or fault)

    def release(self, tokens: int = 1) -> None:
        """Let so many gated tokens go."""
        self.ask("POST", "/_fake/release", {"tokens": tokens})

    def options(self, **changed: Any) -> None:
        """Change options while it runs."""
        self.ask("POST", "/_fake/options", changed)

    def reset(self) -> None:
        """Forget counts, requests and faults."""
        self.ask("POST", "/_fake/reset", {})

    @property
    def stats(self) -> dict[str, Any]:
        """Return its counts since the last reset."""
        counts: dict[str, Any] = self.ask("GET", "/_fake/stats")
        return counts

    def seen(self, path: str | None = None) -> list[dict[str, Any]]:
        """Requests it got since the last reset, on one path or all."""
        all_seen = self.ask("GET", "/_fake/requests")
        return [request for request in all_seen if path in (None, request["path"])]

    def body(self, path: str = "/v1/chat/completions") -> dict[str, Any]:
        """The last body it got on a path."""
        document: dict[str, Any] = json.loads(self.seen(path)[-1]["body"])
        return document

    def until(self, true: Callable[[dict[str, Any]], bool]) -> None:
        """Wait until its stats satisfy a condition."""
        deadline = time.monotonic() + PATIENCE_S
        while not true(stats := self.stats):
            assert time.monotonic() < deadline, stats
            time.sleep(0.02)

    def stop(self) -> None:
        """End the process."""
        self.child.terminate()
        self.child.wait(timeout=PATIENCE_S)
        if self.child.stdout is not None:
            self.child.stdout.close()
