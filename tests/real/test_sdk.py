"""The sdk against the real stack: the original README's promise, kept by a real engine."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mmhie import LLMConfig, MedicalReasoningLLM

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


def test_a_cut_off_answer_says_so(llm: MedicalReasoningLLM) -> None:
    """Four tokens are no whole answer; the text is returned all the same."""
    answer = llm.generate_detailed("Explain the heart at length.", max_tokens=4)

    assert answer.text
    assert (answer.finish_reason, answer.truncated) == ("length", "in_answer")
