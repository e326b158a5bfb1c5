"""The API reference's examples, on a real engine: structured output means nothing on a fake one."""

import json

import pytest

from tests.docs.examples import Example, examples
from tests.real.conftest import Stack

pytestmark = pytest.mark.engine

EXAMPLES = [example for example in examples() if example.page == "api.md"]


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_the_example_runs(stack: Stack, example: Example) -> None:
    """It ends well and prints something."""
    done = example.run(stack.base_url)

    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


def test_the_answer_that_has_to_be_json_is_json(stack: Stack) -> None:
    """The last line of the example with a schema."""
    (example,) = [one for one in EXAMPLES if "json_schema" in one.text]
    answer = json.loads(example.run(stack.base_url).stdout.splitlines()[-1])

    assert isinstance(answer["cause"], str)
