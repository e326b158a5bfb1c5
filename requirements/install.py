"""Set up `.venv/` from the lock files: `python3 requirements/install.py run|test`.

Needs nothing but Python 3.11 or newer. A lock file that has not changed since it was installed is
not looked at again, so a second run takes no time and an interrupted one goes on where it stopped.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ROOT / "requirements"
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMPS = VENV / "installed"
NODE_TESTS = ROOT / "tests" / "clients"
PROJECTS = (ROOT, ROOT / "sdk")

# Beside the CPU engine: what has no hashes.
WITH_CPU = ("engine-cpu-torch",)
# Beside the GPU engine: formats that vLLM has as plugins, and its router for a copy on each GPU.
WITH_GPU = ("engine-plugins", "router")
MODES = {"run": ("gateway", "engine"), "test": ("gateway", "engine", "dev")}
TITLES = {
    "gateway": "the gateway and launcher",
    "engine-cpu": "the CPU engine (vLLM 0.32, about 1 GB on disk)",
    "engine-cpu-torch": "torch without CUDA (about 1.5 GB on disk)",
    "engine-gpu": "the GPU engine (vLLM 0.32 and torch with CUDA, about 12 GB on disk)",
    "engine-plugins": "the GPU engine's plugins for bitsandbytes and GGUF",
    "router": "vLLM's router",
    "dev": "the test and check tools",
}
# Architectures that every package of a lock has a wheel for (tests/requirements/test_locks.py).
MACHINES = {"engine-cpu": ("x86_64",), "engine-gpu": ("x86_64", "aarch64")}
ROOM_GIB = {"engine-cpu": 4, "engine-gpu": 16}


class SetUpError(Exception):
    """A sentence a person can act on."""


def has_gpu(devices: Path = Path("/dev")) -> bool:
    """NVIDIA's driver shows a GPU; under WSL2 it is Windows' own, /dev/dxg."""
    return any(devices.glob("nvidia[0-9]*")) or (devices / "dxg").exists()


def engine_lock() -> str:
    """Choose the engine of this machine: a visible GPU decides, unless MMHIE_DEVICE says cpu."""
    return "engine-gpu" if has_gpu() and os.environ.get("MMHIE_DEVICE") != "cpu" else "engine-cpu"


def locks(mode: str) -> list[str]:
    """The lock files of a mode, in the order in which they are installed."""
    engine = engine_lock()
    engines = (engine, *(WITH_GPU if engine == "engine-gpu" else WITH_CPU))
    return [lock for name in MODES[mode] for lock in (engines if name == "engine" else (name,))]


def lock_file(name: str) -> Path:
    return LOCKS / f"{name}.txt"


def digest(*files: Path) -> str:
    """One digest of the files' bytes and of the interpreter that is to read them."""
    whole = hashlib.sha256(sys.version.encode())
    for file in files:
        whole.update(file.read_bytes())
    return whole.hexdigest()


def is_stamped(name: str, value: str) -> bool:
    stamp = STAMPS / name
    return stamp.is_file() and stamp.read_text() == value


def stamp(name: str, value: str) -> None:
    STAMPS.mkdir(exist_ok=True)
    (STAMPS / name).write_text(value)


def run(command: list[str], failure: str) -> None:
    """Run in the foreground, progress and all; raise the sentence when it fails."""
    if subprocess.run(command, cwd=ROOT, check=False).returncode:
        raise SetUpError(failure)


def pip(*arguments: str) -> list[str]:
    return [str(PYTHON), "-m", "pip", "--disable-pip-version-check", *arguments]


def create_venv() -> None:
    """A virtual environment that works, for this engine, with the locked pip in it."""
    other = {"engine-cpu": "engine-gpu", "engine-gpu": "engine-cpu"}[engine_lock()]
    works = PYTHON.exists() and not subprocess.call(pip("--version"), stdout=subprocess.DEVNULL)
    if not works or (STAMPS / other).exists():
        say(f"creating {VENV.name}/ with Python {sys.version.split()[0]}")
        run(
            [sys.executable, "-m", "venv", "--clear", str(VENV)],
            "Python cannot make a virtual environment: on Debian and Ubuntu, "
            "`apt install python3-venv` and try again.",
        )
    install_tools()


def install_tools() -> None:
    lock = lock_file("build")
    value = digest(lock)
    if not is_stamped("build", value):
        run(
            pip("install", "--quiet", "--require-hashes", "-r", str(lock)),
            "pip could not be updated: see its message above.",
        )
        stamp("build", value)


