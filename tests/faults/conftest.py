"""Gateways in front of engines that misbehave, die, or were never there; each on first need."""

import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path

import pytest

from tests.contract.process import Gateway, free_port
from tests.fake_engine.process import FakeEngine
from tests.faults.matrix import Row, Site
from tests.waiting import PATIENCE_S


class Meeting:
    """A gateway and its engine, if there is one, and how to spoil the next request."""

    def __init__(self, folder: Path, site: Site, timeout_s: float) -> None:
        self.port = str(free_port())
        self.engine = self._started() if site in ("engine", "mortal") else None
        url = f"unix:{folder}/none.sock" if site == "no socket" else f"http://127.0.0.1:{self.port}"
        self.gateway = Gateway(folder, url, MMHIE_TIMEOUT_SECONDS=str(timeout_s))
        self.gateway.wait("/readyz" if self.engine else "/healthz")

    def spoil(self, row: Row) -> None:
        """Let the next request meet the row's fault."""
        name = row.faults[0]["fault"] if row.faults else ""
        if name == "restart":
            self.renew()
        elif self.engine and name == "sigstop":
            self.engine.child.send_signal(signal.SIGSTOP)
        elif self.engine:
            self.engine.reset()
            self.engine.next(*row.faults)

    def renew(self) -> None:
        """Kill the engine and start it anew; the gateway's connections to it are dead by then."""
        assert self.engine is not None
        self.engine.child.kill()
        self.engine.stop()
        self.engine = self._started()
        self.gateway.wait()

    def stop(self) -> None:
        self.gateway.stop()
        if self.engine:
            self.engine.stop()

    def _started(self) -> FakeEngine:
        return FakeEngine("--port", self.port, "--created", "1795566865").wait()


Meet = Callable[[Site, float | None], Meeting]


@pytest.fixture(scope="session")
def meet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Meet]:
    """The gateway and engine of a site, made once for each timeout."""
    with ExitStack() as stack:

        @cache
        def meeting(site: Site, timeout_s: float | None) -> Meeting:
            there = Meeting(tmp_path_factory.mktemp("faults"), site, timeout_s or 2 * PATIENCE_S)
            stack.callback(there.stop)
            return there

        yield meeting
