"""The servers that are measured: how each is started, and the port on which it then answers."""

import hashlib
import json
import os
import shutil
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

from tests.bench.peers import program

ENGINE_PORT = 18100
PORT = 18200
ENGINE = f"http://127.0.0.1:{ENGINE_PORT}"
LISTENING = ("--host", "127.0.0.1", "--port", str(PORT))
NGINX = """
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log crit;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  client_body_temp_path {folder}; proxy_temp_path {folder};
  fastcgi_temp_path {folder}; uwsgi_temp_path {folder}; scgi_temp_path {folder};
  upstream engine {{ server 127.0.0.1:{engine}; keepalive 1024; }}
  server {{
    listen 127.0.0.1:{port} backlog=2048;
    keepalive_requests 1000000;
    location / {{
      proxy_pass http://engine; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_buffering off; client_max_body_size 10m;
    }}
  }}
}}
"""


def nothing(_folder: Path) -> Mapping[str, str]:
    return {}


@dataclass(frozen=True)
class Target:
    """One way to reach the mock engine."""

    name: str
    argv: Callable[[Path], Sequence[str]] | None  # None: the engine itself
    environ: Callable[[Path], Mapping[str, str]] = nothing
    key: str | None = None
    checkout: Path | None = None  # where it is run; None: here
    long_streams: int = 256  # of 600 tokens, a chunk every 20 ms, which it keeps up with

    @property
    def port(self) -> int:
        return PORT if self.argv else ENGINE_PORT


def gateway(_folder: Path) -> Sequence[str]:
    return [sys.executable, "-m", "gateway"]


def bare(_folder: Path) -> Sequence[str]:
    return [sys.executable, "-m", "tests.bench.bare"]


def nginx(folder: Path) -> Sequence[str]:
    config = folder / "nginx.conf"
    config.write_text(NGINX.format(folder=folder, engine=ENGINE_PORT, port=PORT))
    return [shutil.which("nginx") or "/usr/sbin/nginx", "-c", str(config), "-g", "daemon off;"]


def vllm_router(_folder: Path) -> Sequence[str]:
    return [
        str(program("vllm-router")), "--log-level", "warning", "--worker-urls", ENGINE, *LISTENING,
        "--policy", "round_robin", "--prometheus-port", str(PORT + 1),
    ]  # fmt: skip


def smg(_folder: Path) -> Sequence[str]:
    return [
        str(program("smg")), "launch", "--log-level", "warn", "--worker-urls", ENGINE, *LISTENING,
        "--policy", "round_robin", "--prometheus-port", str(PORT + 1),
    ]  # fmt: skip


def litellm(folder: Path) -> Sequence[str]:
    config = folder / "litellm.yaml"
    config.write_text(
        "model_list:\n- model_name: bench\n  litellm_params:\n    model: hosted_vllm/bench\n"
        f"    api_base: {ENGINE}/v1\n    api_key: none\n"
    )
    return [str(program("litellm")), "--config", str(config), *LISTENING]


def litellm_environ(_folder: Path) -> Mapping[str, str]:
    return {"LITELLM_MASTER_KEY": LITELLM_KEY, "LITELLM_LOG": "ERROR"}


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
LITELLM_KEY = "sk-bench"
TARGETS: Mapping[str, Target] = {
    target.name: target
    for target in (
        Target("direct", None),
        Target("nginx", nginx),
        Target("bare", bare),
        Target("gateway", gateway, production_settings, KEY),
        Target("vllm-router", vllm_router),
        Target("smg", smg),
        Target("litellm", litellm, litellm_environ, LITELLM_KEY, long_streams=16),
    )
}


def gateway_before(checkout: Path) -> Target:
    """Return the gateway of an older checkout."""
    return Target("gateway, before", gateway, production_settings, KEY, checkout)


def is_taken(port: int) -> bool:
    """Return whether a program listens there."""
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def running(
    target: Target, *, cpu: int, under: Sequence[str] = (), seconds: float = 90
) -> Iterator[subprocess.Popen[bytes] | None]:
    """Run the target pinned to one processor once it answers; None for the engine itself.

    `under` is the command of a program that runs it, callgrind for example.
    """
    if target.argv is None:
        yield None
        return
    if is_taken(PORT):
        raise RuntimeError(f"Port {PORT} is taken. End the program that listens there.")
    with tempfile.TemporaryDirectory() as folder:
        process = subprocess.Popen(
            ["taskset", "-c", str(cpu), *under, *target.argv(Path(folder))],
            env={**os.environ, **target.environ(Path(folder))},
            cwd=target.checkout,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            wait_until_it_answers(target, process, seconds)
            yield process
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def wait_until_it_answers(target: Target, process: subprocess.Popen[bytes], seconds: float) -> None:
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
    url = f"http://127.0.0.1:{target.port}"
    headers = {"authorization": f"Bearer {target.key}"} if target.key else {}
    body = {"model": "bench", "max_tokens": 2, "messages": [{"role": "user", "content": "a"}]}
    try:
        response = httpx2.post(f"{url}/v1/chat/completions", json=body, headers=headers, timeout=5)
    except httpx2.TransportError:
        return False
    return response.status_code == 200
