"""Settings that decide an engine's speed, by who decides them."""

from __future__ import annotations

import json
import shlex
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from launcher.cli.plan import show_why
from launcher.errors import PlanError
from launcher.planning.speed import SpeedOption, speeds
from tests.launcher.conftest import Refusals
from tests.launcher.plans import plan, value
from tests.sparse import sparse_weights


def rows(gpus: str = "1xh100", **ours: Any) -> dict[str, SpeedOption]:
    """The settings of a plan, by their flags."""
    return {row.flag: row for row in speeds(plan(gpus, **ours).decisions)}


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
    row = rows(gpus)[flag]

    assert row.arguments == arguments
    assert (row.state == "possible") == bool(arguments)
    assert flag not in plan(gpus).argv


@pytest.mark.parametrize(
    ("model", "draft"),
    [
        ("openai/gpt-oss-20b", "RedHatAI/gpt-oss-20b-speculator.eagle3"),
        ("dousery/medical-reasoning-gpt-oss-20b", "RedHatAI/gpt-oss-20b-speculator.eagle3"),
        ("facebook/opt-1.3b", "OWNER/DRAFT"),
    ],
)
def test_the_draft_model_that_is_named(model: str, draft: str) -> None:
    """The public one of its base."""
    config = json.loads(rows(reasoner_model=model)["--speculative-config"].arguments[1])

    assert (config["model"], config["num_speculative_tokens"]) == (draft, 3)


def test_no_draft_model_beside_gpt_oss_in_stages(tmp_path: Path) -> None:
    """It is neither named nor taken there."""
    (tmp_path / "config.json").write_text("{}")
    sparse_weights(tmp_path / "model.safetensors")

    assert "--speculative-config" not in rows("2xl4", pipeline_parallel="2")
    with pytest.raises(PlanError, match=r"no draft model .* beside gpt-oss in pipeline stages"):
        plan("2xl4", pipeline_parallel="2", engine_args=f"--spec-model {tmp_path}")


def test_the_cache_on_blackwell() -> None:
    """8 bits are possible there, and set where they are asked for."""
    assert rows("1xb200")["--kv-cache-dtype"].state == "possible"
    assert rows("1xb200", kv_cache_dtype="fp8")["--kv-cache-dtype"].state == "set"
    assert rows("1xh100")["--kv-cache-dtype"].state == "default"


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
        ("--moe-backend marlin", "--moe-backend", "set", "marlin"),
        ("--moe-backend=marlin", "--moe-backend", "set", "marlin"),
        ("--performance-mode throughput", "--max-num-batched-tokens", "default", "16384"),
    ],
)
def test_what_the_operator_changes(text: str, flag: str, state: str, value: str) -> None:
    """It is told however it is written, with what follows from it."""
    row = rows(engine_args=text)[flag]

    assert (row.state, row.value) == (state, value)


@pytest.mark.parametrize(
    ("gpus", "ours", "reason"),
    [
        ("1xrtx5090", {}, "vLLM chooses Marlin on this card"),
        ("1xl4", {"merge_adapter": "false"}, "vLLM chooses Marlin with an unmerged adapter"),
    ],
)
def test_kernels_that_vllm_chooses(gpus: str, ours: dict[str, Any], reason: str) -> None:
    """Of none of these is another named."""
    row = rows(gpus, **ours)["--moe-backend"]

    assert (row.state, row.reason) == ("default", reason)


def test_a_dense_model_has_no_experts_and_a_cpu_none_of_it() -> None:
    """Nothing is listed that does not apply."""
    assert "--moe-backend" not in rows(reasoner_model="facebook/opt-1.3b")
    assert rows("cpu,ram=64") == {}


@pytest.mark.slow
@pytest.mark.engine
def test_every_possible_setting_is_taken_by_the_parser(refusals: Refusals) -> None:
    """The installed vLLM reads what is suggested."""
    lines = [
        ["model", *row.arguments]
        for gpus in ("1xl4", "1xh100", "1xb200")
        for row in rows(gpus).values()
        if row.arguments
    ]

    assert refusals(lines) == []


def test_what_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """A suggestion can be copied into a shell."""
    show_why(plan("1xh100"), Console(file=sys.stdout, width=200))
    printed = capsys.readouterr().out
    line = next(line for line in printed.splitlines() if "--speculative-config" in line)
    (arguments,) = shlex.split(line.rpartition("(MMHIE_ENGINE_ARGS=")[2].removesuffix(")"))

    assert json.loads(shlex.split(arguments)[1])["method"] == "eagle3"
    for heading in ("Set:", "Left to vLLM:", "Possible, and off:"):
        assert heading in printed


@pytest.mark.parametrize("hardware", ["1xa100", "cpu,ram=999,cpus=999"])
@pytest.mark.parametrize(("arguments", "tokens"), [("", 2048), ("--max-num-batched-tokens 9", 9)])
def test_no_more_requests_than_tokens_in_a_step(hardware: str, arguments: str, tokens: int) -> None:
    """vLLM refuses more; the operator's own number is refused, fewer are planned by itself."""
    small = partial(plan, hardware, reasoner_model="embedded", max_inflight=9999)

    made = small(engine_args=arguments)

    assert value(made, "--max-num-seqs") == str(tokens)
    assert all("as a step has tokens" in row.reason for row in speeds(made.decisions)[:1])
    with pytest.raises(PlanError, match=rf"9,999, and a step has {tokens:,} tokens"):
        small(engine_args=f"{arguments} --max-num-seqs 9999")
