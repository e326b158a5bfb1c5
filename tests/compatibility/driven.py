"""A client's driver as a child process: a case in, what came of it out."""

import json
import os
import subprocess
import threading
from collections.abc import Sequence
from typing import Any

from tests.waiting import PATIENCE_S

# No client may look for anything beyond this machine.
QUIET = {
    "NO_PROXY": "127.0.0.1",
    "no_proxy": "127.0.0.1",
}


class Driven:
    """A client pointed at one address; its driver ends with its input."""

    def __init__(self, command: Sequence[str], url: str, model: str) -> None:
        self._child = subprocess.Popen(
            [*command, url, model],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **QUIET},
        )

    def run(self, case: str) -> dict[str, Any]:
        """`{"result": ...}` or `{"error": ...}`; the driver lives on."""
        assert self._child.stdin
        assert self._child.stdout
        watchdog = threading.Timer(PATIENCE_S, self._child.kill)
        watchdog.start()
        try:
            self._child.stdin.write(case + "\n")
            self._child.stdin.flush()
            line = self._child.stdout.readline()
        finally:
            watchdog.cancel()
        assert line, f"the driver ended or took over {PATIENCE_S} s"
        outcome: dict[str, Any] = json.loads(line)
        return outcome

    def result(self, case: str) -> dict[str, Any]:
        """The result of a case that has to succeed."""
        outcome = self.run(case)
        assert "result" in outcome, outcome
        return dict(outcome["result"])

    def error(self, case: str) -> dict[str, Any]:
        """The error of a case that has to raise."""
        outcome = self.run(case)
        assert "error" in outcome, outcome
        return dict(outcome["error"])

    def stop(self) -> None:
        """End of input; the driver's pipes are closed."""
        assert self._child.stdin
        assert self._child.stdout
        self._child.stdin.close()
        self._child.wait(timeout=PATIENCE_S)
        self._child.stdout.close()
