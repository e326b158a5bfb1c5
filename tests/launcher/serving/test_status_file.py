"""The status file: the contract with the gateway, and never half of it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from launcher.models.facts import AdapterFacts
from launcher.models.families import DISPLAY_NAMES
from launcher.planning.installation import Installation
from launcher.serving.status_file import (
    Phase,
    StatusFile,
    engine_facts,
)
from tests.gateway.clock import Clock
from tests.launcher.plans import MODEL, plan

READY = Phase("ready", "The model is ready.", 1.0)
FACTS = {
    "engine": {"name": "vllm", "version": "0.32.0"},
    "model": {"id": "m"},
    "warnings": ["Slow."],
}


def read(path: Path) -> Any:
    return json.loads(path.read_text())


def test_the_content(tmp_path: Path) -> None:
    """Every key the gateway reads."""
    file = StatusFile(tmp_path / "phase.json", FACTS, Clock(1000.0))
    file.write(Phase("loading", "Loading the weights.", 0.5))

    assert read(tmp_path / "phase.json") == {
        "phase": "loading",
        "progress": 0.5,
        "detail": "Loading the weights.",
        "engine": {"name": "vllm", "version": "0.32.0"},
        "model": {"id": "m"},
        "warnings": ["Slow."],
    }
    assert list(tmp_path.iterdir()) == [tmp_path / "phase.json"]


def test_a_disk_that_takes_nothing(tmp_path: Path) -> None:
    """Told once, tried again at the next tick; the service goes on."""
    folder = tmp_path / "disk"
    folder.mkdir()
    file = StatusFile(folder / "phase.json", FACTS, Clock(1000.0))
    (folder / ".phase.json.new").symlink_to("/dev/full")
    told = [file.write(READY), file.write(READY)]
    assert told == [f"{folder}/phase.json cannot be written: No space left on device.", ""]
    (folder / ".phase.json.new").unlink()

    assert file.write(READY) == ""
    assert read(folder / "phase.json")["phase"] == "ready"


def test_the_plans_facts() -> None:
    """The public id, what is really run, and where it comes from."""
    model = replace(
        MODEL,
        id="org/tuned",
        source="org/base",
        context=2048,
        local=False,
        adapter=AdapterFacts("org/tuned", "org/tuned", "org/base", 8, 16.0, ("q_proj",)),
    )
    installed = Installation("vllm", "0.33.0")
    made = plan("1x24", installed, model=model, reasoner_model_test_override="org/tuned")
    facts = engine_facts([made], {})

    assert facts["engine"] == {"name": "vllm", "version": "0.33.0"}
    assert facts["model"] == {
        "id": "org/tuned",
        "display_name": None,
        "base": "org/base",
        "adapter": "org/tuned",
        "adapter_sha256": None,
        "revision": None,
        "base_revision": None,
        "quantization": made.quantization.name,
        "dtype": made.dtype,
        "max_model_len": made.context.max_model_len,
        "chat_template": True,
        "reasoning": False,
        "reasoning_budget": False,
        "pinned_date": None,
        "priority": True,
        "device": "cuda",
        "test_override": True,
    }


def test_the_demonstration_is_named_as_one() -> None:
    """For the gateway, which shows it wherever it names the model."""
    told = engine_facts([plan("1x24", reasoner_model="embedded")], {})

    assert told["model"]["display_name"] == DISPLAY_NAMES["embedded"]
    assert "not a medical model" in DISPLAY_NAMES["embedded"]


def test_a_pinned_date_is_published() -> None:
    """The date in gpt-oss's prompts; vLLM writes none into those of other models. The gateway also
    counts on an engine that ends reasoning at its budget."""
    pinned = {"VLLM_SYSTEM_START_DATE": "2026-01-31"}

    assert engine_facts([plan("1x24")], pinned)["model"]["pinned_date"] == "2026-01-31"
    assert engine_facts([plan("1x24")], {})["model"]["pinned_date"] is None
    assert engine_facts([plan("1x24")], {})["model"]["reasoning_budget"] is True
    other = plan("1x24", reasoner_model="embedded")
    assert engine_facts([other], pinned)["model"]["pinned_date"] is None
