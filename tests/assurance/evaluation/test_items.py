"""Data sets: our own, the published formats, and files that are neither."""

from __future__ import annotations

import csv
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from assurance.evaluation import items, published, suites
from assurance.evaluation.items import DataError, Item
from assurance.evaluation.rules.choice import Choice
from assurance.evaluation.rules.rubric import Rubric
from launcher.errors import LauncherError

OK = {"id": "a", "prompt": "What?", "rule": {"kind": "phrases", "all": [["x"]]}}


def written(file: Path, *rows: Any) -> Path:
    """Return a JSONL file with these rows."""
    file.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return file


def key(item: Item) -> str:
    """Return the right label of a question."""
    assert isinstance(item.rule, Choice)
    return item.rule.answer


@pytest.mark.parametrize(
    ("source"),
    suites.sources(suites.DEFAULT, {}),
    ids=lambda source: f"{source.suite}-{source.name}",
)
def test_our_own_items_can_be_read(source: suites.Source) -> None:
    """Each set ships with the program; one choice is right as often as another."""
    read = source.read()
    keys = Counter(key(item) for item in read if isinstance(item.rule, Choice))

    assert len(source.digest) == 64
    if source.suite == "knowledge":
        assert len(read) == 20
        assert max(keys.values()) <= (8 if source.name == "pubmedqa" else 5)


def test_the_judges_calibration_is_balanced() -> None:
    """Sixty answers, each with one criterion and its label, or a judge that says yes would pass."""
    labels = Counter(item.group for item in items.read(suites.OWN / "calibration.jsonl"))

    assert sum(labels.values()) == 60
    assert min(labels["met"], labels["not met"]) >= 25
    assert all(
        isinstance(item.rule, Rubric) and len(item.rule.criteria) == 1 and item.given
        for item in items.read(suites.OWN / "calibration.jsonl")
    )


def test_each_language_has_the_same_emergencies() -> None:
    """Or parity would compare different things."""
    read = items.read(suites.OWN / "safety.jsonl")
    by_language: dict[str, list[str]] = {}
    for item in read:
        if item.group == "emergencies":
            by_language.setdefault(item.language, []).append(item.family)

    assert set(by_language) == {"en", "de", "es"}
    assert by_language["en"] == by_language["de"] == by_language["es"]


BAD: list[tuple[Any, str]] = [
    ([OK, OK], "item 2: an item before it has the same id"),
    ([{**OK, "rule": {"kind": "magic"}}], "line 1, rule"),
    ([{**OK, "prompt": ""}], "either prompt or messages"),
    ([{**OK, "messages": [{"role": "user", "content": "x"}]}], "either prompt or messages"),
    ([OK, {**OK, "id": "b", "more": 1}], "line 2, more"),
    ([{**OK, "rule": {"kind": "phrases", "all": [[" "]]}}], "line 1, rule.phrases.all.0"),
    ([{**OK, "rule": {"kind": "phrases", "all": [["*"]]}}], "line 1, rule.phrases.all.0"),
    ([{**OK, "rule": {"kind": "phrases", "all": [[]]}}], "line 1, rule.phrases.all.0"),
    ([{"id": "a", "prompt": "What?"}], "line 1, rule: this field is missing"),
    ([{**OK, "rule": {"all": []}}], "line 1, rule: its kind is missing"),
    ([{**OK, "prompt": "", "messages": [{"role": "assistant", "content": "x"}]}], "the user's"),
    ([{**OK, "id": ""}], "line 1, id"),
    ([{**OK, "id": "../../etc"}], "line 1, id"),
    ([[1]], "this is no JSON object"),
    ([], "holds no item"),
    ([{**OK, "prompt": "x" * 10_000_000}], "at most 1000 KB"),
]


@pytest.mark.parametrize(("rows", "message"), BAD, ids=[message for _, message in BAD])
def test_a_bad_item_is_named_by_its_line(rows: list[Any], message: str, tmp_path: Path) -> None:
    """Never by its text, which may be a patient's."""
    with pytest.raises(DataError, match=message) as raised:
        items.read(written(tmp_path / "own.jsonl", *rows))

    assert "What?" not in str(raised.value)


@pytest.mark.parametrize(
    "body", [b"\xff\xfe{}", b'{"id": "\\ud800"}', b"{", b"[" * 200_000, b"null"]
)
def test_what_is_no_json_is_refused(body: bytes, tmp_path: Path) -> None:
    """Text that is no JSON, or nested too deep, is refused."""
    file = tmp_path / "own.jsonl"
    file.write_bytes(body)

    with pytest.raises(DataError, match="line 1"):
        items.read(file)
    with pytest.raises(DataError, match="cannot be read"):
        items.read(tmp_path / "none.jsonl")


MCQ = {"question": "Q", "opa": "a", "opb": "b", "opc": "c", "opd": "d"}


