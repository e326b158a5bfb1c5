"""Public pairs of a record and a text about it. They are fetched by hand, and never committed.

ACI-Bench (github.com/wyim/aci-bench, CC BY 4.0): dialogues of visits, clinicians' notes, and notes
by language models. MTS-Dialog (github.com/abachaa/MTS-Dialog, CC BY 4.0): short dialogues and
clinicians' summaries. PubMedQA (github.com/pubmedqa/pubmedqa, MIT): abstracts and conclusions.
"""

import csv
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

csv.field_size_limit(2**31)
NOTES = "data/challenge_data_json"
MODELS = ("GPT-4", "ChatGPT", "Text-Davinci-003")


class Pair(NamedTuple):
    """A record, and what was written about it."""

    name: str
    record: str
    text: str


def aci_bench(folder: Path) -> Iterator[Pair]:
    """Yield clinicians' notes of visits."""
    for file in sorted((folder / "aci-bench" / NOTES).glob("*_full.json")):
        for number, row in enumerate(json.loads(file.read_text())["data"]):
            yield Pair(f"{file.stem}/{number}", row["src"], row["tgt"])


def aci_bench_models(folder: Path) -> Iterator[Pair]:
    """Yield language models' notes of visits."""
    for part in (1, 2, 3):
        for model in MODELS:
            file = folder / "aci-bench" / "baselines" / "predictions" / f"test{part}{model}_.csv"
            for row in rows(file):
                yield Pair(f"{model}/{row['encounter_id']}", row["Dialogues"], row["note"])


def mts_dialog(folder: Path) -> Iterator[Pair]:
    """Yield clinicians' summaries of dialogues."""
    for file in sorted((folder / "MTS-Dialog" / "Main-Dataset").glob("*.csv")):
        for row in rows(file):
            yield Pair(f"{file.stem}/{row['ID']}", row["dialogue"], row["section_text"])


def pubmedqa(folder: Path) -> Iterator[Pair]:
    """Yield conclusions of abstracts."""
    rows = json.loads((folder / "pubmedqa" / "data" / "ori_pqal.json").read_text())
    for name, row in rows.items():
        yield Pair(name, "\n".join([row["QUESTION"], *row["CONTEXTS"]]), row["LONG_ANSWER"])


def rows(file: Path) -> Iterator[dict[str, str]]:
    with file.open(encoding="utf-8-sig", newline="") as lines:
        yield from csv.DictReader(lines)


CORPORA: Mapping[str, Callable[[Path], Iterator[Pair]]] = {
    "ACI-Bench": aci_bench,
    "MTS-Dialog": mts_dialog,
    "PubMedQA": pubmedqa,
}
