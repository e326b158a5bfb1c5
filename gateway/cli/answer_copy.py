"""A copy of an answer, recognised by the digests in the audit trail."""

from collections.abc import Iterator
from pathlib import Path

from gateway.cli.command import CommandError
from gateway.safety.labels import keyed_digest
from gateway.settings.gateway import load

MOST_BYTES = 10_000_000  # no answer is longer
LABELS = 8  # paragraphs before or after an answer, at most: notices, what was cut, disclaimer


def digests_of(path: Path) -> list[str]:
    """Return the digests of the answers that a file may be a copy of, with or without the labels
    around them. Raises CommandError."""
    key = load().digest_key
    if key is None:
        raise CommandError("MMHIE_DIGEST_KEY must be set, to the key of when the answer was given.")
    text = read_text(path)
    lines = text.replace("\r\n", "\n")  # editors change line ends, and add a last one
    forms = {text, lines, lines.removesuffix("\n"), *parts(lines)}
    return sorted(keyed_digest(key.get_secret_value().encode(), form) for form in forms)


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
