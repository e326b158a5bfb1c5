"""Adapters that vLLM would refuse to apply, or would apply wrongly, are refused by the plan."""

import json
from pathlib import Path
from typing import Any

import pytest

from launcher.errors import PlanError
from launcher.planning.plan import EnginePlan
from tests.launcher.plans import plan

EXPERTS = {"target_parameters": ["mlp.experts.gate_up_proj", "mlp.experts.down_proj"]}
UNMERGED = {"merge_adapter": "false"}


def planned(folder: Path, place: str, options: dict[str, Any], **entries: Any) -> EnginePlan:
    """A plan for an adapter of gpt-oss with these entries in its adapter_config.json."""
    plain = {"r": 8, "base_model_name_or_path": "openai/gpt-oss-20b", "target_modules": ["q_proj"]}
    (folder / "adapter_config.json").write_text(json.dumps(plain | entries))
    return plan(place, reasoner_model=folder, **options)


@pytest.mark.parametrize(
    ("place", "entries", "named"),
    [
        ("1x24", {"use_dora": True}, "use_dora"),
        ("1x24", {"modules_to_save": ["lm_head"]}, "modules_to_save"),
        ("1x24", {"bias": "all"}, "bias"),
        ("1x24", {"peft_type": "LOHA"}, "peft_type LOHA"),
        ("1x24", {"kasa_config": {"beta": 0.1}}, "kasa_config"),  # vLLM would leave it out
        ("1x24", {"init_lora_weights": "pissa_niter_4"}, "init_lora_weights pissa_niter_4"),
        ("cpu,ram=64", {"use_dora": True}, "use_dora"),
    ],
)
def test_more_than_plain_matrices(
    tmp_path: Path, place: str, entries: dict[str, Any], named: str
) -> None:
    """Neither the merge nor vLLM would make of it what was trained, on any device. A beginning that
    leaves the base alone is that of a plain one."""
    with pytest.raises(PlanError, match=f"has {named}, which can neither"):
        planned(tmp_path, place, {}, **entries)
    assert planned(tmp_path, "1x24", {}, init_lora_weights="EVA").preparation == "merge"


@pytest.mark.parametrize(
    ("entries", "advice"),
    [
        ({}, "merge it"),
        (EXPERTS, r"cannot be merged \(it has target_parameters\), so use other"),
    ],
)
def test_hopper(tmp_path: Path, entries: dict[str, Any], advice: str) -> None:
    """vLLM's kernel for unmerged adapters is compiled wrongly there; other GPUs run it."""
    with pytest.raises(PlanError, match=f"9.0 .*{advice}"):
        planned(tmp_path, "1x80,cc=9.0", UNMERGED, **entries)
    assert planned(tmp_path, "1x80,cc=8.0", UNMERGED, **entries).preparation is None
    assert planned(tmp_path, "1x80,cc=10.0", UNMERGED, **entries).preparation is None


def test_experts_on_several_gpus(tmp_path: Path) -> None:
    """Matrices for experts are not divided as their weights are; others are."""
    two = {"tensor_parallel": "2"}
    with pytest.raises(PlanError, match=r"changes experts, .*MMHIE_TENSOR_PARALLEL=1"):
        planned(tmp_path, "2x24", two, **EXPERTS)
    assert planned(tmp_path, "1x24", {}, **EXPERTS).preparation is None
    assert planned(tmp_path, "2x24", two | UNMERGED).sizes.tensor == 2
