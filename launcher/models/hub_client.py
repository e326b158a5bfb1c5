"""The model hub: a repository's files at a commit, their bytes, and its refusals as sentences.

Address, token and proxies are its client's own: HF_ENDPOINT, HF_TOKEN, HTTPS_PROXY.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final

import httpx2

from launcher.errors import HubError, HubUnavailable, LauncherError, MissingPackage
from launcher.json_types import parse_foreign
from launcher.settings import hub_endpoint

if TYPE_CHECKING:
    from huggingface_hub.errors import HfHubHTTPError
    from huggingface_hub.hf_api import RepoSibling

# A connection that is silent this long is given up and opened again.
SILENCE_S: Final = 20.0
ANSWER_S: Final = 10.0
WEIGHTS: Final = (".safetensors", ".bin", ".gguf")
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
    }
)


@dataclass(frozen=True, slots=True)
class HubFile:
    """A file of a repository; its digest is the SHA-256 of a large one, git's SHA-1 of others."""

    path: str
    size: int
    digest: str


@dataclass(frozen=True, slots=True)
class Listing:
    """A repository's files at the commit that a revision meant when it was asked for."""

    name: str
    commit: str
    files: tuple[HubFile, ...]

    def has(self, path: str) -> bool:
        """Return whether a file of this name is there."""
        return any(file.path == path for file in self.files)


def listing(name: str, revision: str | None) -> Listing:
    """Ask the hub for a repository's files. Raises HubError, HubUnavailable, MissingPackage."""
    with translated(name, revision):
        from huggingface_hub import HfApi

        info = HfApi(hub_endpoint()).model_info(
            name, revision=revision, files_metadata=True, timeout=ANSWER_S
        )
        files = tuple(_file(sibling) for sibling in info.siblings or ())
        if not info.sha:
            raise ValueError("no commit")
    _check(name, files)
    return Listing(name, info.sha, files)


def _check(name: str, files: Sequence[HubFile]) -> None:
    """Raise HubError for a listing by which no model can be planned or fetched."""
    counts = Counter(file.path for file in files)
    if twice := sorted(path for path, count in counts.items() if count > 1):
        raise HubError(f"The hub lists {twice[0]} of {name} twice: start again later.")
    weights = [file for file in files if file.path.endswith(WEIGHTS)]
    if empty := sorted(file.path for file in weights if file.size < 1):
        raise HubError(f"The hub lists {empty[0]} of {name} with no bytes: start again later.")


def _file(sibling: RepoSibling) -> HubFile:
    path, size = PurePosixPath(sibling.rfilename), sibling.size
    digest = sibling.lfs.sha256 if sibling.lfs else sibling.blob_id
    is_named = not path.is_absolute() and ".." not in path.parts
    if not is_named or not isinstance(size, int) or not (digest or "").isalnum():
        raise ValueError("no size, digest or proper name")
    return HubFile(str(path), size, str(digest))


@contextmanager
def opened(
    name: str, commit: str, path: str, start: int = 0, silence_s: float = SILENCE_S
) -> Iterator[httpx2.Response]:
    """Open the answer with a file's bytes from `start` on; status 200 means from the beginning.

    Raises HubError and HubUnavailable, also for what is raised while it is read.
    """
    with translated(name, commit, path):
        from huggingface_hub import get_session, get_token, hf_hub_url, hf_raise_for_status

        # compressed on the way, a file could not be resumed
        headers = {"accept-encoding": "identity"}
        if token := get_token():
            headers["authorization"] = f"Bearer {token}"
        if start:
            headers["range"] = f"bytes={start}-"
        url = hf_hub_url(name, path, revision=commit, endpoint=hub_endpoint())
        with get_session().stream("GET", url, headers=headers, timeout=silence_s) as response:
            hf_raise_for_status(response)
            yield response


@contextmanager
def description(found: Listing) -> Iterator[Path]:
    """Fetch the small files that describe a model into a folder that is removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="mmhie-model-") as folder:
        for path in sorted(DESCRIPTION & {file.path for file in found.files}):
            with opened(found.name, found.commit, path) as response:
                body = response.read()
            _check_json(found.name, path, body)
            (Path(folder) / path).write_bytes(body)
        yield Path(folder)


def _check_json(name: str, path: str, body: bytes) -> None:
    try:
        if path.endswith(".json"):
            parse_foreign(body)
    except ValueError:
        raise HubError(
            f"The hub's {path} of {name} is not valid JSON: start again later."
        ) from None


@contextmanager
def translated(name: str, revision: str | None, path: str = "") -> Iterator[None]:
    """Raise what the hub's client raises as a sentence with its remedy."""
    try:
        from huggingface_hub.errors import HfHubHTTPError, HFValidationError
    except ImportError:
        raise MissingPackage(
            "huggingface_hub is not installed; it comes with the engine: run `make run` once."
        ) from None
    try:
        yield
    except HFValidationError:
        raise HubError(
            f"{name} is neither on this machine nor a hub id such as openai/gpt-oss-20b."
        ) from None
    except HfHubHTTPError as error:
        raise _refusal(error, name, revision, path) from None
    except httpx2.HTTPError as error:
        raise HubUnavailable(
            f"{name} cannot be fetched, because the hub {hub_endpoint()} is not reached or went "
            f"silent ({type(error).__name__}): check the network, HTTPS_PROXY and HF_ENDPOINT."
        ) from None
    except (httpx2.InvalidURL, AttributeError, KeyError, TypeError, ValueError):
        raise HubError(
            f"{hub_endpoint()} does not answer as a model hub does for {name}: check HF_ENDPOINT."
        ) from None


def _refusal(error: HfHubHTTPError, name: str, revision: str | None, path: str) -> LauncherError:
    status = error.response.status_code
    if status in (408, 429) or status >= 500:
        return HubUnavailable(f"The hub answers {status} for {name}: start again later.")
    return HubError(_sentence(error, name, revision, path))


def _sentence(error: HfHubHTTPError, name: str, revision: str | None, path: str) -> str:
    """Return what to do about an answer that will stay the same; the first row that applies."""
    from huggingface_hub import errors

    status = error.response.status_code
    rows = (
        (
            isinstance(error, errors.GatedRepoError),
            f"{name} is gated: accept its terms at {hub_endpoint()}/{name}, and set HF_TOKEN to a "
            "token of the account that did.",
        ),
        (
            isinstance(error, errors.RevisionNotFoundError),
            f"{name} has no revision {revision}: correct MMHIE_REASONER_REVISION, or "
            "MMHIE_BASE_REVISION for an adapter's base.",
        ),
        (
            bool(path) and status == 404,
            f"The hub lists {path} of {name} and does not have it: start again later.",
        ),
        (
            isinstance(error, errors.RepositoryNotFoundError) or status == 404,
            f"The hub has no {name} that may be read: correct the name, or set HF_TOKEN if it is "
            "private.",
        ),
        (
            status in (401, 403),
            f"The hub refuses {name} ({status}): set HF_TOKEN to a token that may read it.",
        ),
        (status == 416, f"The hub's {path} of {name} is shorter than it lists: start again later."),
        (True, f"The hub answers {status} for {name}: check HF_ENDPOINT."),
    )
    return next(sentence for applies, sentence in rows if applies)
