"""`make run` from nothing, as the README begins: a checkout without an environment becomes a
service, which is asked, loses its engine, is put out of service, and ends with Ctrl-C."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.process import free_port
from tests.docs.examples import DOCS, examples_of
from tests.real.stack import Stack, alive, environment

# The first test waits for the set-up and a start: 70 s, three times as long on a busy machine.
pytestmark = [pytest.mark.slow, pytest.mark.gate, pytest.mark.timeout(300)]

ROOT = DOCS.parent
CURL, PYTHON = examples_of(ROOT / "README.md")
NOTICE = "Model outputs are not clinical advice."
TRACKED = ("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The files of this checkout, and nothing that was built in it; removed at the end."""
    folder = tmp_path_factory.mktemp("nothing") / "checkout"
    names = subprocess.run(TRACKED, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, names.split("\0")):
        if (ROOT / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name, follow_symlinks=False)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def home(checkout: Path) -> dict[str, str]:
    """The settings of somebody who has never run it: caches and hold are in folders of its own."""
    return environment(
        MMHIE_CACHE_DIR=str(checkout.parent / "cache"),
        MMHIE_HOLD_FILE=str(checkout.parent / "hold.json"),
        MMHIE_PORT=str(free_port()),
    )


@pytest.fixture(scope="module")
def stack(checkout: Path, home: dict[str, str]) -> Iterator[Stack]:
    """The service; the last test ends it."""
    log = checkout.parent / "make-run.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            ["make", "--no-print-directory", "run"],  # this make may be below another
            cwd=checkout,
            env=home,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    running = Stack(process, f"http://127.0.0.1:{home['MMHIE_PORT']}", log)
    try:
        running.until("ready")
        yield running
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGINT)
            process.wait()


def test_a_line_a_step_and_what_to_do_next(stack: Stack) -> None:
    """Of the set-up no package's name; at the end the address, a curl, and the chat."""
    set_up, done, rest = stack.log.read_text().partition("==> set up in ")
    banner = rest.partition(f"is ready at {stack.base_url}")[2]

    assert done
    assert all(line.startswith("==> ") for line in set_up.splitlines()), set_up
    assert len(set_up.splitlines()) < 10, set_up
    assert banner.count("curl ") == 1
    assert banner.count("mmhie chat") == 1


def test_the_readme_s_curl(stack: Stack) -> None:
    """It gives a text, the safety notice and the notice of a red flag."""
    done = CURL.run(stack.base_url)

    assert done.returncode == 0, done.stderr
    assert NOTICE in done.stdout
    assert "MED101" in done.stdout


def test_the_readme_s_python(stack: Stack) -> None:
    """It runs as it stands, but for the address."""
    done = PYTHON.run(stack.base_url)

    assert done.returncode == 0, done.stderr
    assert len(done.stdout.partition(NOTICE)[0].strip()) > 20


def test_ctrl_c_leaves_nothing(stack: Stack) -> None:
    """A terminal sends the signal to make and to all below it."""
    processes = stack.processes()
    os.killpg(stack.process.pid, signal.SIGINT)
    stack.process.wait()

    assert alive(processes) == []
