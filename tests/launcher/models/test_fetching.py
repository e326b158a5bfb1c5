"""A model fetched from a hub that works, and from one that does not: whole, or a sentence."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import constants

from launcher.errors import HubError, HubUnavailable, LauncherError, ModelError, NotEnoughDisk
from launcher.models import download, fetching, snapshot
from launcher.models.fetch_progress import Progress
from launcher.models.fetching import Fetched
from launcher.models.hub_client import HubFile, Listing
from launcher.models.wanted_files import choose_files
from tests.fake_hub import files
from tests.fake_hub.files import INDEX, SHARDS
from tests.fake_hub.hub import COMMIT, LATER, FakeHub
from tests.launcher.plans import facts, settings

MODEL = files.model()
Fault = Mapping[str, Any]
HOLD = """
import fcntl, sys
with open(sys.argv[1], "w") as lock:
    fcntl.flock(lock, fcntl.LOCK_EX)
    print("held", flush=True)
    input()
"""
WANTED = {"config.json", "tokenizer.json", INDEX, *SHARDS}


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def fetch(
    cache: Path,
    model: str = "a/b",
    *,
    update: bool = False,
    told: Callable[[Progress], None] = lambda _: None,
    **ours: Any,
) -> Fetched:
    chosen = settings(reasoner_model=model, **ours)
    return fetching.fetch(chosen, cache, told, update=update)


def content(folder: Path) -> dict[str, bytes]:
    paths = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def find(cache: Path, name: str) -> Path:
    """The folder of what `main` means in the hub's cache."""
    fetched = snapshot.find(cache, name, None)
    assert fetched is not None
    return fetched.folder


def whole() -> dict[str, bytes]:
    return {name: MODEL[name] for name in WANTED}


def test_a_model_comes_without_its_copies(hub: FakeHub, cache: Path) -> None:
    """Each weight once; a second run asks nobody."""
    told: list[Progress] = []
    fetched = fetch(cache, told=told.append)
    asked = len(hub.asked())

    assert content(fetched.folder) == whole()
    assert told[-1].done == told[-1].total == sum(map(len, whole().values()))
    assert fetch(cache) == fetched
    assert len(hub.asked()) == asked


def test_an_adapter_brings_its_base_and_both_are_pinned(hub: FakeHub, cache: Path) -> None:
    """Engine and provenance are told a commit of each."""
    before = facts("an/adapter", cache, ask_hub=True)
    fetched = fetch(cache, "an/adapter")
    tuned = facts("an/adapter", cache)

    assert (before.revision, before.missing) == (COMMIT, ("all of its files",))
    assert not before.is_whole
    assert before.adapter is not None
    assert (before.adapter.revision, before.adapter.source) == (COMMIT, str(fetched.folder))
    assert fetched.base == "a/b"
    assert tuned.adapter is not None
    assert (tuned.revision, tuned.adapter.revision, tuned.is_whole) == (COMMIT, COMMIT, True)


def test_a_draft_model_is_fetched_by_its_name(hub: FakeHub, cache: Path) -> None:
    """It cannot chat, and an engine that is offline finds it in the cache."""
    drafted = files.draft()
    hub.add("a/draft", drafted)
    fetch(cache, "a/draft")

    assert content(find(cache, "a/draft")) == drafted


