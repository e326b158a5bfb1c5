"""A plan is made once; a checkpoint that was made for it completes it without a second read."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from launcher.checkpoints import gguf
from launcher.checkpoints.preparation import percent, prepared, to_be_merged
from launcher.errors import HubUnavailable, ModelError
from launcher.models import weights
from launcher.models.resolve import read_model
from launcher.planning.hardware import parse
from launcher.planning.plan import make_plan
from launcher.serving.status_file import engine_facts
from launcher.settings import load
from tests.fake_hub import files
from tests.fake_hub.hub import COMMIT, FakeHub, running
from tests.sparse import sparse_weights

LLAMA = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "num_hidden_layers": 30,
    "hidden_size": 576,
    "num_attention_heads": 9,
    "num_key_value_heads": 3,
    "intermediate_size": 1536,
    "vocab_size": 49152,
    "max_position_embeddings": 8192,
}


async def test_a_plan_is_completed_with_what_was_made(tmp_path: Path) -> None:
    """The engine loads the made folder under the public id, on the hardware found at the start."""
    variables = {"MMHIE_REASONER_MODEL": "embedded", "MMHIE_CACHE_DIR": str(tmp_path)}
    settings = load({**variables, "MMHIE_QUANTIZE": "gguf"}, None)
    folder = tmp_path / gguf.key(weights.embedded_file())
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(LLAMA))
    first = make_plan(settings, parse("cpu,ram=16"), read_model(settings))
    steps: list[str] = []

    (plan,) = await prepared((first,), {}, lambda text, _: steps.append(text), steps.append)

    assert steps == ["De-quantizing the model (once)"]
    assert plan.argv[plan.argv.index("--model") + 1] == str(folder)
    assert (plan.preparation, plan.served_model, plan.warnings) == (None, "embedded", ())
    assert plan.decisions.hardware == first.decisions.hardware
    assert plan.decisions.installed == first.decisions.installed


async def test_a_plan_that_lacks_nothing_is_handed_on(tmp_path: Path) -> None:
    """No step is told and nothing is planned anew."""
    (tmp_path / "config.json").write_text(json.dumps(LLAMA))
    sparse_weights(tmp_path / "model.safetensors")
    settings = load({"MMHIE_REASONER_MODEL": str(tmp_path)}, None)
    plans = (make_plan(settings, parse("1x24"), read_model(settings)),)

    assert await prepared(plans, {}, lambda text, _: pytest.fail(text), pytest.fail) is plans


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    """An adapter and its base, at a hub that cuts each connection once."""
    with running(tmp_path / "hub") as started:
        for name, value in started.environ(tmp_path).items():
            monkeypatch.setenv(name, value)
        started.add("a/b", files.model())
        started.add("an/adapter", files.adapter())
        started.fails(**{files.SHARDS[0]: {"after": 1000, "times": 1}})
        yield started


async def test_a_first_start_fetches_and_then_knows_the_commits(
    hub: FakeHub, tmp_path: Path
) -> None:
    """From an empty cache: planned by the hub's config.json, then on whole files, both pinned."""
    environ = hub.environ(tmp_path, MMHIE_REASONER_MODEL="an/adapter", MMHIE_MERGE_ADAPTER="false")
    settings = load(environ, None)
    first = make_plan(settings, parse("1x24"), read_model(settings, ask_hub=True))
    steps: list[tuple[str, float | None]] = []

    (plan,) = await prepared((first,), environ, lambda *step: steps.append(step), pytest.fail)
    model = engine_facts((plan,)).model

    assert first.argv[2:5] == ("a/b", "--revision", COMMIT)
    assert any("a/b lacks" in reason and "mmhie serve" in reason for reason in first.reasons)
    assert plan.argv[2] == str(tmp_path / "hub" / "models--a--b" / "snapshots" / COMMIT)
    assert (model["revision"], model["base_revision"]) == (COMMIT, COMMIT)
    assert plan.env["HF_HUB_OFFLINE"] == "1"
    assert steps[0] == ("Fetching the model", None)
    assert ("Fetching a/b: 0.75 of 0.75 MiB", 1.0) in steps


async def test_a_merge_without_room_ends_the_start_before_the_fetch(
    hub: FakeHub, tmp_path: Path
) -> None:
    """The plan knows what will be merged, and how large: the base fits this disk, two do not."""
    size = shutil.disk_usage(tmp_path).free * 6 // 10
    hub.fails(**{"models/a/b": {"sizes": {files.SHARDS[2]: size}}})
    ours = {"MMHIE_REASONER_MODEL": "an/adapter", "MMHIE_CACHE_DIR": str(tmp_path / "made")}
    environ = hub.environ(tmp_path, **ours)
    settings = load(environ, None)
    model = read_model(settings, ask_hub=True)
    plan = make_plan(settings, parse("1x24"), model, strict=False)
    unmerged = load({**environ, "MMHIE_MERGE_ADAPTER": "false"}, None)

    with pytest.raises(ModelError, match=r"have to be fetched, .* of merged weights are made"):
        await prepared((plan,), environ, lambda *step: None, lambda line: None)
    assert not hub.asked(".safetensors")
    assert to_be_merged(plan) > size
    assert not to_be_merged(make_plan(unmerged, parse("1x24"), model, strict=False))


async def test_a_hub_that_stays_away_ends_the_start(hub: FakeHub, tmp_path: Path) -> None:
    """With the sentence and the exit code of `mmhie fetch`, and never with half a model."""
    hub.fails(**{files.SHARDS[0]: {"until": 1000, "stall": 60}})
    environ = hub.environ(tmp_path, MMHIE_REASONER_MODEL="a/b", MMHIE_FETCH_STALL_SECONDS="1")
    settings = load(environ, None)
    plan = make_plan(settings, parse("1x24"), read_model(settings, ask_hub=True))

    with pytest.raises(HubUnavailable, match="nothing came for 1 s"):
        await prepared((plan,), environ, lambda *step: None, lambda line: None)


async def test_a_folder_without_its_weights_is_no_model(tmp_path: Path) -> None:
    """Planned, since a plan needs no weights, and refused before an engine starts."""
    (tmp_path / "config.json").write_text(json.dumps(LLAMA))
    settings = load({"MMHIE_REASONER_MODEL": str(tmp_path)}, None)
    plan = make_plan(settings, parse("1x24"), read_model(settings))

    assert any("lacks its weights" in reason for reason in plan.reasons)
    with pytest.raises(ModelError, match="lacks its weights"):
        await prepared((plan,), os.environ, lambda *step: None, lambda line: None)


@pytest.mark.parametrize(
    ("line", "share"),
    [
        ("Converting and de-quantizing GGUF tensors...:  31%|███▏      | 85/272 [00:00<", 0.31),
        ("Writing model shards: 100%|██████████| 1/1 [00:00<00:00, 10.91it/s]", 1.0),
        ("31 percent", None),
    ],
)
def test_percent_of_a_progress_bar(line: str, share: float | None) -> None:
    """tqdm's number, as a share."""
    assert percent(line) == share
