"""`mmhie accept` on the real engine: every check against vLLM itself, and the report."""

import json
import subprocess
from pathlib import Path

import pytest

from assurance.acceptance import run
from tests.models import harmony
from tests.real.conftest import GPT_OSS_TOOLS
from tests.real.stack import MMHIE, environment

pytestmark = pytest.mark.slow

KEY = "k" * 32


def mmhie(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command with a small model that reasons and calls tools, in the folder."""
    ours = {"MMHIE_REASONER_MODEL": str(harmony.model()), "MMHIE_ENGINE_ARGS": GPT_OSS_TOOLS}
    patience = {"MMHIE_TIMEOUT_SECONDS": "120", "MMHIE_AUDIT_KEY": KEY}
    return subprocess.run(
        [MMHIE, *arguments],
        cwd=folder,
        env=environment(**ours, **patience, **harmony.ENVIRONMENT),
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return where a start that has checked itself left its report."""
    folder = tmp_path_factory.mktemp("accepted")
    accepted = mmhie(folder, "accept", "--quick")
    assert accepted.returncode == 0, accepted.stdout + accepted.stderr
    return folder


def test_everything_that_applies_passes(folder: Path) -> None:
    """Each check has its finding, and only what these settings switch off is left out."""
    document = json.loads((folder / "acceptance.json").read_text())
    outcomes = {finding["check"]: finding["outcome"] for finding in document["findings"]}
    left_out = {name for name, outcome in outcomes.items() if outcome == "not applicable"}

    assert list(outcomes) == [check.name for check in run.CHECKS]
    assert left_out == {"feedback", "audit line", "recovery", "adapter"}
    assert document["measurements"]["load"]["runs"][0]["tokens_s"] > 0


def test_the_report_is_signed(folder: Path) -> None:
    """Both forms of it verify, until a letter is changed."""
    for name in ("acceptance.json", "acceptance.html"):
        assert mmhie(folder, "accept", "verify", name).returncode == 0

    page = folder / "acceptance.html"
    page.write_text(page.read_text().replace("passed", "Passed", 1))
    assert mmhie(folder, "accept", "verify", page.name).returncode == 1
