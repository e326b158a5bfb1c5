"""The share of a GPU that is remembered after a model ran out of memory, and when it is not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from launcher.planning.plan import EnginePlan
from launcher.serving import gpu_shares
from tests.launcher.plans import plan

SHARE = 0.85


def made(folder: Path, card: str = "1x24", **ours: Any) -> EnginePlan:
    chosen: dict[str, Any] = {"reasoner_model": "openai/gpt-oss-20b", "cache_dir": folder} | ours
    return plan(card, **chosen)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, SHARE),
        ({"card": "1x40"}, None),
        ({"card": "2x24", "tensor_parallel": 2}, None),
        ({"reasoner_model": "facebook/opt-1.3b"}, None),
        ({"reasoner_revision": "abc"}, None),
        ({"max_model_len": 4096}, None),
        ({"engine_args": "--enforce-eager"}, None),
        ({"gpu_memory_utilization": 0.9}, None),
    ],
)
def test_it_is_for_one_model_card_and_plan(
    change: dict[str, Any], expected: float | None, tmp_path: Path
) -> None:
    """Anything else is planned as if nothing had happened."""
    gpu_shares.remember(made(tmp_path), SHARE)

    assert gpu_shares.recall(made(tmp_path, **change)) == expected


def test_what_an_operator_sets_is_not_kept(tmp_path: Path) -> None:
    """Without the setting, the plan's share is tried."""
    gpu_shares.remember(made(tmp_path, gpu_memory_utilization=0.9), 0.83)

    assert gpu_shares.recall(made(tmp_path)) is None


def test_a_share_above_the_planned_one_is_not_used(tmp_path: Path) -> None:
    """As where other programs use the GPU now: more than is free would not start."""
    gpu_shares.remember(made(tmp_path), 0.95)

    assert gpu_shares.recall(made(tmp_path)) is None


@pytest.mark.parametrize("content", [b"", b"[1]", b'{"a": {"share": 7}}', b"\xff"])
def test_a_damaged_file_is_replaced(content: bytes, tmp_path: Path) -> None:
    """It says nothing, and keeps no start from noting what it found."""
    (tmp_path / gpu_shares.FILE).write_bytes(content)
    assert gpu_shares.recall(made(tmp_path)) is None
    gpu_shares.remember(made(tmp_path), SHARE)

    assert gpu_shares.recall(made(tmp_path)) == SHARE


def test_a_disk_that_takes_nothing_stops_no_engine(tmp_path: Path) -> None:
    """The folder is no folder."""
    folder = tmp_path / "file"
    folder.touch()
    gpu_shares.remember(made(folder), SHARE)

    assert gpu_shares.recall(made(folder)) is None
