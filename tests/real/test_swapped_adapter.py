"""A service whose adapter was swapped is told apart by what it answers, whatever it declares."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.compatibility.environment import python_with
from tests.fake_hub.hub import FakeHub
from tests.models import site_adapter
from tests.real.adapters import OF_A_SITE, serve_from
from tests.real.serving import Served
from tests.real.stack import MMHIE

pytestmark = pytest.mark.slow  # one more engine, three evaluations

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def site(adapters: FakeHub, adapted: Served, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site's folder with its items and three reports.

    Two are of its own adapter, the third of one that was trained for something else.
    """
    folder = tmp_path_factory.mktemp("site")
    items = (json.dumps(item) for item in site_adapter.items())
    (folder / "items.jsonl").write_text("\n".join(items))
    evaluated(folder, adapted.stack.base_url, "other")
    adapted.stack.stop()  # nobody asks it any more, and it takes memory
    (folder / "own").mkdir()
    with serve_from(adapters, OF_A_SITE, folder / "own") as served:
        for name in ("own", "again"):
            evaluated(folder, served.stack.base_url, name)
    return folder


def evaluated(folder: Path, url: str, name: str) -> None:
    """Ask a service the site's items, and write the report of that name."""
    options = ("--items", "items.jsonl", "--out", f"{name}.json")
    done = ran(folder, "--url", url, *options)
    assert done.returncode == 0, done.stderr


def ran(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `mmhie evaluate` to its end."""
    python = python_with(ROOT / "requirements" / "evaluate.txt")
    return subprocess.run(
        [MMHIE, "evaluate", *arguments],
        cwd=folder,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "MMHIE_EVALUATE_PYTHON": str(python),
        },
        capture_output=True,
        text=True,
        check=False,
    )


def compared(folder: Path, *arguments: str) -> tuple[int, dict[str, Any]]:
    """Return exit code and outcome of `mmhie evaluate compare`."""
    done = ran(folder, "compare", *arguments, "--json")
    return done.returncode, json.loads(done.stdout)


def report(folder: Path, name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((folder / f"{name}.json").read_text())
    return document


def test_the_swapped_adapter_is_told_apart(site: Path) -> None:
    """By McNemar's test on the right answers, also where it declares the very same as the other."""
    declared = {**report(site, "other"), "served": report(site, "own")["served"]}
    (site / "masked.json").write_text(json.dumps(declared))
    code, document = compared(site, "own.json", "masked.json")

    assert (code, document["is_told_apart"], document["differs_in"]) == (1, True, [])
    (contrast,) = document["contrasts"]
    assert (contrast["only_first"], contrast["only_second"]) >= (6, 0)
    assert contrast["p_adjusted"] < 0.05


def test_the_same_adapter_is_not(site: Path) -> None:
    """Asked twice, it answers alike; and all of it right, or there would be nothing to lose.

    Fifteen items cannot show that nothing is lost, but that no fifth of the right answers is.
    """
    code, document = compared(site, "own.json", "again.json")
    within, _ = compared(site, "own.json", "again.json", "--margin", "0.2")

    assert (code, within, document["is_told_apart"], document["differs_in"]) == (3, 0, False, [])
    assert document["same"]["value"] == 1.0
    assert {item["value"] for item in report(site, "own")["items"]} == {1.0}


def test_what_they_declare_is_named(site: Path) -> None:
    """An honest service names its adapter by the digest of the weights."""
    _, document = compared(site, "own.json", "other.json")

    assert set(document["differs_in"]) == {"model", "adapter", "adapter_digest"}
