"""Settings that decide an engine's speed, by who decides them."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path

import pytest
from rich.console import Console

from launcher.cli.plan import show_why
from launcher.errors import PlanError
from launcher.models.resolve import read_model
from launcher.planning.hardware import parse
from launcher.planning.plan import EnginePlan, make_plan
from launcher.planning.speed import speeds
from launcher.settings import load
from tests.launcher.conftest import Refusals
from tests.sparse import sparse_weights


def plan(gpus: str = "1xh100", **ours: str) -> EnginePlan:
    settings = load({f"MMHIE_{name.upper()}": text for name, text in ours.items()}, None)
    return make_plan(settings, parse(gpus), read_model(settings, hub=Path("/nowhere")))


def states(made: EnginePlan) -> dict[str, str]:
    return {row.flag: row.state for row in speeds(made.decisions)}


@pytest.mark.parametrize(
    ("gpus", "flag", "arguments"),
    [
        ("1xh100", "--moe-backend", ("--moe-backend", "marlin")),
        ("1xb200", "--moe-backend", ("--moe-backend", "flashinfer_trtllm")),
        ("1xl4", "--moe-backend", ()),
        ("1xh100", "--max-cudagraph-capture-size", ("--max-cudagraph-capture-size", "2048")),
        ("1xl4", "--stream-interval", ("--stream-interval", "4")),
    ],
)
def test_what_could_be_set(gpus: str, flag: str, arguments: tuple[str, ...]) -> None:
    """By card; nothing is switched on by itself."""
    made = plan(gpus)
    rows = {row.flag: row for row in speeds(made.decisions)}

    assert rows[flag].arguments == arguments
    assert (rows[flag].state == "possible") == bool(arguments)
    assert flag not in made.argv


@pytest.mark.parametrize(
    ("model", "draft", "tokens"),
    [
        ("openai/gpt-oss-20b", "RedHatAI/gpt-oss-20b-speculator.eagle3", 3),
        ("dousery/medical-reasoning-gpt-oss-20b", "RedHatAI/gpt-oss-20b-speculator.eagle3", 3),
        ("facebook/opt-1.3b", "OWNER/DRAFT", 3),
    ],
)
def test_the_draft_model_that_is_named(model: str, draft: str, tokens: int) -> None:
    """The public one of its base."""
    rows = {row.flag: row for row in speeds(plan(reasoner_model=model).decisions)}
    config = json.loads(rows["--speculative-config"].arguments[1])

    assert (config["model"], config["num_speculative_tokens"]) == (draft, tokens)


def test_no_draft_model_beside_gpt_oss_in_stages(tmp_path: Path) -> None:
    """It is neither named nor taken there."""
    (tmp_path / "config.json").write_text("{}")
    sparse_weights(tmp_path / "model.safetensors")

    assert "--speculative-config" not in states(plan("2xl4", pipeline_parallel="2"))
    with pytest.raises(PlanError, match=r"no draft model .* beside gpt-oss in pipeline stages"):
        plan("2xl4", pipeline_parallel="2", engine_args=f"--spec-model {tmp_path}")


def test_the_cache_on_blackwell() -> None:
    """8 bits are possible there, and set where they are asked for."""
    assert states(plan("1xb200"))["--kv-cache-dtype"] == "possible"
    assert states(plan("1xb200", kv_cache_dtype="fp8"))["--kv-cache-dtype"] == "set"
    assert states(plan("1xh100"))["--kv-cache-dtype"] == "default"


@pytest.mark.parametrize("text", ["--moe-backend marlin", "--moe-backend=marlin"])
def test_what_the_operator_sets_is_set(text: str) -> None:
    """With the operator's own value."""
    rows = {row.flag: row for row in speeds(plan(engine_args=text).decisions)}

    assert (rows["--moe-backend"].state, rows["--moe-backend"].value) == ("set", "marlin")


