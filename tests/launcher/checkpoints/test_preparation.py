"""A plan is made once; a checkpoint that was made for it completes it without a second read."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from launcher.checkpoints import gguf
from launcher.checkpoints.preparation import prepare, to_be_merged
from launcher.errors import HubUnavailable, ModelError
from launcher.models import weights
from launcher.models.resolve import read_model
from launcher.planning.hardware import parse
from launcher.planning.plan import EnginePlan
from launcher.planning.planner import make_plan
from launcher.serving.status_file import engine_facts
from launcher.settings import load
from tests.fake_hub import files
from tests.fake_hub.hub import COMMIT, FakeHub
from tests.launcher.plans import plan, value

Told = list[tuple[str, float | None]]


def unheard(*_: object) -> None:
    """Nobody is told."""


async def test_a_plan_is_completed_with_what_was_made(tmp_path: Path) -> None:
    """The engine loads the made folder under the public id, on the hardware found at the start."""
    folder = tmp_path / gguf.key(weights.embedded_file())
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(files.CONFIG))
    first = plan("cpu,ram=16", reasoner_model="embedded", cache_dir=tmp_path, quantize="gguf")
    steps: list[str] = []

    (made,) = await prepare((first,), {}, lambda text, _: steps.append(text), steps.append)

    assert steps == ["De-quantizing the model (once)"]
    assert value(made, "--model") == str(folder)
    assert (made.preparation, made.model.id, made.warnings) == (None, "embedded", ())
    assert made.hardware == first.hardware
    assert made.installed == first.installed


def at_hub(
    hub: FakeHub, home: Path, name: str, **variables: str
) -> tuple[dict[str, str], EnginePlan]:
    """The environment of a first start, and the plan that it makes by the hub's description."""
    environ = hub.environ(home, MMHIE_REASONER_MODEL=name, **variables)
    chosen = load(environ, None)
    model = read_model(chosen, ask_hub=True)
    return environ, make_plan(chosen, parse("1x24"), model, strict=False)


async def test_a_first_start_fetches_and_then_knows_the_commits(
    hub: FakeHub, tmp_path: Path
) -> None:
    """From an empty cache: planned by the hub's config.json, then on whole files, both pinned. A
    plan that lacks nothing is handed on."""
    hub.fails(**{files.SHARDS[0]: {"after": 1000, "times": 1}})
    environ, first = at_hub(hub, tmp_path, "an/adapter", MMHIE_MERGE_ADAPTER="false")
    steps: Told = []

    (made,) = await prepare((first,), environ, lambda *step: steps.append(step), pytest.fail)
    model = engine_facts((made,), environ)["model"]

    assert first.argv[2:5] == ("a/b", "--revision", COMMIT)
    assert any("a/b lacks" in reason and "mmhie serve" in reason for reason in first.reasons)
    assert made.argv[2] == str(tmp_path / "hub" / "models--a--b" / "snapshots" / COMMIT)
    assert (model["revision"], model["base_revision"]) == (COMMIT, COMMIT)
    assert made.env["HF_HUB_OFFLINE"] == "1"
    assert steps[0] == ("Fetching the model", None)
    assert ("Fetching a/b: 0.75 of 0.75 MiB", 1.0) in steps
    assert await prepare((made,), environ, lambda text, _: pytest.fail(text), pytest.fail) == (
        made,
    )


async def test_a_merge_without_room_ends_the_start_before_the_fetch(
    hub: FakeHub, tmp_path: Path
) -> None:
    """The plan knows what will be merged, and how large: the base fits this disk, two do not."""
    size = shutil.disk_usage(tmp_path).free * 6 // 10
    hub.fails(**{"models/a/b": {"sizes": {files.SHARDS[2]: size}}})
    environ, merged = at_hub(hub, tmp_path, "an/adapter", MMHIE_CACHE_DIR=str(tmp_path / "made"))
    _, unmerged = at_hub(hub, tmp_path, "an/adapter", MMHIE_MERGE_ADAPTER="false")

    with pytest.raises(ModelError, match=r"have to be fetched, .* of merged weights are made"):
        await prepare((merged,), environ, unheard, unheard)
    assert not hub.asked(".safetensors")
    assert to_be_merged(merged) > size
    assert not to_be_merged(unmerged)


async def test_a_hub_that_stays_away_ends_the_start(hub: FakeHub, tmp_path: Path) -> None:
    """With the sentence and the exit code of `mmhie fetch`, and never with half a model."""
    environ, first = at_hub(hub, tmp_path, "a/b")
    hub.fails(**{"models/a/b": {"status": 503}})

    with pytest.raises(HubUnavailable, match="The hub answers 503 for a/b"):
        await prepare((first,), environ, unheard, unheard)


async def test_a_folder_without_its_weights_is_no_model(tmp_path: Path) -> None:
    """Planned, since a plan needs no weights, and refused before an engine starts."""
    (tmp_path / "config.json").write_text(json.dumps(files.CONFIG))
    made = plan("1x24", reasoner_model=tmp_path)

    assert any("lacks its weights" in reason for reason in made.reasons)
    with pytest.raises(ModelError, match="lacks its weights"):
        await prepare((made,), os.environ, unheard, unheard)
