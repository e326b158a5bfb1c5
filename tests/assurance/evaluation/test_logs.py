"""Inspect's logs: ours, those of published sets, and files that are none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from assurance.evaluation.logs import LogError, read_evaluation

SPEC: dict[str, Any] = {
    "task": "medqa",
    "model": "openai-api/gateway/m",
    "dataset": {"samples": 4},
    "config": {},
    "model_generate_config": {"temperature": 0.5},
    "metadata": {"served": {"revision": "r1"}},
    "model_roles": {"grader": {"model": "openai-api/judge/j"}},
}


def sample(name: str, score: Any, **more: Any) -> dict[str, Any]:
    """Return a sample with one score."""
    scores = {"choice": {"value": score, "answer": "A"}}
    return {"id": name, "epoch": 1, "input": "Q?", "scores": scores, **more}


def write_log(folder: Path, samples: Any, name: str = "1_medqa.json", **spec: Any) -> None:
    """Write a log of a published set."""
    (folder / name).write_text(json.dumps({"eval": {**SPEC, **spec}, "samples": samples}))


def test_a_published_set_is_read(tmp_path: Path) -> None:
    """Inspect's letters are scores; what failed has none, and the run is not complete."""
    failed = sample("d", "C", error={"message": "down"})
    write_log(tmp_path, [sample("a", "C"), sample("b", "I"), sample("c", "P"), failed])
    (tmp_path / "eval-set.json").write_text("{}")
    found = read_evaluation(tmp_path)

    assert [answer.value for answer in found.answers] == [1.0, 0.0, 0.5, None]
    assert (found.asked, found.items, found.is_complete) == (3, 4, False)
    assert found.facts == {
        "model": "openai-api/gateway/m",
        "judge": "openai-api/judge/j",
        "revision": "r1",
        "temperature": 0.5,
    }


@pytest.mark.parametrize("text", ["{", "{}", '{"eval": {"task": "x"}, "samples": [1]}'])
def test_a_file_that_is_no_log_is_refused(text: str, tmp_path: Path) -> None:
    """In one sentence that names it."""
    file = tmp_path / "x.json"
    file.write_bytes(text.encode(errors="surrogatepass"))

    with pytest.raises(LogError, match=r"x\.json"):
        read_evaluation(file)
