"""The examples of sdk/README.md run."""

import re
from pathlib import Path

import pytest

from tests.sdk.conftest import Serve
from tests.sdk.scripted_server import CHAT_ANSWER, JSON_ANSWER, Exchange, answer_stream, reply
from tests.sdk.test_package import run

README = Path(__file__).parents[2] / "sdk" / "README.md"
EXAMPLES = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
assert len(EXAMPLES) >= 6


def any_answer(exchange: Exchange) -> None:
    """Answer whatever is asked, in the form it is asked for."""
    if exchange.seen.path == "/v1/chat/completions":
        reply(CHAT_ANSWER)(exchange)
    elif exchange.seen.json()["stream"]:
        answer_stream("Rest ", "and fluids.")(exchange)
    else:
        reply(JSON_ANSWER)(exchange)


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_example_runs(serve: Serve, example: str) -> None:
    """As a reader would paste it."""
    run(example, MMHIE_URL=serve(any_answer).url)
