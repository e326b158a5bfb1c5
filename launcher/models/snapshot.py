"""A model's files at one commit in the hub's cache, laid out as the hub's own client does."""

import contextlib
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from launcher.models.hub_client import HubFile


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A commit of a repository; its stamp says that its files were compared with their digests."""

    repository: Path
    commit: str

    @property
    def folder(self) -> Path:
        """The folder that the engine is given."""
        return self.repository / "snapshots" / self.commit

    @property
    def is_checked(self) -> bool:
        """Return whether the stamp is there, and every file that it names, as long as it was."""
        try:
            sizes: dict[str, int] = json.loads(self._stamp.read_text())
            return all((self.folder / path).stat().st_size == sizes[path] for path in sizes)
        except (OSError, ValueError):
            return False

    @property
    def is_read_only(self) -> bool:
        """Return whether nothing can be added here."""
        return not os.access(self.repository, os.W_OK)

    def stamp(self, paths: Iterable[str]) -> None:
        """Write the stamp; where nothing can be written, the next start checks again."""
        sizes = {path: (self.folder / path).stat().st_size for path in sorted(paths)}
        with contextlib.suppress(OSError):
            self._stamp.parent.mkdir(exist_ok=True)
            draft = self._stamp.with_suffix(".new")
            draft.write_text(json.dumps(sizes, indent=1))
            draft.replace(self._stamp)

    @property
    def _stamp(self) -> Path:
        return self.repository / ".mmhie" / f"{self.commit}.json"

    def blob(self, file: HubFile) -> Path:
        """The file's bytes, whatever names and commits they have."""
        return self.repository / "blobs" / file.digest

    def link(self, file: HubFile) -> None:
        """Give the bytes their name in this commit; without symbolic links they are moved there."""
        pointer = self.folder / file.path
        pointer.parent.mkdir(parents=True, exist_ok=True)
        blob = self.blob(file)
        try:
            pointer.symlink_to(os.path.relpath(blob, pointer.parent))
        except FileExistsError:
            return
        except OSError:
            blob.replace(pointer)

    def unlink(self, path: str) -> None:
        """Remove a file and its bytes."""
        pointer = self.folder / path
        if pointer.is_symlink():
            pointer.resolve().unlink(missing_ok=True)
        pointer.unlink(missing_ok=True)

    def name(self, revision: str | None) -> None:
        """Have this branch or tag mean this commit from now on."""
        if revision == self.commit:
            return
        reference = self.repository / "refs" / (revision or "main")
        reference.parent.mkdir(parents=True, exist_ok=True)
        reference.write_text(self.commit)


def repository(hub: Path, name: str) -> Path:
    """Return the folder of a hub id in the hub's cache."""
    return hub / f"models--{name.replace('/', '--')}"


def find(hub: Path, name: str, revision: str | None) -> Snapshot | None:
    """Return what the cache has of a hub id, whole or not; None when it has nothing."""
    folder = repository(hub, name)
    reference = folder / "refs" / (revision or "main")
    commit = reference.read_text().strip() if reference.is_file() else revision
    found = Snapshot(folder, commit or "main")
    return found if found.folder.is_dir() else None
