"""One file from the hub: resumed where it was cut, and kept only when its digest is right."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from launcher.errors import HubError, HubUnavailable
from launcher.models import hub_client
from launcher.models.digests import BLOCK_BYTES, Advance, hasher
from launcher.models.hub_client import HubFile

LONGEST_PAUSE_S: Final = 8.0


class Patience:
    """The longest time without a new byte; what fails within it is tried again."""

    def __init__(self, limit_s: float) -> None:
        self.limit_s = limit_s
        self.renew()

    def renew(self) -> None:
        """Begin anew: something came."""
        self._since = time.monotonic()
        self._pause_s = 0.25

    def lasts(self) -> bool:
        """Pause before the next attempt; return whether there is time for one."""
        left_s = self._since + self.limit_s - time.monotonic()
        if left_s > 0:
            time.sleep(min(self._pause_s, left_s))
            self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S)
        return left_s > 0


@dataclass(frozen=True, slots=True)
class Download:
    """A file of a commit, and the path that it gets when it is whole."""

    name: str
    commit: str
    file: HubFile
    target: Path

    @property
    def partial(self) -> Path:
        """The beginning of the file, which the next run resumes."""
        return self.target.with_name(f"{self.target.name}.mmhie-partial")

    @property
    def left(self) -> int:
        """Return the bytes that have to come."""
        there = self.partial.stat().st_size if self.partial.exists() else 0
        return max(0, self.file.size - there)

    def run(self, limit_s: float, advance: Advance) -> None:
        """Fetch the file; `advance` gets the bytes that are there, negative when they were wrong.

        Raises HubError, HubUnavailable and OSError.
        """
        for _ in range(2):  # what was resumed may be the beginning of other bytes
            part = PartialFile(self.partial, self.file, advance)
            with part.stream:
                self._receive(part, Patience(limit_s))
            if part.digest == self.file.digest:
                self.partial.replace(self.target)
                return
            part.advance(-part.size)
            self.partial.unlink()
        raise HubError(
            f"{self.file.path} of {self.name} was damaged on its way twice: it changes on the hub, "
            "or a proxy or mirror is broken; start again later."
        )

    def _receive(self, part: "PartialFile", patience: Patience) -> None:
        furthest = part.size
        while part.size < self.file.size:
            try:
                self._append(part, min(hub_client.SILENCE_S, patience.limit_s))
            except HubUnavailable as error:
                if part.size > furthest:
                    patience.renew()
                furthest = max(furthest, part.size)
                if not patience.lasts():
                    raise HubUnavailable(
                        f"{str(error).rstrip('.')}; nothing came for {patience.limit_s:.0f} s "
                        "(HF_HUB_DOWNLOAD_TIMEOUT), and what came before is kept."
                    ) from None

    def _append(self, part: "PartialFile", silence_s: float) -> None:
        """Append what one answer brings; raise HubUnavailable when it was not all."""
        start, path = part.size, self.file.path
        with hub_client.opened(self.name, self.commit, path, start, silence_s) as response:
            if start and not response.headers.get("content-range", "").startswith(
                f"bytes {start}-"
            ):
                part.restart()
            for chunk in response.iter_raw():
                part.append(chunk)
                if part.size > self.file.size:
                    part.restart()
                    raise HubError(
                        f"The hub sends more of {path} of {self.name} than it lists: it changes "
                        "there, or HF_ENDPOINT is a broken mirror; start again later."
                    )
        if part.size < self.file.size:
            raise HubUnavailable(
                f"The hub ended {path} of {self.name} at {part.size} of {self.file.size} bytes: "
                "start again later."
            )


class PartialFile:
    """The beginning of a file on disk, and the digest of what is there."""

    def __init__(self, path: Path, file: HubFile, advance: Advance) -> None:
        self.stream = path.open("a+b")
        self.advance = advance
        self._file = file
        self._hash = hasher(file.digest, file.size)
        self.size = 0
        self._read()

    @property
    def digest(self) -> str:
        return self._hash.hexdigest()

    def append(self, chunk: bytes) -> None:
        """Write a chunk behind what is there."""
        self.stream.write(chunk)
        self._count(chunk)

    def restart(self) -> None:
        """Drop what is there."""
        self.stream.truncate(0)
        self.advance(-self.size)
        self.size, self._hash = 0, hasher(self._file.digest, self._file.size)

    def _read(self) -> None:
        self.stream.seek(0)
        while block := self.stream.read(BLOCK_BYTES):
            self._count(block)
        if self.size > self._file.size:
            self.restart()

    def _count(self, block: bytes) -> None:
        self._hash.update(block)
        self.size += len(block)
        self.advance(len(block))
