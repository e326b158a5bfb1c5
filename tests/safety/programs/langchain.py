"""LangChain's ChatOpenAI, in a process with an environment of its own."""

import json
import subprocess
from pathlib import Path
from typing import Any

from tests.compatibility.clients import LOCKS
from tests.compatibility.environment import python_with
from tests.waiting import PATIENCE_S

DRIVER = Path(__file__).with_name("langchain_driver.py")


class LangChain:
    """One process that asks as it is told: `LangChain().ask(prompt=...)`."""

    def __init__(self) -> None:
        self._child = subprocess.Popen(
            [python_with(LOCKS / "langchain-openai.txt"), DRIVER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, **asked: Any) -> dict[str, Any]:
        """The result that the library returned (`value`) or raised (`error`)."""
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        self._child.stdin.write(json.dumps(asked) + "\n")
        self._child.stdin.flush()
        held: dict[str, Any] = json.loads(self._child.stdout.readline())
        return held

    def close(self) -> None:
        """End the process."""
        self._child.communicate(timeout=PATIENCE_S)
