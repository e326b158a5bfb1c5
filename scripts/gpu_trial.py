"""Starts of the default model's base with random weights, on a machine with a GPU and no network.

`python -m scripts.gpu_trial FOLDER [--gpus 1xh100] [--small]` writes into FOLDER the model's
description, each start's whole log, and `figures.json`: seconds of each step, and memory as logged
beside the plan's. `--small` takes two narrow layers, with which a CPU's engine can be tried.
"""

import argparse
import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import httpx2

from launcher.json_types import Json
from launcher.models.families import CONFIGS, GPT_OSS_20B
from launcher.models.resolve import read_model
from launcher.planning import hardware, installation
from launcher.planning.plan import EnginePlan, make_plan
from launcher.settings import load
from tests.models import vocabulary

SMALL: Final = {
    "num_hidden_layers": 2,
    "layer_types": ["sliding_attention", "full_attention"],
    "hidden_size": 64,
    "intermediate_size": 64,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "num_local_experts": 4,
    "num_experts_per_tok": 2,
}
# Each start: its name, and flags beside the plan's own.
STARTS: Final[Mapping[str, tuple[str, ...]]] = {
    "eager": ("--enforce-eager",),
    "compiled": (),
    "marlin": ("--moe-backend", "marlin"),
    "1,024 requests": ("--max-num-seqs", "1024"),
    "synchronous": ("--no-async-scheduling",),
}
ON_CPU: Final = ("eager",)
# What vLLM says of its memory and of the time it took.
LOGGED: Final = {
    "weights_gib": r"Model loading took ([\d.]+) Gi?B",
    "load_s": r"Model loading took .* ([\d.]+) seconds",
    "cache_gib": r"Available KV cache memory: ([\d.]+) GiB",
    "cache_tokens": r"KV cache size: ([\d,]+) tokens",
    "compile_s": r"torch\.compile took ([\d.]+) s",
    "graphs_s": r"Graph capturing finished in ([\d.]+) secs",
    "init_s": r"init engine .* took ([\d.]+) s",
}
NAMED: Final = re.compile(r"Using (\S+) (?:attention )?backend")
BODY: Final = {"prompt": "Hello", "max_tokens": 4}
PATIENCE_S: Final = 600.0
ANSWER_S: Final = 120.0  # the first one compiles kernels
TICK_S: Final = 0.5


def described(folder: Path, *, small: bool) -> Path:
    """A folder with config.json and tokenizer; the loader makes up the weights."""
    config = {**CONFIGS[GPT_OSS_20B], **(SMALL if small else {})}
    if small:  # no packed experts are that narrow
        config.pop("quantization_config")
    folder.mkdir(parents=True, exist_ok=True)
    vocabulary.main(folder)
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def plan_for(model: Path, gpus: str | None) -> EnginePlan:
    """The launcher's own plan, for this machine or one that is described."""
    settings = load({"MMHIE_REASONER_MODEL": str(model)}, None)
    machine = hardware.detect() if gpus is None else hardware.parse(gpus)
    return make_plan(settings, machine, read_model(settings), installation.detect())


def started(plan: EnginePlan, extra: Sequence[str], log: Path) -> Json:
    """One start until it answers, or ends; the figures of its log."""
    address = log.with_suffix(".sock")
    address.unlink(missing_ok=True)
    command = [*_runnable(plan.argv), "--load-format", "dummy", *extra, "--uds", str(address)]
    began = time.monotonic()
    with log.open("wb") as output:
        environ = {**os.environ, **plan.env}
        with subprocess.Popen(command, env=environ, stdout=output, stderr=output) as engine:
            try:
                answer = _until_answered(engine, address)
            finally:
                engine.terminate()
    seconds = round(time.monotonic() - began, 1)
    return {"answered": answer, "seconds": seconds, **figures(log.read_text(errors="replace"))}


def _runnable(argv: Sequence[str]) -> list[str]:
    """`vllm` by this Python: unpacked packages have no script."""
    if argv[0] != "vllm":
        return list(argv)
    return [sys.executable, "-m", "vllm.entrypoints.cli.main", *argv[1:]]


def _until_answered(engine: subprocess.Popen[bytes], address: Path) -> bool:
    """Return whether the engine generated a token within the time that it has."""
    until = time.monotonic() + PATIENCE_S
    while not _is_listening(address):
        if engine.poll() is not None or time.monotonic() > until:
            return False
        time.sleep(TICK_S)
    transport = httpx2.HTTPTransport(uds=str(address))
    with httpx2.Client(transport=transport, base_url="http://engine", timeout=ANSWER_S) as client:
        try:
            return client.post("/v1/completions", json=BODY).status_code == 200
        except httpx2.TransportError:
            return False


def _is_listening(address: Path) -> bool:
    """Return whether somebody accepts connections: vLLM makes the socket long before it does.

    The client of httpx2 does not close its own socket where nobody does.
    """
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(address)) == 0


def figures(log: str) -> Json:
    """The numbers in a log, each the last of its kind, and the back ends that it names."""
    figures: dict[str, Any] = {
        name: float(matches[-1].replace(",", ""))
        for name, pattern in LOGGED.items()
        if (matches := re.findall(pattern, log))
    }
    return {**figures, "backends": sorted(set(NAMED.findall(log)))}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run every start, one after the other, and write what each of them said."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("folder", type=Path)
    options.add_argument("--gpus", help="as for `mmhie plan`; default: this machine")
    options.add_argument("--small", action="store_true")
    given = options.parse_args(arguments)
    folder = given.folder.absolute()
    plan = plan_for(described(folder / "model", small=given.small), given.gpus)
    names = ON_CPU if plan.device == "cpu" else tuple(STARTS)
    written: Json = {"argv": list(plan.argv), "planned": plan.memory.as_json(), "starts": {}}
    for name in names:
        log = folder / f"{name.replace(',', '').replace(' ', '-')}.log"
        written["starts"][name] = started(plan, STARTS[name], log)
        (folder / "figures.json").write_text(json.dumps(written, indent=1))
        sys.stdout.write(f"{name}: {json.dumps(written['starts'][name])}\n")


if __name__ == "__main__":
    main()
