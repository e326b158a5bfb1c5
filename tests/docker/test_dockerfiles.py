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


@pytest.mark.parametrize("name", FILES)
def test_bases_are_pinned(name: str) -> None:
    """One base by exact version, the same for all images and the one the locks were made for, in an
    argument that can take a digest too."""
    own, *others = (
        re.findall(r"^ARG PYTHON_IMAGE=(\S+)$", FILES[file].read_text(), re.MULTILINE)
        for file in (name, *FILES)
    )

    assert re.fullmatch(r"python:3\.11\.\d+-slim-[a-z]+(@sha256:[0-9a-f]{64})?", *own)
    assert all(other == own for other in others)
    known = {"${PYTHON_IMAGE}", "${VLLM_IMAGE}", "${BASE}", *stages(name)}
    assert {stage.base for stage in stages(name).values()} <= known


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


def test_context_keeps_the_rest_out() -> None:
    """The build context is an allow-list: no .env, no tests, no git history."""
    rules = (ROOT / ".dockerignore").read_text().splitlines()
    allowed = {rule[1:] for rule in rules if rule.startswith("!")}

    assert rules[1] == "*"
    assert allowed == {
        "assurance", "docker", "gateway", "launcher", "requirements", "pyproject.toml", "README.md",
        "LICENSE",
    }  # fmt: skip
    for file in FILES.values():
        for word, rest in instructions(file.read_text()):
            if word == "COPY" and "--from" not in rest:
                sources = [part for part in rest.split()[:-1] if not part.startswith("--")]
                assert {source.split("/")[0] for source in sources} <= allowed, rest
