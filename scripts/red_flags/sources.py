"""Read the public data of sources.toml from clones at fixed commits, and check its digests."""

import csv
import hashlib
import io
import json
import subprocess
import tomllib
import xml.etree.ElementTree as ET  # its input is refused unless its digest is the recorded one
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TABLE = Path(__file__).with_name("sources.toml")


@dataclass(frozen=True, slots=True)
class Example:
    """An English text with its labels."""

    text: str
    is_emergency: bool
    kind: str  # question, transcript, record, exam, research


def sources(use: str) -> list[dict[str, Any]]:
    """Return the table's sources for `train` or `test`."""
    table = tomllib.loads(TABLE.read_text("utf-8"))["source"]
    return [source for source in table if source["use"] == use]


def read(source: Mapping[str, Any], clones: Path) -> list[Example]:
    """Return the examples of a source; clone its repository if there is no clone."""
    clone = find_clone(source, clones)
    examples: list[Example] = []
    for path, digest in source["files"].items():
        content = read_blob(clone, source["commit"], path)
        actual = hashlib.sha256(content).hexdigest()
        if actual != digest:
            raise SystemExit(f"{source['name']}: {path} has the digest {actual}, not {digest}.")
        examples += READERS[source["reader"]](content.decode())
    return examples


def find_clone(source: Mapping[str, Any], clones: Path) -> Path:
    """Return the bare clone of a source's repository, made if it is missing."""
    clone = clones / str(source["repository"]).replace("/", "+")
    if (clone / "repo").is_dir():
        return clone / "repo"
    if not clone.is_dir():
        url = f"https://github.com/{source['repository']}"
        subprocess.run(["git", "clone", "--bare", "--quiet", url, str(clone)], check=True)  # noqa: S607  git of the developer's machine
    return clone


def read_blob(clone: Path, commit: str, path: str) -> bytes:
    """Return a file's content, or that of all files of a folder in their order, at a commit."""
    if not path.endswith("/"):
        return run_git(clone, "show", f"{commit}:{path}")
    names = run_git(clone, "ls-tree", "--name-only", commit, path).decode().splitlines()
    return b"".join(run_git(clone, "show", f"{commit}:{name}") for name in names)


def run_git(clone: Path, *arguments: str) -> bytes:
    return subprocess.run(
        ["git", "-C", str(clone), *arguments],  # noqa: S607  git of the developer's machine
        check=True,
        capture_output=True,
    ).stdout


def visits(content: str) -> Iterator[Example]:
    """ACI-Bench: a visit's dialogue and the note written of it."""
    for row in csv.DictReader(io.StringIO(content)):
        yield Example(row["dialogue"], False, "transcript")
        yield Example(row["note"], False, "record")


def sections(content: str) -> Iterator[Example]:
    """MTS-Dialog: a short dialogue and its section of a note."""
    for row in csv.DictReader(io.StringIO(content)):
        yield Example(row["dialogue"], False, "transcript")
        if len(row["section_text"]) > 80:
            yield Example(f"{row['section_header']}: {row['section_text']}", False, "record")


def abstracts(content: str) -> Iterator[Example]:
    """PubMedQA: a study's question and its abstract."""
    for row in json.loads(content).values():
        yield Example(row["QUESTION"], False, "research")
        yield Example("\n".join(row["CONTEXTS"]), False, "research")


def exam(content: str) -> Iterator[Example]:
    """Exam items: with their options, and one in four without."""
    for number, row in enumerate(lines(content)):
        options = [f"{key}) {value}" for key, value in row["options"].items()] if number % 4 else ()
        yield Example("\n".join([row["question"], *options]), False, "exam")


def consumer_questions(content: str) -> Iterator[Example]:
    """TREC LiveQA: what people wrote to a library of medicine."""
    for message in ET.fromstring(content).iter("MESSAGE"):  # noqa: S314  recorded digest
        if message.text and message.text.strip():
            yield Example(message.text.strip(), False, "question")


def risk_tiers(content: str) -> Iterator[Example]:
    """ClinicaFlow: complaint, history and vital signs; `urgent` is left out."""
    for row in lines(content):
        tier = row["labels"]["gold_risk_tier"]
        if tier != "urgent":
            given, about = row["input"], row["input"].get("demographics", {})
            complaint = (
                f"{about.get('age', '')} {about.get('sex', '')}. {given['chief_complaint']}."
            )
            text = f"{complaint} {given.get('history', '')}"
            yield Example(text, tier == "critical", "question")


def urgency(content: str) -> Iterator[Example]:
    """Semigran: cases for symptom checkers; those that need no emergency care are the others."""
    for row in lines(content):
        yield Example(row["case_description"], row["urgency_level"] == "em", "question")


def conversations(content: str) -> Iterator[Example]:
    """HealthBench: all emergencies, and every second of the others."""
    return (talk for at, talk in enumerate(_talks(content)) if talk.is_emergency or at % 2)


def other_conversations(content: str) -> Iterator[Example]:
    """HealthBench: the others of `conversations`, its first half."""
    return (talk for at, talk in enumerate(_talks(content)) if not (talk.is_emergency or at % 2))


def _talks(content: str) -> Iterator[Example]:
    """Yield the user's last turns; conditional emergencies are left out."""
    category = "physician_agreed_category:"
    for row in lines(content):
        tags = row["example_tags"]
        if f"{category}conditionally-emergent" not in tags:
            turns = [turn["content"] for turn in row["prompt"] if turn["role"] == "user"]
            text, label = "\n\n".join(turns[-3:]), f"{category}emergent" in tags
            yield Example(text, label, "question")


def lines(content: str) -> Iterator[dict[str, Any]]:
    return (json.loads(line) for line in content.splitlines() if line.strip())


READERS: dict[str, Callable[[str], Iterator[Example]]] = {
    each.__name__: each
    for each in (
        visits,
        sections,
        abstracts,
        exam,
        consumer_questions,
        risk_tiers,
        urgency,
        conversations,
        other_conversations,
    )
}
