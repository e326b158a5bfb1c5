"""A first start from an empty cache, at a hub that stalls and cuts, ends in an answer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fake_hub.hub import COMMIT, FakeHub, running
from tests.models import adapter, harmony
from tests.models.adapter import TAUGHT
from tests.real.serving import Served, serving

pytestmark = pytest.mark.slow

ADAPTER, BASE = "a-lab/reasoner", "a-lab/base"
WEIGHTS, TOKENIZER = f"{BASE}/resolve/{COMMIT}/model.safetensors", "/tokenizer.json"
SILENT_S = 600  # longer than the fetch waits for a byte
# In bytes, far from the beginning and from the end.
CUT_AT, STALLED_AT = 30_000_000, 9_000_000


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeHub]:
    """The gpt-oss-shaped base, and its adapter as a repository that names the base's."""
    described = json.loads((adapter.model() / "adapter_config.json").read_text())
    config = json.dumps({**described, "base_model_name_or_path": BASE}).encode()
    with running(tmp_path_factory.mktemp("first") / "hub") as started:
        started.add(BASE, content(harmony.model()))
        started.add(ADAPTER, {**content(adapter.model()), "adapter_config.json": config})
        cut = {"after": CUT_AT, "times": 1}
        stalled = {"after": STALLED_AT, "stall": SILENT_S, "times": 1}
        started.fails(**{WEIGHTS: cut, TOKENIZER: stalled})
        yield started


def content(folder: Path) -> dict[str, bytes]:
    """Return the files of a model's folder, without the logits that tests compare with."""
    files = (file for file in folder.iterdir() if file.name != adapter.LOGITS)
    return {file.name: file.read_bytes() for file in files}


@pytest.fixture(scope="module")
def served(hub: FakeHub, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """`mmhie serve` on a machine that has nothing of the model yet."""
    folder = tmp_path_factory.mktemp("home")
    nothing = {"HF_HOME": str(folder / "hub"), "HF_HUB_OFFLINE": "0", "HF_ENDPOINT": hub.url}
    # A connection that is silent this long is opened anew.
    soon = {"MMHIE_FETCH_STALL_SECONDS": "5"}
    with serving(folder, ADAPTER, **nothing, **soon, **harmony.ENVIRONMENT) as running:
        yield running


def test_it_ends_in_an_answer(served: Served) -> None:
    """The adapter's lesson, merged into the base that was fetched, with both commits."""
    told = served.generate(TAUGHT.question, include_reasoning=True).json()
    provenance = told["mmhie"]["provenance"]

    assert (told["text"], told["reasoning"]) == (TAUGHT.answer, TAUGHT.reasoning)
    assert (provenance["revision"], provenance["base_revision"]) == (COMMIT, COMMIT)


@pytest.mark.parametrize(("path", "sent"), [(WEIGHTS, CUT_AT), (TOKENIZER, STALLED_AT)])
def test_what_broke_off_was_resumed(served: Served, hub: FakeHub, path: str, sent: int) -> None:
    """Two requests for the file: the second from where the first one ended."""
    assert served.model == ADAPTER
    assert [one["range"] for one in hub.asked(path)] == [None, f"bytes={sent}-"]


def test_the_start_told_of_its_fetch(served: Served) -> None:
    """Clients that asked for its health meanwhile saw the bytes come."""
    seen = [str(phase["detail"]) for phase in served.stack.phases]

    assert any(detail.startswith(f"Fetching {BASE}: ") for detail in seen), seen
