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
    """The folder is printed, and lines in bytes; no traceback."""
    done = fetch(hub, tmp_path, "--json", MMHIE_REASONER_MODEL="an/adapter")
    document = json.loads(done.stdout)

    assert done.returncode == 0, done.stderr
    assert (Path(document["folder"]).name, document["base"]) == (COMMIT, "a/b")
    assert "==> Fetching a/b: 0.75 of 0.75 MiB" in done.stderr
    assert fetch(hub, tmp_path, "an/adapter").stdout.strip() == document["folder"]


def test_a_damaged_file_is_found_and_removed(hub: FakeHub, tmp_path: Path) -> None:
    """The right length is not the right bytes; the next run fetches it anew."""
    hub.fails(**{files.SHARDS[0]: {"spoil": True}})
    spoilt = fetch(hub, tmp_path, "a/b")
    hub.fails()

    assert spoilt.returncode == 2
    assert "damaged" in spoilt.stderr
    assert fetch(hub, tmp_path, "a/b").returncode == 0


def test_exit_codes_tell_later_from_never(hub: FakeHub, tmp_path: Path) -> None:
    """75 when the hub does not answer, 2 when it says no; one sentence each."""
    hub.fails(**{"models/a/b": {"status": 503}})
    later, never = fetch(hub, tmp_path, "a/b"), fetch(hub, tmp_path, "no/such")

    assert (later.returncode, never.returncode) == (75, 2)
    assert later.stderr == "The hub answers 503 for a/b: start again later.\n"
    assert never.stderr.count("\n") == 1


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


def test_what_is_here_already_needs_no_hub(tmp_path: Path) -> None:
    """The embedded model and a folder are told where they are."""
    nowhere = FakeHub(tmp_path, "http://127.0.0.1:9")
    (tmp_path / "model").mkdir()
    embedded, folder = fetch(nowhere, tmp_path, "embedded"), fetch(nowhere, tmp_path, "./model")

    assert embedded.returncode == folder.returncode == 0, (embedded.stderr, folder.stderr)
    assert Path(embedded.stdout.strip()).suffix == ".gguf"
    assert folder.stdout.strip() == "model"
