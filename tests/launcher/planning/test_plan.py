"""Plans as a whole: the README's two docker lines, the hardware of docs/launcher.md, every flag."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from launcher.errors import NotEnoughMemory, PlanError
from launcher.planning import engine_command
from launcher.planning.context_length import MARKER_TOKENS
from launcher.planning.installation import Installation
from launcher.planning.plan import EnginePlan
from tests.command import Command
from tests.fake_hub.files import CONFIG
from tests.gpu_engine.models import MODELS
from tests.launcher.conftest import VllmParser
from tests.launcher.plans import facts, plan, value
from tests.sparse import sparse_weights

DEFAULT = "dousery/medical-reasoning-gpt-oss-20b"
GPTQ = {"quant_method": "gptq", "bits": 4, "group_size": 128, "desc_act": False, "sym": True}
PLUGINS = Installation(plugins=frozenset({"bitsandbytes", "gguf"}))
Options = dict[str, Any]
KEYS = (
    "argv env device tensor_parallel pipeline_parallel quantization max_model_len "
    "memory served_model revision adapter adapter_revision reasons warnings engines"
)
SHORT: Options = {"max_model_len": "1000"}
MEMORY_KEYS = (
    "weights_gib weights_per_gpu_gib kv_gib_per_1k_tokens per_gpu_gib starts fits max_concurrent"
)


def adapter(folder: Path, base: object = "openai/gpt-oss-20b", **entries: Any) -> Path:
    """An adapter's folder with its configuration alone."""
    folder.mkdir(exist_ok=True)
    config = {"r": 8, "base_model_name_or_path": str(base), **entries}
    (folder / "adapter_config.json").write_text(json.dumps(config))
    return folder


def test_the_readmes_gpu_line_runs_mxfp4() -> None:
    """MMHIE_QUANTIZE=bitsandbytes with the default model starts, in its own 4 bits, and says so."""
    made = plan("1x24", device="cuda", device_map="auto", quantize="bitsandbytes")

    assert made.quantization.name == "mxfp4"
    assert "--quantization" not in made.argv
    assert "bitsandbytes cannot run" in made.warnings[0]
    assert made.memory.fits


@pytest.mark.parametrize(
    ("hardware", "quantization"), [("cpu,ram=64", "none"), ("cpu,ram=64,amx", "mxfp4")]
)
def test_the_readmes_cpu_line_runs_a_merge(hardware: str, quantization: str) -> None:
    """The default model on a CPU: merged first, its experts unpacked where AMX is missing."""
    made = plan(hardware, device="cpu", reasoner_model=DEFAULT)

    assert (made.device, made.preparation, made.quantization.name) == ("cpu", "merge", quantization)
    assert "--enable-lora" not in made.argv
    assert made.memory.fits
    assert any("slow" in warning for warning in made.warnings)


def test_an_adapter_answers_to_its_public_id() -> None:
    """Merged, the engine loads one folder, with every kernel; unmerged, the base is served under
    another name, and the adapter under the public one."""
    merged, made = plan("1x24"), plan("1x24", merge_adapter="false")

    assert merged.preparation == "merge"
    assert value(merged, "--served-model-name") == DEFAULT
    assert "--enable-lora" not in merged.argv
    assert merged.memory.weights_per_gpu_gib < made.memory.weights_per_gpu_gib
    module = json.loads(value(made, "--lora-modules") or "")
    assert made.argv[:3] == ("vllm", "serve", "openai/gpt-oss-20b")
    assert (module["name"], module["path"]) == (DEFAULT, DEFAULT)
    assert value(made, "--served-model-name") == engine_command.BASE_NAME != DEFAULT
    assert (value(made, "--max-lora-rank"), value(made, "--max-loras")) == ("8", "1")
    assert made.model.id == made.as_json()["adapter"] == DEFAULT


@pytest.mark.parametrize(
    ("entries", "base", "reason"),
    [
        ({"target_parameters": ["mlp.experts.gate_up_proj"]}, {}, "it has target_parameters"),
        ({}, {"quantization_config": GPTQ}, "packed as gptq"),
    ],
)
def test_an_adapter_is_served_unmerged_for_a_reason(
    tmp_path: Path, entries: Options, base: Options, reason: str
) -> None:
    """Merging would not be exact; the plan says why."""
    tuned = adapter(tmp_path / "adapter", dense(tmp_path / "base", **base), **entries)
    made = plan("2x24", reasoner_model=tuned)

    assert made.preparation is None
    assert "--enable-lora" in made.argv
    assert any("applied while serving" in said and reason in said for said in made.reasons)


