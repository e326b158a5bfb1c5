"""The model hub, through its own client: listings, files, and errors as sentences.

Address, token and proxies are the client's own: HF_ENDPOINT, HF_TOKEN, HTTPS_PROXY.
"""

from __future__ import annotations

import logging
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, BinaryIO, Final

import httpx2

from launcher.errors import HubError, HubUnavailable, LauncherError, MissingPackage
from launcher.models import digests, weights
from launcher.settings import hub_endpoint

if TYPE_CHECKING:
    from huggingface_hub.hf_api import RepoSibling

ANSWER_S: Final = 10.0
# After each attempt; within one, the client continues a cut answer by itself.
PAUSES_S: Final = (0.25, 1.0, 2.0)
# Files that describe a model, with which a plan is made before its weights are here.
DESCRIPTION: Final = ("*config.json", "chat_template.jinja", "modules.json", weights.INDEX)
# By the class of the client's error.
REFUSALS: Final = {
    "HFValidationError": "{name} is neither on this machine nor a hub id such as "
    "openai/gpt-oss-20b.",
    "GatedRepoError": "{name} is gated: accept its terms at {hub}/{name}, and set HF_TOKEN to a "
    "token of the account that did.",
    "RevisionNotFoundError": "{name} has no revision {revision}: correct MMHIE_REASONER_REVISION, "
    "or MMHIE_BASE_REVISION for an adapter's base.",
    "RemoteEntryNotFoundError": "The hub does not have all that it lists of {name}: start again "
    "later.",
}

Advance = Callable[[int], object]  # takes the number of new bytes


@dataclass(frozen=True, slots=True)
class HubFile:
    """A file of a repository; its digest is the SHA-256 of a large one, git's SHA-1 of others."""

    path: str
    size: int
    digest: str


@dataclass(frozen=True, slots=True)
class Listing:
    """A repository's files at the commit to which its revision was resolved."""

    name: str
    commit: str
    files: tuple[HubFile, ...]

    @property
    def paths(self) -> frozenset[str]:
        return frozenset(file.path for file in self.files)


def listing(name: str, revision: str | None) -> Listing:
    """Ask the hub for a repository's files. Raises HubError, HubUnavailable, MissingPackage."""
    with translate_errors(name, revision):
        from huggingface_hub import HfApi

        info = HfApi(hub_endpoint()).model_info(
            name, revision=revision, files_metadata=True, timeout=ANSWER_S
        )
        if not info.sha:
            raise ValueError("no commit")
        return Listing(name, info.sha, tuple(map(_read_file, info.siblings or ())))


def _read_file(sibling: RepoSibling) -> HubFile:
    path, size = PurePosixPath(sibling.rfilename), sibling.size
    digest = sibling.lfs.sha256 if sibling.lfs else sibling.blob_id
    is_inside = not path.is_absolute() and ".." not in path.parts
    if not is_inside or not isinstance(size, int) or size < 0 or not (digest or "").isalnum():
        raise ValueError("no size, digest or proper name")
    return HubFile(str(path), size, str(digest))


def choose_files(listing: Listing, description: Path) -> tuple[tuple[HubFile, ...], int | None]:
    """Return the files that an engine reads, the weights last, and the bytes of the weights.

    Raises HubError for an index that names what the hub does not have, ModelError.
    """
    chosen = weights.choose(listing.paths, description)
    if absent := sorted(set(chosen) - listing.paths):
        raise HubError(
            f"The index of {listing.name} names {absent[0]}, which the hub does not have."
        )
    loaded = tuple(file for file in listing.files if file.path in chosen)
    others = tuple(file for file in listing.files if not weights.is_extra(file.path))
    return (*others, *loaded), sum(file.size for file in loaded) or None


@contextmanager
def description(listing: Listing) -> Iterator[Path]:
    """Download the small files that describe a model into a temporary folder."""
    with tempfile.TemporaryDirectory(prefix="mmhie-model-") as folder:
        for file in listing.files:
            if any(fnmatchcase(file.path, pattern) for pattern in DESCRIPTION):
                target = Path(folder, file.path)
                download(listing, file, target, lambda _: None)
                if not digests.is_right(target, file.digest):
                    raise HubError(
                        f"The hub's {file.path} of {listing.name} is damaged: start again later."
                    )
        yield Path(folder)


