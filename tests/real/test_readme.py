"""The API reference's examples in Python, run as they stand on a real engine.

A fake engine has no structured output; test_make_run.py runs the README's examples.
"""

import pytest

from tests.docs.examples import Example, examples
from tests.real.stack import Stack

PAGES = ("api.md", "limits.md")
REFERENCE = [shown for shown in examples() if shown.page in PAGES and shown.language == "python"]

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("example", REFERENCE, ids=str)
def test_the_reference_s_example_runs(stack: Stack, example: Example) -> None:
    """It ends well and prints something."""
    done = example.run(stack.base_url)

    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
