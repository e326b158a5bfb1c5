"""Tests of a running image: start, answer, health check, hardening, stop."""

import contextlib
import shlex
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from launcher.serving.programs import free_ports
from scripts.image_check.command import CheckError, run
from scripts.image_check.store import ImageTarget
from tests.fake_engine.process import FakeEngine

STOP_S = 60.0
TIMEOUT_S = 120.0


@dataclass(frozen=True, slots=True)
class Sandbox:
    """The image's file system, read-only with writable volumes, hardened as in compose.yaml."""

    system: Path
    volumes: Mapping[str, Path]

    def command(self, config: Mapping[str, Any], inside: Sequence[str], **more: str) -> list[str]:
        """Return an argv whose process is the program itself: each step execs the next."""
        script = " && ".join((*self._mounts(), f'exec {shlex.join(self._enter(config))} "$@"'))
        environ = [*config["Env"], *(f"{name}={value}" for name, value in more.items())]
        return ["unshare", "--mount", "sh", "-c", script, "sh", *environ, *inside]

    def _mounts(self) -> list[str]:
        """Mount the root read-only, with /tmp, the volumes, /dev and /proc."""
        root = shlex.quote(str(self.system))
        binds = [
            f"mount --bind {shlex.quote(str(folder))} {root}{target}"
            for target, folder in self.volumes.items()
        ]
        return [
            f"mount --bind {root} {root}",
            f"mount --rbind /proc {root}/proc",
            f"mount --rbind /dev {root}/dev",
            f"mount --rbind /sys {root}/sys",  # read by lscpu, with which vLLM looks at the cores
            f"mount -t tmpfs tmpfs {root}/tmp",  # noqa: S108  # the image's own
            # Container engines add their own; `localhost` must resolve.
            f"touch {root}/etc/hosts",
            f"mount --bind /etc/hosts {root}/etc/hosts",
            *binds,
            f"mount -o remount,ro,bind {root}",
        ]

    def _enter(self, config: Mapping[str, Any]) -> list[str]:
        """Become the image's user, without capabilities, in a clean environment."""
        user, group = str(config["User"]).split(":")
        drop = ("--clear-groups", "--inh-caps=-all", "--bounding-set=-all", "--no-new-privs")
        become = ("setpriv", f"--reuid={user}", f"--regid={group}", *drop, "--")
        folder = config.get("WorkingDir") or "/"
        return ["chroot", str(self.system), *become, "env", "-i", f"--chdir={folder}"]


@dataclass(frozen=True, slots=True)
class Container:
    """The image's program, running."""

    process: subprocess.Popen[bytes]
    address: str
    log: Path

    def tail(self) -> str:
        """Return the end of the log."""
        return self.log.read_text(errors="replace")[-3000:]


def run_image(target: ImageTarget, config: Mapping[str, Any], system: Path, work: Path) -> str:
    """Run every test; return a sentence with the times."""
    sandbox = Sandbox(system, create_volumes(config, system, work))
    (port,) = free_ports(1)
    with settings(target) as environ, started(sandbox, config, port, work, environ) as container:
        ready_s = wait_ready(container, target.start_s)
        answer = check_answer(container.address)
        check_healthcheck(sandbox, config, port)
        check_hardened(container.process.pid)
        stop_s = check_stop(container)
    return f"ready after {ready_s:.1f} s, stopped in {stop_s:.1f} s, answered {answer[:60]!r}"


def create_volumes(config: Mapping[str, Any], system: Path, work: Path) -> dict[str, Path]:
    """Copy each volume of the image to a folder, with its owner."""
    made: dict[str, Path] = {}
    for path in config.get("Volumes") or ():
        made[path] = work / "volumes" / path.strip("/")
        made[path].parent.mkdir(exist_ok=True)
        run("cp", "-a", f"{system}{path}", made[path])
    return made


@contextlib.contextmanager
def settings(target: ImageTarget) -> Iterator[dict[str, str]]:
    """Yield the settings of the engine in the image, or of a fake engine."""
    if target.has_engine:
        yield {"MMHIE_DEVICE": "cpu", "MMHIE_REASONER_MODEL": "embedded"}
        return
    with FakeEngine() as engine:
        yield {"MMHIE_ENGINE_URL": engine.wait().url}


@contextlib.contextmanager
def started(
    sandbox: Sandbox, config: Mapping[str, Any], port: int, work: Path, environ: Mapping[str, str]
) -> Iterator[Container]:
    """Run the image's own command; kill it at the end."""
    inside = [*(config.get("Entrypoint") or ()), *(config.get("Cmd") or ())]
    command = sandbox.command(config, inside, **environ, MMHIE_PORT=str(port))
    log = work / "container.log"
    with log.open("w") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, start_new_session=True)
    try:
        yield Container(process, f"http://127.0.0.1:{port}", log)
    finally:
        process.kill()
        process.wait()


def ask(url: str, body: dict[str, object] | None = None) -> dict[str, Any]:
    """Return the JSON of a successful response. Raises httpx2.HTTPError."""
    method = "POST" if body else "GET"
    response = httpx2.request(method, url, json=body, trust_env=False, timeout=TIMEOUT_S)
    answer: dict[str, Any] = response.raise_for_status().json()
    return answer


def wait_ready(container: Container, limit_s: float) -> float:
    """Wait until /healthz reports ready; return the seconds."""
    begin = time.monotonic()
    phase: object = "no response"
    while time.monotonic() - begin < limit_s and container.process.poll() is None:
        with contextlib.suppress(httpx2.HTTPError):
            phase = ask(f"{container.address}/healthz")["phase"]
        if phase == "ready":
            return time.monotonic() - begin
        time.sleep(0.2)
    raise CheckError(f"The image was not ready in time ({phase}):\n{container.tail()}")


def check_answer(address: str) -> str:
    """Check that /llm/generate answers, with the disclaimer; return the text."""
    answer = ask(f"{address}/llm/generate", {"prompt": "What is a fever?", "max_tokens": 24})
    if not answer["text"] or not answer["disclaimer"]:
        raise CheckError("The answer has no text or no disclaimer.")
    return str(answer["text"])


def check_healthcheck(sandbox: Sandbox, config: Mapping[str, Any], port: int) -> None:
    """Check that the HEALTHCHECK succeeds, and fails on a port without a listener."""
    kind, *probe = config["Healthcheck"]["Test"]
    if kind != "CMD":
        raise CheckError("The HEALTHCHECK must not need a shell.")
    run(*sandbox.command(config, probe, MMHIE_PORT=str(port)))
    try:
        run(*sandbox.command(config, probe, MMHIE_PORT="1"))
    except CheckError:
        return
    raise CheckError("The HEALTHCHECK succeeds on a port without a listener.")


def check_hardened(pid: int) -> None:
    """Check that the root was read-only, and that the process had no capability."""
    status = Path(f"/proc/{pid}/status").read_text()
    mounts = Path(f"/proc/{pid}/mountinfo").read_text().splitlines()
    root = next(line.split() for line in mounts if line.split()[4] == "/")
    if "CapEff:\t0000000000000000" not in status or "ro" not in root[5].split(","):
        raise CheckError("The program ran with capabilities or a writable root.")


def check_stop(container: Container) -> float:
    """Send SIGTERM; return the seconds to exit status 0."""
    begin = time.monotonic()
    container.process.terminate()
    try:
        status = container.process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        raise CheckError(f"The program did not stop within {STOP_S:.0f} s of SIGTERM.") from None
    if status:
        raise CheckError(f"The program stopped with exit status {status}:\n{container.tail()}")
    return time.monotonic() - begin
