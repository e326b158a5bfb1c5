"""A gpt-oss-shaped model: what it thinks and what it says arrive apart, on every surface."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.contract.process import Gateway
from tests.models import harmony, vocabulary
from tests.models.harmony import ASTHMA, EXCHANGES, FEVER, SYSTEM, Exchange
from tests.real.conftest import Begin, phase_file
from tests.real.measuring import check_estimate
from tests.real.serving import Served

pytestmark = pytest.mark.slow

SHORT = 24  # enough for FEVER's and not for ASTHMA's


@pytest.fixture(scope="module")
def served(gpt_oss: Served) -> Iterator[Served]:
    """The engine of the whole run, which nobody asks after these tests."""
    yield gpt_oss
    gpt_oss.stack.stop()


@pytest.fixture(scope="module")
def quiet(served: Served, begin: Begin) -> Gateway:
    """Reasoning hidden, the disclaimer around the text."""
    ours = {"MMHIE_REASONING": "hide", "MMHIE_DISCLAIMER_IN_TEXT": "both"}
    return begin(served.stack, **phase_file(served.stack), **ours)


@pytest.fixture(scope="module")
def hasty(served: Served, begin: Begin) -> Gateway:
    """Little time to think."""
    return begin(served.stack, **phase_file(served.stack), MMHIE_MAX_REASONING_TOKENS=str(SHORT))


HIDING = (
    ("/v1/chat/completions", {"messages": [{"role": "user", "content": FEVER.question}]}),
    ("/v1/chat/completions", {"messages": [{"role": "user", "content": harmony.LEAKING.question}]}),
    ("/v1/responses", {"input": FEVER.question, "enable_response_messages": True}),
    ("/v1/responses", {"input": harmony.LEAKING.question, "enable_response_messages": True}),
)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("path", "body"), HIDING)
def test_hidden_reasoning_is_in_no_byte(
    served: Served, quiet: Gateway, path: str, body: dict[str, Any], stream: bool
) -> None:
    """Neither as text, nor token by token, nor in what vLLM adds on request; the answer is."""
    more = {"logprobs": True, "return_token_ids": True} if "messages" in body else {}
    asked = {"model": served.model, "temperature": 0, "stream": stream, **body, **more}
    answer = quiet.client.post(path, json=asked)
    words = re.sub(r'"mmhie":.*', "", answer.text) if not stream else answer.text

    assert answer.status_code == 200, answer.text
    for thought in ("usual", "degrees", "not sure", "asks for"):
        assert thought not in words
    assert answer.text.count("Model outputs are not clinical advice") > 2
    refused = quiet.client.post("/v1/completions", json={"prompt": "Think."})
    assert refused.status_code == 403


def tokens(text: str) -> int:
    """Return the number of tokens of a text, special tokens included."""
    return len(vocabulary.encoding().encode(text, allowed_special="all"))


@pytest.mark.parametrize("exchange", EXCHANGES, ids=lambda exchange: exchange.question)
def test_generate(served: Served, exchange: Exchange) -> None:
    """The answer as it was taught; its reasoning only when asked for."""
    asked = {"prompt": exchange.question, "include_reasoning": True}
    told = served.client.post("/llm/generate", json=asked).json()
    plain = served.generate(exchange.question).json()

    assert (told["text"], told["reasoning"]) == (exchange.answer, exchange.reasoning)
    assert told["finish_reason"] == "stop"
    assert (told["truncated"], told["warnings"]) == (None, [])
    assert plain["text"] == exchange.answer
    assert "reasoning" not in plain


def test_the_engine_ends_reasoning_at_its_budget(hasty: Gateway) -> None:
    """Longer reasoning is cut there, to the token, and named; the answer's budget stays whole."""
    asked = {"prompt": ASTHMA.question, "include_reasoning": True}
    answer = hasty.client.post("/llm/generate", json=asked | {"max_tokens": 8}).json()
    spent = answer["usage"]["completion_tokens_details"]["reasoning_tokens"]
    enough = hasty.client.post("/llm/generate", json={"prompt": FEVER.question}).json()

    assert (enough["text"], enough["warnings"]) == (FEVER.answer, [])
    assert spent == tokens(answer["reasoning"]) == SHORT
    assert ASTHMA.reasoning.startswith(answer["reasoning"])
    assert answer["warnings"] == ["reasoning_cut"]
    assert tokens(answer["text"]) >= 8  # more where a busy engine sends several tokens at once


def test_the_date_is_pinned_and_told(served: Served) -> None:
    """VLLM_SYSTEM_START_DATE reaches the prompt, or nothing here would be as it was taught."""
    provenance = served.generate(FEVER.question).json()["mmhie"]["provenance"]
    card = served.client.get("/v1/mmhie/model-card").json()

    assert provenance["pinned_date"] == card["model"]["pinned_date"] == harmony.DATE


@pytest.mark.parametrize("extra", [-5, *range(1, 6)])
def test_chat_cut_before_the_answer(served: Served, extra: int) -> None:
    """Cut inside the reasoning, and at every token between it and the answer: no marker and no
    header as content, and the truncation named."""
    begun = tokens(f"<|channel|>analysis<|message|>{FEVER.reasoning}")
    answer = served.chat(FEVER.question, system=SYSTEM, max_tokens=begun + extra)
    (choice,) = answer["choices"]

    assert not (choice["message"]["content"] or "").strip(), choice
    assert choice["finish_reason"] == "length"
    assert answer["mmhie"]["truncated"] == "in_reasoning"


def test_the_estimate_holds(served: Served) -> None:
    """Resident size and cache tokens."""
    check_estimate(served.stack, served.settings)
