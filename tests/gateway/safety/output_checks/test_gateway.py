"""Warnings of the checks on every surface: beside the answer, never in it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scripts.render.output_checks import RECORD, precision
from tests.contract.process import Gateway
from tests.contract.surfaces import SURFACES, Surface, mmhie_of, name_of
from tests.fake_engine.process import FakeEngine
from tests.gateway.audit.conftest import KEY
from tests.gateway.safety.output_checks.cases import LETTER
from tests.gateway.safety.output_checks.test_checks import NAMES
from tests.waiting import until

SAID = ["Continue rami", "pril 5", "0 mg", " for the ", "right lower lobe", ", 76", " kg."]
FOUND = [  # as the trail sorts them
    *("allergy_not_in_answer", "dose_over_limit", "number_not_in_document"),
    *("side_not_in_document", "tenfold_dose"),
]


class Checked(Gateway):
    """A gateway with all checks on, and a trail."""

    def __init__(self, folder: Path, url: str) -> None:
        self.trail = folder / "audit.jsonl"
        trail = {"MMHIE_AUDIT_FILE": str(self.trail), "MMHIE_AUDIT_KEY": KEY}
        super().__init__(folder, url, MMHIE_OUTPUT_CHECKS=",".join(NAMES), **trail)

    def warned(self, request_id: str) -> list[str]:
        """The warnings in the trail's line of a request."""

        def theirs() -> list[dict[str, Any]]:
            whole = self.trail.read_bytes().rpartition(b"\n")[0]
            told = map(json.loads, whole.splitlines())
            return [line for line in told if line.get("request_id") == request_id]

        until(theirs)
        warnings: list[str] = theirs()[0].get("warnings", [])
        return warnings


@pytest.fixture(scope="module")
def checked(the_engine: FakeEngine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checked]:
    with Checked(tmp_path_factory.mktemp("checked"), the_engine.url) as served:
        served.wait()
        yield served


@pytest.mark.parametrize("surface", SURFACES, ids=name_of)
def test_a_wrong_answer_is_warned_of(
    checked: Checked, gateway: Gateway, engine: FakeEngine, surface: Surface
) -> None:
    """However a stream cuts it; without the checks the same answer has no such warning."""
    engine.next(fault="say", tokens=SAID, times=2)
    answer, plain = (surface.ask(service.client, LETTER) for service in (checked, gateway))

    assert checked.warned(answer.headers["x-request-id"]) == FOUND
    if surface.form == "text":
        assert answer.content == plain.content
        return
    assert set(FOUND) <= set(mmhie_of(surface, answer)["warnings"])
    assert not set(mmhie_of(surface, plain)["warnings"]) & set(FOUND)
    assert "".join(SAID) in answer.text or surface.form == "sse"


@pytest.mark.parametrize("surface", SURFACES, ids=name_of)
def test_a_right_answer_is_not(checked: Checked, engine: FakeEngine, surface: Surface) -> None:
    """The same request has no warning with a right answer."""
    right = ["Ramipril 5", " mg, left lower", " lobe. Penicillin", " allergy."]
    engine.next(fault="say", tokens=right)
    answer = surface.ask(checked.client, LETTER)

    assert not set(checked.warned(answer.headers["x-request-id"])) & set(FOUND)


@pytest.mark.parametrize("name", NAMES)
def test_a_check_is_right_more_often_than_not(name: str) -> None:
    """Four times in five, on public records; docs/safety.md has the figures."""
    assert precision(json.loads(RECORD.read_text())["damaged"][name]) >= 0.8
