"""nginx: in front of gateways, as docs/reverse-proxy.md has it, or with a configuration given."""

import re
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import httpx2

from requirements import programs
from tests.contract.process import ROOT, free_port
from tests.waiting import PATIENCE_S, until

NGINX: Final = programs.find("nginx")
DOCUMENT: Final = ROOT / "docs" / "reverse-proxy.md"
AROUND: Final = """
worker_processes 1; daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log warn;
{user}
events {{ worker_connections 1024; }}
http {{
  access_log off;
  client_body_temp_path {folder}; proxy_temp_path {folder};
  fastcgi_temp_path {folder}; uwsgi_temp_path {folder}; scgi_temp_path {folder};
  {servers}
}}
"""


@contextmanager
def balancing(folder: Path, gateways: Sequence[int]) -> Iterator[int]:
    """The port of an nginx that shares requests out among the gateways' ports."""
    port = free_port()
    with running(folder, port, documented(folder, port, gateways)):
        yield port


@contextmanager
def running(folder: Path, port: int, servers: str) -> Iterator[None]:
    """An nginx with these servers, of which one is on the port."""
    assert NGINX
    configuration = folder / "nginx.conf"
    configuration.write_text(
        AROUND.format(
            folder=folder,
            user="user root;" if Path("/root").owner() == Path(folder).owner() else "",
            servers=servers,
        )
    )
    child = subprocess.Popen([NGINX, "-c", str(configuration), "-p", str(folder)])
    try:
        until(lambda: answers(port))
        yield
    finally:
        child.terminate()
        child.wait(timeout=PATIENCE_S)


def documented(folder: Path, port: int, gateways: Sequence[int]) -> str:
    """The example of the document without TLS, with these ports and a log in this folder."""
    match = re.search(r"```nginx\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    assert match, "docs/reverse-proxy.md has no nginx example"
    example = re.sub(r" *ssl_certificate.*\n", "", match[1])
    example = example.replace("listen 443 ssl;", f"listen 127.0.0.1:{port};")
    example = example.replace("/var/log/nginx", str(folder))
    for name, own in zip(("10.0.0.1:8000", "10.0.0.2:8000"), gateways, strict=True):
        assert name in example
        example = example.replace(name, f"127.0.0.1:{own}")
    return example


def answers(port: int) -> bool:
    """Return whether it answers at all."""
    try:
        httpx2.get(f"http://127.0.0.1:{port}/healthz", trust_env=False, timeout=PATIENCE_S)
    except httpx2.TransportError:
        return False
    return True
