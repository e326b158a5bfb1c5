"""Download of a model and its base: what is missing, in parallel, and the check of digests.

`python -m launcher.models.fetching` downloads the configured model, with its progress as lines.
"""

import contextlib
import os
import sys
import time
from dataclasses import dataclass
from multiprocessing.pool import ThreadPool
from pathlib import Path
from typing import Final

from launcher.errors import HubError, LauncherError
from launcher.models import digests, hub_client, model_folder, resolve, weights
from launcher.models.disk import check_room, lock, translate_disk_errors
from launcher.models.families import EMBEDDED
from launcher.models.fetch_progress import WAITING, Step, make_counter, write_line
from launcher.models.hub_client import Advance, HubFile, Listing, choose_files
from launcher.settings import LauncherSettings, hub_cache, is_offline, load

AT_ONCE: Final = 4
WAIT_S: Final = 0.5
DAMAGED: Final = (
    "{file} of {name} was damaged on its way twice: it changes on the hub, or a proxy or mirror is "
    "broken; start again later."
)


@dataclass(frozen=True, slots=True)
class Fetched:
    """A model's folder or file, and the name of the base if it is an adapter."""

    folder: Path
    base: str | None


@dataclass(frozen=True, slots=True)
class Job:
    """The files to download from a repository into the hub client's cache."""

    cache: Path
    listing: Listing
    revision: str | None
    base: str | None
    files: tuple[HubFile, ...]

    @property
    def repository(self) -> Path:
        return resolve.repository(self.cache, self.listing.name)

    @property
    def folder(self) -> Path:
        """The folder that the engine is given."""
        return self.repository / "snapshots" / self.listing.commit

    def find(self, file: HubFile) -> Path:
        """Return the path that the engine reads, or before it is linked, that of its blob."""
        path = self.folder / file.path
        return path if path.exists() else self.repository / "blobs" / file.digest

    def count_left(self, file: HubFile) -> int:
        """Return the bytes to download of a file."""
        if self.find(file).exists():
            return 0
        begun = hub_client.partial_path(self.find(file))
        return file.size - (begun.stat().st_size if begun.exists() else 0)


def fetch(
    settings: LauncherSettings, cache: Path, step: Step, *, update: bool = False, merged: int = 0
) -> Fetched:
    """Download what this machine lacks of the configured model and its base, and check all of it.

    With `update`, it is the branch's newest commit. `merged` is the size of the checkpoint that is
    merged from it afterwards. Raises ModelError, HubError, HubUnavailable, NotEnoughDisk and
    MissingPackage.
    """
    with translate_disk_errors(cache, "HF_HOME"):
        parts = [prepare(settings.model, settings.reasoner_revision, cache, step, update=update)]
        if base := base_of(parts[0], settings):
            parts.append(prepare(base, settings.base_revision, cache, step, update=update))
        jobs = [part for part in parts if isinstance(part, Job)]
        left = sum(job.count_left(file) for job in jobs for file in job.files)
        check_room(cache, left, settings.cache_dir, merged)
        for job in jobs:
            run(job, step)
    first = parts[0]
    return Fetched(first.folder if isinstance(first, Job) else first, base)


def prepare(
    name: str, revision: str | None, cache: Path, step: Step, *, update: bool
) -> Path | Job:
    """Return where a model is, or what has to be downloaded of it; a commit that was begun is
    completed."""
    if name == EMBEDDED:
        return weights.embedded_file()
    if Path(name).expanduser().exists():
        return Path(name).expanduser()
    here = None if update else resolve.find_snapshot(cache, name, revision)
    if here and is_right(here, name, step):
        return here
    if is_offline():
        raise HubError(resolve.offline(name, weights.missing(here) if here else ()))
    listing = hub_client.listing(name, here.name if here else revision)
    with hub_client.description(listing) as folder:
        files, _ = choose_files(listing, folder)
        return Job(cache, listing, revision, model_folder.base_of(folder), files)


def base_of(model: Path | Job, settings: LauncherSettings) -> str | None:
    """Return the name of an adapter's base: the configured one, else its own."""
    named = model.base if isinstance(model, Job) else model_folder.base_of(model)
    return named and (settings.base_model or named)


