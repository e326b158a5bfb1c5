"""The servers that are measured: how each is started, and the port on which it then answers."""

import hashlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2

ENGINE_PORT = 18100
PORT = 18200
ENGINE = f"http://127.0.0.1:{ENGINE_PORT}"


def nothing(_folder: Path) -> Mapping[str, str]:
    return {}


@dataclass(frozen=True)
class Target:
    """One way to reach the mock engine."""

    name: str
    argv: Sequence[str]
    environ: Callable[[Path], Mapping[str, str]] = nothing
    key: str | None = None


def production_settings(folder: Path) -> Mapping[str, str]:
    """Return the gateway's environment as in production."""
    return {
        "MMHIE_ENGINE_URL": ENGINE,
        "MMHIE_PORT": str(PORT),
        "MMHIE_MAX_INFLIGHT": "4096",
        "MMHIE_HOLD_FILE": str(folder / "hold.json"),
        "MMHIE_KEYS_FILE": str(write_keys_file(folder)),
        "MMHIE_AUDIT_FILE": str(folder / "audit.jsonl"),
        "MMHIE_AUDIT_KEY": "k" * 40,
    }


def write_keys_file(folder: Path) -> Path:
    """Write one key, whose limits are counted and never reached."""
    limits = {
        "concurrency": 10_000,
        "requests_per_minute": 100_000_000,
        "tokens_per_minute": 1_000_000_000,
    }
    row = {
        "name": "bench",
        "sha256": hashlib.sha256(KEY.encode()).hexdigest(),
        "scopes": ["generate", "openai"],
        "created": 0.0,
        "limits": limits,
    }
    written = folder / "keys.json"
    written.write_text(json.dumps({"keys": [row]}))
    return written


KEY = "mmhie_benchbenchbenchbenchbenchbench"
TARGETS: Mapping[str, Target] = {
    target.name: target
    for target in (
        Target("bare", (sys.executable, "-m", "tests.bench.bare")),
        Target("gateway", (sys.executable, "-m", "gateway"), production_settings, KEY),
    )
}


def is_taken(port: int) -> bool:
    """Return whether a program listens there."""
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def running(target: Target, *, cpu: int) -> Iterator[subprocess.Popen[bytes]]:
    """Run the target pinned to one processor until it answers."""
    if is_taken(PORT):
        raise RuntimeError(f"Port {PORT} is taken. End the program that listens there.")
    with tempfile.TemporaryDirectory() as folder:
        process = subprocess.Popen(
            ["taskset", "-c", str(cpu), *target.argv],
            env={**os.environ, **target.environ(Path(folder))},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            wait_until_it_answers(target, process)
            yield process
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def wait_until_it_answers(
    target: Target, process: subprocess.Popen[bytes], seconds: float = 90
) -> None:
    """Raises RuntimeError when it ends, or does not answer in time."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if process.poll() is not None:
            raise RuntimeError(f"{target.name} ended with {process.returncode}.")
        if answers(target):
            return
        time.sleep(0.02)
    raise RuntimeError(f"{target.name} does not answer.")


def answers(target: Target) -> bool:
    """Return whether a chat completion is answered with 200."""
    url = f"http://127.0.0.1:{PORT}"
    headers = {"authorization": f"Bearer {target.key}"} if target.key else {}
    body = {"model": "bench", "max_tokens": 2, "messages": [{"role": "user", "content": "a"}]}
    try:
        response = httpx2.post(f"{url}/v1/chat/completions", json=body, headers=headers, timeout=5)
    except httpx2.TransportError:
        return False
    return response.status_code == 200
