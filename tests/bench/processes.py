"""Processes under measurement: which processor, how much of it, how much memory."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from tests.bench.targets import ENGINE_PORT, is_taken

TARGET_CPU, LOAD_CPU = 1, 0

Child = subprocess.Popen[bytes]


@contextmanager
def engine(*, chunk_ms: float) -> Iterator[None]:
    """The mock engine on the load's processor."""
    if is_taken(ENGINE_PORT):
        raise RuntimeError(f"Port {ENGINE_PORT} is taken. End the program that listens there.")
    process = subprocess.Popen(
        ["taskset", "-c", str(LOAD_CPU), sys.executable, "-m", "tests.bench.mock_engine",
         "--port", str(ENGINE_PORT), "--chunk-ms", str(chunk_ms)]
    )  # fmt: skip
    try:
        while not is_taken(ENGINE_PORT):
            time.sleep(0.02)
        yield
    finally:
        process.terminate()
        process.wait(10)


def tree(process: Child) -> list[psutil.Process]:
    root = psutil.Process(process.pid)
    return [root, *root.children(recursive=True)]


def cpu_s(process: Child | None) -> float:
    """Processor seconds of a process tree so far, by the scheduler's clock: psutil's ticks are
    10 ms, too coarse for a short run."""
    if process is None:
        return 0.0
    return sum(scheduled_s(child.pid) for child in tree(process))


def scheduled_s(pid: int) -> float:
    threads = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads) / 1e9


def rss_mb(process: Child) -> float:
    return sum(float(child.memory_info().rss) for child in tree(process)) / 2**20
