"""The fetch of a model and its base: what is missing of them, all of it at once, the check.

`python -m launcher.models.fetching` fetches what the settings name in a process of its own, with
its progress as lines.
"""

import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.pool import ThreadPool
from pathlib import Path
from typing import Final, TypeVar

from launcher.errors import HubError, HubUnavailable, LauncherError
from launcher.models import digests, hub_client, model_folder, resolve, snapshot, weights
from launcher.models.disk import Merge, check_room, disk_errors, locked
from launcher.models.download import Download, Patience
from launcher.models.families import EMBEDDED
from launcher.models.fetch_progress import LINE_EVERY_S, WAITING, Lines, Progress, Report, counter
from launcher.models.hub_client import HubFile, Listing
from launcher.models.snapshot import Snapshot
from launcher.models.wanted_files import shards_of, wanted
from launcher.settings import LauncherSettings, hub_cache, hub_silence_s, is_offline, load

AT_ONCE: Final = 4
FIRST_ANSWER_S: Final = 10.0
WAIT_S: Final = 0.5

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Terms:
    """The hub's cache, the seconds that may pass without a byte, and who hears of the progress."""

    cache: Path
    limit_s: float
    report: Report


@dataclass(frozen=True, slots=True)
class Fetched:
    """A model's folder or file, and the name of the base if it is an adapter."""

    folder: Path
    base: str | None


@dataclass(frozen=True, slots=True)
class Job:
    """A repository's wanted files, and the snapshot that they become."""

    snapshot: Snapshot
    listing: Listing
    revision: str | None
    wanted: tuple[HubFile, ...]

    def path(self, file: HubFile) -> Path | None:
        """The path of the file's bytes, if they are there already."""
        places = (self.snapshot.folder / file.path, self.snapshot.blob(file))
        return next((place for place in places if place.exists()), None)

    @property
    def missing(self) -> list[Download]:
        """Files still to come, the small ones first: a model without weights is seen to be none."""
        return [
            Download(self.listing.name, self.listing.commit, file, self.snapshot.blob(file))
            for file in sorted(self.wanted, key=lambda file: file.size)
            if self.path(file) is None
        ]

    @property
    def left(self) -> int:
        """Return the bytes that have to come."""
        return sum(download.left for download in self.missing)


def fetch(
    settings: LauncherSettings, terms: Terms, *, update: bool = False, merged: int = 0
) -> Fetched:
    """Make the configured model, and its base, whole on this machine.

    What is whole stays as it is, unless `update` asks the hub what its branch means now. `merged`
    are the bytes of the checkpoint that is made of it afterwards. Raises ModelError, HubError,
    HubUnavailable, NotEnoughDisk and MissingPackage.
    """
    with disk_errors(terms.cache):
        first = prepared(settings.model, settings.reasoner_revision, terms, update=update)
        named = base_of(first, terms)
        base = named and (settings.base_model or named)
        jobs = [first]
        if base:
            jobs.append(prepared(base, settings.base_revision, terms, update=update))
        left = sum(job.left for job in jobs if isinstance(job, Job))
        check_room(terms.cache, left, Merge(settings.cache_dir, merged) if merged else None)
        folder, *_ = [run(job, terms) if isinstance(job, Job) else job for job in jobs]
        return Fetched(folder, base or None)


def prepared(name: str, revision: str | None, terms: Terms, *, update: bool = False) -> Path | Job:
    """Return where a model is, or what has to be fetched of it."""
    if name == EMBEDDED:
        return weights.embedded_file()
    if Path(name).expanduser().exists():
        return Path(name).expanduser()
    found = None if update else snapshot.find(terms.cache, name, revision)
    if found and (found.is_checked or (found.is_read_only and is_right(found, name, terms))):
        return found.folder
    try:
        return asked(name, revision, found, terms)
    except (HubError, HubUnavailable):
        if found and is_right(found, name, terms):
            return found.folder
        raise


