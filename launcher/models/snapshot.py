"""A model's files at one commit in the hub client's cache, and the stamp of their check."""

import contextlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A commit of a repository; its stamp shows that its files matched their digests."""

    repository: Path
    commit: str

    @property
    def folder(self) -> Path:
        """The folder that the engine is given."""
        return self.repository / "snapshots" / self.commit

    @property
    def is_checked(self) -> bool:
        """Return whether there is a stamp, and every file in it has the recorded length."""
        try:
            sizes: dict[str, int] = json.loads(self._stamp.read_text())
            return all((self.folder / path).stat().st_size == sizes[path] for path in sizes)
        except (OSError, ValueError):
            return False

    def stamp(self, files: Iterable[Path]) -> None:
        """Write the stamp; on a read-only disk there is none, and the next start checks again."""
        sizes = {str(file.relative_to(self.folder)): file.stat().st_size for file in sorted(files)}
        with contextlib.suppress(OSError):
            self._stamp.parent.mkdir(exist_ok=True)
            draft = self._stamp.with_suffix(".new")
            draft.write_text(json.dumps(sizes, indent=1))
            draft.replace(self._stamp)

    @property
    def _stamp(self) -> Path:
        return self.repository / ".mmhie" / f"{self.commit}.json"

    def name(self, revision: str | None) -> None:
        """Point this branch or tag at this commit. (The client would do it before all is here.)"""
        if revision == self.commit:
            return
        reference = self.repository / "refs" / (revision or "main")
        reference.parent.mkdir(parents=True, exist_ok=True)
        reference.write_text(self.commit)


def repository(hub: Path, name: str) -> Path:
    """Return the folder of a hub id in the hub client's cache."""
    return hub / f"models--{name.replace('/', '--')}"


def find(hub: Path, name: str, revision: str | None) -> Snapshot | None:
    """Return the snapshot of a hub id, complete or not; None if the cache has nothing of it."""
    folder = repository(hub, name)
    reference = folder / "refs" / (revision or "main")
    commit = reference.read_text().strip() if reference.is_file() else revision
    snapshot = Snapshot(folder, commit or "main")
    return snapshot if snapshot.folder.is_dir() else None
