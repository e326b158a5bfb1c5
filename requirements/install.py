"""Set up `.venv/` from the lock files: `python3 requirements/install.py run|test`.

Needs nothing but Python 3.11 or newer. A lock file that has not changed since it was installed is
not looked at again, so a second run takes no time and an interrupted one goes on where it stopped.
"""

from __future__ import annotations

import ast
import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ROOT / "requirements"
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
UV = VENV / "bin" / "uv"
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
# What pip is set to on this machine (an index, a folder of wheels), as uv's options.
SOURCES = {
    "index-url": "--default-index",
    "extra-index-url": "--index",
    "find-links": "--find-links",
    "trusted-host": "--allow-insecure-host",
}
# Where there are no hashes: with them, a version is exact anyhow.
BOUNDS = {"constraint": "--constraint"}
# With them, any index may have the file, as for pip; uv asks the first that knows the name.
HASHED = ("--require-hashes", "--index-strategy=unsafe-best-match")
# Of `pip config list`; a variable replaces a file's setting.
PIP_SETTING = re.compile(r"^(global|install|:env:)\.([\w-]+)=(.+)$", re.MULTILINE)
RANKS = ("global", "install", ":env:")
YES = ("y", "yes", "t", "true", "on", "1")
# Architectures that every package of a lock has a wheel for (tests/requirements/test_locks.py).
MACHINES = {"engine-cpu": ("x86_64",), "engine-gpu": ("x86_64", "aarch64")}
ROOM_GIB = {"engine-cpu": 4, "engine-gpu": 16}


class SetUpError(Exception):
    """A sentence a person can act on."""


def has_gpu(devices: Path = Path("/dev")) -> bool:
    """Return True if NVIDIA's driver shows a GPU, or Windows' under WSL2 (/dev/dxg)."""
    return any(devices.glob("nvidia[0-9]*")) or (devices / "dxg").exists()


def engine_lock() -> str:
    """Choose the engine: for GPUs if one is visible, unless MMHIE_DEVICE is cpu."""
    return "engine-gpu" if has_gpu() and os.environ.get("MMHIE_DEVICE") != "cpu" else "engine-cpu"


def locks(mode: str) -> list[str]:
    """Return the lock files of a mode, in the order of installation."""
    engine = engine_lock()
    engines = (engine, *(WITH_GPU if engine == "engine-gpu" else WITH_CPU))
    return [lock for name in MODES[mode] for lock in (engines if name == "engine" else (name,))]


def lock_file(name: str) -> Path:
    return LOCKS / f"{name}.txt"


def digest(*files: Path) -> str:
    """Return a digest of the files and of the interpreter that installs them."""
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
    """Run a program in the foreground; raises SetUpError with this sentence if it fails."""
    if subprocess.run(command, cwd=ROOT, check=False).returncode:
        raise SetUpError(failure)


def pip(*arguments: str) -> list[str]:
    return [str(PYTHON), "-m", "pip", "--disable-pip-version-check", *arguments]


def uv(*arguments: str) -> list[str]:
    """Return the command that installs packages. uv takes a sixth of pip's time.

    Which Python it is for is not left to an active environment.
    """
    return [str(UV), "pip", "install", "--python", str(PYTHON), "--no-deps", *arguments]


def pip_settings() -> dict[str, str]:
    """Return pip's settings on this machine, which uv does not read."""
    listed = subprocess.run(pip("config", "list"), capture_output=True, text=True, check=False)
    settings = PIP_SETTING.findall(listed.stdout)
    by_rank = sorted(settings, key=lambda setting: RANKS.index(setting[0]))
    return {name: str(ast.literal_eval(value)) for _, name, value in by_rank}


def pip_options(options: dict[str, str]) -> list[str]:
    """Translate pip's settings, its trusted certificates included, into uv's options."""
    settings = pip_settings()
    if cert := settings.get("cert"):
        os.environ.setdefault("SSL_CERT_FILE", cert)
    flags = ["--no-index"] if settings.get("no-index", "").lower() in YES else []
    if settings.get("no-cache-dir", "").lower() in YES or not can_cache():
        flags.append("--no-cache")
    return flags + [
        part
        for name, option in options.items()
        for value in settings.get(name, "").split()
        for part in (option, value)
    ]


def can_cache() -> bool:
    """Return True if uv's cache is writable: a home folder may be read-only."""
    asked = subprocess.run([UV, "cache", "dir"], capture_output=True, text=True, check=False)
    cache = Path(asked.stdout.strip())
    return os.access(next(path for path in (cache, *cache.parents) if path.exists()), os.W_OK)


