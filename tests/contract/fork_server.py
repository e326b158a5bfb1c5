"""Gateways forked from a process that has imported the gateway: a fifth of the work of a start.

A gateway's environment, folder and output are its own; test_life.py starts `python -m gateway`.
"""

import contextlib
import logging
import multiprocessing
import os
import subprocess
import sys
import warnings
from collections.abc import Mapping
from functools import cache
from multiprocessing import forkserver
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
PRELOADED: Final = "tests.contract.preloaded"


class ForkedGateway:
    """A gateway's process, with those methods of `subprocess.Popen` that tests use."""

    def __init__(self, environ: Mapping[str, str], folder: Path, log: Path) -> None:
        arguments = (dict(environ), str(folder), str(log))
        self._process = context().Process(target=run, args=arguments, daemon=True)
        self._process.start()

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self._process.pid is not None
        return self._process.pid

    def poll(self) -> int | None:
        """Return the exit code; None while it runs."""
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end and return the exit code; raises TimeoutExpired."""
        self._process.join(timeout)
        code = self.poll()
        if code is None:
            raise subprocess.TimeoutExpired("gateway", timeout or 0)
        return code

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """Send SIGKILL."""
        self._process.kill()


@cache
def context() -> ForkServerContext:
    """Start the process that gateways are forked from."""
    server = multiprocessing.get_context("forkserver")
    server.set_forkserver_preload([PRELOADED])
    with contextlib.chdir(ROOT):
        forkserver.ensure_running()
    return server


def run(environ: dict[str, str], folder: str, log: str) -> None:
    """Become a gateway, as `python -m gateway` does."""
    assert PRELOADED in sys.modules, "the fork server could not import the gateway"
    from gateway.__main__ import main
    from gateway.middleware import NUMBERS

    NUMBERS.seed()  # else all gateways would give the same ids
    os.environ.clear()
    os.environ.update(environ)
    os.chdir(folder)
    output = os.open(log, os.O_WRONLY | os.O_APPEND)
    os.dup2(output, 1)
    os.dup2(output, 2)
    warnings.simplefilter("error")
    code = main()
    logging.shutdown()  # what Python does at an exit, and multiprocessing does not
    sys.exit(code)
