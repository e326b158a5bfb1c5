"""`mmhie plan`, the real command, for models at a hub and in folders that are not whole."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from launcher.errors import LauncherError, ModelError
from launcher.models.config import from_config
from launcher.models.facts import ModelFacts
from launcher.models.families import GPT_OSS_20B
from launcher.planning.hardware import GIB
from launcher.planning.weights import weight_bytes
from tests.command import Command
from tests.fake_hub.files import CONFIG, INDEX, SHARDS
from tests.fake_hub.hub import COMMIT, FakeHub, running
from tests.fake_hub.repositories import REPOSITORIES
from tests.launcher import plans
from tests.launcher.plans import facts
from tests.sparse import sparse_weights

DEFAULT = "dousery/medical-reasoning-gpt-oss-20b"
CHAT_MODELS = [
    name for name, repository in REPOSITORIES.items() if repository.description == "config.json"
]
CONSOLIDATED = "consolidated.safetensors"


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


Plan = Callable[..., dict[str, Any]]


@pytest.fixture
def plan(plan_command: Command) -> Plan:
    """`plan(model)`: what the command prints as JSON."""

    def of(model: str, **variables: Any) -> dict[str, Any]:
        out, _ = plan_command.run("--json", "--gpus", "1xl4", reasoner_model=model, **variables)
        document: dict[str, Any] = json.loads(out)
        return document

    return of


def folder(path: Path, sizes: Mapping[str, int], **config: Any) -> Path:
    """A model's folder with sparse files of these sizes, and entries beside a plain one's."""
    path.mkdir()
    (path / "config.json").write_text(json.dumps({**CONFIG, **config}))
    for name, size in sizes.items():
        sparse_weights(path / name, size)
    return path


def index(path: Path, shards: tuple[str, ...] = SHARDS) -> None:
    names = {f"layer.{number}": shard for number, shard in enumerate(shards)}
    content = {"metadata": {"total_size": 28 * GIB}, "weight_map": names}
    (path / INDEX).write_text(json.dumps(content))


@pytest.mark.parametrize("name", CHAT_MODELS)
def test_weights_at_the_hub_count_once(name: str, online: FakeHub) -> None:
    """Copies for other programs, other formats and other layouts are not added to them."""
    if not REPOSITORIES[name].config:
        with pytest.raises(ModelError, match=r"holds GGUF files and no config\.json: set"):
            read(name)
        return
    assert read(name).weight_bytes == REPOSITORIES[name].weight_bytes


@pytest.mark.parametrize("name", [name for name in CHAT_MODELS if REPOSITORIES[name].config])
def test_the_lists_agree_with_the_shapes(name: str) -> None:
    """The sizes that are from memory add up to what the configuration says, or to that and eyes."""
    model = from_config(REPOSITORIES[name].config, source=name)
    counted = weight_bytes(model, model.quantization, "auto")
    ratio = REPOSITORIES[name].weight_bytes / counted

    assert (1 < ratio < 1.1) if model.is_multimodal else ratio == pytest.approx(1, abs=0.002)


def test_the_first_start_on_24_gb(plan: Plan, request: pytest.FixtureRequest) -> None:
    """The default model fits, with a hub as without one."""
    known = plan(DEFAULT)["memory"]
    request.getfixturevalue("online")
    memory = plan(DEFAULT)["memory"]

    assert memory["fits"]
    assert (memory["weights_gib"], memory["weights_per_gpu_gib"]) == (13.67, 13.67)
    assert memory["max_concurrent"] == pytest.approx(known["max_concurrent"], abs=1)


def test_the_commits_of_what_would_run(online: FakeHub, plan: Plan) -> None:
    """Of the base, the adapter, and the folder in which they are merged: a new one is another."""
    merged, served = plan(DEFAULT), plan(DEFAULT, merge_adapter="false")

    for made in (merged, served):
        assert (made["revision"], made["adapter_revision"]) == (COMMIT, COMMIT)
    short = COMMIT[:12]
    assert merged["argv"][2].endswith(f"-gpt-oss-20b-{short}-{short}-merge")
    assert f"--revision {COMMIT}" in " ".join(served["argv"])
    assert f"/snapshots/{COMMIT}" in " ".join(served["argv"])


LISTED: list[tuple[dict[str, Any], str]] = [
    ({"sizes": {"README.md": -5}}, r"does not answer as a model hub does"),
    ({"sizes": {"README.md": "1"}}, r"does not answer as a model hub does"),
]


@pytest.mark.parametrize(("fault", "sentence"), LISTED)
def test_a_listing_that_is_wrong(fault: dict[str, Any], sentence: str, online: FakeHub) -> None:
    """One sentence, before anything is planned with it."""
    online.fails(**{f"models/{GPT_OSS_20B}": fault})

    with pytest.raises(LauncherError, match=sentence) as refused:
        read(GPT_OSS_20B)
    assert refused.value.exit_code == 2


def test_a_folder_of_gguf_files(tmp_path: Path) -> None:
    """One of them has to be chosen."""
    (tmp_path / "x.gguf").touch()

    with pytest.raises(ModelError, match=r"holds GGUF files and no config\.json: set MMHIE_"):
        read(tmp_path)


def test_a_repository_without_a_model(online: FakeHub) -> None:
    """A data set's name, for one."""
    online.add("a/set", {"train.parquet": b"PAR1"})

    with pytest.raises(ModelError, match=r"a/set has no config\.json, so it is not a model"):
        read("a/set")


