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
ENGINE_SOCKET = Path(tempfile.gettempdir()) / "mmhie-bench-engine.sock"
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
    written = folder / "nginx.conf"
    written.write_text(NGINX.format(folder=folder, engine=ENGINE_PORT, port=PORT))
    return [shutil.which("nginx") or "/usr/sbin/nginx", "-c", str(written), "-g", "daemon off;"]


def rust_router(name: str, *words: str) -> Callable[[Path], Sequence[str]]:
    """The command of vLLM's router, or of the one that it was taken from."""
    return lambda _folder: [
        str(program(name)), *words, "--worker-urls", ENGINE, *LISTENING,
        "--policy", "round_robin", "--prometheus-port", str(PORT + 1),
    ]  # fmt: skip


def litellm(folder: Path, release: str = "litellm") -> Sequence[str]:
    written = folder / "litellm.yaml"
    written.write_text(
        "model_list:\n- model_name: bench\n  litellm_params:\n    model: hosted_vllm/bench\n"
        f"    api_base: {ENGINE}/v1\n    api_key: none\n"
    )
    return [str(program(release)), "--config", str(written), *LISTENING]


def production_stack(_folder: Path) -> Sequence[str]:
    return [
        str(program("production-stack")), "--service-discovery", "static",
        "--static-backends", ENGINE, "--static-models", "bench", "--routing-logic", "roundrobin",
        *LISTENING, "--log-level", "warning",
    ]  # fmt: skip


def ours(folder: Path, features: Sequence[str]) -> Mapping[str, str]:
    """The gateway's environment with some features on; with all of them it is as in production."""
    environ = {
        "MMHIE_ENGINE_URL": ENGINE,
        "MMHIE_PORT": str(PORT),
        "MMHIE_MAX_INFLIGHT": "4096",
        "MMHIE_HOLD_FILE": str(folder / "hold.json"),
    }
    if "log" not in features:
        environ["MMHIE_LOG_LEVEL"] = "warning"
    if "notices" not in features:
        environ["MMHIE_AUDIENCE"] = "off"
    if "keys" in features:
        environ["MMHIE_KEYS_FILE"] = str(keys_file(folder, limited="limits" in features))
    if "audit" in features:
        environ["MMHIE_AUDIT_FILE"] = str(folder / "audit.jsonl")
        environ["MMHIE_AUDIT_KEY"] = "k" * 40
    if "socket" in features:
        environ["MMHIE_ENGINE_URL"] = f"unix:{ENGINE_SOCKET}"
    if "workers" in features:
        environ["MMHIE_WORKERS"] = "2"
    return environ


def keys_file(folder: Path, *, limited: bool) -> Path:
    """One key; its limits are counted and never reached."""
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
        "limits": limits if limited else {},
    }
    written = folder / "keys.json"
    written.write_text(json.dumps({"keys": [row]}))
    return written


def gateway_with(name: str, *features: str, checkout: Path | None = None) -> Target:
    return Target(name, gateway, lambda folder: ours(folder, features), KEY, checkout)


FEATURES = ("log", "notices", "keys", "limits", "audit")
KEY = "mmhie_benchbenchbenchbenchbenchbench"
LITELLM_KEY = "sk-bench"
SOCKET = "gateway, Unix socket to the engine"


def litellm_environ(_folder: Path) -> Mapping[str, str]:
    return {"LITELLM_MASTER_KEY": LITELLM_KEY, "LITELLM_LOG": "ERROR"}


TARGETS: Mapping[str, Target] = {
    target.name: target
    for target in (
        Target("direct", None),
        Target("nginx", nginx),
        Target("bare", bare),
        gateway_with("gateway", *FEATURES),
        Target("vllm-router", rust_router("vllm-router", "--log-level", "warning")),
        Target("smg", rust_router("smg", "launch", "--log-level", "warn")),
        Target("litellm", litellm, litellm_environ, LITELLM_KEY, long_streams=16),
        Target(
            "litellm-python",
            lambda folder: litellm(folder, "litellm-python"),
            litellm_environ,
            LITELLM_KEY,
            long_streams=16,
        ),
        Target("production-stack", production_stack, long_streams=64),
        gateway_with("gateway, features off"),
        gateway_with("gateway, log", "log"),
        gateway_with("gateway, notices", "notices"),
        gateway_with("gateway, keys", "keys"),
        gateway_with("gateway, keys and limits", "keys", "limits"),
        gateway_with("gateway, audit", "audit"),
        gateway_with(SOCKET, *FEATURES, "socket"),
        gateway_with("gateway, 2 workers", *FEATURES, "workers"),
    )
}
BY_FEATURE = [name for name in TARGETS if name.startswith("gateway, ") and "workers" not in name]


def before(checkout: Path) -> Target:
    """The gateway of an older checkout, all features on."""
    return gateway_with("gateway, before", *FEATURES, checkout=checkout)


def is_taken(port: int) -> bool:
    """Return whether a program listens there."""
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def running(
    target: Target, *, cpu: int, ask: bool = True, path: str = "/v1/models"
) -> Iterator[subprocess.Popen[bytes] | None]:
    """The target's process, pinned to one processor and answering a question, or, where there is
    none to ask, a look at `path`; None for the engine itself."""
    if target.argv is None:
        yield None
        return
    if is_taken(PORT):
        raise RuntimeError(f"Port {PORT} is taken. End the program that listens there.")
    with tempfile.TemporaryDirectory() as folder:
        process = subprocess.Popen(
            ["taskset", "-c", str(cpu), *target.argv(Path(folder))],
            env={**os.environ, **target.environ(Path(folder))},
            cwd=target.checkout,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            wait_until_it_answers(target, process, None if ask else path)
            yield process
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def wait_until_it_answers(
    target: Target, process: subprocess.Popen[bytes], path: str | None, seconds: float = 90
) -> None:
    """Raises RuntimeError when it ends, or does not answer in time."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if process.poll() is not None:
            raise RuntimeError(f"{target.name} ended with {process.returncode}.")
        if answers(target, path):
            return
        time.sleep(0.02)
    raise RuntimeError(f"{target.name} does not answer.")


def answers(target: Target, path: str | None) -> bool:
    """Return whether a question, or a look at `path`, is answered with 200."""
    url = f"http://127.0.0.1:{target.port}"
    headers = {"authorization": f"Bearer {target.key}"} if target.key else {}
    body = {"model": "bench", "max_tokens": 2, "messages": [{"role": "user", "content": "a"}]}
    try:
        if path is not None:
            return httpx2.get(url + path, headers=headers, timeout=5).status_code == 200
        asked = httpx2.post(f"{url}/v1/chat/completions", json=body, headers=headers, timeout=5)
    except httpx2.TransportError:
        return False
    return asked.status_code == 200
