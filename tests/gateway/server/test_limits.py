"""Open files: callers cannot take the last one."""

import os
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from tests.contract.process import Gateway, Process
from tests.fake_engine.process import FakeEngine
from tests.gateway.server.certificates import Authority
from tests.gateway.server.hasty import Crowded, CrowdedHasty
from tests.gateway.server.test_tls import ask, serving, trusting
from tests.gateway.server.wire import answers, chat, dialled, request, rest
from tests.waiting import until

WAITING = 60  # callers taken in that the event loop has not looked at yet


def test_callers_cannot_take_the_last_one(tmp_path: Path, engine: FakeEngine) -> None:
    """With hundreds of others waiting, whoever is in is served by the engine."""
    gateway = Narrow(tmp_path, engine.url, MMHIE_MAX_INFLIGHT="16").wait()
    try:
        with ExitStack() as plugs:
            mine = plugs.enter_context(dialled(gateway))
            mine.sendall(request(close=False))
            received = b""
            while not received.endswith(b"}"):  # its head and its body may come apart
                received += mine.recv(65536)
            for _ in range(400):
                plugs.enter_context(dialled(gateway))
            mine.sendall(chat())
            (answer,) = answers(rest(mine))
        assert answer.status == 200
        assert "the limit of open files" in gateway.log
        assert "Traceback" not in gateway.log
    finally:
        assert gateway.stop() == 0


def test_a_flood_of_callers(tmp_path: Path, engine: FakeEngine) -> None:
    """However many come, they hold a bounded number of descriptors, and whoever is in is served by
    the engine."""
    gateway = Crowded(tmp_path, engine.url, MMHIE_MAX_INFLIGHT="8")
    gateway.wait().client.close()
    before = descriptors(gateway)
    with gateway, ExitStack() as plugs:
        mine, *_ = served = [plugs.enter_context(dialled(gateway)) for _ in range(8)]
        until(lambda: descriptors(gateway) >= before + len(served) - 1)
        most = flood(gateway, plugs, 1500, before)
        mine.sendall(chat())
        (answer,) = answers(rest(mine))
        until(lambda: "connections over the maximum were closed" in gateway.log)

    assert answer.status == 200
    assert most <= 8 + WAITING


def test_callers_that_never_shake_hands(tmp_path: Path, engine: FakeEngine) -> None:
    """Over TLS the cap and the time limit of headers hold before the first byte of HTTP."""
    ours = Authority(tmp_path, "ours")
    pair = ours.issue("gateway")
    with serving(tmp_path, engine, pair, CrowdedHasty) as gateway, ExitStack() as plugs:
        until(lambda: ask(gateway, trusting(ours), request("/readyz")).startswith(b"HTTP/1.1 200"))
        before = descriptors(gateway)
        silent = [plugs.enter_context(dialled(gateway)) for _ in range(300)]
        until(lambda: descriptors(gateway) > before)
        most = descriptors(gateway) - before
        heard = [rest(plug) for plug in silent]
        until(lambda: descriptors(gateway) < before + 8)  # those to the engine come and go
        (answer,) = answers(ask(gateway, trusting(ours), request()))

    assert set(heard) == {b""}
    assert most <= 8 + WAITING
    assert answer.status == 200


def flood(gateway: Gateway, plugs: ExitStack, callers: int, before: int) -> int:
    """Return the most descriptors that so many callers held at once."""
    most = 0
    for number in range(callers):
        plugs.enter_context(dialled(gateway))
        if number % 50 == 0:
            most = max(most, descriptors(gateway) - before)
    return most


def descriptors(gateway: Gateway) -> int:
    """Return how many files and sockets the gateway has open."""
    return len(os.listdir(f"/proc/{gateway.child.pid}/fd"))


class Narrow(Gateway):
    """A gateway with 260 open files at most."""

    def begin(self, environ: Mapping[str, str], folder: Path) -> Process:
        shell = 'ulimit -n 260; exec "$0" -m gateway'
        return self.executed(["sh", "-c", shell, sys.executable], environ, folder)
