"""`mmhie accept` on the real engine: every check against vLLM itself."""

import json
import subprocess

import pytest

from tests.real.serving import Served
from tests.real.stack import MMHIE, environment

pytestmark = pytest.mark.slow


def test_everything_that_applies_passes(gpt_oss: Served) -> None:
    """Of a model that reasons and calls tools; the address is on this machine."""
    done = subprocess.run(
        [MMHIE, "accept", "--json"],
        env=environment(MMHIE_URL=gpt_oss.stack.base_url),
        capture_output=True,
        text=True,
        check=False,
    )
    result = json.loads(done.stdout)
    outcomes = {finding["check"]: finding["outcome"] for finding in result["findings"]}
    left_out = {name for name, outcome in outcomes.items() if outcome == "not applicable"}

    assert done.returncode == 0, result["findings"]
    assert left_out == {"encryption", "access"}
    assert result["facts"]["is_reasoning"]
