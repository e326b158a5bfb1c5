"""A LoRA adapter on a gpt-oss-shaped base: merged by itself on the CPU, served as PEFT has it.

Its start is a first one, from an empty cache.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.fake_hub.hub import COMMIT, FakeHub, running
from tests.models import adapter, harmony
from tests.models.adapter import TAUGHT
from tests.real.serving import Served, serving

pytestmark = pytest.mark.slow

ADAPTER, BASE = "a-lab/reasoner", "a-lab/base"
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


@contextmanager
def publish(folder: Path) -> Iterator[FakeHub]:
    """The gpt-oss-shaped base, and its adapter as a repository that names the base's."""
    with running(folder / "hub") as started:
        started.add(BASE, content(harmony.model()))
        described = json.loads((adapter.model() / "adapter_config.json").read_text())
        config = json.dumps({**described, "base_model_name_or_path": BASE}).encode()
        started.add(ADAPTER, {**content(adapter.model()), "adapter_config.json": config})
        yield started


def content(folder: Path) -> dict[str, bytes]:
    """Return the files of a model's folder, without the logits that tests compare with."""
    files = (file for file in folder.iterdir() if file.name != adapter.LOGITS)
    return {file.name: file.read_bytes() for file in files}


@pytest.fixture(scope="module")
def adapters(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeHub]:
    """The hub that has an adapter and its base."""
    with publish(tmp_path_factory.mktemp("first")) as started:
        yield started


@pytest.fixture(scope="module")
def served(adapters: FakeHub, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """`mmhie serve` on a machine that had nothing of the model yet."""
    folder = tmp_path_factory.mktemp("adapted")
    with serving(
        folder,
        ADAPTER,
        HF_HOME=str(folder / "home"),
        HF_HUB_OFFLINE="0",
        HF_ENDPOINT=adapters.url,
        MMHIE_MAX_TOKENS="128",
        **harmony.ENVIRONMENT,
    ) as running:
        yield running


def merged(served: Served) -> Path:
    """The checkpoint the launcher made."""
    (record,) = Path(served.settings["MMHIE_CACHE_DIR"]).rglob("mmhie_merge.json")
    return record.parent


def test_the_adapter_answers(served: Served) -> None:
    """The answer is the adapter's lesson, not what the base says, and names both commits."""
    told = served.generate(TAUGHT.question, include_reasoning=True).json()
    provenance = told["mmhie"]["provenance"]

    assert (told["text"], told["reasoning"]) == (TAUGHT.answer, TAUGHT.reasoning)
    assert (provenance["revision"], provenance["base_revision"]) == (COMMIT, COMMIT)
    assert TAUGHT.answer != harmony.FEVER.answer


def test_the_base_is_out_of_reach(served: Served) -> None:
    """One model is listed, under the adapter's name; health names the base."""
    listed = served.client.get("/v1/models").json()["data"]
    told = served.stack.health()["served"]

    assert [model["id"] for model in listed] == [ADAPTER]
    assert (told["adapter"], told["base"]) == (ADAPTER, BASE)


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