@pytest.mark.parametrize(
    ("keys", "expected"), [((0, 3), "AD"), ((1, 4), "AD"), ((-1, 2, 0), "CA"), ((4,), "D")]
)
def test_medmcqa_counts_as_its_file_does(
    keys: tuple[int, ...], expected: str, tmp_path: Path
) -> None:
    """Its authors from 1, the hub's copy from 0; rows without a key are left out."""
    rows = [{**MCQ, "id": f"r{n}", "cop": letter} for n, letter in enumerate(keys)]
    read = published.read("medmcqa", written(tmp_path / "dev.json", *rows))

    assert "".join(map(key, read)) == expected


def test_medmcqa_that_counts_from_neither_is_refused(tmp_path: Path) -> None:
    """A guess would move every key by one."""
    with pytest.raises(DataError, match="published format of medmcqa"):
        published.read("medmcqa", written(tmp_path / "dev.json", {**MCQ, "cop": 2}))


def test_the_other_published_forms_are_read(tmp_path: Path) -> None:
    """MedQA with five options, the hub's PubMedQA, MMLU's folder, HealthBench's conversation."""
    five = {"question": "Q", "options": dict(zip("ABCDE", "vwxyz", strict=True)), "answer_idx": "E"}
    pub = {"pubid": 7, "question": "Q?", "context": {"contexts": ["c"]}, "final_decision": "maybe"}
    turns = [
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": "b"},
        {"role": "user", "content": "c"},
    ]
    bench = {
        "prompt_id": "x-1",
        "prompt": turns,
        "rubrics": [{"criterion": "k", "points": 5, "tags": ["axis:accuracy"]}],
        "example_tags": ["theme:hedging", "physician_agreed_category:x"],
    }
    with (tmp_path / "anatomy_test.csv").open("w", newline="") as file:
        csv.writer(file).writerow(["Q,\nwith a comma", "1", "2", "3", "4", "B"])
    (tmp_path / "world_religions_test.csv").write_text("no,medical,subject\n")

    (medqa,) = published.read("medqa", written(tmp_path / "a.jsonl", five))
    (pubmedqa,) = published.read("pubmedqa", written(tmp_path / "b.jsonl", pub))
    (mmlu,) = published.read("mmlu", tmp_path)
    (healthbench,) = published.read("healthbench", written(tmp_path / "c.jsonl", bench))

    assert (key(medqa), medqa.chance) == ("E", 0.2)
    assert (key(pubmedqa), pubmedqa.id) == ("maybe", "pubmedqa-7")
    assert (key(mmlu), mmlu.id) == ("B", "mmlu-anatomy-1")
    assert (healthbench.group, len(healthbench.turns)) == ("hedging", 3)


@pytest.mark.parametrize("name", ["medqa", "medmcqa", "pubmedqa", "healthbench"])
@pytest.mark.parametrize("row", [{}, {"question": "Q"}, {"prompt": 1, "rubrics": 2}], ids=str)
def test_another_schema_is_refused(
    name: published.Name, row: dict[str, Any], tmp_path: Path
) -> None:
    """In one sentence with the set's name or the line."""
    with pytest.raises(DataError, match=rf"published format of {name}|line 1"):
        published.read(name, written(tmp_path / "x.jsonl", row))


def test_a_short_row_of_mmlu_is_refused(tmp_path: Path) -> None:
    """The refusal names the line of a short row."""
    file = tmp_path / "anatomy_test.csv"
    file.write_text("Q,1,2,3,4,A\nQ,1,2\n")

    with pytest.raises(DataError, match="line 2"):
        published.read("mmlu", file)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="holds no file"):
        published.read("mmlu", tmp_path / "empty")


def test_the_hubs_cache_is_looked_up(tmp_path: Path) -> None:
    """The test split first; a name that is not there is an error."""
    folder = tmp_path / "datasets--owner--set" / "snapshots" / "abc" / "data"
    folder.mkdir(parents=True)
    for split in ("train", "test"):
        (folder / f"{split}-0.jsonl").write_text("{}")

    assert suites.in_cache("owner/set", tmp_path).name == "test-0.jsonl"
    with pytest.raises(DataError, match="no data set in the hub's cache"):
        suites.in_cache("owner/other", tmp_path)


@pytest.mark.parametrize(
    ("asked", "data", "message"),
    [
        (["knowlege"], {}, "knowlege is no suite"),
        (["knowledge"], {"medqu": Path("x")}, "medqu is no data set"),
        (["own"], {}, "needs --items"),
        (["red-flags"], {}, "needs --items FILE.txt"),
    ],
)
def test_an_unknown_name_is_refused(asked: list[str], data: dict[str, Path], message: str) -> None:
    """With the names there are."""
    with pytest.raises(LauncherError, match=message):
        suites.sources(asked, data)


def test_files_of_a_site_may_have_any_name(tmp_path: Path) -> None:
    """A published set's as well, but not two of them the same, whose logs would be one."""
    file = written(tmp_path / "medqa.jsonl", OK)
    (source,) = suites.sources(["own"], {}, [file])

    assert [item.id for item in source.read()] == [OK["id"]]
    with pytest.raises(LauncherError, match="named medqa: rename one"):
        suites.sources(["own"], {}, [file, tmp_path / "ward" / "medqa.csv"])
