"""A model without a chat template and with a short context, the engine's settings left alone."""

from __future__ import annotations

import pytest

from tests.models import completer
from tests.real.breakable import Breakable
from tests.real.serving import Served

pytestmark = pytest.mark.slow


@pytest.fixture
def served(breakable: Breakable) -> Served:
    """The service that test_chaos breaks afterwards."""
    return breakable.served


def test_it_completes(served: Served) -> None:
    """Through completions: the prompt goes to the model as it is, and greedy is repeatable."""
    prompt = "What is a fever?"
    answer = served.generate(prompt, max_tokens=8).json()
    body = {"model": served.model, "prompt": prompt, "max_tokens": 8, "temperature": 0}
    direct = served.client.post("/v1/completions", json=body).json()

    assert answer["text"] == direct["choices"][0]["text"]
    assert answer["usage"]["prompt_tokens"] == direct["usage"]["prompt_tokens"]
    assert answer["usage"]["completion_tokens"] == 8
    assert answer["truncated"] == "in_answer"


def test_the_context_is_the_models_own(served: Served) -> None:
    """4096 + 512 tokens do not fit 512: clamped, and health says so."""
    health = served.stack.health()

    assert health["served"]["max_model_len"] == completer.CONTEXT
    assert health["served"]["chat_template"] is False
    assert any(str(completer.CONTEXT) in warning for warning in health["warnings"])
    assert served.plan()["max_model_len"] == completer.CONTEXT
