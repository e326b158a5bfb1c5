"""Who is measured: how each is started, and on which port it then answers."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx2

ENGINE_PORT = 18100
PORT = 18200
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


@dataclass(frozen=True)
class Target:
    """One way to reach the mock engine."""

    name: str
    argv: Callable[[Path], Sequence[str]] | None  # None: the engine itself
    environ: Mapping[str, str] = field(default_factory=dict)
    key: str | None = None

    @property
    def port(self) -> int:
        return PORT if self.argv else ENGINE_PORT


def gateway(_folder: Path) -> Sequence[str]:
    return [sys.executable, "-m", "gateway"]


def nginx(folder: Path) -> Sequence[str]:
    written = folder / "nginx.conf"
    written.write_text(NGINX.format(folder=folder, engine=ENGINE_PORT, port=PORT))
    return [shutil.which("nginx") or "/usr/sbin/nginx", "-c", str(written), "-g", "daemon off;"]


def vllm_router(_folder: Path) -> Sequence[str]:
    engine = f"http://127.0.0.1:{ENGINE_PORT}"
    return [
        str(peer("vllm-router")), "--worker-urls", engine, "--host", "127.0.0.1",
        "--port", str(PORT), "--policy", "round_robin", "--log-level", "warning",
        "--prometheus-port", str(PORT + 1),
    ]  # fmt: skip


def smg(_folder: Path) -> Sequence[str]:
    engine = f"http://127.0.0.1:{ENGINE_PORT}"
    return [
        str(peer("smg")), "launch", "--worker-urls", engine, "--host", "127.0.0.1",
        "--port", str(PORT), "--policy", "round_robin", "--log-level", "warn",
        "--prometheus-port", str(PORT + 1),
    ]  # fmt: skip


def litellm(folder: Path) -> Sequence[str]:
    written = folder / "litellm.yaml"
    written.write_text(
        "model_list:\n- model_name: bench\n  litellm_params:\n    model: hosted_vllm/bench\n"
        f"    api_base: http://127.0.0.1:{ENGINE_PORT}/v1\n    api_key: none\n"
    )
    return [
        str(peer("litellm")),
        "--config",
        str(written),
        "--port",
        str(PORT),
        "--host",
        "127.0.0.1",
    ]


def peer(program: str) -> Path:
    """A peer's program in its own environment (see `make bench-peers`)."""
    return (
        Path(os.environ.get("BENCH_PEERS", "~/.cache/mmhie-bench")).expanduser()
        / program
        / "bin"
        / program
    )


OURS = {
    "MMHIE_ENGINE_URL": f"http://127.0.0.1:{ENGINE_PORT}",
    "MMHIE_PORT": str(PORT),
    "MMHIE_MAX_INFLIGHT": "4096",
}
LITELLM_KEY = "sk-bench"
TARGETS: Mapping[str, Target] = {
    target.name: target
    for target in (
        Target("direct", None),
        Target("nginx", nginx),
        Target("vllm-router", vllm_router),
        Target("smg", smg),
        Target(
            "litellm",
            litellm,
            {"LITELLM_MASTER_KEY": LITELLM_KEY, "LITELLM_LOG": "ERROR"},
            LITELLM_KEY,
        ),
        Target("gateway", gateway, OURS),
    )
}


@contextmanager
def running(target: Target, *, cpu: int) -> Iterator[subprocess.Popen[bytes] | None]:
    """The target's process, pinned to one processor and answering; None for the engine itself."""
    if target.argv is None:
        yield None
        return
    with tempfile.TemporaryDirectory() as folder:
        process = subprocess.Popen(
            ["taskset", "-c", str(cpu), *target.argv(Path(folder))],
            env={**os.environ, **target.environ},
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
    import time

    until = time.monotonic() + seconds
    body = {"model": "bench", "max_tokens": 2, "messages": [{"role": "user", "content": "a"}]}
    headers = {"authorization": f"Bearer {target.key}"} if target.key else {}
    while time.monotonic() < until:
        if process.poll() is not None:
            raise RuntimeError(f"{target.name} ended with {process.returncode}.")
        try:
            answer = httpx2.post(
                f"http://127.0.0.1:{target.port}/v1/chat/completions",
                json=body,
                headers=headers,
                timeout=5,
            )
            if answer.status_code == 200:
                return
        except httpx2.TransportError:
            pass
        time.sleep(0.1)
    raise RuntimeError(f"{target.name} does not answer.")
