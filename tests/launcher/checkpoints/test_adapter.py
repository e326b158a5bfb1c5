"""An adapter folded into its base: the same model as PEFT's own merge, and never a half one."""

import hashlib
import json
import shutil
import signal
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from launcher.checkpoints import lora
from launcher.checkpoints.adapter import merge
from launcher.checkpoints.merging import MergeJob
from launcher.errors import PlanError
from launcher.models.weights import MERGE_RECORD
from tests.launcher.plans import facts
from tests.lazy import Lazy

ATTENTION = ["q_proj", "k_proj", "v_proj", "o_proj"]
Weights = dict[str, Any]  # tensors by their names
RECORD = {"adapter": "org/adapter", "base": "org/base", "rank": 4, "alpha": 8, "targets": ATTENTION}

torch, peft, transformers = Lazy("torch"), Lazy("peft"), Lazy("transformers")
files, reference = Lazy("safetensors.torch"), Lazy("transformers.integrations.mxfp4")


def tokens() -> Any:
    """Two prompts."""
    return torch.arange(24).reshape(2, 12)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A gpt-oss-shaped base in several shards, and a rank 4 adapter on its attention."""
    root = tmp_path_factory.mktemp("tiny")
    torch.manual_seed(0)
    torch.set_num_threads(1)  # tiny matrices are slower on many
    config = transformers.GptOssConfig(
        num_hidden_layers=2,
        hidden_size=64,
        intermediate_size=64,
        num_local_experts=4,
        num_experts_per_tok=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=64,
        vocab_size=512,
        layer_types=["sliding_attention", "full_attention"],
    )
    model = transformers.GptOssForCausalLM(config).to(torch.bfloat16)
    model.save_pretrained(root / "base", max_shard_size="200KB")
    (root / "base" / "tokenizer_config.json").write_text("{}")
    options = peft.LoraConfig(r=4, lora_alpha=8, target_modules=ATTENTION, init_lora_weights=False)
    adapted = peft.get_peft_model(model, options)
    adapted.save_pretrained(root / "adapter")
    merged = adapted.merge_and_unload()
    torch.save(merged(tokens()).logits, root / "expected.pt")
    return root


@pytest.fixture
def job(tiny: Path, tmp_path: Path) -> MergeJob:
    return MergeJob(
        base=str(tiny / "base"),
        adapter=str(tiny / "adapter"),
        target=str(tmp_path / "merged"),
        record=RECORD,
    )


@pytest.fixture
def packed(tiny: Path, job: MergeJob, tmp_path: Path) -> MergeJob:
    """The same base, its experts replaced by random MXFP4 blocks."""
    base = tmp_path / "packed"
    base.mkdir()
    weights: Weights = {}
    for shard in sorted((tiny / "base").glob("*.safetensors")):
        weights |= files.load_file(shard)
    random = torch.Generator().manual_seed(1)
    for name in [name for name in weights if name.endswith(("gate_up_proj", "down_proj"))]:
        experts, inputs, outputs = weights.pop(name).shape
        shape = (experts, outputs, inputs // 32)
        kind = {"dtype": torch.uint8, "generator": random}
        weights[f"{name}_blocks"] = torch.randint(0, 256, (*shape, 16), **kind)
        weights[f"{name}_scales"] = torch.randint(118, 124, shape, **kind)
    files.save_file(weights, base / "model.safetensors")
    config = json.loads((tiny / "base" / "config.json").read_text())
    config["quantization_config"] = {"quant_method": "mxfp4"}
    (base / "config.json").write_text(json.dumps(config))
    return replace(job, base=str(base))


def ignore(sentence: str, part: float | None) -> None:
    """Nobody watches."""


def weights_of(folder: Path) -> Weights:
    return {
        name: tensor
        for file in folder.glob("*.safetensors")
        for name, tensor in files.load_file(file).items()
    }


@pytest.mark.slow
def test_logits_equal_pefts_own_merge(tiny: Path, job: MergeJob) -> None:
    """The merged checkpoint, loaded as any other, answers as PEFT's merge does, within bfloat16."""
    folder = merge(job, ignore)

    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16)
    expected = torch.load(tiny / "expected.pt")
    with torch.no_grad():
        logits = model(tokens()).logits
    assert torch.allclose(logits.float(), expected.float(), atol=2e-2, rtol=2e-2)
    base = transformers.AutoModelForCausalLM.from_pretrained(job.base, dtype=torch.bfloat16)
    with torch.no_grad():
        untuned = base(tokens()).logits
    assert not torch.allclose(untuned.float(), expected.float(), atol=2e-2, rtol=2e-2)


def test_only_the_adapters_targets_change(job: MergeJob) -> None:
    """Every other tensor keeps its very bytes; every target is W + alpha/r B A rounded once."""
    folder = merge(job, ignore)

    before, after = weights_of(Path(job.base)), weights_of(folder)
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert before.keys() == after.keys()
    assert changed == {
        f"model.layers.{layer}.self_attn.{target}.weight"
        for layer in (0, 1)
        for target in ATTENTION
    }
    adapter = files.load_file(Path(job.adapter, "adapter_model.safetensors"))
    module = "model.layers.1.self_attn.q_proj"
    a, b = (adapter[f"base_model.model.{module}.lora_{part}.weight"].float() for part in "AB")
    exact = (before[f"{module}.weight"].float() + 2.0 * (b @ a)).bfloat16()
    assert torch.equal(after[f"{module}.weight"], exact)


def test_mxfp4_experts_stay_byte_identical(packed: MergeJob) -> None:
    """The experts' blocks and scales are the base's own, and the format is still declared."""
    folder = merge(packed, ignore)

    before, after = weights_of(Path(packed.base)), weights_of(folder)
    experts = [name for name in before if "experts" in name]
    assert len(experts) == 12
    assert all(torch.equal(before[name], after[name]) for name in experts)
    assert "quantization_config" in json.loads((folder / "config.json").read_text())


