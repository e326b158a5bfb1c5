"""Facts that only the engine's own environment shows, read in a child process.

`python -m launcher.cli.self_test FOLDER HARMONY WORD ...` loads the vocabulary as the engine would,
has vLLM judge these words of a command line, and prints one JSON object. HARMONY is "harmony" for
gpt-oss.
"""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

from launcher.serving import engine_judge, refusals, startup_log

TIMEOUT_S: Final = 300.0  # a cold disk or a busy machine takes minutes to import an engine
SAMPLE: Final = "A 54-year-old with chest pain."


@dataclass(frozen=True, slots=True)
class Result:
    """Size of the vocabulary (0: it did not load), the error, and vLLM's refusal of the command
    line."""

    tokens: int = 0
    error: str = ""
    refusal: str = ""


def run(
    folder: Path, *, is_harmony: bool, environ: Mapping[str, str], words: Sequence[str] = ()
) -> Result:
    """Return the result of a child with this environment; its failure is an error in it."""
    command = [sys.executable, "-m", __name__, str(folder), "harmony" * is_harmony, *words]
    try:
        done = subprocess.run(
            command, env=environ, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired:
        return Result(error=f"it took over {TIMEOUT_S:.0f} s")
    lines = done.stdout.splitlines()
    if done.returncode or not lines:
        return Result(error=(done.stderr.splitlines() or ["it ended without a word"])[-1])
    result = Result(**json.loads(lines[-1]))
    cause = startup_log.root_cause(done.stderr.splitlines()) if result.refusal else None
    return replace(result, refusal=refusals.refusal(cause)) if cause else result


def vocabulary(folder: str, *, is_harmony: bool) -> int:
    """Return the vocabulary's size; it must turn a sentence into tokens and back."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    if "chest pain" not in tokenizer.decode(tokenizer.encode(SAMPLE)):
        raise ValueError("a sentence did not survive being turned into tokens and back")
    if is_harmony:  # gpt-oss has a second vocabulary, for its message format
        from openai_harmony import HarmonyEncodingName, load_harmony_encoding

        load_harmony_encoding(HarmonyEncodingName.HARMONY_GPT_OSS).encode(SAMPLE)
    return len(tokenizer)


def main(folder: str, harmony: str, *words: str) -> None:
    """Print the result; what libraries print goes to standard error."""
    with contextlib.redirect_stdout(sys.stderr):
        tokens = vocabulary(folder, is_harmony=bool(harmony))
        refusal = "refused" * bool(words and engine_judge.refuses(words))
    sys.stdout.write(json.dumps(asdict(Result(tokens, refusal=refusal))) + "\n")
    sys.stdout.flush()
    os._exit(0)  # threads of the libraries have nothing left to do


if __name__ == "__main__":
    main(*sys.argv[1:])