def test_a_rank_has_the_next_buffer_that_vllm_has(tmp_path: Path) -> None:
    """A higher one than its largest would be refused; merged, any rank runs."""
    made = plan("1x24", reasoner_model=adapter(tmp_path / "a", r=12), merge_adapter="false")
    tuned = adapter(tmp_path / "b", r=600)

    assert value(made, "--max-lora-rank") == "16"
    with pytest.raises(PlanError, match="rank 600, and vLLM applies at most 512"):
        plan("1x24", reasoner_model=tuned, merge_adapter="false")
    assert plan("1x24", reasoner_model=tuned).preparation == "merge"


def test_a_context_that_is_not_as_asked_is_told() -> None:
    """vLLM refuses one beyond the model's; without a chat template completions are used."""
    short, set_short = plan("1x24", reasoner_model="facebook/opt-1.3b"), plan("1x24", **SHORT)

    assert value(short, "--max-model-len") == str(short.context.max_model_len) == "2048"
    assert "2048 tokens, the model's limit" in short.warnings[0]
    assert any("completions" in reason for reason in short.reasons)
    assert set_short.context.max_model_len == 1000
    assert not set_short.warnings


@pytest.mark.parametrize(
    ("variables", "context"),
    [
        ({}, 4096 + 512 + 1536 + MARKER_TOKENS),
        (
            {"max_input_length": 100, "max_tokens": 50, "max_reasoning_tokens": 0},
            150 + MARKER_TOKENS,
        ),
        ({"reasoner_model": "embedded"}, 4096 + 512),
    ],
)
def test_the_context_is_input_answer_and_reasoning(variables: dict[str, Any], context: int) -> None:
    """Reasoning counts for models that reason."""
    assert plan("1x80", **variables).context.max_model_len == context


def test_only_the_plugin_that_is_needed_loads() -> None:
    """A plugin patches every engine process it is loaded into. A GGUF file takes the tokenizer of
    MMHIE_BASE_MODEL, which it was made from."""
    packed: Options = {"source": "/models/m.gguf", "format": "gguf", "quantization": "gguf"}
    model = replace(facts("embedded"), **packed)
    made = plan("1x24", PLUGINS, model=model, base_model="org/base")

    assert value(made, "--tokenizer") == "org/base"
    assert made.env["VLLM_PLUGINS"] == "gguf"
    assert plan("1x24", PLUGINS).env["VLLM_PLUGINS"] == ""
    assert "VLLM_PLUGINS" not in plan("1x24").env


@pytest.mark.parametrize(
    ("hardware", "variables", "sentences"),
    [
        ("1x8", {}, ["needs 15", "use 4 such GPUs", "facebook/opt-1.3b"]),
        ("1x18", {"max_model_len": "131072"}, ["set MMHIE_MAX_MODEL_LEN="]),
        ("1x16", {}, ["set MMHIE_GPU_MEMORY_UTILIZATION=0.97"]),
        ("cpu,ram=32", {}, ["GiB free"]),
    ],
)
def test_what_does_not_fit_is_told_with_remedies(
    hardware: str, variables: dict[str, Any], sentences: list[str]
) -> None:
    """Every remedy named was computed to be enough: the sentence's own number makes a plan."""
    with pytest.raises(NotEnoughMemory) as caught:
        plan(hardware, None, **variables)

    assert all(sentence in str(caught.value) for sentence in sentences)
    assert not plan(hardware, strict=False, **variables).memory.starts
    if "max_model_len" in variables:
        advised = str(caught.value).partition("MMHIE_MAX_MODEL_LEN=")[2].split(";")[0]
        assert plan(hardware, max_model_len=advised).memory.starts


def test_a_quantization_is_recommended_when_it_would_fit(tmp_path: Path) -> None:
    """A 16-bit model of 15 GiB on a card of 12: eight bits would do."""
    model = dense(tmp_path / "m", **MODELS["llama-8b"])

    with pytest.raises(NotEnoughMemory, match="set MMHIE_QUANTIZE=fp8"):
        plan("1x12,cc=8.9", reasoner_model=model)
    assert plan("1x12,cc=8.9", reasoner_model=model, quantize="fp8").memory.starts


@pytest.mark.parametrize("hardware", ["4x80", "cpu,ram=64", "1x8"])
def test_json_has_exactly_the_documented_keys(hardware: str) -> None:
    """design.md section 6 lists them, and programs rely on it."""
    found = plan(hardware, strict=False).as_json()

    assert list(found) == KEYS.split()
    assert list(found["memory"]) == MEMORY_KEYS.split()
    json.dumps(found)


