"""The operator's file: its schema, an empty one to fill in, and what is refused."""

import json
import re
import tomllib
from pathlib import Path

import jsonschema_rs
import pytest

from gateway.model_card import evaluation, supplied
from gateway.runtime.files import FileUnusable
from tests.contract.process import ROOT
from tests.gateway.model_card.cards import KEY, report_file

HEAD = 'model = "m"\n'


def test_the_empty_file_is_valid_and_has_every_entry(tmp_path: Path) -> None:
    """By its own reader and by the published schema; all 31 attributes are missing in it."""
    file = tmp_path / "card.toml"
    file.write_text(supplied.template('a "quoted" \\ model'))
    document = tomllib.loads(file.read_text())
    published = json.loads((ROOT / "docs" / "model-card.schema.json").read_text())

    jsonschema_rs.validate(published, document)
    assert supplied.read(file).model == 'a "quoted" \\ model'
    assert len(supplied.read(file).missing()) == 31
    assert document["source_attributes"].keys() == supplied.SourceAttributes.model_fields.keys()
    assert document["applied_model_card"].keys() == supplied.AppliedModelCard.model_fields.keys()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "model: Field required"),
        ('model = " "\n', "model: String should have at least 1 character"),
        (HEAD + 'modle = "m"\n', "modle: Extra inputs are not permitted"),
        (HEAD + "[source_attributes]\ndeveloper = 1\n", "source_attributes.developer"),
        (HEAD + '[source_attributes]\nrace = "x"\n', "source_attributes.race"),
        (HEAD + '[applied_model_card.safety]\naim = "x"\n', "applied_model_card.safety.aim"),
        (HEAD + f'[source_attributes]\ndeveloper = "{"x" * 20_001}"\n', "at most 20000"),
        (HEAD + "[source_attributes\n", "cannot be read as TOML"),
        (HEAD + "#" * supplied.LARGEST_FILE_BYTES, "larger than 1 MiB"),
        (HEAD + "[a]\n" + "b = " + "[" * 5_000, "cannot be read as TOML"),
    ],
)
def test_what_is_refused(tmp_path: Path, text: str, problem: str) -> None:
    """With the entry that is wrong."""
    file = tmp_path / "card.toml"
    file.write_text(text)

    with pytest.raises(FileUnusable, match=re.escape(problem)):
        supplied.read(file)


def test_what_cannot_be_read_is_refused(tmp_path: Path) -> None:
    """A file that is not there, and one in another encoding."""
    (tmp_path / "latin.toml").write_bytes('model = "ä"'.encode("latin-1"))

    for name in ("none.toml", "latin.toml"):
        with pytest.raises(FileUnusable, match="cannot be read"):
            supplied.read(tmp_path / name)


def test_a_report_that_was_altered_is_refused(tmp_path: Path) -> None:
    """Every figure is under the signature, and so is the end of the file."""
    file = report_file(tmp_path)
    whole = file.read_text()
    assert evaluation.read(file, KEY).is_verified

    for altered in (
        whole.replace("0.25", "0.95"),
        whole + " ",
        whole.replace('"n": 20', '"n": 99'),
        whole.replace('"mac": "', '"mac": "ü'),
    ):
        file.write_text(altered)
        with pytest.raises(FileUnusable, match="was altered"):
            evaluation.read(file, KEY)


@pytest.mark.parametrize("text", ["", "[]", '{"format": "mmhie-acceptance-1"}', "\ud800"])
def test_a_file_that_is_no_report_is_refused(tmp_path: Path, text: str) -> None:
    """An acceptance report, for one."""
    file = tmp_path / "evaluation.json"
    file.write_bytes(text.encode("utf-8", "surrogatepass"))

    with pytest.raises(FileUnusable):
        evaluation.read(file, KEY)


def test_a_share_over_one_is_refused(tmp_path: Path) -> None:
    """A percentage in its place would be shown a hundredfold."""
    suite = {"name": "medqa", "measure": "accuracy", "n": 20, "value": 25}

    with pytest.raises(FileUnusable, match="no report"):
        evaluation.read(report_file(tmp_path, suites=[suite]), KEY)
