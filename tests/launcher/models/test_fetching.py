"""A model fetched from a hub that works, and from one that does not: whole, or a sentence."""

from __future__ import annotations

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

from launcher.errors import HubError, HubUnavailable, LauncherError, ModelError
from launcher.models import fetching, hub_client
from launcher.models.fetching import Fetched
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
    told: Callable[[str, float | None], object] = lambda *_: None,
    **ours: Any,
) -> Fetched:
    chosen = settings(reasoner_model=model, **ours)
    return fetching.fetch(chosen, cache, told, update=update)


def content(folder: Path) -> dict[str, bytes]:
    paths = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def whole() -> dict[str, bytes]:
    return {name: MODEL[name] for name in WANTED}


def test_a_model_comes_without_its_copies(hub: FakeHub, cache: Path) -> None:
    """Each weight once; a second run asks nobody."""
    told: list[tuple[str, float | None]] = []
    fetched = fetch(cache, told=lambda *step: told.append(step))
    asked = len(hub.asked())

    assert content(fetched.folder) == whole()
    assert ("Fetching a/b: 0.75 of 0.75 MiB", 1.0) in told
    assert told[-1] == ("Checking a/b: 0.75 of 0.75 MiB", 1.0)
    assert fetch(cache) == fetched
    assert len(hub.asked()) == asked


def test_an_adapter_brings_its_base_and_both_are_pinned(hub: FakeHub, cache: Path) -> None:
    """Engine and provenance are told a commit of each."""
    before = facts("an/adapter", cache, ask_hub=True)
    fetched = fetch(cache, "an/adapter")
    tuned = facts("an/adapter", cache)

    assert (before.revision, before.missing) == (COMMIT, ("all of its files",))
    assert before.lacks
    assert before.adapter is not None
    assert (before.adapter.revision, before.adapter.source) == (COMMIT, str(fetched.folder))
    assert fetched.base == "a/b"
    assert tuned.adapter is not None
    assert (tuned.revision, tuned.adapter.revision, tuned.lacks) == (COMMIT, COMMIT, ())


@pytest.mark.parametrize(
    "fault",
    [
        {"after": 100_000, "times": 2},
        {"after": 100_000, "stall": 9, "times": 1},
        {"status": 503, "times": 2},
        {"spoil": True, "times": 1},
        {"says": 9_000_000, "times": 1, "after": 500},
        {"after": 100_000, "times": 3, "ignores_range": True},
    ],
    ids=["cut", "stalls", "503", "spoilt", "too long", "no ranges"],
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
    monkeypatch.setattr(hub_client, "PAUSES_S", (0,))
    monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 10_000)  # of 10 MB a cut takes the last
    with pytest.raises(HubUnavailable, match="what came is kept, and the next run resumes it"):
        fetch(cache)
    hub.fails()

    assert content(fetch(cache).folder) == whole()
    assert hub.asked(SHARDS[1])[-1]["range"] == "bytes=100000-"


def test_an_answer_without_end_is_ended(hub: FakeHub, cache: Path) -> None:
    """At the listed size: a broken mirror fills no disk."""
    hub.fails(**{SHARDS[0]: {"repeats": 3}})

    with pytest.raises(HubUnavailable, match="sends more of a file than it lists"):
        fetch(cache)


