"""vLLM's own parser, loaded once for all; a fake NVML, compiled once; a hub; `mmhie`."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests import fake_nvml
from tests.command import Command
from tests.fake_hub import files
from tests.fake_hub.hub import FakeHub, running
from tests.waiting import PATIENCE_S

# Lines for which the parser raised, with what it raised.
Refused = list[tuple[list[str], str]]

PARSE = """
import json, sys, typing, warnings
answers, sys.stdout = sys.stdout, sys.stderr  # vLLM may log when it is imported
warnings.simplefilter("ignore")
from vllm.config.lora import MaxLoRARanks
from vllm.entrypoints.launchers.cli_args import make_arg_parser, validate_parsed_serve_args
from vllm.model_executor.models import registry
from vllm.reasoning import _REASONING_PARSERS_TO_REGISTER
from vllm.tool_parsers import _TOOL_PARSERS_TO_REGISTER
from vllm.utils.argparse_utils import FlexibleArgumentParser
parser = make_arg_parser(FlexibleArgumentParser())

def error(argv):
    try:
        validate_parsed_serve_args(parser.parse_args(argv))
    except (SystemExit, Exception) as raised:
        return repr(raised)

actions = [one for one in parser._actions if one.option_strings]
names = {
    "reasoning": [*_REASONING_PARSERS_TO_REGISTER],
    "tools": [*_TOOL_PARSERS_TO_REGISTER],
    "ranks": typing.get_args(MaxLoRARanks),
    "chat": [*registry._TEXT_GENERATION_MODELS, *registry._MULTIMODAL_MODELS],
}
print(json.dumps([[one.option_strings for one in actions], names]), file=answers, flush=True)
for line in sys.stdin:
    tried = [(argv, error(argv)) for argv in json.loads(line)]
    print(json.dumps([one for one in tried if one[1]]), file=answers, flush=True)
"""


@dataclass(frozen=True, slots=True)
class VllmParser:
    """The installed vLLM's parser: its flags with their other names, and what it has by name."""

    process: subprocess.Popen[str]
    flags: list[list[str]]
    names: dict[str, list[Any]]

    def refused(self, lines: Iterable[Sequence[str]]) -> Refused:
        """Return what it refuses of these lines, each the words after `serve`."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(json.dumps(list(lines)), file=self.process.stdin, flush=True)
        answer: Refused = json.loads(self.process.stdout.readline())
        return answer


@pytest.fixture(scope="session")
def vllm_parser() -> Iterator[VllmParser]:
    """One in a process of its own, which imports vLLM once."""
    command = [sys.executable, "-c", PARSE]
    quiet = subprocess.DEVNULL
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=quiet, text=True
    ) as process:
        assert process.stdout is not None
        yield VllmParser(process, *json.loads(process.stdout.readline()))


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """NVIDIA's management library, as the tests describe the machine."""
    return fake_nvml.build(tmp_path_factory.mktemp("nvml"))


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    """One with a sharded model a/b and an adapter on it, set for this process."""
    before = set(threading.enumerate())
    with running(tmp_path / "hub") as started:
        for name, value in started.environ(tmp_path).items():
            monkeypatch.setenv(name, value)
        started.add("a/b", files.model())
        started.add("an/adapter", files.adapter())
        yield started
        started.fails()
        for thread in set(threading.enumerate()) - before:
            thread.join(PATIENCE_S)  # what is left of a fetch would ask the next test's hub


@pytest.fixture
def command(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> Command:
    """`mmhie`, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    return Command(monkeypatch, capfd)


@pytest.fixture
def plan_command(command: Command) -> Command:
    """`mmhie plan`, in a folder of its own."""
    command.words = ("plan",)
    return command
