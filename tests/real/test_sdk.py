"""The sdk against the real stack: the original README's promise, kept by a real engine."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mmhie import Delta, End, InvalidRequestError, LLMConfig, MedicalReasoningLLM

pytestmark = pytest.mark.slow

SAMPLE = """\
from app.llm.reasoning_model import medical_reasoner

prompt = "Summarise the multimodal findings for this patient and suggest next steps."
summary = medical_reasoner.generate(prompt)
print(summary)
"""


@pytest.fixture
def llm(stack: Any) -> Iterator[MedicalReasoningLLM]:
    """A client of the running stack, patient enough for a CPU."""
    config = LLMConfig(url=stack.base_url, timeout_seconds=120, max_tokens=64)
    with MedicalReasoningLLM(config) as client:
        yield client


def test_the_sample_of_the_original_readme(stack: Any, tmp_path: Path) -> None:
    """With one import line in app/llm/reasoning_model.py the sample prints an answer."""
    llm = tmp_path / "app" / "llm"
    llm.mkdir(parents=True)
    (llm / "reasoning_model.py").write_text("from mmhie import *\n")
    environ = {
        "MMHIE_URL": stack.base_url,
        "MMHIE_MAX_TOKENS": "32",
        "MMHIE_TIMEOUT_SECONDS": "120",
    }

    done = subprocess.run(
        [sys.executable, "-c", SAMPLE],
        cwd=tmp_path,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


def test_an_answer_comes_with_its_notes(llm: MedicalReasoningLLM) -> None:
    """Disclaimer, usage, provenance and request id are the real ones."""
    answer = llm.generate_detailed("What is a fever?", max_tokens=16)

    assert answer.text.strip()
    assert "not" in answer.disclaimer
    assert "clinical advice" in answer.disclaimer
    assert answer.usage.completion_tokens > 0
    assert answer.usage.prompt_tokens > 0
    assert answer.provenance
    assert answer.request_id
    assert answer.model


def test_a_cut_off_answer_says_so(llm: MedicalReasoningLLM) -> None:
    """Four tokens are no whole answer; the text is returned all the same."""
    answer = llm.generate_detailed("Explain the heart at length.", max_tokens=4)

    assert answer.text
    assert (answer.finish_reason, answer.truncated) == ("length", "in_answer")


def test_greedy_answers_are_the_same_streamed_and_whole(llm: MedicalReasoningLLM) -> None:
    """temperature 0: the deltas add up to the answer."""
    whole = llm.generate("Name three symptoms of influenza.", max_tokens=24)

    streamed = "".join(llm.stream_generate("Name three symptoms of influenza.", max_tokens=24))

    assert streamed.strip() == whole.strip()


def test_the_deltas_are_the_answer(llm: MedicalReasoningLLM) -> None:
    """Deltas, then the end with their text; tests/sdk proves that each is handed on as it comes."""
    with llm.stream("Describe the human heart in detail.", max_tokens=48) as stream:
        *deltas, end = list(stream)

    assert all(isinstance(delta, Delta) for delta in deltas)
    assert isinstance(end, End)
    assert "".join(delta.text for delta in deltas if isinstance(delta, Delta)) == end.answer.text


def test_chat_goes_through_the_openai_route(llm: MedicalReasoningLLM) -> None:
    """The served model is found without being told."""
    answer = llm.chat_detailed([{"role": "user", "content": "Say hello."}], max_tokens=16)

    assert answer.text.strip()
    assert "clinical advice" in answer.disclaimer
    assert answer.provenance


def test_a_refusal_is_its_own_class(llm: MedicalReasoningLLM) -> None:
    """An empty prompt is refused by the gateway, in its own words."""
    with pytest.raises(InvalidRequestError) as caught:
        llm.generate("")

    assert caught.value.code == "invalid_request"