@pytest.mark.parametrize(
    "fault",
    [
        {"after": 100_000, "times": 2},
        {"after": 100_000, "stall": 9, "times": 1},
        {"status": 503, "times": 2},
        {"status": 429, "times": 1},
        {"spoil": True, "times": 1},
        {"says": 1000, "times": 2},
        {"says": 9_000_000, "times": 1, "after": 500},
        {"after": 100_000, "times": 3, "ignores_range": True},
    ],
    ids=["cut", "stalls", "503", "429", "spoilt", "too short", "too long", "no ranges"],
)
def test_a_bad_moment_of_the_hub_is_survived(
    hub: FakeHub, cache: Path, fault: Fault, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It ends whole, with the bytes that the index and the digests promise."""
    hub.fails(**{SHARDS[1]: fault})
    if "stall" in fault:
        monkeypatch.setattr(constants, "HF_HUB_DOWNLOAD_TIMEOUT", 3)

    assert content(fetch(cache).folder) == whole()


def test_what_came_is_resumed_by_the_next_run(
    hub: FakeHub, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hub that sends nothing more ends the run after some attempts; what came is not lost."""
    hub.fails(**{SHARDS[1]: {"until": 100_000}})
    monkeypatch.setattr(download, "ATTEMPTS", 2)
    with pytest.raises(HubUnavailable, match="what came is kept, and the next run resumes it"):
        fetch(cache)
    hub.fails()

    assert content(fetch(cache).folder) == whole()
    assert hub.asked(SHARDS[1])[-1]["range"] == "bytes=100000-"


@pytest.mark.parametrize(
    ("fault", "model", "ours", "sentence"),
    [
        ({SHARDS[0]: {"spoil": True}}, "a/b", {}, "was damaged on its way twice"),
        ({SHARDS[0]: {"status": 404}}, "a/b", {}, "does not have all that it lists"),
        ({SHARDS[0]: {"status": 403}}, "a/b", {}, "HF_TOKEN"),
        ({"config.json": {"status": 401, "code": "GatedRepo"}}, "a/b", {}, "a/b is gated: accept"),
        ({"models/a/b": {"sizes": {SHARDS[0]: 1000}}}, "a/b", {}, "was damaged on its way"),
        (
            {"models/a/b": {"sizes": {SHARDS[0]: 900_000}}},
            "a/b",
            {},
            "does not have all that it lists",
        ),
        ({}, "no/such", {}, "correct the name, or set HF_TOKEN"),
        ({}, "a/b", {"reasoner_revision": "v9"}, "no revision v9"),
        ({}, "an/adapter", {"base_revision": "v9"}, "MMHIE_BASE_REVISION"),
        ({}, "/no/such/folder", {}, "neither on this machine nor a hub id"),
    ],
)
def test_what_the_hub_will_not_give_is_one_sentence(
    hub: FakeHub, cache: Path, fault: Fault, model: str, ours: dict[str, Any], sentence: str
) -> None:
    """With its remedy; nothing that is wrong is left to be taken for right."""
    hub.fails(**fault)

    with pytest.raises(HubError, match=sentence):
        fetch(cache, model, **ours)
    assert not list(cache.rglob("refs/main"))


def test_nothing_is_reported_after_an_error(hub: FakeHub, cache: Path) -> None:
    """Its sentence is the last line, though another file is still on its way."""
    hub.fails(**{SHARDS[0]: {"status": 403}, SHARDS[1]: {"after": 50_000, "stall": 1, "times": 1}})
    told: list[Progress] = []
    with pytest.raises(HubError, match="HF_TOKEN"):
        fetch(cache, told=told.append)
    before = list(told)
    digest = hashlib.sha256(MODEL[SHARDS[1]]).hexdigest()
    target = download.partial_path(cache / "models--a--b" / "blobs" / digest)
    while download.length(target) <= 50_000 and target.exists():
        time.sleep(0.01)

    assert told == before


def test_weights_that_change_under_a_running_fetch(hub: FakeHub, cache: Path) -> None:
    """The commit that was listed is the one that comes, though main moves on meanwhile."""
    later = files.model(fill=7)

    def told(progress: Progress) -> None:
        if progress.done and not (hub.root / "a/b" / LATER).exists():
            hub.add("a/b", later, LATER)

    first = fetch(cache, told=told)

    assert content(first.folder) == whole()
    assert fetch(cache) == first
    assert content(fetch(cache, update=True).folder) == {name: later[name] for name in WANTED}
    assert content(fetch(cache, reasoner_revision="v1").folder) == whole()


def test_a_disk_without_links_has_each_file_once(
    hub: FakeHub, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client copies there; the first copy of a large file is removed."""
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_SYMLINKS", True)
    fetched = fetch(cache)

    assert content(fetched.folder) == whole()
    assert not list((cache / "models--a--b" / "blobs").iterdir())
    assert fetch(cache) == fetched


def test_a_half_model_is_never_taken_as_whole(
    hub: FakeHub, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Configuration, index and one shard of three, whatever was noted when it had them all."""
    folder = fetch(cache).folder
    for shard in SHARDS[1:]:
        (folder / shard).resolve().unlink()
        (folder / shard).unlink()
    half = facts("a/b", cache)

    assert (half.is_whole, half.local, half.source) == (False, False, "a/b")
    assert (half.missing, half.revision) == (SHARDS[1:], COMMIT)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(ModelError, match=f"lacks {SHARDS[1]}, {SHARDS[2]}: run `mmhie fetch a/b`"):
        facts("a/b", cache)
    with pytest.raises(HubError, match="HF_HUB_OFFLINE=0"):
        fetch(cache)
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    assert content(fetch(cache).folder) == whole()


def test_what_another_program_fetched_is_checked_once(hub: FakeHub, cache: Path) -> None:
    """A changed byte is found without the stamp; with it, nothing is read again."""
    folder = fetch(cache).folder
    shard = folder / SHARDS[0]
    (folder.parents[1] / ".mmhie" / f"{COMMIT}.json").unlink()
    shard.resolve().write_bytes(shard.read_bytes()[:-1] + b"X")

    assert not facts("a/b", cache).is_whole
    assert content(fetch(cache).folder) == whole()
    assert facts("a/b", cache).is_whole


def test_a_model_from_elsewhere_needs_no_hub(
    hub: FakeHub, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The names of the blobs are digests: in an air gap they are compared all the same."""
    folder = fetch(cache).folder
    stamp = folder.parents[1] / ".mmhie" / f"{COMMIT}.json"
    stamp.unlink()
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")

    assert fetch(cache).folder == folder
    assert stamp.is_file()
    stamp.unlink()
    shard = (folder / SHARDS[0]).resolve()
    shard.write_bytes(shard.read_bytes()[:-1] + b"X")
    with pytest.raises(HubError, match="a/b"):
        fetch(cache)


def test_where_no_stamp_can_be_written_it_is_compared_again(
    hub: FakeHub, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a volume that engines may only read: whole, though nothing can say that it was seen."""
    folder = fetch(cache).folder
    shutil.rmtree(folder.parents[1] / ".mmhie")
    (folder.parents[1] / ".mmhie").touch()
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    tuned = facts("a/b", cache)

    assert fetch(cache).folder == folder
    assert (tuned.lacks, tuned.is_whole) == ((), False)


def test_room_for_all_of_it_is_looked_for_first(
    hub: FakeHub, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Base and adapter together, before the first weight is asked for."""
    hub.fails(**{"models/a/b": {"sizes": {SHARDS[2]: 10**18}}})

    with pytest.raises(NotEnoughDisk, match=r"have to be fetched and .* HF_HOME"):
        fetch(cache, "an/adapter")
    assert not hub.asked(".safetensors")


@pytest.mark.parametrize(
    ("other_disk", "sentence"),
    [
        (None, r"have to be fetched, .* GiB of merged .* set HF_HOME or MMHIE_CACHE_DIR to"),
        ("/dev/shm", r"merged weights are made of what is fetched and /dev/shm has .* set MMHIE_C"),
    ],
)
def test_room_for_what_is_made_of_it(
    hub: FakeHub, cache: Path, other_disk: str | None, sentence: str
) -> None:
    """A merge that could not be written is known before anything is fetched for it."""
    chosen = settings(reasoner_model="an/adapter", cache_dir=other_disk or cache.parent / "made")

    def fetch_for(merged: int) -> Fetched:
        return fetching.fetch(chosen, cache, lambda _: None, merged=merged)

    with pytest.raises(NotEnoughDisk, match=sentence):
        fetch_for(10**18)
    assert not hub.asked(".safetensors")
    fetch_for(1)
    assert fetch_for(10**18).base == "a/b"  # nothing is left to fetch


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (b'{"weight_map": {"layer.0": "../S0"}}', "which is no file beside it"),
        (b'{"weight_map": {"layer.0": "S9"}}', "which the hub does not have"),
        (b'{"weight_map": {"layer.7": "S0"}}', "lacks layer.7"),
        (b"[]", "cannot be used"),
    ],
)
def test_an_index_that_is_wrong(hub: FakeHub, cache: Path, change: bytes, sentence: str) -> None:
    """Said before an engine would trip over it."""
    for number, shard in enumerate(SHARDS):
        change = change.replace(b"S%d" % number, shard.encode())
    hub.add("a/b", {**MODEL, INDEX: change})

    with pytest.raises(LauncherError, match=sentence):
        fetch(cache)


def test_an_adapter_for_another_base(hub: FakeHub, cache: Path) -> None:
    """Its matrices do not fit, and the sentence comes before the engine."""
    hub.add("an/adapter", files.adapter(width=128))
    fetch(cache, "an/adapter")

    with pytest.raises(ModelError, match=r"was made for another model than .* width 128"):
        facts("an/adapter", cache)


def test_a_base_that_is_an_adapter(hub: FakeHub, cache: Path) -> None:
    """Nothing is to be fetched for that."""
    hub.add("an/other", files.adapter())

    with pytest.raises(ModelError, match=r"an/other is an adapter itself: set MMHIE_BASE_MODEL"):
        facts("an/adapter", cache, ask_hub=True, base_model="an/other")


def test_a_description_that_is_spoilt(hub: FakeHub, cache: Path) -> None:
    """The hub is named, and no file of ours."""
    hub.fails(**{"config.json": {"spoil": True}})

    with pytest.raises(HubError, match=r"The hub's config\.json of a/b is damaged"):
        facts("a/b", cache, ask_hub=True)


def test_a_second_fetcher_waits_and_says_so(hub: FakeHub, cache: Path) -> None:
    """And a holder that dies leaves the lock free."""
    lock = cache / "models--a--b" / ".mmhie" / "lock"
    lock.parent.mkdir(parents=True)
    command = [sys.executable, "-c", HOLD, str(lock)]
    told: list[Progress] = []
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        second = threading.Thread(target=fetch, args=(cache,), kwargs={"told": told.append})
        second.start()
        while not told:
            time.sleep(0.01)
        assert told == [Progress("Waiting for another process that fetches a/b")]
        assert not hub.asked(".safetensors")
        holder.kill()
        second.join()

    assert content(fetch(cache).folder) == whole()


def test_a_disk_that_cannot_be_written(hub: FakeHub, cache: Path, tmp_path: Path) -> None:
    """A file where the cache should be: root, who runs tests in a container, may write anywhere."""
    cache.write_text("")

    with pytest.raises(ModelError, match=r"cannot be .* set HF_HOME"):
        fetch(cache)


def test_a_hub_that_is_not_there(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Later it may be: exit code 75."""
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")

    with pytest.raises(HubUnavailable, match="check the network, HTTPS_PROXY and HF_ENDPOINT"):
        fetch(cache)
    assert HubUnavailable.exit_code == 75


def test_an_old_training_state_is_no_weight(tmp_path: Path) -> None:
    """Only what an engine reads is chosen."""
    names = ["adapter_model.safetensors", "training_args.bin", "checkpoint-500/optimizer.pt"]
    listed = tuple(HubFile(name, 1, "0" * 40) for name in [*names, "README.md"])
    files = choose_files(Listing("a/b", COMMIT, listed), tmp_path)

    assert [file.path for file in files] == ["adapter_model.safetensors", "README.md"]
