"""`mmhie plan`, the real command, for models at a hub and in folders that are not whole."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from launcher.errors import LauncherError, ModelError
from launcher.models.facts import ModelFacts
from launcher.models.families import GPT_OSS_20B
from launcher.planning.hardware import GIB
from tests.command import Command
from tests.fake_hub.files import CONFIG, INDEX, SHARDS
from tests.fake_hub.hub import COMMIT, FakeHub, running
from tests.fake_hub.repositories import DEFAULT, REPOSITORIES
from tests.launcher.plans import facts
from tests.sparse import sparse_weights


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeHub]:
    """A hub with the file lists of real repositories."""
    with running(tmp_path_factory.mktemp("plan") / "hub") as started:
        for name, repository in REPOSITORIES.items():
            started.add(name, {"README.md": b"", **repository.files()})
            started.promise(name, repository.sizes)
        yield started


@pytest.fixture
def online(hub: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeHub:
    """Set that hub for this process."""
    hub.fails()
    for name, value in hub.environ(tmp_path).items():
        monkeypatch.setenv(name, value)
    return hub


def read(model: str | Path) -> ModelFacts:
    return facts(model, ask_hub=True)


def planned(command: Command, **variables: Any) -> dict[str, Any]:
    """The command's JSON for the default model on a card of 24 GB."""
    out, _ = command.run("--json", "--gpus", "1xl4", reasoner_model=DEFAULT, **variables)
    document: dict[str, Any] = json.loads(out)
    return document


def folder(path: Path, sizes: Mapping[str, int]) -> Path:
    """A model's folder with sparse files of these sizes."""
    path.mkdir()
    (path / "config.json").write_text(json.dumps(CONFIG))
    for name, size in sizes.items():
        sparse_weights(path / name, size)
    return path


def index(path: Path, shards: tuple[Any, ...] = SHARDS) -> None:
    names = {f"layer.{number}": shard for number, shard in enumerate(shards)}
    content = {"metadata": {"total_size": 28 * GIB}, "weight_map": names}
    (path / INDEX).write_text(json.dumps(content))


def test_weights_at_the_hub_count_once(online: FakeHub) -> None:
    """Copies for other programs, other formats and other layouts are not added to them."""
    whole = {name: repository for name, repository in REPOSITORIES.items() if repository.wanted}

    for name, repository in whole.items():
        assert read(name).weight_bytes == repository.weight_bytes, name


def test_the_default_model_on_24_gb(plan_command: Command, request: pytest.FixtureRequest) -> None:
    """It fits, with a hub as without one. Named are the commits of the base, of the adapter, and of
    the folder in which they are merged: a new one is another."""
    known = planned(plan_command)["memory"]
    request.getfixturevalue("online")
    merged, served = planned(plan_command), planned(plan_command, merge_adapter="false")

    assert merged["memory"]["fits"]
    assert merged["memory"]["weights_gib"] == 13.67
    assert merged["memory"]["max_concurrent"] == pytest.approx(known["max_concurrent"], abs=1)
    for made in (merged, served):
        assert (made["revision"], made["adapter_revision"]) == (COMMIT, COMMIT)
    short = COMMIT[:12]
    assert merged["argv"][2].endswith(f"-gpt-oss-20b-{short}-{short}-merge")
    assert f"--revision {COMMIT}" in " ".join(served["argv"])
    assert f"/snapshots/{COMMIT}" in " ".join(served["argv"])


def test_what_holds_no_model(online: FakeHub, tmp_path: Path) -> None:
    """A data set's name, for one; of GGUF files one has to be chosen, at the hub and here."""
    online.add("a/set", {"train.parquet": b"PAR1"})
    (tmp_path / "gguf").mkdir()
    (tmp_path / "gguf" / "x.gguf").touch()

    with pytest.raises(ModelError, match=r"a/set has no config\.json, .* so it is no model"):
        read("a/set")
    for name in ("Qwen/Qwen2.5-7B-Instruct-GGUF", tmp_path / "gguf"):
        with pytest.raises(ModelError, match=r"holds GGUF files and no config\.json: set MMHIE_"):
            read(name)


