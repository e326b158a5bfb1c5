"""The set-up script: what it installs, what it skips, and its one sentence when it cannot go on."""

from __future__ import annotations

import importlib.util
import shutil
from collections import namedtuple
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parents[2] / "requirements" / "install.py"
RECORDER = """#!/bin/sh
echo "$0 $*" >> {record}
exit {status}
"""


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script with a checkout of its own and no environment."""
    spec = importlib.util.spec_from_file_location("install", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    shutil.copytree(SCRIPT.parent, tmp_path / "requirements")
    monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(module, "LOCKS", tmp_path / "requirements")
    monkeypatch.setattr(module, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(module, "PYTHON", tmp_path / ".venv" / "bin" / "python")
    monkeypatch.setattr(module, "UV", tmp_path / ".venv" / "bin" / "uv")
    monkeypatch.setattr(module, "STAMPS", tmp_path / ".venv" / "installed")
    monkeypatch.setattr(module, "NODE_TESTS", tmp_path / "tests" / "clients")
    monkeypatch.setattr(module, "PROJECTS", ())
    monkeypatch.setattr(module, "finds_cpu_torch", lambda options: True)
    monkeypatch.setattr(module, "engine_lock", lambda: "engine-cpu")
    return module


def programs(install: ModuleType, status: int = 0) -> Path:
    """Stand-ins for the environment's Python and uv; the file of what they were asked."""
    record = Path(install.ROOT) / "record"
    record.write_text("")
    for program in (install.PYTHON, install.UV):
        write(program, RECORDER.format(record=record, status=status))
    return record


def write(program: Path, text: str) -> None:
    program.parent.mkdir(parents=True, exist_ok=True)
    program.write_text(text)
    program.chmod(0o755)


def asked(record: Path) -> list[str]:
    """Return the lines that install a lock."""
    return [line for line in record.read_text().splitlines() if " -r " in line]


def installed(record: Path) -> list[str]:
    """The locks it was asked to install."""
    return [Path(line.split(" -r ")[1].split()[0]).stem for line in asked(record)]


@pytest.mark.parametrize(
    ("mode", "locks"),
    [
        ("run", ["uv", "build", "gateway", "engine-cpu", "engine-cpu-torch"]),
        ("test", ["uv", "build", "gateway", "engine-cpu", "engine-cpu-torch", "dev"]),
    ],
)
def test_each_mode_installs_its_locks_once(
    install: ModuleType, mode: str, locks: list[str]
) -> None:
    """A second run asks for nothing. All but uv, by pip, comes without dependencies: the locks are
    complete, and a dependency would bring the CUDA build."""
    record = programs(install)
    assert install.main([mode]) == 0
    assert installed(record) == locks
    assert all("--no-deps" in line for line in asked(record)[1:])
    hashed = [line for line in asked(record) if "--require-hashes " in line]
    assert len(hashed) == len(locks) - 1  # torch's ranges have none

    record.write_text("")
    assert install.main([mode]) == 0
    assert installed(record) == []


def test_a_failure_is_one_sentence_and_the_next_run_goes_on(
    install: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2; what was installed before is not asked for again."""
    programs(install)
    install.main(["run"])
    with install.lock_file("engine-cpu").open("a") as lock:
        lock.write("no-such-wheel==1.0\n")
    write(install.UV, '#!/bin/sh\ncase "$*" in *engine-cpu*) exit 1;; esac\n')
    capsys.readouterr()

    assert install.main(["run"]) == 2
    assert "run the same command again to go on" in capsys.readouterr().err

    record = programs(install)
    assert install.main(["run"]) == 0
    assert installed(record) == ["engine-cpu"]


def test_too_little_disk(
    install: ModuleType, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The room needed and the room there are named before anything is downloaded."""
    record = programs(install)
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage(10, 9, 2**30))

    assert install.main(["run"]) == 2
    assert "needs 4 GiB and this disk has 1.0 GiB free" in capsys.readouterr().err
    assert installed(record) == ["uv", "build", "gateway"]


@pytest.mark.parametrize(
    ("engine", "machine", "known"),
    [("engine-cpu", "aarch64", "x86_64"), ("engine-gpu", "ppc64le", "x86_64 and aarch64")],
)
def test_an_architecture_without_packages(
    install: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    engine: str,
    machine: str,
    known: str,
) -> None:
    """One sentence is said before an environment is made; with packages, none."""
    monkeypatch.setattr(install, "engine_lock", lambda: engine)
    for with_packages in known.split(" and "):
        install.check_machine(with_packages)
    monkeypatch.setattr("platform.machine", lambda: machine)

    assert install.main(["run"]) == 2
    assert f"is {machine}, and the {engine[-3:].upper()} engine has packages for {known}: " in (
        capsys.readouterr().err
    )
    assert not Path(install.VENV).exists()