@pytest.mark.parametrize(
    ("fault", "model", "ours", "sentence"),
    [
        ({SHARDS[0]: {"spoil": True}}, "a/b", {}, "was damaged on its way twice"),
        (
            {SHARDS[0]: {"status": 404, "code": "EntryNotFound"}},
            "a/b",
            {},
            "does not have all that it lists",
        ),
        ({"config.json": {"status": 401, "code": "GatedRepo"}}, "a/b", {}, "a/b is gated: accept"),
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


def test_weights_that_change_under_a_running_fetch(hub: FakeHub, cache: Path) -> None:
    """The commit that was listed is the one that comes, though main moves on meanwhile."""
    later = files.model(fill=7)

    def told(_: str, part: float | None) -> None:
        if part and not (hub.root / "a/b" / LATER).exists():
            hub.add("a/b", later, LATER)

    first = fetch(cache, told=told)

    assert content(first.folder) == whole()
    assert fetch(cache) == first
    assert content(fetch(cache, update=True).folder) == {name: later[name] for name in WANTED}
    assert content(fetch(cache, reasoner_revision="v1").folder) == whole()


def test_a_half_model_is_never_taken_as_whole(
    hub: FakeHub, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Configuration, index and one shard of three, whatever was noted when it had them all."""
    folder = fetch(cache).folder
    for shard in SHARDS[1:]:
        (folder / shard).resolve().unlink()
        (folder / shard).unlink()
    half = facts("a/b", cache)

    assert (half.local, half.source) == (False, "a/b")
    assert (half.missing, half.revision) == (SHARDS[1:], COMMIT)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(ModelError, match=f"lacks {SHARDS[1]}, {SHARDS[2]}: run `mmhie fetch a/b`"):
        facts("a/b", cache)
    with pytest.raises(HubError, match="HF_HUB_OFFLINE=0"):
        fetch(cache)
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    assert content(fetch(cache).folder) == whole()


def test_a_model_from_elsewhere_needs_no_hub(
    hub: FakeHub, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The names of the blobs are digests: in an air gap they are compared all the same, and what
    was changed is fetched anew where there is a hub."""
    folder = fetch(cache).folder
    shard = folder / SHARDS[0]
    shutil.rmtree(folder.parents[1] / ".mmhie")
    (folder.parents[1] / ".mmhie").touch()  # as on a disk that takes no file
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")

    assert fetch(cache).folder == folder
    (folder.parents[1] / ".mmhie").unlink()
    assert fetch(cache).folder == folder
    shard.resolve().write_bytes(shard.read_bytes()[:-1] + b"X")
    with pytest.raises(HubError, match="a/b"):
        fetch(cache)
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    assert content(fetch(cache).folder) == whole()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (b'{"weight_map": {"layer.0": "../S0"}}', "which is no file beside it"),
        (b'{"weight_map": {"layer.0": "S9"}}', "which the hub does not have"),
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
    """Its matrices do not fit, and the sentence comes before the engine; nothing is to be fetched
    for a base that is an adapter itself."""
    hub.add("an/adapter", files.adapter(width=128))
    fetch(cache, "an/adapter")

    with pytest.raises(ModelError, match=r"was made for another model than .* width 128"):
        facts("an/adapter", cache)
    hub.add("an/other", files.adapter())
    with pytest.raises(ModelError, match=r"an/other is an adapter itself: set MMHIE_BASE_MODEL"):
        facts("an/adapter", cache, ask_hub=True, base_model="an/other")


def test_a_second_fetcher_waits_and_says_so(hub: FakeHub, cache: Path) -> None:
    """And a holder that dies leaves the lock free."""
    lock = cache / "models--a--b" / ".mmhie" / "lock"
    lock.parent.mkdir(parents=True)
    command = [sys.executable, "-c", HOLD, str(lock)]
    told: list[tuple[str, float | None]] = []
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        watched = {"told": lambda *step: told.append(step)}
        second = threading.Thread(target=fetch, args=(cache,), kwargs=watched)
        second.start()
        while not told:
            time.sleep(0.01)
        assert told == [("Waiting for another process that fetches a/b", None)]
        assert not hub.asked(".safetensors")
        holder.kill()
        second.join()

    assert content(fetch(cache).folder) == whole()


def test_where_nothing_can_be_fetched(
    hub: FakeHub, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file stands where the cache should be; the hub is not there, and later it may be: exit code
    75."""
    cache.write_text("")
    with pytest.raises(ModelError, match=r"cannot be .* set HF_HOME"):
        fetch(cache)
    cache.unlink()
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")

    with pytest.raises(HubUnavailable, match="check the network, HTTPS_PROXY and HF_ENDPOINT"):
        fetch(cache)
    assert HubUnavailable.exit_code == 75
