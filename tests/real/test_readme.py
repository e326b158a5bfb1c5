"""The README's examples and the API reference's in Python, run as they stand on a real engine:
structured output is none on a fake one."""

import pytest

from tests.docs.examples import DOCS, Example, examples, examples_of
from tests.real.stack import Stack

CURL, PYTHON = examples_of(DOCS.with_name("README.md"))
PAGES = ("api.md", "limits.md")
REFERENCE = [shown for shown in examples() if shown.page in PAGES and shown.language == "python"]
NOTICE = "Model outputs are not clinical advice."

pytestmark = pytest.mark.slow


def test_the_curl_example_answers_with_both_notices(stack: Stack) -> None:
    """The curl command gives a text, the safety notice and the notice of a red flag."""
    done = CURL.run(stack.base_url)

    assert done.returncode == 0, done.stderr
    assert NOTICE in done.stdout
    assert "MED101" in done.stdout


def test_the_python_example_prints_an_answer(stack: Stack) -> None:
    """The Python example runs as it stands, but for the address."""
    done = PYTHON.run(stack.base_url)

    assert done.returncode == 0, done.stderr
    assert NOTICE in done.stdout
    assert len(done.stdout.strip()) > len(NOTICE) + 20


@pytest.mark.parametrize("example", REFERENCE, ids=str)
def test_the_reference_s_example_runs(stack: Stack, example: Example) -> None:
    """It ends well and prints something."""
    done = example.run(stack.base_url)

    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
