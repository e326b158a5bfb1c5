"""Callers who ask a real service without a pause, and what each request came to."""

from __future__ import annotations

import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from itertools import takewhile

import httpx2

from tests.real.stack import START_S

NUMBER = 3


@dataclass
class Callers:
    """A few threads that ask without a pause; what each request came to, and when."""

    url: str
    outcomes: list[tuple[float, str, str]] = field(default_factory=list)
    stopping: threading.Event = field(default_factory=threading.Event)
    threads: list[threading.Thread] = field(default_factory=list)

    def __enter__(self) -> Callers:
        self.threads = [threading.Thread(target=self._ask_on, args=(n,)) for n in range(NUMBER)]
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self) -> None:
        self.stopping.set()
        for thread in self.threads:
            thread.join()

    def _ask_on(self, number: int) -> None:
        """Every caller a form of its own; a new connection whenever one is gone."""
        count = 0
        while not self.stopping.is_set():
            name = f"chaos-{number}-{count}"
            outcome = self._ask(name, stream=number > 0, plain=number == 1)
            self.outcomes.append((time.monotonic(), name, outcome))
            count += 1
            self.stopping.wait(0.2 if outcome == "whole" else 0.5)

    def _ask(self, name: str, *, stream: bool, plain: bool) -> str:
        body = {"prompt": f"{name}: what is a fever?", "max_tokens": 16, "stream": stream}
        headers = {"x-request-id": name, **({"accept": "text/plain"} if plain else {})}
        try:
            # Certificates would be read for each.
            with httpx2.Client(timeout=START_S, trust_env=False, verify=False) as client:
                answer = client.post(f"{self.url}/llm/generate", json=body, headers=headers)
        except httpx2.TransportError:
            return "gone"
        return outcome_of(answer)

    def back(self, since: float) -> float:
        """Seconds from then to the first good answer of those that only good ones follow; every
        caller has had one."""
        deadline = since + START_S
        while True:
            told = [(at, outcome) for at, _, outcome in self.outcomes if at > since]
            good = list(takewhile(lambda outcome: outcome[1] == "whole", reversed(told)))
            if len(good) >= NUMBER:
                return good[-1][0] - since
            assert time.monotonic() < deadline, Counter(outcome for _, outcome in told)
            time.sleep(0.1)

    def since(self, began: float) -> Counter[str]:
        return Counter(outcome for at, _, outcome in self.outcomes if at > began)

    @property
    def acknowledged(self) -> set[str]:
        return {name for _, name, outcome in self.outcomes if outcome == "whole"}


def outcome_of(answer: httpx2.Response) -> str:
    if answer.status_code != 200:
        return f"{answer.status_code} {answer.json()['error']['code']}"
    kind, text = answer.headers["content-type"], answer.text
    if kind.startswith("text/plain"):
        return "in band" if "[interrupted: " in text else "whole"
    if '"error"' in text:
        return "in band"
    whole = text.endswith("data: [DONE]\n\n") if "event-stream" in kind else answer.json()["text"]
    return "whole" if whole else "cut"
