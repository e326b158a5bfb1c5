"""Open files: callers cannot take the last one."""

import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.contract.process import ROOT, Gateway
from tests.fake_engine.process import FakeEngine
from tests.gateway.server.wire import answers, chat, dialled, request, rest

ASK = """
import resource
from gateway.server.limits import affordable_connections
resource.setrlimit(resource.RLIMIT_NOFILE, ({soft}, {hard}))
print(affordable_connections({connections}, 100), *resource.getrlimit(resource.RLIMIT_NOFILE))
"""


@pytest.mark.parametrize(
    ("soft", "hard", "connections", "told"),
    [
        (2048, 4096, 1000, "1000 2048 4096"),
        (512, 4096, 1000, "1000 1228 4096"),
        (512, 1024, 1000, "796 1024 1024"),
        (200, 200, 1000, "1 200 200"),
    ],
)
def test_room(soft: int, hard: int, connections: int, told: str) -> None:
    """The soft limit is raised as far as it must and may; what does not fit is not promised."""
    code = ASK.format(soft=soft, hard=hard, connections=connections)
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == told


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
        assert "MMHIE_MAX_CONNECTIONS" in gateway.log
        assert "Traceback" not in gateway.log
    finally:
        assert gateway.stop() == 0


class Narrow(Gateway):
    """A gateway with 260 open files at most."""

    def command(self) -> list[str]:
        return ["sh", "-c", 'ulimit -n 260; exec "$0" -m gateway', sys.executable]
