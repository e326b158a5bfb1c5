"""A copy of an answer, recognised by the digests in the audit trail."""

from collections.abc import Iterator
from pathlib import Path

from gateway.cli.command import CommandError
from gateway.runtime.json_types import Json
from gateway.safety.labels import keyed_digest
from gateway.settings.gateway import load

MOST_BYTES = 10_000_000  # no answer is longer
LABELS = 8  # paragraphs before or after an answer, at most: notices, what was cut, disclaimer


class AnswerCopy:
    """A text that may be an exact copy of an answer, with or without the labels around it."""

    def __init__(self, text: str, digest_key: bytes) -> None:
        lines = text.replace("\r\n", "\n")  # editors change line ends, and add a last one
        forms = {text, lines.removesuffix("\n"), lines.strip()}
        self._whole = {keyed_digest(digest_key, form) for form in forms}
        self._parts = {keyed_digest(digest_key, part) for part in parts(lines)}
        self.is_whole = False  # True once a record matches the whole text

    @classmethod
    def read(cls, path: Path) -> "AnswerCopy":
        """Read a file. Raises CommandError."""
        key = load().digest_key
        if key is None:
            raise CommandError(
                "MMHIE_DIGEST_KEY must be set, to the key of when the answer was given."
            )
        return cls(read_text(path), key.get_secret_value().encode())

    @property
    def digests(self) -> list[str]:
        """The digests of the answers that it may be."""
        return sorted(self._whole | self._parts)

    def note(self, record: Json) -> Json:
        """Note whether a request got the whole text as its answer, and return its record."""
        self.is_whole |= not self._whole.isdisjoint(record.get("output_digests", ()))
        return record


def read_text(path: Path) -> str:
    """Return the text of a file. Raises CommandError."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise CommandError(f"{path} is longer than any answer: name a copy of one answer.")
        return path.read_bytes().decode()
    except (OSError, UnicodeDecodeError):
        raise CommandError(f"{path} cannot be read as text in UTF-8: name another file.") from None


def parts(text: str) -> Iterator[str]:
    """Yield the text without some first and last paragraphs, which may be labels."""
    paragraphs = text.strip().split("\n\n")
    for start in range(min(LABELS, len(paragraphs))):
        for end in range(len(paragraphs), max(start, len(paragraphs) - LABELS), -1):
            yield "\n\n".join(paragraphs[start:end])
