"""`mmhie accept` on the real engine: every check against vLLM itself, the report and its row."""

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


def test_a_start_checks_itself(tmp_path: Path) -> None:
    """Everything that applies passes; the report is signed, and its row can be added once."""
    accepted = mmhie(tmp_path, "accept", "--quick")
    assert accepted.returncode == 0, accepted.stdout + accepted.stderr
    document = json.loads((tmp_path / "acceptance.json").read_text())
    outcomes = {finding["check"]: finding["outcome"] for finding in document["findings"]}
    left_out = {name for name, outcome in outcomes.items() if outcome == "not applicable"}

    assert list(outcomes) == [check.name for check in run.CHECKS]
    assert left_out == {"feedback", "audit line", "recovery", "adapter"}
    assert document["measurements"]["load"]["runs"][0]["tokens_s"] > 0
    for name in ("acceptance.json", "acceptance.html"):
        assert mmhie(tmp_path, "accept", "verify", name).returncode == 0
    added = json.loads(mmhie(tmp_path, "profiles", "add", "acceptance.json", "--json").stdout)
    Path(added["added"]).unlink()
    assert added["model"] == harmony.model().name

    page = tmp_path / "acceptance.html"
    page.write_text(page.read_text().replace("passed", "Passed", 1))
    assert mmhie(tmp_path, "accept", "verify", page.name).returncode == 1
