"""`mmhie audit check`: whether a stored answer is what its signature says, by the public key."""

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import orjson
import typer

from gateway.cli.audit_verify import read_public_keys
from gateway.cli.command import AsJson, CommandError, NegativeResult, describe, put
from gateway.runtime.json_types import Json
from gateway.safety.labels import plain_digest
from gateway.safety.signatures import SignatureInvalid, signed_payload

Answer = Annotated[
    Path, typer.Argument(help="Stored answer: its JSON, or its stream.", show_default=False)
]
Key = Annotated[
    Path,
    typer.Option(
        help="Public key (PEM), or the output of /v1/mmhie/signing-key.", show_default=False
    ),
]
MOST_BYTES = 10_000_000  # no answer is longer
LABELS = 8  # paragraphs before or after an answer, at most: notices, what was cut, disclaimer
AROUND = "The answer has other paragraphs before or after it, which are not signed.\n"


@dataclass(slots=True)
class SignedAnswer:
    """The labels with a signature in a stored answer, and the text of each of its choices."""

    labels: list[Json] = field(default_factory=list)
    texts: dict[int, str] = field(default_factory=dict)

    @classmethod
    def of(cls, events: Iterable[Json]) -> "SignedAnswer":
        """Collect labels and texts; a stream has the first half of a label in its first event."""
        stored, first = cls(), dict[str, object]()
        for event in events:
            for index, text in texts_in(event):
                stored.texts[index] = stored.texts.get(index, "") + text
            label = label_in(event)
            whole = {**first, **label}
            whole["provenance"] = {**dict_in(first, "provenance"), **dict_in(label, "provenance")}
            if "signature" in label:
                stored.labels.append(whole)
            first = first or label
        return stored

    def is_proved(self, *, whole: bool = False) -> bool:
        """Return whether each text, or all as one, has a digest of a label, and each label is of
        one; a text that is not `whole` may have other paragraphs around."""
        digests = {str(label["provenance"].get("output_sha256")) for label in self.labels}
        texts = [text for _, text in sorted(self.texts.items()) if text] or [""]
        matches = [digests & digests_of(text, () if whole else parts(text)) for text in texts]
        in_one = digests_of("".join(texts), ()) == digests
        return in_one or (all(matches) and set[str]().union(*matches) == digests)


def check(file: Answer, key: Key, as_json: AsJson = False) -> None:
    """Verify the signature of a stored answer with the public key alone; exit code 1 if label or
    text was changed. It covers the text, not reasoning and tool calls."""
    keys, stored = read_public_keys(key), SignedAnswer.of(events_in(read_text(file)))
    if not stored.labels:
        raise NegativeResult(f"{file} has no signature: it was not signed, or a part is missing.")
    signed = []
    for label in stored.labels:
        try:
            kid = keys.verify(str(label["signature"]), signed_payload(label))
        except SignatureInvalid as problem:
            raise NegativeResult(f"{file} is not proved: {problem}.") from None
        signed.append({**orjson.loads(signed_payload(label)), "kid": kid})
    if not stored.is_proved():
        raise NegativeResult(f"{file} has another text than the one that was signed.")
    put("\n\n".join(map(describe, signed)), {"signed": signed}, as_json=as_json)
    if not stored.is_proved(whole=True):
        sys.stderr.write(AROUND)


def digests_of(text: str, others: Iterable[str]) -> set[str]:
    return {f"sha256:{plain_digest(form)}" for form in (text, *others)}


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


def events_in(text: str) -> Iterator[Json]:
    """Yield the JSON objects of an answer or of the events of a stream."""
    lines = [line[5:] for line in text.splitlines() if line.startswith("data:")]
    for content in lines or [text]:
        try:
            event = orjson.loads(content)
        except orjson.JSONDecodeError:
            continue
        if isinstance(event, dict):
            yield event


def label_in(event: Json) -> Json:
    """Return the label in an answer or event of any API."""
    places = (event, dict_in(event, "response"), dict_in(event, "message"))
    return next((label for place in places if (label := dict_in(place, "mmhie"))), {})


def texts_in(event: Json) -> Iterator[tuple[int, str]]:
    """Yield the text in an answer or event of any API, each with the number of its choice."""
    for choice in dicts_in(event, "choices"):
        part = dict_in(choice, "message") or dict_in(choice, "delta")
        yield int(choice.get("index", 0)), part.get("content") or choice.get("text") or ""
    kind = str(event.get("type", ""))
    if kind.startswith("response."):  # the closing event repeats the whole answer
        event = dict_in(event, "response") if "signature" in label_in(event) else {}
    for item in dicts_in(event, "output"):
        yield from texts_of(dicts_in(item, "content"), "output_text")
    yield from texts_of(dicts_in(event, "content"), "text")
    if kind in ("content_block_start", "content_block_delta"):
        yield 0, (dict_in(event, "delta") or dict_in(event, "content_block")).get("text") or ""
    elif not kind:
        yield from (
            (0, text) for name in ("text", "delta") if isinstance(text := event.get(name), str)
        )


def texts_of(blocks: Iterable[Json], kind: str) -> Iterator[tuple[int, str]]:
    return ((0, str(block.get("text") or "")) for block in blocks if block.get("type") == kind)


def dict_in(place: Json, name: str) -> Json:
    """Return an object's member that is an object, an empty one for anything else."""
    value = place.get(name)
    return value if isinstance(value, dict) else {}


def dicts_in(place: Json, name: str) -> list[Json]:
    """Return the objects in an object's member that is a list."""
    value = place.get(name)
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
