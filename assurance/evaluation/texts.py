"""Labelled texts for the suite red-flags: `## emergency: kind` or `## other: kind` opens a group,
then a text a line, with `\\n` for its line breaks; what stands before a tab is its topic.

The release sets of docs/red-flags.md are such files.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from assurance.evaluation.items import MOST_BYTES, DataError
from launcher.json_types import Json

GROUPS: Final = {"emergency": "emergencies", "other": "others"}
LANGUAGE: Final = re.compile(r"[a-z]{2}")


def rows(file: Path) -> Iterator[tuple[int, Json]]:
    """Yield line and item of each text of a file. Raises DataError."""
    label = ""
    for number, line in enumerate(lines(file), start=1):
        if line.startswith("## "):
            label = label_of(file, number, line)
        elif line:
            text = line.rpartition("\t")[2].replace("\\n", "\n")
            yield number, item(f"{file.stem}-{number}", language_in_name(file), label, text)


def lines(file: Path) -> list[str]:
    """Return the lines of a file. Raises DataError."""
    try:
        texts = file.read_text("utf-8-sig").split("\n")
    except OSError as error:
        raise DataError(f"{file} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise DataError(f"{file} is no text in UTF-8: save it so.") from None
    for number, line in enumerate(texts, start=1):
        if len(line) > MOST_BYTES:
            raise DataError(f"{file}, line {number}: a text has at most {MOST_BYTES // 1000} KB.")
    if not next(filter(None, texts), "").startswith("## "):
        raise DataError(f"{file} has to begin with `## emergency: kind` or `## other: kind`.")
    return texts


def label_of(file: Path, number: int, line: str) -> str:
    """Return the label that a group opens with. Raises DataError."""
    label = line[3:].partition(":")[0].strip()
    if label not in GROUPS:
        raise DataError(f"{file}, line {number}: a label is `emergency` or `other`.")
    return label


def language_in_name(file: Path) -> str:
    """Return the language that the file is named by, as in `de.txt`; English otherwise."""
    return file.stem if LANGUAGE.fullmatch(file.stem) else "en"


def item(name: str, language: str, label: str, text: str) -> Json:
    """Return the item of a text: a notice is expected for an emergency, and none for another."""
    rule = {"kind": "notice", "expected": label == "emergency"}
    return {"id": name, "group": GROUPS[label], "language": language, "prompt": text, "rule": rule}
