"""Download of a model and its base: what is missing, in parallel, and the check of digests.

`python -m launcher.models.fetching` downloads the configured model, with its progress as lines.
"""

import os
import sys
import threading
import time
from dataclasses import dataclass
from multiprocessing.pool import ThreadPool
from pathlib import Path
from typing import Final

from launcher.errors import HubError, LauncherError
from launcher.models import digests, download, hub_client, model_folder, resolve, snapshot, weights
from launcher.models.disk import check_room, lock, translate_disk_errors
from launcher.models.download import Advance
from launcher.models.families import EMBEDDED
from launcher.models.fetch_progress import WAITING, Step, make_counter, write_line
from launcher.models.hub_client import HubFile, Listing, choose_files
from launcher.models.snapshot import Snapshot
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
    """The files to download from a repository, and the snapshot that they become."""

    snapshot: Snapshot
    listing: Listing
    revision: str | None
    base: str | None
    files: tuple[HubFile, ...]

    def path(self, file: HubFile) -> Path:
        """Return the path that the engine reads."""
        return self.snapshot.folder / file.path

    def blob(self, file: HubFile) -> Path:
        """Return the path of the bytes, to which the client links that path."""
        return self.snapshot.repository / "blobs" / file.digest

    def count_left(self, file: HubFile) -> int:
        """Return the bytes to download of a file."""
        if self.path(file).exists() or self.blob(file).exists():
            return 0
        begun = download.partial_path(self.blob(file))
        return file.size - (begun.stat().st_size if begun.exists() else 0)


def fetch(
    settings: LauncherSettings, cache: Path, step: Step, *, update: bool = False, merged: int = 0
) -> Fetched:
    """Download what this machine lacks of the configured model and its base.

    A complete model is not downloaded again, unless `update` asks for its branch's newest commit.
    `merged` is the size of the checkpoint that is merged from it afterwards. Raises ModelError,
    HubError, HubUnavailable, NotEnoughDisk and MissingPackage.
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
    return Fetched(first.snapshot.folder if isinstance(first, Job) else first, base)


def prepare(
    name: str, revision: str | None, cache: Path, step: Step, *, update: bool
) -> Path | Job:
    """Return where a model is, or what has to be downloaded of it."""
    if name == EMBEDDED:
        return weights.embedded_file()
    if Path(name).expanduser().exists():
        return Path(name).expanduser()
    here = None if update else snapshot.find(cache, name, revision)
    if here and (here.is_checked or is_right(here, name, step)):
        return here.folder
    return ask_hub(name, revision, here, cache)


def ask_hub(name: str, revision: str | None, here: Snapshot | None, cache: Path) -> Path | Job:
    """Ask the hub what has to be downloaded; a commit that was begun is completed."""
    if is_offline():
        raise HubError(resolve.offline(name, weights.missing(here.folder) if here else ()))
    listing = hub_client.listing(name, here.commit if here else revision)
    target = Snapshot(snapshot.repository(cache, name), listing.commit)
    if target.is_checked:
        target.name(revision)
        return target.folder
    with download.description(listing) as folder:
        files, _ = choose_files(listing, folder)
        return Job(target, listing, revision, model_folder.base_of(folder), files)


def base_of(model: Path | Job, settings: LauncherSettings) -> str | None:
    """Return the name of an adapter's base: the configured one, else its own."""
    named = model.base if isinstance(model, Job) else model_folder.base_of(model)
    return named and (settings.base_model or named)


def is_right(here: Snapshot, name: str, step: Step) -> bool:
    """Check what another program has downloaded against the digests in its blobs' names."""
    if weights.missing(here.folder):
        return False
    files = [path for path in here.folder.rglob("*") if path.is_file()]
    known = digests.find_blobs(files)
    advance = make_counter(f"Checking {name}", sum(path.stat().st_size for path in known), step)
    if damaged := digests.find_damaged(known, advance):
        for path in damaged:
            path.resolve().unlink(missing_ok=True)
        return False
    weights.check(here.folder)
    here.stamp(files)
    return True


def run(job: Job, step: Step) -> None:
    """Download what is missing, check everything, and only then name the snapshot."""
    place, name = job.snapshot, job.listing.name
    with lock(place.repository / ".mmhie" / "lock", lambda: step(f"{WAITING} {name}", None)):
        if not place.is_checked:
            fetch_files(job, step)
            weights.check(place.folder)
            place.stamp(map(job.path, job.files))
        place.name(job.revision)


def fetch_files(job: Job, step: Step) -> None:
    """Fetch the files in parallel; raise the first error.

    The threads are daemons: a silent connection must not keep the process from ending. Those that
    are left after an error report nothing, so that its sentence is the last line.
    """
    files = {file.digest: file for file in job.files}.values()
    is_over = threading.Event()

    def report(sentence: str, part: float | None) -> None:
        if not is_over.is_set():
            step(sentence, part)

    total = sum(file.size for file in files)
    advance = make_counter(f"Fetching {job.listing.name}", total, report)
    try:
        with ThreadPool(AT_ONCE) as threads:
            for _ in threads.imap_unordered(lambda file: fetch_file(job, file, advance), files):
                pass
    finally:
        is_over.set()
    for file in job.files:
        hub_client.place(job.listing, file.path, job.snapshot.repository.parent)
        if not job.path(file).is_symlink():  # a disk without links: the client has made a copy
            job.blob(file).unlink(missing_ok=True)


def fetch_file(job: Job, file: HubFile, advance: Advance) -> None:
    """Make sure that a file is here and has its digest. Raises HubError if it comes damaged."""
    for _ in range(2):
        found = job.path(file) if job.path(file).exists() else job.blob(file)
        if found.exists():
            advance(file.size)
        else:
            download.download(job.listing, file, found, advance)
        if digests.is_right(found, file.digest):
            return
        for wrong in (job.path(file), job.blob(file)):
            wrong.unlink(missing_ok=True)
        advance(-file.size)
    raise HubError(DAMAGED.format(file=file.path, name=job.listing.name))


def wait_until_whole(settings: LauncherSettings, cache: Path, step: Step) -> None:
    """Return once another process, maybe on another machine, has downloaded the model."""
    while True:
        try:
            if not resolve.read_model(settings, hub=cache).lacks:
                return
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
