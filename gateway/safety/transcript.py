"""The texts of one request and its answers, collected for the vault."""

from collections.abc import Sequence

from gateway.limits.memory_budget import MemoryLease
from gateway.runtime.json_types import Json
from gateway.safety.labels import Digest, format_digest

STEP_BYTES = 16 * 1024  # by which the memory of a text is counted


class Transcript:
    """A request as it was received, and every text of which a digest was made; it holds their
    memory until it is released."""

    def __init__(self, request: bytes, lease: MemoryLease) -> None:
        """Raise OutOfMemory."""
        lease.hold(len(request))
        self.request = request
        self.is_whole = False
        self._lease = lease
        self._digests: list[KeepingDigest] = []

    def listen(self, mac: Digest) -> "KeepingDigest":
        """Return a digest that keeps its text here."""
        digest = KeepingDigest(mac, self._lease)
        self._digests.append(digest)
        return digest

    def texts(self, digests: Sequence[str]) -> list[Json]:
        """Return the text of each of these digests."""
        heard = {format_digest(digest): digest for digest in self._digests}
        return [
            {"output_digest": name, "text": heard[name].text()} for name in digests if name in heard
        ]

    def release(self) -> None:
        """Give its memory back."""
        self._lease.add(-self._lease.held_bytes)


class KeepingDigest:
    """A digest that also keeps what it is of."""

    def __init__(self, mac: Digest, lease: MemoryLease) -> None:
        self._mac = mac
        self._lease = lease
        self._room = 0
        self._heard = bytearray()

    def update(self, text: bytes) -> None:
        """Take in more text."""
        self._mac.update(text)
        self._heard += text
        if len(self._heard) > self._room:
            more = len(self._heard) - self._room + STEP_BYTES
            self._lease.add(more)
            self._room += more

    def hexdigest(self) -> str:
        return self._mac.hexdigest()

    def text(self) -> str:
        return self._heard.decode(errors="replace")
