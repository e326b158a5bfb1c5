"""One target under atheris, which watches what of the gateway's code an input reaches.

Instrumenting that code takes seconds: a target's process is forked from one that has done it.
"""

import logging
import multiprocessing
import os
from collections.abc import Sequence
from functools import cache
from multiprocessing.context import ForkServerContext
from pathlib import Path


@cache
def context() -> ForkServerContext:
    """Return the context whose processes have the instrumented targets."""
    server = multiprocessing.get_context("forkserver")
    server.set_forkserver_preload(["tests.fuzz.instrumented"])
    return server


def run(name: str, options: Sequence[str], log: Path) -> int:
    """Fuzz a target in a process of its own, whose words go to the log; return its exit code."""
    process = context().Process(target=fuzz, args=(name, options, log))
    process.start()
    process.join()
    assert process.exitcode is not None
    return process.exitcode


def fuzz(name: str, options: Sequence[str], log: Path) -> None:
    """Fuzz a target to its end, which is this process's."""
    os.dup2(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 2)
    import atheris

    from tests.fuzz.instrumented import TARGETS

    logging.disable()
    atheris.Setup([name, *options], TARGETS[name])
    atheris.Fuzz()
