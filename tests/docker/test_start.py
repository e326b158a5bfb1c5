"""The image's own programs: which engine is taken, and what HEALTHCHECK and SBOM say."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from tests.docker.dockerfile import ROOT

DOCKER = ROOT / "docker"


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """A root file system whose two interpreters tell their name and what they were given."""
    (tmp_path / "dev").mkdir()
    for engine in ("cpu", "gpu"):
        python = tmp_path / "opt" / engine / "bin" / "python"
        python.parent.mkdir(parents=True)
        python.write_text(f'#!/bin/sh\necho {engine} "$@"\n')
        python.chmod(0o755)
    return tmp_path


def started(image: Path, device: str | None) -> str:
    environ = {"PATH": "/usr/bin:/bin", "IMAGE_ROOT": str(image)}
    if device is not None:
        environ["MMHIE_DEVICE"] = device
    done = subprocess.run([DOCKER / "mmhie", "serve"], env=environ, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.mark.parametrize(
    ("device", "nodes", "engine"),
    [
        (None, [], "cpu"),
        (None, ["nvidia0"], "gpu"),
        ("auto", ["dxg"], "gpu"),
        ("auto", ["nvidiactl"], "cpu"),
        ("CPU", ["nvidia0"], "cpu"),
        ("cuda", [], "gpu"),
        ("nonsense", [], "cpu"),
    ],
)
def test_engine_is_chosen_at_start(
    image: Path, device: str | None, nodes: list[str], engine: str
) -> None:
    """The GPU's where a GPU is visible, unless MMHIE_DEVICE decides; arguments go on."""
    for node in nodes:
        (image / "dev" / node).touch()

    assert started(image, device) == f"{engine} -m launcher serve"


@pytest.fixture(params=[200, 503])
def answering(request: pytest.FixtureRequest) -> Iterator[tuple[int, int]]:
    """A server that answers /healthz with one status, and 404 elsewhere: (status, port)."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(request.param if self.path == "/healthz" else 404)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Silent."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield request.param, server.server_port
        server.shutdown()
        thread.join()


def health(*arguments: str, **environ: str) -> int:
    command = [sys.executable, str(DOCKER / "healthy.py"), *arguments]
    return subprocess.run(command, env=environ, capture_output=True, check=False).returncode


def test_healthcheck_follows_healthz(answering: tuple[int, int]) -> None:
    """0 for 200 and 1 for anything else, on the port the gateway was given, past any proxy."""
    status, port = answering
    expected = 0 if status == 200 else 1

    assert health(MMHIE_PORT=str(port), http_proxy="http://127.0.0.1:9") == expected
    assert health("/healthz", str(port)) == expected
    assert health("/elsewhere", str(port)) == 1
    assert health("/healthz", "1") == 1  # nothing listens there


@pytest.mark.parametrize(("age_s", "status"), [(5, 0), (300, 1)])
def test_a_launcher_at_work_has_written_its_status(age_s: int, status: int, tmp_path: Path) -> None:
    """While an engine restarts nobody answers, and the pod must not be killed for it."""
    file = tmp_path / "phase.json"
    file.touch()
    os.utime(file, (time.time() - age_s,) * 2)

    assert health("--supervised", str(file)) == status
    assert health("--supervised", str(tmp_path / "none")) == 1


def test_sbom_lists_what_is_installed() -> None:
    """CycloneDX: each package once, by name, version and package URL."""
    document = json.loads(subprocess.check_output([sys.executable, DOCKER / "sbom.py", "an-image"]))
    purls = [part["purl"] for part in document["components"]]

    assert document["bomFormat"] == "CycloneDX"
    assert document["metadata"]["component"]["name"] == "an-image"
    assert len(purls) == len(set(purls))
    assert any(purl.startswith("pkg:pypi/uvicorn@") for purl in purls)


@pytest.mark.parametrize("missing", ["MMHIE_ENGINE_API_KEY", "MMHIE_PHASE_FILE"])
def test_engine_alone_needs_what_the_gateway_shares(missing: str, tmp_path: Path) -> None:
    """One sentence that names the variable, exit code 2, before anything is loaded."""
    environ = {"MMHIE_ENGINE_API_KEY": "key", "MMHIE_PHASE_FILE": str(tmp_path / "phase.json")}
    del environ[missing]
    done = subprocess.run(
        [sys.executable, "-m", "launcher", "engine"],
        env={**environ, "PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )

    assert done.returncode == 2
    assert done.stderr.startswith(f"{missing} is not set")
    assert done.stderr.count("\n") == 1
