"""Gateways in front of engines that misbehave, die, or were never there; each on first need."""

import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.contract.process import Gateway, free_port
from tests.fake_engine.process import FakeEngine
from tests.faults.matrix import Row, Site
from tests.waiting import PATIENCE_S

CREATED = ("--created", "1795566865")


class Meeting:
    """A gateway and its engine, and how to spoil the next request."""

    def __init__(self, gateway: Gateway, engine: FakeEngine | None) -> None:
        self.gateway = gateway
        self.engine = engine

    def spoil(self, row: Row) -> None:
        """Let the next request meet the row's fault."""
        if self.engine is not None:
            self.engine.reset()
            self.engine.next(*row.faults)

    def mend(self) -> None:
        """Make the next request an ordinary one again."""

    def stop(self) -> None:
        self.gateway.stop()
        if self.engine is not None:
            self.engine.stop()


class Mortal(Meeting):
    """An engine that may be killed and stopped; a new one listens where the old one did."""

    def __init__(self, folder: Path, timeout_s: float) -> None:
        self.port = str(free_port())
        engine = FakeEngine("--port", self.port, *CREATED).wait()
        super().__init__(begun(folder, engine.url, timeout_s).wait(), engine)

    def spoil(self, row: Row) -> None:
        assert self.engine is not None
        name = row.faults[0]["fault"]
        if name == "sigstop":
            self.engine.child.send_signal(signal.SIGSTOP)
        elif name == "restart":
            self._renew()
        else:
            super().spoil(row)

    def mend(self) -> None:
        assert self.engine is not None
        self.engine.child.send_signal(signal.SIGCONT)
        self._renew()

    def _renew(self) -> None:
        """Kill it and start it anew; the gateway's connections to it are dead by then."""
        assert self.engine is not None
        self.engine.child.kill()
        self.engine.stop()
        self.engine = FakeEngine("--port", self.port, *CREATED).wait()
        self.gateway.wait()


def begun(folder: Path, url: str, timeout_s: float) -> Gateway:
    return Gateway(folder, url, MMHIE_TIMEOUT_SECONDS=str(timeout_s))


def absent(folder: Path, url: str, timeout_s: float) -> Meeting:
    return Meeting(begun(folder, url, timeout_s).wait("/healthz"), None)


def living(folder: Path, timeout_s: float) -> Meeting:
    engine = FakeEngine(*CREATED).wait()
    return Meeting(begun(folder, engine.url, timeout_s).wait(), engine)


SITES: dict[Site, Callable[[Path, float], Meeting]] = {
    "engine": living,
    "mortal": Mortal,
    "refused": lambda folder, s: absent(folder, f"http://127.0.0.1:{free_port()}", s),
    "no socket": lambda folder, s: absent(folder, f"unix:{folder}/none.sock", s),
}

Meet = Callable[[Site, float | None], Meeting]


@pytest.fixture(scope="session")
def meet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Meet]:
    """The gateway and engine of a site, made once for each timeout."""
    made: dict[tuple[Site, float | None], Meeting] = {}
    with ExitStack() as stack:

        def meeting(site: Site, timeout_s: float | None) -> Meeting:
            if (site, timeout_s) not in made:
                there = SITES[site](tmp_path_factory.mktemp("faults"), timeout_s or 2 * PATIENCE_S)
                stack.callback(there.stop)
                made[site, timeout_s] = there
            return made[site, timeout_s]

        yield meeting
