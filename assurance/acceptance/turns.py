"""Turns of vLLM's own `bench serve`: each one's prompts, arguments and result, and their child."""

import json
import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

from assurance.acceptance.check import Unmeasured
from assurance.acceptance.prompts import notes
from assurance.acceptance.target import COMPLETIONS, Target, TargetApi
from launcher.json_types import Json
from launcher.process.child import Command, run_to_end

# Fewer tokens out with --quick, and on a CPU, which makes some twenty a second.
TOKENS_IN, TOKENS_OUT, FEW_TOKENS_OUT = 128, 64, 24
WORDS_OF_A_TOKEN: Final = 0.75  # of English text, about
KILL_AFTER_S: Final = 2.0
ROUNDS: Final = 2  # requests of each stream in a turn, one after the other
LEAST_REQUESTS: Final = 8  # of a turn: two answers alone would measure chance


@dataclass(frozen=True, slots=True)
class LoadTurn:
    """One start of the load: past the gateway or through it; its result is a file of its own."""

    way: str
    concurrency: int
    number: int
    folder: Path

    @property
    def requests(self) -> int:
        return max(LEAST_REQUESTS, self.concurrency * ROUNDS)

    @property
    def prompts(self) -> Path:
        return self.folder / f"prompts-{self.number}.json"

    @property
    def result(self) -> Path:
        return self.folder / f"{self.number}.json"


def arguments(target: Target, way: TargetApi, turn: LoadTurn) -> list[str]:
    """Write a turn's prompts, and return its arguments; completions know neither templates nor
    Harmony."""
    facts = target.facts
    room = facts.max_model_len // 3
    is_short = facts.is_quick or facts.device == "cpu"
    tokens_out = FEW_TOKENS_OUT if is_short else TOKENS_OUT
    # another seed for each turn: none finds its prompts cached
    made = notes(turn.number, int(min(TOKENS_IN, room) * WORDS_OF_A_TOKEN))
    turn.prompts.write_text(
        json.dumps([conversation(note) for note in islice(made, turn.requests)])
    )
    return [
        *("--backend", "openai", "--base-url", way.url, "--endpoint", COMPLETIONS),
        *("--model", facts.model, "--tokenizer", target.engine.tokenizer),
        *("--dataset-name", "sharegpt", "--dataset-path", str(turn.prompts), "--ignore-eos"),
        *("--sharegpt-output-len", str(min(tokens_out, room))),
        *("--num-prompts", str(turn.requests), "--max-concurrency", str(turn.concurrency)),
        *("--temperature", "0", "--disable-tqdm", "--save-result", "--save-detailed"),
        *("--result-dir", str(turn.folder), "--result-filename", turn.result.name),
    ]


def conversation(prompt: str) -> Json:
    """Return a prompt in ShareGPT's form, the one that `bench serve` reads without pandas."""
    return {"conversations": [{"value": prompt}, {"value": ""}]}


async def bench(jobs: Iterable[tuple[str, list[str]]], folder: Path) -> None:
    """Run keys and arguments in a child. Raises Unmeasured."""
    listed = folder / "runs.json"
    listed.write_text(json.dumps([{"key": key, "argv": argv} for key, argv in jobs]))
    listed.chmod(0o600)  # the keys are in it
    argv = (sys.executable, "-m", "assurance.acceptance.bench", str(listed))
    env = {**os.environ, "HF_HUB_OFFLINE": "1", "VLLM_NO_USAGE_STATS": "1"}
    status, last_line = await run_to_end(Command(argv, env), KILL_AFTER_S)
    if status:
        reason = last_line or "without a word"
        raise Unmeasured(f"`vllm bench serve` ended with an error: {reason}")