def test_a_hub_that_lies(online: FakeHub) -> None:
    """The hub is named, and no file of ours."""
    online.fails(**{f"models/{GPT_OSS_20B}": {"sizes": {"README.md": -5}}})
    with pytest.raises(LauncherError, match="does not answer as a model hub does"):
        read(GPT_OSS_20B)
    online.fails(**{"config.json": {"spoil": True}})
    with pytest.raises(LauncherError, match=rf"The hub's config\.json of {GPT_OSS_20B} is damaged"):
        read(GPT_OSS_20B)


def test_one_shard_of_three(plan_command: Command, tmp_path: Path) -> None:
    """It does not fit, whatever it would take: the rest is not there. The shape says what the
    weights take, whatever the index says."""
    model = folder(tmp_path / "m", {SHARDS[1]: GIB})
    index(model)
    code, out, refusal = plan_command("--json", "--gpus", "1xl4", reasoner_model=str(model))

    assert (code, refusal.count("\n")) == (2, 1)
    assert f"{model} lacks {SHARDS[0]}, {SHARDS[2]}: give a whole folder" in refusal
    memory = json.loads(out)["memory"]
    assert (memory["fits"], memory["starts"]) == (False, False)
    assert read(model).weight_bytes is None


@pytest.mark.parametrize("size", [0, 4, 50, GIB - 1])
def test_a_copy_that_was_cut(plan_command: Command, size: int, tmp_path: Path) -> None:
    """Inside its length, its header or its tensors; the header says how long a file is."""
    model = folder(tmp_path / "m", dict.fromkeys(SHARDS, GIB))
    os.truncate(model / SHARDS[1], size)

    refusal = plan_command.refusal("--gpus", "1xl4", reasoner_model=str(model))

    assert refusal.startswith(f"{SHARDS[1]} is ")


@pytest.mark.parametrize(
    "shard", ["../../etc/passwd", "", "a" * 400, "a\0b", "/etc/passwd", "\ud800", 5]
)
def test_an_index_of_files_elsewhere(shard: object, tmp_path: Path) -> None:
    """A folder's weights are in it, under names that a file can have."""
    model = folder(tmp_path / "m", {})
    index(model, shards=(shard,))

    with pytest.raises(ModelError, match=r"which is no file beside it|cannot be used"):
        read(model)


@pytest.mark.parametrize("file", ["config.json", INDEX, "tokenizer_config.json", "modules.json"])
def test_json_that_nobody_can_walk(file: str, tmp_path: Path) -> None:
    """One sentence, where a parser would end."""
    model = folder(tmp_path / "m", {})
    deep = '{"a":' * 5000 + "1" + "}" * 5000
    for content in ("", "[" * 100_000, deep, '{"a": "\\ud800"}', "9" * 5000):
        (model / file).write_text(content)
        with pytest.raises(ModelError, match=r"not valid JSON|cannot be used"):
            read(model)


@pytest.mark.parametrize(
    ("arguments", "variables", "sentence"),
    [
        ("--gpus 1x8 --json", {}, "use 4 such GPUs"),
        ("--gpus=", {}, "cannot be read"),
        ("--gpus 1x24", {"device": "tpu"}, "MMHIE_DEVICE"),
        ("--gpus cpu,ram=64", {"device": "cuda"}, "no GPU is visible"),
        ("--gpus 2x80", {"engines": "3"}, "MMHIE_ENGINES is 3, more than this machine has GPUs"),
        ("--gpus 2x80", {"engine_urls": "http://a:1"}, "MMHIE_ENGINE_URLS"),
    ],
)
def test_the_command_refuses_in_one_sentence(
    plan_command: Command, arguments: str, variables: dict[str, str], sentence: str
) -> None:
    """For hardware that is described, before anything is asked of a hub."""
    plan_command.monkeypatch.setenv("HF_HUB_OFFLINE", "1")

    assert sentence in plan_command.refusal(*arguments.split(), **variables)
