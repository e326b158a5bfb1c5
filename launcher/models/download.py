"""Download of a file in ranges: resumed where a connection or an earlier run was cut."""

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

from launcher.errors import HubError, HubUnavailable
from launcher.models import digests, hub_client, weights
from launcher.models.hub_client import HubFile, Listing

# In a row without a new byte. With the client's HF_HUB_DOWNLOAD_TIMEOUT of 10 s, a silent hub is
# given up after two minutes.
ATTEMPTS: Final = 8
FIRST_PAUSE_S: Final = 0.25
LONGEST_PAUSE_S: Final = 8.0

# Files that describe a model, with which a plan is made before its weights are here.
DESCRIPTION: Final = ("*config.json", "chat_template.jinja", "modules.json", weights.INDEX)

# Takes the number of new bytes; negative if bytes were dropped.
Advance = Callable[[int], object]


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
    """Download a file, which appears at its target once its length is right.

    Raises HubError, HubUnavailable and OSError.
    """
    partial = partial_path(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    partial.touch()
    advance(partial.stat().st_size)
    failures = 0
    while (start := partial.stat().st_size) < file.size:
        try:
            _append(listing, file, partial, advance)
        except HubUnavailable as error:
            failures = failures + 1 if partial.stat().st_size <= start else 0
            if failures == ATTEMPTS:
                raise HubUnavailable(
                    f"{str(error).rstrip('.')}; what came is kept, and the next run resumes it."
                ) from None
            time.sleep(min(FIRST_PAUSE_S * 2**failures, LONGEST_PAUSE_S))
    partial.replace(target)


def _append(listing: Listing, file: HubFile, partial: Path, advance: Advance) -> None:
    """Append the body of one answer; raise HubUnavailable if the file is still incomplete."""
    start = partial.stat().st_size
    with (
        hub_client.open_file(listing, file.path, start) as response,
        partial.open("ab") as stream,
    ):
        if response.status_code != 206:
            advance(-start)
            stream.truncate(0)
        for chunk in response.iter_raw():
            part = chunk[: file.size - stream.tell()]  # a broken mirror may send without end
            stream.write(part)
            advance(len(part))
            if len(part) < len(chunk):
                return
        if stream.tell() < file.size:
            raise HubUnavailable(f"The hub ended {file.path} of {listing.name} too early.")
