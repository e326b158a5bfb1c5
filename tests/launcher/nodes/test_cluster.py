"""One engine over several machines: what is started on each, and that vLLM takes it."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from dataclasses import replace
from itertools import product

import pytest

from launcher.cli.plan import planned, together
from launcher.errors import LauncherError, SettingsError
from launcher.nodes import cluster
from launcher.planning.hardware import Route, parse
from launcher.planning.installation import Installation
from launcher.planning.plan import EnginePlan, make_plan
from launcher.settings import given, load
from tests.command import Command
from tests.launcher.conftest import Refusals
from tests.launcher.plans import facts, plan, value

HEAD = "10.0.0.1"
OPT = "facebook/opt-1.3b"
MODELS = ("dousery/medical-reasoning-gpt-oss-20b", "openai/gpt-oss-20b", OPT)
SEVERAL = ("2x8x80", "2x1x24", "4x8x80,cc=9.0", "3x2x40", "2xcpu,ram=64")
WAYS: tuple[dict[str, str], ...] = (
    {},
    {"MMHIE_DISTRIBUTED_BACKEND": "ray"},
    {"MMHIE_DEVICE_MAP": "sequential"},
    {"MMHIE_TENSOR_PARALLEL": "2", "MMHIE_PIPELINE_PARALLEL": "4"},
    {"MMHIE_QUANTIZE": "fp8", "MMHIE_ENGINE_ARGS": "--seed 7"},
)


def nodes(described: str = "2x8x80", **variables: str) -> tuple[cluster.Node, ...]:
    """Every machine's part, with these settings and nothing of this machine's."""
    return whole(described, variables)[1]


def whole(described: str, variables: dict[str, str]) -> tuple[EnginePlan, tuple[cluster.Node, ...]]:
    place = parse(described)
    settings = together(load(variables, None), place)
    made = planned(
        settings,
        place,
        facts(settings.model),
        Installation(python="python"),
        given(variables, None),
    )
    return made.plan, made.parts


def test_each_node_is_started_with_its_place() -> None:
    """The user's own variables are the same everywhere; rank and address tell the nodes apart."""
    head, follower = nodes(MMHIE_HEAD_ADDRESS=HEAD, MMHIE_MAX_TOKENS="64")

    assert head.commands == follower.commands == (("mmhie", "serve"),)
    assert head.variables == {
        "MMHIE_MAX_TOKENS": "64",
        "MMHIE_NODES": "2",
        "MMHIE_NODE_RANK": "0",
        "MMHIE_HEAD_ADDRESS": HEAD,
    }
    assert follower.variables == {**head.variables, "MMHIE_NODE_RANK": "1"}


def test_what_is_typed_runs_what_is_shown() -> None:
    """The variables of each node, read as `mmhie serve` reads them, make the argv told of it."""
    place = parse("2x8x80")
    for node in nodes(MMHIE_HEAD_ADDRESS=HEAD, MMHIE_ENGINE_ARGS="--seed 7"):
        settings = load(node.variables, None)
        model = facts(settings.model)

        assert make_plan(settings, place, model, Installation(python="python")).argv == node.engine


def test_only_the_head_answers() -> None:
    """vLLM's own multi-node start: the same engine, numbered, and the others without a server."""
    plans = [node.engine for node in nodes("4x8x80", MMHIE_HEAD_ADDRESS=HEAD)]

    assert [argv[argv.index("--node-rank") + 1] for argv in plans] == ["0", "1", "2", "3"]
    assert ["--headless" in argv for argv in plans] == [False, True, True, True]
    assert {argv[argv.index("--master-addr") + 1] for argv in plans} == {HEAD}
    assert {argv[argv.index("--nnodes") + 1] for argv in plans} == {"4"}


def test_hosts_without_gpus_share_by_tensor() -> None:
    """The rank of each takes all cores of its host, and a follower is started under vLLM's name."""
    head, *followers = nodes("3xcpu,ram=16", MMHIE_REASONER_MODEL="embedded")

    assert head.engine[head.engine.index("--tensor-parallel-size") + 1] == "3"
    assert "vllm.entrypoints.openai.api_server" in head.engine
    assert [node.engine[:3] for node in followers] == [
        ("python", "-m", "launcher.nodes.headless")
    ] * 2
    assert not {"VLLM_CPU_OMP_THREADS_BIND"} & head.engine_env.keys()


def test_processes_of_one_host_share_its_cores() -> None:
    """Four ranks on two hosts: two groups on each, or vLLM would refuse them."""
    model = replace(facts("embedded"), heads=8, kv_heads=4)
    made = plan("2xcpu,cpus=4", model=model, tensor_parallel=4, nodes=2, head_address=HEAD)

    assert made.env["VLLM_CPU_OMP_THREADS_BIND"] == "0,1|2,3"


def test_the_nodes_are_told_how_they_are_reached() -> None:
    """By the address that leads to the head; one machine alone needs to be told nothing."""
    place = replace(parse("2x8x80"), route=Route("10.0.0.7", "eth1"))
    names = {"VLLM_HOST_IP": "10.0.0.7", "GLOO_SOCKET_IFNAME": "eth1"}

    assert names.items() <= plan(place, nodes=2, node_rank=1, head_address=HEAD).env.items()
    assert not names.keys() & plan(replace(place, nodes=1)).env.keys()


