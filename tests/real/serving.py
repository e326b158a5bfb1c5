"""`mmhie serve` on a model of one's own, what to ask it, and what it takes of the machine."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from tests.real.stack import MMHIE, Stack, environment, running


@dataclass(frozen=True)
class Served:
    """A running service, the settings it was started with, and a client of its gateway."""

    stack: Stack
    settings: dict[str, str]
    client: httpx2.Client

    @property
    def model(self) -> str:
        """The public id."""
        return self.stack.model

    def generate(self, prompt: str, **more: Any) -> httpx2.Response:
        """An answer of /llm/generate."""
        return self.client.post("/llm/generate", json={"prompt": prompt, **more})

    def chat(self, prompt: str, *, system: str | None = None, **more: Any) -> dict[str, Any]:
        """An answer of /v1/chat/completions, greedy."""
        turns = [{"role": "system", "content": system}] if system else []
        turns.append({"role": "user", "content": prompt})
        body = {"model": self.model, "messages": turns, "temperature": 0, **more}
        answer = self.client.post("/v1/chat/completions", json=body)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def plan(self) -> dict[str, Any]:
        """Return the plan that `mmhie plan` prints for the same settings."""
        done = subprocess.run(
            [MMHIE, "plan", "--json"],
            env=environment(**self.settings),
            cwd=self.stack.log.parent,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        plan: dict[str, Any] = json.loads(done.stdout)
        return plan


@contextmanager
def serving(folder: Path, model: Path | str, **more: str) -> Iterator[Served]:
    """Start it, wait until it is ready, and end it in order."""
    settings = {"MMHIE_REASONER_MODEL": str(model), "MMHIE_CACHE_DIR": str(folder), **more}
    with running(folder, **settings) as stack, stack.client() as client:
        yield Served(stack, settings, client)
