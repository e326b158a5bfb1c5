"""Promises of the Dockerfiles, checked in their text; no test builds an image."""

import re

import pytest

from tests.docker.dockerfile import FILES, ROOT, exec_form, instructions, last_of, stages

TARGETS = [("gateway", "last"), *(("llm", to) for to in ("cpu", "gpu", "both"))]
LOCKS = {
    ("gateway", "builder"): {"build", "gateway", "tracing"},
    ("llm", "cpu-packages"): {"gateway", "engine-cpu", "engine-cpu-torch"},
    ("llm", "gpu-packages"): {"gateway", "router", "engine-plugins"},
}


@pytest.mark.parametrize(("name", "stage"), LOCKS)
def test_packages_come_from_the_locks_alone(name: str, stage: str) -> None:
    """Each environment is its lock files, complete, with nothing that pip resolved beside them."""
    runs = " && ".join(stages(name)[stage].all("RUN"))
    named = [part for part in runs.split("&&") if "-r requirements/" in part]
    commands = [part for part in named if "/opt/" in part or "docker/environment" in part]

    assert set(re.findall(r"-r requirements/([a-z-]+)\.txt", runs)) == LOCKS[name, stage]
    assert commands
    assert all("--no-deps" in command for command in commands)


def test_pip_compares_hashes() -> None:
    """Wherever it installs from a lock; uv does it by itself where a lock has hashes."""
    for file in FILES.values():
        for command in re.split(r"&&|\nRUN ", file.read_text().replace("\\\n", "")):
            if "pip" in command and "-r requirements/" in command and "docker/env" not in command:
                assert "--require-hashes" in command, command


def test_the_gpu_engine_is_the_locked_one() -> None:
    """vLLM's own image is of the version that the lock has and the tests ask."""
    image = re.search(
        r"^ARG VLLM_IMAGE=vllm/vllm-openai:v([^@\s]+)", FILES["llm"].read_text(), re.M
    )
    locked = re.search(r"^vllm==(\S+)", (ROOT / "requirements/engine-gpu.txt").read_text(), re.M)

    assert image
    assert locked
    assert image[1] == locked[1]


@pytest.mark.parametrize(("name", "target"), TARGETS)
def test_nobody_is_root(name: str, target: str) -> None:
    """The user is a number, which an orchestrator can check, and it is not 0."""
    assert min(map(int, last_of(name, target, "USER").split(":"))) > 1000


@pytest.mark.parametrize(("name", "target"), TARGETS)
def test_it_can_be_reached_asked_and_stopped(name: str, target: str) -> None:
    """Port 8000 from outside, something asks /healthz, and no shell keeps signals from the
    program."""
    assert exec_form(last_of(name, target, "ENTRYPOINT"))
    assert last_of(name, target, "STOPSIGNAL") == "SIGTERM"
    assert last_of(name, target, "EXPOSE") == "8000"
    assert "MMHIE_HOST=0.0.0.0" in last_of(name, target, "ENV").split()
    command = last_of(name, target, "HEALTHCHECK").partition("CMD ")[2]
    assert exec_form(command)[-1] == "/opt/image/healthy.py"


@pytest.mark.parametrize("name", FILES)
def test_no_secret_and_no_host_is_named(name: str) -> None:
    """Nothing secret is baked in, and whoever builds chooses where packages come from."""
    for word, rest in instructions(FILES[name].read_text()):
        assert "://" not in rest, (word, rest)
        if word in ("ARG", "ENV"):
            assert not re.search(r"(TOKEN|PASSWORD|SECRET|API_KEY)", rest), rest
