"""The fetch of a model and its base: what is wanted, room for all of it, a lock, the check.

`python -m launcher.models.fetching` fetches what the settings name in a process of its own, with
its progress as lines.
"""

import errno
import fcntl
import os
import queue
import re
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

from launcher.errors import HubError, HubUnavailable, LauncherError, ModelError, NotEnoughDisk
from launcher.models import digests, hub_client, resolve, snapshot, weights
from launcher.models.download import Download, Patience, hasher
from launcher.models.families import EMBEDDED
from launcher.models.hub_client import HubFile, Listing
from launcher.models.snapshot import Snapshot
from launcher.settings import LauncherSettings, hub_cache, is_offline, load

# gpt-oss's repository holds its weights three times: 27 GB that vLLM does not read.
COPIES: Final = ("original/*", "metal/*", "checkpoint-*/*")
# What the engine does not read where the same weights are there as safetensors.
OTHER_FORMATS: Final = tuple(
    f"*.{suffix}"
    for suffix in ("bin", "ckpt", "gguf", "h5", "msgpack", "onnx", "onnx_data", "ot", "pt", "pth")
)
FILES_AT_ONCE: Final = 4
FIRST_ANSWER_S: Final = 10.0
WAIT_S: Final = 0.5
LINE_EVERY_S: Final = 1.0
FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
UNWRITABLE: Final = frozenset({errno.EROFS, errno.EACCES, errno.EPERM})
WAITING: Final = "Waiting for another process that fetches"
LINE: Final = re.compile(r"(?P<task>.+): +(?P<percent>\d+)%\| (?P<amount>.+)")

Result = TypeVar("Result")
Item = TypeVar("Item")


class Progress(NamedTuple):
    """The bytes of a task that are there, and those of the whole; 0 of 0 when it only waits."""

    task: str
    done: int = 0
    total: int = 0

    def __str__(self) -> str:
        if not self.total:
            return self.task
        unit, name = (2**30, "GiB") if self.total >= 2**30 else (2**20, "MiB")
        amount = f"{self.done / unit:.2f} of {self.total / unit:.2f} {name}"
        return f"{self.task}: {self.done * 100 // self.total:3d}%| {amount}"


Report = Callable[[Progress], object]


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


def fetch(settings: LauncherSettings, terms: Terms, *, update: bool = False) -> Fetched:
    """Make the configured model, and its base, whole on this machine.

    What is whole stays as it is, unless `update` asks the hub what its branch means now. Raises
    ModelError, HubError, HubUnavailable, NotEnoughDisk and MissingPackage.
    """
    with disk_errors(terms.cache):
        first = prepared(settings.model, settings.reasoner_revision, terms, update=update)
        named = base_of(first, terms)
        base = named and (settings.base_model or named)
        jobs = [first]
        if base:
            jobs.append(prepared(base, settings.base_revision, terms, update=update))
        check_room(terms.cache, (job for job in jobs if isinstance(job, Job)))
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
    known = {
        path: file for path, file in files.items() if digests.GIT_OR_SHA256.fullmatch(file.digest)
    }
    wrong = damaged(known, counter(f"Checking {name}", known.values(), terms))
    for file in wrong:
        found.unlink(file.path)
    if wrong:
        return False
    weights.check(found.folder)
    found.stamp(file.path for file in files.values())
    return True


def shards_of(listing: Listing) -> frozenset[str]:
    """The files that the index in the repository names; none when there is no index."""
    if not listing.has(weights.INDEX):
        return frozenset()
    with hub_client.opened(listing.name, listing.commit, weights.INDEX) as response:
        names = frozenset(weights.named(response.read(), listing.name).values())
    if absent := sorted(name for name in names if not listing.has(name)):
        raise HubError(
            f"The index of {listing.name} names {absent[0]}, which the hub does not have."
        )
    return names


def wanted(listing: Listing, shards: frozenset[str]) -> tuple[HubFile, ...]:
    """The files that an engine reads: each weight once."""
    files = [file for file in listing.files if not matches(file.path, COPIES)]
    tensors = {file.path for file in files if matches(file.path, ("*.safetensors",))}
    unread = tensors - shards if shards else {path for path in tensors if "/" in path}
    if tensors - unread:
        unread |= {file.path for file in files if matches(file.path, OTHER_FORMATS)}
    return tuple(file for file in files if file.path not in unread)


def matches(path: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(path, pattern) for pattern in patterns)


def base_of(model: Path | Job, terms: Terms) -> str | None:
    """The name of the base in an adapter's configuration, wherever that is."""
    if isinstance(model, Path):
        return resolve.base_of(model)
    if not model.listing.has("adapter_config.json"):
        return None

    def read() -> str | None:
        with hub_client.description(model.listing) as folder:
            return resolve.base_of(folder)

    return patiently(terms.limit_s, read)


