"""vLLM 0.32's own lines: how far it is, and why it ended. The outputs were recorded."""

from __future__ import annotations

from pathlib import Path

import pytest

from launcher.process.child import LAST_LINES, OutputLines
from launcher.serving.startup_log import (
    BEGIN,
    STEPS,
    StartupProgress,
    furthest,
    progress,
    root_cause,
)

OUTPUT = Path(__file__).with_name("engine_output")


def recorded(name: str) -> list[str]:
    """The lines as a child hears them, the last ones only."""
    lines = OutputLines()
    return [*lines.feed((OUTPUT / f"{name}.txt").read_bytes()), *lines.close()][-LAST_LINES:]


WORKER = "(Worker pid=9642) INFO 11-25 00:42:25 "
LINES = {
    f"{WORKER}[cpu_model_runner.py:68] Starting to load model /models/smol...": 0.4,
    "Loading safetensors checkpoint shards:   0% Completed | 0/3 [00:00<?, ?it/s]": 0.4,
    "Loading safetensors checkpoint shards:  33% Completed | 1/3 [00:01<00:02,  1.1it/s]": 0.499,
    "Loading safetensors checkpoint shards: 100% Completed | 3/3 [00:02<00:00,  1.1it/s]": 0.7,
    f"{WORKER}[default_loader.py:501] Loading weights took 0.95 seconds": 0.7,
    f"{WORKER}[cpu_model_runner.py:87] Warming up model for the compilation...": 0.75,
    f"{WORKER}[monitor.py:53] torch.compile took 45.6 s in total": 0.8,
    "model-00002-of-00003.safetensors:  50%|█████     | 2.3G/4.6G [00:21<00:21, 110MB/s]": 0.3,
    "Fetching 15 files:  20%|██        | 3/15 [00:02<00:08,  1.4it/s]": 0.24,
    "Capturing CUDA graphs (mixed prefill-decode, PIECEWISE):  50%|█████     | 26/51": 0.9,
}
SILENT = (
    "",
    "INFO:     Application startup complete.",
    f"{WORKER}[weight_utils.py:1108] Filesystem type for checkpoints: EXT4.",
    "the patient said: Starting to load 100% of it",
)


@pytest.mark.parametrize(("line", "fraction"), LINES.items())
def test_a_line_tells_how_far_it_is(line: str, fraction: float) -> None:
    """Bars spread over their step; other lines mark a point."""
    said = progress(line)

    assert said is not None
    assert said.fraction == pytest.approx(fraction, abs=0.001)


@pytest.mark.parametrize("line", SILENT)
def test_other_lines_say_nothing(line: str) -> None:
    """Lines that only look similar are passed over."""
    assert progress(line) is None


@pytest.mark.parametrize(
    ("name", "steps"),
    [
        ("healthy_eager", ["Loading the weights", "Warming up"]),
        ("healthy_compiled", ["Loading the weights", "Compiling the model", "Warming up"]),
    ],
)
def test_a_recorded_start_goes_through_its_steps(name: str, steps: list[str]) -> None:
    """In order, never back, up to the socket."""
    seen = [BEGIN]
    for line in recorded(name):
        seen.append(furthest(seen[-1], line))
    fractions = [progress.fraction for progress in seen]
    told = list(dict.fromkeys(progress.step for progress in seen))

    assert told == ["Starting the engine", *steps, "Opening the engine's socket"]
    assert fractions == sorted(fractions)
    assert fractions[-1] == STEPS[-1][-1]


def test_a_late_report_of_an_earlier_step_is_passed_over() -> None:
    """Ranks load side by side; the bar does not jump back."""
    seen = StartupProgress("Warming up", 0.85)

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


@pytest.mark.parametrize(("name", "cause"), CAUSES.items())
def test_the_cause_is_found_in_a_recorded_failure(name: str, cause: str) -> None:
    """One sentence of vLLM's, without prefixes, not what only echoes it."""
    assert root_cause(recorded(name)) == cause


@pytest.mark.parametrize(("name", "beginning"), BEGINNINGS.items())
def test_a_long_cause_is_cut(name: str, beginning: str) -> None:
    """It begins with what matters and ends within a few lines of a terminal."""
    cause = root_cause(recorded(name))

    assert cause is not None
    assert cause.startswith(beginning)
    assert len(cause) <= 300


def test_every_recording_is_used() -> None:
    """A failure that is recorded is also explained."""
    healthy = {"healthy_eager", "healthy_compiled"}
    assert {file.stem for file in OUTPUT.iterdir()} == {*CAUSES, *BEGINNINGS} | healthy


@pytest.mark.parametrize("name", ["healthy_eager", "healthy_compiled"])
def test_a_clean_start_has_no_cause(name: str) -> None:
    """Warnings and passing mentions of errors are none; an end without a reason has none."""
    before_shutdown = [line for line in recorded(name) if "[shutdown]" not in line]
    started = next(i for i, line in enumerate(before_shutdown) if "startup complete" in line)

    assert root_cause(before_shutdown[:started]) is None


@pytest.mark.parametrize(
    ("prefix", "cause"),
    [
        ("RuntimeError: ", "Engine core initialization failed. See root cause above."),
        ("", "vllm cannot be started: No such file or directory"),
    ],
)
def test_an_echo_is_better_than_nothing(prefix: str, cause: str) -> None:
    """Without the first traceback, a line that tells of it is still said; so is the guard's."""
    assert root_cause([f"{prefix}{cause}"]) == cause
