"""Two adapters of one base on a hub of our own, which stalls and cuts, and a service of each."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from tests.fake_hub.hub import COMMIT, FakeHub, running
from tests.models import adapter, harmony, site_adapter
from tests.real.serving import Served, serving

ADAPTER, OF_A_SITE, BASE = "a-lab/reasoner", "a-site/reasoner", "a-lab/base"
WEIGHTS, TOKENIZER = f"{BASE}/resolve/{COMMIT}/model.safetensors", "/tokenizer.json"
SILENT_S = 600  # longer than the fetch waits for a byte
# In bytes, far from the beginning and from the end.
CUT_AT, STALLED_AT = 30_000_000, 9_000_000


@contextmanager
def publish(folder: Path) -> Iterator[FakeHub]:
    """The gpt-oss-shaped base, and its adapters as repositories that name the base's."""
    with running(folder / "hub") as started:
        started.add(BASE, content(harmony.model()))
        for name, model in ((ADAPTER, adapter.model()), (OF_A_SITE, site_adapter.model())):
            described = json.loads((model / "adapter_config.json").read_text())
            config = json.dumps({**described, "base_model_name_or_path": BASE}).encode()
            started.add(name, {**content(model), "adapter_config.json": config})
        cut = {"after": CUT_AT, "times": 1}
        stalled = {"after": STALLED_AT, "stall": SILENT_S, "times": 1}
        started.fails(**{WEIGHTS: cut, TOKENIZER: stalled})
        yield started


def content(folder: Path) -> dict[str, bytes]:
    """Return the files of a model's folder, without the logits that tests compare with."""
    files = (file for file in folder.iterdir() if file.name != adapter.LOGITS)
    return {file.name: file.read_bytes() for file in files}


def serve_from(hub: FakeHub, name: str, folder: Path) -> AbstractContextManager[Served]:
    """A service of this name, which finds in the hub's folder what an earlier one has fetched."""
    home = {"HF_HOME": str(hub.root.parent / "home"), "HF_HUB_OFFLINE": "0", "HF_ENDPOINT": hub.url}
    # A connection that is silent this long is opened anew.
    soon = {"HF_HUB_DOWNLOAD_TIMEOUT": "5"}
    return serving(folder, name, **home, **soon, **harmony.ENVIRONMENT, MMHIE_MAX_TOKENS="128")