def check_room(cache: Path, jobs: Iterable[Job]) -> None:
    """Raise NotEnoughDisk when what has to come of all of them does not fit."""
    needed = sum(download.left for job in jobs for download in job.missing)
    existing = next(folder for folder in (cache, *cache.parents) if folder.exists())
    free = shutil.disk_usage(existing).free
    if needed > free:
        raise NotEnoughDisk(
            f"{needed / 2**30:.2f} GiB have to be fetched and {existing} has "
            f"{free / 2**30:.2f} GiB free: make room, or set HF_HOME to a folder on a larger disk."
        )


def run(job: Job, terms: Terms) -> Path:
    """Fetch what is missing, check everything once, and only then give the snapshot its name."""
    name = job.listing.name
    with locked(job.snapshot.repository, lambda: terms.report(Progress(waiting(name)))):
        if not job.snapshot.is_checked:
            advance = counter(f"Fetching {name}", job.wanted, terms)
            present = {path: file for file in job.wanted if (path := job.path(file))}
            for file in damaged(present, advance):
                job.snapshot.unlink(file.path)
                job.snapshot.blob(file).unlink(missing_ok=True)
            (job.snapshot.repository / "blobs").mkdir(exist_ok=True)
            in_parallel(lambda download: download.run(terms.limit_s, advance), job.missing)
            for file in job.wanted:
                job.snapshot.link(file)
            weights.check(job.snapshot.folder)
            job.snapshot.stamp(file.path for file in job.wanted)
        job.snapshot.name(job.revision)
    return job.snapshot.folder


def damaged(files: dict[Path, HubFile], advance: Callable[[int], object]) -> list[HubFile]:
    """The files whose bytes are not those of their digest."""
    return [
        file
        for path, file in files.items()
        if digests.digest(path, hasher(file), advance) != file.digest
    ]


def counter(task: str, files: Iterable[HubFile], terms: Terms) -> Callable[[int], object]:
    """Return what counts the bytes of these files and reports them; threads may call it."""
    total, done, lock = sum(file.size for file in files), 0, threading.Lock()

    def advance(size: int) -> None:
        nonlocal done
        with lock:
            done += size
            terms.report(Progress(task, done, total))

    return advance


def in_parallel(work: Callable[[Item], object], items: list[Item]) -> None:
    """Do several at once; raise the first failure, without waiting for the others.

    Daemon threads: a connection that is silent must not keep the process from ending.
    """
    ended: queue.SimpleQueue[BaseException | None] = queue.SimpleQueue()
    left = iter(items)
    for _ in items[:FILES_AT_ONCE]:
        _start(work, next(left), ended)
    for _ in items:
        if error := ended.get():
            raise error
        if (following := next(left, None)) is not None:
            _start(work, following, ended)


def _start(
    work: Callable[[Item], object], item: Item, ended: queue.SimpleQueue[BaseException | None]
) -> None:
    def run() -> None:
        try:
            work(item)
            ended.put(None)
        except BaseException as error:  # raised where it is waited for
            ended.put(error)

    threading.Thread(target=run, daemon=True).start()


def waiting(name: str) -> str:
    return f"{WAITING} {name}"


@contextmanager
def locked(repository: Path, say: Callable[[], object]) -> Iterator[None]:
    """One fetch of a repository at a time; a dead holder's lock is free."""
    lock = repository / ".mmhie" / "lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say()
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def disk_errors(cache: Path) -> Iterator[None]:
    """Raise a failure of the disk as a sentence with its remedy."""
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            raise NotEnoughDisk(
                f"The disk with {cache} is full: make room, or set HF_HOME to a folder on a larger "
                "disk; what came is kept."
            ) from None
        what = "written" if error.errno in UNWRITABLE else "used"
        raise ModelError(
            f"{cache} cannot be {what} ({error.strerror}): set HF_HOME to a folder that can be, or "
            "have `mmhie fetch` fill it where it can be."
        ) from None


def wait_until_whole(settings: LauncherSettings, terms: Terms) -> None:
    """Return once another process, maybe on another machine, has fetched the model."""
    said = ""
    while True:
        try:
            model = resolve.read_model(settings, hub=terms.cache)
            if not model.lacks:
                return
            reason = waiting(settings.model)
        except LauncherError as error:
            reason = str(error)
        if reason != said:
            terms.report(Progress(reason))
        said = reason
        time.sleep(WAIT_S)


class Lines:
    """Writes progress as lines: each task once, and how far it is, seldom enough for a log."""

    def __init__(self, every_s: float) -> None:
        self._every_s = every_s
        self._task = ""
        self._at = 0.0

    def __call__(self, progress: Progress) -> None:
        now, is_last = time.monotonic(), progress.total and progress.done == progress.total
        if progress.task == self._task and now - self._at < self._every_s and not is_last:
            return
        self._task, self._at = progress.task, now
        sys.stderr.write(f"{progress}\n")
        sys.stderr.flush()


def main() -> None:
    """Fetch what the environment names; the exit status is the error's."""
    settings = load(os.environ)
    terms = Terms(hub_cache(), settings.fetch_stall_seconds, Lines(LINE_EVERY_S))
    try:
        fetch(settings, terms)
    except LauncherError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
