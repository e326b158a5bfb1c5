"""The API reference's examples in Python and the console's, on a real engine.

A fake engine has no structured output; test_make_run.py runs the README's examples.
"""

import httpx2
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


# Of the console's first screen: each with a word of the right answer.
EXAMPLES = {
    "What is hypertension? Answer in one sentence.": "high blood pressure",
    "What does the heart do? Answer in one sentence.": "pumps blood",
    "List three risk factors for heart disease.": "family history",
}


def test_the_consoles_examples(client: httpx2.Client) -> None:
    """The demonstration model answers each to its end, and rightly."""
    page = client.get("/").text
    for prompt, word in EXAMPLES.items():
        assert f">{prompt}<" in page
        answer = client.post("/llm/generate", json={"prompt": prompt, "max_tokens": 100}).json()
        assert answer["finish_reason"] == "stop"
        assert word in answer["text"]
