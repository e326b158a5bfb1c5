"""vLLM 0.32's own lines: how far it is, and why it ended. The outputs were recorded."""

from __future__ import annotations

from pathlib import Path

import pytest

from launcher.process.child import LAST_LINES, OutputLines
from launcher.serving.startup_log import (
    BEGIN,
    STEPS,
    furthest,
    read_phase,
    root_cause,
)
from launcher.serving.status_file import Phase

OUTPUT = Path(__file__).with_name("engine_output")


def recorded(name: str) -> list[str]:
    """The lines as a child hears them, the last ones only."""
    lines = OutputLines()
    return [*lines.feed((OUTPUT / f"{name}.txt").read_bytes()), *lines.close()][-LAST_LINES:]


# Bars spread over their step; other lines mark a point, and some only look similar.
LINES = {
    "Loading safetensors checkpoint shards:  33% Completed | 1/3 [00:01<00:02,  1.1it/s]": 0.499,
    "INFO 11-25 [default_loader.py:501] Loading weights took 0.95 seconds": 0.7,
    "Capturing CUDA graphs (mixed prefill-decode, PIECEWISE):  50%|█████     | 26/51": 0.9,
    "the patient said: Starting to load 100% of it": None,
}


def test_a_line_tells_how_far_it_is() -> None:
    """The report of a slower rank does not move the bar back."""
    for line, fraction in LINES.items():
        said = read_phase(line)
        assert (said and said.progress) == (fraction and pytest.approx(fraction, abs=0.001)), line

    seen = Phase("loading", "Warming up.", 0.85)
    assert furthest(seen, "Loading safetensors checkpoint shards:  50% Completed | 1/2") == seen


CAUSES = {
    "broken_config": "It looks like the config file at '/models/badjson/config.json' is not a "
    "valid JSON file.",
    "bad_value": "argument --max-model-len: invalid human_readable_int_or_auto value: 'many'",
    "unknown_flag": "unrecognized arguments: --no-such-flag",
    "fraction_over_one": "gpu_memory_utilization: Input should be less than or equal to 1",
    "heads_not_divisible": "Total number of attention heads (9) must be divisible by tensor "
    "parallel size (2).",
    "not_quantized": "Cannot find the config file for gptq",
    "no_weights": "Cannot find any model weights with `/models/noweights`",
    "weights_cut_short": "Error while deserializing header: incomplete metadata, file not fully "
    "covered",
    "wrong_shape": "The hidden size (640) is not a multiple of the number of attention heads (9).",
    "no_room_for_kv": "Available memory on node 0 (8.89/10.84 GiB) on kv cache allocation is less "
    "than requested memory for kv (-0.22/0.81 GiB). Reduce CPU memory used by other processes.",
}
BEGINNINGS = {
    "unknown_architecture": "The checkpoint you are trying to load has model type `dreamer`",
    "unknown_quantization": "Unknown quantization method: bitsandbytes. Must be one of",
    "context_too_long": "User-specified max_model_len (100000) is greater than",
    "missing_folder": "Repo id must be in the form 'repo_name' or 'namespace/repo_name'",
    "no_tokenizer": "Couldn't instantiate the backend tokenizer from one of: (1) a `tokenizers`",
    "too_little_memory": "Available memory on node 0 (9.35/10.84 GiB) on startup is less than",
}


@pytest.mark.parametrize(("name", "cause"), [*CAUSES.items(), *BEGINNINGS.items()])
def test_the_cause_is_found_in_a_recorded_failure(name: str, cause: str) -> None:
    """One sentence of vLLM's, without prefixes, not what only echoes it; a long one is cut, and
    begins with what matters."""
    found = root_cause(recorded(name)) or ""

    assert found.startswith(cause)
    assert found == cause or name in BEGINNINGS
    assert len(found) <= 300


@pytest.mark.parametrize("name", ["healthy_eager", "healthy_compiled"])
def test_a_recorded_start_goes_on_to_the_socket(name: str) -> None:
    """Never back. Warnings and passing mentions of errors are no cause of an end."""
    lines = recorded(name)
    seen = [BEGIN]
    for line in lines:
        seen.append(furthest(seen[-1], line))
    fractions = [phase.progress or 0 for phase in seen]
    started = next(place for place, line in enumerate(lines) if "startup complete" in line)

    assert fractions == sorted(fractions)
    assert fractions[-1] == STEPS[-1][-1]
    assert root_cause([line for line in lines[:started] if "[shutdown]" not in line]) is None


def test_an_echo_is_better_than_nothing() -> None:
    """Without the first traceback, a line that tells of it is still said; so is the guard's."""
    echo, guards = "Engine core initialization failed.", "vllm cannot be started: No such file"

    assert root_cause([f"RuntimeError: {echo}"]) == echo
    assert root_cause([guards]) == guards
