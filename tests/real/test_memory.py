"""The estimate of an engine's memory, on the embedded model's own engine.

The same is held for the other models in the files that start them.
"""

from pathlib import Path
from typing import Any

import pytest

from tests.real.measuring import measured

pytestmark = pytest.mark.slow


def test_the_estimate_holds(stack: Any) -> None:
    """Resident size and cache tokens within a tenth."""
    argv = stack.find("api_server").cmdline()
    prepared = Path(argv[argv.index("--model") + 1])
    figures = measured(stack, {"MMHIE_REASONER_MODEL": "embedded"}, prepared)

    assert max(map(abs, figures.errors)) < 0.1, figures