@pytest.mark.parametrize(
    ("text", "flag", "state", "value"),
    [
        ("--enforce-eager", "--max-cudagraph-capture-size", "set", "none"),
        ("-O0", "--max-cudagraph-capture-size", "set", "none"),
        ("-cc.cudagraph_mode=NONE", "--max-cudagraph-capture-size", "set", "none"),
        ("--cudagraph-capture-sizes 1 4 9999", "--max-cudagraph-capture-size", "set", "4"),
        ("-cc.cudagraph_capture_sizes=[1,2]", "--max-cudagraph-capture-size", "set", "2"),
        ("-cc.max_cudagraph_capture_size 64", "--max-cudagraph-capture-size", "set", "64"),
        ("--max-cudagraph-capture-size 64", "--max-cudagraph-capture-size", "set", "64"),
        ("--no-async-scheduling", "--async-scheduling", "set", "off"),
        ("--spec-method ngram", "--async-scheduling", "default", "off"),
        ("--spec_method=ngram", "--speculative-config", "set", '{"method": "ngram"}'),
        ("--no-enable-prefix-caching", "--enable-prefix-caching", "set", "off"),
        ("--moe_backend=triton", "--moe-backend", "set", "triton"),
        ("--performance-mode throughput", "--max-num-batched-tokens", "default", "16384"),
    ],
)
def test_what_the_operator_changes(text: str, flag: str, state: str, value: str) -> None:
    """It is told however it is written, with what follows from it."""
    rows = {row.flag: row for row in speeds(plan(engine_args=text).decisions)}

    assert (rows[flag].state, rows[flag].value) == (state, value)


@pytest.mark.parametrize(
    ("gpus", "ours", "reason"),
    [
        ("1xrtx5090", {}, "vLLM chooses Marlin on this card"),
        ("1xl4", {"merge_adapter": "false"}, "vLLM chooses Marlin with an unmerged adapter"),
    ],
)
def test_kernels_that_vllm_chooses(gpus: str, ours: dict[str, str], reason: str) -> None:
    """Of none of these is another named."""
    model = "dousery/medical-reasoning-gpt-oss-20b"
    rows = {row.flag: row for row in speeds(plan(gpus, reasoner_model=model, **ours).decisions)}

    assert (rows["--moe-backend"].state, rows["--moe-backend"].reason) == ("default", reason)


def test_ray_schedules_synchronously() -> None:
    """The list says that each step waits for the one before."""
    made = plan("2xl4", tensor_parallel="2", distributed_backend="ray")

    assert ("--async-scheduling", "off") in {
        (row.flag, row.value) for row in speeds(made.decisions)
    }


def test_a_dense_model_has_no_experts_and_a_cpu_none_of_it() -> None:
    """Nothing is listed that does not apply."""
    assert "--moe-backend" not in states(plan(reasoner_model="facebook/opt-1.3b"))
    assert speeds(plan("cpu,ram=64").decisions) == ()


@pytest.mark.slow
@pytest.mark.engine
def test_every_possible_setting_is_taken_by_the_parser(refusals: Refusals) -> None:
    """The installed vLLM reads what is suggested."""
    lines = [
        ["model", *row.arguments]
        for gpus in ("1xl4", "1xh100", "1xb200")
        for row in speeds(plan(gpus).decisions)
        if row.arguments
    ]

    assert refusals(lines) == []


def test_what_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """A suggestion can be copied into a shell."""
    show_why(plan(), Console(file=sys.stdout, width=200))
    printed = capsys.readouterr().out
    line = next(line for line in printed.splitlines() if "--speculative-config" in line)
    _, _, value = line.rpartition("(MMHIE_ENGINE_ARGS=")
    (arguments,) = shlex.split(value.removesuffix(")"))

    assert json.loads(shlex.split(arguments)[1])["method"] == "eagle3"
    assert [word in printed for word in ("Set:", "Left to vLLM:", "Possible, and off:")] == [
        True
    ] * 3


@pytest.mark.parametrize("hardware", ["1xa100", "cpu,ram=999,cpus=999"])
@pytest.mark.parametrize(("arguments", "tokens"), [("", 2048), ("--max-num-batched-tokens 9", 9)])
def test_no_more_requests_than_tokens_in_a_step(hardware: str, arguments: str, tokens: int) -> None:
    """vLLM refuses more; the operator's own number is refused, fewer are planned by itself."""
    ours = {"reasoner_model": "embedded", "max_inflight": "9999", "engine_args": arguments}
    made = plan(hardware, **ours)

    assert made.argv[made.argv.index("--max-num-seqs") + 1] == str(tokens)
    assert all("as a step has tokens" in row.reason for row in speeds(made.decisions)[:1])
    with pytest.raises(PlanError, match=rf"9,999, and a step has {tokens:,} tokens"):
        plan(hardware, **ours | {"engine_args": f"{arguments} --max-num-seqs 9999"})
