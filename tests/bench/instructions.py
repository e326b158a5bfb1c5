"""Instructions of a request, counted by callgrind: the same on every machine, busy or not.

`python -m tests.bench.instructions` counts the gateway's. One client asks one request after the
other, so that none waits for another.
"""

import http.client
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from tests.bench.load import LONG, SHORT, request
from tests.bench.processes import TARGET_CPU, engine
from tests.bench.targets import TARGETS, Target, running

WARM: Final = 50
REQUESTS: Final = 100
START_S: Final = 300.0  # of a program that callgrind makes fifty times slower
Counts = dict[str, float]


def is_installed() -> bool:
    return shutil.which("callgrind_control") is not None


def count(target: Target) -> Counts:
    """Return thousands of instructions of a request with a short and a long prompt.

    Of the busiest thread, which is the event loop's, and of all threads.
    """
    with tempfile.TemporaryDirectory() as folder, engine(chunk_ms=20):
        out = Path(folder, "out")
        with running(target, cpu=TARGET_CPU, under=callgrind(out), seconds=START_S) as process:
            assert process is not None, "the engine itself is not counted"
            counts: Counts = {}
            for characters in (SHORT, LONG):
                threads = counted(target, process.pid, out, characters)
                counts[f"k_instructions_loop_{characters}"] = max(threads) / REQUESTS / 1000
                counts[f"k_instructions_{characters}"] = sum(threads) / REQUESTS / 1000
            return counts


def callgrind(out: Path) -> list[str]:
    return [
        "valgrind", "--quiet", "--tool=callgrind", "--separate-threads=yes",
        f"--callgrind-out-file={out}",
    ]  # fmt: skip


def counted(target: Target, pid: int, out: Path, characters: int) -> list[int]:
    """Return the instructions of each thread while the requests of one length are answered."""
    ask(target, WARM, characters)
    control("--zero", pid)
    ask(target, REQUESTS, characters)
    for earlier in out.parent.glob("out.*"):
        earlier.unlink()
    control("--dump", pid)
    return [total(dump) for dump in out.parent.glob("out.*-*")]


def control(action: str, pid: int) -> None:
    command = ["callgrind_control", action, str(pid)]
    subprocess.run(command, check=True, capture_output=True, timeout=120)


def total(dump: Path) -> int:
    """Return the instructions that a thread's dump counts."""
    lines = dump.read_text().splitlines()
    totals = [line for line in lines if line.startswith(("totals: ", "summary: "))]
    return int(totals[-1].split()[1]) if totals else 0


def ask(target: Target, times: int, characters: int) -> None:
    """Ask one request after the other on one connection; AssertionError where one fails."""
    message = request(target.port, stream=False, tokens=100, key=target.key, characters=characters)
    with socket.create_connection(("127.0.0.1", target.port), timeout=60) as connection:
        for _ in range(times):
            connection.sendall(message)
            response = http.client.HTTPResponse(connection, method="POST")
            response.begin()
            response.read()
            assert response.status == 200, f"{target.name}: {response.status}"


def main() -> int:
    if not is_installed():
        print("valgrind is not installed: apt-get install valgrind")  # noqa: T201
        return 1
    for figure, value in count(TARGETS["gateway"]).items():
        print(f"{figure}: {value:,.0f}")  # noqa: T201 - the result
    return 0


if __name__ == "__main__":
    sys.exit(main())
