"""`mmhie engine` as a container runs it: a process, on a machine with a GPU, and engines that fail.

The GPU is a compiled NVML's, the engine a shell that starts the fake one; its starts are counted.
"""

from __future__ import annotations

import json
import signal
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import httpx2
import pytest

from launcher.models.families import CONFIGS
from requirements import programs
from tests import fake_nvml
from tests.command import MMHIE
from tests.contract.process import ROOT, free_port
from tests.fake_hub.files import tensors
from tests.fake_hub.hub import FakeHub
from tests.fake_nvml import Device
from tests.gateway.server.certificates import Authority
from tests.launcher.machine import Machine
from tests.waiting import until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(programs.reason("gcc")), reason=programs.reason("gcc")),
]
HANG_S = 900
READY = "The model is ready."
FAKE = f"""
echo start >> starts
while [ "$1" != --port ]; do shift; done
{sys.executable} -m tests.fake_engine --port $2"""
ILLEGAL = "torch.AcceleratorError: CUDA error: an illegal memory access was encountered"
MEMORY = "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB."


@pytest.fixture
def machine(library: Path, tmp_path: Path) -> Machine:
    """One H100, and a model that is whole."""
    described = Machine(tmp_path, library)
    described.describe(Device())
    model = tmp_path / "model"
    model.mkdir()
    (model / "config.json").write_text(json.dumps(CONFIGS["facebook/opt-1.3b"]))
    (model / "model.safetensors").write_bytes(tensors({"w": (1,)}))
    return described


class Running:
    """A running `mmhie engine`, with what it writes to people."""

    def __init__(self, process: subprocess.Popen[str], folder: Path, port: int) -> None:
        self.port = port
        self.process = process
        self.folder = folder

    def until(self, words: str) -> None:
        """Wait until it has said this."""
        until(lambda: words in self.said or self.process.poll() is not None)
        assert words in self.said, self.said

    def end(self) -> int:
        """Wait for the end; return the exit code."""
        return self.process.wait(HANG_S)

    @property
    def said(self) -> str:
        return (self.folder / "said").read_text()

    @property
    def starts(self) -> int:
        """Return how often the engine was started."""
        return (self.folder / "starts").read_text().count("start")


@contextmanager
def engine(machine: Machine, script: str, **environ: str) -> Iterator[Running]:
    """An engine that is this script, until the test ends."""
    ours = {
        "MMHIE_ENGINE_API_KEY": "key",
        "MMHIE_PHASE_FILE": str(machine.folder / "phase.json"),
        "MMHIE_REASONER_MODEL": str(machine.folder / "model"),
        "MMHIE_STALL_SECONDS": "5",  # on a busy machine the fake needs seconds for a token
        "STAND_IN": script,
    }
    port = free_port()
    file: IO[str]
    with (machine.folder / "said").open("w") as file:
        process = subprocess.Popen(
            [MMHIE, "engine", "--port", str(port)],
            env={**machine.environ, **ours, **environ},
            cwd=machine.folder,
            stderr=file,
            text=True,
        )
        with process:
            try:
                yield Running(process, machine.folder, port)
            finally:
                process.kill()  # what it started ends with it


def test_it_stops_when_asked(machine: Machine, hub: FakeHub) -> None:
    """Exit code 0. The gateway's file says what it does: a container's probe finds the launcher at
    work while the model is fetched."""
    ours = {"HF_ENDPOINT": hub.url, "HF_HOME": str(machine.folder), "MMHIE_REASONER_MODEL": "a/b"}
    with engine(machine, FAKE, **ours) as running:
        running.until("==> Fetching the model.")
        written = json.loads((machine.folder / "phase.json").read_text())
        assert (written["phase"], written["model"]["id"]) == ("loading", "a/b")
        running.until(READY)
        running.process.send_signal(signal.SIGTERM)

        assert running.end() == 0
    assert json.loads((machine.folder / "phase.json").read_text())["phase"] == "draining"


def test_it_serves_https(machine: Machine) -> None:
    """A caller that trusts the CA talks to it, a container's check finds it well, and plain HTTP
    gets nothing; the launcher itself sees that it is ready."""
    ours = Authority(machine.folder, "ours")
    pair = ours.issue("engine")
    files = {"MMHIE_ENGINE_SERVER_CERTIFICATE": str(pair.both)}
    with engine(machine, f"{FAKE} $3 $4 $5 $6", **files) as running:
        running.until(READY)
        trusting = ssl.create_default_context(cafile=ours.path)
        url = f"https://localhost:{running.port}"
        assert httpx2.get(f"{url}/v1/models", verify=trusting).status_code == 200
        with pytest.raises(httpx2.RemoteProtocolError):
            httpx2.get(f"http://localhost:{running.port}/health")
        script = str(ROOT / "docker" / "healthy.py")
        check = [sys.executable, script, "/health", str(running.port)]
        assert subprocess.run(check, env=files, check=False).returncode == 0
        assert subprocess.run(check, env={}, check=False).returncode == 1


@pytest.mark.parametrize(
    ("last", "is_lost", "words"),
    [
        (f"; echo '{ILLEGAL}'; exit 1", False, "(CUDA error: an illegal memory access was enc"),
        ("", True, "have the card checked if it happens again.\n"),
    ],
)
def test_a_fault_of_the_gpu_ends_the_container(
    machine: Machine, last: str, is_lost: bool, words: str
) -> None:
    """Exit code 3 and a sentence, without a restart in the same container. The hardware is looked
    at before a restart, and says more than the engine did."""
    with engine(machine, f"{FAKE} --crash-after 2{last}") as running:
        if is_lost:
            running.until(READY)
            machine.describe(Device(handle_error=fake_nvml.GPU_IS_LOST))

        assert running.end() == 3
    assert running.starts == 1
    assert words in running.said
    assert "Traceback" not in running.said


def test_out_of_memory_is_said_once(machine: Machine) -> None:
    """The sentence says what would fit; one more try with a smaller share, and no end that an
    orchestrator would answer with a restart."""
    with engine(machine, f"echo start >> starts; echo '{MEMORY}'; exit 1") as running:
        running.until("Nothing is tried again until")
        assert running.process.poll() is None
        running.process.send_signal(signal.SIGTERM)

        assert running.end() == 4
    assert running.starts == 2
    phase = json.loads((machine.folder / "phase.json").read_text())
    assert "while it loaded: CUDA out of memory. Tried to allocate 2.00 GiB." in running.said
    assert "It has MMHIE_GPU_MEMORY_UTILIZATION=0.85, as it ran out of" in running.said
    assert (phase["phase"], phase["detail"] in running.said) == ("engine_down", True)
