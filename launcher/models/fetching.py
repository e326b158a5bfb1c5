"""Download of a model and its base: what is missing, in parallel, then the check of digests.

`python -m launcher.models.fetching` downloads the configured model, with its progress as lines.
"""

import os
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from multiprocessing.pool import ThreadPool
from pathlib import Path
from typing import Final

from launcher.errors import HubError, HubUnavailable, LauncherError
from launcher.models import digests, download, hub_client, model_folder, resolve, snapshot, weights
from launcher.models.disk import check_room, lock_repository, translate_disk_errors
from launcher.models.families import EMBEDDED
from launcher.models.fetch_progress import (
    WAITING,
    Lines,
    Progress,
    Report,
    make_counter,
)
from launcher.models.hub_client import HubFile, Listing
from launcher.models.snapshot import Snapshot
from launcher.models.wanted_files import choose_files
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

    @property
    def missing(self) -> list[HubFile]:
        """Files that the snapshot lacks."""
        return [file for file in self.files if not self.path(file).exists()]

    @property
    def left(self) -> int:
        """Bytes to download."""
        return sum(
            file.size - download.length(download.partial_path(self.blob(file)))
            for file in self.missing
            if not self.blob(file).exists()
        )


def fetch(
    settings: LauncherSettings,
    cache: Path,
    report: Report,
    *,
    update: bool = False,
    merged: int = 0,
) -> Fetched:
    """Download what this machine lacks of the configured model and its base.

    A complete model is not downloaded again, unless `update` asks for its branch's newest commit.
    `merged` is the size of the checkpoint that is merged from it afterwards. Raises ModelError,
    HubError, HubUnavailable, NotEnoughDisk and MissingPackage.
    """
    with translate_disk_errors(cache):
        parts = [prepare(settings.model, settings.reasoner_revision, cache, report, update=update)]
        if base := base_of(parts[0], settings):
            parts.append(prepare(base, settings.base_revision, cache, report, update=update))
        jobs = [part for part in parts if isinstance(part, Job)]
        left = sum(job.left for job in jobs)
        check_room(cache, left, settings.cache_dir, merged)
        for job in jobs:
            run(job, report)
    first = parts[0]
    return Fetched(first.snapshot.folder if isinstance(first, Job) else first, base)


def prepare(
    name: str, revision: str | None, cache: Path, report: Report, *, update: bool
) -> Path | Job:
    """Return where a model is, or what has to be downloaded of it."""
    if name == EMBEDDED:
        return weights.embedded_file()
    if Path(name).expanduser().exists():
        return Path(name).expanduser()
    here = None if update else snapshot.find(cache, name, revision)
    if here and (here.is_checked or (here.is_read_only and is_right(here, name, report))):
        return here.folder
    try:
        return ask_hub(name, revision, here, cache)
    except (HubError, HubUnavailable):
        if here and is_right(here, name, report):
            return here.folder
        raise


def ask_hub(name: str, revision: str | None, here: Snapshot | None, cache: Path) -> Path | Job:
    """Ask the hub what has to be downloaded; a commit that was begun is completed."""
    if is_offline():
        raise HubError(resolve.offline(name, weights.missing(here.folder) if here else ()))
    listing = hub_client.listing(name, here.commit if here else revision)
    target = Snapshot(snapshot.repository(cache, name), listing.commit)
    if target.is_checked:
        target.name(revision)
        return target.folder
    with hub_client.description(listing) as folder:
        base = model_folder.base_of(folder)
        return Job(target, listing, revision, base, choose_files(listing, folder))


def base_of(model: Path | Job, settings: LauncherSettings) -> str | None:
    """Return the name of an adapter's base: the configured one, else its own."""
    named = model.base if isinstance(model, Job) else model_folder.base_of(model)
    return named and (settings.base_model or named)


def is_right(here: Snapshot, name: str, report: Report) -> bool:
    """Check what another program has downloaded against the digests in its blobs' names."""
    if weights.missing(here.folder):
        return False
    files = [path for path in here.folder.rglob("*") if path.is_file()]
    named = {path: path.resolve().name for path in files}
    known = {path: name for path, name in named.items() if digests.GIT_OR_SHA256.fullmatch(name)}
    if remove_damaged(known, name, report):
        return False
    weights.check(here.folder)
    here.stamp(files)
    return True


def remove_damaged(known: Mapping[Path, str], name: str, report: Report) -> list[Path]:
    """Remove the files that differ from their digest, and return their paths."""
    advance = make_counter(f"Checking {name}", sum(path.stat().st_size for path in known), report)
    damaged = digests.find_damaged(known, advance)
    for path in damaged:
        path.resolve().unlink(missing_ok=True)
        path.unlink(missing_ok=True)
    return damaged


def run(job: Job, report: Report) -> None:
    """Download what is missing, check everything, and only then name the snapshot."""
    name = job.listing.name
    with lock_repository(job.snapshot.repository, lambda: report(Progress(f"{WAITING} {name}"))):
        if not job.snapshot.is_checked:
            known = {job.path(file): file.digest for file in job.files}
            for _ in range(2):
                download_missing(job, report)
                if not (damaged := remove_damaged(known, name, report)):
                    break
            else:
                raise HubError(DAMAGED.format(file=damaged[0].name, name=name))
            weights.check(job.snapshot.folder)
            job.snapshot.stamp(known)
        job.snapshot.name(job.revision)


def download_missing(job: Job, report: Report) -> None:
    """Download the small files, then the large ones in parallel; raise the first error.

    The threads are daemons: a silent connection must not keep the process from ending. Those that
    are left after an error report nothing, so that its sentence is the last line.
    """
    small = [file for file in job.missing if not file.is_large]
    large = [file for file in job.missing if file.is_large]
    blobs = {file.digest: file for file in large if not job.blob(file).exists()}
    total = sum(file.size for file in (*small, *blobs.values()))
    is_over = threading.Event()

    def report_until_over(progress: Progress) -> None:
        if not is_over.is_set():
            report(progress)

    advance = make_counter(f"Fetching {job.listing.name}", total, report_until_over)

    def fetch_blob(file: HubFile) -> None:
        download.download(job.listing, file, job.blob(file), advance)

    for file in small:
        place(job, file)
        advance(file.size)
    try:
        with ThreadPool(AT_ONCE) as threads:
            for _ in threads.imap_unordered(fetch_blob, blobs.values()):
                pass
    finally:
        is_over.set()
    for file in large:
        place(job, file)


def place(job: Job, file: HubFile) -> None:
    """Let the hub's client put a file into the snapshot."""
    hub_client.place(job.listing, file.path, cache=job.snapshot.repository.parent)
    if not job.path(file).is_symlink():  # a disk without links: the client has made a copy
        job.blob(file).unlink(missing_ok=True)


def wait_until_whole(settings: LauncherSettings, cache: Path, report: Report) -> None:
    """Return once another process, maybe on another machine, has downloaded the model."""
    reported = ""
    while True:
        try:
            model = resolve.read_model(settings, hub=cache)
            if not model.lacks:
                return
            reason = f"{WAITING} {settings.model}"
        except LauncherError as error:
            reason = str(error)
        if reason != reported:
            report(Progress(reason))
        reported = reason
        time.sleep(WAIT_S)


def main() -> None:
    """Download the configured model; the argument is the size of what is merged from it."""
    merged = sum(map(int, sys.argv[1:]))
    try:
        fetch(load(os.environ), hub_cache(), Lines(), merged=merged)
    except LauncherError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
