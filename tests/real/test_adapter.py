"""A LoRA adapter on a gpt-oss-shaped base: merged by itself on the CPU, served as PEFT has it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.models import adapter, harmony
from tests.models.adapter import TAUGHT
from tests.real.measuring import measured
from tests.real.serving import Served, serving

pytestmark = pytest.mark.slow

# Relative to the largest logit: PEFT rounds the difference of a weight before it adds it.
TOLERANCE = 0.02
COMPARE = """
import sys, torch
from transformers import AutoModelForCausalLM
from tests.models import adapter
one = adapter.lesson()
tokens = torch.tensor([one.prompt + one.completion])
model = AutoModelForCausalLM.from_pretrained(sys.argv[1], dtype=torch.bfloat16)
with torch.no_grad():
    ours = model(tokens[:, :-1]).logits[0, len(one.prompt) - 1:].float()
theirs = torch.load(sys.argv[2])
print((ours - theirs).abs().max().item() / theirs.abs().max().item())
print((ours.argmax(1) == theirs.argmax(1)).all().item())
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The adapter's own folder is all the operator names."""
    folder = tmp_path_factory.mktemp("adapter")
    with serving(folder, adapter.model(), **harmony.ENVIRONMENT) as running:
        yield running


def merged(served: Served) -> Path:
    """The checkpoint the launcher made."""
    (record,) = Path(served.settings["MMHIE_CACHE_DIR"]).rglob("mmhie_merge.json")
    return record.parent


def test_the_adapter_answers(served: Served) -> None:
    """The answer is the adapter's lesson, and not what the base says."""
    told = served.generate(TAUGHT.question, include_reasoning=True).json()

    assert (told["text"], told["reasoning"]) == (TAUGHT.answer, TAUGHT.reasoning)
    assert TAUGHT.answer != harmony.FEVER.answer


def test_the_base_is_out_of_reach(served: Served) -> None:
    """One model is listed, under the adapter's name; health names the base."""
    listed = served.client.get("/v1/models").json()["data"]
    told = served.stack.health()["served"]

    assert [one["id"] for one in listed] == [adapter.model().name]
    assert told["adapter"] == adapter.model().name
    assert told["base"] == harmony.model().name


def test_logits_are_pefts_own(served: Served) -> None:
    """The merged checkpoint against PEFT's own merge, in bfloat16."""
    done = subprocess.run(
        [sys.executable, "-c", COMPARE, merged(served), adapter.model() / adapter.LOGITS],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    error, same = done.stdout.split()

    assert float(error) < TOLERANCE
    assert same == "True"


def test_the_merge_tells_what_it_is(served: Served) -> None:
    """The record beside the weights names the adapter, its rank and every file's digest."""
    record = json.loads((merged(served) / "mmhie_merge.json").read_text())

    assert record["adapter"] == adapter.model().name
    assert record["rank"] == adapter.RANK
    assert record["files"]


def test_the_estimate_holds(served: Served) -> None:
    """Resident size and cache tokens within a tenth."""
    found = measured(served.stack, served.settings, merged(served))

    assert max(map(abs, found.errors)) < 0.1, found
