"""The published formats of the medical question sets, read as items.

| set | published as | read here |
|---|---|---|
| MedQA (Jin 2020) | JSONL: question, options {A: ...}, answer_idx | JSONL |
| MedMCQA (Pal 2022) | JSON lines: question, opa to opd, cop | JSONL, CSV |
| PubMedQA (Jin 2019) | `ori_pqal.json`: an object by PMID | JSON, JSONL |
| MMLU (Hendrycks 2021) | `<subject>_test.csv` without a header | a folder of CSV, or one |
| HealthBench (Arora 2025) | JSONL: prompt, rubrics | JSONL |
"""

import csv
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final, Literal, TextIO, TypeVar

from assurance.evaluation.items import MOST_BYTES, DataError, Item, lines, made, unique
from launcher.json_types import Json

Name = Literal["medqa", "medmcqa", "pubmedqa", "mmlu", "healthbench"]
LETTERS: Final = "ABCDEFGHIJ"
MEDICAL_SUBJECTS: Final = (
    *("anatomy", "clinical_knowledge", "college_biology", "college_medicine"),
    *("medical_genetics", "professional_medicine"),
)
DECISIONS: Final = ("yes", "no", "maybe")
Row = tuple[int, Json]
Cells = TypeVar("Cells")


def read(name: Name, file: Path) -> list[Item]:
    """Return the items of a published set. Raises DataError."""
    if name == "mmlu":
        return unique(file, list(mmlu(file)))
    reader = READERS[name]
    rows = list(rows_of(file))
    try:
        items = [made(file, number, item) for number, item in reader(rows)]
    except (KeyError, TypeError, ValueError, AttributeError, IndexError):
        raise DataError(f"{file} is not in the published format of {name}.") from None
    return unique(file, items)


def rows_of(file: Path) -> Iterator[Row]:
    """Yield the rows of a JSONL, JSON, CSV or Parquet file. Raises DataError."""
    suffix = file.suffix.lower()
    if suffix == ".csv":
        yield from enumerate(csv_rows(file, csv.DictReader), start=2)
    elif suffix == ".parquet":
        yield from enumerate(parquet_rows(file), start=1)
    elif suffix == ".json" and (whole := json_object(file)):
        yield from (
            (number, {"pmid": key, **value})
            for number, (key, value) in enumerate(whole.items(), start=1)
        )
    else:
        yield from lines(file)


def json_object(file: Path) -> Json | None:
    """Return the one object by key in a JSON file; None where it holds lines of them."""
    try:
        rows = json.loads(file.read_bytes())
    except OSError as error:
        raise DataError(f"{file} cannot be read: {error.strerror}.") from None
    except (ValueError, RecursionError):
        return None
    has_rows = isinstance(rows, dict) and all(isinstance(row, dict) for row in rows.values())
    return rows if has_rows else None


def csv_rows(file: Path, reader: Callable[[TextIO], Iterable[Cells]]) -> list[Cells]:
    """Return the rows of a CSV file. Raises DataError."""
    csv.field_size_limit(MOST_BYTES)
    try:
        with file.open(newline="", encoding="utf-8-sig") as opened:
            return list(reader(opened))
    except (OSError, ValueError, csv.Error):
        raise DataError(f"{file} cannot be read as CSV in UTF-8.") from None


def parquet_rows(file: Path) -> list[Json]:
    """Return the rows of a Parquet file, which a hub's cache has. Raises DataError."""
    try:
        from pyarrow import parquet  # not ours: where it is installed, it serves
    except ImportError:
        raise DataError(
            f"{file} is Parquet, which needs pyarrow: `{sys.executable} -m pip install pyarrow`, "
            "or write it as JSONL elsewhere."
        ) from None
    try:
        rows: list[Json] = parquet.read_table(file).to_pylist()
    except (OSError, ValueError):
        raise DataError(f"{file} cannot be read as Parquet.") from None
    return rows


