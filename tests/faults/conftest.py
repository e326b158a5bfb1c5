"""Gateways in front of engines that misbehave, die, or were never there; each on first need."""

import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.contract.process import Gateway, free_port
from tests.fake_engine.process import FakeEngine
from tests.faults.matrix import PATIENT_S, TIMEOUT_S, Row, Site

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

    def __init__(self, folder: Path) -> None:
        self.port = str(free_port())
        engine = FakeEngine("--port", self.port, *CREATED).wait()
        super().__init__(hasty(folder, engine.url), engine)

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


def hasty(folder: Path, url: str, seconds: float = TIMEOUT_S) -> Gateway:
    """A gateway that waits a second, no longer."""
    return Gateway(folder, url, MMHIE_TIMEOUT_SECONDS=str(seconds)).wait()


def absent(folder: Path, url: str) -> Meeting:
    gateway = Gateway(folder, url, MMHIE_TIMEOUT_SECONDS=str(TIMEOUT_S)).wait("/healthz")
    return Meeting(gateway, None)


def living(folder: Path, seconds: float = TIMEOUT_S) -> Meeting:
    engine = FakeEngine(*CREATED).wait()
    return Meeting(hasty(folder, engine.url, seconds), engine)


SITES: dict[Site, Callable[[Path], Meeting]] = {
    "engine": living,
    "patient": lambda folder: living(folder, PATIENT_S),
    "mortal": Mortal,
    "refused": lambda folder: absent(folder, f"http://127.0.0.1:{free_port()}"),
    "no socket": lambda folder: absent(folder, f"unix:{folder}/none.sock"),
}

Meet = Callable[[Site], Meeting]


@pytest.fixture(scope="session")
def meet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Meet]:
    """The gateway and engine of a site, made once."""
    made: dict[Site, Meeting] = {}
    with ExitStack() as stack:

        def meeting(site: Site) -> Meeting:
            if site not in made:
                made[site] = SITES[site](tmp_path_factory.mktemp("faults"))
                stack.callback(made[site].stop)
            return made[site]

        yield meeting
