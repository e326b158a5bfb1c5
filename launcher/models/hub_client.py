"""The model hub, through its own client: listings, files, and errors as sentences.

Address, token and proxies are the client's own: HF_ENDPOINT, HF_TOKEN, HTTPS_PROXY.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final

import httpx2

from launcher.errors import HubError, HubUnavailable, LauncherError, MissingPackage
from launcher.models import digests, weights
from launcher.settings import hub_endpoint

if TYPE_CHECKING:
    from huggingface_hub.errors import HfHubHTTPError
    from huggingface_hub.hf_api import RepoSibling

ANSWER_S: Final = 10.0
# Files that describe a model, with which a plan is made before its weights are here.
DESCRIPTION: Final = frozenset(
    {
        "config.json",
        "adapter_config.json",
        "chat_template.jinja",
        "hf_quant_config.json",
        "modules.json",
        "params.json",
        "tokenizer_config.json",
        weights.INDEX,
    }
)


@dataclass(frozen=True, slots=True)
class HubFile:
    """A file of a repository; its digest is the SHA-256 of a large one, git's SHA-1 of others."""

    path: str
    size: int
    digest: str

    @property
    def is_large(self) -> bool:
        """Return whether the hub stores the file outside of git, by its SHA-256."""
        return digests.SHA256.fullmatch(self.digest) is not None


@dataclass(frozen=True, slots=True)
class Listing:
    """A repository's files at the commit to which its revision was resolved."""

    name: str
    commit: str
    files: tuple[HubFile, ...]

    def has(self, path: str) -> bool:
        """Return whether the repository has this file."""
        return any(file.path == path for file in self.files)


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


def place(
    listing: Listing, path: str, *, cache: Path | None = None, folder: Path | None = None
) -> None:
    """Download a small file, or link a blob that is there, in the cache or in a folder."""
    with translate_errors(listing.name, listing.commit, path):
        from huggingface_hub import hf_hub_download

        hf_hub_download(
            listing.name,
            path,
            revision=listing.commit,
            cache_dir=cache,
            local_dir=folder,
            endpoint=hub_endpoint(),
        )


@contextmanager
def description(listing: Listing) -> Iterator[Path]:
    """Download the small files that describe a model into a temporary folder."""
    with tempfile.TemporaryDirectory(prefix="mmhie-model-") as name:
        folder = Path(name)
        files = [file for file in listing.files if file.path in DESCRIPTION]
        for file in files:
            place(listing, file.path, folder=folder)
        if wrong := digests.find_damaged({folder / file.path: file.digest for file in files}):
            raise HubError(
                f"The hub's {wrong[0].name} of {listing.name} is damaged: start again later."
            )
        yield folder


@contextmanager
def open_file(listing: Listing, path: str, start: int) -> Iterator[httpx2.Response]:
    """Request a file's bytes from `start` on; with status 200 the answer begins at zero.

    Raises HubError and HubUnavailable, also while the answer is read.
    """
    with translate_errors(listing.name, listing.commit, path):
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


@contextmanager
def translate_errors(name: str, revision: str | None, path: str = "") -> Iterator[None]:
    """Raise the client's errors as sentences with a remedy; errors of the disk pass."""
    _silence_client()
    try:
        yield
    # The last five come of the client reading an answer that no hub gives: a proxy's page, say.
    except (
        httpx2.HTTPError,
        httpx2.InvalidURL,
        AttributeError,
        KeyError,
        OSError,
        TypeError,
        ValueError,
    ) as error:
        if isinstance(error, OSError) and error.errno:
            raise
        raise _explain(error, name, revision, path) from None


def _silence_client() -> None:
    """Turn off the client's own bars and warnings. Raises MissingPackage and HubError."""
    try:
        from huggingface_hub.utils.tqdm import disable_progress_bars, tqdm
    except ImportError:
        raise MissingPackage(
            "huggingface_hub is not installed; it comes with the engine: run `make run` once."
        ) from None
    except ValueError as error:
        raise HubError(
            f"A variable of the hub's client is wrong ({error}): see HF_HUB_*."
        ) from None
    disable_progress_bars()
    tqdm.monitor_interval = 0  # else the first bar, though off, starts a thread for all time
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)


def _explain(error: Exception, name: str, revision: str | None, path: str) -> LauncherError:
    from huggingface_hub import errors

    cause = error.__cause__ if isinstance(error, errors.LocalEntryNotFoundError) else error
    if isinstance(cause, errors.HFValidationError):
        return HubError(
            f"{name} is neither on this machine nor a hub id such as openai/gpt-oss-20b."
        )
    if isinstance(cause, errors.HfHubHTTPError):
        return _explain_status(cause, name, revision, path)
    if isinstance(cause, httpx2.HTTPError):
        return HubUnavailable(
            f"{name} cannot be fetched, because the hub {hub_endpoint()} is not reached or went "
            f"silent ({type(cause).__name__}): check the network, HTTPS_PROXY and HF_ENDPOINT."
        )
    if isinstance(cause, OSError) and not isinstance(cause, errors.FileMetadataError):
        return HubUnavailable(f"The hub ended {path} of {name} too early: start again later.")
    return HubError(
        f"{hub_endpoint()} does not answer as a model hub does for {name}: check HF_ENDPOINT."
    )


def _explain_status(
    error: HfHubHTTPError, name: str, revision: str | None, path: str
) -> LauncherError:
    from huggingface_hub import errors

    status, hub = error.response.status_code, hub_endpoint()
    if status in (408, 429) or status >= 500:
        return HubUnavailable(f"The hub answers {status} for {name}: start again later.")
    if isinstance(error, errors.GatedRepoError):
        sentence = (
            f"{name} is gated: accept its terms at {hub}/{name}, and set HF_TOKEN to a token of "
            "the account that did."
        )
    elif isinstance(error, errors.RevisionNotFoundError):
        sentence = (
            f"{name} has no revision {revision}: correct MMHIE_REASONER_REVISION, or "
            "MMHIE_BASE_REVISION for an adapter's base."
        )
    elif path and status in (404, 416):
        sentence = (
            f"The hub does not have all that it lists of {path} of {name}: start again later."
        )
    else:
        sentence = (
            f"The hub answers {status} for {name}: correct the name, or set HF_TOKEN to one that "
            "may read it."
        )
    return HubError(sentence)
