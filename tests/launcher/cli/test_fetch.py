"""`mmhie fetch`, the real command, against a hub of our own."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.command import MMHIE, mmhie
from tests.fake_hub import files
from tests.fake_hub.hub import COMMIT, FakeHub

pytestmark = pytest.mark.slow


def fetch(
    hub: FakeHub, home: Path, *arguments: str, **ours: str
) -> subprocess.CompletedProcess[str]:
    return mmhie(home, "fetch", *arguments, **hub.environ(home, **ours))


def test_the_set_model_comes_with_its_base(hub: FakeHub, tmp_path: Path) -> None:
    """The folder is printed, and lines in bytes. The embedded model needs no hub."""
    done = fetch(hub, tmp_path, "--json", MMHIE_REASONER_MODEL="an/adapter")
    document = json.loads(done.stdout)

    assert done.returncode == 0, done.stderr
    assert (Path(document["folder"]).name, document["base"]) == (COMMIT, "a/b")
    assert "==> Fetching a/b: 0.75 of 0.75 MiB" in done.stderr
    assert fetch(hub, tmp_path, "an/adapter").stdout.strip() == document["folder"]
    assert fetch(hub, tmp_path, "embedded").stdout.endswith(".gguf\n")


def test_a_damaged_file_is_found_and_removed(hub: FakeHub, tmp_path: Path) -> None:
    """The right length is not the right bytes; the next run fetches it anew. Exit code 2, and 75
    where the hub does not answer."""
    hub.fails(**{files.SHARDS[0]: {"spoil": True}})
    spoilt = fetch(hub, tmp_path, "a/b")
    hub.fails(**{"models/a/b": {"status": 503}})
    later = fetch(hub, tmp_path, "a/b")
    hub.fails()

    assert (spoilt.returncode, later.returncode) == (2, 75)
    assert "damaged" in spoilt.stderr
    assert later.stderr == "The hub answers 503 for a/b: start again later.\n"
    assert fetch(hub, tmp_path, "a/b").returncode == 0


def test_another_process_is_waited_for(hub: FakeHub, tmp_path: Path) -> None:
    """An engine beside a job that fetches sees a part and goes on at the whole."""
    command = [str(MMHIE), "fetch", "a/b", "--wait"]
    offline = hub.environ(tmp_path, HF_HUB_OFFLINE="1")
    with subprocess.Popen(
        command, env=offline, cwd=tmp_path, stdout=-1, stderr=-1, text=True
    ) as waiting:
        assert waiting.stdout is not None
        assert waiting.stderr is not None
        said = waiting.stderr.readline()
        fetched = fetch(hub, tmp_path, "a/b")

        assert "a/b is not in the hub cache" in said
        assert waiting.stdout.read() == fetched.stdout
    assert waiting.returncode == 0
