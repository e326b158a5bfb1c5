"""A service whose adapter was swapped is told apart by what it answers, whatever it declares."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from assurance.evaluation.logs import read_evaluation
from gateway.settings.gateway import GatewaySettings
from tests.compatibility.environment import python_with
from tests.fake_hub.hub import FakeHub
from tests.models import site_adapter
from tests.real.adapters import OF_A_SITE, serve_from
from tests.real.serving import Served
from tests.real.stack import MMHIE

pytestmark = pytest.mark.slow  # one more engine, three evaluations

ROOT = Path(__file__).parents[2]
# The adapter was trained with it; on /v1 the caller sends it.
SYSTEM = f"--system-message '{GatewaySettings.model_fields['system_prompt'].default}'"


@pytest.fixture(scope="module")
def site(adapters: FakeHub, adapted: Served, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site's folder with its items and three runs.

    Two are of its own adapter, the third of one that was trained for something else.
    """
    folder = tmp_path_factory.mktemp("site")
    items = (json.dumps(item) for item in site_adapter.items())
    (folder / "items.jsonl").write_text("\n".join(items))
    (folder / "cache").mkdir()
    python = python_with(ROOT / "requirements" / "evaluate.txt")
    (folder / "cache" / "evaluate").symlink_to(python.parents[1])
    evaluate(folder, adapted.stack.base_url, "other")
    adapted.stack.stop()  # nobody asks it any more, and it takes memory
    (folder / "engine").mkdir()
    with serve_from(adapters, OF_A_SITE, folder / "engine") as served:
        for name in ("own", "again"):
            evaluate(folder, served.stack.base_url, name)
    return folder


def evaluate(folder: Path, url: str, name: str) -> None:
    """Ask a service the site's items; the logs are in the folder of that name."""
    options = ("--items", "items.jsonl", "--inspect-args", SYSTEM, "--logs", name)
    done = run(folder, "--url", url, *options)
    assert done.returncode == 0, done.stderr


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `mmhie evaluate` to its end."""
    return subprocess.run(
        [MMHIE, "evaluate", *arguments],
        cwd=folder,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "MMHIE_CACHE_DIR": str(folder / "cache"),
        },
        capture_output=True,
        text=True,
        check=False,
    )


def compare(folder: Path, *arguments: str) -> tuple[int, dict[str, Any]]:
    """Return exit code and outcome of `mmhie evaluate --compare`."""
    done = run(folder, "--compare", *arguments, "--json")
    return done.returncode, json.loads(done.stdout)


def test_the_swapped_adapter_is_told_apart(site: Path) -> None:
    """By McNemar's test on the right answers, whatever it declares; an honest service names its
    adapter by the digest of the weights."""
    code, document = compare(site, "own", "other")
    (contrast,) = document["contrasts"]

    assert (code, document["is_different"]) == (1, True)
    assert {"model", "adapter", "adapter_sha256"} <= set(document["differs_in"])
    assert (contrast["only_first"], contrast["only_second"]) >= (6, 0)
    assert contrast["p_adjusted"] < 0.05


def test_the_same_adapter_is_not(site: Path) -> None:
    """Asked twice, it answers alike; and all of it right, or there would be nothing to lose.

    Fifteen items cannot show that nothing is lost, but that no fifth of the right answers is.
    """
    code, document = compare(site, "own", "again")
    within, _ = compare(site, "own", "again", "--margin", "0.2")
    answers = read_evaluation(site / "own").answers

    assert (code, within, document["is_different"], document["differs_in"]) == (3, 0, False, [])
    assert document["same"]["value"] == 1.0
    assert {answer.value for answer in answers} == {1.0}