def partial_path(target: Path) -> Path:
    """Return the path of an incomplete file, which the next run resumes."""
    return target.with_name(f"{target.name}.mmhie-partial")


def download(listing: Listing, file: HubFile, target: Path, advance: Advance) -> None:
    """Download a file, which appears at its target when all of it is here.

    The client's own downloads begin again at zero after their process has ended. Raises HubError,
    HubUnavailable and OSError.
    """
    partial = partial_path(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    partial.touch()
    advance(partial.stat().st_size)
    for pause_s in PAUSES_S:
        try:
            _append(listing, file, partial, advance)
            partial.replace(target)
            return
        except HubUnavailable as error:
            failure = str(error).rstrip(".")
            time.sleep(pause_s)
    raise HubUnavailable(f"{failure}; what came is kept, and the next run resumes it.")


def _append(listing: Listing, file: HubFile, partial: Path, advance: Advance) -> None:
    with partial.open("ab") as stream, translate_errors(listing.name, listing.commit):
        from huggingface_hub import hf_hub_url
        from huggingface_hub.file_download import http_get
        from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]  # lazy

        url = hf_hub_url(listing.name, file.path, revision=listing.commit, endpoint=hub_endpoint())
        # compressed on the way, a file could not be resumed
        headers = {**build_hf_headers(), "accept-encoding": "identity"}
        begun = stream.tell()
        counter = _counter(stream, file.size, advance)
        if begun < file.size:
            http_get(url, stream, resume_size=begun, headers=headers, tqdm_class=counter)


def _counter(stream: BinaryIO, size: int, advance: Advance) -> type:
    """Return a class that the client takes for a progress bar; it ends an answer without end."""
    from huggingface_hub.utils.tqdm import silent_tqdm

    class Counter(silent_tqdm):
        def update(self, n: float | None = 1) -> None:
            if stream.tell() + int(n or 0) > size:  # the client writes after it has counted
                raise HubUnavailable("The hub sends more of a file than it lists.")
            advance(int(n or 0))

    return Counter


def place(listing: Listing, path: str, cache: Path) -> None:
    """Link a file into the client's cache, in which its blob is already."""
    with translate_errors(listing.name, listing.commit):
        from huggingface_hub import hf_hub_download

        hf_hub_download(
            listing.name, path, revision=listing.commit, cache_dir=cache, endpoint=hub_endpoint()
        )


def _import_client() -> None:
    """Raise MissingPackage without the client; its warnings are turned off."""
    try:
        import huggingface_hub  # noqa: F401 - it sets its logger up
    except ImportError:
        raise MissingPackage(
            "huggingface_hub is not installed; it comes with the engine: run `make run` once."
        ) from None
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)


@contextmanager
def translate_errors(name: str, revision: str | None) -> Iterator[None]:
    """Raise the client's errors as sentences with a remedy; errors of the disk pass."""
    # The last four come of the client reading an answer that no hub gives: a proxy's page, say.
    foreign = (AttributeError, KeyError, TypeError, ValueError)
    try:
        _import_client()
        yield
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError, *foreign) as error:
        if isinstance(error, OSError) and error.errno:
            raise
        cause = error.__cause__ if type(error).__name__ == "LocalEntryNotFoundError" else error
        raise _explain(cause or error, name, revision) from None


def _explain(error: BaseException, name: str, revision: str | None) -> LauncherError:
    hub, kind = hub_endpoint(), type(error).__name__
    status = getattr(getattr(error, "response", None), "status_code", 0)
    if status in (408, 429) or status >= 500:
        return HubUnavailable(f"The hub answers {status} for {name}: start again later.")
    if kind in REFUSALS:
        return HubError(REFUSALS[kind].format(name=name, revision=revision, hub=hub))
    if status:
        return HubError(
            f"The hub answers {status} for {name}: correct the name, or set HF_TOKEN to one that "
            "may read it."
        )
    if isinstance(error, (httpx2.HTTPError, OSError)) and kind != "FileMetadataError":
        return HubUnavailable(
            f"{name} cannot be fetched, because the hub {hub} is not reached or went silent "
            f"({kind}): check the network, HTTPS_PROXY and HF_ENDPOINT."
        )
    return HubError(f"{hub} does not answer as a model hub does for {name}: check HF_ENDPOINT.")