def is_right(here: Path, name: str, step: Step) -> bool:
    """Compare a whole snapshot with the digests in its blobs' names; delete what is damaged.

    Files that have not changed since they were compared are not read again.
    """
    if weights.missing(here):
        return False
    files = [path for path in here.rglob("*") if path.is_file()]
    stamp = stamp_of(here)
    if stamp.is_file() and all(file.stat().st_mtime <= stamp.stat().st_mtime for file in files):
        return True
    if delete_damaged(digests.find_blobs(files), name, step):
        return False
    write_stamp(here)
    return True


def stamp_of(snapshot: Path) -> Path:
    """Return the file that is newer than what was compared."""
    return snapshot.parents[1] / ".mmhie" / f"{snapshot.name}.checked"


def write_stamp(snapshot: Path) -> None:
    """Note that all is right; on a read-only disk it is compared again next time."""
    with contextlib.suppress(OSError):
        stamp_of(snapshot).parent.mkdir(exist_ok=True)
        stamp_of(snapshot).touch()


def delete_damaged(known: dict[Path, str], name: str, step: Step) -> list[Path]:
    """Delete files that differ from their digests, and return their paths."""
    total = sum(path.stat().st_size for path in known)
    damaged = digests.find_damaged(known, make_counter(f"Checking {name}", total, step))
    for path in damaged:
        path.resolve().unlink()
        path.unlink(missing_ok=True)
    return damaged


def run(job: Job, step: Step) -> None:
    """Download what is missing, check everything, and only then name the snapshot."""
    name, revision = job.listing.name, job.revision or "main"
    lock_file = job.repository / ".mmhie" / "lock"
    with lock(lock_file, lambda: step(f"{WAITING} {name}", None)):
        if load_blobs(job, step) and (damaged := load_blobs(job, step)):
            raise HubError(DAMAGED.format(file=damaged[0], name=name))
        for file in job.files:
            link(job, file)
        weights.check(job.folder)
        write_stamp(job.folder)
        if revision != job.listing.commit:  # the client would do it before all is here
            reference = job.repository / "refs" / revision
            reference.parent.mkdir(parents=True, exist_ok=True)
            reference.write_text(job.listing.commit)


def load_blobs(job: Job, step: Step) -> list[str]:
    """Download files in parallel; return the names of those that came damaged."""
    files = {file.digest: file for file in job.files}
    total = sum(file.size for file in files.values())
    advance = make_counter(f"Fetching {job.listing.name}", total, step)
    with ThreadPool(AT_ONCE) as threads:
        threads.map(lambda file: load_blob(job, file, advance), files.values(), chunksize=1)
    known = {job.find(file): digest for digest, file in files.items()}
    damaged = delete_damaged(known, job.listing.name, step)
    return [files[known[path]].path for path in damaged]


def load_blob(job: Job, file: HubFile, advance: Advance) -> None:
    found = job.find(file)
    if found.exists():
        advance(file.size)
    else:
        hub_client.download(job.listing, file, found, advance)


def link(job: Job, file: HubFile) -> None:
    """Link a file's blob into the snapshot; the client makes a copy on a disk without links."""
    blob = job.repository / "blobs" / file.digest
    hub_client.place(job.listing, file.path, job.cache)
    if not (job.folder / file.path).is_symlink():
        blob.unlink(missing_ok=True)


def wait_until_whole(settings: LauncherSettings, cache: Path, step: Step) -> Fetched:
    """Return the model once another process, maybe on another machine, has downloaded it."""
    while True:
        try:
            model = resolve.read_model(settings, hub=cache)
            if not model.lacks:
                adapter = model.adapter
                folder = Path(adapter.source if adapter else model.source)
                return Fetched(folder, adapter.base if adapter else None)
            step(f"{WAITING} {settings.model}", None)
        except LauncherError as error:
            step(str(error), None)
        time.sleep(WAIT_S)


def main() -> None:
    """Download the configured model; the argument is the size of what is merged from it."""
    merged = sum(map(int, sys.argv[1:]))
    try:
        fetch(load(os.environ), hub_cache(), write_line, merged=merged)
    except LauncherError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
