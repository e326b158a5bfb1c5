"""Adapters that vLLM would refuse to apply, or would apply wrongly, are refused by the plan."""

import json
from pathlib import Path
from typing import Any

import pytest

from launcher.errors import PlanError
from launcher.models import safetensors_header
from launcher.models.adapter_shapes import FILE, modules
from launcher.models.resolve import read_model
from launcher.planning.hardware import parse
from launcher.planning.installation import Installation
from launcher.planning.plan import EnginePlan, make_plan
from launcher.settings import load

GPT_OSS = "openai/gpt-oss-20b"
EXPERTS = {"target_parameters": ["mlp.experts.gate_up_proj", "mlp.experts.down_proj"]}
UNMERGED = {"MMHIE_MERGE_ADAPTER": "false"}


def planned(folder: Path, place: str, options: dict[str, str], **entries: Any) -> EnginePlan:
    """A plan for an adapter of gpt-oss with these entries in its adapter_config.json."""
    config = {"r": 8, "base_model_name_or_path": GPT_OSS, "target_modules": ["q_proj"], **entries}
    (folder / "adapter_config.json").write_text(json.dumps(config))
    settings = load({"MMHIE_REASONER_MODEL": str(folder), **options}, None)
    return make_plan(settings, parse(place), read_model(settings), Installation())


def write_weights(folder: Path, *names: str) -> None:
    """Matrices of rank 1 with these names, as wide as the model."""
    size = 2 * 2880
    header = {
        name: {"dtype": "BF16", "shape": [1, 2880], "data_offsets": [at * size, (at + 1) * size]}
        for at, name in enumerate(names)
    }
    content = json.dumps(header).encode()
    weights = bytes(len(names) * size)
    (folder / FILE).write_bytes(len(content).to_bytes(8, "little") + content + weights)
    assert safetensors_header.read(folder / FILE).keys() == set(names)


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
    ("place", "entries", "advice"),
    [
        ("1x80,cc=9.0", {}, "merge it"),
        ("1x80,cc=9.0", EXPERTS, r"cannot be merged \(it has target_parameters\), so use other"),
    ],
)
def test_hopper(tmp_path: Path, place: str, entries: dict[str, Any], advice: str) -> None:
    """vLLM's kernel for unmerged adapters is compiled wrongly there; other GPUs run it."""
    with pytest.raises(PlanError, match=f"9.0 .*{advice}"):
        planned(tmp_path, place, UNMERGED, **entries)
    assert planned(tmp_path, "1x80,cc=8.0", UNMERGED, **entries).preparation is None
    assert planned(tmp_path, "1x80,cc=10.0", UNMERGED, **entries).preparation is None


def test_experts_on_several_gpus(tmp_path: Path) -> None:
    """Matrices for experts are not divided as their weights are; others are."""
    with pytest.raises(PlanError, match=r"changes experts, .*MMHIE_TENSOR_PARALLEL=1"):
        planned(tmp_path, "2x24", {"MMHIE_TENSOR_PARALLEL": "2"}, **EXPERTS)
    assert planned(tmp_path, "1x24", {}, **EXPERTS).preparation is None
    two = planned(tmp_path, "2x24", {"MMHIE_TENSOR_PARALLEL": "2", **UNMERGED})
    assert (two.tensor_parallel, two.preparation) == (2, None)
