"""MMHIE_REQUIRE_EVALUATION: a service that starts only with a report of what it serves."""

from __future__ import annotations

import os
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from assurance.evaluation import requirement
from assurance.evaluation.limits import NotEvaluated
from launcher.checkpoints.preparation import Plans
from launcher.planning.hardware import parse
from launcher.planning.plan import make_plan
from launcher.settings import load
from tests.assurance.evaluation.reports import KEY, SUBJECT, content, record, signed
from tests.command import mmhie
from tests.contract.process import free_port
from tests.launcher.plans import MODEL


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """A model's folder, whose weights are older than any report."""
    (tmp_path / "model.safetensors").write_bytes(b"w")
    os.utime(tmp_path / "model.safetensors", (0, 0))
    return tmp_path


def plans(weights: Path, **changed: Any) -> Plans:
    """Return the plan of a model in that folder."""
    model = replace(MODEL, source=str(weights), **changed)
    return (make_plan(load({}, None), parse("cpu,ram=64,cpus=8"), model),)


def report_of(served: Plans, **changed: Any) -> dict[str, Any]:
    """Return a report of a service with these plans."""
    told = {**asdict(SUBJECT), **requirement.served_by(served), **changed}
    return {**content([record(n, 1.0) for n in range(20)]), "served": told}


def test_what_was_evaluated_may_serve(weights: Path) -> None:
    """And without a demand everything may."""
    served = plans(weights)

    requirement.refuse_others(report_of(served), served, served)
    requirement.refuse_others(None, served, served)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"model": "other"}, "another model"),
        ({"adapter": "an/adapter"}, "another adapter"),
        ({"quantization": "fp8"}, "another quantization"),
        ({"engine_version": "0.1"}, "another engine version"),
    ],
)
def test_what_was_not_evaluated_may_not(
    weights: Path, changed: dict[str, str], message: str
) -> None:
    """An adapter that is gone counts as much as another one."""
    served = plans(weights)

    with pytest.raises(NotEvaluated, match=message):
        requirement.refuse_others(report_of(served, **changed), served, served)


def test_weights_that_changed_may_not(weights: Path) -> None:
    """A file written after the report."""
    served = plans(weights)
    os.utime(weights / "model.safetensors", (4e9, 4e9))

    with pytest.raises(NotEvaluated, match="newer"):
        requirement.refuse_others(report_of(served), served, served)


UNSIGNED = signed(content([record(1, 1.0)]), None)
SIGNED = signed(content([record(n, 1.0) for n in range(20)]))


@pytest.mark.parametrize(
    ("text", "limits", "message"),
    [
        (None, "", "cannot be read: run `mmhie evaluate`"),
        (UNSIGNED, "", "not signed"),
        (SIGNED.replace("1.0", "0.9", 1), "", "not as it was written"),
        (SIGNED, "safety=0.9", "below the limit of 0.9"),
        (SIGNED, "", "another system prompt"),
        (SIGNED, "safety/lethal advice=0.9", "no score for safety/lethal advice"),
        (SIGNED, "safety=much", "MMHIE_EVALUATION_LIMITS"),
        ("", "safety=0.5", "needs MMHIE_REQUIRE_EVALUATION"),
    ],
    ids=["missing", "unsigned", "edited", "below", "settings", "unscored", "no limit", "no report"],
)
def test_serve_refuses_before_it_starts(
    tmp_path: Path, text: str | None, limits: str, message: str
) -> None:
    """In one sentence, and with a code that is not that of success."""
    if text:
        (tmp_path / "report.json").write_text(text)
    ours = {
        "MMHIE_AUDIT_KEY": KEY,
        "MMHIE_PORT": str(free_port()),  # the documented one may be a developer's `make run`
        "MMHIE_REASONER_MODEL": "embedded",
        "MMHIE_REQUIRE_EVALUATION": "" if text == "" else "report.json",
        "MMHIE_EVALUATION_LIMITS": limits,
    }
    done = mmhie(tmp_path, "serve", **ours)

    assert done.returncode in (1, 2)
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