def plain_pip_finds_cpu_torch() -> bool:
    """Return whether pip, as it is set up on this machine, resolves torch to a CPU build."""
    ask = pip("install", "--quiet", "--dry-run", "--no-deps", "--ignore-installed", "--report", "-")
    range_ = next(pin for pin in lines(lock_file("engine-cpu-torch")) if pin.startswith("torch>"))
    answer = subprocess.run([*ask, range_], capture_output=True, text=True, check=False)
    if answer.returncode:
        return False
    version: str = json.loads(answer.stdout)["install"][0]["metadata"]["version"]
    return version.endswith("+cpu")


def lines(lock: Path) -> list[str]:
    """The requirements of a lock, without their hashes."""
    return [line for line in lock.read_text().splitlines() if line and line[0] not in "# "]


def check_machine(machine: str) -> None:
    """Raise where this machine's engine has no packages for its CPU."""
    engine = engine_lock()
    known = MACHINES[engine]
    if machine not in known:
        raise SetUpError(
            f"This machine is {machine}, and {TITLES[engine].partition(' (')[0]} has packages for "
            f"{' and '.join(known)}: use such a machine."
        )


def check_room(name: str) -> None:
    """Raise when the disk cannot hold this set."""
    free = shutil.disk_usage(ROOT).free / 2**30
    needed = ROOM_GIB.get(name, 0)
    if free < needed:
        raise SetUpError(
            f"Installing {TITLES[name]} needs {needed} GiB and this disk has {free:.1f} GiB free: "
            "make room and try again."
        )


def installer(name: str) -> list[str]:
    """The command that installs a lock: pip, or uv where only uv can find torch without CUDA."""
    if name not in WITH_CPU:
        return pip("install", "--no-deps", "--require-hashes")
    if plain_pip_finds_cpu_torch():
        return pip("install", "--no-deps")
    say(
        "pip would install torch with CUDA here, so uv installs the CPU build "
        "(a route that the project's own tests cannot try)"
    )
    run(
        pip("install", "--quiet", "--require-hashes", "-r", str(lock_file("uv"))),
        "uv could not be installed: see pip's message above.",
    )
    uv = str(VENV / "bin" / "uv")
    return [uv, "pip", "install", "--python", str(PYTHON), "--torch-backend=cpu", "--no-deps"]


def install(name: str) -> None:
    """One lock file, unless it is in already."""
    lock = lock_file(name)
    value = digest(lock)
    if is_stamped(name, value):
        return
    check_room(name)
    say(f"installing {TITLES[name]}: {len(lines(lock))} packages")
    run(
        [*installer(name), "-r", str(lock)],
        f"Not all of {TITLES[name]} could be installed: see the message above, "
        "and run the same command again to go on.",
    )
    stamp(name, value)


def install_projects() -> None:
    """This checkout, editable: the sources are what runs."""
    projects = [path for path in PROJECTS if (path / "pyproject.toml").is_file()]
    value = digest(*(path / "pyproject.toml" for path in projects))
    if is_stamped("projects", value):
        return
    say("installing this checkout")
    editable = [part for path in projects for part in ("-e", str(path))]
    command = pip("install", "-qq", "--no-deps", "--no-build-isolation", *editable)
    run(command, "This checkout could not be installed: see pip's message above.")
    stamp("projects", value)


def install_node_tests() -> None:
    """The openai npm package, for the tests that call the gateway with it."""
    lock = NODE_TESTS / "package-lock.json"
    if not lock.is_file() or (
        (NODE_TESTS / "node_modules").is_dir() and is_stamped("node", digest(lock))
    ):
        return
    if not shutil.which("npm"):
        return  # requirements/programs.py names it, and its tests are skipped
    say("installing the openai npm package")
    run(
        ["npm", "ci", "--prefix", str(NODE_TESTS)],
        "npm could not install the test client: see its message above.",
    )
    stamp("node", digest(lock))


def say(phase: str) -> None:
    print(f"==> {phase}", flush=True)


def set_up(mode: str) -> None:
    """Everything the mode needs, step by step. Raises SetUpError."""
    if sys.version_info < (3, 11):  # noqa: UP036  # the system's python3 runs this, whatever it is
        raise SetUpError(
            f"Python 3.11 or newer is needed and this is {sys.version.split()[0]}: "
            "run make with PYTHON=python3.11."
        )
    check_machine(platform.machine())
    started = time.monotonic()
    create_venv()
    for name in locks(mode):
        install(name)
    install_projects()
    if mode == "test":
        install_node_tests()
    if time.monotonic() - started > 3:
        say(f"set up in {time.monotonic() - started:.0f} s")


def main(arguments: list[str]) -> int:
    if len(arguments) != 1 or arguments[0] not in MODES:
        print("usage: python3 requirements/install.py run|test", file=sys.stderr)
        return 2
    try:
        set_up(arguments[0])
    except SetUpError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("Stopped; the same command goes on from here.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