def create_venv() -> None:
    """Create the virtual environment, if it does not work or is for another engine."""
    other = {"engine-cpu": "engine-gpu", "engine-gpu": "engine-cpu"}[engine_lock()]
    works = PYTHON.exists() and not subprocess.call(pip("--version"), stdout=subprocess.DEVNULL)
    if not works or (STAMPS / other).exists():
        say(f"creating {VENV.name}/ with Python {sys.version.split()[0]}")
        run(
            [sys.executable, "-m", "venv", "--clear", str(VENV)],
            "Python cannot make a virtual environment: see its message above; on Debian and Ubuntu "
            "it may need `apt install python3-venv`.",
        )
    install_tools()


def install_tools() -> None:
    """Install the locked uv with the pip that comes with Python, then the locked pip with uv."""
    value = digest(lock_file("uv"), lock_file("build"))
    if not is_stamped("tools", value):
        command = pip("install", "--quiet", "--require-hashes", "-r", str(lock_file("uv")))
        run(command, "uv could not be installed: see pip's message above.")
        command = uv("--quiet", *HASHED, *pip_options(SOURCES), "-r", str(lock_file("build")))
        run(command, "pip could not be updated: see uv's message above.")
        stamp("tools", value)


def finds_cpu_torch(options: list[str]) -> bool:
    """Return True if the package index of this machine has torch as a CPU build."""
    range_ = next(pin for pin in lines(lock_file("engine-cpu-torch")) if pin.startswith("torch>"))
    command = uv("--dry-run", "--reinstall", *options, range_)
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    return answer.returncode == 0 and "+cpu" in answer.stderr


def lines(lock: Path) -> list[str]:
    """Return the requirements in a lock file, without their hashes."""
    return [line for line in lock.read_text().splitlines() if line and line[0] not in "# "]


def check_machine(machine: str) -> None:
    """Raise SetUpError if the engine has no packages for this CPU."""
    engine = engine_lock()
    known = MACHINES[engine]
    if machine not in known:
        raise SetUpError(
            f"This machine is {machine}, and {TITLES[engine].partition(' (')[0]} has packages for "
            f"{' and '.join(known)}: use such a machine."
        )


def check_room(name: str) -> None:
    """Raise SetUpError if the disk has too little space for these packages."""
    free = shutil.disk_usage(ROOT).free / 2**30
    needed = ROOM_GIB.get(name, 0)
    if free < needed:
        raise SetUpError(
            f"Installing {TITLES[name]} needs {needed} GiB and this disk has {free:.1f} GiB free: "
            "make room and try again."
        )


def options_of(name: str) -> list[str]:
    """Return uv's options for a lock: compare hashes, and look where torch has no CUDA in it."""
    if name not in WITH_CPU:
        return [*HASHED, *pip_options(SOURCES)]
    options = pip_options(SOURCES | BOUNDS)
    if finds_cpu_torch(options):
        return options
    say(
        "torch without CUDA is not where this machine looks for packages, so PyTorch's index is "
        "asked (a route that the project's own tests cannot try)"
    )
    return ["--torch-backend=cpu", *options]


def install(name: str) -> None:
    """Install a lock file, unless it is installed."""
    lock = lock_file(name)
    value = digest(lock)
    if is_stamped(name, value):
        return
    check_room(name)
    say(f"installing {TITLES[name]}: {len(lines(lock))} packages")
    run(
        uv("--quiet", *options_of(name), "-r", str(lock)),
        f"Not all of {TITLES[name]} could be installed: see the message above, "
        "and run the same command again to go on.",
    )
    stamp(name, value)


def install_projects() -> None:
    """Install this checkout in editable mode."""
    projects = [path for path in PROJECTS if (path / "pyproject.toml").is_file()]
    value = digest(*(path / "pyproject.toml" for path in projects))
    if is_stamped("projects", value):
        return
    say("installing this checkout")
    names = (os.path.relpath(path, ROOT) for path in projects)
    editable = [part for name in names for part in ("-e", f"./{name}")]
    command = uv("--quiet", "--no-build-isolation", "--offline", *editable)
    run(command, "This checkout could not be installed: see uv's message above.")
    stamp("projects", value)


def install_node_tests() -> None:
    """Install the npm packages that tests call the gateway with."""
    lock = NODE_TESTS / "package-lock.json"
    if not lock.is_file() or (
        (NODE_TESTS / "node_modules").is_dir() and is_stamped("node", digest(lock))
    ):
        return
    if not shutil.which("npm"):
        return  # requirements/programs.py names it, and its tests are skipped
    say("installing the openai npm package")
    run(
        ["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error", "--prefix", str(NODE_TESTS)],
        "npm could not install the test client: see its message above.",
    )
    stamp("node", digest(lock))


def say(phase: str) -> None:
    print(f"==> {phase}", flush=True)


def set_up(mode: str) -> None:
    """Install what the mode needs, and print a line for each step. Raises SetUpError."""
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
