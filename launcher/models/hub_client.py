"""The model hub, through its own client: listings, files, and errors as sentences.

Address, token and proxies are the client's own: HF_ENDPOINT, HF_TOKEN, HTTPS_PROXY.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final

import httpx2

from launcher.errors import HubError, HubUnavailable, LauncherError, MissingPackage
from launcher.models import weights
from launcher.settings import hub_endpoint

if TYPE_CHECKING:
    from huggingface_hub.hf_api import RepoSibling

ANSWER_S: Final = 10.0
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
    "FileMetadataError": "{hub} does not answer as a model hub does for {name}: check HF_ENDPOINT.",
}


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
        """Return the paths of all files."""
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
    """Return the files that an engine reads, each weight once, and the bytes of the weights.

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


def place(listing: Listing, path: str, cache: Path) -> None:
    """Link a file into the client's cache, in which its blob is already."""
    with translate_errors(listing.name, listing.commit):
        from huggingface_hub import hf_hub_download

        hf_hub_download(
            listing.name,
            path,
            revision=listing.commit,
            cache_dir=cache,
            endpoint=hub_endpoint(),
        )


@contextmanager
def open_file(listing: Listing, path: str, start: int) -> Iterator[httpx2.Response]:
    """Request a file's bytes from `start` on; with status 200 the answer begins at zero.

    Raises HubError and HubUnavailable, also while the answer is read.
    """
    with translate_errors(listing.name, listing.commit):
        from huggingface_hub import (
            constants,
            get_session,
            get_token,
            hf_hub_url,
            hf_raise_for_status,
        )

        # compressed on the way, a file could not be resumed
        headers = {"accept-encoding": "identity"}
        if token := get_token():
            headers["authorization"] = f"Bearer {token}"
        if start:
            headers["range"] = f"bytes={start}-"
        url = hf_hub_url(listing.name, path, revision=listing.commit, endpoint=hub_endpoint())
        silence_s = constants.HF_HUB_DOWNLOAD_TIMEOUT
        with get_session().stream("GET", url, headers=headers, timeout=silence_s) as response:
            hf_raise_for_status(response)
            yield response


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
    if isinstance(error, (httpx2.HTTPError, OSError)):
        return HubUnavailable(
            f"{name} cannot be fetched, because the hub {hub} is not reached or went silent "
            f"({kind}): check the network, HTTPS_PROXY and HF_ENDPOINT."
        )
    return HubError(f"{hub} does not answer as a model hub does for {name}: check HF_ENDPOINT.")
