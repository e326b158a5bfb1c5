"""Garbage of a request is gone at its end, not when the collector comes by."""

import signal
from collections.abc import Callable
from pathlib import Path

import httpx2
import pytest

from tests.contract.fixtures import Start
from tests.contract.process import ROOT, Gateway
from tests.contract.surfaces import SURFACES, Surface, name_of
from tests.fake_engine.process import FakeEngine
from tests.waiting import until

TIMES = 20
# Loaded by Python itself: on SIGRTMIN the process says how much only a collection frees.
CUSTOM = """
import gc, pathlib, signal

def count(*_):
    pathlib.Path(__file__).with_name("garbage").write_text(str(gc.collect()))

signal.signal(signal.SIGRTMIN, count)
"""


class Counted:
    """A gateway that can be asked for its garbage."""

    def __init__(self, folder: Path, start: Start, url: str) -> None:
        (folder / "sitecustomize.py").write_text(CUSTOM)
        self.file = folder / "garbage"
        self.gateway: Gateway = start(url, PYTHONPATH=f"{folder}:{ROOT}").wait()

    def garbage(self) -> int:
        """Objects that a collection has to free."""
        self.file.unlink(missing_ok=True)
        self.gateway.signal(signal.SIGRTMIN)
        until(lambda: self.file.exists() and self.file.read_text())
        return int(self.file.read_text())


@pytest.mark.slow
def test_a_request_leaves_no_garbage(start: Start, engine: FakeEngine, tmp_path: Path) -> None:
    """On no surface: kept connections, new ones, callers who leave. A collection that comes once in
    hours would let the memory grow until then."""
    counted = Counted(tmp_path, start, engine.url)
    client = counted.gateway.client
    ways: dict[str, Callable[[Surface], object]] = {
        "kept": lambda surface: surface.ask(client),
        "new": lambda surface: anew(counted.gateway, surface),
        "left": lambda surface: leave(counted.gateway, surface),
    }
    for surface in SURFACES:
        for way, ask in ways.items():
            ask(surface)
            counted.garbage()
            for _ in range(TIMES):
                ask(surface)
            assert counted.garbage() < TIMES, (name_of(surface), way)


def anew(gateway: Gateway, surface: Surface) -> None:
    """On a connection of its own."""
    with httpx2.Client(base_url=gateway.url, trust_env=False) as client:
        surface.ask(client)


def leave(gateway: Gateway, surface: Surface) -> None:
    """Hang up once the answer has begun."""
    with (
        httpx2.Client(base_url=gateway.url, trust_env=False) as client,
        surface.stream(client) as answer,
    ):
        next(answer.iter_raw())