def test_one_shard_of_three(plan_command: Command, tmp_path: Path) -> None:
    """It does not fit, whatever it would take: the rest is not there."""
    model = folder(tmp_path / "m", {SHARDS[1]: GIB})
    index(model)
    code, out, refusal = plan_command("--json", "--gpus", "1xl4", reasoner_model=str(model))

    assert (code, refusal.count("\n")) == (2, 1)
    assert f"{model} lacks {SHARDS[0]}, {SHARDS[2]}: give a whole folder" in refusal
    memory = json.loads(out)["memory"]
    assert (memory["fits"], memory["starts"]) == (False, False)


def test_many_missing_shards_are_counted(tmp_path: Path) -> None:
    """Nobody reads a hundred names."""
    model = read(folder(tmp_path / "m", {"model-00001-of-00099.safetensors": GIB}))
    said = str(plans.plan("1x80", model=model, strict=False).refusal)

    assert said.endswith("model-00005-of-00099.safetensors and 94 more: give a whole folder.")


def test_shards_without_an_index_count_themselves(tmp_path: Path) -> None:
    """Each says how many there are, from 1 or, as gpt-oss has them, from 0."""
    model = folder(tmp_path / "m", {SHARDS[1]: GIB})
    zero = folder(tmp_path / "z", {"model-00000-of-00001.safetensors": GIB})

    assert read(model).missing == (SHARDS[0], SHARDS[2])
    assert read(zero).missing == ("model-00001-of-00001.safetensors",)


def test_the_size_of_half_a_model(tmp_path: Path) -> None:
    """The shape says what the weights take, whatever the index says."""
    model = folder(tmp_path / "m", {SHARDS[1]: GIB})
    index(model)

    assert read(model).weight_bytes is None


def test_mistrals_two_layouts_count_once(tmp_path: Path) -> None:
    """With an index and without; the engine is told which one to read."""
    sizes = dict.fromkeys(SHARDS, 5 * GIB)
    model = folder(tmp_path / "m", {**sizes, CONSOLIDATED: 15 * GIB})
    without = read(model)
    index(model)
    made = plans.plan("1x80", model=read(model))

    assert without.weight_bytes == made.model.weight_bytes == 15 * GIB
    assert "--config-format hf --load-format hf" in " ".join(made.argv)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({SHARDS[0]: 0}, f"{SHARDS[0]} is not a complete safetensors file: fetch it again"),
        ({INDEX: 0}, "The index of .* cannot be used"),
    ],
)
def test_files_that_are_empty(change: dict[str, int], sentence: str, tmp_path: Path) -> None:
    """A download that broke off, and a disk that was full."""
    model = folder(tmp_path / "m", dict.fromkeys(SHARDS, 1000) | change)

    with pytest.raises(ModelError, match=sentence):
        read(model)


@pytest.mark.parametrize("size", [4, 50, GIB - 1])
def test_a_copy_that_was_cut(plan_command: Command, size: int, tmp_path: Path) -> None:
    """Inside its length, its header or its tensors; the header says how long a file is."""
    model = folder(tmp_path / "m", dict.fromkeys(SHARDS, GIB))
    os.truncate(model / SHARDS[1], size)

    refusal = plan_command.refusal("--gpus", "1xl4", reasoner_model=str(model))

    assert refusal.startswith(f"{SHARDS[1]} is ")


@pytest.mark.parametrize(
    "shard", ["../../etc/passwd", "", ".", "a" * 400, "a\0b", "/etc/passwd", "\ud800", 5, None]
)
def test_an_index_of_files_elsewhere(shard: Any, tmp_path: Path) -> None:
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
    for content in ("[" * 100_000, deep, '{"a": "\\ud800"}', "9" * 5000):
        (model / file).write_text(content)
        with pytest.raises(ModelError, match=r"not valid JSON|cannot be used"):
            read(model)


@pytest.mark.parametrize(
    ("arguments", "variables", "sentence"),
    [
        ("--gpus 1x8 --json", {}, "use 4 such GPUs"),
        ("--gpus lots", {}, "cannot be read"),
        ("--gpus=", {}, "cannot be read"),
        ("--gpus 1x24", {"device": "tpu"}, "MMHIE_DEVICE"),
        ("--gpus cpu,ram=64", {"device": "cuda"}, "no GPU is visible"),
        ("--gpus 1x24", {"reasoner_model": "org/unknown"}, "mmhie fetch org/unknown"),
        ("--gpus 4x80", {"tensor_parallel": "3"}, "possible sizes"),
        ("--gpus 2x80", {"engines": "3"}, "MMHIE_ENGINES is 3"),
        ("--gpus 2x80", {"engine_urls": "http://a:1"}, "MMHIE_ENGINE_URLS"),
    ],
)
def test_the_command_refuses_in_one_sentence(
    plan_command: Command, arguments: str, variables: dict[str, str], sentence: str
) -> None:
    """For hardware that is described, before anything is asked of a hub."""
    plan_command.monkeypatch.setenv("HF_HUB_OFFLINE", "1")

    assert sentence in plan_command.refusal(*arguments.split(), **variables)