@pytest.mark.parametrize(("gpus", "expected"), [("4x80,cc=9.0", 0), ("1x8", 2)])
def test_the_command_for_a_person(plan_command: Command, gpus: str, expected: int) -> None:
    """The verdict first, memory, one command where it can start, reasons, the engine's line."""
    code, out, _ = plan_command("--gpus", gpus)
    lines = out.splitlines()

    assert code == expected
    assert lines[0].startswith("Fits" if code == 0 else "Does not fit")
    assert re.search(r"^memory: +[\d.]+ of [\d.]+ GiB of each GPU$", out, re.MULTILINE)
    assert "disk:     13.7 GB to download, 27.5 GB in all" in lines
    assert ("start:    mmhie serve" in lines) == (code == 0)
    assert "- tensor parallel" in out
    assert lines[-1].startswith("vllm serve ")


def dense(tmp_path: Path, **entries: Any) -> Path:
    """A folder with only the config.json of a small dense model, which 8 GPUs can share."""
    tmp_path.mkdir(parents=True)
    heads = {"num_attention_heads": 8, "num_key_value_heads": 8, "hidden_size": 512}
    config = {**CONFIG, **heads, "num_hidden_layers": 24, "intermediate_size": 1024, **entries}
    (tmp_path / "config.json").write_text(json.dumps(config))
    return tmp_path


def test_models_that_cannot_chat_are_refused(tmp_path: Path) -> None:
    """By their name and kind. A class that no table has, and code of a model's makers, are planned:
    vLLM takes or refuses them."""
    reward = dense(tmp_path / "reward", architectures=["Qwen2ForRewardModel"])
    own = dense(tmp_path / "own", model_type="own", auto_map={"AutoConfig": "configuration_own.C"})

    with pytest.raises(PlanError, match=r"reward is a reward model \(Qwen2For.* cannot chat"):
        plan("1x80", reasoner_model=reward)
    made = plan("1x80", reasoner_model=own)
    assert "--trust-remote-code" not in made.argv
    assert any("configuration_own.py" in reason for reason in made.reasons)
    assert value(made, "--runner") == "generate"  # with which it refuses embedding models


# Each flag of the table is in one of these plans at least.
LINES: tuple[tuple[str, Options], ...] = (
    ("1x24", {}),
    ("1x24", {"merge_adapter": "false"}),
    ("1x24", {"reasoner_model": "openai/gpt-oss-20b", "reasoner_revision": "main"}),
    ("1x24", {"traces_endpoint": "http://collector:4318/v1/traces"}),
    ("1x24", {"quantize": "bitsandbytes", "reasoner_model": "facebook/opt-1.3b"}),
    ("1x24", {"quantize": "fp8", "reasoner_model": "embedded"}),
    ("4x80", {"tensor_parallel": "2", "kv_cache_dtype": "fp8"}),
    ("3x80", {"device_map": "sequential", "dtype": "float16"}),
    ("cpu,ram=64", {"reasoner_model": "embedded", "gpu_memory_utilization": "0.5"}),
    ("cpu,ram=64,amx", {}),
)


@pytest.mark.slow
def test_every_flag_is_accepted_by_the_installed_vllm(
    tmp_path: Path, vllm_parser: VllmParser
) -> None:
    """Each row of the table, and a flag it does not have for proof, through vLLM's own parser."""
    model = dense(tmp_path / "m", vision_config={"model_type": "siglip_vision_model"})
    (model / "chat_template.jinja").write_text("enable_thinking <think><tool_call>")
    sparse_weights(model / "model.safetensors")
    made = [plan(place, PLUGINS, **options) for place, options in LINES]
    made.append(plan("1x24", reasoner_model=model))
    rows = {flag for flag, _ in (*engine_command.FLAGS, *engine_command.RESERVED)}

    assert rows - {part for each in made for part in each.argv} == {"--tokenizer"}
    wrong = ["some/model", "--no-such-flag", "1"]
    refused = vllm_parser.refused([*map(flags_of, made), wrong])
    assert [argv for argv, _ in refused] == [wrong], refused[:3]


def flags_of(made: EnginePlan) -> list[str]:
    """The parser's input: the words after `serve`, or after the module's name."""
    start = made.argv.index("serve") + 1 if "serve" in made.argv else 3
    return [*made.argv[start:], "--uds", "/run/engine.sock"]


@pytest.mark.parametrize(
    ("arguments", "heard"),
    [
        ("--seed 7", True),
        ("--scheduling-policy fcfs", False),
        ("--scheduling-policy=fcfs --scheduling-policy priority", True),
    ],
)
def test_an_operators_flags_come_before_ours(arguments: str, heard: bool) -> None:
    """The last word counts, as in vLLM's own parser: nothing can rename the model. The engine goes
    by each request's priority, unless MMHIE_ENGINE_ARGS says otherwise."""
    made = plan("1x24", engine_args=arguments)
    *_, last = arguments.split()

    assert made.argv.index(last) < made.argv.index("--served-model-name")
    assert engine_command.is_by_priority(made.argv) is heard