def asked(name: str, revision: str | None, found: Snapshot | None, terms: Terms) -> Path | Job:
    """Return the same as the hub knows it; a commit that was begun is the one to go on with."""
    if is_offline():
        raise HubError(resolve.offline(name, weights.missing(found.folder) if found else ()))
    first_answer_s = min(terms.limit_s, FIRST_ANSWER_S)
    at = found.commit if found else revision
    listing = patiently(first_answer_s, lambda: hub_client.listing(name, at))
    there = Snapshot(snapshot.repository(terms.cache, name), listing.commit)
    if there.is_checked:
        there.name(revision)
        return there.folder
    shards = patiently(terms.limit_s, lambda: shards_of(listing))
    return Job(there, listing, revision, wanted(listing, shards))


def patiently(limit_s: float, ask: Callable[[], Result]) -> Result:
    """Return the answer, asked for again as long as the hub cannot be reached."""
    patience = Patience(limit_s)
    while True:
        try:
            return ask()
        except HubUnavailable:
            if not patience.lasts():
                raise


def is_right(found: Snapshot, name: str, terms: Terms) -> bool:
    """Compare what another program has fetched with the digests in the names of its blobs, once."""
    if weights.missing(found.folder):
        return False
    files = {
        path: HubFile(str(path.relative_to(found.folder)), path.stat().st_size, path.resolve().name)
        for path in sorted(found.folder.rglob("*"))
        if path.is_file()
    }
    named = {path: file.digest for path, file in files.items()}
    known = {path: name for path, name in named.items() if digests.GIT_OR_SHA256.fullmatch(name)}
    advance = counter(f"Checking {name}", (files[path] for path in known), terms.report)
    wrong = digests.damaged(known, advance)
    for path in wrong:
        found.unlink(files[path].path)
    if wrong:
        return False
    weights.check(found.folder)
    found.stamp(file.path for file in files.values())
    return True


def base_of(model: Path | Job, terms: Terms) -> str | None:
    """The name of the base in an adapter's configuration, wherever that is."""
    if isinstance(model, Path):
        return model_folder.base_of(model)
    if not model.listing.has("adapter_config.json"):
        return None

    def read() -> str | None:
        with hub_client.description(model.listing) as folder:
            return model_folder.base_of(folder)

    return patiently(terms.limit_s, read)


def run(job: Job, terms: Terms) -> Path:
    """Fetch what is missing, check everything once, and only then give the snapshot its name."""
    name = job.listing.name
    with locked(job.snapshot.repository, lambda: terms.report(Progress(f"{WAITING} {name}"))):
        if not job.snapshot.is_checked:
            advance = counter(f"Fetching {name}", job.wanted, terms.report)
            present = {path: file for file in job.wanted if (path := job.path(file))}
            known = {path: file.digest for path, file in present.items()}
            for path in digests.damaged(known, advance):
                job.snapshot.unlink(present[path].path)
                job.snapshot.blob(present[path]).unlink(missing_ok=True)
            (job.snapshot.repository / "blobs").mkdir(exist_ok=True)
            download_all(job.missing, terms.limit_s, advance)
            for file in job.wanted:
                job.snapshot.link(file)
            weights.check(job.snapshot.folder)
            job.snapshot.stamp(file.path for file in job.wanted)
        job.snapshot.name(job.revision)
    return job.snapshot.folder


def download_all(downloads: list[Download], limit_s: float, advance: digests.Advance) -> None:
    """Fetch several at once; raise the first failure, without waiting for the others.

    Daemon threads: a connection that is silent must not keep the process from ending.
    """
    with ThreadPool(AT_ONCE) as threads:
        for _ in threads.imap_unordered(lambda each: each.run(limit_s, advance), downloads):
            pass


def wait_until_whole(settings: LauncherSettings, terms: Terms) -> None:
    """Return once another process, maybe on another machine, has fetched the model."""
    said = ""
    while True:
        try:
            model = resolve.read_model(settings, hub=terms.cache)
            if not model.lacks:
                return
            reason = f"{WAITING} {settings.model}"
        except LauncherError as error:
            reason = str(error)
        if reason != said:
            terms.report(Progress(reason))
        said = reason
        time.sleep(WAIT_S)


def main() -> None:
    """Fetch what the environment names, with room for as many bytes of merged weights as the
    argument says; the exit status is the error's.
    """
    settings = load(os.environ)
    terms = Terms(hub_cache(), hub_silence_s(), Lines(LINE_EVERY_S))
    try:
        fetch(settings, terms, merged=sum(map(int, sys.argv[1:])))
    except LauncherError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
