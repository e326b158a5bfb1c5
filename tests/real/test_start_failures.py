"""An engine that cannot start: one sentence with the root cause, and an exit code."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest

from tests.contract.process import free_port
from tests.models import smollm2
from tests.real.stack import MMHIE, environment

pytestmark = pytest.mark.slow

# Before MMHIE_START_TIMEOUT_SECONDS: each ends by its cause.
BOUND_S = 800


@dataclass(frozen=True)
class Reason:
    """A fault of a start, and what the sentence has to contain."""

    name: str
    said: str
    settings: dict[str, str] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)
    code: int = 2

    def __str__(self) -> str:
        return self.name


NO_FLAG: Final = {"MMHIE_ENGINE_ARGS": "--no-such-flag"}
ODD_SIZE: Final = {"hidden_size": 640}  # by nine heads
# Read from recorded logs in every run (tests/launcher/serving/test_startup_log.py), and here anew.
RECORDED = (
    Reason("wrong shape", r"hidden size \(640\) is not a multiple", config=ODD_SIZE),
    Reason("unknown flag", r"unrecognized arguments: --no-such-flag", NO_FLAG),
)


Endings = dict[str, subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def endings(tmp_path_factory: pytest.TempPathFactory) -> Endings:
    """Two starts at a time: they spend their time importing, on one core each."""
    folders = [tmp_path_factory.mktemp("failure") for _ in RECORDED]
    with ThreadPoolExecutor(2) as pool:
        ended = list(pool.map(attempt, RECORDED, folders))
    return dict(zip(map(str, RECORDED), ended, strict=True))


def attempt(reason: Reason, folder: Path) -> subprocess.CompletedProcess[str]:
    """`mmhie serve`, in a folder of its own."""
    model = copy_model(folder / "model", reason)
    settings = {"MMHIE_REASONER_MODEL": str(model), "MMHIE_CACHE_DIR": str(folder / "cache")}
    return subprocess.run(
        [MMHIE, "serve"],
        env=environment(**settings, MMHIE_PORT=str(free_port()), **reason.settings),
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=BOUND_S,
        check=False,
    )


def copy_model(folder: Path, reason: Reason) -> Path:
    """A small model with other entries in its config.json."""
    shutil.copytree(smollm2.model(), folder)
    config = folder / "config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), **reason.config}))
    return folder


@pytest.mark.parametrize("reason", RECORDED, ids=str)
def test_the_engine_still_says_what_is_recorded(endings: Endings, reason: Reason) -> None:
    """The last line is the cause in vLLM's words; before it, only prefixed log lines."""
    ending = endings[str(reason)]
    *log, sentence = ending.stderr.splitlines()
    assert ending.returncode == reason.code, log[-30:]
    assert re.search(reason.said, sentence), sentence
    assert len(sentence) < 600
    assert sentence not in log
    assert not [line for line in log if line.startswith("Traceback")]
