"""One image started, asked, looked after and stopped."""

import contextlib
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from scripts.image_check.command import ROOT, CheckError, run
from scripts.image_check.sandbox import Sandbox, volumes
from scripts.image_check.target import Target

STOP_S = 60.0
PATIENCE_S = 120.0


@dataclass(frozen=True, slots=True)
class Started:
    """The image's program, running."""

    process: subprocess.Popen[bytes]
    address: str
    log: Path

    def told(self) -> str:
        return self.log.read_text(errors="replace")[-3000:]


def try_out(target: Target, config: Mapping[str, Any], system: Path, work: Path) -> str:
    """Start, wait, ask, check, stop; a sentence with how long each took."""
    sandbox = Sandbox(system, made_volumes(config, system, work))
    port = free_port()
    with settings(target) as environ, started(sandbox, config, port, work, environ) as container:
        ready_s = wait_ready(container, target.start_s)
        answer = check_answer(container.address)
        check_healthcheck(sandbox, config, port)
        check_hardened(container.process.pid)
        stop_s = check_stop(container)
    return f"ready after {ready_s:.1f} s, stopped in {stop_s:.1f} s, answered {answer[:60]!r}"


def made_volumes(config: Mapping[str, Any], system: Path, work: Path) -> dict[str, Path]:
    """A folder for each volume, with what the image has there and whose it is."""
    made: dict[str, Path] = {}
    for place in volumes(config):
        made[place] = work / "volumes" / place.strip("/")
        made[place].parent.mkdir(exist_ok=True)
        run("cp", "-a", f"{system}{place}", made[place])
    return made


@contextlib.contextmanager
def settings(target: Target) -> Iterator[dict[str, str]]:
    """The engine in the image, or one that speaks vLLM's wire format."""
    if target.has_engine:
        yield {"MMHIE_DEVICE": "cpu", "MMHIE_REASONER_MODEL": "embedded"}
        return
    command = [sys.executable, "-m", "tests.fake_engine"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as engine:
        try:
            yield {"MMHIE_ENGINE_URL": engine.stdout.readline().strip() if engine.stdout else ""}
        finally:
            engine.terminate()


@contextlib.contextmanager
def started(
    sandbox: Sandbox, config: Mapping[str, Any], port: int, work: Path, environ: Mapping[str, str]
) -> Iterator[Started]:
    """The image's own command; killed at the end, whatever happened."""
    inside = [*(config.get("Entrypoint") or ()), *(config.get("Cmd") or ())]
    command = sandbox.command(config, inside, **environ, MMHIE_PORT=str(port))
    log = work / "container.log"
    with log.open("w") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, start_new_session=True)
    try:
        yield Started(process, f"http://127.0.0.1:{port}", log)
    finally:
        process.kill()
        process.wait()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def ask(url: str, body: dict[str, object] | None = None) -> dict[str, Any]:
    """The JSON of an answer with a good status. Raises httpx2.HTTPError."""
    method = "POST" if body else "GET"
    with httpx2.Client(trust_env=False, timeout=PATIENCE_S) as client:
        response = client.request(method, url, json=body).raise_for_status()
    answer: dict[str, Any] = response.json()
    return answer


def wait_ready(container: Started, limit_s: float) -> float:
    """Seconds until /healthz says ready."""
    begin = time.monotonic()
    phase: object = "nothing"
    while time.monotonic() - begin < limit_s and container.process.poll() is None:
        with contextlib.suppress(httpx2.HTTPError):
            phase = ask(f"{container.address}/healthz")["phase"]
        if phase == "ready":
            return time.monotonic() - begin
        time.sleep(0.2)
    raise CheckError(f"It never became ready ({phase}):\n{container.told()}")


def check_answer(address: str) -> str:
    """/llm/generate answers, with the disclaimer."""
    answer = ask(f"{address}/llm/generate", {"prompt": "What is a fever?", "max_tokens": 24})
    if not answer["text"] or not answer["disclaimer"]:
        raise CheckError("The answer has no text or no disclaimer.")
    return str(answer["text"])


def check_healthcheck(sandbox: Sandbox, config: Mapping[str, Any], port: int) -> None:
    """The image's own HEALTHCHECK: 0 while it answers, 1 where nothing does."""
    kind, *probe = config["Healthcheck"]["Test"]
    if kind != "CMD":
        raise CheckError("The HEALTHCHECK needs a shell.")
    run(*sandbox.command(config, probe, MMHIE_PORT=str(port)))
    try:
        run(*sandbox.command(config, probe, MMHIE_PORT="1"))
    except CheckError:
        return
    raise CheckError("The HEALTHCHECK finds a port healthy on which nothing listens.")


def check_hardened(pid: int) -> None:
    """The trial was one: its root was read-only to it, and it had no capability."""
    status = Path(f"/proc/{pid}/status").read_text()
    mounts = Path(f"/proc/{pid}/mountinfo").read_text().splitlines()
    root = next(line.split() for line in mounts if line.split()[4] == "/")
    if "CapEff:\t0000000000000000" not in status or "ro" not in root[5].split(","):
        raise CheckError("The program ran with capabilities or on a root it could write to.")


def check_stop(container: Started) -> float:
    """Seconds from SIGTERM to exit status 0."""
    begin = time.monotonic()
    container.process.terminate()
    try:
        status = container.process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        raise CheckError(f"SIGTERM did not end it within {STOP_S:.0f} s.") from None
    if status:
        raise CheckError(f"SIGTERM ended it with {status}:\n{container.told()}")
    return time.monotonic() - begin
