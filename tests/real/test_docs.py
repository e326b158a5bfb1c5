"""The API reference's Python examples on a real engine: structured output is none on a fake one."""

import pytest

from tests.docs.examples import Example, examples
from tests.real.stack import Stack

pytestmark = pytest.mark.slow

EXAMPLES = [
    example
    for example in examples()
    if example.page in ("api.md", "limits.md") and example.language == "python"
]


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_the_example_runs(stack: Stack, example: Example) -> None:
    """It ends well and prints something."""
    done = example.run(stack.base_url)

    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