def test_dequantized_experts_equal_those_of_transformers(packed: MergeJob) -> None:
    """Unpacking is exact, and the checkpoint loads as a bfloat16 gpt-oss."""
    folder = merge(replace(packed, dequantize=True), ignore)

    before, after = weights_of(Path(packed.base)), weights_of(folder)
    name = "model.layers.0.mlp.experts.gate_up_proj"
    packs = (before[f"{name}_{part}"] for part in ("blocks", "scales"))
    assert torch.equal(after[name], reference.convert_moe_packed_tensors(*packs))
    assert not [name for name in after if name.endswith(("_blocks", "_scales"))]
    transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16)


def test_every_digest_in_the_record_is_the_files(job: MergeJob) -> None:
    """mmhie_merge.json names what was merged, and the sha256 of every shard it wrote, so that the
    folder's facts can say which adapter is inside."""
    folder = merge(job, ignore)
    tuned = facts(folder).adapter

    record = json.loads((folder / MERGE_RECORD).read_text())
    shards = {file.name for file in folder.glob("*.safetensors")}
    assert record["files"].keys() == shards
    for name, digest in record["files"].items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest
    assert (record["adapter"], record["base"], record["rank"]) == ("org/adapter", "org/base", 4)
    assert tuned is not None
    assert (tuned.merged, tuned.id, tuned.base) == (True, "org/adapter", "org/base")


def test_a_second_run_writes_nothing(job: MergeJob, tiny: Path, tmp_path: Path) -> None:
    """The same adapter on the same base is merged once; another adapter, and a base that was
    trained on, are merged anew. Bytes done never fall and end at the bytes there are."""
    first: list[tuple[str, float | None]] = []
    later: list[tuple[str, float | None]] = []

    merge(job, lambda *told: first.append(told))
    parts = [part for _, part in first if part is not None]
    assert parts == sorted(parts)
    assert parts[-1] == 1
    merge(job, lambda *told: later.append(told))
    assert later == []
    other = {**RECORD, "adapter": "org/other"}
    merge(replace(job, record=other), lambda *told: later.append(told))
    assert later
    own = replace(job, base=str(shutil.copytree(tiny / "base", tmp_path / "base")))
    before = (merge(own, ignore) / MERGE_RECORD).read_text()
    shard = min(Path(own.base).glob("*.safetensors"))
    shard.write_bytes(shard.read_bytes()[:-2] + b"\x01\x01")
    assert (merge(own, ignore) / MERGE_RECORD).read_text() != before


KILLED = """
import json, os, signal, sys
from launcher.checkpoints.adapter import merge
from launcher.checkpoints.merging import MergeJob
def die(sentence, part):
    if part > 0.5:
        os.kill(os.getpid(), signal.SIGKILL)
merge(MergeJob(**json.loads(sys.argv[1])), die)
"""


def test_killed_halfway_it_leaves_nothing_that_loads(job: MergeJob) -> None:
    """After kill -9 no folder has a config.json, and the next run cleans up and finishes."""
    target, told = Path(job.target), json.dumps(asdict(job))
    ended = subprocess.run([sys.executable, "-c", KILLED, told], check=False)

    assert ended.returncode == -signal.SIGKILL
    left = [folder for folder in target.parent.iterdir() if folder.is_dir()]
    assert len(left) == 1
    assert not (left[0] / "config.json").exists()
    assert not target.exists()

    merge(job, ignore)
    assert [folder for folder in target.parent.iterdir() if folder.is_dir()] == [target]


EXPERT = "base_model.model.model.layers.0.mlp.experts.gate_up_proj"
QUERY = "base_model.model.model.layers.0.self_attn.q_proj"


@pytest.mark.parametrize(
    ("weights", "sentence"),
    [
        ({f"{EXPERT}.lora_A.weight": (4, 64), f"{EXPERT}.lora_B.weight": (64, 4)}, "or absent"),
        ({f"{QUERY}.lora_A.weight": (4, 64), f"{QUERY}.lora_B.weight": (32, 4)}, "base's shape"),
        ({f"{QUERY}.lora_A.weight": (4, 64)}, "only one of the two"),
        ({"base_model.model.lm_head.weight": (4, 64)}, "no LoRA matrix"),
        ({}, "no LoRA matrices"),
    ],
)
def test_matrices_without_an_exact_place_are_refused(
    packed: MergeJob, tmp_path: Path, weights: dict[str, tuple[int, int]], sentence: str
) -> None:
    """Expert deltas, wrong shapes, halves and foreign tensors are refused up front."""
    folder = shutil.copytree(packed.adapter, tmp_path / "edited")
    given = {name: torch.zeros(shape) for name, shape in weights.items()}
    files.save_file(given, folder / "adapter_model.safetensors")

    with pytest.raises(PlanError, match=sentence):
        merge(replace(packed, adapter=str(folder)), ignore)
    assert not Path(packed.target).exists()


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"lora_alpha": 16}, 2.0),
        ({"lora_alpha": 16, "use_rslora": True}, 16 / 8**0.5),
        ({"lora_alpha": 16, "alpha_pattern": {"q_proj": 4}}, 0.5),
        ({"lora_alpha": 16, "alpha_pattern": {"k_proj": 4}}, 2.0),
    ],
)
def test_scale_follows_pefts_rules(config: dict[str, Any], expected: float) -> None:
    """alpha / r, alpha / sqrt(r) for rank-stabilised ones, and a module's own alpha."""
    assert lora.scale(config, "model.layers.0.self_attn.q_proj", 8) == pytest.approx(expected)
