"""The phase file: the contract with the gateway, and never half of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from launcher.models.facts import AdapterFacts, ModelFacts
from launcher.models.resolve import read_model
from launcher.planning.hardware import parse
from launcher.planning.plan import make_plan
from launcher.serving.status_file import HEARTBEAT_S, Facts, Phase, StatusFile, facts
from launcher.settings import load

READY = Phase("ready", "The model is ready.", 1.0)
FACTS = Facts({"name": "vllm", "version": "0.32.0"}, {"id": "m"}, ("Slow.",))


class Clock:
    """A time that only the test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def read(path: Path) -> Any:
    return json.loads(path.read_text())


def test_the_content(tmp_path: Path) -> None:
    """Every key the gateway reads."""
    file = StatusFile(tmp_path / "phase.json", FACTS, Clock())
    file.write(Phase("loading", "Loading the weights.", 0.5))

    assert read(file.path) == {
        "phase": "loading",
        "progress": 0.5,
        "detail": "Loading the weights.",
        "engine": {"name": "vllm", "version": "0.32.0"},
        "model": {"id": "m"},
        "warnings": ["Slow."],
        "updated": 1000.0,
    }
    assert list(tmp_path.iterdir()) == [file.path]


def test_it_is_replaced_not_rewritten(tmp_path: Path) -> None:
    """A reader that holds the old file goes on reading the old content."""
    file = StatusFile(tmp_path / "phase.json", FACTS, Clock())
    file.write(Phase("starting", "Starting."))
    with file.path.open() as old:
        file.write(READY)
        assert json.load(old)["phase"] == "starting"

    assert read(file.path)["phase"] == "ready"


def test_the_same_phase_is_written_now_and_then(tmp_path: Path) -> None:
    """A heartbeat, not every tick, and whatever the clock is set to meanwhile."""
    clock, counter = Clock(), Clock()
    file = StatusFile(tmp_path / "phase.json", FACTS, clock, counter)
    file.write(READY)
    counter.now += HEARTBEAT_S - 0.1
    clock.now -= 500
    file.write(READY)
    assert read(file.path)["updated"] == 1000.0

    counter.now += 0.1
    file.write(READY)
    assert read(file.path)["updated"] == 500.0


def test_a_disk_that_takes_nothing(tmp_path: Path) -> None:
    """Told once, tried again at the next tick; the service goes on."""
    folder = tmp_path / "disk"
    folder.mkdir()
    file = StatusFile(folder / "phase.json", FACTS, Clock(), Clock())
    (folder / ".phase.json.new").symlink_to("/dev/full")
    told = [file.write(READY), file.write(READY)]
    assert told == [f"{file.path} cannot be written: No space left on device.", ""]
    (folder / ".phase.json.new").unlink()

    assert file.write(READY) == ""
    assert read(file.path)["phase"] == "ready"


def test_the_plans_facts() -> None:
    """The public id, what is really run, and where it comes from."""
    model = ModelFacts(
        id="org/tuned",
        source="org/base",
        architecture="LlamaForCausalLM",
        model_type="llama",
        layers=2,
        hidden=64,
        heads=4,
        kv_heads=2,
        head_dim=16,
        intermediate=128,
        vocab=1000,
        context=2048,
        chat_template=True,
        adapter=AdapterFacts("org/tuned", "org/tuned", "org/base", 8, 16.0, ("q_proj",)),
    )
    plan = make_plan(load({}, None), parse("1x24"), model)
    found = facts(plan, engine_version="0.33.0", test_override=True)

    assert found.engine == {"name": "vllm", "version": "0.33.0"}
    assert found.model == {
        "id": "org/tuned",
        "base": "org/base",
        "adapter": "org/tuned",
        "revision": None,
        "quantization": plan.quantization,
        "dtype": plan.dtype,
        "max_model_len": plan.max_model_len,
        "chat_template": True,
        "reasoning": False,
        "reasoning_budget": False,
        "pinned_date": None,
        "priority": True,
        "device": "cuda",
        "test_override": True,
    }


def test_what_the_engine_was_told_is_told() -> None:
    """The date in its prompts, and that it ends reasoning at a budget."""
    settings = load({"MMHIE_PIN_DATE": "2026-01-31"}, None)
    plan = make_plan(settings, parse("1x24"), read_model(settings, hub=Path("/nowhere")))
    found = facts(plan, engine_version=None, test_override=False).model

    assert (found["pinned_date"], found["reasoning_budget"]) == ("2026-01-31", True)
