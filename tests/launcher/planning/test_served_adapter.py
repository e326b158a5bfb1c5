"""Adapters that vLLM would refuse to apply, or would apply wrongly, are refused by the plan."""

import json
from pathlib import Path
from typing import Any

import pytest

from launcher.errors import PlanError
from launcher.models.adapter_shapes import FILE, modules
from launcher.planning.plan import EnginePlan
from tests.fake_hub import files
from tests.launcher.plans import plan

EXPERTS = {"target_parameters": ["mlp.experts.gate_up_proj", "mlp.experts.down_proj"]}
UNMERGED = {"merge_adapter": "false"}


def planned(folder: Path, place: str, options: dict[str, Any], **entries: Any) -> EnginePlan:
    """A plan for an adapter of gpt-oss with these entries in its adapter_config.json."""
    plain = {"r": 8, "base_model_name_or_path": "openai/gpt-oss-20b", "target_modules": ["q_proj"]}
    (folder / "adapter_config.json").write_text(json.dumps(plain | entries))
    return plan(place, reasoner_model=folder, **options)


def write_weights(folder: Path, *names: str) -> None:
    """Matrices of rank 1 with these names, as wide as the model."""
    (folder / FILE).write_bytes(files.tensors(dict.fromkeys(names, (1, 2880))))


@pytest.mark.parametrize("place", ["1x24", "cpu,ram=64"])
@pytest.mark.parametrize(
    ("entries", "named"),
    [
        ({"use_dora": True}, "use_dora"),
        ({"modules_to_save": ["lm_head"]}, "modules_to_save"),
        ({"bias": "all"}, "bias"),
        ({"peft_type": "LOHA"}, "peft_type LOHA"),
        ({"init_lora_weights": "pissa_niter_4"}, "init_lora_weights pissa_niter_4"),
    ],
)
def test_more_than_plain_matrices(
    tmp_path: Path, place: str, entries: dict[str, Any], named: str
) -> None:
    """Neither the merge nor vLLM would make of it what was trained, on any device."""
    with pytest.raises(PlanError, match=f"has {named}, which can neither"):
        planned(tmp_path, place, {}, **entries)


@pytest.mark.parametrize("init", [True, False, "gaussian", "EVA"])
def test_a_beginning_that_leaves_the_base_alone(tmp_path: Path, init: bool | str) -> None:
    """Such an adapter is a plain one once it is trained."""
    assert planned(tmp_path, "1x24", {}, init_lora_weights=init).preparation == "merge"


def test_modules_that_vllm_does_not_take(tmp_path: Path) -> None:
    """An output head is merged, and not applied while serving."""
    targets = {"target_modules": ["q_proj", "lm_head"]}

    with pytest.raises(PlanError, match=r"changes lm_head, .* alone; merge it"):
        planned(tmp_path, "1x24", UNMERGED, **targets)
    assert planned(tmp_path, "1x24", {}, **targets).preparation == "merge"


def test_the_weights_say_what_is_changed(tmp_path: Path) -> None:
    """A configuration may name what the model does not have; a pattern names nothing."""
    layer = "base_model.model.model.layers.0"
    write_weights(tmp_path, f"{layer}.self_attn.q_proj.lora_A.weight", "lm_head.lora_A.weight")
    assert modules(tmp_path) == ("lm_head", "q_proj")
    with pytest.raises(PlanError, match="changes lm_head"):
        planned(tmp_path, "1x24", UNMERGED, target_modules="all-linear")

    experts = f"{layer}.mlp.experts"
    write_weights(tmp_path, f"{experts}.lora_A.weight", f"{experts}.base_layer.lora_B.weight")
    assert modules(tmp_path) == ("experts",)
    assert planned(tmp_path, "1x24", UNMERGED, target_modules=["lm_head"]).preparation is None


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
    with pytest.raises(PlanError, match=r"changes experts, .*MMHIE_TENSOR_PARALLEL=1"):
        planned(tmp_path, "2x24", {"tensor_parallel": "2"}, **EXPERTS)
    assert planned(tmp_path, "1x24", {}, **EXPERTS).preparation is None
    two = planned(tmp_path, "2x24", {"tensor_parallel": "2", **UNMERGED})
    assert (two.tensor_parallel, two.preparation) == (2, None)
