"""The fake hub's process and what it has, from a test's side."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.contract.process import ROOT

COMMIT, LATER = "c" * 40, "d" * 40


@dataclass(frozen=True)
class FakeHub:
    """A running hub; `environ` points the hub's client at it, and at an empty cache."""

    root: Path
    url: str

    def add(self, name: str, files: Mapping[str, bytes], commit: str = COMMIT) -> None:
        """Put files there as a commit, which `main` means from now on."""
        for path, body in files.items():
            file = self.root / name / commit / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(body)
        (self.root / name / "refs.json").write_text(json.dumps({"main": commit, "v1": COMMIT}))

    def promise(self, name: str, sizes: Mapping[str, int]) -> None:
        """List files of these sizes, too, in the commit of a repository that was added."""
        (self.root / name / f"{COMMIT}.json").write_text(json.dumps(sizes))

    def fails(self, **faults: Mapping[str, Any]) -> None:
        """Have requests whose path ends so go wrong; no faults heal it."""
        draft = self.root / "faults.new"
        draft.write_text(json.dumps(faults))
        draft.replace(self.root / "faults.json")

    def asked(self, end: str = "") -> list[dict[str, Any]]:
        """The requests so far whose path ends so."""
        log = self.root / "requests.jsonl"
        lines = log.read_text().splitlines() if log.exists() else []
        return [line for line in map(json.loads, lines) if line["path"].endswith(end)]

    def environ(self, home: Path, **more: str) -> dict[str, str]:
        """Variables of a program that knows this hub and nothing else."""
        return {
            "HF_ENDPOINT": self.url,
            "HF_HOME": str(home),
            "HOME": str(home),
            "PATH": "/usr/bin:/bin",
            "MMHIE_CACHE_DIR": str(home / "mmhie"),
            **more,
        }


@contextmanager
def running(root: Path) -> Iterator[FakeHub]:
    """A hub without repositories in this folder."""
    root.mkdir()
    (root / "faults.json").write_text("{}")
    command = [sys.executable, "-m", "tests.fake_hub", str(root)]
    # Wherever the test that asks first has gone.
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield FakeHub(root, f"http://127.0.0.1:{process.stdout.readline().strip()}")
        finally:
            process.terminate()