def medqa(rows: list[Row]) -> Iterator[Row]:
    """Read MedQA: four or five options; the key is a letter."""
    for number, row in rows:
        options = dict(sorted(row["options"].items()))
        answer = row["answer_idx"]
        yield number, question(f"medqa-{number}", "medqa", row["question"], options, answer)


def medmcqa(rows: list[Row]) -> Iterator[Row]:
    """Read MedMCQA. Its authors' files count the key from 1, the hub's copy from 0: which it is,
    a file as a whole shows. Rows of the test split have no key."""
    keys = {int(row["cop"]) for _, row in rows}
    if not keys & {-1, 0, 4}:
        raise ValueError("it counts from neither")
    first = 1 if 4 in keys else 0
    for number, row in rows:
        if int(row["cop"]) < first:
            continue
        options = {letter: row[f"op{letter.lower()}"] for letter in "ABCD"}
        key = LETTERS[int(row["cop"]) - first]
        name = f"medmcqa-{row.get('id') or number}"
        yield number, question(name, "medmcqa", row["question"], options, key)


def pubmedqa(rows: list[Row]) -> Iterator[Row]:
    """Read PubMedQA: abstract and question, answered by yes, no or maybe."""
    for number, row in rows:
        contexts = row["CONTEXTS"] if "CONTEXTS" in row else row["context"]["contexts"]
        asked = row["QUESTION"] if "QUESTION" in row else row["question"]
        text = "Abstract:\n" + "\n".join(contexts) + f"\n\nQuestion: {asked}"
        choices = dict.fromkeys(DECISIONS, "")
        name = f"pubmedqa-{row.get('pmid') or row.get('pubid') or number}"
        yield number, question(name, "pubmedqa", text, choices, row["final_decision"])


def mmlu(place: Path) -> Iterator[Item]:
    """Read MMLU: one CSV file for each subject; of a folder, the medical ones."""
    files = [place]
    if place.is_dir():
        named = [place / f"{subject}_test.csv" for subject in MEDICAL_SUBJECTS]
        files = [file for file in named if file.is_file()]
    if not files:
        raise DataError(f"{place} holds no file such as anatomy_test.csv.")
    for file in files:
        yield from subject(file)


def subject(file: Path) -> Iterator[Item]:
    """Read one subject of MMLU: question, four choices, letter. Raises DataError."""
    name = file.stem.removesuffix("_test")
    for number, row in enumerate(csv_rows(file, csv.reader), start=1):
        if len(row) != 6:
            raise DataError(f"{file}, line {number}: question, four choices and a letter it is.")
        options = dict(zip("ABCD", row[1:5], strict=True))
        item = question(f"mmlu-{name}-{number}", "mmlu", row[0], options, row[5].strip())
        yield made(file, number, item)


def healthbench(rows: list[Row]) -> Iterator[Row]:
    """Read HealthBench: a conversation and its rubric; the group is its theme."""
    for number, row in rows:
        themes = [tag for tag in row.get("example_tags", ()) if tag.startswith("theme:")]
        item = {
            "id": f"healthbench-{row.get('prompt_id') or number}",
            "group": themes[0].removeprefix("theme:") if themes else "healthbench",
            "messages": row["prompt"],
            "rule": {"kind": "rubric", "criteria": row["rubrics"]},
        }
        yield number, item


def question(name: str, group: str, text: str, choices: Mapping[str, str], answer: str) -> Json:
    """Return a multiple-choice item; choices without a text are named only."""
    listed = "\n".join(f"{label}. {choice}" for label, choice in choices.items() if choice)
    labels = ", ".join(list(choices)[:-1]) + f" or {list(choices)[-1]}"
    prompt = "\n\n".join(part for part in (text, listed, f"Answer with {labels} only.") if part)
    return {
        "id": name,
        "group": group,
        "prompt": prompt,
        "rule": {"kind": "choice", "choices": dict(choices), "answer": answer},
    }


READERS: Final[Mapping[str, Callable[[list[Row]], Iterator[Row]]]] = {
    "medqa": medqa,
    "medmcqa": medmcqa,
    "pubmedqa": pubmedqa,
    "healthbench": healthbench,
}
