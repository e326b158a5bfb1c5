"""Download of a large file in ranges: resumed where a connection or an earlier run was cut."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from launcher.errors import HubUnavailable
from launcher.models import hub_client
from launcher.models.hub_client import HubFile, Listing

# In a row without a new byte. With the client's HF_HUB_DOWNLOAD_TIMEOUT of 10 s, a silent hub is
# given up after two minutes.
ATTEMPTS: Final = 8
FIRST_PAUSE_S: Final = 0.25
LONGEST_PAUSE_S: Final = 8.0

# Takes the number of new bytes; negative if bytes were dropped.
Advance = Callable[[int], object]


def partial_path(target: Path) -> Path:
    """Return the path of an incomplete file, which the next run resumes."""
    return target.with_name(f"{target.name}.mmhie-partial")


def length(path: Path) -> int:
    """Return a file's size, 0 if there is none."""
    return path.stat().st_size if path.exists() else 0


def download(listing: Listing, file: HubFile, target: Path, advance: Advance) -> None:
    """Download a file, which appears at its target once its length is right.

    Raises HubError, HubUnavailable and OSError.
    """
    partial = partial_path(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    advance(length(partial))
    failures = 0
    while (start := length(partial)) < file.size:
        try:
            _append(listing, file, partial, advance)
        except HubUnavailable as error:
            failures = failures + 1 if length(partial) <= start else 0
            if failures == ATTEMPTS:
                raise HubUnavailable(
                    f"{str(error).rstrip('.')}; what came is kept, and the next run resumes it."
                ) from None
            time.sleep(min(FIRST_PAUSE_S * 2**failures, LONGEST_PAUSE_S))
    partial.replace(target)


def _append(listing: Listing, file: HubFile, partial: Path, advance: Advance) -> None:
    """Append the body of one answer; raise HubUnavailable if the file is still incomplete."""
    start = length(partial)
    with hub_client.open_file(listing, file.path, start) as response:
        if response.status_code != 206 and start:
            advance(-start)
            partial.unlink()
        with partial.open("ab") as stream:
            for chunk in response.iter_raw():
                part = chunk[: file.size - stream.tell()]  # a broken mirror may send without end
                stream.write(part)
                advance(len(part))
                if len(part) < len(chunk):
                    return
    if (end := length(partial)) < file.size:
        raise HubUnavailable(
            f"The hub ended {file.path} of {listing.name} at {end} of {file.size} bytes: start "
            "again later."
        )