def test_a_host_holds_its_part_of_the_weights() -> None:
    """And the head the server besides."""
    memory = whole("2xcpu,ram=64", {"MMHIE_REASONER_MODEL": OPT})[0].memory
    alone = plan("cpu,ram=64", reasoner_model=OPT, tensor_parallel=2).memory
    less_gib = alone.per_gpu_gib - memory.per_gpu_gib

    assert memory.weights_gib == alone.weights_gib
    assert memory.weights_gib / 2 < less_gib < alone.per_gpu_gib / 2 + 1


def test_ray_gathers_the_nodes_before_the_head_serves() -> None:
    """Ray starts the ranks by itself, so the other nodes run nothing of ours."""
    head, follower = nodes(MMHIE_HEAD_ADDRESS=HEAD, MMHIE_DISTRIBUTED_BACKEND="ray")

    assert head.commands == (
        (*cluster.RAY_HEAD, f"--node-ip-address={HEAD}", "--port=6379"),
        ("mmhie", "serve"),
    )
    assert follower.commands == (("ray", "start", f"--address={HEAD}:6379", "--block"),)
    assert head.engine[head.engine.index("--distributed-executor-backend") + 1] == "ray"
    assert "--nnodes" not in head.engine
    assert (follower.engine, follower.variables) == ((), {})


def test_a_follower_of_ray_is_told_what_to_start_instead() -> None:
    """`mmhie serve` there would start a second engine."""
    follower = {
        "MMHIE_NODES": "2",
        "MMHIE_NODE_RANK": "1",
        "MMHIE_HEAD_ADDRESS": "fd00::1",
        "MMHIE_DISTRIBUTED_BACKEND": "ray",
    }

    with pytest.raises(SettingsError) as refused:
        load(follower, None)
    assert "`ray start '--address=[fd00::1]:6379' --block`" in str(refused.value)


def test_an_address_that_is_not_known_yet() -> None:
    """The plan is made with one that plainly stands for it, and a warning says so."""
    made, (head, _) = whole("2x8x80", {})
    settled, _ = whole("2x8x80", {"MMHIE_HEAD_ADDRESS": HEAD})

    assert value(made, "--master-addr") == head.variables["MMHIE_HEAD_ADDRESS"]
    assert head.variables["MMHIE_HEAD_ADDRESS"] == "ADDRESS_OF_NODE_0"
    assert "set MMHIE_HEAD_ADDRESS" in made.warnings[-1]
    assert not settled.warnings


def test_the_command_prints_lines_for_a_shell(plan_command: Command) -> None:
    """Each node's line, pasted into a shell, sets its variables and starts mmhie."""
    out, _ = plan_command.run("--nodes", "2x8x80", head_address=HEAD, engine_args="--seed 7")

    typed = [line[2:] for line in out.splitlines() if line.startswith("$ ")]
    assert out.index("Node 0, the head:") < out.index("Node 1:")
    assert len(typed) == 2
    for rank, line in enumerate(typed):
        *variables, program, verb = shlex.split(line)
        assert (program, verb) == ("mmhie", "serve")
        assert f"MMHIE_NODE_RANK={rank}" in variables
        assert "MMHIE_ENGINE_ARGS=--seed 7" in variables


def test_the_command_prints_json(plan_command: Command) -> None:
    """One object, with one entry a node."""
    out, _ = plan_command.run("--nodes", "2x8x80", "--json", distributed_backend="ray")

    document = json.loads(out)
    assert (document["nodes"], document["engines"]) == (2, 1)
    assert [node["rank"] for node in document["node_commands"]] == [0, 1]
    assert document["node_commands"][0]["commands"][1] == ["mmhie", "serve"]
    assert document["node_commands"][0]["engine"] == document["argv"]


def test_one_of_several_engines(plan_command: Command) -> None:
    """Its share of the machine is planned, and told as one."""
    _, out, _ = plan_command("--gpus", "4x80", "--json", engines="2", device_map="balanced")

    document = json.loads(out)
    assert (document["tensor_parallel"], document["engines"], document["nodes"]) == (2, 2, 1)
    assert document["env"]["CUDA_VISIBLE_DEVICES"] == "0,1"
    assert "one of 2 engines, each with an equal part of the machine" in document["reasons"]


def every_line() -> Iterator[tuple[str, ...]]:
    """Each node's engine in every way of several machines, as the parser sees it."""
    for model, described, way in product(MODELS, SEVERAL, WAYS):
        try:
            parts = nodes(described, MMHIE_REASONER_MODEL=model, **way)
        except LauncherError:
            continue
        for part in parts:
            if part.engine:
                yield part.engine[2 if part.engine[0] == "vllm" else 3 :]


@pytest.mark.slow
def test_every_nodes_command_line_is_accepted_by_the_installed_vllm(refusals: Refusals) -> None:
    """Through vLLM's own parser, with a value it does not take for proof."""
    lines = set(every_line())
    wrong = ("some/model", "--nnodes", "two")
    assert {"--headless" in line for line in lines} == {True, False}
    assert len(lines) > 60

    refused = refusals([*lines, wrong])

    assert [argv for argv, _ in refused] == [list(wrong)], refused[:3]
