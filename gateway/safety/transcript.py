"""The texts of one request and its answers, collected for the vault."""

from collections.abc import Sequence

from gateway.limits.memory_budget import MemoryLease
from gateway.runtime.json_types import Json
from gateway.safety.labels import Digest, format_digest

STEP_BYTES = 16 * 1024  # of memory that a text reserves at once


class Transcript:
    """A request as received, and each text of its answers. Call `release` to return the memory."""

    def __init__(self, request: bytes, lease: MemoryLease) -> None:
        """Raise OutOfMemory."""
        lease.hold(len(request))
        self.request = request
        self.is_whole = False
        self._lease = lease
        self._digests: list[KeepingDigest] = []

    def listen(self, mac: Digest) -> "KeepingDigest":
        """Return a digest that stores its text in this transcript."""
        digest = KeepingDigest(mac, self._lease)
        self._digests.append(digest)
        return digest

    def texts(self, digests: Sequence[str]) -> list[Json]:
        """Return the text of each of these digests."""
        known = {format_digest(digest): digest for digest in self._digests}
        return [
            {"output_digest": name, "text": known[name].text()} for name in digests if name in known
        ]

    def release(self) -> None:
        """Return the memory to the budget."""
        self._lease.add(-self._lease.held_bytes)


class KeepingDigest:
    """A digest that also stores the text."""

    def __init__(self, mac: Digest, lease: MemoryLease) -> None:
        self._mac = mac
        self._lease = lease
        self._room = 0
        self._text = bytearray()

    def update(self, text: bytes) -> None:
        self._mac.update(text)
        self._text += text
        if len(self._text) > self._room:
            more = len(self._text) - self._room + STEP_BYTES
            self._lease.add(more)
            self._room += more

    def hexdigest(self) -> str:
        return self._mac.hexdigest()

    def text(self) -> str:
        return self._text.decode(errors="replace")
